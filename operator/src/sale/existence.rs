//! Whether the event of a sale is there, and this sale's.

use jiff::SignedDuration;
use kube::ResourceExt;
use urr_contract::{
    EventId,
    internal::{SourcedEvent, SourcedTicketType},
};
use urr_operator_api::{DeclaredEvent, TicketingEvent, TicketingEventSpec};
use urr_operator_plan::verdict::{DataSeen, Existence};

use super::{Memory, View};
use crate::{
    clients::{Peer, PeerError},
    world::{World, condition},
};
use urr_operator_api::conditions::ConditionType;

/// How long an event that was there is not asked for again.
const BELIEVED: SignedDuration = SignedDuration::from_mins(5);

/// Looks for the event, once there is something to ask.
pub(super) async fn find(
    view: &View<'_>,
    data: &DataSeen,
    world: &World,
    memory: &mut Memory,
) -> Existence {
    if let Some(by) = claimed_by(view.sale, world) {
        return Existence::Claimed { by };
    }
    let was_accepted = condition(view.sale, ConditionType::Accepted) == Some("True");
    if *data != DataSeen::Ready {
        // What was accepted stays so while a database is away.
        return if was_accepted {
            Existence::Found
        } else {
            Existence::Unknown
        };
    }
    let known = memory
        .found
        .filter(|(_, at)| view.now.duration_since(*at) < BELIEVED);
    if known.is_some() || view.sale.spec.paused && was_accepted {
        return Existence::Found;
    }
    let asked = match world.peers.ticket(&view.namespace, view.now).await {
        Ok(ticket) => ask(view, &ticket).await,
        Err(error) => Err(PeerError::Unreachable {
            peer: "ticket",
            detail: format!("{error:#}"),
        }),
    };
    match asked {
        Ok(Some(event)) => {
            memory.found = Some((event, view.now));
            Existence::Found
        }
        Ok(None) => Existence::NotFound,
        Err(error)
            if error
                .status()
                .is_some_and(|status| status.as_u16() == 401 || status.as_u16() == 403) =>
        {
            world.peers.forget_token(&view.namespace);
            Existence::Unreachable {
                detail: error.to_string(),
            }
        }
        Err(PeerError::Refused { detail, .. }) => Existence::Refused { detail },
        // What was accepted stays so while the service is away.
        Err(_) if was_accepted => Existence::Found,
        Err(error) => Existence::Unreachable {
            detail: error.to_string(),
        },
    }
}

async fn ask(view: &View<'_>, ticket: &Peer) -> Result<Option<EventId>, PeerError> {
    let spec = &view.sale.spec;
    if let (None, Some(event)) = (view.sale.event_id(), &spec.event) {
        if view.sale.spec.paused {
            return Ok(None);
        }
        return ticket
            .create(&view.uid, &sourced(event, spec))
            .await
            .map(Some);
    }
    let Some(event) = view.sale.event_id() else {
        return Ok(None);
    };
    Ok(ticket.knows(event).await?.then_some(event))
}

fn sourced(event: &DeclaredEvent, spec: &TicketingEventSpec) -> SourcedEvent {
    let ticket_types = event.ticket_types.iter().map(|declared| SourcedTicketType {
        name: declared.name.clone(),
        price: declared.price,
        total_quantity: declared.total_quantity.into(),
        description: None,
    });
    SourcedEvent {
        title: event.title.clone(),
        venue: event.venue.clone(),
        starts_at: event.starts_at,
        artist: event.artist.clone(),
        seat_layout: event.seat_layout.clone(),
        ticket_types: ticket_types.collect(),
        opens_at: Some(spec.sale.opens_at),
        closes_at: Some(spec.sale.closes_at),
        description: None,
        address: None,
        poster_image_url: None,
        max_per_person: None,
        max_seats_per_hold: None,
        presale: false,
    }
}

/// Name of an older resource for the same event, if there is one. The oldest wins, then the
/// lower uid.
fn claimed_by(sale: &TicketingEvent, world: &World) -> Option<String> {
    let event = sale.event_id()?;
    let older = world.watched.sales.find(|other| {
        other.namespace() == sale.namespace()
            && other.event_id() == Some(event)
            && other.metadata.deletion_timestamp.is_none()
            && seniority(other) < seniority(sale)
    });
    older.map(|older| older.name_any())
}

fn seniority(sale: &TicketingEvent) -> (Option<jiff::Timestamp>, Option<String>) {
    (sale.creation_timestamp().map(|time| time.0), sale.uid())
}
