//! Names and addresses of hosts in inputs.

use crate::domain::secret;

/// Refuses what is not a name or an address alone: a URL, a port, white space, nothing. A secret cannot be shown to the gate.
pub(crate) fn check_host(key: &str, host: &str) -> Result<(), String> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    let is_name = !host.is_empty() && host.len() <= 253 && host.chars().all(fits);
    let is_address = !host.contains(':') || host.parse::<std::net::Ipv6Addr>().is_ok();
    if is_name && is_address {
        return Ok(());
    }
    Err(format!(
        "in `with`, at `{key}`: `{}` is not a host\nhint: write a name or an address alone, as in `db.example.org`",
        secret::readable(host)
    ))
}

#[cfg(test)]
mod tests {
    use super::check_host;

    #[test]
    fn a_host_is_a_name_or_an_address_alone() {
        for good in [
            "h",
            "db.example.org",
            "10.0.0.1",
            "::1",
            "_sip.example.org",
            "müller.example",
        ] {
            assert_eq!(check_host("host", good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "https://h",
            "h:80",
            "h/",
            "a b",
            "u@h",
            &"a".repeat(254),
        ] {
            assert!(check_host("host", bad).is_err(), "{bad}");
        }
    }
}
