//! From nothing to a purchase, inside the cluster.

use crate::platform::{crowd, with_platform};

/// Databases, topics and schemas are made by the operator, images are our own; a crowd buys
/// through the gateway and the audit reads all six databases.
#[test]
#[ignore = "needs a node: make e2e"]
fn a_crowd_buys_and_every_won_is_accounted_for() -> anyhow::Result<()> {
    with_platform("purchase", &["crowd.fans=40"], |namespace, release| {
        assert!(crowd(namespace, release)? > 0);
        Ok(())
    })
}
