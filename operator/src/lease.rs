//! The Lease: one operator acts at a time.
//!
//! It is judged by what was seen to change and by a clock that only goes forward, never by
//! comparing clocks of two machines. Whoever cannot renew in time stops for good: the process
//! ends, and what replaces it starts clean. One that was frozen meanwhile knows nothing of it
//! when it goes on, so every request asks the [`Tenure`] first.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use k8s_openapi::{
    api::coordination::v1::{Lease as Record, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client, Config, ResourceExt,
    api::PostParams,
    client::{Body, ClientBuilder},
};
use parking_lot::Mutex;
use tower::{BoxError, filter::FilterLayer};
use tracing::{debug, info, warn};
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

/// Longest time between two looks at a Lease that another holds.
const LOOK: Duration = Duration::from_secs(2);

/// Code of the API server: somebody else changed or made it meanwhile.
const CHANGED: u16 = 409;
/// Code of the API server: it is not there.
const GONE: u16 = 404;

/// Until when this process may act.
#[derive(Clone, Debug)]
pub(crate) struct Tenure(Arc<Mutex<Instant>>);

/// Refusal of a request that came too late.
#[derive(Debug, thiserror::Error)]
#[error("the lease was not renewed in time")]
pub(crate) struct Over;

impl Tenure {
    /// Errs while the Lease is not renewed in time.
    pub(crate) fn check(&self) -> Result<(), Over> {
        if Instant::now() < *self.0.lock() {
            Ok(())
        } else {
            Err(Over)
        }
    }

    /// A client that sends nothing when it is over.
    pub(crate) fn client(&self, config: Config) -> kube::Result<Client> {
        let tenure = self.clone();
        let checked = move |request: http::Request<Body>| {
            tenure.check()?;
            Ok::<_, BoxError>(request)
        };
        let builder = ClientBuilder::try_from(config)?;
        Ok(builder.with_layer(&FilterLayer::new(checked)).build())
    }

    fn set(&self, until: Instant) {
        *self.0.lock() = until;
    }
}

/// The Lease as this process sees it.
pub(crate) struct Lease {
    api: Api<Record>,
    clock: Clock,
    name: String,
    identity: String,
    duration: Duration,
    held: Option<Record>,
    tenure: Tenure,
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
            tenure: Tenure(Arc::new(Mutex::new(Instant::now()))),
        }
    }

    /// Until when this process may act.
    pub(crate) fn tenure(&self) -> &Tenure {
        &self.tenure
    }

    /// Waits until this process holds the Lease; errs when shutdown comes first.
    pub(crate) async fn acquire(&mut self, tasks: &Tasks) -> anyhow::Result<()> {
        // The record last seen, and since when it is the same.
        let mut seen: Option<(Option<String>, Instant)> = None;
        let mut told = None;
        loop {
            let look = tokio::time::timeout(self.duration, self.api.get_opt(&self.name));
            let waits_for = match look.await {
                Ok(Ok(None)) => {
                    self.take(None).await?;
                    None
                }
                Ok(Ok(Some(record))) => {
                    let holder = holder_of(&record).map(|holder| format!("held by {holder}"));
                    let version = record.resource_version();
                    let since = match seen {
                        Some((ref before, since)) if *before == version => since,
                        _ => Instant::now(),
                    };
                    seen = Some((version, since));
                    if is_free(&record) || since.elapsed() >= duration_of(&record, self.duration) {
                        self.take(Some(record)).await?;
                    }
                    holder
                }
                Ok(Err(error)) => Some(chain(&error)),
                Err(_) => Some("no answer from the API server".to_owned()),
            };
            if self.held.is_some() {
                info!(lease.holder = self.identity, "holds the lease");
                return Ok(());
            }
            if let Some(why) = &waits_for
                && told != waits_for
            {
                warn!(lease.name = self.name, why, "waits for the lease");
                told = waits_for;
            }
            if tasks.sleep(LOOK.min(self.duration / 10)).await {
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
            self.take(record.clone()).await?;
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
        loop {
            tokio::time::sleep(self.duration / 5).await;
            match tokio::time::timeout(self.duration / 5, self.renew()).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => {
                    return anyhow::anyhow!(
                        "another operator took the lease, or somebody deleted it"
                    );
                }
                Ok(Err(error)) => debug!(error = %chain(&error), "the lease was not renewed"),
                Err(_) => debug!("a renewal of the lease was not answered"),
            }
            // Stops well before anybody else may begin.
            if let Err(over) = self.tenure.check() {
                return over.into();
            }
        }
    }

    /// Gives it back, so that the next operator need not wait.
    pub(crate) async fn release(&mut self) -> anyhow::Result<()> {
        let Some(mut record) = self.held.take() else {
            return Ok(());
        };
        self.tenure.set(Instant::now());
        let spec = record.spec.get_or_insert_default();
        spec.holder_identity = None;
        spec.renew_time = None;
        self.api
            .replace(&self.name, &PostParams::default(), &record)
            .await
            .context("the lease was not given back")?;
        Ok(())
    }

    /// Takes it from whoever held it, or makes it. Of two who try, one is refused, because the
    /// version of the record is in what is written; then it is not held.
    async fn take(&mut self, before: Option<Record>) -> kube::Result<()> {
        let mut record = before.unwrap_or_default();
        let transitions = record.spec.as_ref().map(|spec| spec.lease_transitions);
        let transitions = transitions.map_or(0, |before| before.unwrap_or(0) + 1);
        record.metadata.name = Some(self.name.clone());
        record.spec = Some(self.spec(transitions));
        match self.write(record).await {
            Err(error) if is(&error, CHANGED) => Ok(()),
            result => result,
        }
    }

    /// Renews it; false where it is not ours any more.
    async fn renew(&mut self) -> kube::Result<bool> {
        let Some(held) = self.held.clone() else {
            return Ok(false);
        };
        match self.write(self.renewed(held)).await {
            // By another, or by a renewal of ours whose answer never came.
            Err(error) if is(&error, CHANGED) || is(&error, GONE) => {}
            result => return result.map(|()| true),
        }
        let record = self.api.get_opt(&self.name).await?;
        match record.filter(|record| self.is_ours(record)) {
            Some(record) => self.write(self.renewed(record)).await.map(|()| true),
            None => Ok(false),
        }
    }

    fn renewed(&self, mut record: Record) -> Record {
        record.spec.get_or_insert_default().renew_time = Some(MicroTime(self.clock.now()));
        record
    }

    /// Writes the record as its holder, unless it was changed since it was read.
    async fn write(&mut self, record: Record) -> kube::Result<()> {
        // Others count from when they see it, which is later.
        let begun = Instant::now();
        let params = PostParams::default();
        let written = match record.resource_version() {
            None => self.api.create(&params, &record).await?,
            Some(_) => self.api.replace(&self.name, &params, &record).await?,
        };
        self.held = Some(written);
        self.tenure.set(begun + self.duration * 2 / 3);
        Ok(())
    }

    fn is_ours(&self, record: &Record) -> bool {
        holder_of(record) == Some(self.identity.as_str())
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
    holder_of(record).is_none()
}

fn holder_of(record: &Record) -> Option<&str> {
    let holder = record.spec.as_ref()?.holder_identity.as_deref();
    holder.filter(|holder| !holder.is_empty())
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

fn is(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}
