//! Mails, as administrators look into them when somebody misses one.

use std::sync::Arc;

use axum::extract;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use urr_contract::{MailId, ReservationId, UserId};
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    identity::Admin,
    page::{Page, PageQuery, Pagination},
};
use utoipa::{IntoParams, ToSchema};

use super::{errors, webhooks::client_address};
use crate::{
    State,
    store::{
        mails::{self, Filter, Mail},
        notice_log::{self, Act},
    },
};

/// Mails a page where nobody asked for a number.
const DEFAULT_LIMIT: i64 = 50;
/// Most mails a page.
const MAX_LIMIT: i64 = 200;
/// What a mail can be.
const STATUSES: [&str; 4] = ["pending", "sent", "failed", "dropped"];

/// Query of the list.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only about this reservation.
    reservation_id: Option<ReservationId>,
    /// Only to this person.
    user_id: Option<UserId>,
    /// Only `pending`, `sent`, `failed` or `dropped` ones.
    #[param(example = "failed")]
    status: Option<String>,
    /// Page, from 1. What is out of range is pulled into it.
    page: Option<i64>,
    /// Rows a page, 50 where not said, 200 at most.
    limit: Option<i64>,
}

/// Some mails.
#[derive(Serialize, ToSchema)]
#[schema(as = Mails)]
pub(super) struct ListAnswer {
    /// The mails.
    mails: Vec<Mail>,
    /// Which part of all this is.
    pagination: Pagination,
}

/// One mail.
#[derive(Serialize, ToSchema)]
pub(super) struct MailAnswer {
    /// The mail.
    mail: Mail,
}

/// Mails to fans, newest first.
#[utoipa::path(
    get,
    path = "/api/admin/mails",
    operation_id = "listMails",
    tag = "Notices",
    params(ListQuery),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The mails.", body = ListAnswer),
        (status = 400, description = "`INVALID_INPUT`: no such status."),
    )
)]
pub(super) async fn list(
    extract::State(state): extract::State<Arc<State>>,
    _: Admin,
    AppQuery(query): AppQuery<ListQuery>,
) -> ApiResult<AppJson<ListAnswer>> {
    let status = query.status.as_deref().filter(|word| !word.is_empty());
    if status.is_some_and(|word| !STATUSES.contains(&word)) {
        return Err(errors::unknown_status(&STATUSES));
    }
    let filter = Filter {
        reservation: query.reservation_id,
        user: query.user_id,
        status,
    };
    let (page, limit) = (query.page, query.limit);
    let page = Page::new(PageQuery { page, limit }, DEFAULT_LIMIT, MAX_LIMIT);
    let total = mails::count(&state.pool, filter).await?;
    let mails = mails::page(&state.pool, filter, page).await?;
    Ok(AppJson(ListAnswer {
        mails,
        pagination: page.of(total),
    }))
}

/// Sends a mail once more.
///
/// It goes to the address that the person has by now.
#[utoipa::path(
    post,
    path = "/api/admin/mails/{id}/resend",
    operation_id = "resendMail",
    tag = "Notices",
    params(("id" = MailId, Path)),
    security(("bearer" = ["admin"])),
    responses(
        (status = 202, description = "It is sent soon.", body = MailAnswer),
        (status = 404, description = "`MAIL_NOT_FOUND`: there is no such mail."),
    )
)]
pub(super) async fn resend(
    extract::State(state): extract::State<Arc<State>>,
    Admin(admin): Admin,
    headers: HeaderMap,
    AppPath(id): AppPath<MailId>,
) -> ApiResult<(StatusCode, AppJson<MailAnswer>)> {
    let now = state.clock.now();
    let mut transaction = state.pool.begin().await?;
    let mail = mails::resend(&mut *transaction, id, now)
        .await?
        .ok_or_else(errors::mail_not_found)?;
    let act = Act {
        admin: Some(admin.id),
        ip_address: client_address(&headers),
        action: "RESEND_MAIL",
        resource_type: "mail",
        resource: id.0,
        detail: &mail.kind,
    };
    notice_log::append(&mut *transaction, &act, now).await?;
    transaction.commit().await?;
    Ok((StatusCode::ACCEPTED, AppJson(MailAnswer { mail })))
}
