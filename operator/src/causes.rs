//! Errors as people read them.

use std::error::Error;

/// The error and its causes in one line. What was said already is not said again; of a refusal
/// by the API server only its sentence is told, because its own text repeats the whole answer.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let (said, ends) = match error.downcast_ref::<kube::Error>() {
            Some(kube::Error::Api(status)) => (status.message.clone(), true),
            _ => (error.to_string(), false),
        };
        if text.is_empty() {
            text = said;
        } else if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        next = error.source().filter(|_| !ends);
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::Context;
    use kube::core::Status;

    use super::*;

    #[test]
    fn a_refusal_is_told_by_its_sentence() {
        let status = Status::failure("namespaces \"a\" not found", "NotFound").with_code(404);
        let refused: Result<(), _> = Err(kube::Error::Api(Box::new(status)));
        let error = refused
            .context("the Lease cannot be made")
            .expect_err("refused");
        assert_eq!(
            chain(&*error),
            "the Lease cannot be made: namespaces \"a\" not found"
        );
    }

    #[test]
    fn a_cause_is_told_once() {
        let cause = std::io::Error::other("connection refused");
        let error = anyhow::Error::new(cause).context("no answer: connection refused");
        assert_eq!(chain(&*error), "no answer: connection refused");
    }
}
