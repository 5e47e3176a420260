//! Refusing a request whose body is still on its way. Closing at once would reset the
//! connection under the client's hands, and the answer with it; so for a while the body is
//! read and thrown away.

use std::time::Duration;

use http::{HeaderMap, header::EXPECT};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use tokio_util::task::TaskTracker;

/// How long a refused client may go on sending.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes that are thrown away before the connection is closed all the same.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Bodies up to this size need no help: the server has read them with the head.
const SMALL_BYTES: u64 = 16 * 1024;

/// Reads what is left of the body of a refused request.
pub fn linger(tasks: &TaskTracker, headers: &HeaderMap, body: Incoming) {
    let small = body
        .size_hint()
        .exact()
        .is_some_and(|length| length <= SMALL_BYTES);
    // A client that asks first has not begun to send.
    if !small && !headers.contains_key(EXPECT) {
        discard(tasks, body);
    }
}

/// Reads `body` to its end in the background, within bounds.
pub fn discard(tasks: &TaskTracker, mut body: Incoming) {
    let reading = async move {
        let mut left = MAX_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            let size = frame.data_ref().map_or(0, |data| data.len() as u64);
            match left.checked_sub(size) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    tasks.spawn(async move {
        // Out of time or out of patience: either way the connection ends now.
        drop(tokio::time::timeout(PATIENCE, reading).await);
    });
}
