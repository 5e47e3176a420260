//! What happens to a sale whose resource is deleted.
//!
//! `Retain` lets go within one look, whatever else is gone: a resource that is renamed or
//! made anew moves nobody. `Delete` lets nobody in any more, waits until those inside are
//! done, removes the event, and gives up after a quarter of an hour: data may stay, but a
//! namespace never hangs.

use jiff::{SignedDuration, Timestamp};
use kube::{ResourceExt, runtime::controller::Action};
use tracing::info;
use urr_contract::EventId;
use urr_operator_api::{DeletionPolicy, Phase, TicketingEvent};

use super::{Error, Memory, View, policy};
use crate::{clients::PeerError, report::News, world::World};

/// After so long `Delete` waits no more.
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// Does the next step; the finalizer goes when it returns a final action.
pub(super) async fn run(sale: &TicketingEvent, world: &World) -> Result<Action, Error> {
    let view = View::new(sale, world);
    // What never was accepted has nothing: no policy, no event of its own.
    let event = sale.event_id().filter(|_| sale.was_accepted());
    if let Some(event) = event {
        match sale.spec.data.deletion_policy {
            DeletionPolicy::Retain => {
                let_go(&view, event, world).await;
                say_kept(sale, event, world).await;
            }
            DeletionPolicy::Delete => remove(&view, event, world).await?,
        }
    }
    world.release(sale);
    world
        .instruments
        .forget_sale(&view.namespace, &sale.name_any());
    info!(sale.name = sale.name_any(), "let go of a sale");
    Ok(Action::await_change())
}

/// Says how a sale goes on that declared its event: a resource made anew would declare another.
async fn say_kept(sale: &TicketingEvent, event: EventId, world: &World) {
    if sale.spec.event.is_some() {
        let note = format!(
            "the event {event} stays; to make this resource anew for it, declare eventId: \
             {event} and no event"
        );
        world
            .reporter
            .say(sale, &News::normal("EventKept", note))
            .await;
    }
}

/// Gives the event back to the admin console. Who cannot be reached is not waited for.
async fn let_go(view: &View<'_>, event: EventId, world: &World) {
    let queue = world.peers.queue(&view.namespace, view.now).await;
    let ticket = world.peers.ticket(&view.namespace, view.now).await;
    for peer in [queue, ticket] {
        let result = match peer {
            Ok(peer) => peer
                .let_go(event, &view.uid)
                .await
                .map_err(anyhow::Error::from),
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            let note = format!(
                "the policy of this sale stays in force, because it could not be taken back: {error:#}"
            );
            world
                .reporter
                .say(view.sale, &News::warning("PolicyKept", note))
                .await;
        }
    }
}

async fn remove(view: &View<'_>, event: EventId, world: &World) -> Result<(), Error> {
    let result = try_remove(view, event, world).await;
    let Err(why) = result else {
        return Ok(());
    };
    if age(view) < GIVE_UP_AFTER {
        let news = News::warning(
            "DeletionWaits",
            format!("the event is not removed yet: {why}"),
        );
        world.reporter.say(view.sale, &news).await;
        return Err(Error::Waiting(why));
    }
    let note = format!("given up after a quarter of an hour, the event and its rows stay: {why}");
    world
        .reporter
        .say(view.sale, &News::warning("DataKept", note))
        .await;
    Ok(())
}

/// One try; the error says what it waits for.
async fn try_remove(view: &View<'_>, event: EventId, world: &World) -> Result<(), String> {
    let mut memory = Memory::default();
    let written = policy::hand_over(view, event, None, world, &mut memory).await;
    if let urr_operator_plan::verdict::PolicySeen::NotApplied { message, .. } = written.seen {
        return Err(message);
    }
    drained(view, event, world).await?;
    let ticket = world.peers.ticket(&view.namespace, view.now).await;
    let ticket = ticket.map_err(|error| format!("{error:#}"))?;
    ticket.remove(event).await.map_err(|error| match error {
        PeerError::Refused { code, detail, .. } if code == "PAYMENTS_UNSETTLED" => {
            format!("payments are unsettled ({detail})")
        }
        error => error.to_string(),
    })
}

/// Waits until nobody is inside, or until their stay is over.
async fn drained(view: &View<'_>, event: EventId, world: &World) -> Result<(), String> {
    let has_people = matches!(view.phase, Phase::Open | Phase::SoldOut | Phase::Closed);
    let stay = view.sale.spec.admission.active_seconds;
    if !has_people || age(view) >= SignedDuration::from_secs(stay.into()) {
        return Ok(());
    }
    let queue = world.peers.queue(&view.namespace, view.now).await;
    let queue = queue.map_err(|error| format!("{error:#}"))?;
    let line = queue.line(event).await.map_err(|error| error.to_string())?;
    if line.active == 0 {
        return Ok(());
    }
    Err(format!("{} people are still inside", line.active))
}

/// How long ago it was deleted.
fn age(view: &View<'_>) -> SignedDuration {
    let deleted_at: Option<Timestamp> = view
        .sale
        .metadata
        .deletion_timestamp
        .as_ref()
        .map(|time| time.0);
    deleted_at.map_or(SignedDuration::ZERO, |at| view.now.duration_since(at))
}
