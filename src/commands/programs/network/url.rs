//! What an address says: which host is asked, and whether the answer or the request is more than plain text.

use crate::commands::programs::files::secrets::{Sight, discloses, sight};
use crate::commands::programs::host::sheet::has_word;
use crate::commands::programs::kubernetes::deleted_at;
use crate::commands::word::Word;
use crate::domain::effect::Effect;
use url::Url;

/// What asking an address means, beyond the method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// An answer like any other.
    Plain,
    /// Values of secrets.
    Secrets,
    /// A secret of this host: `file:///etc/shadow`.
    File,
    /// A scheme that is not known, or talks to something other than the web.
    Odd,
}

/// An address, as far as it is known.
#[derive(Debug)]
pub(super) struct Address {
    /// The host, for the report.
    pub(super) host: String,
    /// The scheme.
    scheme: String,
    /// The path with what is asked, in small letters, without escapes.
    path: String,
    /// The port, where one is named.
    port: Option<u16>,
    hazy: bool,
}

impl Address {
    /// Reads an address as curl does: a scheme is guessed where there is none.
    pub(super) fn new(word: &Word) -> Self {
        let text = word.text().trim();
        let whole = if text.contains("://") || is_file(text) {
            text.to_owned()
        } else {
            format!("http://{text}")
        };
        let hazy = matches!(word, Word::Unknown(_));
        match Url::parse(&whole) {
            Ok(url) => Self {
                host: url.host_str().unwrap_or_default().to_owned(),
                scheme: url.scheme().to_owned(),
                port: url.port(),
                path: unescaped(&format!(
                    "{}?{}",
                    url.path(),
                    url.query().unwrap_or_default()
                )),
                hazy,
            },
            Err(_) => Self {
                host: whole
                    .split("://")
                    .nth(1)
                    .unwrap_or_default()
                    .split(['/', '?'])
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
                scheme: whole.split("://").next().unwrap_or_default().to_lowercase(),
                port: None,
                path: unescaped(whole.splitn(4, '/').nth(3).unwrap_or_default()),
                hazy,
            },
        }
    }

    /// What the answer is.
    pub(super) fn answer(&self, word: &Word) -> Answer {
        match self.scheme.as_str() {
            "file" => {
                if sight(&self.file(word)) >= Sight::Possible {
                    Answer::File
                } else {
                    Answer::Plain
                }
            }
            _ if self.fetches_secret() => Answer::Secrets,
            "http" | "https" | "ftp" | "ftps" | "ws" | "wss" if self.discloses() => Answer::Secrets,
            "http" | "https" | "ftp" | "ftps" | "ws" | "wss" | "telnet" | "sftp" => Answer::Plain,
            _ => Answer::Odd,
        }
    }

    /// What a DELETE of it removes where it is a path of the Kubernetes API.
    pub(super) fn removed(&self) -> Option<Effect> {
        let is_web = matches!(self.scheme.as_str(), "http" | "https");
        is_web.then(|| deleted_at(&self.path)).flatten()
    }

    /// Whether another host is asked for one of its files that holds secrets.
    fn fetches_secret(&self) -> bool {
        matches!(
            self.scheme.as_str(),
            "sftp" | "scp" | "ftp" | "ftps" | "smb" | "smbs" | "tftp"
        ) && discloses(self.path.trim_end_matches('?'))
    }

    /// The file of an address of this host. What curl fills in by itself, `{a,b}` and `[a-z]`, may be anything.
    pub(super) fn file(&self, word: &Word) -> Word {
        let text = word.text().trim();
        let path = text.split_once(':').map_or(text, |(_, path)| path);
        let path = path.strip_prefix("//").unwrap_or(path);
        if word.known().is_none() {
            return word.with_text(path);
        }
        let mut filled = String::new();
        let mut depth = 0_usize;
        for letter in unescaped(path).chars() {
            match letter {
                '{' | '[' => depth += 1,
                '}' | ']' if depth > 0 => {
                    depth -= 1;
                    filled.push('*');
                }
                _ if depth > 0 => {}
                letter => filled.push(letter),
            }
        }
        Word::Glob(filled)
    }

    fn discloses(&self) -> bool {
        let path = self.path.as_str();
        if self.is_metadata() {
            return !is_plain_metadata(path);
        }
        let kubernetes = path.contains("/api/v1/") && has_piece(path, "secrets")
            || path.contains("/serviceaccounts/") && path.contains("/token");
        let vault = path.contains("/v1/secret/")
            || path.contains("/v1/kv/")
            || path.contains("/v1/sys/raw");
        let files = path.ends_with("/.env?")
            || path.ends_with("/.git-credentials?")
            || path.contains("/actuator/env")
            || path.contains("/actuator/heapdump");
        let stores = path.starts_with("/v1/var/")
            || path.starts_with("/_users/")
            || path.starts_with("/v2/keys/") && path.contains("recursive=true")
            || path.starts_with("/api/definitions")
            || path.starts_with("/api/users?") && self.port == Some(15672);
        kubernetes || vault || files || stores
    }

    /// Whether a program answers there that runs containers for whoever asks.
    pub(super) fn is_engine(&self) -> bool {
        matches!(self.port, Some(2375 | 2376))
    }

    /// Whether the host is the one that clouds tell machines about themselves from.
    fn is_metadata(&self) -> bool {
        let host = self.host.trim_matches(['[', ']']).to_lowercase();
        let names = "169.254.169.254 169.254.170.2 169.254.170.23 metadata.google.internal metadata fd00:ec2::254 ::ffff:a9fe:a9fe 100.100.100.200 instance-data metadata.azure.internal 192.0.0.192 168.63.129.16";
        has_word(names, &host) || host.ends_with(".metadata.google.internal")
    }

    /// Whether a request that writes asks for something to be removed or stopped.
    pub(super) fn removes(&self) -> bool {
        let words = "delete delete_by_query _delete_by_query remove destroy purge drop shutdown terminate kill stop quit quitquitquit poweroff reboot halt _close wipe erase truncate \
            revoke disable drain evict flush flushall flushdb abort unseal seal rollback clean_tombstones delete_series factory-reset prune uninstall force-leave";
        self.path
            .split(['/', '?', '&', '=', ':'])
            .any(|piece| has_word(words, piece))
            || self.path.contains("drop database")
            || self.path.contains("drop table")
    }

    /// Whether a request that writes makes a server read its settings again.
    pub(super) fn reloads(&self) -> bool {
        let path = self.path.split('?').next().unwrap_or_default();
        ["/-/reload", "/actuator/refresh", "/reload", "/api/reload"]
            .iter()
            .any(|end| path.ends_with(end))
    }

    /// Whether a request that writes changes who may do what.
    pub(super) fn grants(&self) -> bool {
        let kinds = "roles rolebindings clusterroles clusterrolebindings networkpolicies secrets serviceaccounts tokenreviews certificatesigningrequests _security acl policy policies sys";
        self.path
            .split(['/', '?'])
            .any(|piece| has_word(kinds, piece))
            && (self.path.contains("/apis/")
                || self.path.contains("/api/v1/")
                || self.path.contains("_security")
                || self.path.contains("/v1/"))
    }

    /// Whether a request that writes cannot change anything: a dry run, a search.
    pub(super) fn hazy_host(&self) -> bool {
        self.hazy && self.host.contains(['$', '`', '%']) || self.host.is_empty()
    }
}

/// `file:/etc/hosts`, in capitals or not.
fn is_file(text: &str) -> bool {
    text.get(..5)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("file:"))
}

fn has_piece(path: &str, name: &str) -> bool {
    path.split(['/', '?']).any(|piece| piece == name)
}

/// What a machine may be told about itself that is no secret.
fn is_plain_metadata(path: &str) -> bool {
    let secret = [
        "security-credentials",
        "token",
        "identity",
        "user-data",
        "userdata",
        "service-accounts",
        "iam",
        "credential",
        "attributes",
        "ssh-keys",
        "custom-data",
        "customdata",
        "recursive",
    ];
    let plain = [
        "instance-id",
        "instance-type",
        "placement",
        "ami-id",
        "hostname",
        "local-ipv4",
        "public-ipv4",
        "mac",
        "machine-type",
        "zone",
        "region",
        "instance/name",
        "instance/id",
        "local-hostname",
        "public-hostname",
        "security-groups",
        "network-interfaces",
        "/v1.json",
        "interfaces",
        "vpc-id",
        "block-device-mapping",
        "services",
        "events",
        "spot",
        "project-id",
    ];
    let root = has_word(
        "/? /latest? /latest/? /latest/meta-data? /latest/meta-data/? /computemetadata/v1/? /computemetadata/v1/instance/?",
        path,
    );
    !secret.iter().any(|word| path.contains(word))
        && (root || plain.iter().any(|word| path.contains(word)))
}

/// Small letters, `%2f` read.
fn unescaped(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after
            .get(..2)
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = after;
            }
            (byte, _) => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).to_lowercase()
}
