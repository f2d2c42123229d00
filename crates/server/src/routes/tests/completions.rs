//! `/v1/completions`: texts, streams, log-probabilities, options.

use super::{numbers, server, text};
use elman_infer::Sampling;
use serde_json::{Value, json};

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
