//! What is refused, who may ask, and what describes the models.

use super::{server, server_with};
use crate::limits::Limits;
use crate::state::StateKey;
use axum::body::Body;
use axum::http::Request;
use serde_json::json;

#[test]
fn what_is_wrong_is_refused_by_name() {
    let server = server();
    for (body, word) in [
        (json!({"model": "none"}), "none"),
        (json!({"prompt": [[0, 99]]}), "99"),
        (json!({"prompt": {}}), "`prompt`"),
        (json!({"max_tokens": -1}), "max_tokens"),
        (json!({"max_tokens": 5000}), "max_tokens"),
        (json!({"n": 0}), "`n`"),
        (json!({"n": 3, "best_of": 2}), "best_of"),
        (json!({"best_of": 2, "stream": true}), "best_of"),
        (json!({"prompt": ["a", "b"], "n": 100}), "texts"),
        (json!({"temperature": -0.1}), "temperature"),
        (json!({"top_p": 0}), "top-p"),
        (json!({"logprobs": 101}), "logprobs"),
        (json!({"logit_bias": {"99": 1}}), "logit_bias"),
        (json!({"presence_penalty": 3}), "presence_penalty"),
        (json!({"suffix": "x"}), "suffix"),
        (json!({"stop": ""}), "stop"),
    ] {
        let (_, message) = server.refused("/v1/completions", body.clone());
        assert!(message.contains(word), "{body}: {message}");
    }
    let plain = Request::post("/v1/completions")
        .header("content-type", "text/plain")
        .body(Body::from("{}"));
    assert_eq!(server.send(plain.unwrap()).0, 415);
    let long = Request::post("/v1/completions")
        .header("content-type", "application/json")
        .body(Body::from(vec![b' '; 70_000]));
    assert_eq!(server.send(long.unwrap()).0, 413);
    assert_eq!(
        server
            .send(Request::get("/v1/none").body(Body::empty()).unwrap())
            .0,
        404
    );
    assert_eq!(
        server
            .send(Request::get("/v1/next").body(Body::empty()).unwrap())
            .0,
        405
    );
}

#[test]
fn a_full_server_refuses_and_loses_nothing() {
    let limits = Limits {
        requests: 2,
        ..Limits::default()
    };
    let server = server_with(limits, "", None, StateKey::draw().unwrap());
    let (status, message) = server.refused(
        "/v1/completions",
        json!({"prompt": ["a", "b", "c"], "max_tokens": 1}),
    );
    assert!(status == 429 && message.contains("later"), "{message}");
    // The places that were taken before the refusal are free again.
    for _ in 0..20 {
        server.complete(json!({"prompt": ["a", "b"], "max_tokens": 2}));
    }
}

#[test]
fn keys_are_needed_for_the_api_and_not_for_the_page() {
    let server = server_with(
        Limits::default(),
        "secret\n",
        None,
        StateKey::draw().unwrap(),
    );
    let get = |path: &str, key: Option<&str>| {
        let mut request = Request::get(path);
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        server.send(request.body(Body::empty()).unwrap()).0
    };
    assert_eq!(
        (
            get("/v1/models", None),
            get("/v1/models", Some("wrong")),
            get("/v1/models", Some("secret"))
        ),
        (401, 401, 200)
    );
    assert_eq!(
        (
            get("/", None),
            get("/column.js", None),
            get("/health", None),
            get("/metrics", None)
        ),
        (200, 200, 200, 401)
    );
}

#[test]
fn tokens_go_to_ids_and_back() {
    let server = server();
    let ids = server.post(
        "/tokenize",
        json!({"prompt": "abc", "add_special_tokens": false}),
    )["tokens"]
        .clone();
    assert_eq!(
        server.post("/detokenize", json!({"tokens": ids}))["prompt"],
        "abc"
    );
    let info = server.get("/tokenizer_info");
    let eos = server.post("/tokenize", json!({"prompt": info["eos_token"]}))["tokens"].clone();
    assert_eq!(eos, json!([server.lstm.vocab().eos()]));
    assert_eq!(server.get("/health")["status"], "ok");
    let models = server.get("/v1/models");
    assert_eq!(
        (&models["data"][0]["id"], &models["data"][1]["id"]),
        (&json!("lstm"), &json!("words"))
    );
    assert_eq!(server.get("/v1/models/words"), models["data"][1]);
    let none = Request::get("/v1/models/none").body(Body::empty());
    assert_eq!(server.send(none.unwrap()).0, 404);
    server.refused("/detokenize", json!({"tokens": [99]}));
}

#[test]
fn a_page_of_another_site_cannot_ask_under_its_own_name() {
    let server = server();
    let ask = |host: &str| {
        let request = Request::get("/v1/models").header("host", host);
        server.send(request.body(Body::empty()).unwrap()).0
    };
    assert_eq!(
        (ask("127.0.0.1:8080"), ask("localhost"), ask("evil.example")),
        (200, 200, 421)
    );
}

#[test]
fn figures_for_prometheus_count_what_was_done() {
    let server = server();
    server.complete(json!({"prompt": "abc", "n": 2, "max_tokens": 5, "ignore_eos": true}));
    server.refused("/v1/completions", json!({"n": 0}));
    let (status, text) = server.send(Request::get("/metrics").body(Body::empty()).unwrap());
    assert_eq!(status, 200);
    for line in [
        "elman_answers_total{status=\"2xx\"} 1",
        "elman_answers_total{status=\"4xx\"} 1",
        "elman_texts_open{model=\"lstm\"} 0",
        // Once for both texts.
        "elman_prompt_tokens_total{model=\"lstm\"} 3",
        "elman_written_tokens_total{model=\"lstm\"} 10",
        "elman_written_tokens_total{model=\"words\"} 0",
        "elman_refused_total{model=\"lstm\"} 0",
        "elman_engine_up{model=\"bytes\"} 1",
        "elman_sessions 0",
        "# TYPE elman_turn_seconds_total counter",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
}

#[test]
fn answers_that_would_fill_the_memory_are_refused() {
    let server = server();
    let (status, message) = server.refused(
        "/v1/completions",
        json!({"prompt": "a", "n": 128, "max_tokens": 4096, "logprobs": 100}),
    );
    assert!(status == 400 && message.contains("fewer"), "{message}");
}
