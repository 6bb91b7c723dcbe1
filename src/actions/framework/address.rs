//! Addresses of HTTP servers, as the gate sees them.

use crate::domain::{
    effect::{Effect, Object, Secrets, Verb},
    secret,
};
use url::Url;

const LONGEST: usize = 8192;
const LONGEST_SHOWN: usize = 200;

/// Where a request goes. Read with the parser that the request itself is sent with, so nothing is shown that is not asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    host: String,
    shown: String,
    holds_secret: bool,
}

impl Address {
    /// Reads an absolute `http` or `https` URL in which secrets are still marks.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let shown = secret::readable(text);
        let refuse = |reason: &str| {
            Err(format!(
                "`{}` is not a usable URL: {reason}\nhint: write it as in `https://host:port/path`",
                cut(&shown)
            ))
        };
        if text.len() > LONGEST {
            return refuse("it is too long");
        }
        let holds_secret = secret::is_marked(text);
        if holds_secret && secret_decides_who_is_asked(text) {
            let host = "an address kept secret".to_owned();
            return Ok(Self {
                host,
                shown: cut(&shown),
                holds_secret,
            });
        }
        let url = match Url::parse(&with_secrets_as(text, "secret")) {
            Ok(url) => url,
            Err(error) => return refuse(&error.to_string()),
        };
        if !matches!(url.scheme(), "http" | "https") {
            return refuse("only http and https are spoken");
        }
        match url.host_str() {
            Some(host) => Ok(Self {
                host: host.to_owned(),
                shown: cut(&without_user(&url)),
                holds_secret,
            }),
            None => refuse("it names no host"),
        }
    }

    /// The effect of looking there. A secret in the address is told to whoever answers and to every log on the way.
    pub(crate) fn read_effect(&self) -> Effect {
        self.effect(Effect::read(Verb::Read, self.object()))
    }
    /// The same for any effect on it.
    pub(crate) fn effect(&self, effect: Effect) -> Effect {
        if self.holds_secret {
            Effect {
                secrets: Secrets::Values,
                ..effect
            }
        } else {
            effect
        }
    }
    /// The thing at that address.
    pub(crate) fn object(&self) -> Object {
        Object::network(&self.host, "url", &self.shown)
    }
    /// For people: no user, no password.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }
}

/// Whether scheme, host or port are others when the secrets are others.
fn secret_decides_who_is_asked(text: &str) -> bool {
    let asked = |secret| {
        let url = Url::parse(&with_secrets_as(text, secret)).ok()?;
        Some((url.origin(), url.host_str()?.to_owned()))
    };
    match (asked("one"), asked("two")) {
        (Some(one), Some(two)) => one != two,
        (None, _) | (_, None) => true,
    }
}

fn with_secrets_as(text: &str, secret: &str) -> String {
    secret::reveal(text, |_| Some(secret.to_owned())).unwrap_or_default()
}

fn without_user(url: &Url) -> String {
    let mut url = url.clone();
    let _no_host = url.set_username("");
    let _no_host = url.set_password(None);
    url.to_string()
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::Address;
    use crate::domain::{effect::Class, name::SecretName, secret::marker};

    #[test]
    fn the_host_shown_is_the_host_asked() {
        for (text, host) in [
            ("https://user:pw@good.example:8443/x?y=1", "good.example"),
            ("http://evil.example\\@good.example/", "evil.example"),
            ("http://0x7f.1/", "127.0.0.1"),
            ("http://[::1]:80/", "[::1]"),
            ("HTTPS://MÜLLER.example/", "xn--mller-kva.example"),
        ] {
            let address = Address::read(text).unwrap();
            assert_eq!(address.host, host, "{text}");
            assert!(!address.shown().contains("pw"), "{text}");
        }
    }

    #[test]
    fn other_schemes_and_relative_addresses_are_refused() {
        for bad in [
            "",
            "/x",
            "file:///etc/passwd",
            "ftp://h/",
            "http://",
            "h:80",
            "http://h:99999/",
            &"a".repeat(9000),
        ] {
            assert!(Address::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_secret_in_an_address_is_disclosed() {
        let mark = marker(&SecretName::new("token").unwrap());
        for text in [
            format!("https://h/?token={mark}"),
            format!("https://me:{mark}@h/"),
            format!("https://{mark}/"),
            format!("https:/\n/{mark}/"),
            format!("https://h:{mark}/"),
            mark.clone(),
        ] {
            let address = Address::read(&text).unwrap();
            assert_eq!(address.read_effect().class(), Class::Destructive, "{text}");
            assert!(!address.shown().contains('\u{F0000}'), "{text}");
        }
        for text in [
            format!("https://{mark}/"),
            format!("https:/{mark}/"),
            format!("https://h:{mark}/"),
            format!("{mark}://h/"),
        ] {
            assert_eq!(Address::read(&text).unwrap().host, "an address kept secret");
        }
        assert_eq!(
            Address::read(&format!("https://me:{mark}@h/"))
                .unwrap()
                .host,
            "h"
        );
    }
}
