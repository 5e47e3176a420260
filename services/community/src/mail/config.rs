//! Settings of mail.

use std::path::PathBuf;

use lettre::message::Mailbox;
use secrecy::SecretString;
use urr_kit::config::parse_secret;

/// How mails go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum MailTransport {
    /// As files into a directory.
    File,
    /// To a mail server.
    Smtp,
}

/// How the connection to the mail server is made safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SmtpSecurity {
    /// TLS after STARTTLS, and never without.
    Starttls,
    /// TLS from the beginning.
    Tls,
    /// Not at all: for a server on the same machine.
    None,
}

/// How mails go out, from whom, and where their links lead.
#[derive(clap::Args, Clone, Debug)]
pub struct MailArgs {
    /// Whether mails go to a mail server or, one file each, into a directory.
    #[arg(
        long,
        env = "MAIL_TRANSPORT",
        default_value = "file",
        hide_env_values = true
    )]
    pub mail_transport: MailTransport,
    /// The directory of the files.
    #[arg(
        long,
        env = "MAIL_DIRECTORY",
        default_value = "mail",
        hide_env_values = true
    )]
    pub mail_directory: PathBuf,
    /// Who writes: `Name <address>`.
    #[arg(
        long,
        env = "MAIL_FROM",
        default_value = "URR <no-reply@localhost>",
        hide_env_values = true
    )]
    pub mail_from: Mailbox,
    /// Where people find the platform; links in mails lead there.
    #[arg(
        long,
        env = "PUBLIC_URL",
        default_value = "http://localhost:3000",
        hide_env_values = true
    )]
    pub public_url: String,
    /// The mail server.
    #[arg(
        long,
        env = "SMTP_HOST",
        hide_env_values = true,
        required_if_eq("mail_transport", "smtp")
    )]
    pub smtp_host: Option<String>,
    /// Its port: 587 with STARTTLS, 465 with TLS and 25 with neither, unless said otherwise.
    #[arg(long, env = "SMTP_PORT", hide_env_values = true)]
    pub smtp_port: Option<u16>,
    /// How the connection is made safe.
    #[arg(
        long,
        env = "SMTP_SECURITY",
        default_value = "starttls",
        hide_env_values = true
    )]
    pub smtp_security: SmtpSecurity,
    /// User name at the mail server; nobody signs in where there is none.
    #[arg(
        long,
        env = "SMTP_USERNAME",
        hide_env_values = true,
        requires = "smtp_password"
    )]
    pub smtp_username: Option<String>,
    /// Password at the mail server. `@/path` reads it from a file.
    #[arg(long, env = "SMTP_PASSWORD", hide_env_values = true, value_parser = parse_secret)]
    pub smtp_password: Option<SecretString>,
    /// Certificates (PEM) of those who vouch for the mail server, where the system does not know
    /// them.
    #[arg(long, env = "SMTP_CA_FILE", hide_env_values = true)]
    pub smtp_ca_file: Option<PathBuf>,
}
