//! Values of flags, and words, that nobody described.
//!
//! A grammar says of most flags no more than that they take a value. Such a value is harmless only if its form is: a number, a size, a
//! date, a plain word, and only if the flag's name does not sound as if it loaded, ran or aimed at something. Anything else may be code,
//! an address, a path or another target, and makes the line opaque. [`TABLE`] describes the flags whose values may be anything else.
//! Flags of which a grammar says itself what their values do never come here ([`Found::line`]).

use super::{cloud, loads};
use crate::commands::{
    flags::{Flag, Parsed, truth},
    found::{Found, Undescribed},
    word::{Call, Word},
};
use std::{
    collections::BTreeMap,
    sync::LazyLock,
};

const TABLE: &str = include_str!("values.table");

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A name, a pattern, a format: compared with something, or shown.
    Text,
    /// A path of what is read as data.
    Path,
    /// A server, an account, a scope: what is looked at.
    Aim,
    /// The program's grammar says what it does.
    Own,
    /// Settings that may name what runs.
    Load,
    /// A folder whose settings the program obeys.
    Place,
    /// A file or folder below the one in which the program runs, whose settings it obeys anyway.
    Inside,
    /// `NAME=VALUE`: as harmless as the flag of that name would be.
    Option,
    /// A plain word, though the flag's name sounds.
    Word,
    /// An address of this host.
    Here,
    /// An address of the cloud that the program belongs to.
    Azure,
    /// Not described: it has to be harmless by its form and by the name of its flag.
    Inert,
}

/// Parts of names of flags that run or load something.
#[rustfmt::skip]
const RUNS: &[&str] = &[
    "cmd", "program", "load", "loader", "editor", "browser", "helper", "rsh", "shell", "interpreter", "lua", "python", "perl", "eval", "evaluate",
    "library", "lib", "require", "engine", "wrapper", "macro",
];

/// Parts of names of flags that may do so, or aim at something.
#[rustfmt::skip]
const SOUNDS: &[&str] = &[
    "filter", "run", "runtime", "config", "conf", "cfg", "configuration", "rc", "rcfile", "settings", "defaults", "host", "server", "url", "uri", "endpoint",
    "proxy", "socket", "sock", "connect", "connection", "address", "remote", "context", "profile", "target", "key", "keyfile", "cert",
    "certificate", "ca", "cacert", "token", "password", "passphrase", "secret", "credential", "credentials", "identity", "login",
    "include", "import", "template", "expression", "extension", "ext", "driver", "provider", "callback", "handler", "transport", "tunnel", "jump", "via", "as",
];

/// Parts of names of flags that write: a plain word after one is the name of a file, but for a form in which something is shown.
#[rustfmt::skip]
const WRITES: &[&str] = &[
    "output", "out", "outfile", "outdir", "log", "logfile", "logdir", "dump", "save", "export", "destination", "dest", "write", "record", "report",
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

/// Flags of programs for clouds that are no parameters of what they ask.
#[rustfmt::skip]
const AIMS: &[&str] = &[
    "config", "config-file", "config-path", "endpoint", "endpoint-url", "api-url", "auth-url", "os-auth-url", "url", "proxy", "ca-bundle", "cert",
    "cacert", "os-cacert", "rc-file", "flags-file", "plugin", "cli-input-json", "cli-input-yaml", "from-json", "parameters-file",
];

/// The ends of names of hosts that Azure answers at.
const CLOUD: &[&str] = &[".azure.com", ".windows.net", "graph.microsoft.com", ".azure-api.net", ".azurecr.io"];

/// Folders in which everybody may write.
const OPEN: &[&str] = &["/tmp", "/var/tmp", "/dev/shm"];

/// Beginnings of such parts: `pluginpath`, `confdir`.
const RUN_STEMS: &[&str] = &["plugin", "module", "script", "command", "exec", "hook", "pager", "askpass", "preload", "librar"];
const STEMS: &[&str] = &["conf", "credential", "passw", "proxy", "socket", "endpoint", "builder", "rules", "init"];

/// Units that may stand behind a number.
#[rustfmt::skip]
const UNITS: &[&str] = &[
    "", "ns", "us", "ms", "s", "m", "h", "d", "w", "M", "y", "sec", "secs", "min", "mins", "hour", "hours", "day", "days", "week", "weeks",
    "month", "months", "year", "years", "b", "B", "k", "K", "g", "G", "t", "T", "kb", "mb", "gb", "tb", "kB", "KB", "MB", "GB", "TB", "Ki", "Mi",
    "Gi", "Ti", "KiB", "MiB", "GiB", "TiB", "%", "c", "p", "P",
];

/// What is described of one program, or of all.
#[derive(Debug, Default)]
struct Known {
    flags: BTreeMap<&'static str, Kind>,
}

static KNOWN: LazyLock<BTreeMap<&'static str, Known>> = LazyLock::new(|| {
    let mut known = BTreeMap::<_, Known>::new();
    for (programs, kind, flags) in TABLE.lines().filter_map(read) {
        for program in programs.split_whitespace() {
            let flags = flags.split_whitespace().map(|flag| (flag, kind));
            known.entry(program).or_default().flags.extend(flags);
        }
    }
    known
});

impl Kind {
    /// Whether a value of this kind can do nothing that the grammar did not say.
    fn allows(self, flag: &Flag, call: &Call<'_>) -> bool {
        let Some(value) = &flag.value else {
            return true;
        };
        match self {
            Self::Text | Self::Path | Self::Aim | Self::Own => true,
            Self::Load => value.known().is_some() && (loads::is_own(value) || is_inside(value)),
            Self::Place => {
                let folder = call.setting.resolve(value.text());
                !OPEN.iter().any(|open| folder.starts_with(open))
            }
            Self::Inside => is_inside(value),
            Self::Option => is_option(value),
            Self::Word => value.known().is_some_and(is_plain),
            Self::Here => host(value).is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]")),
            Self::Azure => host(value).is_some_and(|host| CLOUD.iter().any(|end| host.ends_with(end))),
            Self::Inert => is_inert(&flag.name, value, call),
        }
    }
}

/// A line of the table.
fn read(line: &'static str) -> Option<(&'static str, Kind, &'static str)> {
    let mut columns = line.splitn(3, '|');
    let programs = columns.next().filter(|text| !text.starts_with('#'))?;
    let kind = match columns.next()?.trim() {
        "text" => Kind::Text,
        "path" => Kind::Path,
        "aim" => Kind::Aim,
        "own" => Kind::Own,
        "load" => Kind::Load,
        "place" => Kind::Place,
        "inside" => Kind::Inside,
        "option" => Kind::Option,
        "word" => Kind::Word,
        "here" => Kind::Here,
        "azure" => Kind::Azure,
        "inert" => Kind::Inert,
        _ => return None,
    };
    Some((programs, kind, columns.next()?))
}

/// What is described of a flag: of this program first, then of all. `=` are the words, `*` is every flag.
fn kind(program: &str, flag: &str) -> Kind {
    let of = |program: &str, flag: &str| KNOWN.get(program)?.flags.get(flag).copied();
    let own = of(program, flag).or_else(|| of(program, "*").filter(|_| flag != "="));
    own.or_else(|| of("*", flag)).unwrap_or(Kind::Inert)
}

/// Says what nobody described of a call.
pub(super) fn judge(call: &Call<'_>, line: Option<Undescribed>, nested: bool, found: &mut Found) {
    let line = match line {
        Some(line) => line,
        None if nested => return,
        None => raw(call.arguments),
    };
    let kept = |flag: &&Flag| !kind(call.program, &flag.name).allows(flag, call);
    for flag in line.flags.iter().filter(kept) {
        let dashes = if flag.name.len() > 1 { "--" } else { "-" };
        let thing = format!("the value of `{dashes}{}`", flag.name);
        doubt(&thing, runs(&flag.name), call, found);
    }
    // Whatever its words are, a program hands them to another one so.
    let handed = |word: &&Word| word.text().contains("://-");
    let words = call.arguments.iter().filter(handed);
    let free = kind(call.program, "=") == Kind::Inert;
    let own = line.words.iter().filter(|word| free && aims_or_runs(word.text()));
    for word in words.chain(own) {
        let code = !word.text().contains("://") || word.text().contains("://-");
        doubt(&format!("`{}`", word.text()), code, call, found);
    }
}

fn doubt(thing: &str, code: bool, call: &Call<'_>, found: &mut Found) {
    let reason = format!("what `{}` does with {thing} is not described", call.program);
    if code {
        found.unknown_code(&call.setting.place, call.program, reason);
    } else {
        found.opaque(reason);
    }
}

/// A line that no table took apart.
fn raw(words: &[Word]) -> Undescribed {
    let long = |text: &str| text.starts_with("--") || text.contains('=') || text.len() > 3;
    let line = written(words, long);
    Undescribed {
        flags: line.flags,
        words: line.words,
    }
}

/// Of a line, the flags of these names, as far as they have a value: glued, or, where the name sounds, the next word.
pub(super) fn unnamed(words: &[Word], names: &[String]) -> Parsed {
    let mut line = written(words, |text| names.iter().any(|name| name == text));
    line.words.clear();
    line
}

/// The flags of a line that no table took apart.
fn written(words: &[Word], wanted: impl Fn(&str) -> bool) -> Parsed {
    let mut line = Parsed::default();
    let own = words.iter().take_while(|word| word.text() != "--");
    let mut rest = own.peekable();
    while let Some(word) = rest.next() {
        let text = word.text();
        let Some(name) = text.strip_prefix('-').filter(|name| !name.is_empty()) else {
            line.words.push(word.clone());
            continue;
        };
        let name = name.trim_start_matches('-');
        let (name, value) = match name.split_once('=') {
            Some((name, value)) => (name, Some(word.with_text(value))),
            None if sounds(name) || name == "c" => (name, rest.peek().map(|next| (*next).clone())),
            None => continue,
        };
        if wanted(text) {
            let name = name.to_owned();
            line.flags.push(Flag { name, value });
        }
    }
    line
}

/// Whether a value can do nothing, whatever the program does with it.
fn is_inert(flag: &str, value: &Word, call: &Call<'_>) -> bool {
    if cloud::asks_by_parameters(call.program) {
        return !sends(flag, value.text()) && !AIMS.contains(&flag);
    }
    let Some(text) = value.known() else {
        return false;
    };
    let writes = parts(flag).any(|part| WRITES.contains(&&*part));
    let form = || text.split(',').all(|part| FORMS.contains(&&*part.to_ascii_lowercase()) || is_quantity(part) || truth(part).is_some());
    let says_how_much = text.split(',').all(is_quantity) || matches!(text, "true" | "false");
    says_how_much || is_plain(text) && !sounds(flag) && (!writes || form())
}

/// The host of an address.
fn host(value: &Word) -> Option<&str> {
    let text = match value {
        Word::Known(text) | Word::Glob(text) => text,
        Word::Unknown(_) => return None,
    };
    let (_, rest) = text.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest.get(..end).filter(|host| !host.contains('@'))?;
    let port = |(host, port): (&'_ str, &str)| port.bytes().all(|byte| byte.is_ascii_digit()).then(|| host.len());
    let end = host.rsplit_once(':').and_then(port).unwrap_or(host.len());
    host.get(..end)
}

/// `NAME=VALUE` whose name does not sound, and whose value is harmless by its form.
fn is_option(value: &Word) -> bool {
    let Some((name, text)) = value.known().and_then(|text| text.split_once('=')) else {
        return false;
    };
    !sounds(name) && is_plain(text.trim_start_matches('-'))
}

fn is_inside(path: &Word) -> bool {
    let climbs = path.text().split('/').any(|part| part == "..");
    path.known().is_some() && !climbs && !path.text().starts_with(['/', '~']) && !path.text().contains(':')
}

/// Whether a flag's name says that it loads, runs or aims at something.
fn sounds(flag: &str) -> bool {
    let stem = |part: &str| STEMS.iter().any(|stem| part.starts_with(stem));
    let meant = |part: &str| SOUNDS.contains(&part) || stem(part);
    runs(flag) || is_named(flag, &meant)
}

/// Whether it says that it runs or loads something.
fn runs(flag: &str) -> bool {
    let stem = |part: &str| RUN_STEMS.iter().any(|stem| part.starts_with(stem));
    is_named(flag, &|part| RUNS.contains(&part) || stem(part))
}

fn is_named(flag: &str, meant: &dyn Fn(&str) -> bool) -> bool {
    flag.len() > 1 && !flag.starts_with("no-") && parts(flag).any(|part| meant(&part))
}

/// The words of which the name of a flag is made.
fn parts(flag: &str) -> impl Iterator<Item = String> {
    flag.split(['-', '_', '.', ':']).map(str::to_ascii_lowercase)
}

/// A number, a size, a duration, a date, or plain words with commas between them.
fn is_plain(text: &str) -> bool {
    is_date(text) || text.split(',').all(|part| is_word(part) || is_quantity(part))
}

fn is_word(text: &str) -> bool {
    let mut bytes = text.bytes();
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+');
    !text.starts_with(['.', '-']) && !text.contains("..") && bytes.all(inside)
}

fn is_quantity(text: &str) -> bool {
    let text = text.trim_start_matches(['+', '-']);
    let end = text.find(|letter: char| !(letter.is_ascii_digit() || matches!(letter, '.' | ':' | '-' | '_')));
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    number.starts_with(|first: char| first.is_ascii_digit()) && UNITS.contains(&unit)
}

/// `2026-01-02 10:00`, `1 hour ago`, `yesterday`, `2026-01-02T10:00:00+01:00`.
fn is_date(text: &str) -> bool {
    let inside = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, ' ' | ':' | '-' | '+' | ',' | '.');
    text.starts_with(|first: char| first.is_ascii_alphanumeric() || matches!(first, '-' | '+'))
        && text.len() <= 40
        && text.chars().all(inside)
        && (text.contains(|letter: char| letter.is_ascii_digit()) && text.contains([' ', ':']))
}

/// A parameter of a question to a cloud that the program reads from a file or fetches first.
fn sends(flag: &str, text: &str) -> bool {
    // Names in clouds are paths as well: `--log-group-name /aws/lambda/web`.
    let file = || sounds(flag) || parts(flag).any(|part| ["file", "folder", "dir", "body", "source"].contains(&&*part));
    text.contains("://") || text.starts_with(['@', '~', '.', '|', '!']) || text.starts_with('/') && (flag.len() == 1 || file())
}

/// A word that programs take for a command, or for an address.
fn aims_or_runs(text: &str) -> bool {
    let address = text.split_once("://").is_some_and(|(scheme, _)| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)));
    let helper = text.split_once("::").is_some_and(|(name, rest)| !name.is_empty() && !rest.is_empty());
    address || helper || text.starts_with(['|', '!']) && text.len() > 1
}

#[cfg(test)]
mod tests {
    use super::{TABLE, is_plain, read, sounds};

    #[test]
    fn every_line_of_the_table_can_be_read() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        let wrong: Vec<&str> = lines.filter(|line| read(line).is_none()).collect();
        assert_eq!(wrong, Vec::<&str>::new());
    }

    #[test]
    fn a_value_is_harmless_by_its_form() {
        for text in ["5", "-1", "10m", "1.5GiB", "a,b-c_d", "nginx.service", "2026-01-02 10:00", "1 hour ago", "50%"] {
            assert!(is_plain(text), "{text}");
        }
        for text in ["/x", "a/b", "a=b", "x:y", "$X", "@x", ".x", "../x", "http://x", "a b", "{}", "a;b", "a|b", "~x", "-x"] {
            assert!(!is_plain(text), "{text}");
        }
    }

    #[test]
    fn names_that_load_run_or_aim_sound_so() {
        assert!(["rsync-command", "config", "ca-file", "lua_path", "ssh.key"].iter().all(|flag| sounds(flag)));
        assert!(["since", "output", "n", "max-count", "keyword"].iter().all(|flag| !sounds(flag)));
    }
}
