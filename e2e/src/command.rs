//! Programs that run to their end.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};

/// What a program said, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether its exit code was 0.
    pub success: bool,
    /// What it wrote to its output.
    pub output: String,
    /// What it wrote to its errors.
    pub errors: String,
}

impl Answer {
    /// The output, or an error that says what the program complained about.
    pub fn ok(self, what: &str) -> anyhow::Result<String> {
        ensure!(
            self.success,
            "{what} failed: {}{}",
            self.errors,
            self.output
        );
        Ok(self.output)
    }
}

/// Runs `command` with `input`, and waits for its end.
pub fn run(mut command: Command, input: &str) -> anyhow::Result<Answer> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{name} cannot be executed; e2e/run sets the PATH to it"))?;
    let mut stdin = child.stdin.take().context("its input is missing")?;
    // Written beside the reading: who answers before it has read all must not wait for us.
    let (written, ended) = std::thread::scope(|scope| {
        let writing = scope.spawn(move || stdin.write_all(input.as_bytes()));
        let ended = child.wait_with_output();
        (writing.join(), ended)
    });
    let ended = ended.with_context(|| format!("{name} cannot be waited for"))?;
    if ended.status.success() {
        written
            .map_err(|_| anyhow::anyhow!("the writer panicked"))?
            .with_context(|| format!("{name} did not take its input"))?;
    }
    Ok(Answer {
        success: ended.status.success(),
        output: String::from_utf8_lossy(&ended.stdout).into_owned(),
        errors: String::from_utf8_lossy(&ended.stderr).into_owned(),
    })
}
