//! What a source is made from.

use super::{
    address::{self, Address, Scheme},
    reference::Reference,
};
use crate::domain::{secret::SecretValue, span::Span};
use std::path::PathBuf;

/// Where runbooks come from and how they are read.
#[derive(Debug, Clone)]
pub struct GitOptions {
    /// A path, `file://`, `https://`, `http://`, `ssh://` or `user@host:path`.
    pub url: String,
    /// The branch or tag.
    pub reference: Reference,
    /// The folder in the repository; empty for all of it.
    pub path: String,
    /// The agent's state folder; the copy is `source.git` in it.
    pub state: PathBuf,
    /// For one fetch, or one read.
    pub deadline: Span,
    /// The largest file that is read.
    pub max_file_bytes: usize,
    /// The most files that are read.
    pub max_files: usize,
    /// As whom.
    pub credentials: Credentials,
}

impl GitOptions {
    /// With the usual limits: 256 KiB a file, 50,000 files, 60 seconds.
    pub fn new(url: impl Into<String>, state: impl Into<PathBuf>) -> Self {
        Self {
            url: url.into(),
            reference: Reference::Head,
            path: String::new(),
            state: state.into(),
            deadline: Span::from_secs(60),
            max_file_bytes: 256 * 1024,
            max_files: 50_000,
            credentials: Credentials::None,
        }
    }
}

/// Who the agent is to the repository's server.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// Nobody.
    None,
    /// Over https.
    Token {
        /// Most servers take any.
        user: String,
        /// The token or password.
        token: SecretValue,
    },
    /// Over ssh.
    SshKey {
        /// The private key's file.
        key: PathBuf,
        /// What unlocks it.
        passphrase: Option<SecretValue>,
        /// The servers' keys, as ssh keeps them; a server that is not in it is refused.
        known_hosts: PathBuf,
    },
}

/// Options that make no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the source cannot be followed: {0}")]
pub struct InvalidOptions(pub String);

/// Checks the options, and reads the address and the path.
pub(super) fn check(options: &GitOptions) -> Result<(Address, String), InvalidOptions> {
    let address = address::parse(&options.url).map_err(InvalidOptions)?;
    let path = followed_path(&options.path).map_err(InvalidOptions)?;
    if !options.reference.is_valid() {
        return Err(InvalidOptions(format!(
            "`{}` cannot be the name of a branch or tag",
            options.reference.to_string().escape_debug()
        )));
    }
    check_credentials(&address, &options.credentials).map_err(InvalidOptions)?;
    Ok((address, path))
}

fn check_credentials(address: &Address, credentials: &Credentials) -> Result<(), String> {
    let wrong = |text: &str| Err(text.to_owned());
    match (address, credentials) {
        (Address::Local(_), Credentials::None) => Ok(()),
        (Address::Local(_), _) => wrong("a repository on this machine takes no credentials"),
        (Address::Remote(remote), credentials) => match (remote.scheme, credentials) {
            (Scheme::Ssh, Credentials::SshKey { .. }) if !cfg!(feature = "remote-git") => wrong(
                "this agent was built without ssh\nhint: build it with the feature `remote-git`, or use https",
            ),
            (Scheme::Ssh, Credentials::SshKey { .. })
            | (Scheme::Https, Credentials::Token { .. })
            | (Scheme::Https | Scheme::Http, Credentials::None) => Ok(()),
            (Scheme::Http, Credentials::Token { .. }) if remote.is_loopback() => Ok(()),
            (Scheme::Http, Credentials::Token { .. }) => {
                wrong("a token is not sent over http, where others can read it\nhint: use https")
            }
            (Scheme::Ssh, Credentials::None | Credentials::Token { .. }) => {
                wrong("ssh needs a key\nhint: name its file and a known_hosts file")
            }
            (Scheme::Https | Scheme::Http, Credentials::SshKey { .. }) => {
                wrong("an ssh key is of no use over http\nhint: name a token, or use ssh://")
            }
        },
    }
}

/// The followed path with `/` between folders and at neither end.
fn followed_path(text: &str) -> Result<String, String> {
    let mut folders = Vec::new();
    for folder in text.split('/') {
        match folder {
            "" | "." => {}
            ".." => {
                return Err(format!(
                    "the path `{}` leaves the repository",
                    text.escape_debug()
                ));
            }
            folder if folder.contains('\\') || folder.chars().any(char::is_control) => {
                return Err(format!("the path `{}` is not one", text.escape_debug()));
            }
            folder => folders.push(folder),
        }
    }
    Ok(folders.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{Credentials, GitOptions, check, followed_path};
    use crate::domain::secret::SecretValue;

    #[test]
    fn a_path_stays_in_the_repository() {
        assert_eq!(followed_path("./ops//runbooks/").unwrap(), "ops/runbooks");
        assert_eq!(followed_path("/").unwrap(), "");
        assert!(followed_path("a/../b").is_err());
        assert!(followed_path("a\nb").is_err());
    }

    #[test]
    fn credentials_fit_the_way_the_repository_is_reached() {
        let token = || Credentials::Token {
            user: "git".into(),
            token: SecretValue::new("t".into()),
        };
        let key = || Credentials::SshKey {
            key: "/k".into(),
            passphrase: None,
            known_hosts: "/h".into(),
        };
        for (url, credentials, fits) in [
            ("/srv/a", Credentials::None, true),
            ("/srv/a", token(), false),
            ("https://h/a", Credentials::None, true),
            ("https://h/a", token(), true),
            ("https://h/a", key(), false),
            ("http://h/a", Credentials::None, true),
            ("http://h/a", token(), false),
            ("http://127.0.0.1/a", token(), true),
            ("git@h:a", key(), true),
            ("git@h:a", token(), false),
            ("git@h:a", Credentials::None, false),
        ] {
            let options = GitOptions {
                credentials,
                ..GitOptions::new(url, "/state")
            };
            assert_eq!(check(&options).is_ok(), fits, "{options:?}");
        }
    }
}
