//! Where the repository is, read from the text people write.

use std::{net::IpAddr, path::PathBuf};

/// A repository's address. It never holds a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// On this machine.
    Local(PathBuf),
    /// On another, or behind a port of this one.
    Remote(Remote),
}

/// A repository that is reached over the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remote {
    /// How it speaks.
    pub(super) scheme: Scheme,
    /// The user that the address names, if any.
    pub(super) user: Option<String>,
    /// A name or an address, without brackets.
    pub(super) host: String,
    /// Where it listens.
    pub(super) port: u16,
    /// Starts with `/`, or else is relative to the ssh user's home.
    pub(super) path: String,
}

/// How a remote repository speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
    /// Over SSH.
    Ssh,
}

impl Scheme {
    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            Self::Ssh => 22,
        }
    }
    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Ssh => "ssh",
        }
    }
}

/// Reads an address: a path, `file://`, `https://`, `http://`, `ssh://` or `user@host:path`.
///
/// # Errors
/// What is wrong, for people; a password in the address is not repeated.
pub(super) fn parse(text: &str) -> Result<Address, String> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err("the source's address is empty or holds control characters".to_owned());
    }
    match text.split_once("://") {
        Some(("file", rest)) => parse_file(rest),
        Some(("https", _)) => parse_remote(Scheme::Https, text),
        Some(("http", _)) => parse_remote(Scheme::Http, text),
        Some(("ssh" | "git+ssh", _)) => parse_remote(Scheme::Ssh, text),
        Some((other, _)) => Err(format!(
            "`{}://` is not a way to reach a repository\nhint: use a path, file://, https:// or ssh://",
            other.escape_debug()
        )),
        None => parse_short(text),
    }
}

/// `user@host:path` or `[user@host:port]:path`, as git writes what scp(1) does, or else a path.
fn parse_short(text: &str) -> Result<Address, String> {
    let bracketed = text
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]:"));
    let colon = text
        .split_once(':')
        .filter(|(before, _)| !before.contains('/') && before.contains('@'));
    let Some((before, path)) = bracketed.or(colon) else {
        return local(PathBuf::from(text));
    };
    let absolute = parse_remote(
        Scheme::Ssh,
        &format!("ssh://{before}/{}", path.trim_start_matches('/')),
    )?;
    Ok(match absolute {
        Address::Remote(remote) => Address::Remote(Remote {
            path: path.to_owned(),
            ..remote
        }),
        local @ Address::Local(_) => local,
    })
}

fn parse_file(rest: &str) -> Result<Address, String> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return Err(
            "a file:// address names an absolute path, as in file:///srv/runbooks".to_owned(),
        );
    }
    let bytes = percent_decoded(path.as_bytes());
    let path = String::from_utf8(bytes)
        .map_err(|_| "the file:// address is not UTF-8 once decoded".to_owned())?;
    local(PathBuf::from(path))
}

fn percent_decoded(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        let mut byte = [0];
        match after {
            [high, low, tail @ ..]
                if *first == b'%' && hex::decode_to_slice([*high, *low], &mut byte).is_ok() =>
            {
                decoded.push(byte[0]);
                rest = tail;
            }
            _ => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    decoded
}

fn local(path: PathBuf) -> Result<Address, String> {
    std::path::absolute(&path)
        .map(Address::Local)
        .map_err(|error| format!("the path {} cannot be used: {error}", path.display()))
}

fn parse_remote(scheme: Scheme, text: &str) -> Result<Address, String> {
    let uri: http::Uri = text
        .parse()
        .map_err(|_| format!("the {}:// address cannot be read", scheme.as_str()))?;
    let authority = uri
        .authority()
        .ok_or_else(|| format!("the {}:// address names no host", scheme.as_str()))?;
    let user = match authority.as_str().rsplit_once('@') {
        Some((user, _)) if user.contains(':') => {
            return Err(
                "the source's address holds a password\nhint: leave it out, and name a secret as the source's token"
                    .to_owned(),
            );
        }
        Some((user, _)) => Some(user.to_owned()),
        None => None,
    };
    if uri.query().is_some() || uri.path().len() < 2 {
        return Err(format!(
            "the address {}://{} names no repository\nhint: add its path, as in https://git.example.org/team/runbooks.git",
            scheme.as_str(),
            authority.host()
        ));
    }
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    Ok(Address::Remote(Remote {
        scheme,
        user,
        host,
        port: authority.port_u16().unwrap_or(scheme.default_port()),
        path: uri.path().to_owned(),
    }))
}

impl Remote {
    /// As whom to log in over ssh.
    pub(super) fn user(&self) -> &str {
        self.user.as_deref().unwrap_or("git")
    }

    /// Whether nobody else can listen in: the host is this machine.
    pub(super) fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self
                .host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }

    /// `host:port`, as a URI's authority or an HTTP `CONNECT` writes it.
    pub(super) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The address that libgit2 is given: that of the relay.
    pub(super) fn reached_through(&self, relay: u16) -> String {
        let path = &self.path;
        match self.scheme {
            Scheme::Ssh => {
                let user = self.user();
                if path.starts_with('/') {
                    format!("ssh://{user}@127.0.0.1:{relay}{path}")
                } else {
                    format!("[{user}@127.0.0.1:{relay}]:{path}")
                }
            }
            Scheme::Http | Scheme::Https => format!("http://127.0.0.1:{relay}{path}"),
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let remote = match self {
            Self::Local(path) => return path.display().fmt(f),
            Self::Remote(remote) => remote,
        };
        if !remote.path.starts_with('/') {
            let (user, path) = (remote.user(), &remote.path);
            if remote.port == remote.scheme.default_port() {
                return write!(f, "{user}@{}:{path}", remote.host);
            }
            return write!(f, "[{user}@{}]:{path}", remote.authority());
        }
        write!(f, "{}://", remote.scheme.as_str())?;
        if let (Scheme::Ssh, Some(user)) = (remote.scheme, &remote.user) {
            write!(f, "{user}@")?;
        }
        let authority = remote.authority();
        let short = authority
            .strip_suffix(&format!(":{}", remote.scheme.default_port()))
            .unwrap_or(&authority);
        write!(f, "{short}{}", remote.path)
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, Scheme, parse};
    use proptest::prelude::*;
    use std::path::Path;

    fn shown(text: &str) -> String {
        parse(text).unwrap().to_string()
    }

    #[test]
    fn people_write_addresses_in_many_ways() {
        for (text, meant) in [
            ("/srv/runbooks", "/srv/runbooks"),
            ("/srv/a:b", "/srv/a:b"),
            ("file:///srv/run%20books", "/srv/run books"),
            ("file://localhost/srv", "/srv"),
            ("https://h.example/a/b.git", "https://h.example/a/b.git"),
            ("https://h.example:443/a", "https://h.example/a"),
            ("https://h.example:8443/a", "https://h.example:8443/a"),
            ("https://someone@h.example/a", "https://h.example/a"),
            ("http://127.0.0.1:3000/a", "http://127.0.0.1:3000/a"),
            ("ssh://git@[::1]:2222/a", "ssh://git@[::1]:2222/a"),
            ("git@h.example:team/a.git", "git@h.example:team/a.git"),
            ("[me@h.example:2222]:a.git", "[me@h.example:2222]:a.git"),
            ("git@h.example:/team/a", "ssh://git@h.example/team/a"),
        ] {
            assert_eq!(shown(text), meant, "{text}");
        }
    }

    #[test]
    fn a_relative_path_is_taken_from_the_working_folder() {
        let Address::Local(path) = parse("runbooks").unwrap() else {
            panic!("not local");
        };
        assert!(path.is_absolute() && path.ends_with(Path::new("runbooks")));
    }

    #[test]
    fn an_address_with_a_password_is_refused_without_repeating_it() {
        let error = parse("https://me:hunter2@h.example/a").unwrap_err();
        assert!(
            error.contains("hint:") && !error.contains("hunter2"),
            "{error}"
        );
    }

    #[test]
    fn what_names_no_repository_is_refused() {
        for text in [
            "",
            "ftp://h/a",
            "https://h",
            "https:///a",
            "file://srv",
            "a\nb",
            "ssh://h/",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn everything_goes_to_the_relay() {
        let remote = |text| match parse(text).unwrap() {
            Address::Remote(remote) => remote,
            Address::Local(_) => panic!("local"),
        };
        assert_eq!(
            remote("git@h.example:a").reached_through(7),
            "[git@127.0.0.1:7]:a"
        );
        assert_eq!(
            remote("ssh://me@h.example/~/a").reached_through(7),
            "ssh://me@127.0.0.1:7/~/a"
        );
        let https = remote("https://h.example/a");
        assert_eq!(https.scheme, Scheme::Https);
        assert_eq!(https.reached_through(7), "http://127.0.0.1:7/a");
        assert!(!https.is_loopback() && remote("http://[::1]/a").is_loopback());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,40}") {
            let _ignored = parse(&text);
        }
    }
}
