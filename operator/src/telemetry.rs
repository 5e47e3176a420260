//! The operator's own metrics.

use std::time::Instant;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
};
use urr_kit::Metrics;

/// Which controller.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct ControllerLabel {
    controller: &'static str,
}

/// Which controller failed, and how.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct FailureLabels {
    controller: &'static str,
    error: &'static str,
}

/// Which sale.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct SaleLabels {
    namespace: String,
    name: String,
}

/// Which service of which namespace.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct ServiceLabels {
    namespace: String,
    service: &'static str,
}

/// Metrics of all controllers.
#[derive(Clone)]
pub(crate) struct Instruments {
    reconciles: Family<ControllerLabel, Counter>,
    failures: Family<FailureLabels, Counter>,
    seconds: Histogram,
    until_opening: Family<SaleLabels, Gauge>,
    wanted: Family<ServiceLabels, Gauge>,
    ready: Family<ServiceLabels, Gauge>,
    late: Histogram,
}

impl Instruments {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self {
            reconciles: metrics.register(
                "urr_operator_reconciles",
                "Objects that were looked at",
                Family::default(),
            ),
            failures: metrics.register(
                "urr_operator_failures",
                "Looks that ended in an error",
                Family::default(),
            ),
            seconds: metrics.histogram("urr_operator_reconcile_seconds", "Time of one look"),
            until_opening: metrics.register(
                "urr_sale_opening_seconds",
                "Seconds until a sale opens; negative afterwards",
                Family::default(),
            ),
            wanted: metrics.register(
                "urr_service_wanted_replicas",
                "Replicas that all sales together ask for, at least the base",
                Family::default(),
            ),
            ready: metrics.register(
                "urr_service_ready_replicas",
                "Replicas that are ready",
                Family::default(),
            ),
            late: metrics.histogram(
                "urr_operator_transition_late_seconds",
                "How long after its time a phase was written",
            ),
        }
    }

    /// Counts one look that began at `start`.
    pub(crate) fn looked(&self, controller: &'static str, start: Instant) {
        let label = ControllerLabel { controller };
        self.reconciles.get_or_create(&label).inc();
        self.seconds.observe(start.elapsed().as_secs_f64());
    }

    /// Counts one failure.
    pub(crate) fn failed(&self, controller: &'static str, error: &'static str) {
        let labels = FailureLabels { controller, error };
        self.failures.get_or_create(&labels).inc();
    }

    /// Shows how long it is until a sale opens.
    pub(crate) fn opens_in(&self, namespace: &str, name: &str, seconds: i64) {
        self.until_opening
            .get_or_create(&labels_of(namespace, name))
            .set(seconds);
    }

    /// Shows a sale no longer.
    pub(crate) fn forget_sale(&self, namespace: &str, name: &str) {
        self.until_opening.remove(&labels_of(namespace, name));
    }

    /// Shows what should run and what is ready.
    pub(crate) fn replicas(&self, namespace: &str, service: &'static str, wanted: u32, ready: u32) {
        let labels = service_labels(namespace, service);
        self.wanted.get_or_create(&labels).set(wanted.into());
        self.ready.get_or_create(&labels).set(ready.into());
    }

    /// Shows a service no longer.
    pub(crate) fn forget_service(&self, namespace: &str, service: &'static str) {
        let labels = service_labels(namespace, service);
        self.wanted.remove(&labels);
        self.ready.remove(&labels);
    }

    /// Shows how late a phase was written.
    pub(crate) fn was_late(&self, seconds: f64) {
        self.late.observe(seconds);
    }
}

fn labels_of(namespace: &str, name: &str) -> SaleLabels {
    SaleLabels {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

fn service_labels(namespace: &str, service: &'static str) -> ServiceLabels {
    ServiceLabels {
        namespace: namespace.to_owned(),
        service,
    }
}
