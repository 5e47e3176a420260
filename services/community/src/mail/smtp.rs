//! Mails to a mail server, over connections that are kept.

use std::{fs, time::Duration};

use anyhow::Context;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    transport::smtp::{
        PoolConfig,
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
        response::{Category, Severity},
    },
};
use secrecy::ExposeSecret;
use urr_kit::telemetry::chain;

use super::config::{MailArgs, SmtpSecurity};
use crate::domain::mail::schedule::Failure;

/// For each step of a conversation.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Connections at a time, and as many mails.
pub(crate) const CONNECTIONS: u32 = 4;

/// A mail server.
#[derive(Debug)]
pub(super) struct Smtp(AsyncSmtpTransport<Tokio1Executor>);

impl Smtp {
    pub(super) fn new(args: &MailArgs) -> anyhow::Result<Self> {
        let host = args.smtp_host.as_deref().context("SMTP_HOST is missing")?;
        let (tls, port) = match args.smtp_security {
            SmtpSecurity::Starttls => (Tls::Required(tls_parameters(host, args)?), 587),
            SmtpSecurity::Tls => (Tls::Wrapper(tls_parameters(host, args)?), 465),
            SmtpSecurity::None => (Tls::None, 25),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(args.smtp_port.unwrap_or(port))
            .tls(tls)
            .timeout(Some(TIMEOUT))
            .pool_config(PoolConfig::new().max_size(CONNECTIONS));
        if let (Some(username), Some(password)) = (&args.smtp_username, &args.smtp_password) {
            let password = password.expose_secret().to_owned();
            builder = builder.credentials(Credentials::new(username.clone(), password));
        }
        Ok(Self(builder.build()))
    }

    pub(super) async fn send(&self, message: Message) -> Result<(), Failure> {
        match self.0.send(message).await {
            Ok(_) => Ok(()),
            Err(error) => Err(failure(&error)),
        }
    }
}

fn tls_parameters(host: &str, args: &MailArgs) -> anyhow::Result<TlsParameters> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(file) = &args.smtp_ca_file {
        let pem = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let certificate = Certificate::from_pem(&pem)
            .with_context(|| format!("{} holds no certificate", file.display()))?;
        builder = builder.add_root_certificate(certificate);
    }
    builder
        .build()
        .context("TLS to the mail server cannot be set up")
}

/// A server that refuses the reader or the mail (55x) will do so again. Whatever else it refuses,
/// such as our password, is ours to mend, and the mail waits meanwhile.
fn failure(error: &lettre::transport::smtp::Error) -> Failure {
    let is_about_the_mail = error.status().is_some_and(|code| {
        code.severity == Severity::PermanentNegativeCompletion
            && code.category == Category::MailSystem
    });
    if is_about_the_mail {
        Failure::Final(chain(error))
    } else {
        Failure::Passing(chain(error))
    }
}
