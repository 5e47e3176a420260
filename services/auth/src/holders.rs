//! The services that know people, as auth asks them about one person.

use std::collections::BTreeMap;

use futures::future::join_all;
use serde_json::{Value, json};
use urr_contract::{
    UserId,
    personal_data::{Erased, OpenMatter, OpenMatters, PersonalData},
};
use urr_kit::{
    client::{CallError, InternalClient},
    internal::InternalToken,
};

use crate::{config::HolderArgs, domain::erasure::Holder};

/// Clients of all holders.
#[derive(Clone, Debug)]
pub struct Holders(Vec<(Holder, InternalClient)>);

/// Holders that did not answer.
#[derive(Debug, thiserror::Error)]
#[error("not answered by {}", self.names().join(", "))]
pub struct Missing(Vec<(Holder, CallError)>);

impl Missing {
    /// Their names.
    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|(holder, _)| holder.name()).collect()
    }
}

impl Holders {
    /// The holders of the settings.
    pub fn new(args: &HolderArgs, token: &InternalToken) -> Self {
        let clients = Holder::ALL.map(|holder| {
            let url = match holder {
                Holder::Ticket => &args.ticket_service_url,
                Holder::Payment => &args.payment_service_url,
                Holder::Community => &args.community_service_url,
                Holder::Queue => &args.queue_service_url,
            };
            (
                holder,
                InternalClient::new(holder.name(), url, token.clone()),
            )
        });
        Self(clients.into())
    }

    /// What they hold about the person, by their names: all of it or nothing.
    pub async fn personal_data(&self, user: UserId) -> Result<BTreeMap<String, Value>, Missing> {
        let answers = self.ask::<PersonalData>(user, "personal-data").await?;
        Ok(answers
            .into_iter()
            .map(|(holder, answer)| (holder.name().to_owned(), answer.personal_data))
            .collect())
    }

    /// What is open with any of them.
    pub async fn open_matters(&self, user: UserId) -> Result<Vec<OpenMatter>, Missing> {
        let answers = self.ask::<OpenMatters>(user, "open-matters").await?;
        Ok(answers
            .into_iter()
            .flat_map(|(_, answer)| answer.open_matters)
            .collect())
    }

    /// Has one of them erase the person.
    pub async fn erase(&self, holder: Holder, user: UserId) -> Result<Erased, CallError> {
        let (_, client) = self
            .0
            .iter()
            .find(|(known, _)| *known == holder)
            .expect("there is a client for every holder");
        let path = format!("/internal/users/{user}/erase");
        client.post_idempotent(&path, &json!({})).await
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        user: UserId,
        what: &str,
    ) -> Result<Vec<(Holder, T)>, Missing> {
        let path = format!("/internal/users/{user}/{what}");
        let calls = self.0.iter().map(async |(holder, client)| {
            let answer = client.get::<T>(&path).await;
            (*holder, answer)
        });
        let (mut answers, mut missing) = (Vec::new(), Vec::new());
        for (holder, answer) in join_all(calls).await {
            match answer {
                Ok(answer) => answers.push((holder, answer)),
                Err(error) => missing.push((holder, error)),
            }
        }
        if missing.is_empty() {
            Ok(answers)
        } else {
            Err(Missing(missing))
        }
    }
}
