//! What `urr up` shows: its own sentences, and the children's lines with their names.

use std::{
    fs::File,
    io::{IsTerminal, Write, stdout},
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use anyhow::Context;
use parking_lot::Mutex;

/// Width of the names before the lines.
const NAME_WIDTH: usize = 15;
/// How much of a last line is repeated.
const LAST_WORDS: usize = 300;
/// Colours of names, one after the other; none is red, which is for what went wrong.
const COLOURS: [u8; 6] = [36, 32, 35, 34, 33, 96];

/// The terminal, and the folder of the children's logs.
#[derive(Clone, Debug)]
pub(crate) struct Console {
    quiet: bool,
    coloured: bool,
    logs: Arc<Path>,
    start: Instant,
    terminal: Arc<Mutex<std::io::Stdout>>,
}

impl Console {
    /// With logs in `logs`; `quiet` keeps the children's lines out of the terminal.
    pub(crate) fn new(logs: &Path, quiet: bool) -> Self {
        Self {
            quiet,
            coloured: stdout().is_terminal(),
            logs: logs.into(),
            start: Instant::now(),
            terminal: Arc::new(Mutex::new(stdout())),
        }
    }

    /// A sentence of `urr up` itself.
    pub(crate) fn say(&self, sentence: &str) {
        self.print(&format!("{} {sentence}", self.name("urr up", 1)));
    }

    /// That something is there, and after how long.
    pub(crate) fn ready(&self, name: &str) {
        let seconds = self.start.elapsed().as_secs_f64();
        self.say(&format!("{name} is ready after {seconds:.1} s"));
    }

    /// Seconds since the start.
    pub(crate) fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// A line without a name.
    pub(crate) fn plain(&self, line: &str) {
        self.print(line);
    }

    /// Where the lines of one child go.
    pub(crate) fn log_of(&self, name: &'static str) -> anyhow::Result<Log> {
        let path = self.logs.join(format!("{name}.log"));
        if path.exists() {
            std::fs::rename(&path, path.with_extension("log.1"))
                .with_context(|| format!("cannot put {} aside", path.display()))?;
        }
        let file =
            File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Log {
            name,
            console: self.clone(),
            path,
            state: Arc::new(Mutex::new(LogState {
                file,
                last: String::new(),
            })),
        })
    }

    fn name(&self, name: &str, colour: u8) -> String {
        if self.coloured {
            format!("\x1b[{colour}m{name:NAME_WIDTH$}\x1b[0m│")
        } else {
            format!("{name:NAME_WIDTH$}|")
        }
    }

    /// A closed terminal is no reason to stop the platform.
    fn print(&self, line: &str) {
        drop(writeln!(self.terminal.lock(), "{line}"));
    }
}

/// The lines of one child.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    name: &'static str,
    console: Console,
    path: PathBuf,
    state: Arc<Mutex<LogState>>,
}

#[derive(Debug)]
struct LogState {
    file: File,
    last: String,
}

impl Log {
    /// Keeps `line`, and shows it unless the console is quiet. A full disk loses the line,
    /// not the child.
    pub(crate) fn line(&self, line: &str) {
        {
            let mut state = self.state.lock();
            drop(writeln!(state.file, "{line}"));
            if !line.trim().is_empty() {
                line.clone_into(&mut state.last);
            }
        }
        if !self.console.quiet {
            let name = self.console.name(self.name, colour_of(self.name));
            self.console.print(&format!("{name} {line}"));
        }
    }

    /// The last line that said something, and where the others are.
    pub(crate) fn last_words(&self) -> String {
        let last: String = self.state.lock().last.chars().take(LAST_WORDS).collect();
        format!("its last words: {last:?}, more in {}", self.path.display())
    }

    /// The console it shows on.
    pub(crate) fn console(&self) -> &Console {
        &self.console
    }
}

/// The same colour for the same name, always.
fn colour_of(name: &str) -> u8 {
    let sum: usize = name.bytes().map(usize::from).sum();
    COLOURS[sum % COLOURS.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_of_last_time_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let console = Console::new(folder.path(), true);
        console.log_of("ticket").unwrap().line("first run");
        let log = console.log_of("ticket").unwrap();
        log.line("second run");
        log.line(" ");
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("ticket.log"), "second run\n \n");
        assert_eq!(read("ticket.log.1"), "first run\n");
        assert!(log.last_words().contains("second run"));
    }
}
