//! A stream of parts of choices as server-sent events, ended by `[DONE]`.

use super::Usage;
use super::choice::{self, Choice};
use super::request::{Request, Work};
use crate::app::App;
use crate::engine::Failure;
use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Event of a stream.
#[derive(Serialize)]
struct Part<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<Choice>,
    /// `null` in all events but the last, if it was asked for; else absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<Usage>>,
}

/// Number of parts that may wait for the client.
const PARTS: usize = 64;

/// What the tasks of the choices send.
enum Sent {
    Part(Box<Choice>),
    Ended(usize),
    Failed(String),
}

/// To whom the parts of a choice are sent, at the client's speed.
pub(super) struct Listener(mpsc::Sender<Sent>);

impl Listener {
    /// Sends a part.
    ///
    /// # Errors
    /// [`Failure::Gone`] if the client has hung up.
    pub async fn part(&self, choice: Choice) -> Result<(), Failure> {
        let sent = self.0.send(Sent::Part(Box::new(choice))).await;
        sent.map_err(|_| Failure::Gone)
    }
}

struct Parts {
    receiver: mpsc::Receiver<Sent>,
    request: Arc<Request>,
    id: String,
    created: u64,
    /// Choices that have not ended.
    open: usize,
    written: usize,
    last: Vec<String>,
    /// Ends with the stream: the tasks are stopped when the client hangs up.
    _tasks: JoinSet<()>,
}

pub(super) fn answer(
    app: App,
    request: Arc<Request>,
    work: Vec<Work>,
    id: String,
    created: u64,
) -> Response {
    let (sender, receiver) = mpsc::channel(PARTS);
    let mut tasks = JoinSet::new();
    let open = work.len();
    for each in work {
        let (app, request, sender) = (app.clone(), request.clone(), sender.clone());
        tasks.spawn(async move {
            let listener = Listener(sender.clone());
            let sent = match choice::run(&app, &request, each, Some(&listener)).await {
                Ok(done) => Sent::Ended(done.tokens.len()),
                Err(refusal) => Sent::Failed(refusal.json()),
            };
            // Nobody listens any more if this fails.
            let _ = sender.send(sent).await;
        });
    }
    let parts = Parts {
        receiver,
        request,
        id,
        created,
        open,
        written: 0,
        last: Vec::new(),
        _tasks: tasks,
    };
    let events = stream::unfold(parts, async |mut parts| {
        let event = parts.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(event)), parts))
    });
    let headers = [
        (CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, Body::from_stream(events)).into_response()
}

impl Parts {
    /// The next event; `None` after the last.
    async fn next(&mut self) -> Option<String> {
        while self.open > 0 {
            match self.receiver.recv().await? {
                Sent::Part(choice) => return Some(self.event(vec![*choice], None)),
                Sent::Ended(tokens) => {
                    self.written += tokens;
                    self.open -= 1;
                }
                Sent::Failed(error) => {
                    self.open = 0;
                    self.last = vec!["data: [DONE]\n\n".to_owned()];
                    return Some(format!("data: {error}\n\n"));
                }
            }
            if self.open == 0 {
                self.last.push("data: [DONE]\n\n".to_owned());
                if self.request.include_usage {
                    let usage = self.request.usage(self.written);
                    let event = self.event(Vec::new(), Some(usage));
                    self.last.push(event);
                }
            }
        }
        self.last.pop()
    }

    fn event(&self, choices: Vec<Choice>, usage: Option<Usage>) -> String {
        let part = Part {
            id: &self.id,
            object: "text_completion",
            created: self.created,
            model: &self.request.served.name,
            choices,
            usage: self.request.include_usage.then_some(usage),
        };
        format!(
            "data: {}\n\n",
            serde_json::to_string(&part).unwrap_or_default()
        )
    }
}
