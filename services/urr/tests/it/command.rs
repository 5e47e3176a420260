//! Runs the real program and listens to it.

use std::process::{Command, Output};

/// The program, with nothing of this process' environment but the way to other programs.
#[expect(
    clippy::disallowed_methods,
    reason = "the variables that are handed on"
)]
pub(crate) fn urr(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_urr"));
    command
        .args(arguments)
        .env_clear()
        // Programs are found by the first; the broker of the Kafka tests is kept under the others.
        .envs(
            ["PATH", "HOME", "URR_CACHE"]
                .into_iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?))),
        );
    command
}

/// What one run said, and how it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
    pub(crate) errors: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            output: String::from_utf8(output.stdout).expect("output is text"),
            errors: String::from_utf8(output.stderr).expect("errors are text"),
        }
    }
}

/// Runs `command` to its end.
pub(crate) fn run(command: &mut Command) -> Ended {
    command
        .output()
        .expect("the program can be executed")
        .into()
}
