//! Sums over everything: `/overview`, `/payments`, `/users`.

use std::sync::Arc;

use axum::extract::State as Shared;
use serde::Serialize;
use urr_contract::internal::{AccountDay, UserCounts};
use urr_kit::{extract::AppQuery, identity::Admin};
use utoipa::ToSchema;

use super::{Answer, DaysQuery, Envelope, answer, answer_of};
use crate::{
    State,
    domain::figures::average,
    store::{days, payments},
};

/// Sums over everything.
#[derive(Serialize, ToSchema)]
pub(super) struct Overview {
    /// Accounts; 0 while auth cannot be asked.
    total_users: i64,
    /// Events on sale; 0 while ticket cannot be asked.
    active_events: i64,
    /// All reservations.
    total_reservations: i64,
    /// Those that were paid.
    confirmed_reservations: i64,
    /// Those that were cancelled.
    cancelled_reservations: i64,
    /// Those that were paid in vain; the money went back.
    rejected_reservations: i64,
    /// Holds that ran out.
    expired_reservations: i64,
    /// Won.
    total_revenue: i64,
    /// Payments that succeeded.
    completed_payments: i64,
    /// Won, transfers and memberships included.
    payment_revenue: i64,
}

/// Sums over everything.
#[utoipa::path(
    get,
    path = "/api/stats/overview",
    operation_id = "getOverview",
    tag = "Statistics",
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The figures.", body = Envelope<Overview>),
    )
)]
pub(super) async fn overview(Shared(state): Shared<Arc<State>>, _: Admin) -> Answer<Overview> {
    let totals = days::totals(&state.pool).await?;
    let accounts = state.accounts.counts().await;
    let catalogue = state.catalogue.figures().await;
    let complete = accounts.is_some() && catalogue.is_some();
    let overview = Overview {
        total_users: accounts.map_or(0, |counts| counts.users + counts.admins),
        active_events: catalogue.map_or(0, |figures| figures.on_sale),
        total_reservations: totals.reservations,
        confirmed_reservations: totals.confirmed,
        cancelled_reservations: totals.cancelled,
        rejected_reservations: totals.rejected,
        expired_reservations: totals.expired,
        total_revenue: totals.revenue,
        completed_payments: totals.payments,
        payment_revenue: totals.payment_revenue,
    };
    Ok(answer_of(complete, overview))
}

/// Payments by one method, or by all of them.
#[derive(Serialize, ToSchema)]
#[schema(as = PaymentFigures)]
pub(super) struct PaymentRow {
    /// The method; `aggregated` for all of them.
    method: String,
    /// How many.
    count: i64,
    /// Won.
    total_amount: i64,
    /// Won.
    average_amount: f64,
}

/// Payments by all methods, and by each.
#[derive(Serialize, ToSchema)]
#[schema(as = PaymentFiguresByMethod)]
pub(super) struct AllPayments {
    #[serde(flatten)]
    all: PaymentRow,
    /// By way to pay.
    methods: Vec<PaymentRow>,
}

/// Payments by method: one row, with the methods inside it.
#[utoipa::path(
    get,
    path = "/api/stats/payments",
    operation_id = "getPaymentFigures",
    tag = "Statistics",
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The figures.", body = Envelope<Vec<AllPayments>>),
    )
)]
pub(super) async fn payments(
    Shared(state): Shared<Arc<State>>,
    _: Admin,
) -> Answer<[AllPayments; 1]> {
    let methods = payments::by_method(&state.pool).await?;
    let count = methods.iter().map(|method| method.count).sum();
    let total = methods.iter().map(|method| method.total).sum();
    Ok(answer([AllPayments {
        all: payment_row("aggregated", count, total),
        methods: methods
            .iter()
            .map(|row| payment_row(&row.method, row.count, row.total))
            .collect(),
    }]))
}

fn payment_row(method: &str, count: i64, total: i64) -> PaymentRow {
    PaymentRow {
        method: method.to_owned(),
        count,
        total_amount: total,
        average_amount: average(total, count),
    }
}

/// Accounts by day and by role.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AccountFigures)]
pub(super) struct Users {
    /// Newest first. Empty while auth cannot be asked.
    daily: Vec<DayOfUsers>,
    /// Empty while auth cannot be asked.
    by_role: Vec<UsersOfRole>,
}

/// Accounts of one day.
#[derive(Serialize, ToSchema)]
#[schema(as = AccountsOfDay)]
struct DayOfUsers {
    /// The day in the time zone of the statistics, as `2026-05-01`.
    #[schema(value_type = jiff::civil::Date)]
    date: String,
    /// Accounts made on the day.
    new_users: i64,
    /// At the end of the day.
    cumulative_users: i64,
}

/// Accounts of one role.
#[derive(Serialize, ToSchema)]
#[schema(as = AccountsOfRole)]
struct UsersOfRole {
    /// The role.
    role: &'static str,
    /// Accounts that have it.
    count: i64,
}

/// Accounts by day and by role.
#[utoipa::path(
    get,
    path = "/api/stats/users",
    operation_id = "getAccountFigures",
    tag = "Statistics",
    params(DaysQuery),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The figures.", body = Envelope<Users>),
    )
)]
pub(super) async fn users(
    Shared(state): Shared<Arc<State>>,
    _: Admin,
    AppQuery(query): AppQuery<DaysQuery>,
) -> Answer<Users> {
    let since = query.since_month(&state);
    let zone = state.zone_name();
    let days = state.accounts.days(since, state.today(), zone).await;
    let counts = state.accounts.counts().await;
    let complete = days.is_some() && counts.is_some();
    let days = days.unwrap_or_default();
    let users = Users {
        daily: days.iter().map(DayOfUsers::from).collect(),
        by_role: counts.as_ref().map_or_else(Vec::new, by_role),
    };
    Ok(answer_of(complete, users))
}

impl From<&AccountDay> for DayOfUsers {
    fn from(day: &AccountDay) -> Self {
        Self {
            date: day.day.to_string(),
            new_users: day.new_users,
            cumulative_users: day.users,
        }
    }
}

fn by_role(counts: &UserCounts) -> Vec<UsersOfRole> {
    let row = |role, count| UsersOfRole { role, count };
    vec![row("user", counts.users), row("admin", counts.admins)]
}
