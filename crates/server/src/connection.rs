//! A connection with limits of time, and whether it is in a request or between two.
//!
//! ```text
//! waiting   nothing of the next request has come     at most `idle`
//! head      a part of its head has come              at most `head`, whatever drips in
//! answer    a route has it                           reading has no limit here (`Body` limits the body); a client that takes nothing of
//!                                                    its answer for `idle` is cut off
//! ```
//! hyper's own limit of a head counts from the last answer, and it has none for clients that do not read.

use crate::limits::Limits;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::Response;
use hyper::body::Frame;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// Requests of a connection: 2n before the head of request n is whole, 2n + 1 until its answer has ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Phase(Arc<AtomicU64>);

/// A request that is being answered; the connection waits for the next one when it is dropped.
#[derive(Debug)]
pub(crate) struct Answering(Phase);

impl Phase {
    /// Notes that the head of a request is whole.
    pub fn answering(&self) -> Answering {
        self.0.fetch_add(1, Ordering::AcqRel);
        Answering(self.clone())
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::AcqRel);
    }
}

impl Answering {
    /// The answer, which ends when its body is dropped.
    pub fn with(self, answer: Response<Body>) -> Response<Body> {
        answer.map(|body| Body::new(Tracked { body, _open: self }))
    }
}

/// A body until whose end a request is being answered.
struct Tracked {
    body: Body,
    _open: Answering,
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

/// A stream of bytes that fails when its client takes too long.
pub(crate) struct Timed<S> {
    stream: S,
    phase: Phase,
    head: Duration,
    idle: Duration,
    /// The phase for which `wait` is set, and whether bytes have come in it.
    counted: (u64, bool),
    wait: Pin<Box<Sleep>>,
    /// Set while the client takes nothing of what is written.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Timed<S> {
    pub fn new(stream: S, phase: Phase, limits: &Limits) -> Timed<S> {
        Timed {
            stream,
            phase,
            head: limits.head,
            idle: limits.idle,
            counted: (0, false),
            wait: Box::pin(sleep(limits.idle)),
            stalled: None,
        }
    }

    /// Sets the time for what is awaited now.
    fn count(&mut self, phase: u64, begun: bool) {
        if self.counted != (phase, begun) {
            self.counted = (phase, begun);
            let time = if begun { self.head } else { self.idle };
            self.wait.as_mut().reset(Instant::now() + time);
        }
    }

    /// Passes on how a write went, or fails if nothing was taken for too long.
    fn written<T>(&mut self, wrote: Poll<Result<T>>, context: &mut Context<'_>) -> Poll<Result<T>> {
        if wrote.is_ready() {
            self.stalled = None;
            return wrote;
        }
        let idle = self.idle;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(idle)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(Error::new(
            ErrorKind::TimedOut,
            "the client takes nothing of its answer",
        )))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        let phase = this.phase.now();
        if phase % 2 == 1 {
            return read;
        }
        let begun = this.counted == (phase, true) || buffer.filled().len() > before;
        this.count(phase, begun);
        if read.is_ready() {
            return read;
        }
        ready!(this.wait.as_mut().poll(context));
        Poll::Ready(Err(Error::new(
            ErrorKind::TimedOut,
            "no request came in time",
        )))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(wrote, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.written(wrote, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.written(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.written(shut, context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    /// Time in these tests passes when all tasks wait, and at once.
    fn paused(work: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build();
        runtime.unwrap().block_on(work);
    }

    fn timed() -> (Timed<DuplexStream>, Phase, DuplexStream) {
        let (server, client) = duplex(16);
        let phase = Phase::default();
        (
            Timed::new(server, phase.clone(), &Limits::default()),
            phase,
            client,
        )
    }

    async fn fails_after(
        seconds: u64,
        work: impl Future<Output = Result<usize>>,
    ) -> std::time::Duration {
        let began = Instant::now();
        assert_eq!(work.await.unwrap_err().kind(), ErrorKind::TimedOut);
        let took = began.elapsed();
        assert!(
            took.as_secs().abs_diff(seconds) <= 1,
            "{took:?} for {seconds} s"
        );
        took
    }

    #[test]
    fn an_idle_connection_ends_after_a_minute() {
        paused(async {
            let (mut server, phase, _client) = timed();
            fails_after(60, server.read(&mut [0; 9])).await;
            // Between two requests as before the first.
            let (mut server, phase_2, mut client) = timed();
            client.write_all(b"POST").await.unwrap();
            assert_eq!(server.read(&mut [0; 9]).await.unwrap(), 4);
            drop(phase_2.answering());
            fails_after(60, server.read(&mut [0; 9])).await;
            drop(phase);
        });
    }

    #[test]
    fn a_head_that_drips_in_ends_after_ten_seconds() {
        paused(async {
            let (mut server, _phase, mut client) = timed();
            let dripping = async {
                while client.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(700)).await;
                }
            };
            let reading = async {
                tokio::time::sleep(Duration::from_secs(30)).await;
                fails_after(10, async {
                    loop {
                        server.read_exact(&mut [0; 1]).await?;
                    }
                })
                .await;
                drop(server);
            };
            tokio::join!(dripping, reading);
        });
    }

    #[test]
    fn an_answer_may_take_its_time_and_its_client_may_not() {
        paused(async {
            let (mut server, phase, client) = timed();
            let answering = phase.answering();
            let mut buffer = [0; 9];
            let read = tokio::time::timeout(Duration::from_secs(3600), server.read(&mut buffer));
            assert!(read.await.is_err(), "nothing limits an answer");
            // 16 bytes fit into the pipe, and nobody reads them.
            assert_eq!(server.write(&[0; 16]).await.unwrap(), 16);
            fails_after(60, server.write(&[0; 16])).await;
            drop((answering, client));
        });
    }

    #[test]
    fn a_slow_reader_gets_all_of_its_answer() {
        paused(async {
            let (mut server, phase, mut client) = timed();
            let _answering = phase.answering();
            let reading = async {
                let (mut all, mut part) = (0, [0; 16]);
                while all < 160 {
                    tokio::time::sleep(Duration::from_secs(40)).await;
                    all += client.read(&mut part).await.unwrap();
                }
            };
            let writing = async { server.write_all(&[7; 160]).await.unwrap() };
            tokio::join!(reading, writing);
        });
    }
}
