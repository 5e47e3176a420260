//! What tests stand on: real engines started by the test itself, a client that speaks to a
//! router, peers that are small routers, a proxy that breaks connections.
//!
//! One Postgres serves a whole test binary and every test gets a database of its own from
//! a template; every test that needs Redis gets a server of its own. All end with the
//! process.

mod bus;
mod client;
mod engines;
mod proxy;
mod routes;
mod settings;

use std::{future::Future, time::Duration};

use axum::Router;
use jiff::Timestamp;
use urr_kit::{Clock, Runtime, identity::GatewayToken, internal::InternalToken};

pub use bus::bus;
pub use client::{Answer, Client};
pub use engines::{TestDatabase, TestRedis, database, redis};
pub use proxy::BreakingProxy;
pub use routes::assert_described;
pub use settings::{help, settings};

/// The gateway's secret in tests.
pub const GATEWAY_TOKEN: &str = "gateway-token-of-the-tests";
/// The internal token in tests.
pub const INTERNAL_TOKEN: &str = "internal-token-of-the-tests";
/// Longest time that [`wait_for`] waits. A condition that holds is seen at once; this only
/// bounds how long a broken test hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// The gateway's secret, as services take it.
pub fn gateway_token() -> GatewayToken {
    GatewayToken::new(GATEWAY_TOKEN.to_owned().into())
}

/// The internal token, as services take it.
pub fn internal_token() -> InternalToken {
    InternalToken::new(INTERNAL_TOKEN.to_owned().into())
}

/// A runtime on the system's clock.
pub fn runtime(service: &'static str) -> Runtime {
    Runtime::new(service)
}

/// A runtime whose clock stands at `now` until it is moved.
pub fn runtime_at(service: &'static str, now: Timestamp) -> Runtime {
    Runtime {
        clock: Clock::manual(now),
        ..Runtime::new(service)
    }
}

/// Waits until `condition` holds. Panics with `what` when it does not within a minute.
pub async fn wait_for<F, C>(what: &str, mut condition: C)
where
    F: Future<Output = bool>,
    C: FnMut() -> F,
{
    let waited = tokio::time::timeout(PATIENCE, async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert!(waited.is_ok(), "waited in vain for: {what}");
}

/// Serves `router` on a free port until the test ends; returns its base URL. For peers
/// that are services; an engine is never stood in for.
pub async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("bound");
    #[expect(
        clippy::disallowed_methods,
        reason = "ends with the test's own runtime"
    )]
    tokio::spawn(async move {
        let app = router.into_make_service_with_connect_info::<std::net::SocketAddr>();
        axum::serve(listener, app).await.expect("serves");
    });
    format!("http://{address}")
}
