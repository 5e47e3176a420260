//! Bodies on their way: what a client sends, measured; what it gets, streamed.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::task::TaskTracker;

use super::linger::discard;
use crate::{core::Slot, upload::Upload, upstream::Lease};

/// Why a body ends before its end.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A body that had to be cut off.
#[derive(Debug, thiserror::Error)]
pub enum Cut {
    /// The client sent more than its path allows.
    #[error("the body is larger than allowed")]
    TooLarge,
    /// The service paused for too long.
    #[error("the service stopped sending")]
    Stalled,
}

/// What a client is answered with.
#[derive(Debug)]
pub enum Body {
    /// A text of the gateway.
    Text(Full<Bytes>),
    /// A page of the gateway.
    Page(axum::body::Body),
    /// The answer of a service, as it comes.
    Streamed(Streamed),
}

impl Body {
    /// A text.
    pub fn text(text: String) -> Self {
        Self::Text(Full::from(text))
    }

    /// Nothing.
    pub fn empty() -> Self {
        Self::Text(Full::default())
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Text(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::Page(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::Streamed(body) => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Text(body) => body.is_end_stream(),
            Self::Page(body) => body.is_end_stream(),
            Self::Streamed(body) => body.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Text(body) => body.size_hint(),
            Self::Page(body) => body.size_hint(),
            Self::Streamed(body) => body.incoming.size_hint(),
        }
    }
}

/// A service's answer. Holds its connection until the last byte, and then gives it back.
#[derive(Debug)]
pub struct Streamed {
    incoming: Incoming,
    lease: Option<Lease>,
    patience: Duration,
    pause: Option<Pin<Box<Sleep>>>,
    _slot: Slot,
}

impl Streamed {
    /// The answer that comes over `lease`, which may pause for `patience`.
    pub fn new(incoming: Incoming, lease: Lease, patience: Duration, slot: Slot) -> Self {
        Self {
            incoming,
            lease: Some(lease),
            patience,
            pause: None,
            _slot: slot,
        }
    }

    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Ready(frame) => {
                self.pause = None;
                if frame.is_none() {
                    self.finish();
                }
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => {
                let patience = self.patience;
                let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(patience)));
                pause
                    .as_mut()
                    .poll(cx)
                    .map(|()| Some(Err(Cut::Stalled.into())))
            }
        }
    }

    fn finish(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
    }
}

impl Drop for Streamed {
    fn drop(&mut self) {
        // A body of known length ends with its last byte; nobody asks it for more.
        if self.incoming.is_end_stream() {
            self.finish();
        }
    }
}

/// What a service is sent: the client's body, as it comes, up to its limit.
#[derive(Debug)]
pub enum Upstreamed {
    /// Nothing.
    Empty,
    /// The client's body.
    Client {
        /// From the client.
        incoming: Incoming,
        /// Bytes that may still come.
        left: u64,
        /// How far it has come, for whoever waits for the answer.
        upload: Upload,
        /// Where the rest of a body is thrown away that is too large.
        tasks: TaskTracker,
    },
}

impl Upstreamed {
    /// Throws away what still comes.
    fn discard(&mut self) {
        if let Self::Client {
            incoming, tasks, ..
        } = std::mem::replace(self, Self::Empty)
        {
            discard(&tasks, incoming);
        }
    }
}

impl HttpBody for Upstreamed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let body = self.get_mut();
        let Self::Client {
            incoming,
            left,
            upload,
            ..
        } = body
        else {
            return Poll::Ready(None);
        };
        let Poll::Ready(frame) = Pin::new(&mut *incoming).poll_frame(cx) else {
            upload.waits_for_client();
            return Poll::Pending;
        };
        let frame = match frame {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                upload.broke();
                return Poll::Ready(Some(Err(error.into())));
            }
            None => {
                upload.ended(Instant::now());
                return Poll::Ready(None);
            }
        };
        let size = frame.data_ref().map_or(0, |data| data.len() as u64);
        let Some(rest) = left.checked_sub(size) else {
            upload.too_large();
            body.discard();
            return Poll::Ready(Some(Err(Cut::TooLarge.into())));
        };
        *left = rest;
        if incoming.is_end_stream() {
            upload.ended(Instant::now());
        } else {
            upload.waits_for_service();
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Client { incoming, .. } => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Client { incoming, .. } => incoming.size_hint(),
        }
    }
}
