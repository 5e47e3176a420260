//! From nothing to a purchase, inside the cluster.

use crate::platform::{with_platform, words_of_job};

/// Databases, topics and schemas are made by the operator, images are our own; a crowd buys
/// through the gateway and the audit reads all six databases.
#[test]
#[ignore = "needs a node: make e2e"]
fn a_crowd_buys_and_every_won_is_accounted_for() -> anyhow::Result<()> {
    with_platform("purchase", &["crowd.fans=40"], |namespace, release| {
        let test = release.test()?;
        let words = words_of_job(namespace, "urr-crowd")?;
        assert!(test.success, "{}\n{words}", test.errors);
        assert!(
            words.contains("Every ticket and every won is accounted for."),
            "{words}"
        );
        let bought = words.lines().find_map(|line| {
            line.trim()
                .strip_suffix(" bought")?
                .trim()
                .parse::<u32>()
                .ok()
        });
        assert!(bought.is_some_and(|bought| bought > 0), "{words}");
        println!("{words}");
        Ok(())
    })
}
