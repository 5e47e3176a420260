//! From what a sale expects to what it asks of each service.

use urr_contract::polling::polls_per_second;
use urr_operator_api::{Service, TicketingEventSpec};

use crate::load::{Load, LoadTable};

/// Most replicas that a computed floor asks for; what is above is an error in the figures.
const MOST: f64 = 1000.0;

/// What one sale asks of one service while its time lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Of which service.
    pub service: Service,
    /// How many replicas.
    pub floor: u32,
    /// How the number came about, for a person to redo; absent where it was given by hand.
    pub sum: Option<String>,
}

/// What a sale asks of each service, in the order of [`Service::ALL`].
pub fn demands(spec: &TicketingEventSpec, table: &LoadTable) -> Vec<Demand> {
    Service::ALL
        .into_iter()
        .filter_map(|service| by_hand(spec, service).or_else(|| computed(spec, table, service)))
        .collect()
}

/// The same while there is no table to compute by: what was computed `before` stays, so that
/// nothing falls because settings cannot be read.
pub fn demands_as_before(spec: &TicketingEventSpec, before: &[Demand]) -> Vec<Demand> {
    Service::ALL
        .into_iter()
        .filter_map(|service| by_hand(spec, service).or_else(|| kept(spec, before, service)))
        .collect()
}

fn kept(spec: &TicketingEventSpec, before: &[Demand], service: Service) -> Option<Demand> {
    spec.capacity.expected_users?;
    // What has no sum was given by hand, and is no longer.
    let computed = |demand: &&Demand| demand.service == service && demand.sum.is_some();
    before.iter().find(computed).cloned()
}

fn by_hand(spec: &TicketingEventSpec, service: Service) -> Option<Demand> {
    let mut floors = spec.capacity.floors.iter();
    let floor = floors.find(|floor| floor.service == service)?;
    Some(Demand {
        service,
        floor: floor.replicas,
        sum: None,
    })
}

fn computed(spec: &TicketingEventSpec, table: &LoadTable, service: Service) -> Option<Demand> {
    let users = spec.capacity.expected_users?;
    if service == Service::QueueAdmission {
        // One pod leads an event at a time; those of other sales lead theirs.
        return Some(Demand {
            service,
            floor: 1,
            sum: Some("1 for each sale".to_owned()),
        });
    }
    let load = table.services.get(&service)?;
    let headroom = 1.0 + f64::from(spec.capacity.headroom_percent) / 100.0;
    let admitted = spec.admission.admit_per_second;
    let polls = polls_per_second(users, admitted).round();
    let asked = polls * load.per_poll + f64::from(admitted) * load.per_admitted_user;
    let replicas = (asked * headroom / load.per_replica)
        .ceil()
        .clamp(1.0, MOST);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number between 1 and 1000"
    )]
    let floor = replicas as u32;
    Some(Demand {
        service,
        floor,
        sum: Some(sum((users, polls), admitted, load, headroom, floor)),
    })
}

fn sum(
    (users, polls): (u32, f64),
    admitted: u32,
    load: &Load,
    headroom: f64,
    floor: u32,
) -> String {
    let Load {
        per_poll,
        per_admitted_user,
        per_replica,
    } = load;
    format!(
        "({polls} polls/s of {users} waiting x {per_poll} + {admitted}/s admitted x {per_admitted_user}) \
         x {headroom} / {per_replica}/s a replica = {floor}"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use urr_operator_api::TicketingEventSpec;

    use super::*;

    fn spec(capacity: &serde_json::Value) -> TicketingEventSpec {
        serde_json::from_value(json!({
            "eventId": "5c1a3b1e-6f0e-4f55-9d0c-2b8b1c7d9a10",
            "sale": {"opensAt": "2027-03-12T11:00:00Z", "closesAt": "2027-03-19T11:00:00Z"},
            "capacity": capacity
        }))
        .expect("a spec")
    }

    /// Figures to calculate with by heart; those that were measured change with the machine.
    fn table(services: &[(Service, [f64; 3])]) -> LoadTable {
        let load =
            |&(service, [per_poll, per_admitted_user, per_replica]): &(Service, [f64; 3])| {
                let load = Load {
                    per_poll,
                    per_admitted_user,
                    per_replica,
                };
                (service, load)
            };
        LoadTable {
            measured_at: "here".to_owned(),
            services: services.iter().map(load).collect(),
        }
    }

    fn gateway() -> LoadTable {
        table(&[(Service::Gateway, [1.0, 10.0, 4000.0])])
    }

    fn floors(capacity: &serde_json::Value) -> Vec<(Service, u32)> {
        let demands = demands(&spec(capacity), &gateway());
        demands
            .iter()
            .map(|demand| (demand.service, demand.floor))
            .collect()
    }

    #[test]
    fn without_an_expectation_only_floors_by_hand_count() {
        assert_eq!(floors(&json!({})), []);
        let by_hand = json!({"floors": [{"service": "payment", "replicas": 12}]});
        assert_eq!(floors(&by_hand), [(Service::Payment, 12)]);
    }

    #[test]
    fn the_sum_can_be_redone_by_a_person() {
        let capacity = json!({"expectedUsers": 60_000});
        let demands = demands(&spec(&capacity), &gateway());
        let gateway = &demands[0];
        // 3969 x 1 + 100 x 10 = 4969; x 1.2 = 5963; / 4000 = 1.49
        assert_eq!((gateway.service, gateway.floor), (Service::Gateway, 2));
        assert_eq!(
            gateway.sum.as_deref(),
            Some(
                "(3969 polls/s of 60000 waiting x 1 + 100/s admitted x 10) x 1.2 \
                 / 4000/s a replica = 2"
            )
        );
    }

    #[test]
    fn a_floor_by_hand_replaces_what_is_computed() {
        let capacity = json!({
            "expectedUsers": 60_000, "floors": [{"service": "gateway", "replicas": 7}]
        });
        assert_eq!(floors(&capacity)[0], (Service::Gateway, 7));
        assert!(floors(&capacity).contains(&(Service::QueueAdmission, 1)));
    }

    #[test]
    fn without_a_table_nothing_is_computed_and_nothing_falls() {
        let busy = table(&[(Service::Ticket, [0.0, 100.0, 100.0])]);
        let before = demands(
            &spec(&json!({
                "expectedUsers": 60_000, "floors": [{"service": "web", "replicas": 7}]
            })),
            &busy,
        );
        let after = |capacity: &serde_json::Value| -> Vec<_> {
            let kept = demands_as_before(&spec(capacity), &before);
            kept.iter()
                .map(|demand| (demand.service, demand.floor))
                .collect()
        };
        let expected = json!({"expectedUsers": 60_000});
        assert_eq!(
            after(&expected),
            [(Service::QueueAdmission, 1), (Service::Ticket, 120)],
            "what was given by hand is no longer"
        );
        let by_hand =
            json!({"expectedUsers": 60_000, "floors": [{"service": "ticket", "replicas": 3}]});
        assert!(after(&by_hand).contains(&(Service::Ticket, 3)));
        assert_eq!(after(&json!({})), [], "nobody is expected any more");
        assert_eq!(demands_as_before(&spec(&expected), &[]), []);
    }

    #[test]
    fn absurd_expectations_stay_within_what_can_be_asked() {
        let capacity = json!({"expectedUsers": 10_000_000, "headroomPercent": 300});
        for demand in demands(&spec(&capacity), &LoadTable::default()) {
            let (service, floor) = (demand.service, demand.floor);
            assert!((1..=1000).contains(&floor), "{service}: {floor}");
        }
    }
}
