//! A gateway to test, the services behind it, and a client that sends a request as it is.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Json, Router, body::Bytes, extract::Request};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpStream, task::JoinHandle};
use urr_contract::{
    AdmissionId, EventId, UserId,
    tokens::{AccessClaims, Claims, EntryClaims, SessionTokenType, TokenKey},
};
use urr_gateway::{
    Config, Gateway,
    config::{LimitArgs, Networks, OnRedisFailure, ServiceArgs, ServiceUrl},
};
use urr_kit::{
    Runtime,
    config::{GatewayTokenArgs, HttpArgs, RedisArgs},
};
use urr_testkit::{GATEWAY_TOKEN, TestRedis, serve};

pub(crate) const JWT_SECRET: &str = "session secret of the tests, long enough";
pub(crate) const ENTRY_SECRET: &str = "entry secret of the tests, 32 and more";
pub(crate) const ORIGIN: &str = "http://shop.test:3000";
/// A limit that no test reaches by accident.
const ROOMY: u32 = 1_000_000;

/// What a test may want different, before the gateway starts.
pub(crate) struct Setup {
    pub(crate) config: Config,
    pub(crate) runtime: Runtime,
    reached: Arc<AtomicUsize>,
}

/// A gateway that serves until the value is dropped.
pub(crate) struct TestGateway {
    pub(crate) address: SocketAddr,
    pub(crate) runtime: Runtime,
    serving: Option<JoinHandle<anyhow::Result<()>>>,
    reached: Arc<AtomicUsize>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) json: Value,
}

/// A service that answers with what it was sent.
pub(crate) fn echo(service: &'static str, reached: Arc<AtomicUsize>) -> Router {
    Router::new().fallback(async move |request: Request| {
        reached.fetch_add(1, Ordering::Relaxed);
        let (parts, body) = request.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        let mut headers = json!({});
        for (name, value) in &parts.headers {
            let values = &mut headers[name.as_str()];
            if values.is_null() {
                *values = json!([]);
            }
            let text = String::from_utf8_lossy(value.as_bytes());
            values.as_array_mut().expect("an array").push(json!(text));
        }
        Json(json!({
            "service": service,
            "method": parts.method.as_str(),
            "target": parts.uri.to_string(),
            "headers": headers,
            "length": body.len(),
        }))
    })
}

fn url(base: &str) -> ServiceUrl {
    base.parse().expect("a URL of our own")
}

/// Where nobody listens.
pub(crate) fn nowhere() -> ServiceUrl {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    url(&format!("http://127.0.0.1:{port}"))
}

impl Setup {
    /// Echoes behind, generous limits, `redis` beside.
    pub(crate) async fn new(redis: RedisArgs) -> Self {
        let reached = Arc::<AtomicUsize>::default();
        let service = async |name| url(&serve(echo(name, Arc::clone(&reached))).await);
        let services = ServiceArgs {
            auth_service_url: service("auth").await,
            ticket_service_url: service("ticket").await,
            payment_service_url: service("payment").await,
            stats_service_url: service("stats").await,
            queue_service_url: service("queue").await,
            community_service_url: service("community").await,
        };
        let config = Config {
            http: HttpArgs {
                port: 0,
                management_port: None,
                bind_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            },
            redis,
            gateway_token: GatewayTokenArgs {
                gateway_token: GATEWAY_TOKEN.into(),
            },
            services,
            limits: LimitArgs {
                rate_limit_auth_rpm: ROOMY,
                rate_limit_queue_rpm: ROOMY,
                rate_limit_booking_rpm: ROOMY,
                rate_limit_door_rpm: ROOMY,
                rate_limit_general_rpm: ROOMY,
                rate_limit_max_clients: 10_000.try_into().expect("not zero"),
                rate_limit_on_redis_failure: OnRedisFailure::Local,
            },
            jwt_secret: JWT_SECRET.into(),
            queue_entry_token_secret: ENTRY_SECRET.into(),
            cloudfront_secret: "".into(),
            cors_allowed_origins: vec![ORIGIN.parse().expect("an origin")],
            trusted_proxies: Networks::default(),
            threads: Some(2.try_into().expect("not zero")),
            max_in_flight: 1_000.try_into().expect("not zero"),
            client_pause_ms: 30_000,
            client_idle_ms: 30_000,
            upstream_timeout_ms: 30_000,
        };
        Self {
            config,
            runtime: urr_testkit::runtime("gateway"),
            reached,
        }
    }

    /// The same with another ticket service.
    pub(crate) async fn ticket(mut self, router: Router) -> Self {
        self.config.services.ticket_service_url = url(&serve(router).await);
        self
    }

    /// The same with other settings.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    pub(crate) async fn start(self) -> TestGateway {
        let gateway = Gateway::start(self.config, &self.runtime)
            .await
            .expect("the gateway starts");
        TestGateway {
            address: gateway.address(),
            runtime: self.runtime,
            serving: Some(spawn(gateway.serve())),
            reached: self.reached,
        }
    }
}

/// A gateway with everything as usual, and its Redis.
pub(crate) async fn gateway() -> (TestGateway, TestRedis) {
    let redis = urr_testkit::redis().await;
    let gateway = Setup::new(redis.args()).await.start().await;
    (gateway, redis)
}

impl TestGateway {
    /// Requests that reached an echo.
    pub(crate) fn reached(&self) -> usize {
        self.reached.load(Ordering::Relaxed)
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.send(Method::GET, target, &[], "").await
    }

    /// Sends exactly this over a connection of its own.
    pub(crate) async fn send(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let request = request(method, target, headers, Full::new(body.into()));
        let response = self.connect().await.send_request(request).await;
        Answer::read(response.expect("an answer")).await
    }

    /// A connection of its own.
    pub(crate) async fn connect<B>(&self) -> http1::SendRequest<B>
    where
        B: hyper::body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let stream = TcpStream::connect(self.address).await.expect("it listens");
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .expect("a connection");
        spawn(async move {
            // The end of a connection is seen by whoever uses it.
            drop(connection.await);
        });
        sender
    }

    /// Ends it and waits for what is in flight.
    pub(crate) async fn stop(&mut self) {
        self.runtime.tasks.cancel();
        if let Some(serving) = self.serving.take() {
            serving.await.expect("no panic").expect("a clean end");
        }
    }

    /// An access token of `user`.
    pub(crate) fn access_token(&self, user: UserId) -> String {
        session_token(user, SessionTokenType::Access, self.now() + 600)
    }

    /// An entry token of `user` for `event`, and its admission.
    pub(crate) fn entry_token(&self, event: EventId, user: UserId) -> (String, AdmissionId) {
        let admission = AdmissionId::random();
        let claims = EntryClaims {
            sub: event,
            uid: user,
            user_id: user,
            jti: admission,
            iat: self.now(),
            exp: self.now() + 600,
        };
        (sign_entry(ENTRY_SECRET, &claims), admission)
    }

    /// Seconds since the epoch.
    pub(crate) fn now(&self) -> i64 {
        self.runtime.clock.now().as_second()
    }
}

impl Drop for TestGateway {
    fn drop(&mut self) {
        self.runtime.tasks.cancel();
    }
}

pub(crate) fn session_token(user: UserId, token_type: SessionTokenType, exp: i64) -> String {
    let claims = AccessClaims {
        sub: user,
        user_id: user,
        email: "ana@test.invalid".to_owned(),
        role: "user".to_owned(),
        token_type,
        family_id: None,
        iat: exp - 600,
        exp,
    };
    let key = TokenKey::session(JWT_SECRET).expect("long enough");
    key.sign(&claims).expect("signed")
}

pub(crate) fn sign_entry(secret: &str, claims: &impl Claims) -> String {
    let key = TokenKey::entry(secret).expect("long enough");
    key.sign(claims).expect("signed")
}

pub(crate) fn request<B>(
    method: Method,
    target: &str,
    headers: &[(&str, &str)],
    body: B,
) -> http::Request<B> {
    let mut request = http::Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = target.parse().expect("a target");
    request
        .headers_mut()
        .insert("host", HeaderValue::from_static("gateway.test"));
    for (name, value) in headers {
        request.headers_mut().append(
            HeaderName::from_bytes(name.as_bytes()).expect("a name"),
            HeaderValue::from_bytes(value.as_bytes()).expect("a value"),
        );
    }
    request
}

#[expect(
    clippy::disallowed_methods,
    reason = "ends with the test's own runtime"
)]
pub(crate) fn spawn<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    tokio::spawn(work)
}

impl Answer {
    pub(crate) async fn read(response: http::Response<hyper::body::Incoming>) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a whole body").to_bytes();
        Self {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
            json: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        }
    }

    /// Asserts the status, showing the body where it differs.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// Asserts status and code, and that the body says it in all the ways clients read.
    #[track_caller]
    pub(crate) fn expect_refusal(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.json["code"], code);
        assert!(answer.json["error"].is_string(), "{}", answer.text);
        assert_eq!(answer.json["error"], answer.json["message"]);
        assert_eq!(answer.headers["content-type"], "application/json");
        answer
    }

    /// The header that reached the service; empty where none did.
    pub(crate) fn echoed(&self, name: &str) -> &str {
        self.json["headers"][name][0].as_str().unwrap_or_default()
    }
}
