//! Whether the event of a sale is there, and this sale's.

use jiff::SignedDuration;
use kube::ResourceExt;
use urr_contract::internal::{SourcedEvent, SourcedTicketType};
use urr_operator_api::{DeclaredEvent, TicketingEvent, TicketingEventSpec};
use urr_operator_plan::verdict::{DataSeen, Existence};

use super::{Memory, View};
use crate::{
    clients::{Peer, PeerError},
    world::World,
};

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
    let was_accepted = view.sale.was_accepted();
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
        Ok(ticket) => ask(view, &ticket, memory).await,
        Err(error) => Err(PeerError::Unreachable {
            peer: "ticket",
            detail: format!("{error:#}"),
        }),
    };
    asked.unwrap_or_else(|error| {
        if error.is_unknown_token() {
            world.peers.forget_token(&view.namespace);
        }
        unanswered(view.sale, &error)
    })
}

/// What to believe without an answer.
fn unanswered(sale: &TicketingEvent, error: &PeerError) -> Existence {
    match error {
        // What was accepted stays so while the service is away or does not know our token.
        _ if sale.was_accepted() => Existence::Found,
        PeerError::Refused { detail, .. }
            if sale.event_id().is_none() && !error.is_unknown_token() =>
        {
            Existence::Refused {
                detail: detail.clone(),
            }
        }
        error => Existence::Unreachable {
            detail: error.to_string(),
        },
    }
}

/// Asks for the event, and has one created that is only declared.
async fn ask(view: &View<'_>, ticket: &Peer, memory: &mut Memory) -> Result<Existence, PeerError> {
    let spec = &view.sale.spec;
    let event = match (view.sale.event_id(), &spec.event) {
        (Some(event), _) if ticket.knows(event).await? => event,
        (Some(event), Some(_)) => return Ok(Existence::Removed { event }),
        (None, Some(_)) if spec.paused => return Ok(Existence::Paused),
        (None, Some(declared)) => ticket.create(&view.uid, &sourced(declared, spec)).await?,
        (_, None) => return Ok(Existence::NotFound),
    };
    memory.found = Some((event, view.now));
    Ok(Existence::Found)
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

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use serde_json::json;

    use super::*;

    fn sale(spec: &serde_json::Value, status: &serde_json::Value) -> TicketingEvent {
        let mut all = json!({
            "sale": {"opensAt": "2027-03-12T11:00:00Z", "closesAt": "2027-03-19T11:00:00Z"}
        });
        let fields = spec.as_object().expect("fields").clone();
        all.as_object_mut().expect("fields").extend(fields);
        serde_json::from_value(json!({
            "apiVersion": "urr.internal/v1alpha1", "kind": "TicketingEvent",
            "metadata": {"name": "aurora"}, "spec": all, "status": status
        }))
        .expect("a sale")
    }

    fn refused(status: StatusCode) -> PeerError {
        PeerError::Refused {
            peer: "ticket",
            status,
            code: String::new(),
            detail: "no".to_owned(),
        }
    }

    #[test]
    fn what_was_accepted_is_believed_whatever_the_answer() {
        const EVENT: &str = "5c1a3b1e-6f0e-4f55-9d0c-2b8b1c7d9a10";
        let declared = json!({"event": {
            "title": "t", "venue": "v", "startsAt": "2027-05-01T10:00:00Z", "seatLayout": "hall"
        }});
        let policy = json!({"policy": {
            "appliedGeneration": 1, "appliedAt": "2027-01-01T00:00:00Z", "admitPerSecond": 1,
            "reason": "Declared"
        }});
        let given = json!({"eventId": EVENT});
        let away = PeerError::Unreachable {
            peer: "ticket",
            detail: "no connection".to_owned(),
        };
        let accepted = [
            sale(&given, &policy),
            sale(&declared, &json!({"eventId": EVENT})),
        ];
        for sale in &accepted {
            for error in [
                refused(StatusCode::UNAUTHORIZED),
                refused(StatusCode::FORBIDDEN),
                away.clone(),
            ] {
                assert_eq!(unanswered(sale, &error), Existence::Found, "{error}");
            }
        }
        // The status of a new sale names its event as well, and that proves nothing.
        let new = sale(&given, &json!({"eventId": EVENT}));
        for error in [refused(StatusCode::UNAUTHORIZED), away] {
            let existence = unanswered(&new, &error);
            assert!(
                matches!(existence, Existence::Unreachable { .. }),
                "{error}"
            );
        }
        let existence = unanswered(
            &sale(&declared, &json!({})),
            &refused(StatusCode::BAD_REQUEST),
        );
        assert!(matches!(existence, Existence::Refused { .. }));
    }
}
