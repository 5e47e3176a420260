//! What people ask of services, and what one replica serves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use urr_operator_api::Service;

/// What one service is asked by people, and what one replica of it serves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Load {
    /// Requests for one poll of somebody who waits in line.
    pub per_poll: f64,
    /// Requests of one person from entering to leaving.
    pub per_admitted_user: f64,
    /// Requests a second that one replica serves with room to spare.
    pub per_replica: f64,
}

/// The loads of all services, and where they were measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadTable {
    /// Commit, machine and command of the measurement.
    pub measured_at: String,
    /// One entry for each service that is asked something.
    pub services: BTreeMap<Service, Load>,
}

impl LoadTable {
    /// Whether every figure can be calculated with.
    pub fn is_sound(&self) -> bool {
        self.services.values().all(|load| {
            let asked = [load.per_poll, load.per_admitted_user];
            asked.iter().all(|rate| rate.is_finite() && *rate >= 0.0)
                && load.per_replica.is_finite()
                && load.per_replica > 0.0
        })
    }
}

impl Default for LoadTable {
    fn default() -> Self {
        let load = |per_poll, per_admitted_user, per_replica| Load {
            per_poll,
            per_admitted_user,
            per_replica,
        };
        Self {
            measured_at: "requests: 150 fans on pods; replicas: cautious, one processor each"
                .to_owned(),
            services: BTreeMap::from([
                (Service::Gateway, load(1.0, 10.0, 4000.0)),
                (Service::Auth, load(0.0, 1.0, 300.0)),
                (Service::Queue, load(1.0, 3.0, 3000.0)),
                (Service::Ticket, load(0.0, 8.0, 500.0)),
                (Service::Payment, load(0.0, 4.0, 300.0)),
            ]),
        }
    }
}
