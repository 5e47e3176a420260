//! Captured orders against tickets, in both directions: money is never kept without a
//! ticket, and a ticket is never given without money.

use std::collections::HashMap;

use sqlx::{FromRow, PgPool};
use uuid::Uuid;

use super::sources::Sources;
use crate::databases::Name;

/// An order that moved money, or may have.
#[derive(Clone, Debug, FromRow)]
struct Payment {
    order_id: String,
    status: String,
    /// `reservation`, `transfer` or `membership`.
    kind: String,
    target_id: Uuid,
    amount: i64,
}

/// A reservation that was sold at some time, or is paid for.
#[derive(Clone, Debug, FromRow)]
struct Ticket {
    id: Uuid,
    status: String,
    payment_status: String,
    sold_order_id: Option<String>,
    /// The order by which its present owner bought it from somebody else.
    owner_order_id: Option<String>,
    total_amount: i64,
    /// Whether it has all of its seats and places.
    whole: bool,
}

/// A listing that was sold.
#[derive(Clone, Debug, FromRow)]
struct Resale {
    id: Uuid,
    reservation_id: Uuid,
    order_id: Option<String>,
    total_price: i64,
}

/// What payment and ticket know of each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Books {
    payments: HashMap<String, Payment>,
    tickets: HashMap<Uuid, Ticket>,
    resales: HashMap<Uuid, Resale>,
    /// State of the memberships that were paid for.
    memberships: HashMap<Uuid, String>,
}

impl Books {
    /// Reads both databases, payments first: what they paid for is there afterwards.
    pub(super) async fn payments_first(sources: &Sources) -> anyhow::Result<Self> {
        let payments = payments(sources.pool(Name::Payment)?).await?;
        Self::of_ticket(sources.pool(Name::Ticket)?, payments).await
    }

    /// Reads both databases, tickets first: what paid for them is there afterwards.
    pub(super) async fn tickets_first(sources: &Sources) -> anyhow::Result<Self> {
        let mut books = Self::of_ticket(sources.pool(Name::Ticket)?, Vec::new()).await?;
        books.payments = by_order(payments(sources.pool(Name::Payment)?).await?);
        Ok(books)
    }

    async fn of_ticket(ticket: &PgPool, payments: Vec<Payment>) -> anyhow::Result<Self> {
        Ok(Self {
            // Before the tickets, so that a ticket is sold on as often as is known, or more.
            resales: resales(ticket).await?,
            tickets: tickets(ticket, &payments).await?,
            memberships: memberships(ticket).await?,
            payments: by_order(payments),
        })
    }

    /// Captured payments that have neither their ticket nor their refund.
    pub(super) fn paid_without_ticket(&self) -> Vec<String> {
        let mut violations: Vec<String> = self
            .payments
            .values()
            .filter_map(|payment| {
                let lacks = self.lacks(payment)?;
                let Payment {
                    order_id, amount, ..
                } = payment;
                Some(format!("order {order_id} of {amount} won {lacks}"))
            })
            .collect();
        violations.sort_unstable();
        violations
    }

    /// What is wrong with a payment, if anything.
    fn lacks(&self, payment: &Payment) -> Option<String> {
        match payment.status.as_str() {
            "refunded" => None,
            "confirming" => Some("is in doubt".to_owned()),
            "refunding" => Some("is being refunded".to_owned()),
            _ => self.lacks_target(payment),
        }
    }

    fn lacks_target(&self, payment: &Payment) -> Option<String> {
        match payment.kind.as_str() {
            "reservation" => self.lacks_ticket(payment),
            "transfer" => self.lacks_resale(payment),
            _ => self.lacks_membership(payment),
        }
    }

    fn lacks_ticket(&self, payment: &Payment) -> Option<String> {
        let target = payment.target_id;
        let Some(ticket) = self.tickets.get(&target) else {
            return Some(format!("paid for reservation {target}, which is gone"));
        };
        let order = payment.order_id.as_str();
        // Whoever sold it on got its price from the buyer; what it becomes is the buyer's.
        let was_sold_on = ticket.was_sold_to(order) && ticket.owner_order_id.is_some();
        if was_sold_on || ticket.is_owned_by(order) {
            return None;
        }
        Some(format!(
            "paid for reservation {target}, {}",
            ticket.stands()
        ))
    }

    fn lacks_resale(&self, payment: &Payment) -> Option<String> {
        let target = payment.target_id;
        let order = payment.order_id.as_str();
        let resale = self
            .resales
            .get(&target)
            .filter(|resale| resale.order_id.as_deref() == Some(order));
        let Some(resale) = resale else {
            return Some(format!(
                "paid for transfer {target}, which sold nothing to it"
            ));
        };
        if resale.total_price != payment.amount {
            return Some(format!(
                "paid for transfer {target}, which cost {}",
                resale.total_price
            ));
        }
        // One that is not the present owner's sold it on in turn.
        let ticket = self
            .tickets
            .get(&resale.reservation_id)
            .filter(|ticket| ticket.owner_order_id.as_deref() == Some(order))?;
        (!ticket.is_owned_by(order)).then(|| {
            let id = resale.reservation_id;
            format!(
                "paid for reservation {id} by transfer {target}, {}",
                ticket.stands()
            )
        })
    }

    fn lacks_membership(&self, payment: &Payment) -> Option<String> {
        let target = payment.target_id;
        match self.memberships.get(&target).map(String::as_str) {
            Some("active" | "expired") => None,
            state => Some(format!(
                "paid for membership {target}, which is {}",
                state.unwrap_or("gone")
            )),
        }
    }

    /// Confirmed reservations without the captured payment that they name.
    pub(super) fn tickets_without_payment(&self) -> Vec<String> {
        let mut violations: Vec<String> = self
            .tickets
            .values()
            .filter(|ticket| ticket.status == "confirmed")
            .filter_map(|ticket| {
                let (order, wrong) = self.unpaid(ticket)?;
                Some(format!(
                    "reservation {} is confirmed, but order {order} {wrong}",
                    ticket.id
                ))
            })
            .collect();
        violations.sort_unstable();
        violations
    }

    /// The order that has not paid for a ticket although it should have: the first one, or the
    /// one by which its owner bought it from somebody else.
    fn unpaid<'a>(&self, ticket: &'a Ticket) -> Option<(&'a str, String)> {
        let first = ticket.sold_order_id.as_deref().unwrap_or("none");
        if let Some(wrong) = ticket.unpaid_by(self.payments.get(first)) {
            return Some((first, wrong));
        }
        let owners = ticket.owner_order_id.as_deref()?;
        let wrong = match self.payments.get(owners) {
            None => "is no captured payment".to_owned(),
            Some(payment) if payment.kind != "transfer" => format!("paid for a {}", payment.kind),
            Some(payment) if payment.status != "confirmed" => format!("is {}", payment.status),
            Some(_) => return None,
        };
        Some((owners, wrong))
    }
}

impl Ticket {
    fn was_sold_to(&self, order: &str) -> bool {
        self.sold_order_id.as_deref() == Some(order)
    }

    /// Whether that order paid its present owner's ticket, all of it.
    fn is_owned_by(&self, order: &str) -> bool {
        let paid = self.owner_order_id.as_ref().or(self.sold_order_id.as_ref());
        self.status == "confirmed" && self.whole && paid.is_some_and(|paid| paid == order)
    }

    /// How it stands, for people.
    fn stands(&self) -> String {
        format!(
            "which is {}/{}, sold to {}{}",
            self.status,
            self.payment_status,
            self.sold_order_id.as_deref().unwrap_or("nobody"),
            if self.whole { "" } else { ", and not whole" },
        )
    }

    /// Why `payment` does not pay for it.
    fn unpaid_by(&self, payment: Option<&Payment>) -> Option<String> {
        let Some(payment) = payment else {
            return Some("is no captured payment".to_owned());
        };
        if payment.target_id != self.id || payment.kind != "reservation" {
            return Some(format!("paid for {}", payment.target_id));
        }
        if payment.amount != self.total_amount {
            let Self { total_amount, .. } = self;
            return Some(format!("paid {} of {total_amount} won", payment.amount));
        }
        (payment.status != "confirmed").then(|| format!("is {}", payment.status))
    }
}

fn by_order(payments: Vec<Payment>) -> HashMap<String, Payment> {
    payments
        .into_iter()
        .map(|payment| (payment.order_id.clone(), payment))
        .collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "reads databases of several services, which no one schema checks"
)]
async fn payments(pool: &PgPool) -> sqlx::Result<Vec<Payment>> {
    sqlx::query_as(
        "select order_id, status, payment_type as kind, target_id, amount from payments
         where status in ('confirming', 'confirmed', 'refunding', 'refunded')",
    )
    .fetch_all(pool)
    .await
}

/// Confirmed reservations, those that were sold on, and those that a captured payment names.
#[expect(
    clippy::disallowed_methods,
    reason = "reads databases of several services, which no one schema checks"
)]
async fn tickets(pool: &PgPool, payments: &[Payment]) -> sqlx::Result<HashMap<Uuid, Ticket>> {
    let paid_for: Vec<Uuid> = payments.iter().map(|payment| payment.target_id).collect();
    let tickets: Vec<Ticket> = sqlx::query_as(
        "select r.id, r.status, r.payment_status, r.sold_order_id, r.owner_order_id, r.total_amount,
                coalesce(sum(i.quantity) filter (where i.live), 0) = r.quantity as whole
         from reservations r left join reservation_items i on i.reservation_id = r.id
         where r.status = 'confirmed' or r.owner_order_id is not null or r.id = any($1) group by r.id",
    )
    .bind(&paid_for)
    .fetch_all(pool)
    .await?;
    Ok(tickets
        .into_iter()
        .map(|ticket| (ticket.id, ticket))
        .collect())
}

#[expect(
    clippy::disallowed_methods,
    reason = "reads databases of several services, which no one schema checks"
)]
async fn resales(pool: &PgPool) -> sqlx::Result<HashMap<Uuid, Resale>> {
    let resales: Vec<Resale> = sqlx::query_as(
        "select id, reservation_id, order_id, total_price from ticket_transfers
         where status = 'completed'",
    )
    .fetch_all(pool)
    .await?;
    Ok(resales
        .into_iter()
        .map(|resale| (resale.id, resale))
        .collect())
}

#[expect(
    clippy::disallowed_methods,
    reason = "reads databases of several services, which no one schema checks"
)]
async fn memberships(pool: &PgPool) -> sqlx::Result<HashMap<Uuid, String>> {
    let states: Vec<(Uuid, String)> = sqlx::query_as(
        "select id, status from artist_memberships where status in ('active', 'expired')",
    )
    .fetch_all(pool)
    .await?;
    Ok(states.into_iter().collect())
}

#[cfg(test)]
mod unit {
    use super::*;

    const RESERVATION: Uuid = Uuid::from_u128(1);

    fn payment(status: &str) -> Payment {
        Payment {
            order_id: "ORD_1".to_owned(),
            status: status.to_owned(),
            kind: "reservation".to_owned(),
            target_id: RESERVATION,
            amount: 5000,
        }
    }

    fn ticket(status: &str, order: Option<&str>) -> Ticket {
        Ticket {
            id: RESERVATION,
            status: status.to_owned(),
            payment_status: "completed".to_owned(),
            sold_order_id: order.map(str::to_owned),
            owner_order_id: None,
            total_amount: 5000,
            whole: true,
        }
    }

    fn books(payment: Option<Payment>, ticket: Option<Ticket>) -> Books {
        Books {
            payments: payment
                .into_iter()
                .map(|payment| (payment.order_id.clone(), payment))
                .collect(),
            tickets: ticket
                .into_iter()
                .map(|ticket| (ticket.id, ticket))
                .collect(),
            ..Books::default()
        }
    }

    #[test]
    fn money_needs_a_ticket_or_its_refund() {
        let sold = || Some(ticket("confirmed", Some("ORD_1")));
        let partial = || {
            Some(Ticket {
                whole: false,
                ..ticket("confirmed", Some("ORD_1"))
            })
        };
        for (status, ticket, violations) in [
            ("confirmed", sold(), 0),
            ("refunded", None, 0),
            ("refunded", Some(ticket("expired", None)), 0),
            ("confirmed", None, 1),
            ("confirmed", Some(ticket("expired", None)), 1),
            ("confirmed", Some(ticket("confirmed", Some("ORD_2"))), 1),
            ("confirmed", partial(), 1),
            ("confirming", sold(), 1),
            ("refunding", Some(ticket("cancelled", Some("ORD_1"))), 1),
        ] {
            let found = books(Some(payment(status)), ticket.clone()).paid_without_ticket();
            assert_eq!(found.len(), violations, "{status}, {ticket:?}: {found:?}");
        }
    }

    #[test]
    fn a_ticket_needs_its_whole_payment() {
        let sold = || Some(ticket("confirmed", Some("ORD_1")));
        let less = Payment {
            amount: 4999,
            ..payment("confirmed")
        };
        let elsewhere = Payment {
            target_id: Uuid::from_u128(2),
            ..payment("confirmed")
        };
        for (payment, ticket, violations) in [
            (Some(payment("confirmed")), sold(), 0),
            (None, Some(ticket("expired", None)), 0),
            (None, sold(), 1),
            (Some(payment("refunded")), sold(), 1),
            (Some(payment("refunding")), sold(), 1),
            (Some(less), sold(), 1),
            (Some(elsewhere), sold(), 1),
        ] {
            let found = books(payment.clone(), ticket).tickets_without_payment();
            assert_eq!(found.len(), violations, "{payment:?}: {found:?}");
        }
    }

    #[test]
    fn a_membership_that_is_paid_must_be_there() {
        let membership = Payment {
            kind: "membership".to_owned(),
            ..payment("confirmed")
        };
        let mut books = books(Some(membership), None);
        assert_eq!(books.paid_without_ticket().len(), 1);
        books.memberships.insert(RESERVATION, "active".to_owned());
        assert!(books.paid_without_ticket().is_empty());
    }

    const LISTING: Uuid = Uuid::from_u128(7);

    /// A ticket that order `ORD_1` paid first and `ORD_2` from its first owner, with both
    /// payments.
    fn resold(status: &str, buyers_payment: &str) -> Books {
        let ticket = Ticket {
            owner_order_id: Some("ORD_2".to_owned()),
            ..ticket(status, Some("ORD_1"))
        };
        let mut books = books(Some(payment("confirmed")), Some(ticket));
        let buyers = Payment {
            order_id: "ORD_2".to_owned(),
            kind: "transfer".to_owned(),
            target_id: LISTING,
            amount: 5500,
            ..payment(buyers_payment)
        };
        books.payments.insert("ORD_2".to_owned(), buyers);
        let resale = Resale {
            id: LISTING,
            reservation_id: RESERVATION,
            order_id: Some("ORD_2".to_owned()),
            total_price: 5500,
        };
        books.resales.insert(LISTING, resale);
        books
    }

    #[test]
    fn a_ticket_that_was_sold_on_is_its_buyers_to_lose() {
        for (status, buyers_payment, unpaid, owed) in [
            ("confirmed", "confirmed", 0, 0),
            // Cancelled by the buyer, who has the money back; its seller is owed nothing.
            ("cancelled", "refunded", 0, 0),
            ("cancelled", "confirmed", 0, 1),
            ("confirmed", "refunded", 1, 0),
        ] {
            let books = resold(status, buyers_payment);
            let case = format!("{status}, {buyers_payment}");
            assert_eq!(books.tickets_without_payment().len(), unpaid, "{case}");
            assert_eq!(books.paid_without_ticket().len(), owed, "{case}");
        }
    }

    #[test]
    fn an_order_that_a_listing_was_not_sold_to_is_owed_its_money() {
        let mut books = resold("confirmed", "confirmed");
        let late = Payment {
            order_id: "ORD_3".to_owned(),
            ..books.payments["ORD_2"].clone()
        };
        books.payments.insert("ORD_3".to_owned(), late);
        assert_eq!(books.paid_without_ticket().len(), 1);
        // Sold on once more: nobody before the last owner is owed anything.
        let mut books = resold("cancelled", "confirmed");
        let ticket = books.tickets.get_mut(&RESERVATION).unwrap();
        ticket.owner_order_id = Some("ORD_9".to_owned());
        assert!(books.paid_without_ticket().is_empty());
    }
}
