//! What people do: `/user-behavior`.

use std::sync::Arc;

use axum::extract::State as Shared;
use serde::Serialize;
use urr_contract::Won;
use urr_kit::{extract::AppQuery, identity::Admin};
use utoipa::ToSchema;

use super::{Answer, DaysQuery, Envelope, answer};
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

/// What people do.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = UserBehavior)]
pub(super) struct Behavior {
    /// People by how often they came.
    user_types: Vec<UserTypeRow>,
    /// The average person.
    average_metrics: Averages,
    /// People by what they spent.
    spending_distribution: Vec<SpendingRow>,
    /// Minutes from hold to payment, with two decimals.
    #[schema(example = "3.20")]
    avg_time_to_payment: String,
    /// Day of the week by day of the week.
    weekday_activity: Vec<WeekdayRow>,
}

/// People who reserve about as often.
#[derive(Serialize, ToSchema)]
#[schema(as = PeopleOfType)]
struct UserTypeRow {
    /// Who they are.
    user_type: &'static str,
    /// How many people.
    user_count: usize,
    /// Their reservations.
    total_reservations: i64,
}

/// Figures of a person.
#[derive(Serialize, ToSchema)]
#[schema(as = AveragePerson)]
struct Averages {
    /// Reservations a person, on average.
    avg_reservations: f64,
    /// Most of one person.
    max_reservations: i64,
    /// Reservations of the person in the middle.
    median_reservations: f64,
    /// Won.
    avg_spending: f64,
}

/// People who spend about as much.
#[derive(Serialize, ToSchema)]
#[schema(as = PeopleOfSpending)]
struct SpendingRow {
    /// The name of the range.
    spending_tier: &'static str,
    /// The same as `spending_tier`.
    tier: &'static str,
    /// What they spent, for people.
    range: &'static str,
    /// How many people.
    user_count: usize,
}

/// A day of the week.
#[derive(Serialize, ToSchema)]
#[schema(as = FiguresOfWeekday)]
struct WeekdayRow {
    /// The day's name.
    day_name: Option<&'static str>,
    /// From 0, which is Sunday.
    day_of_week: i32,
    /// How many people.
    unique_users: i64,
    /// Their reservations.
    reservations: i64,
}

/// What people do.
#[utoipa::path(
    get,
    path = "/api/stats/user-behavior",
    operation_id = "getUserBehavior",
    tag = "Statistics",
    params(DaysQuery),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The figures.", body = Envelope<Behavior>),
    )
)]
pub(super) async fn behavior(
    Shared(state): Shared<Arc<State>>,
    _: Admin,
    AppQuery(query): AppQuery<DaysQuery>,
) -> Answer<Behavior> {
    let since = query.since_month(&state);
    let people = audience::people(&state.pool, since).await?;
    let minutes = audience::minutes_to_payment(&state.pool, since).await?;
    let weekdays = hours::weekdays(&state.pool, since).await?;
    Ok(answer(Behavior {
        user_types: UserType::ALL.map(|kind| user_type(kind, &people)).into(),
        average_metrics: averages(&people),
        spending_distribution: Tier::ALL.map(|tier| spending(tier, &people)).into(),
        avg_time_to_payment: two_decimals(minutes),
        weekday_activity: weekdays.iter().map(weekday).collect(),
    }))
}

fn user_type(kind: UserType, people: &[Person]) -> UserTypeRow {
    let of_kind = || {
        people
            .iter()
            .filter(|person| UserType::of(person.reservations) == kind)
    };
    UserTypeRow {
        user_type: kind.name(),
        user_count: of_kind().count(),
        total_reservations: of_kind().map(|person| person.reservations).sum(),
    }
}

fn averages(people: &[Person]) -> Averages {
    let mut counts: Vec<i64> = people.iter().map(|person| person.reservations).collect();
    let number = i64::try_from(people.len()).unwrap_or(i64::MAX);
    Averages {
        avg_reservations: average(counts.iter().sum(), number),
        max_reservations: counts.iter().max().copied().unwrap_or(0),
        median_reservations: rounded(median(&mut counts)),
        avg_spending: average(people.iter().map(|person| person.spent).sum(), number),
    }
}

fn spending(tier: Tier, people: &[Person]) -> SpendingRow {
    let count = people
        .iter()
        .filter(|person| Tier::of(Won(person.spent)) == tier)
        .count();
    SpendingRow {
        spending_tier: tier.name(),
        tier: tier.name(),
        range: tier.range(),
        user_count: count,
    }
}

fn weekday(day: &Weekday) -> WeekdayRow {
    let name = usize::try_from(day.day)
        .ok()
        .and_then(|number| DAY_NAMES.get(number));
    WeekdayRow {
        day_name: name.copied(),
        day_of_week: day.day,
        unique_users: day.users,
        reservations: day.reservations,
    }
}
