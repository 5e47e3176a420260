//! Webhooks, as administrators set them up for organisers.

use std::sync::Arc;

use axum::extract;
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};
use urr_contract::{EventId, UserId, WebhookId, headers};
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    identity::Admin,
    page::{Page, PageQuery, Pagination},
};
use utoipa::{IntoParams, ToSchema};

use super::errors;
use crate::{
    State,
    domain::webhook::{
        endpoint::{self, WebhookType},
        signature::Secret,
    },
    store::{
        notice_log::{self, Act, LogRow},
        webhook_deliveries,
        webhook_endpoints::{self, Endpoint, Wishes},
    },
};

/// Webhooks a page where nobody asked for a number.
const DEFAULT_LIMIT: i64 = 20;
/// Most webhooks a page.
const MAX_LIMIT: i64 = 100;
/// How long a replaced secret signs as well, in seconds, where nobody says otherwise: a day.
const DEFAULT_OVERLAP: i64 = 24 * 3_600;
/// The longest such time: a week.
const MAX_OVERLAP: i64 = 7 * 24 * 3_600;

/// Body of a new webhook.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NewWebhook)]
pub(super) struct NewBody {
    /// Where messages go: `https`, at a public address.
    #[schema(
        required,
        min_length = 1,
        max_length = 2048,
        example = "https://organiser.example/urr"
    )]
    url: Option<String>,
    /// One line for people.
    #[schema(max_length = 255)]
    description: Option<String>,
    /// Only news of this event; of all where absent.
    event_id: Option<EventId>,
    /// Which news, without `webhook.test`; all where absent.
    #[schema(value_type = Option<Vec<WebhookType>>, min_items = 1)]
    types: Option<Vec<String>>,
    /// Whether messages are sent; yes where absent.
    active: Option<bool>,
}

/// Body of a change: what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookChange)]
pub(super) struct ChangeBody {
    /// Where messages go: `https`, at a public address.
    #[schema(
        min_length = 1,
        max_length = 2048,
        example = "https://organiser.example/urr"
    )]
    url: Option<String>,
    /// One line for people.
    #[schema(max_length = 255)]
    description: Option<String>,
    /// Only news of this event; `null` means all events.
    #[schema(value_type = Option<EventId>)]
    #[serde(default, deserialize_with = "present")]
    #[expect(
        clippy::option_option,
        reason = "absent, null and an id are three wishes"
    )]
    event_id: Option<Option<EventId>>,
    /// Which news, without `webhook.test`.
    #[schema(value_type = Option<Vec<WebhookType>>, min_items = 1)]
    types: Option<Vec<String>>,
    /// Whether messages are sent.
    active: Option<bool>,
}

/// Tells `null` from what is absent.
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Body of a change of the secret.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SecretRotation)]
pub(super) struct RotateBody {
    /// How long the secret before signs as well, in seconds; a day where absent.
    #[schema(minimum = 0, maximum = 604_800, example = 86_400)]
    overlap_seconds: Option<i64>,
}

/// Query of the list.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only webhooks for news of this event.
    event_id: Option<EventId>,
    /// Page, from 1. What is out of range is pulled into it.
    page: Option<i64>,
    /// Rows a page, 20 where not said, 100 at most.
    limit: Option<i64>,
}

/// One webhook.
#[derive(Serialize, ToSchema)]
pub(super) struct WebhookAnswer {
    /// The webhook.
    webhook: Endpoint,
}

/// One webhook with its secret, which is not shown again.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookSecretAnswer)]
pub(super) struct SecretAnswer {
    /// The webhook.
    webhook: Endpoint,
    /// The key that signs its messages, as Standard Webhooks writes it.
    #[schema(
        pattern = "^whsec_",
        example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    )]
    secret: String,
}

/// Some webhooks.
#[derive(Serialize, ToSchema)]
#[schema(as = Webhooks)]
pub(super) struct ListAnswer {
    /// The webhooks.
    webhooks: Vec<Endpoint>,
    /// Which part of all this is.
    pagination: Pagination,
}

/// What happened to a webhook.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookLog)]
pub(super) struct LogAnswer {
    /// What was done, the newest first.
    log: Vec<LogRow>,
    /// Which part of all this is.
    pagination: Pagination,
}

/// Something to be read by people.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookDeleted)]
pub(super) struct MessageAnswer {
    /// What was done, for people.
    message: &'static str,
}

/// Sets a webhook up.
///
/// From then on a message is sent for each piece of news. Messages are signed as
/// [Standard Webhooks](https://www.standardwebhooks.com) has it: check `webhook-signature` with
/// the secret of this answer, pass over a `webhook-id` that was seen before, and answer with any 2xx
/// within ten seconds. Anything else is tried again, ten times over three days. Order is not promised.
#[utoipa::path(
    post,
    path = "/api/admin/webhooks",
    operation_id = "createWebhook",
    tag = "Notices",
    request_body = NewBody,
    security(("bearer" = ["admin"])),
    responses(
        (status = 201, description = "Made. The secret is not shown again.", body = SecretAnswer),
        (status = 400, description = "`INVALID_WEBHOOK`: an address that is not called, an unknown type, a text too long."),
    )
)]
pub(super) async fn create(
    extract::State(state): extract::State<Arc<State>>,
    Admin(admin): Admin,
    headers: HeaderMap,
    AppJson(body): AppJson<NewBody>,
) -> ApiResult<(StatusCode, AppJson<SecretAnswer>)> {
    let wishes = Wishes {
        url: endpoint::url(body.url.as_deref(), state.strangers.reach())?,
        description: endpoint::description(body.description)?,
        event: body.event_id,
        types: endpoint::types(body.types)?,
        active: body.active.unwrap_or(true),
    };
    let secret = Secret::new(rand::random());
    let now = state.clock.now();
    let mut transaction = state.pool.begin().await?;
    let webhook =
        webhook_endpoints::insert(&mut *transaction, &wishes, &secret, admin.id, now).await?;
    let act = act(
        admin.id,
        &headers,
        "CREATE_WEBHOOK",
        webhook.id,
        &webhook.url,
    );
    notice_log::append(&mut *transaction, &act, now).await?;
    transaction.commit().await?;
    let secret = secret.text();
    Ok((
        StatusCode::CREATED,
        AppJson(SecretAnswer { webhook, secret }),
    ))
}

/// Webhooks, newest first.
#[utoipa::path(
    get,
    path = "/api/admin/webhooks",
    operation_id = "listWebhooks",
    tag = "Notices",
    params(ListQuery),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The webhooks.", body = ListAnswer),
    )
)]
pub(super) async fn list(
    extract::State(state): extract::State<Arc<State>>,
    _: Admin,
    AppQuery(query): AppQuery<ListQuery>,
) -> ApiResult<AppJson<ListAnswer>> {
    let ListQuery {
        event_id,
        page,
        limit,
    } = query;
    let page = Page::new(PageQuery { page, limit }, DEFAULT_LIMIT, MAX_LIMIT);
    let total = webhook_endpoints::count(&state.pool, event_id).await?;
    let now = state.clock.now();
    let webhooks = webhook_endpoints::page(&state.pool, event_id, page, now).await?;
    Ok(AppJson(ListAnswer {
        webhooks,
        pagination: page.of(total),
    }))
}

/// One webhook.
#[utoipa::path(
    get,
    path = "/api/admin/webhooks/{id}",
    operation_id = "getWebhook",
    tag = "Notices",
    params(("id" = WebhookId, Path)),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The webhook.", body = WebhookAnswer),
        (status = 404, description = "`WEBHOOK_NOT_FOUND`: there is no such webhook."),
    )
)]
pub(super) async fn show(
    extract::State(state): extract::State<Arc<State>>,
    _: Admin,
    AppPath(id): AppPath<WebhookId>,
) -> ApiResult<AppJson<WebhookAnswer>> {
    Ok(AppJson(WebhookAnswer {
        webhook: find(&state, id).await?,
    }))
}

/// Changes a webhook.
///
/// Switching one off takes what waits for it off; switching it on again sends what comes from
/// then on, and replays bring back the rest.
#[utoipa::path(
    patch,
    path = "/api/admin/webhooks/{id}",
    operation_id = "changeWebhook",
    tag = "Notices",
    params(("id" = WebhookId, Path)),
    request_body = ChangeBody,
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "Changed.", body = WebhookAnswer),
        (status = 400, description = "`INVALID_WEBHOOK`: an address that is not called, an unknown type, a text too long."),
        (status = 404, description = "`WEBHOOK_NOT_FOUND`: there is no such webhook."),
    )
)]
pub(super) async fn change(
    extract::State(state): extract::State<Arc<State>>,
    Admin(admin): Admin,
    headers: HeaderMap,
    AppPath(id): AppPath<WebhookId>,
    AppJson(body): AppJson<ChangeBody>,
) -> ApiResult<AppJson<WebhookAnswer>> {
    let now = state.clock.now();
    let mut transaction = state.pool.begin().await?;
    let before = webhook_endpoints::lock(&mut *transaction, id)
        .await?
        .ok_or_else(errors::webhook_not_found)?;
    let wishes = wishes(&state, &before, body)?;
    webhook_endpoints::update(&mut *transaction, id, &wishes, now).await?;
    if !wishes.active {
        webhook_deliveries::skip_pending(&mut *transaction, id, now).await?;
    }
    let detail = differences(&before, &wishes);
    let act = act(admin.id, &headers, "UPDATE_WEBHOOK", id, &detail);
    notice_log::append(&mut *transaction, &act, now).await?;
    transaction.commit().await?;
    show(extract::State(state), Admin(admin), AppPath(id)).await
}

fn wishes(state: &State, before: &Endpoint, body: ChangeBody) -> ApiResult<Wishes> {
    let ChangeBody {
        url,
        description,
        event_id,
        types,
        active,
    } = body;
    let url = url.unwrap_or_else(|| before.url.clone());
    let description = description.or_else(|| Some(before.description.clone()));
    let types = types.or_else(|| Some(before.types.clone()));
    Ok(Wishes {
        url: endpoint::url(Some(&url), state.strangers.reach())?,
        description: endpoint::description(description)?,
        event: event_id.unwrap_or(before.event_id),
        types: endpoint::types(types)?,
        active: active.unwrap_or(before.active),
    })
}

/// What a change changed, for the log.
fn differences(before: &Endpoint, wishes: &Wishes) -> String {
    let types: Vec<&str> = wishes.types.iter().map(|kind| kind.as_str()).collect();
    let event = wishes
        .event
        .map_or_else(|| "all".to_owned(), |event| event.to_string());
    let changes = [
        (before.url != wishes.url).then(|| format!("url {}", wishes.url)),
        (before.description != wishes.description).then(|| "description".to_owned()),
        (before.event_id != wishes.event).then(|| format!("event {event}")),
        (before.types != types).then(|| format!("types {}", types.join(" "))),
        (before.active != wishes.active).then(|| format!("active {}", wishes.active)),
    ];
    let changes: Vec<String> = changes.into_iter().flatten().collect();
    changes.join(", ")
}

/// Deletes a webhook with its deliveries.
#[utoipa::path(
    delete,
    path = "/api/admin/webhooks/{id}",
    operation_id = "deleteWebhook",
    tag = "Notices",
    params(("id" = WebhookId, Path)),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "Deleted.", body = MessageAnswer),
        (status = 404, description = "`WEBHOOK_NOT_FOUND`: there is no such webhook."),
    )
)]
pub(super) async fn remove(
    extract::State(state): extract::State<Arc<State>>,
    Admin(admin): Admin,
    headers: HeaderMap,
    AppPath(id): AppPath<WebhookId>,
) -> ApiResult<AppJson<MessageAnswer>> {
    let mut transaction = state.pool.begin().await?;
    if !webhook_endpoints::delete(&mut *transaction, id).await? {
        return Err(errors::webhook_not_found());
    }
    let act = act(admin.id, &headers, "DELETE_WEBHOOK", id, "");
    notice_log::append(&mut *transaction, &act, state.clock.now()).await?;
    transaction.commit().await?;
    Ok(AppJson(MessageAnswer {
        message: "Webhook deleted successfully",
    }))
}

/// Gives a webhook a new secret.
///
/// Both secrets sign for a while, so that the receiver can change over at its leisure.
#[utoipa::path(
    post,
    path = "/api/admin/webhooks/{id}/rotate-secret",
    operation_id = "rotateWebhookSecret",
    tag = "Notices",
    params(("id" = WebhookId, Path)),
    request_body = Option<RotateBody>,
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The new secret, which is not shown again.", body = SecretAnswer),
        (status = 400, description = "`INVALID_INPUT`: a time out of range."),
        (status = 404, description = "`WEBHOOK_NOT_FOUND`: there is no such webhook."),
    )
)]
pub(super) async fn rotate_secret(
    extract::State(state): extract::State<Arc<State>>,
    Admin(admin): Admin,
    headers: HeaderMap,
    AppPath(id): AppPath<WebhookId>,
    body: Option<AppJson<RotateBody>>,
) -> ApiResult<AppJson<SecretAnswer>> {
    let AppJson(body) = body.unwrap_or_else(|| AppJson(RotateBody::default()));
    let overlap = body.overlap_seconds.unwrap_or(DEFAULT_OVERLAP);
    if !(0..=MAX_OVERLAP).contains(&overlap) {
        return Err(errors::overlap_out_of_range(MAX_OVERLAP));
    }
    let secret = Secret::new(rand::random());
    let now = state.clock.now();
    let until: Timestamp = now + SignedDuration::from_secs(overlap);
    let mut transaction = state.pool.begin().await?;
    webhook_endpoints::lock(&mut *transaction, id)
        .await?
        .ok_or_else(errors::webhook_not_found)?;
    webhook_endpoints::set_secret(&mut *transaction, id, &secret, until, now).await?;
    let detail = format!("the secret before is valid until {until:.0}");
    let act = act(admin.id, &headers, "ROTATE_WEBHOOK_SECRET", id, &detail);
    notice_log::append(&mut *transaction, &act, now).await?;
    transaction.commit().await?;
    Ok(AppJson(SecretAnswer {
        webhook: find(&state, id).await?,
        secret: secret.text(),
    }))
}

/// Who changed a webhook, and why it was switched off.
///
/// Newest first. It outlives the webhook.
#[utoipa::path(
    get,
    path = "/api/admin/webhooks/{id}/log",
    operation_id = "getWebhookLog",
    tag = "Notices",
    params(("id" = WebhookId, Path), PageQuery),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "What was done.", body = LogAnswer),
        (status = 404, description = "`WEBHOOK_NOT_FOUND`: there is no such webhook."),
    )
)]
pub(super) async fn log(
    extract::State(state): extract::State<Arc<State>>,
    _: Admin,
    AppPath(id): AppPath<WebhookId>,
    AppQuery(query): AppQuery<PageQuery>,
) -> ApiResult<AppJson<LogAnswer>> {
    let page = Page::new(query, DEFAULT_LIMIT, MAX_LIMIT);
    let total = notice_log::count(&state.pool, id.0).await?;
    if total == 0 {
        return Err(errors::webhook_not_found());
    }
    let log = notice_log::page(&state.pool, id.0, page).await?;
    Ok(AppJson(LogAnswer {
        log,
        pagination: page.of(total),
    }))
}

/// The webhook of that id.
pub(super) async fn find(state: &State, id: WebhookId) -> ApiResult<Endpoint> {
    webhook_endpoints::by_id(&state.pool, id, state.clock.now())
        .await?
        .ok_or_else(errors::webhook_not_found)
}

/// An act of an administrator on a webhook.
pub(super) fn act<'a>(
    admin: UserId,
    headers: &'a HeaderMap,
    action: &'static str,
    webhook: WebhookId,
    detail: &'a str,
) -> Act<'a> {
    Act {
        admin: Some(admin),
        ip_address: client_address(headers),
        action,
        resource_type: "webhook",
        resource: webhook.0,
        detail,
    }
}

/// From where somebody acts, as the gateway says.
pub(super) fn client_address(headers: &HeaderMap) -> Option<&str> {
    let address = headers.get(headers::CLIENT_ADDRESS)?.to_str().ok()?;
    address.get(..address.len().min(45))
}
