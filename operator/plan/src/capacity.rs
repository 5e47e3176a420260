//! From the demands of all sales to the replicas of one service. They share what runs, so
//! what they ask for adds up.

use std::collections::BTreeMap;

use jiff::Timestamp;
use urr_operator_api::Service;

use crate::{demand::Demand, timetable::Timetable};

/// One sale as far as capacity is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sale {
    /// What it asks of each service.
    pub demands: Vec<Demand>,
    /// When.
    pub timetable: Timetable,
    /// What it asked for when it was paused; absent while it is not.
    pub frozen: Option<BTreeMap<Service, u32>>,
}

impl Sale {
    /// What it asks of `service` at `now`.
    pub fn floor_at(&self, service: Service, now: Timestamp) -> u32 {
        if let Some(frozen) = &self.frozen {
            return frozen.get(&service).copied().unwrap_or(0);
        }
        let demand = self.demands.iter().find(|demand| demand.service == service);
        demand.map_or(0, |demand| self.timetable.floor_at(demand, now))
    }
}

/// How far a service can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Replicas while no sale needs more.
    pub base: u32,
    /// Most replicas.
    pub most: u32,
}

/// How many replicas of a service there should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Within the bounds.
    pub replicas: u32,
    /// What was asked for, whatever the bounds.
    pub asked: u32,
}

impl Wanted {
    /// Whether more was asked for than there can be.
    pub fn is_capped(&self) -> bool {
        self.asked > self.replicas
    }
}

/// How many replicas of `service` there should be at `now`: the sum of what all sales ask
/// for, never below the base, never above the most.
pub fn wanted<'a>(
    service: Service,
    sales: impl IntoIterator<Item = &'a Sale>,
    bounds: Bounds,
    now: Timestamp,
) -> Wanted {
    let floors = sales.into_iter().map(|sale| sale.floor_at(service, now));
    within(bounds, floors.fold(0, u32::saturating_add))
}

/// The most that will be asked of `service` while the floors of `sale` last, the other sales
/// included, so that a shortage is known when the sale is planned.
pub fn peak<'a>(
    service: Service,
    sale: &'a Sale,
    others: impl IntoIterator<Item = &'a Sale>,
    bounds: Bounds,
    now: Timestamp,
) -> Wanted {
    let others: Vec<_> = others.into_iter().collect();
    let from = sale.timetable.floor_from(service).max(now);
    // A sum rises only when somebody's floor begins.
    let begins = others
        .iter()
        .map(|other| other.timetable.floor_from(service));
    let instants = begins.filter(|at| *at > from && *at < sale.timetable.release_from());
    let sums = std::iter::once(from).chain(instants).map(|at| {
        let all = others.iter().copied().chain([sale]);
        all.map(|sale| sale.floor_at(service, at))
            .fold(0, u32::saturating_add)
    });
    within(bounds, sums.max().unwrap_or(0))
}

fn within(bounds: Bounds, sum: u32) -> Wanted {
    let asked = sum.max(bounds.base);
    Wanted {
        replicas: asked.min(bounds.most),
        asked,
    }
}

/// When the replicas of any service change next because of these sales.
pub fn wakes_at<'a>(
    sales: impl IntoIterator<Item = &'a Sale>,
    now: Timestamp,
) -> Option<Timestamp> {
    let wakes = sales
        .into_iter()
        .filter_map(|sale| sale.timetable.wakes_at(now));
    wakes.min()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;
    use serde_json::json;
    use urr_operator_api::TicketingEventSpec;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_804_849_200 + seconds).expect("a time")
    }

    /// A sale of an hour without lobby whose floor counts from `opens` − 900 s.
    fn sale(opens: i64, floor: u32) -> Sale {
        let spec: TicketingEventSpec = serde_json::from_value(json!({
            "eventId": "5c1a3b1e-6f0e-4f55-9d0c-2b8b1c7d9a10",
            "sale": {"opensAt": at(opens), "closesAt": at(opens + 3600), "lobbySeconds": 0}
        }))
        .expect("a spec");
        let demands = vec![Demand {
            service: Service::Ticket,
            floor,
            sum: None,
        }];
        Sale {
            timetable: Timetable::new(&spec, &demands, None),
            demands,
            frozen: None,
        }
    }

    const BOUNDS: Bounds = Bounds { base: 2, most: 50 };

    fn replicas(sales: &[Sale], seconds: i64) -> u32 {
        wanted(Service::Ticket, sales, BOUNDS, at(seconds)).replicas
    }

    #[test]
    fn sales_at_one_time_add_up() {
        let sales = [sale(0, 10), sale(1800, 20)];
        for (seconds, total) in [(-901, 2), (-900, 10), (899, 10), (900, 30), (4500, 25)] {
            assert_eq!(replicas(&sales, seconds), total, "at {seconds} s");
        }
    }

    #[test]
    fn never_below_the_base_nor_above_the_most() {
        assert_eq!(replicas(&[], 0), 2);
        assert_eq!(replicas(&[sale(0, 1)], 0), 2);
        let capped = wanted(Service::Ticket, &[sale(0, 60)], BOUNDS, at(0));
        assert_eq!((capped.replicas, capped.asked), (50, 60));
        assert!(capped.is_capped());
        // The API takes no minimum above the maximum.
        let odd = wanted(
            Service::Ticket,
            &[sale(0, 7)],
            Bounds { base: 9, most: 5 },
            at(0),
        );
        assert_eq!((odd.replicas, odd.asked), (5, 9));
        assert!(odd.is_capped());
    }

    #[test]
    fn a_paused_sale_asks_for_what_it_asked_for() {
        let mut paused = sale(0, 10);
        paused.frozen = Some(BTreeMap::from([(Service::Ticket, 5)]));
        for seconds in [-100_000, 0, 100_000] {
            assert_eq!(replicas(&[paused.clone()], seconds), 5, "at {seconds} s");
        }
    }

    #[test]
    fn a_shortage_is_known_when_the_sale_is_planned() {
        let planned = sale(86_400, 30);
        let now = at(0);
        let peak_with = |others: &[Sale]| peak(Service::Ticket, &planned, others, BOUNDS, now);
        assert!(!peak_with(&[]).is_capped());
        assert!(!peak_with(&[sale(0, 40)]).is_capped());
        assert!(peak_with(&[sale(86_400 + 600, 21)]).is_capped());
    }

    proptest! {
        /// The order of sales and who is asked first make no difference, and more sales never
        /// mean less.
        #[test]
        fn a_further_sale_never_takes_away(
            sales in proptest::collection::vec((-10_000_i64..10_000, 1_u32..100), 0..6),
            seconds in -20_000_i64..20_000,
        ) {
            let sales: Vec<Sale> = sales.into_iter().map(|(opens, floor)| sale(opens, floor)).collect();
            let reversed: Vec<Sale> = sales.iter().rev().cloned().collect();
            prop_assert_eq!(replicas(&sales, seconds), replicas(&reversed, seconds));
            for count in 0..sales.len() {
                prop_assert!(replicas(&sales[..count], seconds) <= replicas(&sales, seconds));
            }
        }

        /// Between two wakes the replicas stay.
        #[test]
        fn replicas_change_only_at_wakes(
            sales in proptest::collection::vec((-10_000_i64..10_000, 1_u32..100), 1..6),
            seconds in -20_000_i64..20_000,
        ) {
            let sales: Vec<Sale> = sales.into_iter().map(|(opens, floor)| sale(opens, floor)).collect();
            if let Some(wake) = wakes_at(&sales, at(seconds)) {
                let last = wake - SignedDuration::from_secs(1);
                let before = wanted(Service::Ticket, &sales, BOUNDS, at(seconds));
                if last > at(seconds) {
                    prop_assert_eq!(wanted(Service::Ticket, &sales, BOUNDS, last), before);
                }
            }
        }
    }
}
