//! The services on this machine, for a control plane without nodes: `urr up`, once for all tests
//! of a process. Events are apart, so tests do not see each other's.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use anyhow::{Context, bail};
use reqwest::{
    Method, StatusCode,
    blocking::{Client, RequestBuilder},
    header::{COOKIE, ETAG, HeaderMap, IF_MATCH, SET_COOKIE},
};
use serde_json::Value;

use crate::{keeper::start_kept, process::program, wait::eventually};

/// What their folders are called, where all accounts can reach them; a number follows.
const FOLDER: &str = "urr-e2e-services-";

/// A service that the operator speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The waiting room.
    Queue,
    /// The ticket service.
    Ticket,
}

/// The running services.
#[derive(Debug)]
pub struct Services {
    client: Client,
    variables: BTreeMap<String, String>,
}

/// What one of them answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// The version of what was asked for.
    pub etag: Option<String>,
    /// Its body; null where it is no JSON.
    pub body: Value,
}

impl Services {
    /// The services of this test process, which are started by the first who asks.
    pub fn shared() -> anyhow::Result<&'static Self> {
        static SERVICES: OnceLock<Result<Services, String>> = OnceLock::new();
        let services = SERVICES.get_or_init(|| start().map_err(|error| format!("{error:#}")));
        services
            .as_ref()
            .map_err(|error| anyhow::Error::msg(error.clone()))
    }

    /// Where a service is, as `http://host:port`.
    pub fn url(&self, service: Service) -> &str {
        self.variable(match service {
            Service::Queue => "QUEUE_SERVICE_URL",
            Service::Ticket => "TICKET_SERVICE_URL",
        })
    }

    /// The token that they know each other by.
    pub fn internal_token(&self) -> &str {
        self.variable("INTERNAL_API_TOKEN")
    }

    /// The policy of an event.
    pub fn policy(&self, service: Service, event: &str) -> anyhow::Result<Reply> {
        self.internal(service, Method::GET, &policy_path(event), |request| request)
    }

    /// Writes the policy of an event over the version `seen`.
    pub fn put_policy(
        &self,
        service: Service,
        event: &str,
        policy: &Value,
        seen: &str,
    ) -> anyhow::Result<Reply> {
        self.internal(service, Method::PUT, &policy_path(event), |request| {
            request.header(IF_MATCH, seen).json(policy)
        })
    }

    /// What ticket tells queue of an event; 404 where there is none.
    pub fn event(&self, event: &str) -> anyhow::Result<Reply> {
        let path = format!("/internal/events/{event}/queue-info");
        self.internal(Service::Ticket, Method::GET, &path, |request| request)
    }

    /// Makes an event that `declared` describes, and returns its id.
    pub fn make_event(&self, declared: &Value) -> anyhow::Result<String> {
        let path = format!("/internal/events/by-source/{}", uuid());
        let reply = self.internal(Service::Ticket, Method::PUT, &path, |request| {
            request.json(declared)
        })?;
        let id = reply.body["eventId"].as_str();
        id.map(str::to_owned)
            .with_context(|| format!("no event was made: {reply:?}"))
    }

    /// Somebody who is signed in.
    pub fn fan(&self) -> Fan<'_> {
        Fan {
            services: self,
            user: uuid(),
            cookies: BTreeMap::new(),
        }
    }

    fn internal(
        &self,
        service: Service,
        method: Method,
        path: &str,
        with: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> anyhow::Result<Reply> {
        let url = format!("{}{path}", self.url(service));
        let request = self.client.request(method, url);
        let request = with(request.bearer_auth(self.internal_token()));
        Ok(reply(request)?.1)
    }

    fn variable(&self, name: &str) -> &str {
        self.variables.get(name).map_or("", String::as_str)
    }
}

/// Somebody who waits for tickets, with the cookies that a browser would keep.
#[derive(Debug)]
pub struct Fan<'a> {
    services: &'a Services,
    user: String,
    cookies: BTreeMap<String, String>,
}

impl Fan<'_> {
    /// Joins the line of an event, or finds the place there.
    pub fn join(&mut self, event: &str) -> anyhow::Result<Value> {
        self.ask(&Method::POST, &format!("/api/queue/check/{event}"))
    }

    /// The place in the line of an event.
    pub fn place(&mut self, event: &str) -> anyhow::Result<Value> {
        self.ask(&Method::GET, &format!("/api/queue/status/{event}"))
    }

    /// Gives up the place.
    pub fn leave(&mut self, event: &str) -> anyhow::Result<Value> {
        self.ask(&Method::POST, &format!("/api/queue/leave/{event}"))
    }

    /// Asks until there is an answer: a line that is busy says so, and people ask again.
    fn ask(&mut self, method: &Method, path: &str) -> anyhow::Result<Value> {
        let (headers, reply) = eventually("the waiting room has time", || {
            let (headers, reply) = self.ask_once(method.clone(), path)?;
            let is_busy = reply.status == StatusCode::SERVICE_UNAVAILABLE;
            Ok((!is_busy).then_some((headers, reply)))
        })?;
        if !reply.status.is_success() {
            bail!("{reply:?}");
        }
        self.cookies.extend(cookies_of(&headers));
        Ok(reply.body)
    }

    fn ask_once(&self, method: Method, path: &str) -> anyhow::Result<(HeaderMap, Reply)> {
        let services = self.services;
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = services
            .client
            .request(method, format!("{}{path}", services.url(Service::Queue)))
            .header("x-gateway-token", services.variable("GATEWAY_TOKEN"))
            .header("x-user-id", &self.user)
            .header("x-user-role", "user")
            .header(COOKIE, cookies.join("; "));
        reply(request)
    }
}

fn reply(request: RequestBuilder) -> anyhow::Result<(HeaderMap, Reply)> {
    let answer = request.send()?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let etag = headers.get(ETAG).and_then(|etag| etag.to_str().ok());
    let etag = etag.map(str::to_owned);
    let body = serde_json::from_str(&answer.text()?).unwrap_or_default();
    Ok((headers, Reply { status, etag, body }))
}

/// Name and value of each cookie that is set.
fn cookies_of(headers: &HeaderMap) -> impl Iterator<Item = (String, String)> {
    let set = headers.get_all(SET_COOKIE).iter();
    let pairs = set.filter_map(|cookie| cookie.to_str().ok()?.split(';').next());
    pairs
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
}

fn policy_path(event: &str) -> String {
    format!("/internal/events/{event}/policy")
}

/// A new random id.
pub fn uuid() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn start() -> anyhow::Result<Services> {
    let folder = folder()?;
    let mut command = Command::new(program("urr")?);
    command
        .args(["up", "--quiet", "--port", "0", "--demo-fans", "0", "--dir"])
        .arg(&folder);
    let mut child = start_kept(&command, "TERM")?;
    let output = child.stdout.take().context("its output is missing")?;
    let mut said = String::new();
    let mut lines = BufReader::new(output).lines();
    loop {
        let Some(line) = lines.next().transpose()? else {
            bail!("`urr up` has ended: {said}");
        };
        if line.contains("URR is ready: ") {
            break;
        }
        said.push_str(&line);
        said.push('\n');
    }
    // What nobody reads would stop it one day.
    std::thread::spawn(move || lines.for_each(drop));
    let mut variables = variables(&folder.join("secrets.env"))?;
    variables.extend(self::variables(&folder.join("run.env"))?);
    Ok(Services {
        client: Client::new(),
        variables,
    })
}

fn variables(file: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    Ok(pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

/// A new folder, which Postgres' own account can reach. Those of earlier test processes go:
/// nobody is left to do that when a process ends.
fn folder() -> anyhow::Result<PathBuf> {
    let parent = std::env::temp_dir();
    for entry in fs::read_dir(&parent)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(FOLDER) && is_left(&path) {
            // Unless it is somebody else's.
            drop(fs::remove_dir_all(&path));
        }
    }
    let folder = parent.join(format!("{FOLDER}{:08x}", rand::random::<u32>()));
    fs::DirBuilder::new().mode(0o755).create(&folder)?;
    Ok(folder)
}

/// Whether nothing runs there any more: `urr up` locks its folder.
fn is_left(folder: &Path) -> bool {
    match fs::File::open(folder.join("lock")) {
        Ok(lock) => lock.try_lock().is_ok(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_kept_without_their_attributes() {
        let mut headers = HeaderMap::new();
        let cookie = "urr-receipt-1=abc; Path=/; HttpOnly"
            .parse()
            .expect("a value");
        headers.append(SET_COOKIE, cookie);
        let kept: Vec<_> = cookies_of(&headers).collect();
        assert_eq!(kept, [("urr-receipt-1".to_owned(), "abc".to_owned())]);
    }
}
