//! Where a running agent is reached from its own host, written into the state folder for the commands there.
//!
//! The file is locked (flock(2)) for as long as its agent lives, however it ends. One that nobody holds was left behind by an agent
//! that died, and is not believed: whoever listens there now may be somebody else. Every start makes a file of its own and moves it
//! into place, so that looking at an old one is never in the way of a new one.

use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// The longest address that is read, in bytes.
const LONGEST: u64 = 200;

fn path_in(state: &Path) -> PathBuf {
    state.join("agent.address")
}

/// Where an agent that listens there is reached from its own host. One that listens on every address is reached by the loopback one.
pub fn reachable(listen: SocketAddr) -> String {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    format!("http://{}", SocketAddr::new(ip, listen.port()))
}

/// An address that can be read in the state folder for as long as this lives.
#[derive(Debug)]
pub(super) struct Announcement {
    path: PathBuf,
    _locked: File,
}

impl Announcement {
    /// Only the agent that holds the history's lock may do this, and it must let go before it gives that lock back.
    pub(super) fn make(state: &Path, address: &str) -> std::io::Result<Self> {
        let path = path_in(state);
        let draft = path.with_extension("new");
        let _absent = std::fs::remove_file(&draft);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        writeln!(file, "{address}")?;
        std::fs::rename(&draft, &path)?;
        Ok(Self {
            path,
            _locked: file,
        })
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        // Left behind, it would not be believed.
        let _gone = std::fs::remove_file(&self.path);
    }
}

/// Where the agent that lives in this state folder is reached; nothing where none lives, or its file may not be read.
pub fn announced(state: &Path) -> Option<String> {
    let file = File::open(path_in(state)).ok()?;
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Err(rustix::io::Errno::WOULDBLOCK) => {}
        Ok(()) | Err(_) => return None,
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).ok()?;
    Some(text.trim().to_owned()).filter(|address| !address.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{Announcement, announced, path_in, reachable};
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn an_agent_that_listens_everywhere_is_reached_on_its_own_host() {
        for (listen, reached) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("0.0.0.0:9", "http://127.0.0.1:9"),
            ("[::]:9", "http://[::1]:9"),
            ("10.0.0.7:80", "http://10.0.0.7:80"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()), reached);
        }
    }

    #[test]
    fn an_address_is_known_while_its_agent_lives_and_for_its_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(announced(folder.path()), None);
        let announcement = Announcement::make(folder.path(), "http://127.0.0.1:7").unwrap();
        assert_eq!(
            announced(folder.path()).as_deref(),
            Some("http://127.0.0.1:7")
        );
        let mode = std::fs::metadata(path_in(folder.path())).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
        drop(announcement);
        assert_eq!(announced(folder.path()), None);
        assert!(!path_in(folder.path()).exists());
    }

    #[test]
    fn an_address_that_an_agent_left_behind_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(path_in(folder.path()), "http://127.0.0.1:7\n").unwrap();
        assert_eq!(announced(folder.path()), None);
        let next = Announcement::make(folder.path(), "http://127.0.0.1:8").unwrap();
        assert_eq!(
            announced(folder.path()).as_deref(),
            Some("http://127.0.0.1:8")
        );
        drop(next);
    }
}
