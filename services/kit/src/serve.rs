//! The HTTP server of a service: the same middle layers for all, the operations endpoints,
//! and a shutdown that finishes what has begun.

use std::{
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request, State},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, StatusCode, header::COOKIE};
use parking_lot::RwLock;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::{Instrument, debug, error, info, warn};

use crate::{
    ApiError, Runtime,
    config::Listen,
    error::LoggedCause,
    health::Health,
    identity::{GatewayToken, trust_gateway_only},
    metrics::RequestLabels,
    tasks::panic_text,
    telemetry::{self, TraceContext, chain},
    unread::read_rest,
};

/// Largest body a service takes unless a route says otherwise.
pub const BODY_LIMIT_BYTES: usize = 1024 * 1024;
/// How long the connections of probes may take to end once waiting is over.
const PROBES_END_WITHIN: Duration = Duration::from_secs(1);
/// How long requests in flight may take to finish at shutdown.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves `router` with all layers and the operations endpoints until shutdown, then waits
/// for requests in flight and for background tasks.
pub async fn serve(
    runtime: &Runtime,
    listen: &Listen,
    router: Router,
    health: Health,
    gateway: Option<GatewayToken>,
) -> anyhow::Result<()> {
    let mut app = layers(router, runtime, gateway).merge(health.router());
    match listen.management_port {
        None => app = app.merge(health.actuator()),
        Some(port) => serve_management(runtime, listen, port, &health).await?,
    }
    let listener = bind(listen.address, listen.port).await?;
    info!(address = %listener.local_addr()?, "listening");
    let tasks = runtime.tasks.clone();
    let server = axum::serve(
        listener,
        app.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .with_graceful_shutdown(async move { tasks.cancelled().await })
    .into_future();
    let drained = async {
        runtime.tasks.cancelled().await;
        tokio::time::sleep(DRAIN_TIMEOUT).await;
    };
    tokio::select! {
        result = server => result.context("the HTTP server failed")?,
        () = drained => warn!("requests still in flight were cut off"),
    }
    runtime.tasks.shutdown().await;
    anyhow::ensure!(!runtime.tasks.have_panicked(), "a background task panicked");
    info!("stopped");
    Ok(())
}

/// Answers the probes until `until` resolves: alive, and not ready for the reason in `lacks`.
/// Then the ports are free again for the service itself. Errs when shutdown comes first.
pub async fn while_waiting<T>(
    runtime: &Runtime,
    listen: &Listen,
    name: &'static str,
    lacks: Arc<RwLock<String>>,
    until: impl Future<Output = T>,
) -> anyhow::Result<T> {
    let health = Health::new(runtime).ready(name, move || {
        let lacks = lacks.read().clone();
        async move { anyhow::bail!(lacks) }
    });
    let app = health.router().merge(health.actuator());
    let over = CancellationToken::new();
    let mut servers = Vec::new();
    for port in [Some(listen.port), listen.management_port]
        .into_iter()
        .flatten()
    {
        let listener = bind(listen.address, port).await?;
        let over = over.clone();
        let server = axum::serve(listener, app.clone())
            .with_graceful_shutdown(async move { over.cancelled().await });
        servers.push(server.into_future());
    }
    let mut serving = pin!(futures::future::try_join_all(servers));
    let outcome = tokio::select! {
        outcome = until => Ok(outcome),
        result = &mut serving => {
            result.context("the server of the probes failed")?;
            Err(anyhow::anyhow!("the server of the probes ended"))
        }
        () = runtime.tasks.cancelled() => {
            Err(anyhow::anyhow!("stopped while waiting for the {name}"))
        }
    };
    over.cancel();
    // A probe that never ends its connection holds nobody up.
    if tokio::time::timeout(PROBES_END_WITHIN, serving)
        .await
        .is_err()
    {
        debug!("connections of probes were cut off");
    }
    outcome
}

/// Serves `/actuator` (and the probes) on a port of its own until shutdown.
pub async fn serve_management(
    runtime: &Runtime,
    listen: &Listen,
    port: u16,
    health: &Health,
) -> anyhow::Result<()> {
    let listener = bind(listen.address, port).await?;
    let app = health.actuator().merge(health.router());
    let tasks = runtime.tasks.clone();
    runtime.tasks.spawn("management", async move {
        let shutdown = async move { tasks.cancelled().await };
        if let Err(error) = axum::serve(listener, app)
            .with_graceful_shutdown(shutdown)
            .await
        {
            error!(error = %chain(&error), "the management server failed");
        }
    });
    Ok(())
}

/// Listens there, or says which address is taken.
async fn bind(address: std::net::IpAddr, port: u16) -> anyhow::Result<TcpListener> {
    TcpListener::bind((address, port))
        .await
        .with_context(|| format!("cannot listen on {address}:{port}"))
}

/// The layers that every route of every service has: trace and access metrics, panic → 500,
/// body limit, a short rest of a body read before the answer, trust in the gateway only, JSON for unknown paths and methods. A service
/// without identity (no `gateway`) trusts nobody's headers.
pub fn layers(router: Router, runtime: &Runtime, gateway: Option<GatewayToken>) -> Router {
    let gateway = gateway.unwrap_or_else(|| GatewayToken::new(unguessable().into()));
    router
        .fallback(async || ApiError::not_found("NOT_FOUND", "Not found"))
        .method_not_allowed_fallback(async || {
            ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "METHOD_NOT_ALLOWED",
                "Method not allowed",
            )
        })
        .layer(from_fn_with_state(gateway, trust_gateway_only))
        .layer(DefaultBodyLimit::max(BODY_LIMIT_BYTES))
        .layer(CatchPanicLayer::custom(panic_response))
        .layer(from_fn(read_rest))
        .layer(from_fn_with_state(runtime.clone(), observe))
}

fn unguessable() -> String {
    uuid::Uuid::new_v4().to_string() + &uuid::Uuid::new_v4().to_string()
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature of a panic handler"
)]
fn panic_response(panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    ApiError::internal(anyhow::anyhow!(
        "a handler panicked: {}",
        panic_text(&*panic)
    ))
    .into_response()
}

/// Middleware: gives the request its trace, measures it, and logs the cause of a failure once.
async fn observe(State(runtime): State<Runtime>, request: Request, next: Next) -> Response {
    let trace = TraceContext::of_request(request.headers());
    let method = method_name(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let span = telemetry::request_span(method, &route, &trace);
    let trace = trace.entered(&span);
    telemetry::within(
        trace,
        async move {
            let start = Instant::now();
            let response = next.run(request).await;
            let labels = RequestLabels {
                method,
                route,
                status: response.status().as_u16(),
            };
            runtime
                .metrics
                .observe_request(&labels, start.elapsed().as_secs_f64());
            log_outcome(&labels, start.elapsed(), &response);
            response
        }
        .instrument(span),
    )
    .await
}

fn log_outcome(labels: &RequestLabels, elapsed: Duration, response: &Response) {
    let RequestLabels {
        method,
        route,
        status,
    } = labels;
    let duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    match response.extensions().get::<LoggedCause>() {
        Some(LoggedCause(cause)) if *status >= 500 => {
            error!(http.method = method, http.route = route, http.status = status, duration_ms,
                   error = %chain(&***cause), "request failed");
        }
        Some(LoggedCause(cause)) => {
            info!(http.method = method, http.route = route, http.status = status, duration_ms,
                  error = %chain(&***cause), "request refused");
        }
        None => {
            debug!(
                http.method = method,
                http.route = route,
                http.status = status,
                duration_ms,
                "request answered"
            );
        }
    }
}

/// The method as a label: one of the known words, so that nobody can invent labels.
pub fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

/// Value of the first cookie of that name that is not blank, from all `Cookie` headers and
/// without the quotes around it. The one reader of cookies: what the gateway checks is what
/// a service then sees.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.split_once('='))
        .filter(|(key, _)| key.trim() == name)
        .map(|(_, value)| unquoted(value.trim()))
        .find(|value| !value.is_empty())
}

fn unquoted(value: &str) -> &str {
    value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'))
        .unwrap_or(value)
        .trim()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(lines: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_static(line));
        }
        headers
    }

    #[test]
    fn the_first_cookie_of_a_name_counts() {
        for (lines, value) in [
            (vec!["a=1; b=2"], Some("2")),
            (vec!["a=1", "b=2; b=3"], Some("2")),
            (vec!["b=; b=3"], Some("3")),
            (vec!["b=\"quoted\""], Some("quoted")),
            (vec!["b = 4 "], Some("4")),
            (vec!["b=x=y"], Some("x=y")),
            (vec!["xb=1; c"], None),
            (vec!["b=   "], None),
            (vec![], None),
        ] {
            assert_eq!(cookie(&headers(&lines), "b"), value, "{lines:?}");
        }
    }
}
