//! What the tests on a real Kubernetes stand on: kubectl and helm as people type them, a
//! namespace per test whose state is kept when it fails, and conditions instead of seconds.
//!
//! Which cluster it is says `KUBECONFIG`, as everywhere; this crate reads no setting. With the
//! control plane alone (level *api*) nothing runs a pod, so [`Kubelet`] says of pods and jobs
//! what a node would say, and the programs run on this machine.

mod account;
mod api;
mod command;
mod door;
mod foreign;
mod helm;
mod keeper;
mod kubectl;
mod kubelet;
mod namespace;
mod operator;
mod port_forward;
mod process;
mod rollout;
mod sale;
mod services;
mod wait;

pub use account::Account;
pub use api::{api_url, create_all};
pub use command::{Answer, run};
pub use door::{Door, Log, Request};
pub use foreign::Foreign;
pub use helm::{Chart, Release};
pub use kubectl::{apply, apply_refused, delete, events, exists, get, items, kubectl, labelled};
pub use kubelet::Kubelet;
pub use namespace::{Namespace, in_namespace};
pub use operator::{Operator, given, install_definition};
pub use port_forward::PortForward;
pub use process::{Process, program};
pub use rollout::{completed, established, rolled_out};
pub use sale::{
    condition, declared, declared_sale, examples, merge, opens, sale, sale_says, text, until,
};
pub use services::{Fan, Reply, Service, Services, uuid};
pub use wait::{PATIENCE, eventually, eventually_within, in_seconds, now};
