//! Logs and traces.
//!
//! Every line carries service, trace id and span id. The trace comes from `traceparent` (or
//! B3's headers) or begins here, and goes on with every call to a peer. Spans are exported
//! over OTLP or in Zipkin's v2 JSON where an endpoint is configured.

mod format;
mod trace;
mod zipkin;

use anyhow::Context;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracerProvider},
};
use tracing::Span;
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

pub use trace::{TraceContext, traceparent, within};

/// Form of log lines.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One line for people.
    Human,
    /// One JSON object a line.
    Json,
}

/// How a service tells what it does.
#[derive(clap::Args, Clone, Debug)]
pub struct TelemetryArgs {
    /// Form of log lines.
    #[arg(
        long,
        env = "LOG_FORMAT",
        default_value = "human",
        hide_env_values = true,
        global = true
    )]
    pub log_format: LogFormat,
    /// What is logged, as `level` or `module=level,…`.
    #[arg(
        long,
        env = "LOG_LEVEL",
        default_value = "info",
        hide_env_values = true,
        global = true
    )]
    pub log_level: String,
    /// Zipkin v2 endpoint for spans, for instance `http://localhost:9411/api/v2/spans`.
    #[arg(long, env = "ZIPKIN_ENDPOINT", hide_env_values = true, global = true)]
    pub zipkin_endpoint: Option<String>,
    /// OTLP/HTTP endpoint for spans, for instance `http://localhost:4318/v1/traces`.
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        hide_env_values = true,
        global = true
    )]
    pub otlp_endpoint: Option<String>,
    /// Share of traces that begin here and are exported, 0 to 1.
    #[arg(
        long,
        env = "TRACING_SAMPLING_PROBABILITY",
        default_value_t = 1.0,
        hide_env_values = true,
        global = true
    )]
    pub tracing_sampling_probability: f64,
}

/// Flushes spans when dropped at the end of `main`.
#[derive(Debug)]
#[must_use = "spans are flushed when it is dropped"]
pub struct Telemetry(Option<SdkTracerProvider>);

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.0.as_ref().map(SdkTracerProvider::shutdown) {
            tracing::warn!(error = %chain(&error), "spans were not flushed");
        }
    }
}

/// Sets up logs and traces for this process. To be called once, outside any async runtime.
pub fn init(service: &'static str, args: &TelemetryArgs) -> anyhow::Result<Telemetry> {
    let filter = EnvFilter::try_new(&args.log_level).context("LOG_LEVEL cannot be read")?;
    let lines = format::layer(service, args.log_format);
    let provider = exporter(service, args)?;
    let spans = provider.as_ref().map(|provider| {
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("urr"))
            .with_filter(tracing_subscriber::filter::LevelFilter::INFO)
    });
    tracing_subscriber::registry()
        .with(spans)
        .with(lines.with_filter(filter))
        .try_init()
        .context("telemetry was set up twice")?;
    Ok(Telemetry(provider))
}

fn exporter(
    service: &'static str,
    args: &TelemetryArgs,
) -> anyhow::Result<Option<SdkTracerProvider>> {
    if args.zipkin_endpoint.is_none() && args.otlp_endpoint.is_none() {
        return Ok(None);
    }
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
        args.tracing_sampling_probability,
    )));
    let mut provider = SdkTracerProvider::builder()
        .with_sampler(sampler)
        .with_resource(Resource::builder().with_service_name(service).build());
    if let Some(endpoint) = &args.otlp_endpoint {
        let otlp = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_endpoint(endpoint)
            .build()
            .context("the OTLP exporter cannot be built")?;
        provider = provider.with_batch_exporter(otlp);
    }
    if let Some(endpoint) = &args.zipkin_endpoint {
        provider = provider.with_batch_exporter(zipkin::Exporter::new(service, endpoint)?);
    }
    Ok(Some(provider.build()))
}

/// The span of one request.
pub(crate) fn request_span(method: &'static str, route: &str, trace: &TraceContext) -> Span {
    let span = tracing::info_span!(
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        http.method = method,
        http.route = route
    );
    trace.adopt(&span);
    span
}

/// The error and its causes in one line. A cause that was said already, as some libraries do
/// in their own text, is not said again.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let said = source.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = source.source();
    }
    text
}
