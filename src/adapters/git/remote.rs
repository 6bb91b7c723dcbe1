//! Follows a repository over the network, into a bare copy of one commit's depth.
//!
//! The copy is only a cache: whatever is wrong with it, it is thrown away and fetched again.

use super::{
    address::Remote,
    failure::Failure,
    known_hosts::{self, Standing},
    objects::Objects,
    options::Credentials,
    reference::Reference,
    refusal::Refusal,
};
use git2::{
    AutotagOption, CertificateCheckStatus, Cred, CredentialType, Direction, ErrorClass, ErrorCode,
    FetchOptions, Oid, RemoteCallbacks, RemoteRedirect, Repository, cert::Cert,
};
use std::{fs, io, path::Path};
use tokio_util::sync::CancellationToken;

/// Where the followed commit is kept in the copy.
const FOLLOWED: &str = "refs/orderly/followed";
/// The copy's own setting that says what it is a copy of.
const COPY_OF: &str = "orderly.source";
/// Each fetch that brings something leaves a pack; with this many the copy is made anew.
const MAX_PACKS: usize = 60;
/// Commits that a copy is deepened by, so that the authors of all that came since the last look can be seen.
const LOOK_BACK: i32 = 100;
/// Bytes that one fetch may bring.
const MAX_TRANSFER: usize = 1 << 30;

/// One fetch.
pub(super) struct Fetch<'a> {
    /// The copy's folder.
    pub(super) copy: &'a Path,
    /// From where.
    pub(super) remote: &'a Remote,
    /// The relay's port.
    pub(super) relay: u16,
    /// What.
    pub(super) reference: &'a Reference,
    /// As whom.
    pub(super) credentials: &'a Credentials,
    /// Fires when nobody waits for the result any more.
    pub(super) stop: &'a CancellationToken,
    /// Where reasons go that libgit2 would not tell.
    pub(super) refusal: &'a Refusal,
}

impl Fetch<'_> {
    /// Brings the newest commit here, and opens the copy; `None` where it is still the known one.
    pub(super) fn newest(
        &self,
        known: Option<Oid>,
        source: &str,
    ) -> Result<Option<(Repository, Oid)>, Failure> {
        let repository = open_copy(self.copy, source)?;
        let newest = self.fetch_into(&repository, known)?;
        Ok(newest.map(|commit| (repository, commit)))
    }

    fn fetch_into(
        &self,
        repository: &Repository,
        known: Option<Oid>,
    ) -> Result<Option<Oid>, Failure> {
        let url = self.remote.reached_through(self.relay);
        let mut remote = repository
            .remote_anonymous(&url)
            .map_err(Failure::Transport)?;
        let mut connection = remote
            .connect_auth(Direction::Fetch, Some(self.callbacks()), None)
            .map_err(Failure::Transport)?;
        let shown: Vec<(String, Oid)> = connection
            .list()
            .map_err(Failure::Transport)?
            .iter()
            .map(|head| (head.name().to_owned(), head.oid()))
            .collect();
        let newest = self.reference.find(&shown)?;
        if Some(newest) == known {
            return Ok(None);
        }
        if !is_here(repository, newest) {
            let refspec = format!("+{}:{FOLLOWED}", self.reference.full_name());
            connection
                .remote()
                .fetch(&[refspec], Some(&mut self.options(1)), None)
                .map_err(Failure::Transport)?;
        }
        followed(repository).map(Some)
    }

    /// Brings the commits before the followed one here, a bounded number of them.
    pub(super) fn deepen(&self, repository: &Repository) -> Result<(), Failure> {
        let url = self.remote.reached_through(self.relay);
        let mut remote = repository
            .remote_anonymous(&url)
            .map_err(Failure::Transport)?;
        let refspec = format!("+{}:{FOLLOWED}", self.reference.full_name());
        remote
            .fetch(&[refspec], Some(&mut self.options(LOOK_BACK)), None)
            .map_err(Failure::Transport)
    }

    fn options(&self, depth: i32) -> FetchOptions<'_> {
        let mut options = FetchOptions::new();
        options
            .remote_callbacks(self.callbacks())
            .follow_redirects(RemoteRedirect::None)
            .download_tags(AutotagOption::None)
            .update_fetchhead(false)
            .depth(depth);
        options
    }

    fn callbacks(&self) -> RemoteCallbacks<'_> {
        let mut callbacks = RemoteCallbacks::new();
        callbacks.transfer_progress(|progress| {
            if progress.received_bytes() > MAX_TRANSFER {
                self.refusal
                    .note(format!("it sends more than {MAX_TRANSFER} bytes"));
                return false;
            }
            !self.stop.is_cancelled()
        });
        callbacks.sideband_progress(|_| !self.stop.is_cancelled());
        let mut asked = 0;
        callbacks.credentials(move |_, _, kinds| self.credential(&mut asked, kinds));
        callbacks.certificate_check(|certificate, _| self.check(certificate));
        callbacks
    }

    /// Answers a server that asks who we are. It asks again when it does not like the answer.
    fn credential(&self, asked: &mut u32, kinds: CredentialType) -> Result<Cred, git2::Error> {
        if kinds.contains(CredentialType::USERNAME) {
            return Cred::username(self.remote.user());
        }
        *asked += 1;
        match self.credentials {
            Credentials::None => Err(self.refuse(
                "the server asks for credentials\nhint: check the address, and give the source a token or an ssh key",
            )),
            Credentials::Token { .. } | Credentials::SshKey { .. } if *asked > 1 => Err(self
                .refuse(
                    "the server does not accept the credentials\nhint: check that they are valid and may read the repository",
                )),
            Credentials::Token { user, token } => Cred::userpass_plaintext(user, token.expose()),
            Credentials::SshKey {
                key, passphrase, ..
            } => {
                fs::metadata(key).map_err(|error| {
                    self.refuse(&format!("the ssh key {} cannot be read: {error}", key.display()))
                })?;
                let passphrase = passphrase.as_ref().map(crate::domain::secret::SecretValue::expose);
                Cred::ssh_key(self.remote.user(), None, key, passphrase)
            }
        }
    }

    fn refuse(&self, reason: &str) -> git2::Error {
        self.refusal.note(reason);
        git2::Error::new(ErrorCode::Auth, ErrorClass::Callback, reason)
    }

    /// Checks an ssh host's key. TLS is the relay's.
    fn check(&self, certificate: &Cert<'_>) -> Result<CertificateCheckStatus, git2::Error> {
        let Some(host_key) = certificate.as_hostkey() else {
            return Ok(CertificateCheckStatus::CertificatePassthrough);
        };
        let refused = |reason: String| {
            self.refusal.note(reason.as_str());
            git2::Error::new(ErrorCode::Certificate, ErrorClass::Ssh, reason)
        };
        let Some(key) = host_key.hostkey() else {
            return Err(refused("the server shows no host key".to_owned()));
        };
        let Credentials::SshKey { known_hosts, .. } = self.credentials else {
            return Err(refused(
                "there is no known_hosts file to check the server by".to_owned(),
            ));
        };
        let file = fs::read(known_hosts).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(Vec::new()),
            _ => Err(refused(format!(
                "{} cannot be read: {error}",
                known_hosts.display()
            ))),
        })?;
        judge(
            self.remote,
            key,
            &String::from_utf8_lossy(&file),
            known_hosts,
        )
        .map(|()| CertificateCheckStatus::CertificateOk)
        .map_err(refused)
    }
}

/// Whether the host may be trusted by this file; if not, what a person would have to do.
fn judge(remote: &Remote, key: &[u8], file: &str, path: &Path) -> Result<(), String> {
    let (host, port) = (remote.host.as_str(), remote.port);
    let path = path.display();
    let fingerprint = known_hosts::fingerprint(key);
    match known_hosts::standing(file, host, port, key) {
        Standing::Trusted => Ok(()),
        Standing::Revoked { line } => Err(format!(
            "the server's key {fingerprint} is revoked by {path}:{line}"
        )),
        Standing::Changed { line } => Err(format!(
            "the server's key is not the one in {path}:{line}: it shows {fingerprint}; somebody may be in between\nhint: ask who runs the server, and only if the key was replaced put this line in place of the old one: {}",
            known_hosts::line_for(host, port, key)
        )),
        Standing::Unknown => Err(format!(
            "the server's key {fingerprint} is not in {path}\nhint: compare the fingerprint with what its owner publishes, and add this line: {}",
            known_hosts::line_for(host, port, key)
        )),
    }
}

/// Opens the copy of this source, or starts a new one.
fn open_copy(folder: &Path, source: &str) -> Result<Repository, Failure> {
    if let Ok(repository) = Repository::open_bare(folder)
        && is_copy_of(&repository, source)
        && packs(folder) < MAX_PACKS
    {
        return Ok(repository);
    }
    discard(folder)?;
    let repository = Repository::init_bare(folder).map_err(Failure::Objects)?;
    repository
        .config()
        .and_then(|mut config| {
            config.set_bool("http.followRedirects", false)?;
            config.set_str(COPY_OF, source)
        })
        .map_err(Failure::Objects)?;
    Ok(repository)
}

/// Throws the copy away.
pub(super) fn discard(folder: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::Unusable(format!(
            "the old copy {} cannot be removed: {error}",
            folder.display()
        ))),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn is_copy_of(repository: &Repository, source: &str) -> bool {
    let untouched = |error: git2::Error| error.code() == ErrorCode::UnbornBranch;
    repository.head().is_err_and(untouched)
        && repository
            .config()
            .and_then(|mut config| config.snapshot())
            .is_ok_and(|config| config.get_str(COPY_OF).is_ok_and(|of| of == source))
}

fn packs(folder: &Path) -> usize {
    fs::read_dir(folder.join("objects").join("pack")).map_or(0, |entries| {
        entries
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|end| end == "pack"))
            .count()
    })
}

/// Whether the followed commit is this one, and its tree is there.
fn is_here(repository: &Repository, commit: Oid) -> bool {
    followed(repository).is_ok_and(|followed| followed == commit)
}

fn followed(repository: &Repository) -> Result<Oid, Failure> {
    let followed = || {
        let reference = repository.find_reference(FOLLOWED)?;
        let commit = Objects::of(repository)?.commit_of(&reference)?;
        commit.tree().map(|_| commit.id())
    };
    followed().map_err(Failure::Objects)
}

#[cfg(test)]
mod tests {
    use super::{is_copy_of, judge, open_copy};
    use crate::adapters::git::address::{Remote, Scheme};
    use std::path::Path;

    #[test]
    fn an_unknown_host_is_refused_with_the_line_to_add() {
        let remote = Remote {
            scheme: Scheme::Ssh,
            user: None,
            host: "h.example".into(),
            port: 2222,
            path: "/a".into(),
        };
        let key = b"\x00\x00\x00\x0bssh-ed25519body";
        let path = Path::new("/etc/orderly/known_hosts");
        let error = judge(&remote, key, "", path).unwrap_err();
        assert!(
            error.contains("is not in /etc/orderly/known_hosts"),
            "{error}"
        );
        let line = error.split("add this line: ").nth(1).unwrap();
        assert!(line.starts_with("[h.example]:2222 ssh-ed25519 "), "{line}");
        assert!(judge(&remote, key, line, path).is_ok());
        let other = b"\x00\x00\x00\x0bssh-ed25519other";
        let error = judge(&remote, other, line, path).unwrap_err();
        assert!(error.contains("known_hosts:1"), "{error}");
    }

    #[test]
    fn a_copy_of_another_source_or_a_broken_one_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("source.git");
        open_copy(&copy, "https://h/a").unwrap();
        std::fs::write(copy.join("mark"), "").unwrap();
        open_copy(&copy, "https://h/a").unwrap();
        assert!(copy.join("mark").exists());
        let other = open_copy(&copy, "https://h/b").unwrap();
        assert!(!copy.join("mark").exists() && is_copy_of(&other, "https://h/b"));
        std::fs::write(copy.join("HEAD"), "\0").unwrap();
        std::fs::write(copy.join("mark"), "").unwrap();
        open_copy(&copy, "https://h/b").unwrap();
        assert!(!copy.join("mark").exists());
    }
}
