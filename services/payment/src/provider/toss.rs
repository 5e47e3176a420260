//! The HTTP of Toss Payments: Basic authentication with the secret key, `Idempotency-Key` on
//! every POST.

use std::time::Duration;

use anyhow::Context;
use base64::Engine;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use urr_contract::Won;
use urr_kit::outbound::{Outbound, OutboundError};

use super::{
    Capture, Look, NotCanceled, NotConfirmed, Unanswered,
    answer::{Failure, Payment, refused_cancel, refused_confirm},
};

/// A client of the provider.
#[derive(Clone, Debug)]
pub(crate) struct Toss {
    base_url: String,
    authorization: HeaderValue,
    outbound: Outbound,
    timeout: Duration,
}

/// An answer as it came.
struct Answer {
    status: u16,
    body: Bytes,
}

impl Toss {
    /// A client of the provider at `base_url`. Over HTTPS the system's certificates are used.
    pub(crate) fn new(
        base_url: &str,
        secret_key: &SecretString,
        timeout: Duration,
    ) -> anyhow::Result<Self> {
        let uri: Uri = base_url
            .parse()
            .context("the provider's URL cannot be read")?;
        let credentials = base64::engine::general_purpose::STANDARD
            .encode(format!("{}:", secret_key.expose_secret()));
        let mut authorization = HeaderValue::from_str(&format!("Basic {credentials}"))?;
        authorization.set_sensitive(true);
        Ok(Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            authorization,
            outbound: Outbound::to(&uri)?,
            timeout,
        })
    }

    /// Longest wait for an answer.
    pub(crate) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Captures.
    pub(crate) async fn confirm(
        &self,
        payment_key: &str,
        order_id: &str,
        amount: Won,
        idempotency_key: &str,
    ) -> Result<Capture, NotConfirmed> {
        let body = json!({"paymentKey": payment_key, "orderId": order_id, "amount": amount});
        let answer = self
            .post("/v1/payments/confirm", &body, idempotency_key)
            .await?;
        if answer.status != 200 {
            return Err(refused_confirm(answer.status, answer.failure()?));
        }
        let payment = answer.payment()?;
        let is_ours = payment.order_id == order_id;
        let deferred = payment.deferred();
        match payment.look() {
            Look::Captured(capture) if is_ours && capture.amount == amount => Ok(capture),
            Look::Open if is_ours => Err(NotConfirmed::Deferred(deferred)),
            Look::Dead(decline) if is_ours => Err(NotConfirmed::Declined(decline)),
            _ => Err(answer.unreadable().into()),
        }
    }

    /// Gives all of it back; returns the provider's key of that.
    pub(crate) async fn cancel(
        &self,
        payment_key: &str,
        reason: &str,
        idempotency_key: &str,
    ) -> Result<Option<String>, NotCanceled> {
        let path = format!("/v1/payments/{}/cancel", encoded(payment_key));
        // Toss takes 200 characters.
        let reason: String = reason.chars().take(200).collect();
        let answer = self
            .post(&path, &json!({"cancelReason": reason}), idempotency_key)
            .await?;
        if answer.status != 200 {
            return Err(refused_cancel(answer.failure()?));
        }
        Ok(answer.payment()?.cancel_transaction())
    }

    /// What it knows of an order.
    pub(crate) async fn look(&self, order_id: &str) -> Result<Look, Unanswered> {
        let path = format!("/v1/payments/orders/{}", encoded(order_id));
        let answer = self.send(Method::GET, &path, None, None).await?;
        match answer.status {
            200 => Ok(answer.payment()?.look()),
            404 if answer.failure()?.code == "NOT_FOUND_PAYMENT" => Ok(Look::Unknown),
            _ => Err(answer.unreadable()),
        }
    }

    async fn post(&self, path: &str, body: &Value, key: &str) -> Result<Answer, Unanswered> {
        self.send(Method::POST, path, Some(body), Some(key)).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        idempotency_key: Option<&str>,
    ) -> Result<Answer, Unanswered> {
        let request = self
            .request(method, path, body, idempotency_key)
            .map_err(Unanswered::Transport)?;
        let answer = self.outbound.send(request, self.timeout).await?;
        Ok(Answer {
            status: answer.status().as_u16(),
            body: answer.into_body(),
        })
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        idempotency_key: Option<&str>,
    ) -> anyhow::Result<Request<Bytes>> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base_url))
            .header(header::AUTHORIZATION, self.authorization.clone());
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        let bytes = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Bytes::from(serde_json::to_vec(body)?)
            }
            None => Bytes::new(),
        };
        Ok(request.body(bytes)?)
    }
}

impl From<OutboundError> for Unanswered {
    fn from(error: OutboundError) -> Self {
        match error {
            OutboundError::Late => Self::Late,
            OutboundError::Transport(cause) => Self::Transport(cause),
        }
    }
}

impl Answer {
    fn unreadable(&self) -> Unanswered {
        Unanswered::Unreadable {
            status: self.status,
        }
    }

    fn payment(&self) -> Result<Payment, Unanswered> {
        serde_json::from_slice(&self.body).map_err(|_| self.unreadable())
    }

    fn failure(&self) -> Result<Failure, Unanswered> {
        serde_json::from_slice(&self.body).map_err(|_| self.unreadable())
    }
}

/// A path segment that means only itself.
fn encoded(segment: &str) -> String {
    const HEX: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
    ];
    let mut out = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_the_clients_cannot_leave_its_segment() {
        assert_eq!(encoded("a-B_1.~"), "a-B_1.~");
        assert_eq!(encoded("../x?y#z%"), "..%2Fx%3Fy%23z%25");
    }
}
