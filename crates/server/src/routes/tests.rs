//! The routes as clients see them: requests go through the router, not through a connection.

mod completions;
mod corner_cases;
mod refusals;
mod sessions;
mod states;

use super::routes;
use crate::app::{App, Served};
use crate::hosts::Hosts;
use crate::keys::ApiKeys;
use crate::limits::Limits;
use crate::sessions::{SessionOptions, Sessions};
use crate::state::StateKey;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use elman_infer::Model;
use elman_infer::testing::{bigrams, model, model_of, vocab};
use elman_net::dims::Cell;
use elman_text::Kind;
use serde_json::{Value, json};
use std::path::PathBuf;
use tower::ServiceExt;

/// A server without connections: an LSTM over letters, bigrams of words, and an LSTM over bytes.
struct Server {
    routes: Router,
    lstm: Model,
}

fn server_with(limits: Limits, keys: &str, directory: Option<PathBuf>, key: StateKey) -> Server {
    let lstm = Model::from(model(Cell::LSTM, false)).with_threads(1);
    let words = Model::from(bigrams(vocab(Kind::Fields, "the cat sat <eos>")));
    let over_bytes = model_of(Cell::LSTM, false, vocab(Kind::Bytes, ""));
    let bytes = Model::from(over_bytes).with_threads(1);
    let served = [("lstm", &lstm), ("words", &words), ("bytes", &bytes)]
        .map(|(name, model)| Served::start(name.into(), model.clone(), &limits).unwrap());
    let options = SessionOptions { most: 4, directory };
    let sessions = Sessions::new(options, key.clone()).unwrap();
    let app = App::new(
        served.into(),
        key,
        sessions,
        limits,
        ApiKeys::from_lines(keys),
        Hosts::Local(Vec::new()),
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
