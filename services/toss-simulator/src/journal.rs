//! The journal: one JSON line a change, on disk before the change is answered. Played from
//! the start it gives the book as it was when the process was killed.
//!
//! One thread writes. It takes all lines that are waiting, writes them, syncs once and then
//! answers every waiter, so that many calls share one sync.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Seek, SeekFrom, Write},
    path::Path,
    sync::mpsc,
};

use anyhow::Context;
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

    /// The journal in `path`, created where missing, and the book that it gives. A last line
    /// cut off by a crash was never answered, and is cut away.
    pub(crate) fn open(path: &Path) -> anyhow::Result<(Self, Book)> {
        let context = || format!("journal {}", path.display());
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(path)
            .with_context(context)?;
        let (book, whole) = play(&mut file).with_context(context)?;
        file.set_len(whole).with_context(context)?;
        file.sync_all().with_context(context)?;
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

/// The book that the file gives, and the bytes of whole lines in it.
fn play(file: &mut File) -> anyhow::Result<(Book, u64)> {
    file.seek(SeekFrom::Start(0))?;
    let mut reader = BufReader::new(file);
    let mut book = Book::default();
    let mut whole = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)?;
        if read == 0 || line.last() != Some(&b'\n') {
            return Ok((book, whole));
        }
        book.apply(serde_json::from_slice(&line).context("a line cannot be read")?);
        whole += read as u64;
    }
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
