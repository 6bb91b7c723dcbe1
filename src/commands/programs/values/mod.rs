//! Values of flags, and words, that nobody described.
//!
//! A grammar says of most flags no more than that they take a value. Such a value is harmless only if its form is: a number, a size, a
//! date, a plain word, and only if the flag's name does not sound as if it loaded, ran or aimed at something. Anything else may be code,
//! an address, a path or another target, and makes the line opaque. [`TABLE`] describes the flags whose values may be anything else.
//! Flags of which a grammar says itself what their values do never come here ([`Found::line`]).

mod forms;
mod names;

pub(super) use self::names::{parts, runs};
use self::{
    forms::{aims_or_runs, host, is_form, is_inside, is_option, is_plain, says_how_much},
    names::{sounds, writes},
};
use super::{cloud, loads};
use crate::commands::{
    flags::{Flag, Parsed},
    found::{Found, Undescribed, object},
    word::{Call, Word},
};
use crate::domain::effect::{Effect, Reversible, Verb};
use std::{collections::BTreeMap, sync::LazyLock};

const TABLE: &str = include_str!("kinds.table");

/// What a value is. Where a flag is described twice, the later of these holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// A name, a pattern, a format: compared with something, or shown.
    Text,
    /// A server, an account, a scope: what is looked at.
    Aim,
    /// The program's grammar says what it does.
    Own,
    /// A path of what is read as data.
    Path,
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

/// What is described of one program, or of all.
#[derive(Debug, Default)]
struct Known {
    flags: BTreeMap<&'static str, Kind>,
}

static KNOWN: LazyLock<BTreeMap<&'static str, Known>> = LazyLock::new(|| {
    let mut known = BTreeMap::<_, Known>::new();
    for (programs, kind, flags) in TABLE.lines().filter_map(read) {
        for program in programs.split_whitespace() {
            let known = &mut known.entry(program).or_default().flags;
            for flag in flags.split_whitespace() {
                let described = known.entry(flag).or_insert(kind);
                *described = (*described).max(kind);
            }
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
            Self::Text | Self::Aim | Self::Own => true,
            Self::Path => !value.text().contains("://") && !value.text().contains("pkcs11:"),
            Self::Load => value.known().is_some() && (loads::is_own(value) || is_inside(value)),
            Self::Place => {
                let folder = call.setting.resolve(value.text());
                !forms::is_open(&folder)
            }
            Self::Inside => is_inside(value),
            Self::Option => is_option(value),
            Self::Word => value.known().is_some_and(is_plain),
            Self::Here => {
                host(value).is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"))
            }
            Self::Azure => host(value).is_some_and(|host| CLOUD.contains(&host)),
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
        let kind = kind(call.program, &flag.name);
        let doubt = match kind {
            _ if flag_runs(flag) => Doubt::Code,
            Kind::Load | Kind::Place | Kind::Inside => Doubt::Settings,
            _ => Doubt::Aim,
        };
        doubt.put(&thing, call, found);
    }
    // Whatever its words are, a program hands them to another one so.
    let handed = |word: &&Word| word.text().contains("://-");
    let words = call.arguments.iter().filter(handed);
    let free = kind(call.program, "=") == Kind::Inert;
    let own = line
        .words
        .iter()
        .filter(|word| free && aims_or_runs(word.text()));
    for word in words.chain(own) {
        let text = word.text();
        let code = !text.contains("://") || text.contains("://-");
        let doubt = if code { Doubt::Code } else { Doubt::Aim };
        doubt.put(&format!("`{text}`"), call, found);
    }
}

/// What is to be feared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    /// Another thing is looked at than is said.
    Aim,
    /// Settings say what runs.
    Settings,
    /// What is named runs.
    Code,
}

impl Doubt {
    fn put(self, thing: &str, call: &Call<'_>, found: &mut Found) {
        let place = &call.setting.place;
        let reason = format!("what `{}` does with {thing} is not described", call.program);
        match self {
            Self::Code => return found.unknown_code(place, call.program, reason),
            Self::Settings => found.effect(Effect {
                reversible: Reversible::Unknown,
                ..Effect::read(Verb::RunCode, object(place, "program", call.program))
            }),
            Self::Aim => {}
        }
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

/// Flags of programs for clouds that are no parameters of what they ask.
#[rustfmt::skip]
const AIMS: &[&str] = &[
    "config", "config-file", "config-path", "endpoint", "endpoint-url", "api-url", "auth-url", "os-auth-url", "url", "proxy", "ca-bundle", "cert",
    "cacert", "os-cacert", "rc-file", "flags-file", "plugin", "cli-input-json", "cli-input-yaml", "from-json", "parameters-file",
];

/// The hosts that Azure answers at.
const CLOUD: &[&str] = &[
    "management.azure.com",
    "graph.microsoft.com",
    "dev.azure.com",
];

/// Whether a value can do nothing, whatever the program does with it.
fn is_inert(flag: &str, value: &Word, call: &Call<'_>) -> bool {
    if cloud::asks_by_parameters(call.program) {
        return !sends(flag, value.text()) && !AIMS.contains(&flag);
    }
    let Some(text) = value.known() else {
        return false;
    };
    says_how_much(text) || is_plain(text) && !sounds(flag) && (!writes(flag) || is_form(text))
}

/// Whether a flag, or the option that is its value, says so.
fn flag_runs(flag: &Flag) -> bool {
    let option = flag
        .value
        .as_ref()
        .and_then(|value| value.text().split_once('='));
    runs(&flag.name) || option.is_some_and(|(name, _)| runs(name))
}

/// A parameter of a question to a cloud that the program reads from a file or fetches first.
fn sends(flag: &str, text: &str) -> bool {
    // Names in clouds are paths as well: `--log-group-name /aws/lambda/web`.
    let file = || {
        sounds(flag)
            || parts(flag).any(|part| ["file", "folder", "dir", "body", "source"].contains(&&*part))
    };
    text.contains("://")
        || text.starts_with(['@', '~', '.', '|', '!'])
        || text.starts_with('/') && (flag.len() == 1 || file())
}

#[cfg(test)]
mod tests {
    use super::{TABLE, read};

    #[test]
    fn every_line_of_the_table_can_be_read() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        let wrong: Vec<&str> = lines.filter(|line| read(line).is_none()).collect();
        assert_eq!(wrong, Vec::<&str>::new());
    }
}
