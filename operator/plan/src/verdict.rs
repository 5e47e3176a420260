//! What to say about a sale: its conditions, from what was seen.

use jiff::Timestamp;
use urr_contract::EventId;
use urr_operator_api::{
    Phase, Service,
    conditions::{ConditionStatus, ConditionType, Proposed},
};

/// Whether the event is there and this resource's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Existence {
    /// Not asked yet: the data plane is not ready.
    Unknown,
    /// It is there.
    Found,
    /// The ticket service does not know the one of `spec.eventId`.
    NotFound,
    /// The ticket service no longer has the one that was created for the resource.
    Removed {
        /// Which.
        event: EventId,
    },
    /// It is created for the resource as soon as that is no longer paused.
    Paused,
    /// An older resource has it.
    Claimed {
        /// Its name.
        by: String,
    },
    /// The ticket service does not want what the resource declares.
    Refused {
        /// Its sentence.
        detail: String,
    },
    /// The ticket service cannot be asked.
    Unreachable {
        /// What happened.
        detail: String,
    },
}

/// The data plane of the namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataSeen {
    /// Databases answer, schemas are migrated, topics have their partitions.
    Ready,
    /// Something is not there yet, or not right.
    NotReady {
        /// One word for programs.
        reason: &'static str,
        /// A sentence for people.
        message: String,
    },
    /// The cluster has no API that the settings ask for.
    ApiMissing {
        /// Which, and what to do.
        message: String,
    },
    /// Not looked at yet.
    Unknown,
}

/// What queue and ticket said to the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicySeen {
    /// Both hold it.
    Applied,
    /// Not sent, because something else must be first.
    NotSent,
    /// One of them does not hold it.
    NotApplied {
        /// One word for programs.
        reason: &'static str,
        /// A sentence for people.
        message: String,
    },
}

/// One service of which the sale asks something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceSeen {
    /// Which.
    pub service: Service,
    /// Whether it has a workload at all.
    pub exists: bool,
    /// What this sale asks for now.
    pub floor_now: u32,
    /// Replicas wanted now, of all sales together.
    pub wanted: u32,
    /// Replicas that are ready.
    pub ready: u32,
    /// Replicas wanted at the peak of this sale, where that is more than there can be, and
    /// the most that there can be.
    pub capped: Option<(u32, u32)>,
}

impl ServiceSeen {
    fn is_short(&self) -> bool {
        self.floor_now > 0 && self.ready < self.wanted
    }
}

/// Everything that conditions are made of.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The time.
    pub now: Timestamp,
    /// The phase.
    pub phase: Phase,
    /// When it closes.
    pub closes_at: Timestamp,
    /// Whether the event is there.
    pub existence: Existence,
    /// The data plane.
    pub data: DataSeen,
    /// The policy.
    pub policy: PolicySeen,
    /// What the sale asks of services.
    pub services: Vec<ServiceSeen>,
    /// Declared and present rate, people a second.
    pub rate: (u32, u32),
    /// Whether `spec.sale.suspended`.
    pub is_suspended: bool,
    /// Whether `spec.paused`.
    pub is_paused: bool,
    /// Whether it could take place once.
    pub was_accepted: bool,
}

/// All conditions, in the order in which they are shown.
pub fn conditions(seen: &Seen) -> Vec<Proposed> {
    let accepted = accepted(seen);
    let policy = policy_applied(seen);
    let data = data_ready(seen);
    let capacity = capacity_ready(seen);
    let ready = ready(&[&accepted, &data, &policy, &capacity]);
    let selling = selling(seen, &accepted);
    let degraded = degraded(seen);
    vec![
        accepted,
        policy,
        data,
        capacity,
        ready,
        selling,
        degraded,
        paused(seen),
    ]
}

/// Whether the spec makes sense now. What is not accepted gets no policy and no capacity.
pub fn accepted(seen: &Seen) -> Proposed {
    use ConditionStatus::{False, True, Unknown};
    let accepted = |status: ConditionStatus, reason, message: String| {
        Proposed::new(ConditionType::Accepted, status, reason, message)
    };
    if seen.closes_at <= seen.now && !seen.was_accepted {
        return accepted(
            False,
            "ClosesInPast",
            "sale.closesAt has passed: nothing is done for this sale; set a later instant, or \
             delete the resource"
                .to_owned(),
        );
    }
    // A sale that could take place goes on with the data that it has: see DataReady.
    if let DataSeen::ApiMissing { message } = &seen.data
        && !seen.was_accepted
    {
        return accepted(False, "ApiMissing", message.clone());
    }
    match &seen.existence {
        Existence::Found => accepted(True, "Accepted", "the sale can take place".to_owned()),
        Existence::Unknown => accepted(
            Unknown,
            "WaitingForData",
            "the event is looked for once databases and topics are ready (see DataReady)"
                .to_owned(),
        ),
        Existence::NotFound => accepted(
            False,
            "EventNotFound",
            "the ticket service has no event of spec.eventId: create it in the admin console, or \
             delete this resource and create one with the right id"
                .to_owned(),
        ),
        Existence::Removed { event } => accepted(
            False,
            "EventNotFound",
            format!(
                "the ticket service no longer has the event {event} that was created for this \
                 resource: delete the resource; made anew, it gets an event anew"
            ),
        ),
        Existence::Paused => accepted(
            Unknown,
            "Paused",
            "the event of spec.event is created once spec.paused is false".to_owned(),
        ),
        Existence::Claimed { by } => accepted(
            False,
            "EventClaimed",
            format!("{by} is for the same event and older: delete one of the two"),
        ),
        Existence::Refused { detail } => accepted(
            False,
            "EventRefused",
            format!("the ticket service does not create spec.event: {detail}"),
        ),
        Existence::Unreachable { detail } => accepted(
            Unknown,
            "TicketUnreachable",
            format!("the ticket service cannot be asked for the event, tried again: {detail}"),
        ),
    }
}

fn policy_applied(seen: &Seen) -> Proposed {
    let (status, reason, message) = match &seen.policy {
        PolicySeen::Applied => (
            true,
            "Applied",
            "queue and ticket hold this policy".to_owned(),
        ),
        PolicySeen::NotSent => (
            false,
            "NotSent",
            "the policy is sent once the sale is accepted".to_owned(),
        ),
        PolicySeen::NotApplied { reason, message } => (false, *reason, message.clone()),
    };
    Proposed::new(ConditionType::PolicyApplied, status, reason, message)
}

fn data_ready(seen: &Seen) -> Proposed {
    let type_ = ConditionType::DataReady;
    match &seen.data {
        DataSeen::Ready => {
            let message = "databases answer, schemas are migrated, topics have their partitions";
            Proposed::new(type_, true, "Ready", message)
        }
        DataSeen::NotReady { reason, message } => Proposed::new(type_, false, reason, message),
        DataSeen::ApiMissing { message } => Proposed::new(type_, false, "ApiMissing", message),
        DataSeen::Unknown => Proposed::new(
            type_,
            ConditionStatus::Unknown,
            "NotLookedAt",
            "the platform of this namespace is not looked at yet",
        ),
    }
}

fn capacity_ready(seen: &Seen) -> Proposed {
    let (status, reason, message) = capacity_verdict(seen);
    Proposed::new(ConditionType::CapacityReady, status, reason, message)
}

fn capacity_verdict(seen: &Seen) -> (bool, &'static str, String) {
    let asked = |service: &&ServiceSeen| service.floor_now > 0;
    let missing = |service: &&ServiceSeen| !service.exists;
    if let Some(seen) = seen.services.iter().find(missing) {
        let service = seen.service;
        let message = format!(
            "there is no Deployment labelled urr.internal/service={service}: install it, or \
             remove {service} from capacity.floors"
        );
        return (false, "ServiceMissing", message);
    }
    let capped = seen.services.iter().filter_map(|seen| {
        let (peak, most) = seen.capped?;
        Some(format!("{} needs {peak} of {most}", seen.service))
    });
    let capped: Vec<_> = capped.collect();
    if !capped.is_empty() {
        let message = format!(
            "more replicas are needed at the peak of this sale than the autoscaler allows: {}; \
             raise its maximum, or expect fewer people",
            capped.join(", ")
        );
        return (false, "CappedByMaxReplicas", message);
    }
    if !seen.services.iter().any(|service| asked(&service)) {
        let message = "no floor is in effect now".to_owned();
        return (true, "NotNeeded", message);
    }
    let short = seen.services.iter().filter(|service| service.is_short());
    let short: Vec<_> = short
        .map(|seen| format!("{} {}/{}", seen.service, seen.ready, seen.wanted))
        .collect();
    if short.is_empty() {
        return (
            true,
            "Warm",
            "every floor has so many ready pods".to_owned(),
        );
    }
    (
        false,
        "Warming",
        format!("not all ready: {}", short.join(", ")),
    )
}

fn ready(parts: &[&Proposed]) -> Proposed {
    let failing = parts
        .iter()
        .find(|part| part.status != ConditionStatus::True);
    match failing {
        None => Proposed::new(
            ConditionType::Ready,
            true,
            "Ready",
            "everything the sale needs now is in place",
        ),
        Some(part) => Proposed {
            type_: ConditionType::Ready,
            status: ConditionStatus::False,
            reason: part.reason,
            message: format!("{}: {}", part.type_.name(), part.message),
        },
    }
}

fn selling(seen: &Seen, accepted: &Proposed) -> Proposed {
    let (status, reason, message) = match seen.phase {
        _ if accepted.status == ConditionStatus::False => {
            (false, accepted.reason, "the sale is not accepted")
        }
        Phase::Planned | Phase::Warming | Phase::Lobby => {
            (false, "NotYetOpen", "the sale opens at spec.sale.opensAt")
        }
        Phase::Closed | Phase::Cooling | Phase::Ended => (false, "Closed", "the sale is over"),
        _ if seen.is_suspended => (false, "Suspended", "spec.sale.suspended lets nobody in"),
        Phase::SoldOut => (false, "SoldOut", "nothing is left"),
        Phase::Open => (true, "Open", "people are being let in"),
    };
    Proposed::new(ConditionType::Selling, status, reason, message)
}

fn degraded(seen: &Seen) -> Proposed {
    let (status, reason, message) = degradation(seen);
    Proposed::new(ConditionType::Degraded, status, reason, message)
}

fn degradation(seen: &Seen) -> (bool, &'static str, String) {
    let is_running = matches!(seen.phase, Phase::Lobby | Phase::Open | Phase::SoldOut);
    if !is_running {
        return (false, "NotSelling", "nothing is sold now".to_owned());
    }
    if let PolicySeen::NotApplied { reason, message } = &seen.policy {
        return (true, *reason, message.clone());
    }
    let (declared, rate) = seen.rate;
    if rate < declared {
        let message = format!("{rate} of {declared} people a second enter until more is ready");
        return (true, "AdmissionThrottled", message);
    }
    let short = seen.services.iter().find(|service| service.is_short());
    if let Some(short) = short {
        let ServiceSeen {
            service,
            ready,
            wanted,
            ..
        } = short;
        let message = format!("{service} has {ready} of {wanted} replicas");
        return (true, "FloorLost", message);
    }
    (false, "AsDeclared", "the sale runs as declared".to_owned())
}

fn paused(seen: &Seen) -> Proposed {
    if seen.is_paused {
        let message = "spec.paused: the operator reads and does not write for this sale";
        Proposed::new(ConditionType::Paused, true, "Paused", message)
    } else {
        let message = "the operator acts for this sale";
        Proposed::new(ConditionType::Paused, false, "Acting", message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn gateway() -> ServiceSeen {
        ServiceSeen {
            service: Service::Gateway,
            exists: true,
            floor_now: 10,
            wanted: 10,
            ready: 10,
            capped: None,
        }
    }

    fn open() -> Seen {
        Seen {
            now: at("2027-03-12T11:30:00Z"),
            phase: Phase::Open,
            closes_at: at("2027-03-19T11:00:00Z"),
            existence: Existence::Found,
            data: DataSeen::Ready,
            policy: PolicySeen::Applied,
            services: vec![gateway()],
            rate: (100, 100),
            is_suspended: false,
            is_paused: false,
            was_accepted: true,
        }
    }

    /// Status and reason of one condition.
    fn says(seen: &Seen, type_: ConditionType) -> (&'static str, &'static str) {
        let conditions = conditions(seen);
        let found = conditions.iter().find(|condition| condition.type_ == type_);
        let found = found.expect("every condition is always there");
        (found.status.name(), found.reason)
    }

    #[test]
    fn a_sale_that_runs_as_declared() {
        let seen = open();
        for (type_, expected) in [
            (ConditionType::Accepted, ("True", "Accepted")),
            (ConditionType::PolicyApplied, ("True", "Applied")),
            (ConditionType::DataReady, ("True", "Ready")),
            (ConditionType::CapacityReady, ("True", "Warm")),
            (ConditionType::Ready, ("True", "Ready")),
            (ConditionType::Selling, ("True", "Open")),
            (ConditionType::Degraded, ("False", "AsDeclared")),
            (ConditionType::Paused, ("False", "Acting")),
        ] {
            assert_eq!(says(&seen, type_), expected, "{type_:?}");
        }
    }

    #[test]
    fn every_cause_has_its_reason() {
        type Change = fn(&mut Seen);
        let not_ready: Change = |seen| {
            seen.existence = Existence::Unknown;
            seen.data = DataSeen::NotReady {
                reason: "MigrationRunning",
                message: "ticket is being migrated".to_owned(),
            };
        };
        let api_missing: Change = |seen| {
            seen.data = DataSeen::ApiMissing {
                message: "no CloudNativePG".to_owned(),
            }
        };
        let cases: [(Change, ConditionType, (&str, &str)); 25] = [
            (
                |seen| seen.existence = Existence::NotFound,
                ConditionType::Accepted,
                ("False", "EventNotFound"),
            ),
            (
                |seen| seen.existence = Existence::NotFound,
                ConditionType::Selling,
                ("False", "EventNotFound"),
            ),
            (
                |seen| seen.existence = Existence::Claimed { by: "x".to_owned() },
                ConditionType::Accepted,
                ("False", "EventClaimed"),
            ),
            (
                |seen| {
                    seen.existence = Existence::Refused {
                        detail: "no layout".to_owned(),
                    }
                },
                ConditionType::Accepted,
                ("False", "EventRefused"),
            ),
            (
                |seen| {
                    seen.existence = Existence::Unreachable {
                        detail: "refused".to_owned(),
                    }
                },
                ConditionType::Accepted,
                ("Unknown", "TicketUnreachable"),
            ),
            (
                |seen| {
                    seen.existence = Existence::Removed {
                        event: EventId::random(),
                    }
                },
                ConditionType::Accepted,
                ("False", "EventNotFound"),
            ),
            (
                |seen| seen.existence = Existence::Paused,
                ConditionType::Accepted,
                ("Unknown", "Paused"),
            ),
            (
                |seen| {
                    seen.was_accepted = false;
                    seen.data = DataSeen::ApiMissing {
                        message: "no CloudNativePG".to_owned(),
                    }
                },
                ConditionType::Accepted,
                ("False", "ApiMissing"),
            ),
            // People may be inside: the sale goes on, and only its data is not as it should be.
            (api_missing, ConditionType::Accepted, ("True", "Accepted")),
            (
                api_missing,
                ConditionType::DataReady,
                ("False", "ApiMissing"),
            ),
            (
                |seen| {
                    seen.was_accepted = false;
                    seen.now = seen.closes_at;
                },
                ConditionType::Accepted,
                ("False", "ClosesInPast"),
            ),
            (
                |seen| {
                    seen.now = seen.closes_at;
                    seen.phase = Phase::Closed;
                },
                ConditionType::Accepted,
                ("True", "Accepted"),
            ),
            (
                not_ready,
                ConditionType::Accepted,
                ("Unknown", "WaitingForData"),
            ),
            (
                not_ready,
                ConditionType::DataReady,
                ("False", "MigrationRunning"),
            ),
            (not_ready, ConditionType::Ready, ("False", "WaitingForData")),
            (
                |seen| {
                    seen.policy = PolicySeen::NotApplied {
                        reason: "QueueUnreachable",
                        message: "refused".to_owned(),
                    }
                },
                ConditionType::Ready,
                ("False", "QueueUnreachable"),
            ),
            (
                |seen| {
                    seen.policy = PolicySeen::NotApplied {
                        reason: "QueueUnreachable",
                        message: "refused".to_owned(),
                    }
                },
                ConditionType::Degraded,
                ("True", "QueueUnreachable"),
            ),
            (
                |seen| seen.services[0].ready = 9,
                ConditionType::CapacityReady,
                ("False", "Warming"),
            ),
            (
                |seen| seen.services[0].ready = 9,
                ConditionType::Degraded,
                ("True", "FloorLost"),
            ),
            (
                |seen| seen.services[0].capped = Some((60, 50)),
                ConditionType::CapacityReady,
                ("False", "CappedByMaxReplicas"),
            ),
            (
                |seen| seen.services[0].exists = false,
                ConditionType::CapacityReady,
                ("False", "ServiceMissing"),
            ),
            (
                |seen| seen.services[0].floor_now = 0,
                ConditionType::CapacityReady,
                ("True", "NotNeeded"),
            ),
            (
                |seen| seen.rate = (100, 85),
                ConditionType::Degraded,
                ("True", "AdmissionThrottled"),
            ),
            (
                |seen| seen.is_suspended = true,
                ConditionType::Selling,
                ("False", "Suspended"),
            ),
            (
                |seen| seen.is_paused = true,
                ConditionType::Paused,
                ("True", "Paused"),
            ),
        ];
        for (change, type_, expected) in cases {
            let mut seen = open();
            change(&mut seen);
            assert_eq!(says(&seen, type_), expected, "{seen:?}");
        }
    }

    #[test]
    fn only_an_open_sale_sells() {
        for (phase, reason) in [
            (Phase::Planned, "NotYetOpen"),
            (Phase::Warming, "NotYetOpen"),
            (Phase::Lobby, "NotYetOpen"),
            (Phase::SoldOut, "SoldOut"),
            (Phase::Closed, "Closed"),
            (Phase::Cooling, "Closed"),
            (Phase::Ended, "Closed"),
        ] {
            let seen = Seen { phase, ..open() };
            assert_eq!(says(&seen, ConditionType::Selling), ("False", reason));
        }
    }
}
