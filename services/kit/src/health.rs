//! Health: the contract's report on `/health`, and the two probes that decide something.
//!
//! `/livez` says that the process runs, `/readyz` that it can do its work: its own
//! Postgres answers and whatever else was named by [`Health::ready`]. Losing Redis or the
//! bus shows on `/health` and makes nothing restart.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use futures::future::join_all;
use http::{StatusCode, header::CONTENT_TYPE};
use serde_json::{Map, Value, json};
use sqlx::PgPool;

use crate::{Metrics, Runtime, bus::Bus, redis::Redis, telemetry::chain};

/// How long one check may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

type CheckFuture = Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>;
type Check = Arc<dyn Fn() -> CheckFuture + Send + Sync>;

/// The checks of one service.
#[derive(Clone)]
pub struct Health {
    service: &'static str,
    metrics: Metrics,
    dependencies: Vec<(&'static str, Check)>,
    readiness: Vec<(&'static str, Check)>,
}

impl std::fmt::Debug for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Health")
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

impl Health {
    /// No checks yet.
    pub fn new(runtime: &Runtime) -> Self {
        Self {
            service: runtime.service,
            metrics: runtime.metrics.clone(),
            dependencies: Vec::new(),
            readiness: Vec::new(),
        }
    }

    /// The service's own Postgres: part of the report and of readiness.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "a statement without tables")]
    pub fn postgres(self, name: &'static str, pool: &PgPool) -> Self {
        let pool = pool.clone();
        let check = move || {
            let pool = pool.clone();
            async move {
                sqlx::query("select 1").execute(&pool).await?;
                Ok(())
            }
        };
        self.dependency(name, check.clone()).ready(name, check)
    }

    /// Redis: part of the report only.
    #[must_use]
    pub fn redis(self, name: &'static str, redis: &Redis) -> Self {
        let redis = redis.clone();
        self.dependency(name, move || {
            let redis = redis.clone();
            async move { Ok(redis.ping().await?) }
        })
    }

    /// The bus: part of the report only.
    #[must_use]
    pub fn bus(self, name: &'static str, bus: &Bus) -> Self {
        let bus = bus.clone();
        self.dependency(name, move || {
            let bus = bus.clone();
            async move { Ok(bus.check().await?) }
        })
    }

    /// Anything else that shall stand in the report.
    #[must_use]
    pub fn dependency<F, C>(mut self, name: &'static str, check: C) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
        C: Fn() -> F + Send + Sync + 'static,
    {
        self.dependencies
            .push((name, Arc::new(move || Box::pin(check()))));
        self
    }

    /// A condition without which the service cannot do its work.
    #[must_use]
    pub fn ready<F, C>(mut self, name: &'static str, check: C) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
        C: Fn() -> F + Send + Sync + 'static,
    {
        self.readiness
            .push((name, Arc::new(move || Box::pin(check()))));
        self
    }

    /// `/health`, `/livez` and `/readyz`.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/health", get(report))
            .route("/livez", get(async || "ok"))
            .route("/readyz", get(readiness))
            .with_state(self.clone())
    }

    /// `/actuator/health`, `/actuator/info` and `/actuator/prometheus`.
    pub fn actuator(&self) -> Router {
        Router::new()
            .route("/actuator/health", get(actuator_health))
            .route("/actuator/info", get(info))
            .route("/actuator/prometheus", get(prometheus))
            .with_state(self.clone())
    }
}

/// Results by name; `Ok` or the error's chain.
async fn run(checks: &[(&'static str, Check)]) -> Vec<(&'static str, Result<(), String>)> {
    join_all(checks.iter().map(async |(name, check)| {
        let result = match tokio::time::timeout(CHECK_TIMEOUT, check()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(chain(&*error)),
            Err(_) => Err("no answer in time".to_owned()),
        };
        (*name, result)
    }))
    .await
}

fn status_of(results: &[(&'static str, Result<(), String>)]) -> StatusCode {
    if results.iter().all(|(_, result)| result.is_ok()) {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

async fn report(State(health): State<Health>) -> Response {
    let results = run(&health.dependencies).await;
    let status = status_of(&results);
    let dependencies: Map<String, Value> = results
        .into_iter()
        .map(|(name, result)| {
            let text = match result {
                Ok(()) => "ok".to_owned(),
                Err(error) => format!("error: {error}"),
            };
            (name.to_owned(), Value::String(text))
        })
        .collect();
    let body = json!({
        "service": format!("{}-service", health.service),
        "status": if status == StatusCode::OK { "ok" } else { "degraded" },
        "dependencies": dependencies,
    });
    (status, Json(body)).into_response()
}

async fn readiness(State(health): State<Health>) -> Response {
    let results = run(&health.readiness).await;
    let status = status_of(&results);
    let waiting: Map<String, Value> = results
        .into_iter()
        .filter_map(|(name, result)| Some((name.to_owned(), Value::String(result.err()?))))
        .collect();
    (
        status,
        Json(json!({"ready": status == StatusCode::OK, "waiting": waiting})),
    )
        .into_response()
}

async fn actuator_health(State(health): State<Health>) -> Response {
    let results = run(&health.dependencies).await;
    let status = status_of(&results);
    let components: Map<String, Value> = results
        .into_iter()
        .map(|(name, result)| {
            let status = if result.is_ok() { "UP" } else { "DOWN" };
            (name.to_owned(), json!({"status": status}))
        })
        .collect();
    let word = if status == StatusCode::OK {
        "UP"
    } else {
        "DOWN"
    };
    (
        status,
        Json(json!({"status": word, "components": components})),
    )
        .into_response()
}

async fn info(State(health): State<Health>) -> Json<Value> {
    Json(json!({"app": {"name": health.service, "version": env!("CARGO_PKG_VERSION")}}))
}

async fn prometheus(State(health): State<Health>) -> Response {
    match health.metrics.render() {
        Ok(text) => (
            [(
                CONTENT_TYPE,
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
            )],
            text,
        )
            .into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
