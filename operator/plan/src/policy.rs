//! The policy that queue and ticket get: complete, long before it acts.

use urr_contract::{
    SalePolicy,
    sale_policy::{Fence, Throttle},
};
use urr_operator_api::TicketingEventSpec;

/// Who writes, and for which generation of the resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// Uid of the resource.
    pub uid: String,
    /// Its generation.
    pub generation: i64,
    /// Whether it is being deleted: then nobody enters any more.
    pub is_deleted: bool,
}

/// The policy of a sale, as the next write after `stored`.
pub fn policy(
    spec: &TicketingEventSpec,
    author: &Author,
    throttle: Option<Throttle>,
    stored: Option<&SalePolicy>,
) -> SalePolicy {
    let (sale, admission, holds) = (&spec.sale, &spec.admission, &spec.holds);
    let mut policy = SalePolicy {
        opens_at: Some(sale.opens_at),
        closes_at: Some(sale.closes_at),
        lobby_seconds: sale.lobby_seconds,
        suspended: sale.suspended || author.is_deleted,
        message: sale.message.clone(),
        max_active: admission.max_active,
        admit_per_second: admission.admit_per_second,
        active_seconds: admission.active_seconds,
        absent_seconds: admission.absent_seconds,
        claim_seconds: admission.claim_seconds,
        max_stay_seconds: admission.max_stay_seconds,
        seat_seconds: holds.seat_seconds,
        payment_seconds: holds.payment_seconds,
        throttle,
        fence: Fence {
            owner: author.uid.clone(),
            generation: author.generation,
            sequence: 0,
        },
    };
    if let Some(stored) = stored.filter(|stored| is_of(&stored.fence, author)) {
        policy.fence.sequence = stored.fence.sequence;
        if policy != *stored {
            policy.fence.sequence += 1;
        }
    }
    policy
}

/// Whether the fence is that of an earlier write of the same generation.
fn is_of(fence: &Fence, author: &Author) -> bool {
    fence.owner == author.uid && fence.generation == author.generation
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec() -> TicketingEventSpec {
        serde_json::from_value(json!({
            "eventId": "5c1a3b1e-6f0e-4f55-9d0c-2b8b1c7d9a10",
            "sale": {"opensAt": "2027-03-12T11:00:00Z", "closesAt": "2027-03-19T11:00:00Z"}
        }))
        .expect("a spec")
    }

    fn author(generation: i64) -> Author {
        Author {
            uid: "u".to_owned(),
            generation,
            is_deleted: false,
        }
    }

    #[test]
    fn a_write_follows_the_one_that_is_stored() {
        let first = policy(&spec(), &author(1), None, None);
        assert_eq!((first.fence.generation, first.fence.sequence), (1, 0));
        let again = policy(&spec(), &author(1), None, Some(&first));
        assert_eq!(again, first, "nothing to write");
        let throttle = Throttle {
            admit_per_second: 85,
            until: "2027-03-12T11:02:00Z".parse().expect("a time"),
        };
        let slower = policy(&spec(), &author(1), Some(throttle), Some(&first));
        assert_eq!(slower.fence.sequence, 1);
        let full = policy(&spec(), &author(1), None, Some(&slower));
        assert_eq!(full.fence.sequence, 2);
        let newer = policy(&spec(), &author(2), None, Some(&full));
        assert_eq!((newer.fence.generation, newer.fence.sequence), (2, 0));
    }

    #[test]
    fn what_somebody_else_changed_is_written_over() {
        let ours = policy(&spec(), &author(1), None, None);
        let mut changed = ours.clone();
        changed.max_active = 7;
        let repaired = policy(&spec(), &author(1), None, Some(&changed));
        assert_eq!((repaired.max_active, repaired.fence.sequence), (1000, 1));
    }

    #[test]
    fn a_deleted_sale_lets_nobody_in() {
        let mut author = author(1);
        author.is_deleted = true;
        assert!(policy(&spec(), &author, None, None).suspended);
    }
}
