//! The journal: one JSON line a change, on disk before the change is answered. Played from
//! the start it gives the book as it was when the process was killed.
//!
//! One thread writes. It takes all lines that are waiting, writes them, syncs once and then
//! answers every waiter, so that many calls share one sync.

use std::{
    fs::File,
    io::{BufRead, BufReader, BufWriter, ErrorKind, IntoInnerError, Write},
    path::Path,
    sync::mpsc,
};

use anyhow::Context;
use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::domain::book::{Book, Record};

/// Where changes go to become durable.
#[derive(Debug)]
pub(crate) struct Journal(Option<mpsc::Sender<Entry>>);

#[derive(Debug)]
struct Entry {
    line: Vec<u8>,
    done: oneshot::Sender<bool>,
}

/// Resolves once everything written so far is on disk.
#[derive(Debug)]
pub(crate) struct Durable(Option<oneshot::Receiver<bool>>);

impl Durable {
    /// Waits. An error means that nothing after it may be answered with success.
    pub(crate) async fn wait(self) -> anyhow::Result<()> {
        let Some(done) = self.0 else { return Ok(()) };
        anyhow::ensure!(done.await.unwrap_or(false), "the journal cannot be written");
        Ok(())
    }
}

impl Journal {
    /// A journal that keeps nothing.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// The journal in `path`, created where missing, and the book that it gives at `now`. It is
    /// written anew with what the book still knows. A last line cut off by a crash was never
    /// answered, and is left out.
    pub(crate) fn open(path: &Path, now: Timestamp) -> anyhow::Result<(Self, Book)> {
        let context = || format!("journal {}", path.display());
        let mut book = play(path).with_context(context)?;
        book.forget(now);
        let mut file = rewrite(path, &book).with_context(context)?;
        let (sender, entries) = mpsc::channel();
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write_all(&mut file, &entries))?;
        Ok((Self(Some(sender)), book))
    }

    /// Adds one change, in the order of the calls.
    pub(crate) fn append(&self, record: &Record) -> anyhow::Result<Durable> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        Ok(self.send(line))
    }

    /// Waits for what others have added: an answer must not tell of what a crash would undo.
    pub(crate) fn barrier(&self) -> Durable {
        self.send(Vec::new())
    }

    fn send(&self, line: Vec<u8>) -> Durable {
        let Some(sender) = &self.0 else {
            return Durable(None);
        };
        let (done, waiter) = oneshot::channel();
        // A writer that has died drops `done` with the entry, which the waiter sees.
        if sender.send(Entry { line, done }).is_err() {
            tracing::error!("the journal's writer has ended");
        }
        Durable(Some(waiter))
    }
}

/// The book that the whole lines of the file give.
fn play(path: &Path) -> anyhow::Result<Book> {
    let mut book = Book::default();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(book),
        Err(error) => return Err(error.into()),
    };
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)?;
        if read == 0 || line.last() != Some(&b'\n') {
            return Ok(book);
        }
        book.apply(serde_json::from_slice(&line).context("a line cannot be read")?);
    }
}

/// Puts a journal of that book in the place of the one before, whole or not at all; open for
/// what comes.
fn rewrite(path: &Path, book: &Book) -> anyhow::Result<File> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let mut writer = BufWriter::new(File::create(&beside)?);
    for record in book.records() {
        serde_json::to_writer(&mut writer, &record)?;
        writer.write_all(b"\n")?;
    }
    let file = writer.into_inner().map_err(IntoInnerError::into_error)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()?;
    Ok(file)
}

fn write_all(file: &mut File, entries: &mpsc::Receiver<Entry>) {
    while let Ok(first) = entries.recv() {
        let batch: Vec<Entry> = std::iter::once(first).chain(entries.try_iter()).collect();
        let written = write_batch(file, &batch);
        if let Err(error) = &written {
            tracing::error!(%error, "the journal cannot be written");
        }
        for entry in batch {
            // Nobody waits any more where the client has gone.
            entry.done.send(written.is_ok()).ok();
        }
        if written.is_err() {
            // Whatever follows would leave a hole.
            return;
        }
    }
}

fn write_batch(file: &mut File, batch: &[Entry]) -> std::io::Result<()> {
    let bytes: Vec<u8> = batch
        .iter()
        .flat_map(|entry| &entry.line)
        .copied()
        .collect();
    if bytes.is_empty() {
        return Ok(());
    }
    file.write_all(&bytes)?;
    file.sync_data()
}
