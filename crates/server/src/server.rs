//! The server itself: connections within their limits, and an orderly end.
//!
//! axum and hyper bound neither the number of connections nor their time by default, so connections are accepted and timed here.

use crate::app::{App, Served};
use crate::connection::{Phase, Timed};
use crate::hosts::Hosts;
use crate::keys::ApiKeys;
use crate::limits::Limits;
use crate::routes::routes;
use crate::sessions::{SessionError, SessionOptions, Sessions};
use crate::state::StateKey;
use elman_infer::Model;
use elman_store::StoreError;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// What a server serves, and how.
pub struct Options {
    /// Models with the names by which requests ask for them; the first one is the default.
    pub models: Vec<(String, Model)>,
    /// Address on which the server listens.
    pub address: SocketAddr,
    /// Limits of requests and connections.
    pub limits: Limits,
    /// Keys that requests need; none if there are none.
    pub keys: ApiKeys,
    /// Host names to which the server answers, besides addresses and `localhost`. With keys, and at an address that is not the loopback interface's, it answers to all.
    pub hosts: Vec<String>,
    /// Key that authenticates states.
    pub state_key: StateKey,
    /// Named sessions.
    pub sessions: SessionOptions,
}

/// Reason why a server does not start or ends.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The system has no thread for the server.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
    /// The directory of sessions cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Sessions could not be saved at the end.
    #[error("cannot save the sessions: {0}")]
    Sessions(#[from] SessionError),
}

/// What happened while the server ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Number of sessions that were saved at the end.
    pub saved: usize,
    /// Whether all requests were answered before it.
    pub answered: bool,
}

/// How often the server asks whether it is to end.
const ASK: Duration = Duration::from_millis(50);

/// Time in which tasks must notice that they are stopped.
const STOP: Duration = Duration::from_secs(2);

/// Serves until `ended` returns true, on threads of its own; `listening` is called with the address when clients can connect.
///
/// `ended` is called many times a second.
///
/// # Errors
/// [`ServeError`].
pub fn serve(
    options: Options,
    listening: impl FnOnce(SocketAddr),
    ended: impl Fn() -> bool,
) -> Result<Ended, ServeError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.map_err(ServeError::Thread)?;
    let app = app(&options)?;
    let answered = runtime.block_on(run(&options, app.clone(), listening, async {
        while !ended() {
            tokio::time::sleep(ASK).await;
        }
    }))?;
    // What is not answered by now is stopped, and gives back its session as it was before the request.
    runtime.shutdown_timeout(STOP);
    let saved = app.sessions().save_all()?;
    Ok(Ended { saved, answered })
}

fn app(options: &Options) -> Result<App, ServeError> {
    let served = options
        .models
        .iter()
        .map(|(name, model)| Served::start(name.clone(), model.clone(), &options.limits));
    let served: Vec<Served> = served
        .collect::<Result<_, _>>()
        .map_err(ServeError::Thread)?;
    let hosts = match options.keys.are_needed() || !options.address.ip().is_loopback() {
        true => Hosts::All,
        false => Hosts::Local(
            options
                .hosts
                .iter()
                .map(|host| host.to_ascii_lowercase())
                .collect(),
        ),
    };
    let sessions = Sessions::new(options.sessions.clone(), options.state_key.clone())?;
    Ok(App::new(
        served,
        options.state_key.clone(),
        sessions,
        options.limits.clone(),
        options.keys.clone(),
        hosts,
    ))
}

async fn run(
    options: &Options,
    app: App,
    listening: impl FnOnce(SocketAddr),
    ended: impl Future<Output = ()>,
) -> Result<bool, ServeError> {
    let failed = |source| ServeError::Listen {
        address: options.address,
        source,
    };
    let listener = TcpListener::bind(options.address).await.map_err(failed)?;
    listening(listener.local_addr().map_err(failed)?);
    let limits = &options.limits;
    let routes = routes(app);
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut http = hyper::server::conn::http1::Builder::new();
    http.max_buf_size(64 << 10);
    tokio::pin!(ended);
    loop {
        // A connection is accepted when there is a place for it; others wait in the system's queue.
        let place = tokio::select! {
            place = places.clone().acquire_owned() => place,
            () = &mut ended => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut ended => break,
        };
        let Ok((stream, _)) = accepted else {
            // No file descriptor is left, or the client is gone already.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        // Small answers are sent at once.
        let _ = stream.set_nodelay(true);
        let phase = Phase::default();
        let stream = Timed::new(stream, phase.clone(), limits);
        let routes = TowerToHyperService::new(routes.clone());
        let service = service_fn(move |request| {
            let answering = phase.answering();
            let answer = routes.call(request);
            async { Ok::<_, Infallible>(answering.with(answer.await?)) }
        });
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A connection that breaks is the client's affair.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    Ok(tokio::time::timeout(limits.ending, graceful.shutdown())
        .await
        .is_ok())
}
