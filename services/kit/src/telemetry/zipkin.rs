//! Spans in Zipkin's v2 JSON. The maintained exporters speak OTLP only, and existing
//! installations of the contract point at a Zipkin endpoint.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use opentelemetry::trace::{SpanId, SpanKind};
use opentelemetry_sdk::{
    error::{OTelSdkError, OTelSdkResult},
    trace::{SpanData, SpanExporter},
};
use serde_json::{Map, Value, json};

/// Longest time one batch may take to be sent.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends batches of spans to a Zipkin endpoint.
#[derive(Debug)]
pub(super) struct Exporter {
    service: &'static str,
    endpoint: String,
    http: reqwest::blocking::Client,
}

impl Exporter {
    pub(super) fn new(service: &'static str, endpoint: &str) -> anyhow::Result<Self> {
        let http = reqwest::blocking::Client::builder()
            .timeout(SEND_TIMEOUT)
            .no_proxy()
            .build()
            .context("the Zipkin exporter cannot be built")?;
        Ok(Self {
            service,
            endpoint: endpoint.to_owned(),
            http,
        })
    }

    fn span(&self, span: &SpanData) -> Value {
        let start = micros(span.start_time);
        let tags: Map<String, Value> = span
            .attributes
            .iter()
            .map(|tag| (tag.key.to_string(), Value::String(tag.value.to_string())))
            .collect();
        let mut json = json!({
            "traceId": span.span_context.trace_id().to_string(),
            "id": span.span_context.span_id().to_string(),
            "name": span.name,
            "timestamp": start,
            "duration": micros(span.end_time).saturating_sub(start).max(1),
            "localEndpoint": {"serviceName": self.service},
            "tags": tags,
        });
        if span.parent_span_id != SpanId::INVALID {
            json["parentId"] = span.parent_span_id.to_string().into();
        }
        match span.span_kind {
            SpanKind::Server => json["kind"] = "SERVER".into(),
            SpanKind::Client => json["kind"] = "CLIENT".into(),
            SpanKind::Producer => json["kind"] = "PRODUCER".into(),
            SpanKind::Consumer => json["kind"] = "CONSUMER".into(),
            SpanKind::Internal => {}
        }
        json
    }
}

fn micros(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| {
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    })
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans: Vec<Value> = batch.iter().map(|span| self.span(span)).collect();
        self.http
            .post(&self.endpoint)
            .json(&spans)
            .send()
            .and_then(reqwest::blocking::Response::error_for_status)
            .map(drop)
            .map_err(|error| OTelSdkError::InternalFailure(error.without_url().to_string()))
    }
}
