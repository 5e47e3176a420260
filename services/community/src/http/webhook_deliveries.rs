//! What went to a webhook, how every try ended, and sending it again.

use std::sync::Arc;

use axum::extract;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use urr_contract::{WebhookDeliveryId, WebhookId};
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    identity::Admin,
    page::{Page, PageQuery, Pagination},
};
use utoipa::{IntoParams, ToSchema};

use super::{
    errors,
    webhooks::{act, find},
};
use crate::{
    State,
    domain::webhook::message,
    store::{
        notice_log,
        webhook_deliveries::{self, Attempt, Delivery, Filter},
        webhook_endpoints,
    },
};

/// Deliveries a page where nobody asked for a number.
const DEFAULT_LIMIT: i64 = 50;
/// Most deliveries a page.
const MAX_LIMIT: i64 = 200;
/// What a delivery can be.
const STATUSES: [&str; 4] = ["pending", "delivered", "failed", "skipped"];

/// Query of the log.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only `pending`, `delivered`, `failed` or `skipped` ones.
    #[param(example = "failed")]
    status: Option<String>,
    /// Only of this type.
    #[param(example = "reservation.confirmed")]
    r#type: Option<String>,
    /// Page, from 1. What is out of range is pulled into it.
    page: Option<i64>,
    /// Rows a page, 50 where not said, 200 at most.
    limit: Option<i64>,
}

/// Body of a replay of many.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookReplay)]
pub(super) struct ReplayBody {
    /// From when on deliveries were made.
    since: Timestamp,
    /// Until when; until now where absent.
    until: Option<Timestamp>,
    /// Also what has arrived.
    #[serde(default)]
    include_delivered: bool,
}

/// Some deliveries.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookDeliveries)]
pub(super) struct ListAnswer {
    /// The deliveries.
    deliveries: Vec<Delivery>,
    /// Which part of all this is.
    pagination: Pagination,
}

/// One delivery.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookDeliveryAnswer)]
pub(super) struct DeliveryAnswer {
    /// The delivery.
    delivery: Delivery,
}

/// One delivery with what it sends and all its tries.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookDeliveryDetail)]
pub(super) struct DetailAnswer {
    /// The delivery.
    delivery: Delivery,
    /// The bytes that are sent and signed.
    body: String,
    /// All tries, the first one first.
    attempts: Vec<Attempt>,
}

/// How many deliveries are made again.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookReplayed)]
pub(super) struct ReplayAnswer {
    /// That many.
    replayed: u64,
}

/// What went to a webhook, newest first.
#[utoipa::path(
    get,
    path = "/api/admin/webhooks/{id}/deliveries",
    operation_id = "listWebhookDeliveries",
    tag = "Notices",
    params(("id" = WebhookId, Path), ListQuery),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The deliveries.", body = ListAnswer),
        (status = 400, description = "`INVALID_INPUT`: no such status or type."),
        (status = 404, description = "`WEBHOOK_NOT_FOUND`: there is no such webhook."),
    )
)]
pub(super) async fn list(
    extract::State(state): extract::State<Arc<State>>,
    _: Admin,
    AppPath(id): AppPath<WebhookId>,
    AppQuery(query): AppQuery<ListQuery>,
) -> ApiResult<AppJson<ListAnswer>> {
    find(&state, id).await?;
    let status = query.status.as_deref().filter(|word| !word.is_empty());
    if status.is_some_and(|word| !STATUSES.contains(&word)) {
        return Err(errors::unknown_status(&STATUSES));
    }
    let kind = query.r#type.as_deref().filter(|word| !word.is_empty());
    if kind.is_some_and(|word| word.contains('\0')) {
        return Err(errors::unknown_type());
    }
    let filter = Filter { status, kind };
    let (page, limit) = (query.page, query.limit);
    let page = Page::new(PageQuery { page, limit }, DEFAULT_LIMIT, MAX_LIMIT);
    let total = webhook_deliveries::count(&state.pool, id, filter).await?;
    let deliveries = webhook_deliveries::page(&state.pool, id, filter, page).await?;
    Ok(AppJson(ListAnswer {
        deliveries,
        pagination: page.of(total),
    }))
}

/// One delivery with what it sends and all its tries.
#[utoipa::path(
    get,
    path = "/api/admin/webhooks/{id}/deliveries/{delivery_id}",
    operation_id = "getWebhookDelivery",
    tag = "Notices",
    params(("id" = WebhookId, Path), ("delivery_id" = WebhookDeliveryId, Path)),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The delivery.", body = DetailAnswer),
        (status = 404, description = "`DELIVERY_NOT_FOUND`: this webhook has no such delivery."),
    )
)]
pub(super) async fn show(
    extract::State(state): extract::State<Arc<State>>,
    _: Admin,
    AppPath((id, delivery)): AppPath<(WebhookId, WebhookDeliveryId)>,
) -> ApiResult<AppJson<DetailAnswer>> {
    let (delivery, body) = webhook_deliveries::by_id(&state.pool, id, delivery)
        .await?
        .ok_or_else(errors::delivery_not_found)?;
    let attempts = webhook_deliveries::attempts(&state.pool, delivery.id).await?;
    Ok(AppJson(DetailAnswer {
        delivery,
        body,
        attempts,
    }))
}

/// Tries a webhook out.
///
/// A message of type `webhook.test`, which says nothing, is sent soon. Its delivery shows how it went.
#[utoipa::path(
    post,
    path = "/api/admin/webhooks/{id}/test",
    operation_id = "testWebhook",
    tag = "Notices",
    params(("id" = WebhookId, Path)),
    security(("bearer" = ["admin"])),
    responses(
        (status = 202, description = "It is sent soon.", body = DeliveryAnswer),
        (status = 404, description = "`WEBHOOK_NOT_FOUND`: there is no such webhook."),
        (status = 409, description = "`WEBHOOK_INACTIVE`: it is switched off."),
    )
)]
pub(super) async fn test(
    extract::State(state): extract::State<Arc<State>>,
    Admin(admin): Admin,
    headers: HeaderMap,
    AppPath(id): AppPath<WebhookId>,
) -> ApiResult<(StatusCode, AppJson<DeliveryAnswer>)> {
    let now = state.clock.now();
    let mut transaction = state.pool.begin().await?;
    lock_active(&mut transaction, id).await?;
    let delivery = WebhookDeliveryId::random();
    let message = message::test(delivery.0, now);
    let delivery =
        webhook_deliveries::insert_test(&mut *transaction, delivery, id, &message, now).await?;
    let act = act(admin.id, &headers, "TEST_WEBHOOK", id, "");
    notice_log::append(&mut *transaction, &act, now).await?;
    transaction.commit().await?;
    Ok((StatusCode::ACCEPTED, AppJson(DeliveryAnswer { delivery })))
}

/// Sends a delivery once more.
///
/// The same message under the same id, whatever became of it before.
#[utoipa::path(
    post,
    path = "/api/admin/webhooks/{id}/deliveries/{delivery_id}/replay",
    operation_id = "replayWebhookDelivery",
    tag = "Notices",
    params(("id" = WebhookId, Path), ("delivery_id" = WebhookDeliveryId, Path)),
    security(("bearer" = ["admin"])),
    responses(
        (status = 202, description = "It is sent soon.", body = DeliveryAnswer),
        (status = 404, description = "`WEBHOOK_NOT_FOUND` or `DELIVERY_NOT_FOUND`: there is no such webhook, or it has no such delivery."),
        (status = 409, description = "`WEBHOOK_INACTIVE`: it is switched off."),
    )
)]
pub(super) async fn replay(
    extract::State(state): extract::State<Arc<State>>,
    Admin(admin): Admin,
    headers: HeaderMap,
    AppPath((id, delivery)): AppPath<(WebhookId, WebhookDeliveryId)>,
) -> ApiResult<(StatusCode, AppJson<DeliveryAnswer>)> {
    let now = state.clock.now();
    let mut transaction = state.pool.begin().await?;
    lock_active(&mut transaction, id).await?;
    let delivery = webhook_deliveries::replay(&mut *transaction, id, delivery, now)
        .await?
        .ok_or_else(errors::delivery_not_found)?;
    let detail = delivery.id.to_string();
    let act = act(admin.id, &headers, "REPLAY_DELIVERY", id, &detail);
    notice_log::append(&mut *transaction, &act, now).await?;
    transaction.commit().await?;
    Ok((StatusCode::ACCEPTED, AppJson(DeliveryAnswer { delivery })))
}

/// Sends everything of some time once more that did not arrive.
#[utoipa::path(
    post,
    path = "/api/admin/webhooks/{id}/replay",
    operation_id = "replayWebhookDeliveries",
    tag = "Notices",
    params(("id" = WebhookId, Path)),
    request_body = ReplayBody,
    security(("bearer" = ["admin"])),
    responses(
        (status = 202, description = "They are sent soon.", body = ReplayAnswer),
        (status = 400, description = "`INVALID_INPUT`: `since` is not before `until`."),
        (status = 404, description = "`WEBHOOK_NOT_FOUND`: there is no such webhook."),
        (status = 409, description = "`WEBHOOK_INACTIVE`: it is switched off."),
    )
)]
pub(super) async fn replay_range(
    extract::State(state): extract::State<Arc<State>>,
    Admin(admin): Admin,
    headers: HeaderMap,
    AppPath(id): AppPath<WebhookId>,
    AppJson(body): AppJson<ReplayBody>,
) -> ApiResult<(StatusCode, AppJson<ReplayAnswer>)> {
    let now = state.clock.now();
    let until = body.until.unwrap_or(now);
    if body.since >= until {
        return Err(errors::empty_range());
    }
    let mut transaction = state.pool.begin().await?;
    lock_active(&mut transaction, id).await?;
    let replayed = webhook_deliveries::replay_range(
        &mut *transaction,
        id,
        body.since,
        until,
        body.include_delivered,
        now,
    )
    .await?;
    let detail = format!("{replayed} from {:.0} until {until:.0}", body.since);
    let act = act(admin.id, &headers, "REPLAY_DELIVERIES", id, &detail);
    notice_log::append(&mut *transaction, &act, now).await?;
    transaction.commit().await?;
    Ok((StatusCode::ACCEPTED, AppJson(ReplayAnswer { replayed })))
}

/// Locks a webhook to which something is to be sent.
async fn lock_active(connection: &mut sqlx::PgConnection, id: WebhookId) -> ApiResult<()> {
    let webhook = webhook_endpoints::lock(connection, id)
        .await?
        .ok_or_else(errors::webhook_not_found)?;
    if webhook.active {
        Ok(())
    } else {
        Err(errors::webhook_inactive())
    }
}
