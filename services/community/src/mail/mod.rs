//! Getting mails out: to a mail server, or as files into a directory where nobody is to be
//! written to.

mod config;
mod message;
mod sink;
mod smtp;

use jiff::Timestamp;
use lettre::message::Mailbox;
use urr_contract::{Language, MailId};

pub use self::config::{MailArgs, MailTransport, SmtpSecurity};
use self::{sink::Sink, smtp::Smtp};
use crate::domain::mail::{letter::Letter, schedule::Failure};

/// A mail with its reader.
#[derive(Clone, Debug)]
pub struct Outgoing<'a> {
    /// The mail.
    pub id: MailId,
    /// Where to.
    pub address: &'a str,
    /// Who reads it; may be empty.
    pub name: &'a str,
    /// In which language it is.
    pub language: Language,
    /// What it says.
    pub letter: &'a Letter,
    /// When it goes out.
    pub at: Timestamp,
}

/// The way out.
#[derive(Debug)]
pub struct Mailer {
    from: Mailbox,
    transport: Transport,
}

#[derive(Debug)]
enum Transport {
    File(Sink),
    Smtp(Smtp),
}

impl Mailer {
    /// The way that the settings name. Nothing is connected to yet.
    pub fn new(args: &MailArgs) -> anyhow::Result<Self> {
        let transport = match args.mail_transport {
            MailTransport::File => Transport::File(Sink::new(&args.mail_directory)),
            MailTransport::Smtp => Transport::Smtp(Smtp::new(args)?),
        };
        Ok(Self {
            from: args.mail_from.clone(),
            transport,
        })
    }

    /// Sends one mail, once. The same mail has the same `Message-ID` every time, so that a
    /// repetition is recognised as one.
    pub async fn send(&self, mail: &Outgoing<'_>) -> Result<(), Failure> {
        let message = message::build(&self.from, mail)?;
        match &self.transport {
            Transport::File(sink) => sink.write(mail.id, &message.formatted()).await,
            Transport::Smtp(smtp) => smtp.send(message).await,
        }
    }
}
