//! What flows from one program to the next, as far as it is known before they run.

use super::{
    super::word::{Stdin, Word},
    decoders,
};
use brush_parser::ast::{Command, CommandPrefixOrSuffixItem as Item};

/// What a command prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Output {
    /// This text.
    Known(String),
    /// What another host sends, changed or not.
    Downloaded,
    /// Something, and this text somewhere in it.
    Partly(String),
    /// Something.
    Unknown,
}

/// Programs that print what another host sends.
const DOWNLOADERS: [&str; 9] = [
    "GET",
    "aria2c",
    "curl",
    "fetch",
    "http",
    "https",
    "lwp-request",
    "lynx",
    "wget",
];

/// The longest text that is carried along.
const LONGEST: usize = 64 * 1024;

impl Output {
    /// As the standard input of the next program.
    pub(super) fn into_stdin(self) -> Stdin {
        match self {
            Self::Known(text) => Stdin::Known(text),
            Self::Downloaded => Stdin::Downloaded,
            Self::Partly(_) | Self::Unknown => Stdin::Piped,
        }
    }
    /// The part that is known, where not everything is.
    pub(super) fn partly(&self) -> Option<String> {
        match self {
            Self::Partly(text) => Some(text.clone()),
            Self::Known(_) | Self::Downloaded | Self::Unknown => None,
        }
    }
    /// What is left of it after redirections: where streams were joined, errors may come the way that output went.
    pub(super) fn redirected(self, shown: bool, mixed: bool) -> Self {
        match (shown, mixed) {
            (true, true) if self == Self::Known(String::new()) => Self::Unknown,
            (true, _) => self,
            (false, true) => Self::Unknown,
            (false, false) => Self::Known(String::new()),
        }
    }
    /// One after the other.
    pub(super) fn then(self, next: Self) -> Self {
        match (self, next) {
            (Self::Known(first), Self::Known(second)) if first.len() + second.len() <= LONGEST => {
                Self::Known(first + &second)
            }
            (Self::Downloaded, _) | (_, Self::Downloaded) => Self::Downloaded,
            (
                Self::Known(first) | Self::Partly(first),
                Self::Known(second) | Self::Partly(second),
            ) => Self::Partly(first.chars().chain(second.chars()).take(LONGEST).collect()),
            (Self::Known(text) | Self::Partly(text), Self::Unknown)
            | (Self::Unknown, Self::Known(text) | Self::Partly(text)) => Self::Partly(text),
            (Self::Unknown, Self::Unknown) => Self::Unknown,
        }
    }
    /// One or the other.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (first, second) if first == second => first,
            (Self::Downloaded, _) | (_, Self::Downloaded) => Self::Downloaded,
            _ => Self::Unknown,
        }
    }
}

/// What a program prints.
pub(super) fn output(words: &[Word], stdin: &Stdin) -> Output {
    let Some(program) = words.first().and_then(Word::known) else {
        return Output::Unknown;
    };
    let program = program.rsplit('/').next().unwrap_or(program);
    // `sudo curl … | sh`, `timeout 9 curl … | sh`
    let downloads =
        |word: &Word| DOWNLOADERS.contains(&word.text().rsplit('/').next().unwrap_or_default());
    let prints = matches!(
        program,
        "echo"
            | "printf"
            | "grep"
            | "command"
            | "type"
            | "which"
            | "man"
            | "apt"
            | "apt-get"
            | "yum"
            | "dnf"
            | "ls"
    );
    if *stdin == Stdin::Downloaded || !prints && words.iter().take(6).any(downloads) {
        return Output::Downloaded;
    }
    let arguments: Option<Vec<&str>> = words.iter().skip(1).map(Word::known).collect();
    arguments
        .and_then(|arguments| printed(program, &arguments, stdin))
        .filter(|text| text.len() <= LONGEST)
        .map_or(Output::Unknown, Output::Known)
}

fn printed(program: &str, arguments: &[&str], stdin: &Stdin) -> Option<String> {
    let input = match stdin {
        Stdin::Known(text) => Some(text.as_str()),
        _ => None,
    };
    match program {
        "echo" => Some(decoders::echo(arguments)),
        "printf" => decoders::printf(arguments),
        "true" | ":" | "false" => Some(String::new()),
        "cat" if !arguments.is_empty() && arguments.iter().all(|file| *file == "/dev/null") => {
            Some(String::new())
        }
        "cat" | "tee"
            if arguments
                .iter()
                .all(|word| *word == "-" || program == "tee" && !word.starts_with('-')) =>
        {
            input.map(ToOwned::to_owned)
        }
        "rev" if arguments.is_empty() => Some(
            input?
                .split_inclusive('\n')
                .map(|line| {
                    let text = line.strip_suffix('\n');
                    let turned: String = text.unwrap_or(line).chars().rev().collect();
                    if text.is_some() {
                        turned + "\n"
                    } else {
                        turned
                    }
                })
                .collect(),
        ),
        "tac" if arguments.is_empty() => {
            let lines: Vec<&str> = input?.lines().rev().collect();
            Some(lines.join("\n") + "\n")
        }
        "base64" | "base32" | "basenc" => decoders::base64(program, arguments, input?),
        "openssl" => match arguments {
            ["base64", "-d"]
            | ["enc", "-base64", "-d"]
            | ["enc", "-d", "-base64"]
            | ["base64", "-d", "-A"] => decoders::base64("base64", &["-d"], input?),
            _ => None,
        },
        "xxd" => decoders::xxd(arguments, input?),
        "tr" => decoders::tr(arguments, input?),
        _ => None,
    }
}

/// Programs that show what they get.
#[rustfmt::skip]
pub(super) const SHOW: [&str; 24] = [
    "awk", "base64", "cat", "column", "cut", "fmt", "fold", "grep", "head", "hexdump", "jq", "less", "more", "nl", "od", "rev", "sed",
    "sort", "strings", "tail", "tee", "tr", "uniq", "xxd",
];

/// Whether a command takes objects in and prints none of them: `kubectl apply -f -`, `kubeseal`.
pub(super) fn takes_objects(command: &Command) -> bool {
    let Command::Simple(simple) = command else {
        return false;
    };
    let name = simple.word_or_name.as_ref().map(|word| word.value.as_str());
    let suffix = simple.suffix.iter().flat_map(|suffix| &suffix.0);
    let words: Vec<&str> = suffix
        .filter_map(|item| match item {
            Item::Word(word) => Some(word.value.as_str()),
            _ => None,
        })
        .collect();
    let shows = words
        .iter()
        .any(|word| word.starts_with("-o") || word.starts_with("--o"));
    match name {
        Some("kubectl" | "oc") => {
            !shows
                && words
                    .iter()
                    .any(|word| matches!(*word, "apply" | "replace"))
        }
        Some("kubeseal") => !words.iter().any(|word| word.contains("recovery")),
        _ => false,
    }
}

/// Whether a command shows what it gets.
pub(super) fn displays(command: &Command) -> bool {
    match command {
        Command::Simple(simple) => simple
            .word_or_name
            .as_ref()
            .is_none_or(|word| SHOW.contains(&word.value.as_str())),
        Command::Compound(..) | Command::Function(_) | Command::ExtendedTest(..) => true,
    }
}
