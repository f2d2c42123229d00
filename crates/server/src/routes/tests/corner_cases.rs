//! Corner cases that broke other servers, each with a test.

use super::{Server, numbers, server, server_with, text};
use crate::limits::Limits;
use crate::state::StateKey;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

fn ids(server: &Server, text: &str) -> Vec<u32> {
    server.lstm.vocab().tokenize(text.as_bytes()).unwrap().ids
}

#[test]
fn no_tokens_with_echo_score_texts_and_lists_of_ids() {
    let server = server();
    let exact = server
        .lstm
        .session()
        .score_tokens(&ids(&server, "abcab"))
        .unwrap();
    for prompt in [
        json!("abcab"),
        json!(["abcab"]),
        json!(ids(&server, "abcab")),
        json!([ids(&server, "abcab")]),
    ] {
        let answer = server
            .complete(json!({"prompt": prompt, "max_tokens": 0, "echo": true, "logprobs": 1}));
        let choice = &answer["choices"][0];
        let logprobs = &choice["logprobs"];
        assert_eq!(
            (text(&answer), &choice["finish_reason"]),
            ("abcab", &json!("length"))
        );
        assert!(logprobs["token_logprobs"][0].is_null() && logprobs["top_logprobs"][0].is_null());
        let rest = json!(list(&logprobs["token_logprobs"])[1..]);
        assert_eq!(numbers(&rest), exact[1..]);
        for field in ["tokens", "token_logprobs", "top_logprobs", "text_offset"] {
            assert_eq!(list(&logprobs[field]).len(), 5, "{field}");
        }
        assert_eq!(
            answer["usage"],
            json!({"prompt_tokens": 5, "completion_tokens": 0, "total_tokens": 5})
        );
    }
}

#[test]
fn prompts_of_different_lengths_have_log_probabilities_of_their_own() {
    let server = server();
    let prompts = ["a", "abcdefgh", "bc", "abc abc abc abc"];
    let lists: Vec<Vec<u32>> = prompts.iter().map(|prompt| ids(&server, prompt)).collect();
    let body = json!({"prompt": lists, "max_tokens": 1, "echo": true, "logprobs": 1, "temperature": 0, "ignore_eos": true});
    let answer = server.complete(body);
    for (choice, ids) in list(&answer["choices"]).iter().zip(&lists) {
        let found = list(&choice["logprobs"]["token_logprobs"]);
        assert_eq!(found.len(), ids.len() + 1);
        let exact = server.lstm.session().score_tokens(ids).unwrap();
        assert_eq!(numbers(&json!(found[1..ids.len()])), exact[1..]);
    }
    let tokens: usize = lists.iter().map(Vec::len).sum();
    assert_eq!(answer["usage"]["prompt_tokens"], tokens);
    assert_eq!(answer["usage"]["completion_tokens"], 4);
}

#[test]
fn several_texts_with_echo_have_the_same_prompt_and_their_own_ends() {
    let server = server();
    let body = json!({"prompt": "ab", "n": 3, "echo": true, "logprobs": 0, "max_tokens": 5, "seed": 1, "ignore_eos": true});
    let answer = server.complete(body.clone());
    let choices = list(&answer["choices"]);
    assert_eq!(choices.len(), 3);
    let of = |choice: &Value| list(&choice["logprobs"]["token_logprobs"]).clone();
    for choice in choices {
        assert!(choice["text"].as_str().unwrap().starts_with("ab"));
        assert_eq!((of(choice).len(), &of(choice)[1]), (7, &of(&choices[0])[1]));
    }
    assert_ne!(choices[0]["text"], choices[1]["text"]);
    // Several texts of a prompt, without a token: no error, and no endless text.
    let none = server.complete(
        json!({"prompt": "ab", "n": 2, "best_of": 3, "max_tokens": 0, "echo": true, "logprobs": 0}),
    );
    assert_eq!(list(&none["choices"]).len(), 2);
    assert_eq!(
        none["choices"][0]["logprobs"],
        none["choices"][1]["logprobs"]
    );
    // The same in a stream, where the choices come in any order.
    let mut texts = vec![String::new(); 3];
    for event in server.stream(body) {
        let index = event["choices"][0]["index"].as_u64().unwrap() as usize;
        texts[index].push_str(text(&event));
    }
    assert!(
        choices
            .iter()
            .zip(&texts)
            .all(|(choice, text)| choice["text"] == json!(text))
    );
}

/// `logprobs` 0 is not the absence of `logprobs`.
#[test]
fn no_alternatives_still_have_the_tokens_log_probabilities() {
    let server = server();
    let with = |body: Value| server.complete(body)["choices"][0]["logprobs"].clone();
    let zero = with(json!({"prompt": "ab", "max_tokens": 3, "logprobs": 0, "ignore_eos": true}));
    assert_eq!(
        (
            list(&zero["tokens"]).len(),
            numbers(&zero["token_logprobs"]).len()
        ),
        (3, 3)
    );
    assert!(zero["top_logprobs"].is_null());
    assert!(with(json!({"prompt": "ab", "max_tokens": 3})).is_null());
    assert!(with(json!({"prompt": "ab", "max_tokens": 3, "logprobs": null})).is_null());
}

#[test]
fn tokens_that_hold_line_ends_or_half_a_character_have_names() {
    let server = server();
    let echo = |model: &str, prompt: &str| {
        server.complete(
            json!({"model": model, "prompt": prompt, "max_tokens": 0, "echo": true, "logprobs": 0}),
        )
    };
    let lines = echo("lstm", "a\nb");
    assert_eq!(text(&lines), "a\nb");
    let logprobs = &lines["choices"][0]["logprobs"];
    assert_eq!(logprobs["tokens"][0], "a");
    assert_eq!(logprobs["text_offset"], json!([0, 1, 2]));
    assert_eq!(list(&logprobs["token_logprobs"]).len(), 3);
    // é is two bytes, ∞ three: only the last of each makes the text longer.
    let halves = echo("bytes", "é∞a");
    assert_eq!(text(&halves), "é∞a");
    let logprobs = &halves["choices"][0]["logprobs"];
    let tokens: Vec<&str> = list(&logprobs["tokens"])
        .iter()
        .map(|token| token.as_str().unwrap())
        .collect();
    assert_eq!(tokens.len(), 6);
    assert_eq!((tokens[0], tokens[2]), ("bytes:\\xc3", "bytes:\\xe2"));
    assert_eq!(tokens[5], "a");
    assert_eq!(logprobs["text_offset"], json!([0, 0, 1, 1, 1, 2]));
    // A stream never holds a part of a character: what it holds is the whole text.
    let body =
        json!({"model": "bytes", "prompt": "a", "max_tokens": 80, "seed": 3, "ignore_eos": true});
    let whole = server.complete(body.clone());
    let streamed: String = server.stream(body).iter().map(text).collect();
    assert_eq!(streamed, text(&whole));
}

#[test]
fn the_answer_to_what_lm_eval_sends_has_an_entry_more_than_the_prompt() {
    let server = server();
    let prompt = ids(&server, "abcdef");
    let body = json!({"model": "lstm", "prompt": [prompt], "max_tokens": 1, "logprobs": 1, "temperature": 0, "seed": 1234, "echo": true});
    // It sends an empty key if there is none.
    let request = Request::post("/v1/completions")
        .header("content-type", "application/json")
        .header("authorization", "Bearer ");
    let (status, answer) = server.send(request.body(Body::from(body.to_string())).unwrap());
    assert_eq!(status, 200, "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let logprobs = &answer["choices"][0]["logprobs"];
    let (all, tops) = (
        list(&logprobs["token_logprobs"]),
        list(&logprobs["top_logprobs"]),
    );
    assert_eq!((all.len(), tops.len()), (7, 7));
    // Its test for greediness: the token's number is the largest one, exactly, or another one is.
    for (p, top) in all[1..].iter().zip(&tops[1..]) {
        let largest = numbers(&json!(
            top.as_object().unwrap().values().collect::<Vec<_>>()
        ))
        .into_iter()
        .fold(f64::NEG_INFINITY, f64::max);
        assert!(p.as_f64().unwrap() <= largest);
    }
    let next = server.post("/v1/next", json!({"prompt": "abcdef", "top": 1}));
    assert_eq!(all[6], next["next"][0]["logprob"]);
}

#[test]
fn a_stream_with_echo_ends_once_and_counts_the_prompt() {
    let server = server();
    let body = json!({"prompt": "abc", "max_tokens": 4, "echo": true, "logprobs": 1, "seed": 2, "ignore_eos": true, "stream_options": {"include_usage": true}});
    let events = server.stream(body.clone());
    let whole = server.complete(body);
    let (usage, parts) = events.split_last().unwrap();
    assert_eq!(usage["usage"], whole["usage"]);
    assert_eq!(usage["usage"]["total_tokens"], 7);
    assert_eq!(parts.iter().map(text).collect::<String>(), text(&whole));
    let of_parts = |field: &str| {
        let each = parts
            .iter()
            .flat_map(|part| list(&part["choices"][0]["logprobs"][field]).clone());
        json!(each.collect::<Vec<_>>())
    };
    for field in ["tokens", "token_logprobs", "top_logprobs", "text_offset"] {
        assert_eq!(of_parts(field), whole["choices"][0]["logprobs"][field]);
    }
    let plain = server.stream(json!({"prompt": "abc", "max_tokens": 4}));
    assert!(plain.iter().all(|part| part.get("usage").is_none()));
}

#[test]
fn an_empty_prompt_is_the_beginning_of_a_text() {
    let server = server();
    let expected = server.complete(json!({"prompt": "", "max_tokens": 9, "seed": 3}));
    for prompt in [
        json!([]),
        json!([""]),
        json!([[]]),
        json!([server.lstm.vocab().eos()]),
        json!(null),
    ] {
        let answer = server.complete(json!({"prompt": prompt, "max_tokens": 9, "seed": 3}));
        assert_eq!(text(&answer), text(&expected), "{prompt}");
    }
    let echoed =
        server.complete(json!({"prompt": "", "max_tokens": 0, "echo": true, "logprobs": 1}));
    assert_eq!(text(&echoed), "");
    assert_eq!(echoed["choices"][0]["logprobs"]["tokens"], json!([]));
    assert_eq!(echoed["usage"]["total_tokens"], 0);
    let scored = server.post("/v1/score", json!({"texts": [""]}));
    assert_eq!(scored["data"][0]["count"], 0);
    assert_eq!(scored["data"][0]["logprob"], 0.0);
}

#[test]
fn a_prompt_of_unknown_words_alone_is_answered() {
    let server = server();
    let body = json!({"model": "words", "prompt": "dogs bark", "max_tokens": 2, "echo": true, "logprobs": 1, "ignore_eos": true});
    let (status, answer) = server.try_post("/v1/completions", &body);
    assert_eq!(status, 200, "{answer}");
    let logprobs = &answer["choices"][0]["logprobs"];
    assert_eq!(list(&logprobs["tokens"]).len(), 4);
    assert!(logprobs["token_logprobs"][1].is_number());
    assert!(text(&answer).starts_with("dogs bark"));
    let next = server.post(
        "/v1/next",
        json!({"model": "words", "prompt": "dogs", "tokens": true}),
    );
    assert_eq!(next["tokens"][0]["unknown"], true);
}

#[test]
fn states_do_not_leak_between_requests() {
    let server = server();
    let alone = server.complete(json!({"prompt": "abc", "max_tokens": 12, "seed": 9}));
    let next = server.post("/v1/next", json!({"prompt": "", "top": 5}));
    for prompt in ["hijk", "", "mnop mnop"] {
        server.complete(json!({"prompt": prompt, "max_tokens": 12, "n": 4}));
        server.post("/v1/score", json!({"texts": [prompt, prompt]}));
    }
    let again = server.complete(json!({"prompt": "abc", "max_tokens": 12, "seed": 9}));
    assert_eq!(text(&again), text(&alone));
    assert_eq!(
        server.post("/v1/next", json!({"prompt": "", "top": 5}))["next"],
        next["next"]
    );
}

#[test]
fn the_best_of_several_is_not_streamed() {
    let server = server();
    let (status, message) = server.refused(
        "/v1/completions",
        json!({"prompt": "a", "n": 2, "best_of": 3, "stream": true}),
    );
    assert!(status == 400 && message.contains("best_of"), "{message}");
}

/// A stop string ends a text wherever the borders of its tokens are, and nothing of it is streamed.
#[test]
fn stop_strings_across_token_borders() {
    let server = server();
    let body = json!({"prompt": "a", "max_tokens": 60, "seed": 4, "ignore_eos": true});
    let whole = server.complete(body.clone());
    let whole = text(&whole).to_owned();
    for (from, length) in [(0, 1), (3, 2), (7, 3), (11, 5)] {
        let stop: String = whole.chars().skip(from).take(length).collect();
        let mut body = body.clone();
        body["stop"] = json!([stop, "no such text"]);
        let answer = server.complete(body.clone());
        let expected = whole.split(&stop).next().unwrap();
        assert_eq!(text(&answer), expected, "{stop:?}");
        assert_eq!(answer["choices"][0]["finish_reason"], "stop");
        let streamed: String = server.stream(body).iter().map(text).collect();
        assert_eq!(streamed, expected, "{stop:?}");
    }
}

#[test]
fn a_seed_gives_the_same_text_in_company() {
    let server = server();
    let body = json!({"prompt": "abc", "max_tokens": 40, "seed": 6, "ignore_eos": true});
    let alone = text(&server.complete(body.clone())).to_owned();
    std::thread::scope(|scope| {
        for seed in 0..6 {
            let server = &server;
            scope.spawn(move || {
                let prompt = "hij ".repeat(seed + 1);
                server.complete(json!({"prompt": prompt, "max_tokens": 50, "seed": seed, "n": 3, "ignore_eos": true}));
            });
        }
        for _ in 0..5 {
            assert_eq!(text(&server.complete(body.clone())), alone);
        }
    });
}

/// A restored session holds what was saved, and not the beginning of a text.
#[test]
fn restore_brings_back_what_was_saved() {
    let room = tempfile::tempdir().unwrap();
    let directory = Some(room.path().join("kept"));
    let server = server_with(Limits::default(), "", directory, StateKey::draw().unwrap());
    server.post("/v1/sessions", json!({"name": "a"}));
    server.post("/v1/sessions/a/feed", json!({"prompt": "abcdef"}));
    server.post("/v1/sessions/a/save", json!({}));
    let next = server.post("/v1/sessions/a/next", json!({}));
    server.post("/v1/sessions/a/feed", json!({"prompt": "mnop"}));
    assert_ne!(
        server.post("/v1/sessions/a/next", json!({}))["next"],
        next["next"]
    );
    let restored = server.post("/v1/sessions/a/restore", json!({}));
    assert_eq!(restored["position"], 6);
    assert_eq!(
        server.post("/v1/sessions/a/next", json!({}))["next"],
        next["next"]
    );
    let (status, message) = server.refused("/v1/sessions/b/restore", json!({}));
    assert!(status == 404 && message.contains("not saved"), "{message}");
}
