//! What an administrator may make of a reservation: only what its owner or its payment could
//! have made of it. The words are those of the status columns.

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminChange {
    /// Sell it to the order that was captured for it.
    Confirm,
    /// End it; what was paid goes back.
    Cancel,
    /// End it and give its money back; there must be some.
    Refund,
}

/// Why nothing is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeError {
    /// Neither status was sent.
    Nothing,
    /// A word that no administrator may write.
    Unknown,
    /// Two words that contradict each other.
    Contradiction,
}

impl AdminChange {
    /// The change that the two words ask for.
    pub fn parse(status: Option<&str>, payment_status: Option<&str>) -> Result<Self, ChangeError> {
        let by_status = status.map(|word| match word {
            "confirmed" => Ok(Self::Confirm),
            "cancelled" => Ok(Self::Cancel),
            "refunded" => Ok(Self::Refund),
            _ => Err(ChangeError::Unknown),
        });
        let by_payment = payment_status.map(|word| match word {
            "completed" => Ok(Self::Confirm),
            "refund_requested" | "refunded" => Ok(Self::Refund),
            _ => Err(ChangeError::Unknown),
        });
        match (by_status.transpose()?, by_payment.transpose()?) {
            (None, None) => Err(ChangeError::Nothing),
            (Some(one), None) | (None, Some(one)) => Ok(one),
            (Some(one), Some(other)) if one == other => Ok(one),
            (Some(Self::Cancel), Some(Self::Refund)) => Ok(Self::Refund),
            _ => Err(ChangeError::Contradiction),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_ask_for_transitions() {
        use AdminChange::{Cancel, Confirm, Refund};
        let cases = [
            (Some("confirmed"), None, Ok(Confirm)),
            (Some("cancelled"), None, Ok(Cancel)),
            (Some("refunded"), None, Ok(Refund)),
            (None, Some("completed"), Ok(Confirm)),
            (Some("cancelled"), Some("refunded"), Ok(Refund)),
            (Some("confirmed"), Some("completed"), Ok(Confirm)),
            (None, None, Err(ChangeError::Nothing)),
            (Some("sold"), None, Err(ChangeError::Unknown)),
            (Some("cancelled"), Some("free"), Err(ChangeError::Unknown)),
            (
                Some("confirmed"),
                Some("refunded"),
                Err(ChangeError::Contradiction),
            ),
            (
                Some("cancelled"),
                Some("completed"),
                Err(ChangeError::Contradiction),
            ),
        ];
        for (status, payment_status, expected) in cases {
            assert_eq!(AdminChange::parse(status, payment_status), expected);
        }
    }
}
