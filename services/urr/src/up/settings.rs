//! Values that the services get: the user's where there is one, else ours.

use clap::Args as _;
use urr_kit::env_file::Variables;

use super::{directory::Directory, plan, secrets};

/// Our values: secrets, and defaults of a local platform.
#[derive(Debug)]
pub(crate) struct Settings {
    ours: Variables,
}

impl Settings {
    /// Reads the secrets, or makes them.
    pub(crate) fn load(directory: &Directory) -> anyhow::Result<Self> {
        let mut ours = secrets::load_or_make(&directory.secrets_env())?;
        ours.extend(plan::defaults());
        Ok(Self { ours })
    }

    /// The value that holds.
    pub(crate) fn value(&self, name: &str) -> String {
        set_by_user(name)
            .or_else(|| self.ours.get(name).cloned())
            .unwrap_or_default()
    }

    /// The gateway's limit of that name: the user's, ours, or else the gateway's own default.
    pub(crate) fn rate_limit(&self, name: &str) -> String {
        let value = self.value(name);
        if !value.is_empty() {
            return value;
        }
        let gateway = urr_gateway::Config::augment_args(clap::Command::new("gateway"));
        gateway
            .get_arguments()
            .find(|argument| argument.get_env().is_some_and(|variable| variable == name))
            .and_then(|argument| argument.get_default_values().first()?.to_str())
            .unwrap_or_default()
            .to_owned()
    }

    /// Our value, whatever the user set: for data that outlives one start.
    pub(crate) fn ours(&self, name: &str) -> &str {
        self.ours.get(name).map_or("", String::as_str)
    }

    /// Ours where the user set none; the user's reach the services by themselves.
    pub(crate) fn not_set_by_user(&self) -> Variables {
        self.ours
            .iter()
            .filter(|(name, _)| set_by_user(name).is_none())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "whatever service it is for, what the user set goes on to it"
)]
fn set_by_user(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
