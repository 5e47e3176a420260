//! Programs that are started once for all tests of a process, and end with it.

use std::{
    process::{Child, Command},
    sync::mpsc,
    thread,
};

use anyhow::Context;

/// Starts `command` so that the kernel sends it `signal` (a name such as `TERM`) when this
/// process ends, however it ends. Nothing of this process has to run for that, which matters
/// because what is shared by tests is never dropped.
pub(crate) fn start_kept(command: &Command, signal: &str) -> anyhow::Result<Child> {
    let mut kept = Command::new("setpriv");
    kept.args(["--pdeathsig", signal, "--"])
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => kept.env(name, value),
            None => kept.env_remove(name),
        };
    }
    let (started, child) = mpsc::sync_channel(1);
    // The kernel's promise is about the thread, so this one never ends by itself.
    thread::Builder::new()
        .name("keeper".to_owned())
        .spawn(move || {
            let child = kept.spawn().context("setpriv cannot be executed");
            if started.send(child).is_ok() {
                loop {
                    thread::park();
                }
            }
        })?;
    child.recv().context("the keeper has ended")?
}
