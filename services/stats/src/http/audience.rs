//! What people do: `/user-behavior`.

use std::sync::Arc;

use axum::extract::State as Shared;
use serde_json::{Value, json};
use urr_contract::Won;
use urr_kit::{extract::AppQuery, identity::Admin};

use super::{Answer, DaysQuery, answer};
use crate::{
    State,
    domain::{
        figures::{average, rounded, two_decimals},
        groups::{Tier, UserType, median},
    },
    store::{
        audience::{self, Person},
        hours::{self, Weekday},
    },
};

/// Names of the days, by their number.
const DAY_NAMES: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// `GET /api/stats/user-behavior`
pub(super) async fn behavior(
    Shared(state): Shared<Arc<State>>,
    _: Admin,
    AppQuery(query): AppQuery<DaysQuery>,
) -> Answer {
    let since = query.since_month(&state);
    let people = audience::people(&state.pool, since).await?;
    let minutes = audience::minutes_to_payment(&state.pool, since).await?;
    let weekdays = hours::weekdays(&state.pool, since).await?;
    Ok(answer(json!({
        "userTypes": UserType::ALL.map(|kind| user_type(kind, &people)),
        "averageMetrics": averages(&people),
        "spendingDistribution": Tier::ALL.map(|tier| spending(tier, &people)),
        "avgTimeToPayment": two_decimals(minutes),
        "weekdayActivity": weekdays.iter().map(weekday).collect::<Vec<_>>(),
    })))
}

fn user_type(kind: UserType, people: &[Person]) -> Value {
    let of_kind = || {
        people
            .iter()
            .filter(|person| UserType::of(person.reservations) == kind)
    };
    json!({
        "user_type": kind.name(),
        "user_count": of_kind().count(),
        "total_reservations": of_kind().map(|person| person.reservations).sum::<i64>(),
    })
}

fn averages(people: &[Person]) -> Value {
    let mut counts: Vec<i64> = people.iter().map(|person| person.reservations).collect();
    let number = i64::try_from(people.len()).unwrap_or(i64::MAX);
    json!({
        "avg_reservations": average(counts.iter().sum(), number),
        "max_reservations": counts.iter().max().copied().unwrap_or(0),
        "median_reservations": rounded(median(&mut counts)),
        "avg_spending": average(people.iter().map(|person| person.spent).sum(), number),
    })
}

fn spending(tier: Tier, people: &[Person]) -> Value {
    let count = people
        .iter()
        .filter(|person| Tier::of(Won(person.spent)) == tier)
        .count();
    json!({
        "spending_tier": tier.name(),
        "tier": tier.name(),
        "range": tier.range(),
        "user_count": count,
    })
}

fn weekday(day: &Weekday) -> Value {
    let name = usize::try_from(day.day)
        .ok()
        .and_then(|number| DAY_NAMES.get(number));
    json!({
        "day_name": name,
        "day_of_week": day.day,
        "unique_users": day.users,
        "reservations": day.reservations,
    })
}
