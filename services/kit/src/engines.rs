//! Postgres and Redis as child processes of ours: for the local platform and for tests.
//!
//! Nothing system-wide is touched. A child ends with the process that started it, however
//! that ends, because the kernel is told so (`setpriv --pdeathsig`). Whoever spawns one
//! must do so from a thread that lives as long as the child shall: the kernel's promise
//! is about the thread.

use std::{
    fs,
    io::{ErrorKind, Write},
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail};

/// The superuser of clusters made here. Only reachable over loopback and the own socket.
pub const POSTGRES_USER: &str = "urr";

/// How durable an engine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Survives a power cut: what a sale needs.
    Full,
    /// Loses data with the machine: for tests, several times faster.
    None,
}

/// A Postgres cluster under a directory of ours.
#[derive(Clone, Debug)]
pub struct Postgres {
    programs: PathBuf,
    data: PathBuf,
    port: u16,
    password: String,
    durability: Durability,
    runs_as: Option<Account>,
}

impl Postgres {
    /// The cluster in `data`, to listen on `port` of 127.0.0.1. Nothing is done yet.
    /// `password` is the superuser's.
    pub fn new(
        data: &Path,
        port: u16,
        password: &str,
        durability: Durability,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            programs: postgres_programs()?,
            data: data.to_owned(),
            port,
            password: password.to_owned(),
            durability,
            runs_as: unprivileged_account()?,
        })
    }

    /// Makes the cluster if it is not there. Takes a second or two the first time. It appears
    /// whole or not at all, so that an interrupted start leaves nothing that looks like one.
    pub fn prepare(&self) -> anyhow::Result<()> {
        if self.data.exists() {
            return Ok(());
        }
        let draft = self.data.with_extension("new");
        if draft.exists() {
            fs::remove_dir_all(&draft)
                .with_context(|| format!("cannot remove {}", draft.display()))?;
        }
        fs::create_dir_all(&draft).with_context(|| format!("cannot create {}", draft.display()))?;
        hand_over(self.runs_as.as_ref(), &draft)?;
        self.initdb(&draft)?;
        fs::rename(&draft, &self.data)
            .with_context(|| format!("cannot create {}", self.data.display()))
    }

    fn initdb(&self, data: &Path) -> anyhow::Result<()> {
        let password = self.write_password()?;
        let mut initdb = as_account(self.runs_as.as_ref(), None, &self.programs.join("initdb"));
        initdb
            .arg("--pgdata")
            .arg(data)
            .args(["--username", POSTGRES_USER])
            .args(["--auth-host", "scram-sha-256"])
            .args(["--auth-local", "scram-sha-256"])
            .args(["--encoding", "UTF8", "--locale", "C.UTF-8"])
            .arg("--pwfile")
            .arg(&password);
        if self.durability == Durability::None {
            initdb.arg("--no-sync");
        }
        let output = initdb.output().context("cannot run initdb");
        fs::remove_file(&password)
            .with_context(|| format!("cannot remove {}", password.display()))?;
        let output = output?;
        if !output.status.success() {
            bail!(
                "initdb failed: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(())
    }

    /// Writes the superuser's password where initdb reads it, for its account's eyes only.
    fn write_password(&self) -> anyhow::Result<PathBuf> {
        let path = self.data.with_extension("password");
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        file.write_all(self.password.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
        hand_over(self.runs_as.as_ref(), &path)?;
        Ok(path)
    }

    /// The server, to be spawned. It logs to standard error and stops fast on SIGINT.
    pub fn command(&self) -> Command {
        let mut command = as_account(
            self.runs_as.as_ref(),
            Some("INT"),
            &self.programs.join("postgres"),
        );
        command.arg("-D").arg(&self.data);
        let mut set = |name: &str, value: &str| {
            command.arg("-c").arg(format!("{name}={value}"));
        };
        set("listen_addresses", "127.0.0.1");
        set("port", &self.port.to_string());
        set("unix_socket_directories", "");
        set("max_connections", "200");
        set("shared_buffers", "64MB");
        set("log_min_messages", "warning");
        if self.durability == Durability::None {
            set("fsync", "off");
            set("synchronous_commit", "off");
            set("full_page_writes", "off");
        }
        command.stdin(Stdio::null());
        command
    }

    /// URL of one of its databases.
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgres://{POSTGRES_USER}:{}@127.0.0.1:{}/{database}",
            self.password, self.port
        )
    }
}

/// A Redis under a directory of ours.
#[derive(Clone, Debug)]
pub struct RedisServer {
    program: PathBuf,
    data: PathBuf,
    port: u16,
    durability: Durability,
}

impl RedisServer {
    /// The server with its files in `data`, to listen on `port` of 127.0.0.1.
    pub fn new(data: &Path, port: u16, durability: Durability) -> anyhow::Result<Self> {
        Ok(Self {
            program: find_program("redis-server", "redis-server")?,
            data: data.to_owned(),
            port,
            durability,
        })
    }

    /// Makes its directory.
    pub fn prepare(&self) -> anyhow::Result<()> {
        fs::create_dir_all(&self.data)
            .with_context(|| format!("cannot create {}", self.data.display()))
    }

    /// The server, to be spawned. It logs to standard output and stops on SIGTERM.
    pub fn command(&self) -> Command {
        let mut command = as_account(None, Some("TERM"), &self.program);
        command
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string()])
            .arg("--dir")
            .arg(&self.data)
            .args(["--maxmemory-policy", "noeviction", "--save", ""])
            .args(["--loglevel", "warning"]);
        if self.durability == Durability::Full {
            command.args(["--appendonly", "yes", "--appendfsync", "everysec"]);
        }
        command.stdin(Stdio::null());
        command
    }
}

/// A port of 127.0.0.1 that is free now.
pub fn free_port() -> anyhow::Result<u16> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on 127.0.0.1")?;
    Ok(listener.local_addr()?.port())
}

/// Whether an unprivileged process can reach `path`: every directory above lets others through.
pub fn reachable_by_all(path: &Path) -> bool {
    let is_root = unprivileged_account().is_ok_and(|account| account.is_some());
    !is_root
        || path.ancestors().skip(1).all(|ancestor| {
            ancestor.as_os_str().is_empty()
                || fs::metadata(ancestor).is_ok_and(|meta| meta.permissions().mode() & 0o001 != 0)
        })
}

/// An account that Postgres may run as when we are root.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Account {
    uid: u32,
    gid: u32,
}

/// `None` when we are not root ourselves; else `postgres`, or `nobody` where that is absent.
fn unprivileged_account() -> anyhow::Result<Option<Account>> {
    if fs::metadata("/proc/self")
        .context("cannot read /proc/self")?
        .uid()
        != 0
    {
        return Ok(None);
    }
    let passwd = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| account_named(&passwd, name))
        .map(Some)
        .context(
            "running as root, and there is neither an account postgres nor nobody for Postgres",
        )
}

fn account_named(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (found, _, uid, gid) = (
            fields.next()?,
            fields.next()?,
            fields.next()?,
            fields.next()?,
        );
        (found == name).then_some(Account {
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
        })
    })
}

fn hand_over(account: Option<&Account>, path: &Path) -> anyhow::Result<()> {
    if let Some(Account { uid, gid }) = account {
        chown(path, Some(*uid), Some(*gid))
            .with_context(|| format!("cannot give {} to uid {uid}", path.display()))?;
    }
    Ok(())
}

/// `program` through `setpriv`: as `account`, and ended by `signal` when its parent ends.
fn as_account(account: Option<&Account>, signal: Option<&str>, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if let Some(Account { uid, gid }) = account {
        command.args([
            "--reuid",
            &uid.to_string(),
            "--regid",
            &gid.to_string(),
            "--clear-groups",
        ]);
    }
    if let Some(signal) = signal {
        command.args(["--pdeathsig", signal]);
    }
    command.arg("--").arg(program);
    // A locale of the user's that the machine lacks must not stop Postgres.
    command.env("LC_ALL", "C.UTF-8");
    command
}

/// Folder of Postgres' programs: that of `postgres` in PATH, which somebody chose, or Debian's
/// newest version, which Debian puts into no PATH.
fn postgres_programs() -> anyhow::Result<PathBuf> {
    if let Some(postgres) = in_path("postgres") {
        let folder = postgres.parent().context("postgres has no folder")?;
        return Ok(folder.to_owned());
    }
    let debian = match fs::read_dir("/usr/lib/postgresql") {
        Ok(entries) => newest_version(entries.filter_map(Result::ok).map(|entry| entry.path())),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error).context("cannot read /usr/lib/postgresql"),
    };
    debian.context("postgres is not installed (Debian's package postgresql)")
}

fn newest_version(folders: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    folders
        .filter_map(|folder| {
            let version: u32 = folder.file_name()?.to_str()?.parse().ok()?;
            let programs = folder.join("bin");
            programs
                .join("postgres")
                .exists()
                .then_some((version, programs))
        })
        .max()
        .map(|(_, programs)| programs)
}

#[expect(
    clippy::disallowed_methods,
    reason = "PATH is how programs are found; it is no setting of ours"
)]
fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}

fn find_program(name: &str, package: &str) -> anyhow::Result<PathBuf> {
    in_path(name).with_context(|| format!("{name} is not installed (Debian's package {package})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let passwd = "root:x:0:0::/root:/bin/sh\npostgres2:x:5:6::/:/x\npostgres:x:101:104::/:/x\n";
        assert_eq!(
            account_named(passwd, "postgres"),
            Some(Account { uid: 101, gid: 104 })
        );
        assert_eq!(account_named(passwd, "nobody"), None);
    }
}
