//! A request from its first byte to the first byte of its answer. The order of the filters
//! is the order of the lines in [`filter`].

use std::{borrow::Cow, net::IpAddr, sync::Arc, time::Duration};

use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
    header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST},
    request::Parts,
    uri::PathAndQuery,
};
use hyper::body::{Body as _, Incoming};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use tracing::{debug, warn};
use urr_contract::headers::{CLIENT_ADDRESS, COOKIE_REFRESH, GATEWAY_TOKEN};
use urr_kit::{
    metrics::RequestLabels,
    serve::method_name,
    telemetry::{TraceContext, chain},
};

use super::{
    body::{Body, Streamed, Upstreamed},
    entry, headers,
    identity::{Identity, bearer_from_cookie},
    linger::linger,
    refusal::{METHODS, Refusal},
};
use crate::{
    core::{Core, Slot},
    domain::{
        client::ClientId,
        cookies::remove_cookie,
        cors,
        limits::is_exempt,
        path,
        routes::{self, Route, Service},
    },
    limiter::Verdict,
    state::State,
    upload::{Allowed, Blame, Progress, Upload},
    upstream::UpstreamError,
};

/// Bytes that a body may have.
const MAX_BODY_BYTES: u64 = 1024 * 1024;
/// Bytes that an uploaded image, with the form around it, may have.
const MAX_IMAGE_BYTES: u64 = 6 * 1024 * 1024;
/// Metrics' name for paths that no route has, and for requests refused before it was known.
const UNMATCHED: &str = "unmatched";

/// What is to be done with a request that passed the filters.
enum Next {
    /// The gateway's own page of this path.
    OwnPage(String),
    /// A question about methods.
    Options,
    /// On to the service.
    Forward(Forward),
}

/// A request on its way to a service.
struct Forward {
    route: Route,
    /// The normalised path.
    path: String,
    slot: Slot,
}

/// Answers one request, whatever happens. CORS comes first and has the last word: every
/// answer, be it a service's or a refusal, tells the browser that it may be read.
pub async fn answer(core: Arc<Core>, peer: IpAddr, request: Request<Incoming>) -> Response<Body> {
    let begun = Instant::now();
    let (mut parts, body) = request.into_parts();
    let method = parts.method.clone();
    let origin = core.state.cors.decide(&method, &parts.headers);
    let mut label = Some(UNMATCHED);
    let next = match &origin {
        cors::Decision::Preflight(granted) => return granted_preflight(granted.clone()),
        cors::Decision::Refused => Err(Refusal::Origin),
        cors::Decision::SameOrigin | cors::Decision::Allowed(_) => {
            filter(&core, peer, &mut parts, &mut label).await
        }
    };
    let answer = match next {
        Ok(Next::OwnPage(path)) => Ok(own_page(&core, &path, parts, body).await),
        Ok(Next::Options) => Ok(options()),
        Ok(Next::Forward(forward)) => forward.send(&core, parts, body).await,
        Err(refusal) => {
            linger(&core.tasks, &parts.headers, body);
            Err(refusal)
        }
    };
    let mut response = answer.unwrap_or_else(Refusal::into_response);
    cors::mark(&origin, response.headers_mut());
    if let Some(route) = label {
        observe(&core, &method, route, response.status(), begun.elapsed());
    }
    response
}

/// Leads a request through the filters, in the order of these lines. `label` becomes its
/// route for metrics; own pages have metrics of their own.
async fn filter(
    core: &Core,
    peer: IpAddr,
    parts: &mut Parts,
    label: &mut Option<&'static str>,
) -> Result<Next, Refusal> {
    let state = &core.state;
    let path = path::normalise(parts.uri.path()).map_err(Refusal::Path)?;
    if routes::is_own_page(&path) {
        *label = None;
        return Ok(Next::OwnPage(path.into_owned()));
    }
    let slot = core.slot().ok_or(Refusal::Overloaded)?;
    let path = path::without_version(path).into_owned();
    let route = routes::route(&path);
    *label = Some(route.map_or(UNMATCHED, |route| route.pattern));
    if parts.method == Method::OPTIONS {
        return Ok(Next::Options);
    }
    known_method(&parts.method)?;

    let now = state.runtime.clock.now();
    let address = state.proxies.client_address(peer, &parts.headers);
    bearer_from_cookie(&mut parts.headers);
    let identity = core.identities.of_request(&parts.headers, now);
    let user = identity.as_ref().map(|identity| identity.user);
    if !is_exempt(&path) {
        let client = ClientId::new(user, address);
        within_limits(state.limiter.admit(&path, client).await)?;
    }
    if routes::is_documentation(&path) {
        *label = None;
        return Ok(Next::OwnPage(path));
    }
    let entry = state
        .entry
        .decide(&parts.method, &path, &parts.headers, user, now);
    if entry == entry::Decision::Refused {
        return Err(Refusal::Entry);
    }
    let Some(route) = route else {
        return Err(Refusal::NoRoute { path, at: now });
    };
    let word = Word {
        address,
        identity: identity.as_ref(),
        entry: &entry,
    };
    word.put_into(&mut parts.headers, state, route);
    Ok(Next::Forward(Forward { route, path, slot }))
}

fn known_method(method: &Method) -> Result<(), Refusal> {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::PATCH
        | Method::DELETE => Ok(()),
        _ => Err(Refusal::Method),
    }
}

fn within_limits(verdict: Verdict) -> Result<(), Refusal> {
    match verdict {
        Verdict::Pass => Ok(()),
        Verdict::Refused => Err(Refusal::RateLimit),
        Verdict::Unknown => Err(Refusal::RateLimitUnknown),
    }
}

/// What the gateway tells a service about a request, in place of whatever the client said.
struct Word<'a> {
    address: IpAddr,
    identity: Option<&'a Identity>,
    entry: &'a entry::Decision,
}

impl Word<'_> {
    fn put_into(&self, headers: &mut HeaderMap, state: &State, route: Route) {
        let trace = TraceContext::of_request(headers);
        headers::clean_request(headers);
        headers.insert(GATEWAY_TOKEN, state.gateway_token.clone());
        insert_text(headers, CLIENT_ADDRESS, &self.address.to_string());
        insert_text(headers, "traceparent", &trace.to_string());
        if let Some(identity) = self.identity {
            identity.pass_on(headers);
        }
        if let entry::Decision::Admitted(claims) = self.entry {
            entry::pass_on(claims, headers);
        }
        if route.service != Service::Auth {
            remove_cookie(headers, COOKIE_REFRESH);
        }
    }
}

fn insert_text(headers: &mut HeaderMap, name: &'static str, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

impl Forward {
    /// Sends the request to its service and begins to stream the answer.
    async fn send(
        self,
        core: &Core,
        mut parts: Parts,
        body: Incoming,
    ) -> Result<Response<Body>, Refusal> {
        let limit = body_limit(&self.path, &parts.headers);
        if announced_length(&parts.headers).is_some_and(|length| length > limit) {
            linger(&core.tasks, &parts.headers, body);
            return Err(Refusal::BodyTooLarge);
        }
        let upstream = core.upstream(self.route.service);
        parts.uri = target(&parts.uri, &self.path);
        parts.version = Version::HTTP_11;
        parts.headers.insert(HOST, upstream.host().clone());
        parts.headers.remove(EXPECT);
        let (body, upload) = outgoing(body, limit, &core.tasks);
        let allowed = core.state.config.allowed();
        let sending = upstream.send(Request::from_parts(parts, body), upload.clone());
        let answer = in_time(sending, &upload, allowed).await;
        let (response, lease) = answer.map_err(|failure| failure.refusal(self.route, &upload))?;
        let (mut parts, incoming) = response.into_parts();
        headers::clean_response(&mut parts.headers);
        let body = Body::Streamed(Streamed::new(incoming, lease, allowed.service, self.slot));
        Ok(Response::from_parts(parts, body))
    }
}

/// The body as the service gets it, and a view of how far it has come.
fn outgoing(body: Incoming, limit: u64, tasks: &TaskTracker) -> (Upstreamed, Upload) {
    if body.is_end_stream() {
        return (Upstreamed::Empty, Upload::none());
    }
    let upload = Upload::begun(Instant::now());
    let body = Upstreamed::Client {
        incoming: body,
        left: limit,
        upload: upload.clone(),
        tasks: tasks.clone(),
    };
    (body, upload)
}

/// Why no answer came.
enum Failure {
    Upstream(UpstreamError),
    Late(Blame),
}

impl Failure {
    /// What the client is told. What is the client's own doing is not the service's failure.
    fn refusal(self, route: Route, upload: &Upload) -> Refusal {
        match (upload.progress(), self) {
            (Some(Progress::TooLarge), _) => Refusal::BodyTooLarge,
            (Some(Progress::Broken), _) => Refusal::BodyBroken,
            (_, Self::Late(Blame::Client)) => Refusal::BodyTooSlow,
            (_, Self::Late(_)) => {
                warn!(service = route.service.name(), "a service is too slow");
                Refusal::TooSlow
            }
            (_, Self::Upstream(UpstreamError::Busy)) => {
                warn!(service = route.service.name(), "a service is overloaded");
                Refusal::Overloaded
            }
            (_, Self::Upstream(error)) => {
                warn!(
                    service = route.service.name(),
                    error = %chain(&error),
                    "a service is unreachable"
                );
                Refusal::Unreachable
            }
        }
    }
}

/// Waits for the beginning of the answer. The service's time runs from the moment when it has
/// the whole request.
async fn in_time<T>(
    sending: impl Future<Output = Result<T, UpstreamError>>,
    upload: &Upload,
    allowed: Allowed,
) -> Result<T, Failure> {
    let begun = Instant::now();
    let mut due = begun + allowed.service;
    let mut sending = std::pin::pin!(sending);
    loop {
        match tokio::time::timeout_at(due, sending.as_mut()).await {
            Ok(result) => return result.map_err(Failure::Upstream),
            Err(_) => match upload.blame(begun, Instant::now(), allowed) {
                Blame::Nobody(later) => due = later,
                late => return Err(Failure::Late(late)),
            },
        }
    }
}

/// The path that the filters saw, with the query as it came.
fn target(uri: &Uri, path: &str) -> Uri {
    let whole = match uri.query() {
        None => Cow::Borrowed(path),
        Some(query) => Cow::Owned([path, "?", query].concat()),
    };
    let target = PathAndQuery::try_from(whole.as_ref())
        .expect("a normal path and a query of a head make a target");
    Uri::from(target)
}

fn body_limit(path: &str, headers: &HeaderMap) -> u64 {
    let is_form = headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"multipart/form-data"));
    if is_form && routes::below(path, "/api/image") {
        MAX_IMAGE_BYTES
    } else {
        MAX_BODY_BYTES
    }
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn own_page(core: &Core, path: &str, mut parts: Parts, body: Incoming) -> Response<Body> {
    parts.uri = target(&parts.uri, path);
    let request = Request::from_parts(parts, axum::body::Body::new(body));
    let answer = core.state.pages.clone().oneshot(request).await;
    let Ok(response) = answer;
    response.map(Body::Page)
}

fn granted_preflight(granted: HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.headers_mut() = granted;
    cors::mark(&cors::Decision::SameOrigin, response.headers_mut());
    response
}

/// A question about methods is answered here, uncounted, and troubles no service.
fn options() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static(METHODS));
    response
}

fn observe(
    core: &Core,
    method: &Method,
    route: &'static str,
    status: StatusCode,
    elapsed: Duration,
) {
    let labels = RequestLabels {
        method: method_name(method),
        route: route.to_owned(),
        status: status.as_u16(),
    };
    let metrics = &core.state.runtime.metrics;
    metrics.observe_request(&labels, elapsed.as_secs_f64());
    debug!(
        http.method = labels.method,
        http.route = route,
        http.status = labels.status,
        duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        "request answered"
    );
}
