//! The databases an audit reads.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context;
use sqlx::PgPool;
use urr_kit::{
    config::parse_secret,
    database::Database,
    env_file::{self, Variables},
};

use crate::databases::{Databases, Name};

/// Connections an audit makes to one database.
const CONNECTIONS: u32 = 2;
/// Variable with the zone of the days of the statistics.
const TIME_ZONE: &str = "STATS_TIME_ZONE";

/// The databases that are named.
#[derive(Clone, Debug)]
pub(super) struct Sources {
    pools: BTreeMap<Name, PgPool>,
    time_zone: String,
}

impl Sources {
    /// The databases that the file, or else the environment, names.
    pub(super) fn new(
        file: Option<&Path>,
        environment: &Databases,
        time_zone: &str,
    ) -> anyhow::Result<Self> {
        let variables = file.map(env_file::read).transpose()?.unwrap_or_default();
        let mut sources = Self::none(variables.get(TIME_ZONE).map_or(time_zone, String::as_str));
        for name in Name::ALL {
            if let Some(pool) = from_file(name, &variables)? {
                sources.insert(name, pool);
            } else if environment.has(name) {
                sources.insert(name, environment.pool(name)?);
            }
        }
        Ok(sources)
    }

    /// No database yet.
    pub(super) fn none(time_zone: &str) -> Self {
        Self {
            pools: BTreeMap::new(),
            time_zone: time_zone.to_owned(),
        }
    }

    /// Zone of the days of the statistics.
    pub(super) fn time_zone(&self) -> &str {
        &self.time_zone
    }

    /// Adds one.
    pub(super) fn insert(&mut self, name: Name, pool: PgPool) {
        self.pools.insert(name, pool);
    }

    /// The first of `needs` that is not named.
    pub(super) fn missing(&self, needs: &[Name]) -> Option<Name> {
        needs
            .iter()
            .copied()
            .find(|name| !self.pools.contains_key(name))
    }

    /// Connections to a database.
    pub(super) fn pool(&self, name: Name) -> anyhow::Result<&PgPool> {
        self.pools
            .get(&name)
            .with_context(|| format!("{} is not set", name.variable()))
    }

    /// Those of the databases that are named.
    pub(super) fn named(&self) -> impl Iterator<Item = (Name, &PgPool)> {
        self.pools.iter().map(|(name, pool)| (*name, pool))
    }

    /// Errs where none is named, or one does not answer.
    pub(super) async fn answer(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            !self.pools.is_empty(),
            "no database is named: give --env-file or the *_DB_URL variables"
        );
        for (name, pool) in self.named() {
            pool.acquire()
                .await
                .with_context(|| format!("{} does not answer", name.database()))?;
        }
        Ok(())
    }
}

fn from_file(name: Name, variables: &Variables) -> anyhow::Result<Option<PgPool>> {
    let beside = |suffix: &str| variables.get(&name.variable().replace("_URL", suffix));
    let Some(url) = variables.get(name.variable()).filter(|url| !url.is_empty()) else {
        return Ok(None);
    };
    let password = beside("_PASSWORD")
        .map(|text| parse_secret(text))
        .transpose()?;
    let username = beside("_USERNAME").map(String::as_str);
    let database = Database::new(url, username, password.as_ref(), CONNECTIONS)
        .with_context(|| name.variable().to_owned())?;
    Ok(Some(database.lazy_pool()))
}
