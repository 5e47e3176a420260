//! Sums over everything: `/overview`, `/payments`, `/users`.

use std::sync::Arc;

use axum::extract::State as Shared;
use serde_json::{Value, json};
use urr_contract::internal::UserCounts;
use urr_kit::{ApiResult, extract::AppQuery, identity::Admin};

use super::{Answer, DaysQuery, answer};
use crate::{
    State,
    domain::figures::average,
    store::{accounts, days, events, payments},
};

/// Status of an event whose tickets can be bought.
const ON_SALE: &str = "on_sale";

/// `GET /api/stats/overview`
pub(super) async fn overview(Shared(state): Shared<Arc<State>>, _: Admin) -> Answer {
    let totals = days::totals(&state.pool).await?;
    let accounts = state.accounts.counts().await;
    Ok(answer(json!({
        "total_users": accounts.map_or(0, |counts| counts.users + counts.admins),
        "active_events": active_events(&state).await?,
        "total_reservations": totals.reservations,
        "confirmed_reservations": totals.confirmed,
        "cancelled_reservations": totals.cancelled,
        "rejected_reservations": totals.rejected,
        "expired_reservations": totals.expired,
        "total_revenue": totals.revenue,
        "completed_payments": totals.payments,
        "payment_revenue": totals.payment_revenue,
    })))
}

/// How many of the events that facts have told of are on sale, as far as ticket tells.
async fn active_events(state: &State) -> ApiResult<usize> {
    let ids = events::ids(&state.pool).await?;
    let summaries = state.events.summaries(&ids).await;
    Ok(summaries
        .values()
        .filter(|event| event.status == ON_SALE)
        .count())
}

/// `GET /api/stats/payments`: one row, with the methods inside it.
pub(super) async fn payments(Shared(state): Shared<Arc<State>>, _: Admin) -> Answer {
    let methods = payments::by_method(&state.pool).await?;
    let count = methods.iter().map(|method| method.count).sum();
    let total = methods.iter().map(|method| method.total).sum();
    let rows: Vec<Value> = methods
        .iter()
        .map(|row| payment_row(&row.method, row.count, row.total))
        .collect();
    let mut aggregated = payment_row("aggregated", count, total);
    aggregated["methods"] = Value::Array(rows);
    Ok(answer(json!([aggregated])))
}

fn payment_row(method: &str, count: i64, total: i64) -> Value {
    json!({
        "method": method,
        "count": count,
        "total_amount": total,
        "average_amount": average(total, count),
    })
}

/// `GET /api/stats/users`
pub(super) async fn users(
    Shared(state): Shared<Arc<State>>,
    _: Admin,
    AppQuery(query): AppQuery<DaysQuery>,
) -> Answer {
    let counts = state.accounts.counts().await;
    if let Some(counts) = &counts {
        accounts::note(&state.pool, state.today(), counts).await?;
    }
    let days = accounts::days(&state.pool, query.since_month(&state)).await?;
    let daily: Vec<Value> = days
        .iter()
        .map(|day| {
            json!({
                "date": day.day.to_jiff().to_string(),
                "new_users": day.new_users,
                "cumulative_users": day.users,
            })
        })
        .collect();
    Ok(answer(
        json!({"daily": daily, "byRole": counts.as_ref().map_or_else(Vec::new, by_role)}),
    ))
}

fn by_role(counts: &UserCounts) -> Vec<Value> {
    vec![
        json!({"role": "user", "count": counts.users}),
        json!({"role": "admin", "count": counts.admins}),
    ]
}
