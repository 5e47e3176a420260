//! One payment at the provider: authenticated at the checkout, captured by the merchant's
//! confirm, given back by its cancel.

use jiff::{SignedDuration, Timestamp, tz};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::refusals::{self, Refusal};

/// How long after the checkout a payment may be confirmed.
pub(crate) const SESSION: SignedDuration = SignedDuration::from_mins(10);

/// State of a payment, in Toss's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Status {
    /// Authenticated by the payer, not captured.
    InProgress,
    /// A virtual account was opened; nobody has paid into it.
    WaitingForDeposit,
    /// Captured.
    Done,
    /// Captured, and all of it given back.
    Canceled,
    /// Captured, and part of it given back.
    PartialCanceled,
    /// Declined.
    Aborted,
    /// Never confirmed in time, or left at the checkout.
    Expired,
}

/// What the payer did at the checkout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Choice {
    /// Pays; the confirm will succeed.
    Approve,
    /// Pays with a card that the confirm will find declined.
    Decline,
    /// Promises to pay into a virtual account; the confirm opens it.
    Deposit,
    /// Closes the window.
    Abandon,
}

/// One time that money was given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cancel {
    pub(crate) amount: i64,
    pub(crate) reason: String,
    pub(crate) transaction_key: String,
    pub(crate) at: Timestamp,
}

/// A payment.
#[expect(
    clippy::struct_field_names,
    reason = "keys are told apart as Toss tells them apart"
)]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Payment {
    pub(crate) payment_key: String,
    pub(crate) order_id: String,
    pub(crate) amount: i64,
    pub(crate) status: Status,
    pub(crate) choice: Choice,
    pub(crate) transaction_key: String,
    pub(crate) requested_at: Timestamp,
    pub(crate) approved_at: Option<Timestamp>,
    pub(crate) failure: Option<String>,
    pub(crate) cancels: Vec<Cancel>,
}

impl Payment {
    /// A payment as the checkout leaves it.
    pub(crate) fn new(
        order_id: String,
        amount: i64,
        choice: Choice,
        keys: (String, String),
        now: Timestamp,
    ) -> Self {
        let (payment_key, transaction_key) = keys;
        Self {
            payment_key,
            order_id,
            amount,
            status: match choice {
                Choice::Approve | Choice::Decline | Choice::Deposit => Status::InProgress,
                Choice::Abandon => Status::Expired,
            },
            choice,
            transaction_key,
            requested_at: now,
            approved_at: None,
            failure: None,
            cancels: Vec::new(),
        }
    }

    /// Won not given back yet.
    pub(crate) fn balance(&self) -> i64 {
        self.amount - self.cancels.iter().map(|cancel| cancel.amount).sum::<i64>()
    }

    /// The payment captured; or the refusal, with the payment where it changed by it.
    pub(crate) fn confirm(
        &self,
        order_id: &str,
        amount: i64,
        now: Timestamp,
    ) -> Result<Self, (Refusal, Option<Box<Self>>)> {
        if self.order_id != order_id {
            return Err((refusals::NOT_FOUND_SESSION, None));
        }
        match self.status {
            Status::InProgress => {}
            Status::Expired | Status::Aborted => return Err((refusals::NOT_FOUND_SESSION, None)),
            Status::WaitingForDeposit
            | Status::Done
            | Status::Canceled
            | Status::PartialCanceled => {
                return Err((refusals::ALREADY_PROCESSED, None));
            }
        }
        if now > self.requested_at + SESSION {
            return Err((refusals::NOT_FOUND_SESSION, Some(Box::new(self.expired()))));
        }
        if self.amount != amount {
            return Err((refusals::INVALID_REQUEST, None));
        }
        if self.choice == Choice::Decline {
            let refusal = refusals::REJECT_CARD_PAYMENT;
            return Err((refusal, Some(Box::new(self.aborted(refusal)))));
        }
        if self.choice == Choice::Deposit {
            return Ok(Self {
                status: Status::WaitingForDeposit,
                ..self.clone()
            });
        }
        Ok(Self {
            status: Status::Done,
            approved_at: Some(now),
            ..self.clone()
        })
    }

    /// The payment ended by `refusal`.
    pub(crate) fn aborted(&self, refusal: Refusal) -> Self {
        Self {
            status: Status::Aborted,
            failure: Some(refusal.code.to_owned()),
            ..self.clone()
        }
    }

    fn expired(&self) -> Self {
        Self {
            status: Status::Expired,
            ..self.clone()
        }
    }

    /// The payment with `amount` won (all that is left where absent) given back.
    pub(crate) fn cancel(
        &self,
        amount: Option<i64>,
        reason: &str,
        transaction_key: String,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        match self.status {
            Status::WaitingForDeposit | Status::Done | Status::PartialCanceled => {}
            Status::Canceled => return Err(refusals::ALREADY_CANCELED),
            Status::InProgress | Status::Aborted | Status::Expired => {
                return Err(refusals::NOT_CANCELABLE);
            }
        }
        let amount = amount.unwrap_or_else(|| self.balance());
        if amount <= 0 || amount > self.balance() {
            return Err(refusals::NOT_CANCELABLE_AMOUNT);
        }
        let mut payment = self.clone();
        payment.cancels.push(Cancel {
            amount,
            reason: reason.to_owned(),
            transaction_key: transaction_key.clone(),
            at: now,
        });
        payment.transaction_key = transaction_key;
        payment.status = if payment.balance() == 0 {
            Status::Canceled
        } else {
            Status::PartialCanceled
        };
        Ok(payment)
    }

    /// The payment as Toss's `Payment` object.
    pub(crate) fn to_json(&self) -> Value {
        let failure = self.failure.as_deref().and_then(Refusal::of_code);
        // VAT is a tenth of the price before it.
        let vat = self.balance() / 11;
        json!({
            "version": "2022-11-16",
            "mId": "urr-simulator",
            "lastTransactionKey": self.transaction_key,
            "paymentKey": self.payment_key,
            "orderId": self.order_id,
            "orderName": self.order_id,
            "currency": "KRW",
            "method": if self.choice == Choice::Deposit { "가상계좌" } else { "카드" },
            "status": self.status,
            "type": "NORMAL",
            "country": "KR",
            "requestedAt": seoul(self.requested_at),
            "approvedAt": self.approved_at.map(seoul),
            "totalAmount": self.amount,
            "balanceAmount": self.balance(),
            "suppliedAmount": self.balance() - vat,
            "vat": vat,
            "taxFreeAmount": 0,
            "taxExemptionAmount": 0,
            "useEscrow": false,
            "cultureExpense": false,
            "isPartialCancelable": true,
            "card": null,
            "virtualAccount": null,
            "transfer": null,
            "mobilePhone": null,
            "giftCertificate": null,
            "cashReceipt": null,
            "cashReceipts": null,
            "discount": null,
            "easyPay": null,
            "metadata": null,
            "receipt": null,
            "checkout": {"url": format!("/checkout/{}", self.order_id)},
            "failure": failure.map(|refusal| json!({"code": refusal.code, "message": refusal.message})),
            "cancels": self.cancels_json(),
        })
    }

    fn cancels_json(&self) -> Value {
        if self.cancels.is_empty() {
            return Value::Null;
        }
        let mut left = self.amount;
        self.cancels
            .iter()
            .map(|cancel| {
                left -= cancel.amount;
                json!({
                    "transactionKey": cancel.transaction_key,
                    "cancelReason": cancel.reason,
                    "cancelAmount": cancel.amount,
                    "canceledAt": seoul(cancel.at),
                    "cancelStatus": "DONE",
                    "taxFreeAmount": 0,
                    "taxExemptionAmount": 0,
                    "refundableAmount": left,
                    "receiptKey": null,
                    "cancelRequestId": null,
                })
            })
            .collect()
    }
}

/// The time as Toss writes it: Seoul's, to the second, with the offset.
pub(crate) fn seoul(time: Timestamp) -> String {
    let seoul = tz::TimeZone::fixed(tz::offset(9));
    time.to_zoned(seoul)
        .strftime("%Y-%m-%dT%H:%M:%S%:z")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn payment(choice: Choice) -> Payment {
        let keys = ("key".to_owned(), "transaction".to_owned());
        Payment::new("ORD_1".to_owned(), 1000, choice, keys, NOW)
    }

    fn code(result: Result<Payment, (Refusal, Option<Box<Payment>>)>) -> &'static str {
        result.expect_err("refused").0.code
    }

    #[test]
    fn an_approved_payment_is_captured_once() {
        let done = payment(Choice::Approve)
            .confirm("ORD_1", 1000, NOW)
            .expect("captured");
        assert_eq!((done.status, done.balance()), (Status::Done, 1000));
        assert_eq!(
            code(done.confirm("ORD_1", 1000, NOW)),
            "ALREADY_PROCESSED_PAYMENT"
        );
    }

    #[test]
    fn a_confirm_is_refused_for_what_it_was_not_authenticated_for() {
        let payment = payment(Choice::Approve);
        let late = NOW + SESSION + SignedDuration::from_secs(1);
        assert_eq!(
            code(payment.confirm("ORD_2", 1000, NOW)),
            "NOT_FOUND_PAYMENT_SESSION"
        );
        assert_eq!(code(payment.confirm("ORD_1", 999, NOW)), "INVALID_REQUEST");
        assert_eq!(
            code(payment.confirm("ORD_1", 1000, late)),
            "NOT_FOUND_PAYMENT_SESSION"
        );
    }

    #[test]
    fn a_declined_card_aborts_and_an_abandoned_window_has_expired() {
        let (refusal, changed) = payment(Choice::Decline)
            .confirm("ORD_1", 1000, NOW)
            .expect_err("declined");
        assert_eq!(refusal.code, "REJECT_CARD_PAYMENT");
        assert_eq!(changed.map(|payment| payment.status), Some(Status::Aborted));
        assert_eq!(
            code(payment(Choice::Abandon).confirm("ORD_1", 1000, NOW)),
            "NOT_FOUND_PAYMENT_SESSION"
        );
    }

    #[test]
    fn a_virtual_account_is_opened_and_can_be_called_off() {
        let waiting = payment(Choice::Deposit)
            .confirm("ORD_1", 1000, NOW)
            .expect("opened");
        assert_eq!(waiting.status, Status::WaitingForDeposit);
        assert_eq!(waiting.approved_at, None);
        assert_eq!(
            code(waiting.confirm("ORD_1", 1000, NOW)),
            "ALREADY_PROCESSED_PAYMENT"
        );
        let key = "cancel".to_owned();
        let off = waiting.cancel(None, "r", key, NOW).expect("called off");
        assert_eq!((off.status, off.approved_at), (Status::Canceled, None));
    }

    #[test]
    fn no_more_is_given_back_than_was_captured() {
        let key = || "cancel".to_owned();
        let done = payment(Choice::Approve)
            .confirm("ORD_1", 1000, NOW)
            .expect("captured");
        let part = done.cancel(Some(400), "r", key(), NOW).expect("part");
        assert_eq!(
            (part.status, part.balance()),
            (Status::PartialCanceled, 600)
        );
        assert_eq!(
            part.cancel(Some(601), "r", key(), NOW),
            Err(refusals::NOT_CANCELABLE_AMOUNT)
        );
        let all = part.cancel(None, "r", key(), NOW).expect("the rest");
        assert_eq!((all.status, all.balance()), (Status::Canceled, 0));
        assert_eq!(
            all.cancel(None, "r", key(), NOW),
            Err(refusals::ALREADY_CANCELED)
        );
        assert_eq!(
            payment(Choice::Approve).cancel(None, "r", key(), NOW),
            Err(refusals::NOT_CANCELABLE)
        );
    }

    #[test]
    fn times_are_written_in_seoul() {
        assert_eq!(seoul(NOW), "1970-01-01T09:00:00+09:00");
    }
}
