//! What the forms of values say.

use super::names::sounds;
use crate::commands::word::Word;

/// Units that may stand behind a number.
#[rustfmt::skip]
const UNITS: &[&str] = &[
    "", "ns", "us", "ms", "s", "m", "h", "d", "w", "M", "y", "sec", "secs", "min", "mins", "hour", "hours", "day", "days", "week", "weeks",
    "month", "months", "year", "years", "b", "B", "k", "K", "g", "G", "t", "T", "kb", "mb", "gb", "tb", "kB", "KB", "MB", "GB", "TB", "Ki", "Mi",
    "Gi", "Ti", "KiB", "MiB", "GiB", "TiB", "%", "c", "p", "P",
];

/// Forms in which something is shown.
#[rustfmt::skip]
const FORMS: &[&str] = &[
    "json", "yaml", "yml", "table", "wide", "name", "text", "csv", "tsv", "xml", "plain", "html", "markdown", "md", "jsonl", "ndjson", "json-pretty",
    "pretty", "short", "long", "full", "compact", "human", "raw", "none", "simple", "default", "line", "lines", "toml", "hcl", "ini", "sarif", "junit",
    "junit-xml", "tap", "github", "gitlab", "cyclonedx", "spdx", "prometheus", "dot", "tree", "cli", "summary", "all", "id", "value", "values",
    "stdout", "stderr", "-", "auto", "ascii", "unicode", "terse", "verbose", "debug", "info", "warn", "warning", "error", "fatal", "trace", "panic",
    "off", "on", "yes", "no", "fields", "keys", "quiet", "oneline", "go-template", "jsonpath", "custom-columns", "props", "cat", "export", "with-unit",
];

/// Folders in which everybody may write.
const OPEN: &[&str] = &["/tmp", "/var/tmp", "/dev/shm"];

/// A number, a size, a duration, a date, or plain words with commas between them.
pub(super) fn is_plain(text: &str) -> bool {
    is_date(text)
        || text
            .split(',')
            .all(|part| is_word(part) || is_quantity(part))
}

/// How much, or yes or no.
pub(super) fn says_how_much(text: &str) -> bool {
    text.split(',').all(is_quantity) || matches!(text, "true" | "false")
}

/// Forms in which something is shown.
pub(super) fn is_form(text: &str) -> bool {
    let known = |part: &str| FORMS.contains(&&*part.to_ascii_lowercase());
    text.split(',').all(|part| known(part) || is_quantity(part))
}

fn is_word(text: &str) -> bool {
    let mut bytes = text.bytes();
    let inside =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+');
    !text.starts_with(['.', '-']) && !text.contains("..") && bytes.all(inside)
}

fn is_quantity(text: &str) -> bool {
    let text = text.trim_start_matches(['+', '-']);
    let end = text
        .find(|letter: char| !(letter.is_ascii_digit() || matches!(letter, '.' | ':' | '-' | '_')));
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    number.starts_with(|first: char| first.is_ascii_digit()) && UNITS.contains(&unit)
}

/// `2026-01-02 10:00`, `1 hour ago`, `yesterday`, `2026-01-02T10:00:00+01:00`.
fn is_date(text: &str) -> bool {
    let inside = |letter: char| {
        letter.is_ascii_alphanumeric() || matches!(letter, ' ' | ':' | '-' | '+' | ',' | '.')
    };
    text.starts_with(|first: char| first.is_ascii_alphanumeric() || matches!(first, '-' | '+'))
        && text.len() <= 40
        && text.chars().all(inside)
        && (text.contains(|letter: char| letter.is_ascii_digit()) && text.contains([' ', ':']))
}

/// The host of an address.
pub(super) fn host(value: &Word) -> Option<&str> {
    let text = match value {
        Word::Known(text) | Word::Glob(text) => text,
        Word::Unknown(_) => return None,
    };
    let (_, rest) = text.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest.get(..end).filter(|host| !host.contains('@'))?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let port = host.rsplit_once(':').filter(|(_, port)| digits(port));
    Some(port.map_or(host, |(host, _)| host))
}

/// `NAME=VALUE` whose name does not sound, and whose value is harmless by its form.
pub(super) fn is_option(value: &Word) -> bool {
    let Some((name, text)) = value.known().and_then(|text| text.split_once('=')) else {
        return false;
    };
    !sounds(name) && is_plain(text.trim_start_matches('-'))
}

/// A path below the folder in which the program runs.
pub(super) fn is_inside(path: &Word) -> bool {
    let climbs = path.text().split('/').any(|part| part == "..");
    path.known().is_some()
        && !climbs
        && !path.text().starts_with(['/', '~'])
        && !path.text().contains(':')
}

/// Whether everybody may write where this path is.
pub(super) fn is_open(path: &str) -> bool {
    OPEN.iter().any(|open| path.starts_with(open))
}

/// A word that programs take for a command, or for an address.
pub(super) fn aims_or_runs(text: &str) -> bool {
    let address = text.split_once("://").is_some_and(|(scheme, _)| {
        scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    });
    let helper = text
        .split_once("::")
        .is_some_and(|(name, rest)| !name.is_empty() && !rest.is_empty());
    address || helper || text.starts_with(['|', '!']) && text.len() > 1
}

#[cfg(test)]
mod tests {
    use super::{host, is_inside, is_option, is_plain};
    use crate::commands::word::Word;

    #[test]
    fn a_value_is_harmless_by_its_form() {
        let plain = [
            "5",
            "-1",
            "10m",
            "1.5GiB",
            "a,b-c_d",
            "nginx.service",
            "2026-01-02 10:00",
            "1 hour ago",
            "50%",
        ];
        for text in plain {
            assert!(is_plain(text), "{text}");
        }
        let other = [
            "/x", "a/b", "a=b", "x:y", "$X", "@x", ".x", "../x", "http://x", "{}", "a;b", "a|b",
            "~x", "-x", "rm -rf x", "`x`", "$(x)",
        ];
        for text in other {
            assert!(!is_plain(text), "{text}");
        }
    }

    #[test]
    fn an_option_is_as_harmless_as_a_flag() {
        let option = |text: &str| is_option(&Word::Known(text.to_owned()));
        assert!(option("tsflags=nodocs"));
        assert!(option("Dpkg::Options::=--force-confnew"));
        for text in [
            "pluginpath=x",
            "s3.region=/x",
            "sftp.command=x",
            "x",
            "a=b=c",
            "APT::Pre-Invoke::=/x",
        ] {
            assert!(!option(text), "{text}");
        }
    }

    #[test]
    fn a_path_inside_neither_climbs_nor_is_an_address() {
        let inside = |text: &str| is_inside(&Word::Known(text.to_owned()));
        assert!(inside("a/b.yaml") && inside("./x"));
        assert!(
            ["/x", "~/x", "../x", "a/../../x", "http://x", "h:x"]
                .iter()
                .all(|text| !inside(text))
        );
        assert!(!is_inside(&Word::Unknown("$X".to_owned())));
    }

    #[test]
    fn the_host_of_an_address_is_found() {
        let of = |text: &str| host(&Word::Known(text.to_owned())).map(str::to_owned);
        assert_eq!(of("http://localhost:8200/v1").as_deref(), Some("localhost"));
        assert_eq!(of("http://[::1]:8200").as_deref(), Some("[::1]"));
        assert_eq!(of("http://localhost@evil/"), None);
        assert_eq!(of("localhost"), None);
    }
}
