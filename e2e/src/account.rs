//! Who an operator is to the API server: the `ServiceAccount` that its chart makes, with the
//! rights of that chart and no others.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use anyhow::Context;
use serde_json::{Value, json};

use crate::{
    api::start_proxy,
    helm::Chart,
    kubectl::kubectl,
    operator::{HOME, install_definition},
    process::target,
};

/// Name of the `ServiceAccount`, wherever the chart is.
const NAME: &str = "urr-operator";

/// The account of an operator, as somebody who may do no more than it.
#[derive(Debug)]
pub struct Account {
    namespace: String,
    kubeconfig: PathBuf,
    url: OnceLock<String>,
}

impl Account {
    /// The one that has its rights in all namespaces, of a chart that is installed once for all
    /// tests of a process.
    pub fn shared() -> anyhow::Result<&'static Self> {
        static SHARED: OnceLock<Result<Account, String>> = OnceLock::new();
        let make = || -> anyhow::Result<Self> {
            install_definition()?;
            Chart::Operator.install(HOME, &["--create-namespace"])?;
            Self::of(HOME)
        };
        let shared = SHARED.get_or_init(|| make().map_err(|error| format!("{error:#}")));
        shared
            .as_ref()
            .map_err(|error| anyhow::Error::msg(error.clone()))
    }

    /// That of the chart which is installed in `namespace`.
    pub fn of(namespace: &str) -> anyhow::Result<Self> {
        let token = ["create", "token", NAME, "--namespace", namespace];
        let token = [&token[..], &["--duration", "6h"]].concat();
        let token = kubectl(&token, "")?.ok("kubectl create token")?;
        let ours = ["config", "view", "--raw", "--flatten", "-o", "json"];
        let ours = kubectl(&ours, "")?.ok("kubectl config view")?;
        let mut config: Value = serde_json::from_str(&ours)?;
        for user in config["users"].as_array_mut().context("there are users")? {
            user["user"] = json!({"token": token.trim()});
        }
        let folder = target()?.join("e2e");
        std::fs::create_dir_all(&folder)?;
        let kubeconfig = folder.join(format!("{namespace}-operator.kubeconfig"));
        std::fs::write(&kubeconfig, config.to_string())?;
        Ok(Self {
            namespace: namespace.to_owned(),
            kubeconfig,
            url: OnceLock::new(),
        })
    }

    /// Where its chart is, and so its Lease.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Its way into the cluster.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Where the API server takes everybody for this account, as `http://host:port`.
    pub fn api_url(&self) -> anyhow::Result<&str> {
        if self.url.get().is_none() {
            let url = start_proxy(Some(&self.kubeconfig))?;
            // Another thread may have been faster: then there are two ways.
            drop(self.url.set(url));
        }
        self.url
            .get()
            .map(String::as_str)
            .context("it was just set")
    }

    /// Whether the API server would let it do this in `namespace`, such as `get secrets` or
    /// `patch deployments.apps/urr-ticket`. What the resource is need not be known there.
    pub fn may(&self, namespace: &str, what: &str) -> anyhow::Result<bool> {
        let (verb, object) = what.split_once(' ').context("a verb and a resource")?;
        let (kind, name) = object.split_once('/').unwrap_or((object, ""));
        let (resource, group) = kind.split_once('.').unwrap_or((kind, ""));
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "namespace": namespace, "verb": verb, "group": group, "resource": resource, "name": name,
            }},
        });
        let kubeconfig = self.kubeconfig.to_string_lossy();
        // Whether the question is well put is asked of those who may read definitions.
        let ask = [
            "create",
            "--validate=false",
            "-o=json",
            "--kubeconfig",
            &kubeconfig,
        ];
        let ask = [&ask[..], &["-f", "-"]].concat();
        let answer = kubectl(&ask, &review.to_string())?.ok("kubectl create")?;
        let answer: Value = serde_json::from_str(&answer)?;
        answer["status"]["allowed"]
            .as_bool()
            .context("an API server decides")
    }
}
