//! How controllers wake each other: each has a bell.

use std::{collections::HashSet, mem::take, sync::Arc};

use futures::{Stream, StreamExt, stream};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::ConfigMap};
use kube::{
    Resource,
    runtime::reflector::{ObjectRef, Store},
};
use parking_lot::Mutex;
use tokio::sync::Notify;
use urr_operator_api::TicketingEvent;

/// The bells of the three controllers.
#[derive(Default)]
pub(crate) struct Bells {
    pub(crate) sale: Bell<TicketingEvent>,
    pub(crate) capacity: Bell<Deployment>,
    pub(crate) platform: Bell<ConfigMap>,
}

impl Bells {
    /// Wakes all controllers for all that they look after.
    pub(crate) fn ring(&self) {
        self.sale.ring();
        self.capacity.ring();
        self.platform.ring();
    }
}

/// Wakes the controller that looks after objects of this kind. Several wakes before it looks
/// are one.
pub(crate) struct Bell<K: Resource<DynamicType = ()> + 'static>(Arc<Inside<K>>);

struct Inside<K: Resource<DynamicType = ()> + 'static> {
    due: Mutex<Due<K>>,
    rung: Notify,
}

enum Due<K: Resource<DynamicType = ()> + 'static> {
    These(HashSet<ObjectRef<K>>),
    All,
}

impl<K: Resource<DynamicType = ()> + 'static> Default for Due<K> {
    fn default() -> Self {
        Self::These(HashSet::new())
    }
}

impl<K: Resource<DynamicType = ()> + 'static> Default for Bell<K> {
    fn default() -> Self {
        Self(Arc::new(Inside {
            due: Mutex::default(),
            rung: Notify::new(),
        }))
    }
}

impl<K: Resource<DynamicType = ()> + Clone + Send + Sync + 'static> Bell<K> {
    /// Wakes it for all objects.
    pub(crate) fn ring(&self) {
        *self.0.due.lock() = Due::All;
        self.0.rung.notify_one();
    }

    /// Wakes it for one object.
    pub(crate) fn ring_for(&self, object: &K) {
        if let Due::These(objects) = &mut *self.0.due.lock() {
            objects.insert(ObjectRef::from_obj(object));
        }
        self.0.rung.notify_one();
    }

    /// The objects that it was woken for, all being those in `store`. For one listener.
    pub(crate) fn rings(&self, store: Store<K>) -> impl Stream<Item = ObjectRef<K>> + use<K> {
        let rounds = stream::unfold(Arc::clone(&self.0), async |inside| {
            inside.rung.notified().await;
            let due = take(&mut *inside.due.lock());
            Some((due, inside))
        });
        rounds.flat_map(move |due| {
            stream::iter(match due {
                Due::These(objects) => objects.into_iter().collect::<Vec<_>>(),
                Due::All => {
                    let all = store.state();
                    all.iter()
                        .map(|found| ObjectRef::from_obj(&**found))
                        .collect()
                }
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use kube::runtime::{reflector, watcher::Event};

    use super::*;

    fn platform(namespace: &str) -> ConfigMap {
        let mut config = ConfigMap::default();
        config.metadata.namespace = Some(namespace.to_owned());
        config.metadata.name = Some("urr-platform".to_owned());
        config
    }

    /// The namespaces that are told at once.
    fn told(rings: &mut (impl Stream<Item = ObjectRef<ConfigMap>> + Unpin)) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(Some(object)) = rings.next().now_or_never() {
            all.extend(object.namespace);
        }
        all.sort();
        all
    }

    #[test]
    fn wakes_are_gathered_until_somebody_looks() {
        let (store, mut writer) = reflector::store();
        for namespace in ["a", "b", "c"] {
            writer.apply_watcher_event(&Event::Apply(platform(namespace)));
        }
        let bell = Bell::default();
        let mut rings = std::pin::pin!(bell.rings(store));
        assert!(told(&mut rings).is_empty(), "nobody has rung");
        for namespace in ["b", "b", "a"] {
            bell.ring_for(&platform(namespace));
        }
        assert_eq!(told(&mut rings), ["a", "b"], "each once");
        assert!(told(&mut rings).is_empty(), "and not again");
        bell.ring();
        bell.ring_for(&platform("b"));
        bell.ring();
        assert_eq!(told(&mut rings), ["a", "b", "c"], "one of all is not more");
    }
}
