//! How the server is: `/health`, and `/metrics` for Prometheus.

use crate::app::{App, Served};
use crate::engine::Totals;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::{Display, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Serialize, JsonSchema)]
pub(crate) struct Health {
    status: &'static str,
}

/// 200 while all engines run, and 503 otherwise, so that whoever watches the server starts it again.
pub(super) async fn health(State(app): State<App>) -> Response {
    match app.models().iter().all(|served| served.engine.is_alive()) {
        true => Json(Health { status: "ok" }).into_response(),
        false => {
            let health = Json(Health { status: "failed" });
            (StatusCode::SERVICE_UNAVAILABLE, health).into_response()
        }
    }
}

/// Answers by the first digit of their status.
#[derive(Debug, Default)]
pub(crate) struct Answers([AtomicU64; 6]);

/// Counts an answer when it begins.
pub(super) async fn count(State(app): State<App>, request: Request, next: Next) -> Response {
    let answer = next.run(request).await;
    let class = usize::from(answer.status().as_u16() / 100);
    if let Some(counter) = app.answers().0.get(class) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
    answer
}

/// A figure of each model: its name, type and help, and how it is found.
type PerModel = (
    &'static str,
    &'static str,
    &'static str,
    fn(&Figures) -> f64,
);

/// Figures of a model at one moment.
struct Figures {
    totals: Totals,
    open: usize,
    alive: bool,
}

const PER_MODEL: [PerModel; 7] = [
    (
        "elman_texts_open",
        "gauge",
        "Texts that the model reads or writes.",
        |figures| figures.open as f64,
    ),
    (
        "elman_prompt_tokens_total",
        "counter",
        "Tokens of prompts that were read.",
        |figures| figures.totals.read as f64,
    ),
    (
        "elman_written_tokens_total",
        "counter",
        "Tokens that were written.",
        |figures| figures.totals.written as f64,
    ),
    (
        "elman_turns_total",
        "counter",
        "Turns of the engine; in each a token of every text is written.",
        |figures| figures.totals.turns as f64,
    ),
    (
        "elman_turn_seconds_total",
        "counter",
        "Time of the turns.",
        |figures| figures.totals.seconds,
    ),
    (
        "elman_refused_total",
        "counter",
        "Texts that were refused (429) because the model was as busy as it may be.",
        |figures| figures.totals.refused as f64,
    ),
    (
        "elman_engine_up",
        "gauge",
        "1 while the model's engine runs.",
        |figures| f64::from(u8::from(figures.alive)),
    ),
];

pub(super) async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let mut text = String::new();
    head(
        &mut text,
        "elman_answers_total",
        "counter",
        "Answers by the first digit of their status.",
    );
    for (class, counter) in app.answers().0.iter().enumerate().skip(2) {
        let count = counter.load(Ordering::Relaxed);
        line(
            &mut text,
            "elman_answers_total",
            ("status", &format!("{class}xx")),
            count,
        );
    }
    let figures = |served: &Served| Figures {
        totals: served.engine.totals(),
        open: served.engine.open(),
        alive: served.engine.is_alive(),
    };
    let models: Vec<(&str, Figures)> = app
        .models()
        .iter()
        .map(|served| (served.name.as_str(), figures(served)))
        .collect();
    for (name, kind, help, figure) in PER_MODEL {
        head(&mut text, name, kind, help);
        for (model, figures) in &models {
            line(&mut text, name, ("model", model), figure(figures));
        }
    }
    head(
        &mut text,
        "elman_sessions",
        "gauge",
        "Named sessions in memory.",
    );
    let _ = writeln!(text, "elman_sessions {}", app.sessions().len());
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
}

/// A model's name has no quotation marks: it was checked when the server started.
fn line(text: &mut String, name: &str, (label, value): (&str, &str), number: impl Display) {
    let _ = writeln!(text, "{name}{{{label}=\"{value}\"}} {number}");
}
