//! Where the operator acts.

use kube::{Api, Client, Resource, core::NamespaceResourceScope};

/// Where the operator acts.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct ScopeArgs {
    /// Namespaces to act in, separated by commas; the whole cluster where empty.
    #[arg(
        long,
        env = "WATCH_NAMESPACES",
        value_delimiter = ',',
        hide_env_values = true
    )]
    watch_namespaces: Vec<String>,
}

impl ScopeArgs {
    /// One scope for each namespace, or one for all.
    pub(crate) fn scopes(&self) -> Vec<Scope> {
        let named = self.watch_namespaces.iter().map(|name| name.trim());
        let named: Vec<_> = named
            .filter(|name| !name.is_empty())
            .map(|name| Scope(Some(name.to_owned())))
            .collect();
        if named.is_empty() {
            vec![Scope(None)]
        } else {
            named
        }
    }
}

/// A namespace, or all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope(Option<String>);

impl Scope {
    /// The objects of one kind in it.
    pub(crate) fn api<K>(&self, client: &Client) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        match &self.0 {
            Some(namespace) => Api::namespaced(client.clone(), namespace),
            None => Api::all(client.clone()),
        }
    }
}
