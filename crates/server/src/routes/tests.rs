//! The routes as clients see them: requests go through the router, not through a connection.

use super::routes;
use crate::app::{App, Served};
use crate::keys::ApiKeys;
use crate::limits::Limits;
use crate::sessions::{SessionOptions, Sessions};
use crate::state::StateKey;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use elman_infer::testing::{bigrams, model, vocab};
use elman_infer::{Model, Sampling};
use elman_net::dims::Cell;
use elman_text::Kind;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tower::ServiceExt;

/// A server without connections: an LSTM over letters, and bigrams of words.
struct Server {
    routes: Router,
    lstm: Model,
}

fn server_with(limits: Limits, keys: &str, directory: Option<PathBuf>, key: StateKey) -> Server {
    let lstm = Model::from(model(Cell::LSTM, false)).with_threads(1);
    let words = Model::from(bigrams(vocab(Kind::Fields, "the cat sat <eos>")));
    let served = [("lstm", &lstm), ("words", &words)]
        .map(|(name, model)| Served::start(name.into(), model.clone(), &limits).unwrap());
    let options = SessionOptions { most: 4, directory };
    let sessions = Sessions::new(options, key.clone()).unwrap();
    let app = App::new(
        served.into(),
        key,
        sessions,
        limits,
        ApiKeys::from_lines(keys),
    );
    Server {
        routes: routes(app),
        lstm,
    }
}

fn server() -> Server {
    server_with(Limits::default(), "", None, StateKey::draw().unwrap())
}

impl Server {
    fn send(&self, request: Request<Body>) -> (u16, String) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let answer = self.routes.clone().oneshot(request).await.unwrap();
            let status = answer.status().as_u16();
            let body = axum::body::to_bytes(answer.into_body(), 1 << 24)
                .await
                .unwrap();
            (status, String::from_utf8(body.to_vec()).unwrap())
        })
    }

    fn try_post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = Request::post(path).header("content-type", "application/json");
        let (status, text) = self.send(request.body(Body::from(body.to_string())).unwrap());
        (status, serde_json::from_str(&text).unwrap())
    }

    fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.try_post(path, &body);
        assert_eq!(status, 200, "{path} {body}: {answer}");
        answer
    }

    fn get(&self, path: &str) -> Value {
        let (status, text) = self.send(Request::get(path).body(Body::empty()).unwrap());
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    fn refused(&self, path: &str, body: Value) -> (u16, String) {
        let (status, answer) = self.try_post(path, &body);
        assert!(
            (400..500).contains(&status),
            "{path} {body}: {status} {answer}"
        );
        let message = answer["error"]["message"].as_str().unwrap().to_owned();
        (status, message)
    }

    fn complete(&self, body: Value) -> Value {
        self.post("/v1/completions", body)
    }

    /// The events of a stream; the last one is `[DONE]`.
    fn stream(&self, mut body: Value) -> Vec<Value> {
        body["stream"] = json!(true);
        let request = Request::post("/v1/completions").header("content-type", "application/json");
        let (status, text) = self.send(request.body(Body::from(body.to_string())).unwrap());
        assert_eq!(status, 200, "{text}");
        let events: Vec<&str> = text
            .split("\n\n")
            .filter(|event| !event.is_empty())
            .collect();
        assert_eq!(
            events
                .iter()
                .filter(|event| **event == "data: [DONE]")
                .count(),
            1
        );
        let (last, events) = events.split_last().unwrap();
        assert_eq!(*last, "data: [DONE]");
        let parsed = events
            .iter()
            .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap());
        parsed.collect()
    }
}

fn text(answer: &Value) -> &str {
    answer["choices"][0]["text"].as_str().unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|number| number.as_f64().unwrap())
        .collect()
}

#[test]
fn texts_are_those_of_the_library() {
    let server = server();
    for (temperature, seed) in [(0.0, 1), (1.0, 7), (0.7, 8)] {
        let options = Sampling {
            temperature,
            seed,
            max_tokens: 30,
            ..Sampling::default()
        };
        let expected = server.lstm.generate("abc", &options).unwrap();
        let body =
            json!({"prompt": "abc", "temperature": temperature, "seed": seed, "max_tokens": 30});
        let whole = server.complete(body.clone());
        assert_eq!(text(&whole), expected);
        assert!(
            whole["usage"]["prompt_tokens"] == 3
                && whole["model"] == "lstm"
                && whole["object"] == "text_completion"
        );
        let parts = server.stream(body);
        let streamed: String = parts.iter().map(text).collect();
        assert_eq!(streamed, expected);
        let reasons: Vec<&Value> = parts
            .iter()
            .map(|part| &part["choices"][0]["finish_reason"])
            .filter(|reason| !reason.is_null())
            .collect();
        assert_eq!(reasons, [&whole["choices"][0]["finish_reason"]]);
    }
}

#[test]
fn prompts_are_answered_together_as_alone_and_whatever_they_are() {
    let server = server();
    let ids = |text: &str| server.post("/tokenize", json!({"prompt": text}))["tokens"].clone();
    let prompts = ["a", "bcdefgh", "", "ab ab ab ab ab"];
    let options = |prompt: Value| json!({"prompt": prompt, "max_tokens": 9, "seed": 3});
    let alone: Vec<String> = prompts
        .iter()
        .map(|prompt| text(&server.complete(options(json!(prompt)))).to_owned())
        .collect();
    let lists: Vec<Value> = prompts.iter().map(|prompt| ids(prompt)).collect();
    for together in [json!(prompts), json!(lists)] {
        let answer = server.complete(options(together));
        let choices = answer["choices"].as_array().unwrap();
        let texts: Vec<&str> = choices
            .iter()
            .map(|choice| choice["text"].as_str().unwrap())
            .collect();
        assert_eq!(texts, alone);
        assert!(
            choices
                .iter()
                .enumerate()
                .all(|(i, choice)| choice["index"] == i)
        );
    }
    assert_eq!(text(&server.complete(options(lists[1].clone()))), alone[1]);
}

#[test]
fn echoed_prompts_have_the_log_probabilities_of_scoring() {
    let server = server();
    let ids = server.lstm.vocab().tokenize(b"abcab").unwrap().ids;
    let exact = server.lstm.session().score_tokens(&ids).unwrap();
    for prompt in [json!("abcab"), json!([ids])] {
        for logprobs in [0, 1, 3] {
            let body =
                json!({"prompt": prompt, "max_tokens": 0, "echo": true, "logprobs": logprobs});
            let answer = server.complete(body);
            assert_eq!(text(&answer), "abcab");
            let found = &answer["choices"][0]["logprobs"];
            assert!(found["token_logprobs"][0].is_null());
            let rest: Vec<f64> = (1..5)
                .map(|i| found["token_logprobs"][i].as_f64().unwrap())
                .collect();
            assert_eq!(rest, exact[1..5]);
            assert_eq!(found["text_offset"], json!([0, 1, 2, 3, 4]));
            match logprobs {
                0 => assert!(found["top_logprobs"].is_null()),
                most => {
                    let top = found["top_logprobs"][2].as_object().unwrap();
                    assert!(top.len() >= most && top.len() <= most + 1);
                    let largest = top
                        .values()
                        .map(|p| p.as_f64().unwrap())
                        .fold(f64::NEG_INFINITY, f64::max);
                    assert!(
                        largest >= rest[1] && top[found["tokens"][2].as_str().unwrap()] == rest[1]
                    );
                }
            }
        }
    }
    // What lm_eval sends: one token more, and `<eos>` in front.
    let eos = server.lstm.vocab().eos();
    let with_eos: Vec<u32> = [eos].into_iter().chain(ids.clone()).collect();
    let answer = server.complete(json!({"prompt": [with_eos, ids], "max_tokens": 1, "echo": true, "logprobs": 1, "temperature": 0, "seed": 1234}));
    let found = |choice: usize| {
        answer["choices"][choice]["logprobs"]["token_logprobs"]
            .as_array()
            .unwrap()
            .clone()
    };
    assert_eq!(
        (found(0).len(), found(1).len()),
        (ids.len() + 2, ids.len() + 1)
    );
    assert!(found(0)[0].is_null());
    assert_eq!(numbers(&json!(found(0)[1..=ids.len()])), exact);
    assert_eq!(numbers(&json!(found(1)[1..ids.len()])), exact[1..]);
}

#[test]
fn several_texts_the_best_and_the_end() {
    let server = server();
    let answer = server
        .complete(json!({"prompt": ["a", "b"], "n": 3, "max_tokens": 6, "seed": 2, "echo": true}));
    let choices = answer["choices"].as_array().unwrap();
    assert_eq!(choices.len(), 6);
    assert!(
        choices[..3]
            .iter()
            .all(|choice| choice["text"].as_str().unwrap().starts_with('a'))
    );
    assert!(
        choices[3..]
            .iter()
            .all(|choice| choice["text"].as_str().unwrap().starts_with('b'))
    );
    let one = server.complete(json!({"prompt": "a", "max_tokens": 6, "seed": 2, "echo": true}));
    assert_eq!(one["choices"][0]["text"], choices[0]["text"]);
    let best = server
        .complete(json!({"prompt": "a", "best_of": 5, "max_tokens": 6, "seed": 2, "logprobs": 0}));
    let all =
        server.complete(json!({"prompt": "a", "n": 5, "max_tokens": 6, "seed": 2, "logprobs": 0}));
    let mean = |choice: &Value| {
        let numbers = numbers(&choice["logprobs"]["token_logprobs"]);
        numbers.iter().sum::<f64>() / numbers.len() as f64
    };
    let most = all["choices"]
        .as_array()
        .unwrap()
        .iter()
        .map(mean)
        .fold(f64::NEG_INFINITY, f64::max);
    assert_eq!(mean(&best["choices"][0]), most);
    assert_eq!(best["choices"].as_array().unwrap().len(), 1);
    // A stop string ends the text and is not part of it, nor is anything of it streamed.
    let whole = server.complete(json!({"prompt": "a", "max_tokens": 30, "temperature": 0}));
    let stop: String = text(&whole).chars().skip(4).take(2).collect();
    let body = json!({"prompt": "a", "max_tokens": 30, "temperature": 0, "stop": stop});
    let stopped = server.complete(body.clone());
    assert!(!text(&stopped).contains(&stop) && text(&whole).starts_with(text(&stopped)));
    assert_eq!(stopped["choices"][0]["finish_reason"], "stop");
    assert_eq!(
        server.stream(body).iter().map(text).collect::<String>(),
        text(&stopped)
    );
}

#[test]
fn streams_have_usage_and_several_choices() {
    let server = server();
    let body = json!({"prompt": "ab", "n": 2, "max_tokens": 5, "ignore_eos": true, "stream_options": {"include_usage": true}});
    let events = server.stream(body);
    let (usage, parts) = events.split_last().unwrap();
    assert_eq!(
        usage["usage"],
        json!({"prompt_tokens": 2, "completion_tokens": 10, "total_tokens": 12})
    );
    assert_eq!(usage["choices"], json!([]));
    assert!(
        parts
            .iter()
            .all(|part| part["usage"].is_null() && part.get("usage").is_some())
    );
    assert!((0..2).all(|index| {
        parts
            .iter()
            .any(|part| part["choices"][0]["index"] == index)
    }));
    let echoed =
        server.stream(json!({"prompt": "ab", "max_tokens": 3, "echo": true, "logprobs": 1}));
    assert_eq!(text(&echoed[0]), "ab");
    let nothing = server.stream(json!({"prompt": "ab", "max_tokens": 0, "echo": true}));
    assert_eq!(nothing.iter().map(text).collect::<String>(), "ab");
}

#[test]
fn biases_and_penalties_change_what_is_written() {
    let server = server();
    let greedy = |more: Value| {
        let mut body = json!({"prompt": "a", "max_tokens": 20, "temperature": 0, "logprobs": 0, "ignore_eos": true});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        server.complete(body)["choices"][0]["logprobs"]["tokens"].clone()
    };
    let plain = greedy(json!({}));
    let first = plain[0].as_str().unwrap();
    let id = server.post("/tokenize", json!({"prompt": first}))["tokens"][0].clone();
    let without = greedy(json!({"logit_bias": {id.to_string(): -100}}));
    assert!(
        without
            .as_array()
            .unwrap()
            .iter()
            .all(|token| token != first)
    );
    let only = greedy(json!({"logit_bias": {id.to_string(): 100}}));
    assert!(only.as_array().unwrap().iter().all(|token| token == first));
    assert_ne!(
        greedy(json!({"frequency_penalty": 2, "presence_penalty": 2})),
        plain
    );
}

#[test]
fn a_state_is_the_text_before_it() {
    let server = server();
    let no_end = json!({server.lstm.vocab().eos().to_string(): -100});
    let whole = server
        .complete(json!({"prompt": "abcdef", "max_tokens": 8, "seed": 5, "logit_bias": no_end}));
    let state =
        server.post("/v1/next", json!({"prompt": "abc", "return_state": true}))["state"].clone();
    let rest = server.complete(
        json!({"prompt": "def", "state": state, "max_tokens": 8, "seed": 5, "logit_bias": no_end, "return_state": true}),
    );
    assert_eq!(text(&rest), text(&whole));
    // The state that comes back stands for all that was written.
    let end = &rest["choices"][0]["state"];
    let next = server.post("/v1/next", json!({"state": end}));
    let again = server.post(
        "/v1/next",
        json!({"prompt": format!("abcdef{}", text(&whole))}),
    );
    assert_eq!(next["next"], again["next"]);
    assert_eq!(next["position"], 14);
    let scored = server.post(
        "/v1/score",
        json!({"texts": ["def"], "state": state, "tokens": true}),
    );
    let one = server.post("/v1/score", json!({"texts": ["abcdef"], "tokens": true}));
    let losses = |answer: &Value| {
        answer["data"][0]["tokens"]
            .as_array()
            .unwrap()
            .iter()
            .map(|token| token["logprob"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(losses(&scored), losses(&one)[3..]);
    // Even the first token after a state has a log-probability.
    let echoed = server.complete(
        json!({"prompt": "def", "state": state, "max_tokens": 0, "echo": true, "logprobs": 0}),
    );
    assert_eq!(
        echoed["choices"][0]["logprobs"]["token_logprobs"][0],
        losses(&one)[3]
    );
}

#[test]
fn states_of_others_are_refused_with_reasons() {
    let server = server();
    let state =
        server.post("/v1/next", json!({"prompt": "abc", "return_state": true}))["state"].clone();
    let good = state.as_str().unwrap();
    let other = super::tests::server();
    let strange =
        other.post("/v1/next", json!({"prompt": "abc", "return_state": true}))["state"].clone();
    let mut changed = good.to_owned();
    changed.replace_range(60..61, if &good[60..61] == "A" { "B" } else { "A" });
    let cases = [
        (json!({"state": state, "model": "words"}), "another model"),
        (json!({"state": strange}), "another key"),
        (json!({"state": changed}), "was changed"),
        (json!({"state": "AAAA"}), "no state"),
        (json!({"state": good[..40]}), "no state"),
    ];
    for (body, reason) in cases {
        for path in ["/v1/next", "/v1/completions"] {
            let (status, message) = server.refused(path, body.clone());
            assert!(
                status == 400 && message.contains(reason),
                "{path}: {message}"
            );
        }
    }
}

#[test]
fn next_tokens_places_and_hidden_states() {
    let server = server();
    let answer = server.post("/v1/next", json!({"prompt": "ab\nc", "tokens": true, "top": 22, "hidden": {"layer": 1, "part": "c", "last": 2}}));
    let exact = server
        .lstm
        .session()
        .score_tokens(&server.lstm.vocab().tokenize(b"ab\nc").unwrap().ids)
        .unwrap();
    let tokens = answer["tokens"].as_array().unwrap();
    let logprobs: Vec<f64> = tokens
        .iter()
        .map(|token| token["logprob"].as_f64().unwrap())
        .collect();
    assert_eq!(logprobs, exact);
    let places: Vec<(u64, u64)> = tokens
        .iter()
        .map(|token| {
            (
                token["start"].as_u64().unwrap(),
                token["end"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(places, [(0, 1), (1, 2), (2, 3), (3, 4)]);
    let sum: f64 = answer["next"]
        .as_array()
        .unwrap()
        .iter()
        .map(|token| token["prob"].as_f64().unwrap())
        .sum();
    assert!((sum - 1.0).abs() < 1e-6);
    let values = answer["hidden"]["values"].as_array().unwrap();
    assert_eq!((values.len(), values[0].as_array().unwrap().len()), (2, 21));
    let words = server.post(
        "/v1/next",
        json!({"model": "words", "prompt": "the cat", "hidden": {}}),
    );
    assert!(words.get("hidden").is_none() && words.get("state").is_none());
    let (_, message) = server.refused("/v1/next", json!({"hidden": {"layer": 2}}));
    assert!(message.contains("layers 0 to 1"), "{message}");
    let hidden = server.stream(
        json!({"prompt": "a", "max_tokens": 3, "ignore_eos": true, "hidden": {"layer": 0}}),
    );
    assert!(hidden[..3].iter().all(|part| {
        part["choices"][0]["hidden"]["values"][0]
            .as_array()
            .unwrap()
            .len()
            == 21
    }));
}

#[test]
fn sessions_are_fed_forked_rewound_and_written_on() {
    let server = server();
    let at = |session: &str, action: &str, body: Value| {
        server.post(&format!("/v1/sessions/{session}/{action}"), body)
    };
    server.post("/v1/sessions", json!({"name": "a"}));
    let fed = at("a", "feed", json!({"prompt": "abc", "tokens": true}));
    let exact = server.lstm.score("abc").unwrap();
    assert_eq!(
        fed["tokens"][2]["logprob"].as_f64().unwrap(),
        exact.tokens[2].log_prob
    );
    let next = |prompt: &str| server.post("/v1/next", json!({"prompt": prompt}))["next"].clone();
    assert_eq!(at("a", "next", json!({}))["next"], next("abc"));
    assert_eq!(at("a", "mark", json!({}))["marks"], json!([3]));
    let written = at("a", "generate", json!({"max_tokens": 8, "seed": 5}));
    let expected = server.complete(json!({"prompt": "abc", "max_tokens": 8, "seed": 5}));
    assert_eq!(written["text"], expected["choices"][0]["text"]);
    let position = written["session"]["position"].as_u64().unwrap();
    assert_eq!(
        position,
        3 + written["tokens"].as_array().unwrap().len() as u64
    );
    assert_eq!(at("a", "fork", json!({"name": "b"}))["position"], position);
    assert_eq!(at("a", "rewind", json!({"to": 2}))["position"], 2);
    assert_eq!(at("a", "next", json!({}))["next"], next("ab"));
    assert_eq!(at("b", "rewind", json!({"to": 3}))["marks"], json!([3]));
    assert_eq!(
        at("b", "generate", json!({"max_tokens": 8, "seed": 5}))["text"],
        written["text"]
    );
    let state = server.get("/v1/sessions/a/state")["state"].clone();
    assert_eq!(
        server.post("/v1/next", json!({"state": state}))["next"],
        next("ab")
    );
    server.post("/v1/sessions", json!({"name": "c", "state": state}));
    assert_eq!(server.get("/v1/sessions/c")["position"], 2);
    let names: Vec<String> = server.get("/v1/sessions")["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["a", "b", "c"]);
    server.post("/v1/sessions", json!({"name": "d"}));
    for (path, body, status, reason) in [
        ("/v1/sessions", json!({"name": "e"}), 429, "as many as"),
        ("/v1/sessions", json!({"name": "a"}), 409, "already"),
        ("/v1/sessions", json!({"name": "../a"}), 400, "letters"),
        ("/v1/sessions/none/next", json!({}), 404, "no session"),
        ("/v1/sessions/a/rewind", json!({"to": 9}), 400, "2 tokens"),
        (
            "/v1/sessions/a/generate",
            json!({"max_tokens": 1025}),
            400,
            "1024",
        ),
        (
            "/v1/sessions/a/generate",
            json!({"temperature": -1}),
            400,
            "temperature",
        ),
        ("/v1/sessions/a/unmark", json!({"at": 1}), 400, "no mark"),
        ("/v1/sessions/a/save", json!({}), 400, "--session-dir"),
        ("/v1/sessions/..%2Fa/next", json!({}), 400, "letters"),
    ] {
        let (found, message) = server.refused(path, body);
        assert!(
            found == status && message.contains(reason),
            "{path}: {found} {message}"
        );
    }
}

/// Whoever has the directory and the key file continues where the other server was.
#[test]
fn saved_sessions_continue_in_another_server() {
    let room = tempfile::tempdir().unwrap();
    let start = |room: &Path| {
        let key = StateKey::in_file(&room.join("key")).unwrap();
        server_with(Limits::default(), "", Some(room.join("kept")), key)
    };
    let body = json!({"max_tokens": 20, "seed": 11});
    let first = start(room.path());
    first.post("/v1/sessions", json!({"name": "a"}));
    first.post("/v1/sessions/a/feed", json!({"prompt": "abcdefgh"}));
    assert_eq!(first.post("/v1/sessions/a/save", json!({}))["saved"], true);
    let expected = first.post("/v1/sessions/a/generate", body.clone())["text"].clone();
    let second = start(room.path());
    assert_eq!(
        second.get("/v1/sessions")["data"],
        json!([{"name": "a", "in_memory": false, "saved": true}])
    );
    assert_eq!(
        second.post("/v1/sessions/a/restore", json!({}))["position"],
        8
    );
    assert_eq!(
        second.post("/v1/sessions/a/generate", body)["text"],
        expected
    );
}

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
            get("/playground.js", None),
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
    server.refused("/detokenize", json!({"tokens": [99]}));
}
