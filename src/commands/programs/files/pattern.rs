//! Paths as they are written: folded, matched, and taken out of words that only a running shell knows.

use crate::commands::word::Word;
use std::borrow::Cow;

/// Places under which the whole file system stands once more.
const ROOTS: [&str; 5] = [
    "/proc/self/root",
    "/proc/1/root",
    "/proc/thread-self/root",
    "/host",
    "/rootfs",
];

/// The same path without detours: `//`, `/./`, `/../`, the roots in `/proc`, `file://`.
pub(super) fn plain(path: &str) -> Cow<'_, str> {
    let path = path.strip_prefix("file://").unwrap_or(path);
    let path = ROOTS
        .iter()
        .find_map(|root| path.strip_prefix(root).filter(|rest| rest.starts_with('/')))
        .unwrap_or(path);
    let winding = path.contains("//")
        || path.contains("/.")
        || path.starts_with("./")
        || path.contains(['"', '\\']);
    if !winding {
        return Cow::Borrowed(path);
    }
    let path = path.replace(['"', '\\'], "");
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if path.starts_with('/') => {}
            part => parts.push(part),
        }
    }
    let start = if path.starts_with('/') { "/" } else { "" };
    let end = if path.ends_with('/') && !parts.is_empty() {
        "/"
    } else {
        ""
    };
    Cow::Owned(format!("{start}{}{end}", parts.join("/")))
}

/// Whether a name fits a shell pattern. One star stays inside a folder, two cross folders.
pub(in crate::commands::programs) fn fits(pattern: &str, name: &str) -> bool {
    let pattern = pattern.as_bytes();
    let pattern = pattern.get(..512).unwrap_or(pattern);
    let name = name.as_bytes();
    let (mut at, mut place) = (0, 0);
    let mut inner: Option<(usize, usize)> = None;
    let mut outer: Option<(usize, usize)> = None;
    while place < name.len() {
        match step(pattern, at, name.get(place).copied()) {
            Step::Star(true) => {
                outer = Some((at + 2, place));
                inner = None;
                at += 2;
            }
            Step::Star(false) => {
                inner = Some((at + 1, place));
                at += 1;
            }
            Step::Fits(next) => {
                at = next;
                place += 1;
            }
            Step::Fails => {
                let stays = |(_, from): &(usize, usize)| name.get(*from) != Some(&b'/');
                let Some((after, from)) = inner.filter(stays).or_else(|| {
                    inner = None;
                    outer
                }) else {
                    return false;
                };
                let next = Some((after, from + 1));
                if inner.is_some() {
                    inner = next;
                } else {
                    outer = next;
                }
                (at, place) = (after, from + 1);
            }
        }
    }
    pattern
        .get(at..)
        .unwrap_or_default()
        .iter()
        .all(|letter| *letter == b'*')
}

enum Step {
    /// Any letters; whether folders too.
    Star(bool),
    Fits(usize),
    Fails,
}

fn step(pattern: &[u8], at: usize, letter: Option<u8>) -> Step {
    match pattern.get(at) {
        Some(b'*') => Step::Star(pattern.get(at + 1) == Some(&b'*')),
        Some(b'?') => Step::Fits(at + 1),
        Some(b'[') => match pattern.iter().skip(at + 2).position(|end| *end == b']') {
            // Which letters a class holds is not worth reading: any letter may fit.
            Some(end) => Step::Fits(at + 2 + end + 1),
            None if letter == Some(b'[') => Step::Fits(at + 1),
            None => Step::Fails,
        },
        Some(one) if Some(*one) == letter => Step::Fits(at + 1),
        Some(_) | None => Step::Fails,
    }
}

/// The name of the variable, if the whole word is one.
pub(super) fn variable(text: &str) -> Option<&str> {
    let text = text.trim_matches('"');
    let name = text.strip_prefix('$')?;
    let name = name
        .strip_prefix('{')
        .and_then(|name| name.strip_suffix('}'))
        .unwrap_or(name);
    let plain = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    plain.then_some(name)
}

/// A word whose only unknown parts are today's date, with a date in their place: `dump-$(date +%F).sql` names a new file, and no other.
pub(in crate::commands) fn with_date(word: &Word) -> Cow<'_, Word> {
    let Word::Unknown(text) = word else {
        return Cow::Borrowed(word);
    };
    let mut rest = text.as_str();
    let mut made = String::new();
    while let Some(place) = rest.find(['$', '`']) {
        let (before, from) = rest.split_at(place);
        let (inside, after) = match (from.strip_prefix("$("), from.strip_prefix('`')) {
            (Some(inside), _) => inside.split_once(')').unwrap_or(("", "")),
            (_, Some(inside)) => inside.split_once('`').unwrap_or(("", "")),
            _ => return Cow::Borrowed(word),
        };
        if !is_date(inside) {
            return Cow::Borrowed(word);
        }
        made.push_str(before);
        made.push_str(if comes_once(inside) { "20260101" } else { "01" });
        rest = after;
    }
    made.push_str(rest);
    Cow::Owned(Word::Known(made))
}

/// Whether a date comes once: a day of the week comes again.
fn comes_once(command: &str) -> bool {
    ["%F", "%Y", "%s", "%D", "%G", "-I", "--iso", "--rfc", "-R"]
        .iter()
        .any(|part| command.contains(part))
}

/// `date +%Y-%m-%d`, and nothing beside it.
fn is_date(command: &str) -> bool {
    let mut words = command.split_whitespace();
    words.next() == Some("date")
        && words.all(|word| {
            let word = word.trim_matches(['"', '\'', '\\']);
            let format = word.strip_prefix('+').is_some_and(|format| {
                format.contains('%')
                    && format
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b"%_-.:".contains(&byte))
            });
            format
                || word == "-u"
                || word == "--utc"
                || word == "-I"
                || word == "-Iseconds"
                || word == "--iso-8601"
        })
}

/// Whether a variable is called like what holds a secret.
pub(in crate::commands::programs) fn is_secret_variable(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let saying = [
        "PASSWORD",
        "PASSWD",
        "PASSPHRASE",
        "SECRET",
        "TOKEN",
        "APIKEY",
        "CREDENTIAL",
        "PRIVATE_KEY",
        "ACCESS_KEY",
        "API_KEY",
    ];
    let pointing = [
        "_FILE",
        "_PATH",
        "_DIR",
        "_NAME",
        "_ID",
        "_COUNT",
        "_URL",
        "_NAMESPACE",
        "_TTL",
        "TOKENS",
        "_EXPIRY",
    ];
    let named = name == "PGPASSWORD"
        || name.ends_with("_PASS")
        || name == "PASS"
        || saying.iter().any(|word| name.contains(word));
    named && !pointing.iter().any(|end| name.ends_with(end))
}

/// A pattern that every value of a word with unknown parts fits: what the shell puts in becomes a star.
pub(super) fn of_unknown(text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let after = rest.get(letter.len_utf8()..).unwrap_or_default();
        rest = match letter {
            '$' => {
                let (put, after) = put_in(after);
                made.push_str(put);
                after
            }
            '`' => {
                made.push_str("**");
                after.split_once('`').map_or("", |(_, after)| after)
            }
            '"' => after,
            '<' | '>' if after.starts_with('(') => {
                made.push_str("**");
                closed(after.get(1..).unwrap_or_default(), '(', ')')
            }
            letter => {
                made.push(letter);
                after
            }
        };
    }
    while made.contains("***") {
        made = made.replace("***", "**");
    }
    made
}

fn put_in(after: &str) -> (&'static str, &str) {
    if let Some(inside) = after.strip_prefix('(') {
        return ("**", closed(inside, '(', ')'));
    }
    let braced = after.strip_prefix('{');
    let name = braced.unwrap_or(after);
    let length = match name.bytes().next() {
        Some(digit) if digit.is_ascii_digit() && braced.is_none() => 1,
        _ => name
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
            .count(),
    };
    let rest = match braced {
        Some(inside) => closed(inside, '{', '}'),
        None if length == 0 => {
            let mut letters = after.chars();
            letters.next();
            letters.as_str()
        }
        None => after.get(length..).unwrap_or_default(),
    };
    let whole = braced.is_none_or(|inside| inside.as_bytes().get(length) == Some(&b'}'));
    match name.get(..length) {
        Some("HOME") if whole => ("~", rest),
        Some("PWD") if whole => (".", rest),
        _ => ("**", rest),
    }
}

/// What follows the bracket that closes this one.
fn closed(text: &str, open: char, close: char) -> &str {
    let mut depth = 1_u32;
    for (place, letter) in text.char_indices() {
        if letter == open {
            depth += 1;
        } else if letter == close {
            depth -= 1;
        }
        if depth == 0 {
            return text.get(place + letter.len_utf8()..).unwrap_or_default();
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::{fits, of_unknown, plain};

    #[test]
    fn detours_are_folded() {
        assert_eq!(plain("/etc/../etc/./shadow"), "/etc/shadow");
        assert_eq!(plain("//etc//shadow"), "/etc/shadow");
        assert_eq!(plain("/proc/self/root/etc/shadow"), "/etc/shadow");
        assert_eq!(plain("../x/./y"), "../x/y");
        assert_eq!(plain("/../etc/"), "/etc/");
    }

    #[test]
    fn two_stars_cross_folders_and_a_class_is_any_letter() {
        assert!(fits("/etc/*w", "/etc/shadow"));
        assert!(fits("/e**", "/etc/shadow"));
        assert!(fits("/**/shadow", "/etc/shadow"));
        assert!(fits("/e*/s*w", "/etc/shadow"));
        assert!(!fits("/e*", "/etc/shadow"));
        assert!(!fits("/home/*", "/home/user/.ssh/id_rsa"));
        assert!(fits("/etc/[a-z]hadow", "/etc/shadow"));
        assert!(!fits("/etc/*.conf", "/etc/shadow"));
        assert!(!fits("/etc/shado", "/etc/shadow"));
        assert!(!fits("*a*a*a*a*a*a*b*", &"a".repeat(40)));
        assert!(!fits("**a**a**a**a**a**a**b", &"a".repeat(40)));
    }

    #[test]
    fn what_the_shell_puts_in_becomes_a_star() {
        assert_eq!(of_unknown("$HOME/x"), "~/x");
        assert_eq!(of_unknown("${HOME}/x"), "~/x");
        assert_eq!(of_unknown("/a/${B:-c}/$(echo $(d))e`f`"), "/a/**/**e**");
        assert_eq!(of_unknown("$1$2x"), "**x");
    }
}
