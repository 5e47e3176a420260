//! What is written into the status, and what is said about the change.

use jiff::Timestamp;
use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::json;
use urr_contract::EventId;
use urr_operator_api::{
    Phase, Service, TicketingEvent, TicketingEventStatus,
    conditions::{ConditionType, merge, whole_seconds},
    names::managers,
    status::{CapacityStatus, NextTransition, PolicyStatus, ServiceCapacity},
};
use urr_operator_plan::verdict::{self, PolicySeen, Seen};

use super::{Error, Memory, View, WARN_BEFORE};
use crate::{report::News, world::World};

/// A phase that was written so long after its time is worth saying.
const LATE_SECONDS: i64 = 5;

/// Writes the status where it differs, and says what changed.
pub(super) async fn write(
    view: &View<'_>,
    seen: &Seen,
    event: Option<EventId>,
    world: &World,
    memory: &mut Memory,
) -> Result<(), Error> {
    let name = view.sale.name_any();
    let opens_in = view.sale.spec.sale.opens_at.duration_since(view.now);
    world
        .instruments
        .opens_in(&view.namespace, &name, opens_in.as_secs());
    let status = build(view, seen, event, world, memory);
    let mut news = news(view, &status);
    news.extend(too_short(view, &status));
    news.extend(shortage(view, &status, memory));
    if view.sale.status.as_ref() != Some(&status) {
        let api: Api<TicketingEvent> = Api::namespaced(world.client.clone(), &view.namespace);
        patch(&api, view.sale, &status).await?;
        note_lateness(view, world);
    }
    for news in news {
        world.reporter.say(view.sale, &news).await;
    }
    Ok(())
}

/// Writes a status to this very object, not to one of the same name that came after it.
async fn patch(
    api: &Api<TicketingEvent>,
    sale: &TicketingEvent,
    status: &TicketingEventStatus,
) -> Result<(), Error> {
    let name = sale.name_any();
    let patch = json!({
        "apiVersion": TicketingEvent::api_version(&()),
        "kind": TicketingEvent::kind(&()),
        "metadata": {"name": name, "uid": sale.uid()},
        "status": status,
    });
    let params = PatchParams::apply(managers::STATUS).force();
    api.patch_status(&name, &params, &Patch::Apply(patch))
        .await?;
    Ok(())
}

fn build(
    view: &View<'_>,
    seen: &Seen,
    event: Option<EventId>,
    world: &World,
    memory: &Memory,
) -> TicketingEventStatus {
    let before = view.sale.status.clone().unwrap_or_default();
    let generation = view.sale.metadata.generation;
    TicketingEventStatus {
        observed_generation: generation,
        phase: Some(view.phase),
        next_transition: view
            .asks
            .timetable
            .next(view.now)
            .map(|(phase, at)| next(phase, at)),
        event_id: event.or(before.event_id),
        policy: policy(view, seen, memory, before.policy),
        capacity: capacity(view, seen, world),
        line: memory.figures.line.clone().or(before.line),
        seats: memory.figures.seats.clone().or(before.seats),
        conditions: merge(
            &before.conditions,
            &verdict::conditions(seen),
            generation,
            view.now,
        ),
    }
}

fn next(phase: Phase, at: Timestamp) -> NextTransition {
    NextTransition {
        phase,
        at,
        summary: format!("{} {at}", phase.name()),
    }
}

fn policy(
    view: &View<'_>,
    seen: &Seen,
    memory: &Memory,
    before: Option<PolicyStatus>,
) -> Option<PolicyStatus> {
    if seen.policy != PolicySeen::Applied || view.sale.spec.paused {
        return before;
    }
    let (generation, at) = memory.queue.applied?;
    let (declared, rate) = seen.rate;
    let applied_at = match &before {
        // An operator that was restarted found it in force.
        Some(before) if before.applied_generation == generation => before.applied_at,
        _ => whole_seconds(at),
    };
    Some(PolicyStatus {
        applied_generation: generation,
        applied_at,
        admit_per_second: rate,
        reason: if rate < declared {
            "FollowingReady"
        } else {
            "Declared"
        }
        .to_owned(),
    })
}

fn capacity(view: &View<'_>, seen: &Seen, world: &World) -> Option<CapacityStatus> {
    if view.asks.demands.is_empty() {
        return None;
    }
    let before = view
        .sale
        .status
        .as_ref()
        .and_then(|status| status.capacity.as_ref());
    // What was measured before this process began is still true.
    let measured_before = |service: Service| {
        let mut services = before.into_iter().flat_map(|capacity| &capacity.services);
        services.find(|found| found.name == service)?.warmup_seconds
    };
    let services = view.asks.demands.iter().zip(&seen.services);
    let services = services.map(|(demand, service)| ServiceCapacity {
        name: demand.service,
        floor: demand.floor,
        asked: service.floor_now,
        wanted: service.wanted,
        ready: service.ready,
        from: view.asks.timetable.floor_from(demand.service),
        sum: demand.sum.clone(),
        warmup_seconds: world
            .warmup_seconds(&view.namespace, demand.service)
            .or_else(|| measured_before(demand.service)),
    });
    let services: Vec<_> = services.collect();
    let total = |count: fn(&ServiceCapacity) -> u32| services.iter().map(count).sum::<u32>();
    Some(CapacityStatus {
        summary: format!(
            "{}/{}",
            total(|service| service.ready.min(service.wanted)),
            total(|service| service.wanted)
        ),
        services,
    })
}

/// What changed from the status that is there to the one that is written.
fn news(view: &View<'_>, status: &TicketingEventStatus) -> Vec<News> {
    let before = view.sale.status.clone().unwrap_or_default();
    let mut news = Vec::new();
    if let (Some(from), Some(to)) = (before.phase, status.phase)
        && from != to
    {
        let late = lateness(view);
        news.push(News::normal(
            to.name(),
            format!("the sale went from {} to {}", from.name(), to.name()),
        ));
        if late > LATE_SECONDS {
            news.push(News::normal(
                "TransitionLate",
                format!("{} began {late} s ago", to.name()),
            ));
        }
    }
    let is_new = before.conditions.is_empty();
    if is_new && view.sale.spec.sale.opens_at <= view.now {
        news.push(News::warning(
            "OpensInPast",
            "sale.opensAt has passed: people are let in as soon as the policy is applied",
        ));
    }
    let told = [
        (ConditionType::Accepted, "True"),
        (ConditionType::PolicyApplied, "True"),
        (ConditionType::DataReady, "True"),
        (ConditionType::CapacityReady, "True"),
        (ConditionType::Degraded, "False"),
    ];
    for (type_, good) in told {
        let of = |status: &TicketingEventStatus| {
            let found = status
                .conditions
                .iter()
                .find(|found| found.type_ == type_.name());
            found.cloned()
        };
        let (Some(now), then) = (of(status), of(&before)) else {
            continue;
        };
        let is_same = then.as_ref().is_some_and(|then| then.reason == now.reason);
        // These only repeat what another condition says.
        let is_echo =
            ["NotSent", "WaitingForData", "NotLookedAt", "Paused"].contains(&now.reason.as_str());
        if is_same || is_echo || (then.is_none() && now.status == good) {
            continue;
        }
        let note = format!("{}: {}", now.type_, now.message);
        news.push(if now.status == good {
            News::normal(now.reason, note)
        } else {
            News::warning(now.reason, note)
        });
    }
    news
}

/// Says that a service took longer to be ready than it will be given, when that is learned.
fn too_short(view: &View<'_>, status: &TicketingEventStatus) -> Option<News> {
    let prescale = view.sale.spec.capacity.prescale_seconds;
    let slow = |status: &TicketingEventStatus| -> Vec<(Service, u32)> {
        let services = status
            .capacity
            .iter()
            .flat_map(|capacity| &capacity.services);
        let warmups = services.filter_map(|service| Some((service.name, service.warmup_seconds?)));
        warmups.filter(|(_, seconds)| *seconds > prescale).collect()
    };
    let known = view.sale.status.as_ref().map(slow).unwrap_or_default();
    let new = slow(status).into_iter().find(|slow| !known.contains(slow));
    let (service, seconds) = new.filter(|_| view.status_phase() < Some(Phase::Open))?;
    Some(News::warning(
        "PrescaleTooShort",
        format!(
            "{service} took {seconds} s to be ready last time, but capacity.prescaleSeconds is \
             {prescale}: raise it"
        ),
    ))
}

/// Says once, five minutes before opening, that less is ready than should be.
fn shortage(view: &View<'_>, status: &TicketingEventStatus, memory: &mut Memory) -> Option<News> {
    let until_opening = view.sale.spec.sale.opens_at.duration_since(view.now);
    let is_near = !until_opening.is_negative() && until_opening <= WARN_BEFORE;
    let capacity = status
        .conditions
        .iter()
        .find(|found| found.type_ == ConditionType::CapacityReady.name());
    let is_short = capacity.is_some_and(|capacity| capacity.status == "False");
    if !is_near || !is_short || memory.has_warned {
        return None;
    }
    memory.has_warned = true;
    let message = capacity
        .map(|capacity| capacity.message.clone())
        .unwrap_or_default();
    Some(News::warning(
        "NotWarmBeforeOpening",
        format!(
            "the sale opens in {} s and {message}",
            until_opening.as_secs()
        ),
    ))
}

/// How many seconds ago the phase began by the timetable.
fn lateness(view: &View<'_>) -> i64 {
    let began = view.asks.timetable.phase_began(view.now);
    began.map_or(0, |began| view.now.duration_since(began).as_secs())
}

fn note_lateness(view: &View<'_>, world: &World) {
    let changed = view
        .status_phase()
        .is_some_and(|before| before != view.phase);
    let began = view.asks.timetable.phase_began(view.now);
    if let (true, Some(began)) = (changed && view.phase != Phase::SoldOut, began) {
        let late = world.clock.now().duration_since(began);
        world.instruments.was_late(late.as_secs_f64().max(0.0));
    }
}
