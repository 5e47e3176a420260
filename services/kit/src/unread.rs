//! What a handler did not read of a request's body. Somebody who is refused early has often
//! not been read to the end, and then the server closes the connection behind the answer: a
//! gateway that sends its next request over it at that moment learns that the service is
//! unreachable. So a short rest is read before the answer is given.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{body::Body, extract::Request, middleware::Next, response::Response};
use bytes::Bytes;
use futures::StreamExt;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::oneshot;

/// The longest rest that is read, in bytes; behind a longer one the connection is closed.
const MAX_REST_BYTES: usize = 64 * 1024;
/// How long a rest may take.
const REST_TIMEOUT: Duration = Duration::from_secs(1);

/// Middleware: reads the rest of the body, if it is short, before the answer is given.
pub(crate) async fn read_rest(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let (given_back, mut rest) = oneshot::channel();
    let lent = Lent {
        body: Some(body),
        given_back: Some(given_back),
    };
    let response = next.run(Request::from_parts(parts, Body::new(lent))).await;
    if let Ok(rest) = rest.try_recv() {
        // Too long or too slow, and the connection is closed.
        drop(tokio::time::timeout(REST_TIMEOUT, discard(rest)).await);
    }
    response
}

async fn discard(body: Body) {
    let mut left = MAX_REST_BYTES;
    let mut data = body.into_data_stream();
    while let Some(Ok(chunk)) = data.next().await {
        match left.checked_sub(chunk.len()) {
            Some(less) => left = less,
            None => return,
        }
    }
}

/// A body that is given back when whoever reads it has read enough.
struct Lent {
    body: Option<Body>,
    given_back: Option<oneshot::Sender<Body>>,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(body), Some(given_back)) = (self.body.take(), self.given_back.take())
            && !body.is_end_stream()
        {
            // Nobody waits for it once the request was given up.
            given_back.send(body).ok();
        }
    }
}
