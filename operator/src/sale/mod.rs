//! The sale controller: one `TicketingEvent` at a time, from what is there to what should be.
//!
//! Dereference (what is seen), plan (what should hold, without IO), apply (the policy, in
//! queue and ticket), status. Capacity is written by its own controller, data by the
//! platform's; here is only what they found out.

mod existence;
mod figures;
mod policy;
mod status;
mod teardown;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use kube::{
    Api, ResourceExt,
    runtime::{
        controller::Action,
        finalizer::{Error as FinalizerError, Event, finalizer},
    },
};
use tracing::warn;
use urr_contract::EventId;
use urr_operator_api::{AdmissionMode, Phase, TicketingEvent, conditions::ConditionStatus, names};
use urr_operator_plan::{
    capacity::{self, Sale},
    throttle,
    verdict::{self, DataSeen, Existence, PolicySeen, Seen, ServiceSeen},
};

use crate::{backoff, causes::chain, schedule::until, world::World};
use figures::Figures;
use policy::Handed;

/// Name in metrics and logs.
pub(crate) const NAME: &str = "sale";
/// A throttle is prepared so long before opening.
const THROTTLE_FROM: SignedDuration = SignedDuration::from_mins(2);
/// A shortage is told so long before opening.
const WARN_BEFORE: SignedDuration = SignedDuration::from_mins(5);

/// What is remembered of one sale between two looks. Losing it costs a few calls.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Looks in a row in which something could not be reached.
    failures: u32,
    /// The event was there, seen at that time.
    found: Option<(EventId, Timestamp)>,
    queue: Handed,
    ticket: Handed,
    figures: Figures,
    /// Whether the shortage before opening was told.
    has_warned: bool,
}

/// Why a look ended early.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// The API server.
    #[error("the API server refused or failed")]
    Kubernetes(#[from] kube::Error),
    /// The finalizer could not be set or removed.
    #[error("the finalizer could not be changed")]
    Finalizer(#[source] Box<FinalizerError<Self>>),
    /// A deleted sale waits for something.
    #[error("{0}")]
    Waiting(String),
}

impl Error {
    fn kind(&self) -> &'static str {
        match self {
            Self::Kubernetes(_) => "Kubernetes",
            Self::Finalizer(_) => "Finalizer",
            Self::Waiting(_) => "Waiting",
        }
    }
}

/// Looks at one sale.
pub(crate) async fn reconcile(sale: Arc<TicketingEvent>, world: Arc<World>) -> Action {
    let start = Instant::now();
    let result = dispatch(Arc::clone(&sale), &world).await;
    world.instruments.looked(NAME, start);
    result.unwrap_or_else(|error| on_error(&sale, &error, &world))
}

async fn dispatch(sale: Arc<TicketingEvent>, world: &World) -> Result<Action, Error> {
    let is_deleted = sale.metadata.deletion_timestamp.is_some();
    if sale.spec.paused && !is_deleted {
        return look(&sale, world).await;
    }
    let namespace = sale.namespace().unwrap_or_default();
    let api: Api<TicketingEvent> = Api::namespaced(world.client.clone(), &namespace);
    let applied = finalizer(&api, names::FINALIZER, sale, async |event| match event {
        Event::Apply(sale) => look(&sale, world).await,
        Event::Cleanup(sale) => teardown::run(&sale, world).await,
    });
    match applied.await {
        // What was seen is older than what is there: the newer object is on its way.
        Err(FinalizerError::AddFinalizer(error) | FinalizerError::RemoveFinalizer(error))
            if is_outdated(&error) =>
        {
            Ok(Action::requeue(Duration::from_secs(1)))
        }
        Err(FinalizerError::ApplyFailed(error) | FinalizerError::CleanupFailed(error)) => {
            Err(error)
        }
        other => other.map_err(|error| Error::Finalizer(Box::new(error))),
    }
}

/// Whether a change of the finalizers was refused because others were expected, or because
/// the object is gone.
fn is_outdated(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if [404, 409, 422].contains(&status.code))
}

/// What happens after a failure: wait longer each time, alone for this sale.
fn on_error(sale: &TicketingEvent, error: &Error, world: &World) -> Action {
    world.instruments.failed(NAME, error.kind());
    warn!(sale.name = sale.name_any(), error = %chain(error), "a sale waits");
    let uid = sale.uid().unwrap_or_default();
    let mut memory = world.recall(&uid);
    memory.failures = memory.failures.saturating_add(1);
    let delay = backoff::delay(memory.failures, rand::random());
    world.remember(&uid, memory);
    Action::requeue(delay)
}

/// One sale with everything that a look needs of it.
struct View<'a> {
    sale: &'a TicketingEvent,
    uid: String,
    namespace: String,
    now: Timestamp,
    asks: Sale,
    phase: Phase,
    /// How long what queue and ticket stored is believed.
    believed_for: SignedDuration,
}

impl<'a> View<'a> {
    fn new(sale: &'a TicketingEvent, world: &World) -> Self {
        let now = world.clock.now();
        let namespace = sale.namespace().unwrap_or_default();
        let asks = world.asks(sale).sale;
        let is_sold_out = figures::is_sold_out(sale);
        Self {
            uid: sale.uid().unwrap_or_default(),
            phase: asks.timetable.phase(now, is_sold_out),
            sale,
            namespace,
            now,
            asks,
            believed_for: world.believed_for,
        }
    }

    fn status_phase(&self) -> Option<Phase> {
        self.sale.status.as_ref().and_then(|status| status.phase)
    }
}

async fn look(sale: &TicketingEvent, world: &World) -> Result<Action, Error> {
    let uid = sale.uid().unwrap_or_default();
    let mut memory = world.recall(&uid);
    let result = look_with(sale, world, &mut memory).await;
    if result.is_ok() && !memory_failed(&memory) {
        memory.failures = 0;
    }
    world.remember(&uid, memory);
    result
}

fn memory_failed(memory: &Memory) -> bool {
    memory.queue.is_failing || memory.ticket.is_failing
}

async fn look_with(
    sale: &TicketingEvent,
    world: &World,
    memory: &mut Memory,
) -> Result<Action, Error> {
    let view = View::new(sale, world);
    let data = data_seen(&view, world);
    let existence = existence::find(&view, &data, world, memory).await;
    let mut seen = seen(&view, data, existence, world);
    let may_act = verdict::accepted(&seen).status == ConditionStatus::True && !sale.spec.paused;
    let event = memory
        .found
        .map(|(event, _)| event)
        .or_else(|| sale.event_id());
    if let (true, Some(event)) = (may_act, event) {
        let throttle = policy::throttle_wanted(&view, &seen, memory);
        let written = policy::hand_over(&view, event, throttle, world, memory).await;
        seen.policy = written.seen;
        seen.rate.1 = written.rate;
    } else if sale.spec.paused {
        seen.policy = policy::as_last_seen(sale);
    }
    if let (ConditionStatus::True, Some(event)) = (verdict::accepted(&seen).status, event) {
        figures::sample(&view, event, world, memory).await;
    }
    status::write(&view, &seen, event, world, memory).await?;
    if memory_failed(memory) || matches!(seen.existence, Existence::Unreachable { .. }) {
        memory.failures = memory.failures.saturating_add(1);
        let delay = backoff::delay(memory.failures, rand::random());
        return Ok(Action::requeue(
            delay.min(until(next_look(&view, memory), view.now)),
        ));
    }
    Ok(Action::requeue(until(
        next_look(&view, memory),
        world.clock.now(),
    )))
}

fn data_seen(view: &View<'_>, world: &World) -> DataSeen {
    world
        .data(&view.namespace)
        .unwrap_or_else(|| DataSeen::NotReady {
            reason: "PlatformMissing",
            message: format!(
                "there is no ConfigMap {} in {}: install the chart urr in this namespace",
                names::PLATFORM,
                view.namespace
            ),
        })
}

/// What was seen, as far as nothing had to be written for it.
fn seen(view: &View<'_>, data: DataSeen, existence: Existence, world: &World) -> Seen {
    let spec = &view.sale.spec;
    let declared = spec.admission.admit_per_second;
    Seen {
        now: view.now,
        phase: view.phase,
        closes_at: spec.sale.closes_at,
        existence,
        data,
        policy: PolicySeen::NotSent,
        services: services_seen(view, world),
        rate: (declared, declared),
        is_suspended: spec.sale.suspended,
        is_paused: spec.paused,
        was_accepted: view.sale.was_accepted(),
    }
}

fn services_seen(view: &View<'_>, world: &World) -> Vec<ServiceSeen> {
    let mut others = world.sales_of(&view.namespace);
    others.remove(&view.uid);
    let demands = view.asks.demands.iter();
    demands
        .map(|demand| {
            let service = demand.service;
            let workload = world.workload(&view.namespace, service);
            let peak = workload.as_ref().map(|workload| {
                let others = others.values().map(|asks| &asks.sale);
                capacity::peak(service, &view.asks, others, workload.bounds, view.now)
            });
            ServiceSeen {
                service,
                exists: workload.is_some(),
                floor_now: view.asks.floor_at(service, view.now),
                wanted: workload
                    .as_ref()
                    .map_or(0, |workload| workload.wanted.replicas),
                ready: workload.as_ref().map_or(0, |workload| workload.ready),
                capped: peak
                    .filter(urr_operator_plan::Wanted::is_capped)
                    .map(|peak| (peak.asked, peak.replicas)),
            }
        })
        .collect()
}

/// When this sale must be looked at again, if nothing else happens.
fn next_look(view: &View<'_>, memory: &Memory) -> Option<Timestamp> {
    let opens_at = view.sale.spec.sale.opens_at;
    let before_opening = [WARN_BEFORE, THROTTLE_FROM].map(|before| opens_at.checked_sub(before));
    let before_opening = before_opening.into_iter().filter_map(Result::ok);
    let throttle = memory.queue.throttle().map(throttle::wakes_at);
    let step_up = memory.queue.throttle().map(throttle::may_go_up_at);
    let all = before_opening
        .chain(view.asks.timetable.wakes_at(view.now))
        .chain(throttle)
        .chain(step_up)
        .chain(memory.figures.next(view))
        .chain(memory.queue.reads_back_at(view))
        .chain(memory.ticket.reads_back_at(view));
    all.filter(|at| *at > view.now).min()
}

/// Whether admission follows readiness now.
fn is_following(view: &View<'_>) -> bool {
    let spec = &view.sale.spec;
    let begins = spec.sale.opens_at.checked_sub(THROTTLE_FROM);
    spec.capacity.admission == AdmissionMode::FollowReady
        && begins.is_ok_and(|begins| begins <= view.now)
        && view.now < spec.sale.closes_at
}
