//! What ticket asks: the payment of a reservation, and the end of an order.

use std::{sync::Arc, time::Duration};

use axum::extract::State as Shared;
use urr_contract::{
    ReservationId,
    internal::{OrderOutcome, OrderState, PaymentByReservation},
};
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath},
    internal::InternalCaller,
};

use crate::{
    State,
    domain::{
        order::{Order, Status},
        settlement::Ask,
    },
    paying::settle,
    store::payments,
};

/// Less than ticket waits for us. What takes longer goes on and is asked for again.
const RESOLVE_PATIENCE: Duration = Duration::from_millis(1_700);

pub(super) async fn by_reservation(
    _: InternalCaller,
    Shared(state): Shared<Arc<State>>,
    AppPath(reservation): AppPath<ReservationId>,
) -> ApiResult<AppJson<PaymentByReservation>> {
    let order = payments::latest_of_reservation(&state.pool, reservation).await?;
    Ok(AppJson(PaymentByReservation {
        found: order.is_some(),
        reservation_id: Some(reservation),
        status: order
            .as_ref()
            .map(|order| order.status.on_the_wire().to_owned()),
        method: order
            .as_ref()
            .map(|order| order.method.clone().unwrap_or_default()),
        amount: order.as_ref().map(|order| order.amount),
        outcome: order.as_ref().map(|order| order.status.outcome()),
        order_id: order.map(|order| order.order_id),
    }))
}

pub(super) async fn void(
    _: InternalCaller,
    Shared(state): Shared<Arc<State>>,
    AppPath(order_id): AppPath<String>,
) -> ApiResult<AppJson<OrderState>> {
    payments::void(&state.pool, &order_id, Status::Pending).await?;
    let order = payments::by_order_id(&state.pool, &order_id).await?;
    Ok(AppJson(order_state(order.as_ref())))
}

pub(super) async fn resolve(
    _: InternalCaller,
    Shared(state): Shared<Arc<State>>,
    AppPath(order_id): AppPath<String>,
) -> ApiResult<AppJson<OrderState>> {
    let (done, waiter) = tokio::sync::oneshot::channel();
    let worker = Arc::clone(&state);
    let id = order_id.clone();
    state.runtime.tasks.spawn("resolve", async move {
        done.send(settle::settle(&worker, &id, Ask::End).await).ok();
    });
    let order = match tokio::time::timeout(RESOLVE_PATIENCE, waiter).await {
        Ok(Ok(settled)) => settled?,
        _ => payments::by_order_id(&state.pool, &order_id).await?,
    };
    Ok(AppJson(order_state(order.as_ref())))
}

/// What ticket is told. An order nobody has is void: no money can move for it.
fn order_state(order: Option<&Order>) -> OrderState {
    let captured = order.filter(|order| order.status.is_captured());
    OrderState {
        outcome: order.map_or(OrderOutcome::Void, |order| order.status.outcome()),
        method: captured.and_then(|order| order.method.clone()),
        amount: captured.map(|order| order.amount),
        payment_id: order.map(|order| order.id),
    }
}
