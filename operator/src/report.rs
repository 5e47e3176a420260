//! What people are told: events on the objects they look at.

use kube::{
    Client, Resource,
    runtime::events::{Event, EventType, Recorder},
};
use tracing::warn;

use crate::causes::chain;

/// The name under which events are reported.
const CONTROLLER: &str = "urr-operator";

/// Publishes events. The API server's own limit on their length is kept here.
#[derive(Clone)]
pub(crate) struct Reporter(Recorder);

/// One thing to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct News {
    /// Whether somebody should look.
    pub(crate) is_warning: bool,
    /// One word in Pascal case.
    pub(crate) reason: String,
    /// A sentence.
    pub(crate) note: String,
}

impl News {
    pub(crate) fn normal(reason: impl Into<String>, note: impl Into<String>) -> Self {
        Self {
            is_warning: false,
            reason: reason.into(),
            note: note.into(),
        }
    }

    pub(crate) fn warning(reason: impl Into<String>, note: impl Into<String>) -> Self {
        Self {
            is_warning: true,
            ..Self::normal(reason, note)
        }
    }
}

/// Longest note that the API server takes, in bytes.
const LONGEST_NOTE: usize = 1000;

impl Reporter {
    pub(crate) fn new(client: Client) -> Self {
        Self(Recorder::new(client, CONTROLLER.into()))
    }

    /// Says it. An event that cannot be written stops nothing.
    pub(crate) async fn say(&self, about: &impl Resource<DynamicType = ()>, news: &News) {
        let event = Event {
            type_: if news.is_warning {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: news.reason.clone(),
            note: Some(shortened(&news.note)),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        if let Err(error) = self.0.publish(&event, &about.object_ref(&())).await {
            warn!(error = %chain(&error), event.reason = news.reason, "an event was not written");
        }
    }
}

fn shortened(note: &str) -> String {
    match note.char_indices().find(|(at, _)| *at >= LONGEST_NOTE) {
        Some((end, _)) => format!("{}…", &note[..end]),
        None => note.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_notes_are_cut_between_letters() {
        assert_eq!(shortened("short"), "short");
        let long = "가".repeat(1000);
        assert!(shortened(&long).len() < 1024);
    }
}
