//! Faults on demand: each is for the next calls, or for all calls of one order, of one kind
//! of call or of any. Taking a fault uses it up.

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};

use super::refusals::{self, Refusal};

/// Longest that a call is held where a fault does not say.
const HANG_MS: u32 = 30_000;

/// Which call a fault is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Operation {
    /// `POST /v1/payments/confirm`.
    Confirm,
    /// `POST /v1/payments/{paymentKey}/cancel`.
    Cancel,
    /// Either GET.
    Query,
    /// A webhook on its way out.
    Webhook,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "fault",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub(crate) enum Fault {
    /// The call does its work and the answer never comes.
    TimeoutAfter {
        #[serde(default = "hang_ms")]
        hang_ms: u32,
    },
    /// Neither work nor answer.
    TimeoutBefore {
        #[serde(default = "hang_ms")]
        hang_ms: u32,
    },
    /// The call does its work and the answer comes late.
    Late { delay_ms: u32 },
    /// A published refusal instead of the work.
    Refuse { code: String },
    /// The webhook is sent so many times.
    WebhookRepeat { times: u8 },
    /// The webhook is kept until the next one of its order has gone out.
    WebhookOutOfOrder,
    /// The webhook goes out late.
    WebhookLate { delay_ms: u32 },
}

fn hang_ms() -> u32 {
    HANG_MS
}

impl Fault {
    fn fits(&self, operation: Operation) -> bool {
        let for_webhooks = matches!(
            self,
            Self::WebhookRepeat { .. } | Self::WebhookOutOfOrder | Self::WebhookLate { .. }
        );
        for_webhooks == (operation == Operation::Webhook)
    }
}

/// A fault as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FaultOrder {
    #[serde(flatten)]
    pub(crate) fault: Fault,
    /// Only this kind of call; any it fits where absent.
    pub(crate) operation: Option<Operation>,
    /// Only this order.
    pub(crate) order_id: Option<String>,
    /// So many calls. Absent: the next one, or every one of the order named.
    pub(crate) calls: Option<u32>,
}

impl FaultOrder {
    /// What is wrong with it, if anything.
    pub(crate) fn problem(&self) -> Option<String> {
        match &self.fault {
            Fault::Refuse { code } if Refusal::of_code(code).is_none() => {
                Some(format!("{code} is not a code that Toss publishes"))
            }
            _ if self.calls == Some(0) => Some("calls must be at least 1".to_owned()),
            _ => None,
        }
    }

    fn applies(&self, operation: Operation, order_id: &str) -> bool {
        self.fault.fits(operation)
            && self.operation.is_none_or(|wanted| wanted == operation)
            && self
                .order_id
                .as_deref()
                .is_none_or(|wanted| wanted == order_id)
    }
}

/// Shares of calls that go wrong by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rates {
    pub(crate) timeout_after: f64,
    pub(crate) timeout_before: f64,
    pub(crate) late: f64,
    pub(crate) late_ms: u32,
    pub(crate) decline: f64,
    pub(crate) webhook_repeat: f64,
}

/// The faults in force.
#[derive(Debug)]
pub(crate) struct Faults {
    orders: Vec<FaultOrder>,
    rates: Rates,
    random: StdRng,
}

impl Faults {
    /// No faults but those of `rates`, drawn from `seed`.
    pub(crate) fn new(rates: Rates, seed: u64) -> Self {
        Self {
            orders: Vec::new(),
            rates,
            random: StdRng::seed_from_u64(seed),
        }
    }

    pub(crate) fn add(&mut self, mut order: FaultOrder) {
        if order.calls.is_none() && order.order_id.is_none() {
            order.calls = Some(1);
        }
        self.orders.push(order);
    }

    pub(crate) fn clear(&mut self) {
        self.orders.clear();
    }

    pub(crate) fn list(&self) -> &[FaultOrder] {
        &self.orders
    }

    /// The fault that this call meets, used up by it. One asked for comes before the rates.
    pub(crate) fn take(&mut self, operation: Operation, order_id: &str) -> Option<Fault> {
        let Some(index) = self
            .orders
            .iter()
            .position(|order| order.applies(operation, order_id))
        else {
            return self.by_rate(operation);
        };
        let order = &mut self.orders[index];
        let fault = order.fault.clone();
        if let Some(calls) = &mut order.calls {
            *calls -= 1;
            if *calls == 0 {
                self.orders.remove(index);
            }
        }
        Some(fault)
    }

    fn by_rate(&mut self, operation: Operation) -> Option<Fault> {
        let rates = self.rates;
        let shares: &[(f64, Fault)] = match operation {
            Operation::Confirm => &[
                (
                    rates.timeout_after,
                    Fault::TimeoutAfter { hang_ms: HANG_MS },
                ),
                (
                    rates.timeout_before,
                    Fault::TimeoutBefore { hang_ms: HANG_MS },
                ),
                (rates.decline, refuse(refusals::REJECT_CARD_PAYMENT)),
                (rates.late, late(rates.late_ms)),
            ],
            Operation::Cancel => &[
                (
                    rates.timeout_after,
                    Fault::TimeoutAfter { hang_ms: HANG_MS },
                ),
                (
                    rates.timeout_before,
                    Fault::TimeoutBefore { hang_ms: HANG_MS },
                ),
                (rates.late, late(rates.late_ms)),
            ],
            Operation::Query => &[(rates.late, late(rates.late_ms))],
            Operation::Webhook => &[(rates.webhook_repeat, Fault::WebhookRepeat { times: 5 })],
        };
        drawn(&mut self.random, shares)
    }
}

fn refuse(refusal: Refusal) -> Fault {
    Fault::Refuse {
        code: refusal.code.to_owned(),
    }
}

fn late(delay_ms: u32) -> Fault {
    Fault::Late { delay_ms }
}

/// One draw over all shares, so that they add up.
fn drawn(random: &mut impl Rng, shares: &[(f64, Fault)]) -> Option<Fault> {
    let mut left: f64 = random.random();
    for (share, fault) in shares {
        if left < *share {
            return Some(fault.clone());
        }
        left -= share;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(json: serde_json::Value) -> FaultOrder {
        serde_json::from_value(json).expect("a fault")
    }

    fn none() -> Faults {
        Faults::new(Rates::default(), 1)
    }

    #[test]
    fn a_fault_is_for_the_next_calls_or_for_an_order() {
        let mut faults = none();
        faults.add(order(
            serde_json::json!({"fault": "late", "delayMs": 5, "calls": 2}),
        ));
        for _ in 0..2 {
            assert_eq!(faults.take(Operation::Confirm, "a"), Some(late(5)));
        }
        assert_eq!(faults.take(Operation::Confirm, "a"), None);

        faults.add(order(
            serde_json::json!({"fault": "timeout_after", "orderId": "b", "operation": "confirm"}),
        ));
        assert_eq!(faults.take(Operation::Confirm, "a"), None);
        assert_eq!(faults.take(Operation::Cancel, "b"), None);
        for _ in 0..3 {
            assert!(faults.take(Operation::Confirm, "b").is_some());
        }
        faults.clear();
        assert_eq!(faults.take(Operation::Confirm, "b"), None);
    }

    #[test]
    fn a_webhook_fault_is_for_webhooks_only() {
        let mut faults = none();
        faults.add(order(
            serde_json::json!({"fault": "webhook_repeat", "times": 5}),
        ));
        assert_eq!(faults.take(Operation::Confirm, "a"), None);
        assert_eq!(
            faults.take(Operation::Webhook, "a"),
            Some(Fault::WebhookRepeat { times: 5 })
        );
    }

    #[test]
    fn an_unpublished_code_is_a_problem() {
        let refuse = |code: &str| order(serde_json::json!({"fault": "refuse", "code": code}));
        assert!(refuse("NO_SUCH_CODE").problem().is_some());
        assert_eq!(refuse("PROVIDER_ERROR").problem(), None);
    }

    #[test]
    fn rates_are_the_same_for_the_same_seed_and_near_what_was_asked() {
        let rates = Rates {
            timeout_after: 0.1,
            decline: 0.2,
            ..Rates::default()
        };
        let run = |seed| {
            let mut faults = Faults::new(rates, seed);
            (0..10_000)
                .map(|_| faults.take(Operation::Confirm, "a"))
                .collect::<Vec<_>>()
        };
        let drawn = run(7);
        assert_eq!(drawn, run(7));
        assert_ne!(drawn, run(8));
        let declines = drawn
            .iter()
            .filter(|fault| matches!(fault, Some(Fault::Refuse { .. })))
            .count();
        assert!((1_800..2_200).contains(&declines), "{declines}");
    }
}
