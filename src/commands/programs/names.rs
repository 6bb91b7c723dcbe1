//! Names: lists of them, and those that say that their value is a secret.

/// Parts of names of secrets.
const PARTS: &str = "password passwd passphrase secret token apikey api_key api-key private_key private-key credential access_key \
    access-key connection_string kubeconfig dsn";

/// Whether a value of this name is likely a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    PARTS.split_whitespace().any(|part| name.contains(part))
}

/// Whether a list of words, parted by blanks, has this one, in capitals or not.
pub(super) fn listed(list: &str, name: &str) -> bool {
    list.split_ascii_whitespace()
        .any(|known| known.eq_ignore_ascii_case(name))
}
