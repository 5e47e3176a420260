//! Mails to a real mail server: in the clear, over TLS, with and without signing in, and what
//! becomes of those that it does not take.

use std::{
    io,
    net::{IpAddr, TcpListener},
    path::Path,
    sync::Arc,
    thread,
};

use jiff::Timestamp;
use mailin_embedded::{
    AuthMechanism, Handler, Response, Server, SslConfig,
    response::{AUTH_OK, INVALID_CREDENTIALS, NO_MAILBOX, NO_SERVICE, OK},
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use urr_community::{
    Config, State, jobs,
    mail::{MailTransport, SmtpSecurity},
};
use urr_contract::FactId;
use urr_kit::engines::free_port;

use crate::{
    app::{App, text},
    told::Sale,
};

/// Where the certificate of the test's mail server is, with its key.
const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/smtp");

/// What a mail server does not take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mood {
    #[default]
    Taking,
    /// It knows nobody.
    NoMailbox,
    /// It has no time.
    Busy,
}

/// A mail server.
#[derive(Clone, Default)]
struct MailServer {
    mood: Arc<Mutex<Mood>>,
    received: Arc<Mutex<Vec<String>>>,
    unfinished: Vec<u8>,
}

impl MailServer {
    /// Starts one; returns its port. It runs until the test ends.
    fn start(&self, safe: bool) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        self.listen(listener, safe);
        port
    }

    fn listen(&self, listener: TcpListener, safe: bool) {
        let mut server = Server::new(self.clone());
        server.with_name("localhost").with_tcp_listener(listener);
        if safe {
            let tls = SslConfig::SelfSigned {
                cert_path: format!("{FILES}/certificate.pem"),
                key_path: format!("{FILES}/key.pem"),
            };
            server.with_ssl(tls).expect("a certificate");
            server.with_auth(AuthMechanism::Plain);
        }
        thread::spawn(move || server.serve().expect("it serves"));
    }

    fn received(&self) -> Vec<String> {
        self.received.lock().clone()
    }
}

impl Handler for MailServer {
    fn mail(&mut self, _: IpAddr, _: &str, _: &str) -> Response {
        match *self.mood.lock() {
            Mood::Busy => NO_SERVICE,
            Mood::Taking | Mood::NoMailbox => OK,
        }
    }

    fn rcpt(&mut self, _: &str) -> Response {
        match *self.mood.lock() {
            Mood::NoMailbox => NO_MAILBOX,
            Mood::Taking | Mood::Busy => OK,
        }
    }

    fn data(&mut self, buffer: &[u8]) -> io::Result<()> {
        self.unfinished.extend_from_slice(buffer);
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        let mail = String::from_utf8(std::mem::take(&mut self.unfinished));
        self.received.lock().push(mail.expect("mails are ASCII"));
        OK
    }

    fn auth_plain(&mut self, _: &str, user: &str, password: &str) -> Response {
        if (user, password) == ("urr", "correct") {
            AUTH_OK
        } else {
            INVALID_CREDENTIALS
        }
    }
}

/// A process that sends to a mail server on this machine.
fn sender(app: &App, port: u16, more: impl FnOnce(&mut Config)) -> State {
    app.twin(|config| {
        config.mail.mail_transport = MailTransport::Smtp;
        config.mail.smtp_host = Some("localhost".to_owned());
        config.mail.smtp_port = Some(port);
        config.mail.smtp_security = SmtpSecurity::None;
        more(config);
    })
}

fn safely(config: &mut Config, password: &str) {
    config.mail.smtp_security = SmtpSecurity::Starttls;
    config.mail.smtp_ca_file = Some(Path::new(FILES).join("certificate.pem"));
    config.mail.smtp_username = Some("urr".to_owned());
    config.mail.smtp_password = Some(password.to_owned().into());
}

async fn sell(app: &App) {
    let sale = Sale::new(app);
    app.hear(FactId::random(), &sale.confirmed()).await;
    jobs::compose_notices::run(&app.state)
        .await
        .expect("composed");
}

async fn send(state: &State) {
    jobs::send_mails::run(state).await.expect("sent");
}

async fn only_mail(app: &App) -> Value {
    let answer = app.admin().get("/api/admin/mails").await.expect(200);
    assert_eq!(answer.body["pagination"]["total"], 1);
    answer.body["mails"][0].clone()
}

#[tokio::test]
async fn a_mail_server_takes_what_is_written() {
    let app = App::start().await;
    let server = MailServer::default();
    let state = sender(&app, server.start(false), |_| {});
    sell(&app).await;
    send(&state).await;
    let received = server.received();
    assert_eq!(received.len(), 1);
    let mail = only_mail(&app).await;
    assert_eq!(mail["status"], "sent");
    let id = format!("Message-ID: <{}@localhost>", text(&mail["id"]));
    assert!(received[0].contains(&id), "{}", received[0]);
    assert!(received[0].contains("<ana@example.com>"), "{}", received[0]);
    assert_eq!(
        app.outbox.path().read_dir().expect("a directory").count(),
        0
    );
}

#[tokio::test]
async fn a_safe_connection_is_insisted_on_and_signed_in_over() {
    let app = App::start().await;
    let server = MailServer::default();
    let state = sender(&app, server.start(true), |config| safely(config, "correct"));
    sell(&app).await;
    sell(&app).await;
    send(&state).await;
    assert_eq!(server.received().len(), 2);

    // A server without TLS gets neither the password nor the mail.
    let plain = MailServer::default();
    let state = sender(&app, plain.start(false), |config| safely(config, "correct"));
    sell(&app).await;
    send(&state).await;
    assert_eq!(plain.received().len(), 0);
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_gets_nothing() {
    let app = App::start().await;
    let server = MailServer::default();
    let state = sender(&app, server.start(true), |config| {
        safely(config, "correct");
        config.mail.smtp_ca_file = None;
    });
    sell(&app).await;
    send(&state).await;
    assert_eq!(server.received().len(), 0);
    assert_eq!(only_mail(&app).await["status"], "pending");
}

#[tokio::test]
async fn a_wrong_password_makes_mails_wait_and_fails_none() {
    let app = App::start().await;
    let server = MailServer::default();
    let port = server.start(true);
    let state = sender(&app, port, |config| safely(config, "wrong"));
    sell(&app).await;
    send(&state).await;
    let mail = only_mail(&app).await;
    assert_eq!(mail["status"], "pending");
    assert!(
        text(&mail["error"]).contains("535")
            || text(&mail["error"]).contains("Invalid credentials"),
        "{mail}"
    );
    let mended = sender(&app, port, |config| safely(config, "correct"));
    app.advance(11);
    send(&mended).await;
    assert_eq!(only_mail(&app).await["status"], "sent");
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_mailbox_that_is_not_there_fails_for_good() {
    let app = App::start().await;
    let server = MailServer::default();
    *server.mood.lock() = Mood::NoMailbox;
    let state = sender(&app, server.start(false), |_| {});
    sell(&app).await;
    send(&state).await;
    let mail = only_mail(&app).await;
    assert_eq!(mail["status"], "failed");
    assert_eq!(mail["nextAttemptAt"], json!(null));
    assert_eq!(mail["attempts"], 1);
}

#[tokio::test]
async fn while_the_server_is_busy_or_away_mails_wait() {
    let app = App::start().await;
    let server = MailServer::default();
    let port = free_port().expect("a free port");
    let state = sender(&app, port, |_| {});
    sell(&app).await;
    send(&state).await;
    assert_eq!(
        only_mail(&app).await["status"],
        "pending",
        "nobody is there"
    );

    *server.mood.lock() = Mood::Busy;
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("still free");
    server.listen(listener, false);
    app.advance(11);
    send(&state).await;
    let mail = only_mail(&app).await;
    assert_eq!(
        (&mail["status"], &mail["attempts"]),
        (&json!("pending"), &json!(2))
    );
    let next: Timestamp = text(&mail["nextAttemptAt"]).parse().expect("a time");
    assert!(next > app.runtime.clock.now());

    *server.mood.lock() = Mood::Taking;
    app.advance(61);
    send(&state).await;
    assert_eq!(only_mail(&app).await["status"], "sent");
    assert_eq!(server.received().len(), 1);
}
