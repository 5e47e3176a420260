//! What somebody who begins applies, on a cluster where nothing is yet.

use std::time::Instant;

use urr_e2e::{examples, in_namespace, kubectl, sale_says};

use crate::platform::{PATIENCE, install, operator};

/// The sales are there before their databases are: they wait, and say so, and are ready in the
/// end without being touched again.
#[test]
#[ignore = "needs a node: make e2e"]
fn the_examples_become_ready_on_a_cluster_that_has_nothing() -> anyhow::Result<()> {
    operator()?;
    in_namespace("examples", |namespace| {
        let begun = Instant::now();
        install(namespace, &[])?;
        let examples = examples()?;
        for (_, file) in &examples {
            let arguments = ["apply", "--namespace", namespace.name(), "-f", file];
            kubectl(&arguments, "")?.ok("kubectl apply")?;
        }
        for (name, _) in &examples {
            sale_says(namespace.name(), name, ("Ready", "True", "Ready"), PATIENCE)?;
        }
        let (count, took) = (examples.len(), begun.elapsed());
        println!("{count} examples: ready {took:.0?} after the install");
        let shown = kubectl(&["get", "tev", "--namespace", namespace.name()], "")?;
        println!("{}", shown.ok("kubectl get")?);
        // One of them takes its event along, for which it needs the services: the operator cannot
        // go before that is done.
        let delete = ["delete", "tev", "--all", "--namespace", namespace.name()];
        let delete = [&delete[..], &["--timeout", "3m"]].concat();
        kubectl(&delete, "")?.ok("kubectl delete").map(drop)
    })
}
