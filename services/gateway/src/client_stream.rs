//! The client's end of a connection, and how long it may keep us waiting: briefly in the
//! middle of a head or while it takes no more of its answer, long between two requests.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper::rt::Timer;
use hyper_util::rt::TokioTimer;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep},
};

/// How long a client may keep us waiting.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// In the middle of something.
    pub pause: Duration,
    /// Between two requests.
    pub idle: Duration,
}

/// A connection that breaks when the client takes nothing for too long.
#[derive(Debug)]
pub struct ClientStream {
    stream: TcpStream,
    patience: Duration,
    heard: Arc<AtomicBool>,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl ClientStream {
    /// The stream, and the timer for the heads that come over it.
    pub fn new(stream: TcpStream, patience: Patience) -> (Self, HeadTimer) {
        let heard = Arc::<AtomicBool>::default();
        let timer = HeadTimer {
            patience,
            heard: Arc::clone(&heard),
        };
        let stream = Self {
            stream,
            patience: patience.pause,
            heard,
            stalled: None,
        };
        (stream, timer)
    }

    fn bounded<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.heard.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.bounded(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, buffers);
        self.bounded(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Times the heads of one connection. The server starts it when it begins to wait for a head,
/// which is as soon as the last answer has gone; so it tells silence from dawdling by whether
/// anything was heard meanwhile.
#[derive(Clone, Debug)]
pub struct HeadTimer {
    patience: Patience,
    heard: Arc<AtomicBool>,
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        TokioTimer::new().sleep(duration)
    }

    fn sleep_until(&self, _: std::time::Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.heard.store(false, Ordering::Relaxed);
        Box::pin(HeadSleep {
            timer: self.clone(),
            begun: Instant::now(),
            dawdles: false,
            sleep: Box::pin(sleep(self.patience.pause)),
        })
    }
}

/// Ends when the client has been silent for its idle time, or when a head that had begun by
/// one pause is not complete by the next.
struct HeadSleep {
    timer: HeadTimer,
    begun: Instant,
    dawdles: bool,
    sleep: Pin<Box<Sleep>>,
}

impl hyper::rt::Sleep for HeadSleep {}

impl Future for HeadSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.sleep.as_mut().poll(cx));
            let Patience { pause, idle } = self.timer.patience;
            let now = Instant::now();
            if self.dawdles || now - self.begun >= idle {
                return Poll::Ready(());
            }
            self.dawdles = self.timer.heard.load(Ordering::Relaxed);
            self.sleep.as_mut().reset(now + pause);
        }
    }
}
