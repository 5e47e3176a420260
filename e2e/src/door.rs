//! A way to a server that counts who passes, and at which the operator can be ended between two
//! steps.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    path::PathBuf,
    sync::Arc,
    thread,
};

use anyhow::Context;
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};

use crate::{api::path_of, kubectl::kubectl, process::target};

/// A request that passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its method.
    pub method: String,
    /// What it asked for, with its query.
    pub path: String,
}

impl Request {
    /// Whether it changes something. Neither the Lease, which is renewed all the time, nor
    /// events, which are repeated, count.
    pub fn is_write(&self) -> bool {
        let says = ["/leases", "/events.k8s.io/"];
        self.method != "GET" && !says.iter().any(|part| self.path.contains(part))
    }

    /// Whether it is about what is at `path`.
    fn is_at(&self, path: &str) -> bool {
        self.path.split('?').next() == Some(path)
    }
}

/// What doors have seen; several doors may have one log.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    requests: Vec<Request>,
    victim: Option<Victim>,
    doomed: Option<Doomed>,
}

/// An object that goes before the first write to it.
#[derive(Debug)]
struct Doomed {
    namespace: String,
    resource: String,
    /// With which a write to it begins.
    path: String,
}

/// Who dies, and after how many more writes.
#[derive(Debug)]
struct Victim {
    id: Pid,
    writes_left: usize,
}

impl Log {
    /// What has passed since the last time.
    pub fn take(&self) -> Vec<Request> {
        std::mem::take(&mut self.0.lock().requests)
    }

    /// Ends the process `id` without a word as soon as so many writes were done, before it can
    /// learn that the last one was done.
    pub fn kill_after(&self, writes: usize, id: u32) -> anyhow::Result<()> {
        let id = i32::try_from(id).ok().and_then(Pid::from_raw);
        self.0.lock().victim = Some(Victim {
            id: id.context("a process id")?,
            writes_left: writes,
        });
        Ok(())
    }

    /// Lets live whom [`Log::kill_after`] has named.
    pub fn spare(&self) {
        self.0.lock().victim = None;
    }

    /// Deletes an object, and waits until it is gone, before the next write to it passes: whoever
    /// writes has seen it just now. `kind` is in the plural.
    pub fn delete_before_write(
        &self,
        namespace: &str,
        kind: &str,
        name: &str,
    ) -> anyhow::Result<()> {
        let path = path_of(namespace, kind).context("a kind that is asked for often")?;
        self.0.lock().doomed = Some(Doomed {
            namespace: namespace.to_owned(),
            resource: format!("{kind}/{name}"),
            path: format!("{path}/{name}"),
        });
        Ok(())
    }

    /// Deletes what must be gone before `request` passes.
    fn doom(&self, request: &Request) -> anyhow::Result<()> {
        let goes = |doomed: &mut Doomed| request.is_write() && request.is_at(&doomed.path);
        let doomed = self.0.lock().doomed.take_if(goes);
        let Some(doomed) = doomed else {
            return Ok(());
        };
        let (resource, namespace) = (&doomed.resource, &doomed.namespace);
        let arguments = ["delete", resource, "--namespace", namespace, "--wait"];
        kubectl(&arguments, "")?.ok("kubectl delete").map(drop)
    }

    /// Notes a request; the process that must not live to see its answer, if there is one.
    fn note(&self, request: Request) -> Option<Pid> {
        let mut seen = self.0.lock();
        if request.is_write()
            && let Some(victim) = &mut seen.victim
        {
            victim.writes_left = victim.writes_left.saturating_sub(1);
        }
        seen.requests.push(request);
        let dies = seen.victim.take_if(|victim| victim.writes_left == 0);
        dies.map(|victim| victim.id)
    }
}

/// A port of this machine that leads to a server of this machine, over HTTP without TLS. It
/// is there as long as the test process.
#[derive(Debug)]
pub struct Door {
    url: String,
    inside: Arc<Mutex<Inside>>,
}

#[derive(Debug, Default)]
struct Inside {
    is_shut: bool,
    connections: Vec<TcpStream>,
}

impl Inside {
    /// Whether a connection may begin; it is cut when the door shuts.
    fn admit(&mut self, client: &TcpStream) -> bool {
        let copy = client.try_clone();
        self.connections
            .extend(copy.into_iter().filter(|_| !self.is_shut));
        !self.is_shut
    }
}

impl Door {
    /// To the server at `url`, noting in `log` who passes.
    pub fn to(url: &str, log: &Log) -> anyhow::Result<Self> {
        let target = url.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let url = format!("http://{}", listener.local_addr()?);
        let inside = Arc::<Mutex<Inside>>::default();
        let (log, admitting) = (log.clone(), Arc::clone(&inside));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if admitting.lock().admit(&client) {
                    let (target, log) = (target.clone(), log.clone());
                    // A server that is away is one that refuses.
                    thread::spawn(move || drop(pass(&client, &target, &log)));
                }
            }
        });
        Ok(Self { url, inside })
    }

    /// Cuts all connections and takes no new ones, as a server that is gone.
    pub fn shut(&self) {
        let mut inside = self.inside.lock();
        inside.is_shut = true;
        for connection in inside.connections.drain(..) {
            // It may have ended already.
            drop(connection.shutdown(Shutdown::Both));
        }
    }

    /// Takes connections again.
    pub fn open(&self) {
        self.inside.lock().is_shut = false;
    }

    /// Where it begins, as `http://host:port`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A file that tells kubectl and its like to go through this door to an API server.
    pub fn kubeconfig(&self) -> anyhow::Result<PathBuf> {
        let folder = target()?.join("e2e");
        std::fs::create_dir_all(&folder)?;
        let port = self.url.rsplit(':').next().unwrap_or_default();
        let file = folder.join(format!("door-{port}.kubeconfig"));
        let config = serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "door",
            "clusters": [{"name": "door", "cluster": {"server": self.url}}],
            "users": [{"name": "door", "user": {}}],
            "contexts": [{"name": "door", "context": {"cluster": "door", "user": "door"}}],
        });
        std::fs::write(&file, config.to_string())?;
        Ok(file)
    }
}

/// Carries one connection, both ways, until either side ends it.
fn pass(client: &TcpStream, target: &str, log: &Log) -> anyhow::Result<()> {
    let server = TcpStream::connect(target)?;
    let condemned = Arc::<Mutex<Option<Pid>>>::default();
    let back = {
        let (from, to) = (server.try_clone()?, client.try_clone()?);
        let condemned = Arc::clone(&condemned);
        thread::spawn(move || {
            drop(carry(&from, &to, |_| match *condemned.lock() {
                // It was done, and nobody will know.
                Some(victim) => {
                    if let Err(error) = kill_process(victim, Signal::KILL) {
                        eprintln!("{victim:?} cannot be ended: {error}");
                    }
                    false
                }
                None => true,
            }));
        })
    };
    let forth = carry(client, &server, |bytes| {
        let Some(request) = first_line(bytes) else {
            return true;
        };
        if let Err(error) = log.doom(&request) {
            eprintln!("{error:#}");
            return false;
        }
        if let Some(victim) = log.note(request) {
            *condemned.lock() = Some(victim);
        }
        true
    });
    drop(back.join());
    forth
}

/// Carries bytes until the end, or until `may_pass` says no.
fn carry(
    mut from: &TcpStream,
    mut to: &TcpStream,
    mut may_pass: impl FnMut(&[u8]) -> bool,
) -> anyhow::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => 0,
        };
        if count == 0 || !may_pass(&buffer[..count]) || to.write_all(&buffer[..count]).is_err() {
            // Whoever still reads or writes there learns of the end.
            drop(from.shutdown(Shutdown::Both));
            drop(to.shutdown(Shutdown::Both));
            return Ok(());
        }
    }
}

/// The request that begins with `bytes`. Requests follow each other's answers, so that each
/// begins what is read.
fn first_line(bytes: &[u8]) -> Option<Request> {
    let line = bytes.split(|byte| *byte == b'\r').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let (method, path, version) = (words.next()?, words.next()?, words.next()?);
    version.starts_with("HTTP/1.").then(|| Request {
        method: method.to_owned(),
        path: path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_says_what_is_asked() {
        let request = first_line(b"PATCH /apis/x?force=true HTTP/1.1\r\nhost: a\r\n\r\n{}");
        let request = request.expect("a request");
        assert_eq!(request.method, "PATCH");
        assert_eq!(request.path, "/apis/x?force=true");
        assert!(request.is_at("/apis/x") && !request.is_at("/apis"));
        assert_eq!(first_line(b"{\"spec\": {}}"), None);
    }

    #[test]
    fn neither_reading_nor_the_lease_is_a_write() {
        let request = |method: &str, path: &str| Request {
            method: method.to_owned(),
            path: path.to_owned(),
        };
        assert!(request("PATCH", "/apis/apps/v1/namespaces/a/deployments/b").is_write());
        assert!(request("PUT", "/internal/events/1/policy").is_write());
        assert!(!request("GET", "/internal/events/1/policy").is_write());
        let lease = "/apis/coordination.k8s.io/v1/namespaces/a/leases/b";
        assert!(!request("PUT", lease).is_write());
    }
}
