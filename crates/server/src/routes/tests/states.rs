//! States as values, what may come next, hidden states.

use super::{server, text};
use serde_json::{Value, json};

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
    let other = super::server();
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
