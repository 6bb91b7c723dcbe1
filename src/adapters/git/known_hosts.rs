//! The hosts that ssh trusts: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".
//!
//! Understood: plain names, `[host]:port`, patterns with `*`, `?` and `!`, hashed names, `@revoked`. A `@cert-authority` line is passed
//! over: libssh2 does not speak host certificates.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};

/// What the file says about a host's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// This host has this key.
    Trusted,
    /// The file names another key of the same kind for this host.
    Changed {
        /// The line that names it, counted from 1.
        line: usize,
    },
    /// The key may never be used.
    Revoked {
        /// The line that says so, counted from 1.
        line: usize,
    },
    /// The file does not name this host, or only with other kinds of keys.
    Unknown,
}

/// Looks a host's key up.
pub(super) fn standing(file: &str, host: &str, port: u16, key: &[u8]) -> Standing {
    let name = written(host, port);
    let mut found = Standing::Unknown;
    for (index, text) in file.lines().enumerate() {
        let Some(entry) = Entry::parse(text) else {
            continue;
        };
        if !entry.is_for(&name) {
            continue;
        }
        let line = index + 1;
        let same = entry.key == key;
        match (entry.marker, same) {
            (Some("@revoked"), true) => return Standing::Revoked { line },
            (Some(_), _) => {}
            (None, true) => found = Standing::Trusted,
            (None, false) if found == Standing::Unknown && kind(&entry.key) == kind(key) => {
                found = Standing::Changed { line };
            }
            (None, false) => {}
        }
    }
    found
}

/// The line that would make a host trusted.
pub(super) fn line_for(host: &str, port: u16, key: &[u8]) -> String {
    format!(
        "{} {} {}",
        written(host, port),
        kind(key),
        STANDARD.encode(key)
    )
}

/// The key's SHA-256, as ssh-keygen(1) shows it.
pub(super) fn fingerprint(key: &[u8]) -> String {
    let digest = crate::domain::digest::Digest::of_bytes(key);
    let text = base64::engine::general_purpose::STANDARD_NO_PAD.encode(digest.as_bytes());
    format!("SHA256:{text}")
}

/// A host as the file names it.
fn written(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if port == 22 {
        host
    } else {
        format!("[{host}]:{port}")
    }
}

/// A key's kind: the first field of its encoding (RFC 4253, section 6.6).
fn kind(key: &[u8]) -> &str {
    let length = key
        .first_chunk::<4>()
        .map_or(0, |bytes| u32::from_be_bytes(*bytes) as usize);
    key.get(4..4_usize.saturating_add(length))
        .and_then(|name| std::str::from_utf8(name).ok())
        .filter(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic()))
        .unwrap_or("unknown")
}

struct Entry<'a> {
    marker: Option<&'a str>,
    hosts: &'a str,
    key: Vec<u8>,
}

impl<'a> Entry<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let mut first = words.next().filter(|word| !word.starts_with('#'))?;
        let marker = first.starts_with('@').then_some(first);
        if marker.is_some() {
            first = words.next()?;
        }
        let _kind = words.next()?;
        let key = STANDARD.decode(words.next()?).ok()?;
        Some(Self {
            marker,
            hosts: first,
            key,
        })
    }

    fn is_for(&self, name: &str) -> bool {
        if let Some(hashed) = self.hosts.strip_prefix("|1|") {
            return is_hash_of(hashed, name).unwrap_or(false);
        }
        let mut matched = false;
        for pattern in self.hosts.split(',') {
            match pattern.strip_prefix('!') {
                Some(refused) if fits(refused.as_bytes(), name.as_bytes()) => return false,
                Some(_) => {}
                None => matched |= fits(pattern.as_bytes(), name.as_bytes()),
            }
        }
        matched
    }
}

/// `salt|hash`, where hash is HMAC-SHA-1 of the name under the salt.
fn is_hash_of(hashed: &str, name: &str) -> Option<bool> {
    let (salt, hash) = hashed.split_once('|')?;
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&STANDARD.decode(salt).ok()?).ok()?;
    mac.update(name.as_bytes());
    Some(mac.verify_slice(&STANDARD.decode(hash).ok()?).is_ok())
}

/// Whether a name fits a pattern of `*` and `?`, without backtracking further than the last star.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while from < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(byte)
                if *byte == b'?'
                    || name
                        .get(from)
                        .is_some_and(|other| byte.eq_ignore_ascii_case(other)) =>
            {
                at += 1;
                from += 1;
            }
            _ => {
                let Some((star_at, star_from)) = star else {
                    return false;
                };
                star = Some((star_at, star_from + 1));
                at = star_at + 1;
                from = star_from + 1;
            }
        }
    }
    pattern.iter().skip(at).all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::{Standing, fingerprint, fits, line_for, standing};
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use hmac::{Hmac, KeyInit as _, Mac as _};
    use proptest::prelude::*;

    fn key(kind: &str, body: &[u8]) -> Vec<u8> {
        let mut key = u32::try_from(kind.len()).unwrap().to_be_bytes().to_vec();
        key.extend_from_slice(kind.as_bytes());
        key.extend_from_slice(body);
        key
    }

    #[test]
    fn a_host_is_trusted_by_the_line_the_hint_names() {
        let key = key("ssh-ed25519", b"one");
        for (host, port) in [("h.example", 22), ("h.example", 2222), ("::1", 2222)] {
            let line = line_for(host, port, &key);
            assert_eq!(
                standing(&line, host, port, &key),
                Standing::Trusted,
                "{line}"
            );
        }
        assert!(line_for("h", 22, &key).starts_with("h ssh-ed25519 "));
        assert!(fingerprint(&key).starts_with("SHA256:"));
    }

    #[test]
    fn another_key_of_the_same_kind_is_a_change_and_of_another_kind_is_not() {
        let known = key("ssh-ed25519", b"one");
        let file = format!("# hosts\n{}", line_for("h", 22, &known));
        let changed = key("ssh-ed25519", b"two");
        assert_eq!(
            standing(&file, "h", 22, &changed),
            Standing::Changed { line: 2 }
        );
        let other = key("ssh-rsa", b"two");
        assert_eq!(standing(&file, "h", 22, &other), Standing::Unknown);
        assert_eq!(standing(&file, "other", 22, &known), Standing::Unknown);
        assert_eq!(standing(&file, "h", 2222, &known), Standing::Unknown);
    }

    #[test]
    fn a_host_may_have_several_keys_of_a_kind() {
        let (one, two) = (key("ssh-rsa", b"1"), key("ssh-rsa", b"2"));
        let file = format!("{}\n{}", line_for("h", 22, &one), line_for("h", 22, &two));
        assert_eq!(standing(&file, "h", 22, &two), Standing::Trusted);
    }

    #[test]
    fn a_revoked_key_is_never_trusted() {
        let key = key("ssh-rsa", b"1");
        let line = line_for("h", 22, &key);
        let file = format!("{line}\n@revoked {line}");
        assert_eq!(
            standing(&file, "h", 22, &key),
            Standing::Revoked { line: 2 }
        );
        let authority = format!("@cert-authority {line}");
        assert_eq!(standing(&authority, "h", 22, &key), Standing::Unknown);
    }

    #[test]
    fn hashed_names_are_understood() {
        let mut mac = Hmac::<sha1::Sha1>::new_from_slice(b"salt").unwrap();
        mac.update(b"[h.example]:2222");
        let hash = STANDARD.encode(mac.finalize().into_bytes());
        let key = key("ssh-rsa", b"1");
        let body = STANDARD.encode(&key);
        let file = format!("|1|{}|{hash} ssh-rsa {body}", STANDARD.encode(b"salt"));
        assert_eq!(standing(&file, "H.example", 2222, &key), Standing::Trusted);
        assert_eq!(standing(&file, "h.example", 22, &key), Standing::Unknown);
    }

    #[test]
    fn patterns_match_and_exclude() {
        let key = key("ssh-rsa", b"1");
        let body = STANDARD.encode(&key);
        let file = format!("*.example,!bad.example ssh-rsa {body} comment");
        assert_eq!(standing(&file, "good.example", 22, &key), Standing::Trusted);
        assert_eq!(standing(&file, "bad.example", 22, &key), Standing::Unknown);
        assert!(fits(b"a*b?c", b"axxbbyc") && !fits(b"a*b", b"axxc"));
    }

    proptest! {
        #[test]
        fn any_file_is_read_without_panic(file in "\\PC{0,80}", key in proptest::collection::vec(any::<u8>(), 0..20)) {
            let _ignored = standing(&file, "h", 22, &key);
            let _ignored = line_for("h", 22, &key);
        }
    }
}
