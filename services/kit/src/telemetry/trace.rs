//! The trace a request belongs to: read from its headers, shown in every log line, handed on.

use std::fmt;

use http::HeaderMap;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

tokio::task_local! {
    static CURRENT: TraceContext;
}

/// Trace id and span id, as in W3C's `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: TraceId,
    span_id: SpanId,
    sampled: bool,
    /// Whether it came from outside, so that spans hang under it.
    remote: bool,
}

impl TraceContext {
    /// The trace of a request: from `traceparent`, else from B3's headers, else a new one.
    pub fn of_request(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        text("traceparent")
            .and_then(Self::from_traceparent)
            .or_else(|| {
                Self::from_hex(
                    text("x-b3-traceid")?,
                    text("x-b3-spanid")?,
                    text("x-b3-sampled") != Some("0"),
                )
            })
            .unwrap_or_else(Self::new)
    }

    /// A new trace.
    pub fn new() -> Self {
        Self {
            trace_id: TraceId::from_bytes(rand::random()),
            span_id: SpanId::from_bytes(rand::random()),
            sampled: true,
            remote: false,
        }
    }

    fn from_traceparent(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let version = parts.next()?;
        let (trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?);
        if version.len() != 2 || version == "ff" || flags.len() != 2 {
            return None;
        }
        let flags = u8::from_str_radix(flags, 16).ok()?;
        Self::from_hex(trace, span, flags & 1 == 1)
    }

    fn from_hex(trace: &str, span: &str, sampled: bool) -> Option<Self> {
        if !matches!(trace.len(), 16 | 32) || span.len() != 16 {
            return None;
        }
        let trace_id = TraceId::from_hex(trace).ok()?;
        let span_id = SpanId::from_hex(span).ok()?;
        let valid = trace_id != TraceId::INVALID && span_id != SpanId::INVALID;
        valid.then_some(Self {
            trace_id,
            span_id,
            sampled,
            remote: true,
        })
    }

    /// Hangs `span` under this context where spans are exported.
    pub(super) fn adopt(&self, span: &Span) {
        if !self.remote {
            return;
        }
        let flags = if self.sampled {
            TraceFlags::SAMPLED
        } else {
            TraceFlags::NOT_SAMPLED
        };
        let parent = SpanContext::new(
            self.trace_id,
            self.span_id,
            flags,
            true,
            TraceState::default(),
        );
        // Fails only where no exporter is configured; then there is nothing to hang.
        drop(span.set_parent(opentelemetry::Context::new().with_remote_span_context(parent)));
    }

    /// The context inside `span`: the exporter's ids, or a new span id where nothing is exported.
    pub(crate) fn entered(self, span: &Span) -> Self {
        let context = span.context();
        let exported = context.span().span_context().clone();
        if exported.is_valid() {
            return Self {
                trace_id: exported.trace_id(),
                span_id: exported.span_id(),
                sampled: exported.is_sampled(),
                remote: false,
            };
        }
        Self {
            span_id: SpanId::from_bytes(rand::random()),
            ..self
        }
    }

    /// The context of the running request, if any.
    pub(super) fn current() -> Option<Self> {
        CURRENT.try_with(|context| *context).ok()
    }

    /// Trace id in hexadecimal.
    pub(super) fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// Span id in hexadecimal.
    pub(super) fn span_id(&self) -> SpanId {
        self.span_id
    }
}

impl Default for TraceContext {
    fn default() -> Self {
        Self::new()
    }
}

/// As a `traceparent` header.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.sampled);
        write!(f, "00-{}-{}-{flags:02x}", self.trace_id, self.span_id)
    }
}

/// `traceparent` for a call made now, if a request is being answered.
pub fn traceparent() -> Option<String> {
    TraceContext::current().map(|context| context.to_string())
}

/// Runs `work` inside `context`: its log lines and calls carry it.
pub async fn within<F: Future>(context: TraceContext, work: F) -> F::Output {
    CURRENT.scope(context, work).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_read_and_written_alike() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let context = TraceContext::from_traceparent(text).expect("valid");
        assert_eq!(context.to_string(), text);
    }

    #[test]
    fn a_broken_traceparent_is_ignored() {
        for text in [
            "",
            "00",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f35-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-zzf067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::from_traceparent(text), None, "{text:?}");
        }
    }
}
