//! Named sessions.

use super::{server, server_with};
use crate::limits::Limits;
use crate::state::StateKey;
use serde_json::{Value, json};
use std::path::Path;

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
