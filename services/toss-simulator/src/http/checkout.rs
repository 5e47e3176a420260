//! The checkout: where the payer approves, is declined or walks away. A page for people, a
//! form or JSON for programs.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State as Shared},
    response::{Html, IntoResponse, Redirect, Response},
};
use http::{HeaderMap, header};
use serde::Deserialize;
use serde_json::json;

use super::{Refused, page};
use crate::{
    State,
    domain::{
        payment::{Choice, Payment},
        refusals,
    },
    state::{Verdict, random_key},
};

/// What the merchant's link to the checkout says, and what its form sends back.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Checkout {
    pub(super) amount: Option<i64>,
    /// Where the payer goes with `paymentKey`, `orderId` and `amount`.
    pub(super) success_url: Option<String>,
    /// Where the payer goes with `code` and `message`.
    pub(super) fail_url: Option<String>,
    pub(super) action: Option<Choice>,
}

impl Checkout {
    /// Fields of the body, else those of the link.
    fn or(self, link: Self) -> Self {
        Self {
            amount: self.amount.or(link.amount),
            success_url: self.success_url.or(link.success_url),
            fail_url: self.fail_url.or(link.fail_url),
            action: self.action.or(link.action),
        }
    }
}

pub(super) async fn show(
    Path(order_id): Path<String>,
    Query(link): Query<Checkout>,
) -> Result<Response, Refused> {
    let amount = link.amount.filter(|amount| *amount > 0);
    let amount = amount.ok_or(refusals::INVALID_REQUEST)?;
    Ok(secure(page::checkout(&order_id, amount, &link)))
}

pub(super) async fn choose(
    Shared(state): Shared<Arc<State>>,
    Path(order_id): Path<String>,
    Query(link): Query<Checkout>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    let checkout = read_body(&headers, &body)?.or(link);
    let amount = checkout.amount.filter(|amount| *amount > 0);
    let (Some(amount), Some(choice)) = (amount, checkout.action) else {
        return Err(refusals::INVALID_REQUEST.into());
    };
    if order_id.len() > 64 {
        return Err(refusals::INVALID_REQUEST.into());
    }
    let payment_key = random_key("sim_");
    let keys = (payment_key.clone(), random_key("txrd_"));
    let verdict = state
        .decide(None, |book, now| {
            if book.is_captured(&order_id) {
                return Verdict::refused(refusals::DUPLICATED_ORDER, None);
            }
            Verdict::done(Payment::new(order_id.clone(), amount, choice, keys, now))
        })
        .await?;
    if verdict.payment.is_none() {
        return Err(refusals::DUPLICATED_ORDER.into());
    }
    Ok(leave(&headers, &checkout, &order_id, amount, &payment_key))
}

/// A browser goes back to the merchant or sees what happened; a program gets the key.
fn leave(
    headers: &HeaderMap,
    checkout: &Checkout,
    order_id: &str,
    amount: i64,
    payment_key: &str,
) -> Response {
    let wants_page = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if !wants_page {
        return Json(json!({"paymentKey": payment_key, "orderId": order_id, "amount": amount}))
            .into_response();
    }
    let abandoned = checkout.action == Some(Choice::Abandon);
    let (target, query) = if abandoned {
        let message = "사용자에 의해 결제가 취소되었습니다.";
        let query = [
            ("code", "PAY_PROCESS_CANCELED"),
            ("message", message),
            ("orderId", order_id),
        ];
        (&checkout.fail_url, query.map(|(k, v)| (k, v.to_owned())))
    } else {
        let query = [
            ("paymentKey", payment_key.to_owned()),
            ("orderId", order_id.to_owned()),
            ("amount", amount.to_string()),
        ];
        (&checkout.success_url, query)
    };
    let target = target
        .as_deref()
        .and_then(|url| reqwest::Url::parse(url).ok())
        .filter(|url| matches!(url.scheme(), "http" | "https"));
    match target {
        Some(mut url) => {
            url.query_pairs_mut().extend_pairs(query);
            Redirect::to(url.as_str()).into_response()
        }
        None => secure(page::left(payment_key, abandoned)),
    }
}

fn read_body(headers: &HeaderMap, body: &[u8]) -> Result<Checkout, Refused> {
    let is_form = headers.get(header::CONTENT_TYPE).is_some_and(|kind| {
        kind.as_bytes()
            .starts_with(b"application/x-www-form-urlencoded")
    });
    if is_form {
        // The same reader as for the link, so that both take the same fields.
        let text = std::str::from_utf8(body).map_err(|_| refusals::INVALID_REQUEST)?;
        let uri: http::Uri = format!("/?{text}")
            .parse()
            .map_err(|_| refusals::INVALID_REQUEST)?;
        let Query(checkout) =
            Query::<Checkout>::try_from_uri(&uri).map_err(|_| refusals::INVALID_REQUEST)?;
        return Ok(checkout);
    }
    Ok(serde_json::from_slice(body).map_err(|_| refusals::INVALID_REQUEST)?)
}

/// No script, no frame of others, nothing loaded from elsewhere.
fn secure(html: String) -> Response {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}
