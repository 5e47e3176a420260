//! The Lease: one operator acts at a time.
//!
//! It is judged by what was seen to change and by a clock that only goes forward, never by
//! comparing clocks of two machines. Whoever cannot renew in time stops for good: the process
//! ends, and what replaces it starts clean.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use k8s_openapi::{
    api::coordination::v1::{Lease as Record, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{Api, Client, ResourceExt, api::PostParams};
use tracing::{debug, info};
use urr_kit::{Clock, Tasks};

use crate::causes::chain;

/// Settings of the lease.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct LeaseArgs {
    /// Namespace of the Lease: the operator's own.
    #[arg(long, env = "POD_NAMESPACE", hide_env_values = true)]
    pub(crate) namespace: String,
    /// Who holds it, for people to read; the host's name where empty.
    #[arg(long, env = "POD_NAME", hide_env_values = true)]
    pub(crate) identity: Option<String>,
    /// Name of the Lease.
    #[arg(
        long,
        env = "LEASE_NAME",
        default_value = "urr-operator",
        hide_env_values = true
    )]
    pub(crate) lease_name: String,
    /// How long another operator waits for one that is silent, in seconds.
    #[arg(long, env = "LEASE_SECONDS", default_value_t = 15, hide_env_values = true,
          value_parser = clap::value_parser!(u16).range(3..=300))]
    pub(crate) lease_seconds: u16,
}

/// The Lease as this process sees it.
pub(crate) struct Lease {
    api: Api<Record>,
    clock: Clock,
    name: String,
    identity: String,
    duration: Duration,
    held: Option<Record>,
}

impl Lease {
    pub(crate) fn new(client: Client, clock: Clock, args: &LeaseArgs) -> Self {
        let host = || {
            rustix::system::uname()
                .nodename()
                .to_string_lossy()
                .into_owned()
        };
        let who = args.identity.clone().unwrap_or_else(host);
        Self {
            api: Api::namespaced(client, &args.namespace),
            clock,
            name: args.lease_name.clone(),
            // A process that was started again is another holder.
            identity: format!("{who}_{:08x}", rand::random::<u32>()),
            duration: Duration::from_secs(args.lease_seconds.into()),
            held: None,
        }
    }

    /// Waits until this process holds the Lease; errs when shutdown comes first.
    pub(crate) async fn acquire(&mut self, tasks: &Tasks) -> anyhow::Result<()> {
        // The record last seen, and since when it is the same.
        let mut seen: Option<(Option<String>, Instant)> = None;
        loop {
            match self.api.get_opt(&self.name).await {
                Ok(None) => self.create().await?,
                Ok(Some(record)) => {
                    let version = record.resource_version();
                    let since = match seen {
                        Some((ref before, since)) if *before == version => since,
                        _ => Instant::now(),
                    };
                    seen = Some((version, since));
                    if is_free(&record) || since.elapsed() >= duration_of(&record, self.duration) {
                        self.take(record).await?;
                    }
                }
                Err(error) => debug!(error = %chain(&error), "the lease cannot be read"),
            }
            if self.held.is_some() {
                info!(lease.holder = self.identity, "holds the lease");
                return Ok(());
            }
            if tasks.sleep(self.duration / 10).await {
                bail!("stopped before the lease was free");
            }
        }
    }

    /// Takes the Lease from whoever holds it, so that nobody acts for `duration`. Returns when
    /// that one has stopped: it notices at its next renewal, and ends without one.
    pub(crate) async fn seize(&mut self, duration: Duration) -> anyhow::Result<()> {
        let renewal = std::mem::replace(&mut self.duration, duration);
        let before = loop {
            let record = self.api.get_opt(&self.name).await?;
            match record.clone() {
                None => self.create().await?,
                Some(record) => self.take(record).await?,
            }
            // Not held: it was renewed meanwhile.
            if self.held.is_some() {
                break record;
            }
        };
        if let Some(record) = before.filter(|record| !is_free(record)) {
            tokio::time::sleep(duration_of(&record, renewal)).await;
        }
        Ok(())
    }

    /// Renews until it is lost; returns why.
    pub(crate) async fn keep(&mut self) -> anyhow::Error {
        let mut renewed = Instant::now();
        loop {
            tokio::time::sleep(self.duration / 5).await;
            match tokio::time::timeout(self.duration / 5, self.renew()).await {
                Ok(Ok(())) => renewed = Instant::now(),
                Ok(Err(error)) if is_conflict(&error) => match self.is_still_ours().await {
                    Ok(true) => renewed = Instant::now(),
                    Ok(false) => return anyhow::anyhow!("another operator took the lease"),
                    Err(error) => debug!(error = %chain(&error), "the lease cannot be read"),
                },
                Ok(Err(error)) => debug!(error = %chain(&error), "the lease was not renewed"),
                Err(_) => debug!("the lease was not renewed in time"),
            }
            // Stops well before anybody else may begin.
            if renewed.elapsed() >= self.duration * 2 / 3 {
                return anyhow::anyhow!("the lease could not be renewed in time");
            }
        }
    }

    /// Gives it back, so that the next operator need not wait.
    pub(crate) async fn release(&mut self) -> anyhow::Result<()> {
        let Some(mut record) = self.held.take() else {
            return Ok(());
        };
        let spec = record.spec.get_or_insert_default();
        spec.holder_identity = None;
        spec.renew_time = None;
        self.api
            .replace(&self.name, &PostParams::default(), &record)
            .await
            .context("the lease was not given back")?;
        Ok(())
    }

    async fn create(&mut self) -> kube::Result<()> {
        let mut record = Record::default();
        record.metadata.name = Some(self.name.clone());
        record.spec = Some(self.spec(0));
        match self.api.create(&PostParams::default(), &record).await {
            Ok(record) => self.held = Some(record),
            Err(error) if is_conflict(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn take(&mut self, mut record: Record) -> kube::Result<()> {
        let transitions = record.spec.as_ref().and_then(|spec| spec.lease_transitions);
        record.spec = Some(self.spec(transitions.unwrap_or(0) + 1));
        // The version of the record is in it: of two who try, one is refused.
        match self
            .api
            .replace(&self.name, &PostParams::default(), &record)
            .await
        {
            Ok(record) => self.held = Some(record),
            Err(error) if is_conflict(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn renew(&mut self) -> kube::Result<()> {
        let Some(mut record) = self.held.clone() else {
            return Ok(());
        };
        record.spec.get_or_insert_default().renew_time = Some(MicroTime(self.clock.now()));
        let renewed = self
            .api
            .replace(&self.name, &PostParams::default(), &record)
            .await?;
        self.held = Some(renewed);
        Ok(())
    }

    /// Whether the record is ours, changed by a renewal whose answer never came.
    async fn is_still_ours(&mut self) -> kube::Result<bool> {
        let record = self.api.get(&self.name).await?;
        let spec = record.spec.as_ref();
        let holder = spec.and_then(|spec| spec.holder_identity.as_deref());
        let is_ours = holder == Some(self.identity.as_str());
        self.held = is_ours.then_some(record);
        Ok(is_ours)
    }

    fn spec(&self, transitions: i32) -> LeaseSpec {
        let now = MicroTime(self.clock.now());
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(self.duration.as_secs()).ok(),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }
    }
}

fn is_free(record: &Record) -> bool {
    let holder = record
        .spec
        .as_ref()
        .and_then(|spec| spec.holder_identity.as_deref());
    holder.is_none_or(str::is_empty)
}

/// How long its holder may be silent.
fn duration_of(record: &Record, ours: Duration) -> Duration {
    let seconds = record
        .spec
        .as_ref()
        .and_then(|spec| spec.lease_duration_seconds);
    let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
    seconds.map_or(ours, Duration::from_secs)
}

fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}
