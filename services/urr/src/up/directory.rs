//! The directory of one local platform: `.urr/`, with its data, secrets and logs, used by one
//! `urr up` at a time.

use std::{
    fs::{self, File, OpenOptions},
    hash::{DefaultHasher, Hash, Hasher},
    io::{Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, symlink},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use urr_kit::engines::reachable_by_all;

/// Where data goes that Postgres' own account could not reach.
const ELSEWHERE: &str = "/var/tmp";

/// A directory that is ours as long as this lives.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    _lock: File,
}

impl Directory {
    /// Makes the directory if needed and locks it.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let path =
            std::path::absolute(path).with_context(|| format!("{} is no path", path.display()))?;
        fs::create_dir_all(path.join("log"))
            .with_context(|| format!("cannot create {}", path.display()))?;
        let lock = lock(&path)?;
        Ok(Self { path, _lock: lock })
    }

    /// Logs of the children.
    pub(crate) fn logs(&self) -> PathBuf {
        self.path.join("log")
    }

    /// Addresses, for other commands and for the next start.
    pub(crate) fn run_env(&self) -> PathBuf {
        self.path.join("run.env")
    }

    /// Secrets, made once.
    pub(crate) fn secrets_env(&self) -> PathBuf {
        self.path.join("secrets.env")
    }

    /// Redis' files.
    pub(crate) fn redis(&self) -> PathBuf {
        self.path.join("redis")
    }

    /// Kafka's files.
    pub(crate) fn kafka(&self) -> PathBuf {
        self.path.join("kafka")
    }

    /// Pictures that administrators uploaded.
    pub(crate) fn images(&self) -> PathBuf {
        self.path.join("images")
    }

    /// Mails to fans, one file each.
    pub(crate) fn mails(&self) -> PathBuf {
        self.path.join("mail")
    }

    /// What the payment simulator remembers.
    pub(crate) fn simulator_journal(&self) -> PathBuf {
        self.path.join("toss-simulator.journal")
    }

    /// Postgres' files. As root, Postgres runs as an account that may have no way into this
    /// directory; then they are elsewhere, and a link here leads to them.
    pub(crate) fn postgres(&self) -> anyhow::Result<PathBuf> {
        let here = self.path.join("postgres");
        if let Ok(elsewhere) = fs::read_link(&here) {
            ensure_own_folder(elsewhere.parent().unwrap_or(&elsewhere))?;
            return Ok(elsewhere);
        }
        if here.exists() || reachable_by_all(&here) {
            return Ok(here);
        }
        let mut hasher = DefaultHasher::new();
        self.path.hash(&mut hasher);
        let folder = Path::new(ELSEWHERE).join(format!("urr-{:016x}", hasher.finish()));
        ensure_own_folder(&folder)?;
        let elsewhere = folder.join("postgres");
        symlink(&elsewhere, &here)
            .with_context(|| format!("cannot link {} to {ELSEWHERE}", here.display()))?;
        Ok(elsewhere)
    }
}

/// `/var/tmp` is everybody's, so a folder there that somebody else made is refused.
fn ensure_own_folder(folder: &Path) -> anyhow::Result<()> {
    match fs::DirBuilder::new().mode(0o755).create(folder) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => {
            return Err(error).with_context(|| format!("cannot create {}", folder.display()));
        }
    }
    let found = fs::symlink_metadata(folder)
        .with_context(|| format!("cannot look at {}", folder.display()))?;
    let own = fs::metadata("/proc/self").context("cannot read /proc/self")?;
    if !found.is_dir() || found.uid() != own.uid() {
        bail!(
            "{} belongs to somebody else; choose another --dir",
            folder.display()
        );
    }
    Ok(())
}

/// The lock is the kernel's, so it ends with the process; the number inside is for people.
fn lock(path: &Path) -> anyhow::Result<File> {
    let name = path.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&name)
        .with_context(|| format!("cannot write {}", name.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => {
            let mut holder = String::new();
            file.read_to_string(&mut holder).unwrap_or_default();
            bail!(
                "another `urr up` (process {}) runs in {}; stop it or choose another --dir",
                holder.trim(),
                path.display()
            );
        }
        Err(fs::TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock {}", name.display()));
        }
    }
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .with_context(|| format!("cannot write {}", name.display()))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_used_by_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = Directory::open(folder.path()).unwrap();
        let error = Directory::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("another `urr up`"), "{error}");
        assert!(error.contains(&std::process::id().to_string()), "{error}");
        drop(first);
        Directory::open(folder.path()).unwrap();
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Directory::open(&file.path().join("below")).unwrap_err();
        assert!(error.to_string().starts_with("cannot create /"), "{error}");
    }

    #[test]
    fn postgres_is_put_where_its_account_can_go() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let directory = Directory::open(&folder.path().join("urr")).unwrap();
        let data = directory.postgres().unwrap();
        assert!(reachable_by_all(&data), "{}", data.display());
        assert_eq!(
            directory.postgres().unwrap(),
            data,
            "the same the second time"
        );
        if data.starts_with(ELSEWHERE) {
            fs::remove_dir_all(data.parent().unwrap()).unwrap();
        }
    }
}
