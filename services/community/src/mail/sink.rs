//! Mails as files: one `.eml` each, complete or not there. A mail that is sent again replaces its
//! file.

use std::{io, path::PathBuf};

use tokio::fs;
use urr_contract::MailId;

use crate::domain::mail::schedule::Failure;

/// A directory of mails.
#[derive(Debug)]
pub(super) struct Sink {
    directory: PathBuf,
}

impl Sink {
    pub(super) fn new(directory: &std::path::Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    /// Writes a mail.
    pub(super) async fn write(&self, id: MailId, mail: &[u8]) -> Result<(), Failure> {
        self.try_write(id, mail).await.map_err(|error| {
            let directory = self.directory.display();
            Failure::Passing(format!("cannot write into {directory}: {error}"))
        })
    }

    async fn try_write(&self, id: MailId, mail: &[u8]) -> io::Result<()> {
        fs::create_dir_all(&self.directory).await?;
        let unfinished = self.directory.join(format!(".{id}.unfinished"));
        fs::write(&unfinished, mail).await?;
        fs::rename(&unfinished, self.directory.join(format!("{id}.eml"))).await
    }
}
