//! Errors as people read them.

use std::error::Error;

use urr_kit::telemetry;

/// The error and its causes in one line. Of a refusal by the API server only its sentence is
/// told: its own text repeats the whole answer.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let told = telemetry::chain(error);
    let mut causes = anyhow::Chain::new(error).filter_map(|cause| cause.downcast_ref());
    match causes.next() {
        Some(refusal @ kube::Error::Api(status)) => {
            told.replace(&refusal.to_string(), &status.message)
        }
        _ => told,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;
    use kube::{core::Status, runtime::watcher};

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
    fn the_sentence_is_enough_where_another_error_repeats_the_refusal() {
        let status = Status::failure("too old resource version", "Expired").with_code(410);
        let refused = kube::Error::Api(Box::new(status));
        let error = watcher::Error::WatchStartFailed(refused);
        assert_eq!(
            chain(&error),
            "failed to start watching object: too old resource version"
        );
    }
}
