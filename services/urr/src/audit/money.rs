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
    total_amount: i64,
    /// Whether it has all of its seats and places.
    whole: bool,
}

/// What payment and ticket know of each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Books {
    payments: HashMap<String, Payment>,
    tickets: HashMap<Uuid, Ticket>,
    /// State of the transfers and memberships that were paid for.
    others: HashMap<Uuid, String>,
}

impl Books {
    /// Reads both databases. Payments come first: what is confirmed after that has its
    /// payment before.
    #[expect(
        clippy::disallowed_methods,
        reason = "reads databases of several services, which no one schema checks"
    )]
    pub(super) async fn read(sources: &Sources) -> anyhow::Result<Self> {
        let payments: Vec<Payment> = sqlx::query_as(
            "select order_id, status, payment_type as kind, target_id, amount from payments
             where status in ('confirming', 'confirmed', 'refunding', 'refunded')",
        )
        .fetch_all(sources.pool(Name::Payment)?)
        .await?;
        let ticket = sources.pool(Name::Ticket)?;
        Ok(Self {
            tickets: tickets(ticket, &payments).await?,
            others: others(ticket).await?,
            payments: payments
                .into_iter()
                .map(|payment| (payment.order_id.clone(), payment))
                .collect(),
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
        let target = payment.target_id;
        if payment.kind != "reservation" {
            let state = self.others.get(&target).map(String::as_str);
            return match state {
                Some("completed" | "active" | "expired") => None,
                _ => Some(format!(
                    "paid for {} {target}, which is {}",
                    payment.kind,
                    state.unwrap_or("gone")
                )),
            };
        }
        match self.tickets.get(&target) {
            None => Some(format!("paid for reservation {target}, which is gone")),
            Some(ticket) if ticket.is_sold_to(&payment.order_id) && ticket.whole => None,
            Some(ticket) => Some(format!(
                "paid for reservation {target}, which is {}/{}, sold to {}{}",
                ticket.status,
                ticket.payment_status,
                ticket.sold_order_id.as_deref().unwrap_or("nobody"),
                if ticket.whole { "" } else { ", and not whole" },
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
                let order = ticket.sold_order_id.as_deref().unwrap_or("none");
                let wrong = ticket.unpaid_by(self.payments.get(order))?;
                Some(format!(
                    "reservation {} is confirmed, but order {order} {wrong}",
                    ticket.id
                ))
            })
            .collect();
        violations.sort_unstable();
        violations
    }
}

impl Ticket {
    fn is_sold_to(&self, order: &str) -> bool {
        self.status == "confirmed" && self.sold_order_id.as_deref() == Some(order)
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

/// Confirmed reservations, and those that a captured payment names.
#[expect(
    clippy::disallowed_methods,
    reason = "reads databases of several services, which no one schema checks"
)]
async fn tickets(pool: &PgPool, payments: &[Payment]) -> sqlx::Result<HashMap<Uuid, Ticket>> {
    let paid_for: Vec<Uuid> = payments.iter().map(|payment| payment.target_id).collect();
    let tickets: Vec<Ticket> = sqlx::query_as(
        "select r.id, r.status, r.payment_status, r.sold_order_id, r.total_amount,
                coalesce(sum(i.quantity) filter (where i.live), 0) = r.quantity as whole
         from reservations r left join reservation_items i on i.reservation_id = r.id
         where r.status = 'confirmed' or r.id = any($1) group by r.id",
    )
    .bind(&paid_for)
    .fetch_all(pool)
    .await?;
    Ok(tickets
        .into_iter()
        .map(|ticket| (ticket.id, ticket))
        .collect())
}

/// State of all transfers and memberships.
#[expect(
    clippy::disallowed_methods,
    reason = "reads databases of several services, which no one schema checks"
)]
async fn others(pool: &PgPool) -> sqlx::Result<HashMap<Uuid, String>> {
    let states: Vec<(Uuid, String)> = sqlx::query_as(
        "select id, status from ticket_transfers where status = 'completed'
         union all select id, status from artist_memberships where status in ('active', 'expired')",
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
            others: HashMap::new(),
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
    fn what_else_is_paid_for_must_be_there_too() {
        let transfer = Payment {
            kind: "transfer".to_owned(),
            ..payment("confirmed")
        };
        let mut books = books(Some(transfer), None);
        assert_eq!(books.paid_without_ticket().len(), 1);
        books.others.insert(RESERVATION, "completed".to_owned());
        assert!(books.paid_without_ticket().is_empty());
    }
}
