//! Handing the policy to queue and ticket, and seeing that they keep it.

use jiff::Timestamp;
use urr_contract::{EventId, sale_policy::Throttle};
use urr_operator_api::TicketingEvent;
use urr_operator_plan::{
    policy::{Author, policy},
    throttle,
    verdict::{PolicySeen, Seen},
};

use super::{Memory, View, is_following};
use crate::{
    clients::{Peer, PeerError, Stored},
    world::World,
};

/// What one service was handed.
#[derive(Debug, Default)]
pub(super) struct Handed {
    /// What it stores, and when that was seen.
    stored: Option<(Stored, Timestamp)>,
    /// Generation that it holds, and since when.
    pub(super) applied: Option<(i64, Timestamp)>,
    pub(super) is_failing: bool,
}

impl Handed {
    /// The throttle in force.
    pub(super) fn throttle(&self) -> Option<&Throttle> {
        self.stored.as_ref()?.0.policy.throttle.as_ref()
    }

    /// When it is looked at again for what somebody else may have changed.
    pub(super) fn reads_back_at(&self, view: &View<'_>) -> Option<Timestamp> {
        self.stored.as_ref().map(|(_, at)| *at + view.believed_for)
    }

    fn believed(&self, view: &View<'_>) -> Option<&Stored> {
        let (stored, at) = self.stored.as_ref()?;
        let age = view.now.duration_since(*at);
        // A clock that was put back makes nothing fresh.
        (!age.is_negative() && age < view.believed_for).then_some(stored)
    }
}

/// What came of it.
pub(super) struct Written {
    pub(super) seen: PolicySeen,
    /// People a second who may enter now.
    pub(super) rate: u32,
}

/// The throttle that should be in force.
pub(super) fn throttle_wanted(view: &View<'_>, seen: &Seen, memory: &Memory) -> Option<Throttle> {
    if !is_following(view) {
        return None;
    }
    let floored = seen.services.iter().filter(|service| service.floor_now > 0);
    let shares = floored.map(|service| (service.ready, service.wanted));
    let declared = view.sale.spec.admission.admit_per_second;
    let rate = throttle::rate(declared, shares);
    throttle::throttle(declared, rate, memory.queue.throttle(), view.now)
}

/// Makes both services hold the policy.
pub(super) async fn hand_over(
    view: &View<'_>,
    event: EventId,
    throttle: Option<Throttle>,
    world: &World,
    memory: &mut Memory,
) -> Written {
    let declared = view.sale.spec.admission.admit_per_second;
    let rate = throttle
        .as_ref()
        .map_or(declared, |throttle| throttle.admit_per_second);
    let queue = world.peers.queue(&view.namespace, view.now).await;
    let in_queue = hand(view, event, throttle, queue, &mut memory.queue).await;
    // Ticket lets nobody in, so a throttle is none of its business.
    let ticket = world.peers.ticket(&view.namespace, view.now).await;
    let in_ticket = hand(view, event, None, ticket, &mut memory.ticket).await;
    for outcome in [&in_queue, &in_ticket] {
        if outcome.as_ref().is_err_and(PeerError::is_unknown_token) {
            world.peers.forget_token(&view.namespace);
        }
    }
    let failed = [in_queue.err(), in_ticket.err()]
        .into_iter()
        .flatten()
        .next();
    Written {
        seen: failed.map_or(PolicySeen::Applied, |error| not_applied(&error)),
        rate,
    }
}

async fn hand(
    view: &View<'_>,
    event: EventId,
    throttle: Option<Throttle>,
    peer: anyhow::Result<Peer>,
    handed: &mut Handed,
) -> Result<(), PeerError> {
    let result = match peer {
        Ok(peer) => give(view, event, throttle, &peer, handed).await,
        Err(error) => Err(PeerError::Unreachable {
            peer: "a service",
            detail: format!("{error:#}"),
        }),
    };
    handed.is_failing = result.is_err();
    if result.is_err() {
        // Whatever it stores now, it is looked at before the next write.
        handed.stored = None;
    }
    result
}

async fn give(
    view: &View<'_>,
    event: EventId,
    throttle: Option<Throttle>,
    peer: &Peer,
    handed: &mut Handed,
) -> Result<(), PeerError> {
    let stored = match handed.believed(view) {
        Some(stored) => Some(stored.clone()),
        None => peer.policy(event).await?,
    };
    let author = author(view.sale, &view.uid);
    let current = stored.as_ref().map(|stored| &stored.policy);
    let wanted = policy(&view.sale.spec, &author, throttle, current);
    let was_known = handed.believed(view).is_some();
    let stored = match stored {
        Some(stored) if stored.policy == wanted => stored,
        before => {
            let seen = before.as_ref().and_then(|before| before.etag.as_deref());
            peer.put_policy(event, &wanted, seen).await?
        }
    };
    if handed
        .applied
        .is_none_or(|(generation, _)| generation != author.generation)
    {
        handed.applied = Some((author.generation, view.now));
    }
    let seen_at = match &handed.stored {
        Some((before, at)) if was_known && *before == stored => *at,
        _ => view.now,
    };
    handed.stored = Some((stored, seen_at));
    Ok(())
}

/// Who writes for a sale.
pub(super) fn author(sale: &TicketingEvent, uid: &str) -> Author {
    Author {
        uid: uid.to_owned(),
        generation: sale.metadata.generation.unwrap_or_default(),
        is_deleted: sale.metadata.deletion_timestamp.is_some(),
    }
}

/// The policy of a sale that is paused: as it was when it was last written.
pub(super) fn as_last_seen(sale: &TicketingEvent) -> PolicySeen {
    let policy = sale
        .status
        .as_ref()
        .and_then(|status| status.policy.as_ref());
    match policy {
        Some(policy) if Some(policy.applied_generation) == sale.metadata.generation => {
            PolicySeen::Applied
        }
        _ => PolicySeen::NotApplied {
            reason: "GenerationBehind",
            message: "spec.paused: queue and ticket hold the policy of an earlier generation"
                .to_owned(),
        },
    }
}

fn not_applied(error: &PeerError) -> PolicySeen {
    let reason = match (error, error.code()) {
        (_, Some("SALE_ALREADY_OPEN")) => "AlreadyOpen",
        (_, Some("POLICY_OLDER")) => "GenerationBehind",
        (_, Some("POLICY_OWNED")) => "OwnedByAnother",
        (PeerError::Refused { .. }, _) => "Refused",
        (PeerError::Unreachable { peer: "ticket", .. }, _) => "TicketUnreachable",
        (PeerError::Unreachable { .. }, _) => "QueueUnreachable",
    };
    PolicySeen::NotApplied {
        reason,
        message: format!("{error}; tried again"),
    }
}
