//! Flags and addresses that make a program run another one, load code, write a file or cut a service, whatever else the program does.
//!
//! `restic -o sftp.command=…` and `virsh -c '…?command=…'` run their value, `nginx -c FILE` runs what a file of settings names, and
//! `ipset list -f FILE` writes. [`TABLE`] says which flags and words do so, program by program. It only adds to what a grammar says.

use super::{
    files::paths::{Write, written},
    told::given,
};
use crate::commands::{
    found::{Found, object},
    word::{Call, Word},
};
use crate::domain::effect::{Effect, Reversible, Tri, Verb};
use std::{collections::BTreeMap, sync::LazyLock};

const TABLE: &str = include_str!("loads.table");

/// One line of the table, without its programs.
#[derive(Debug, Clone, Copy)]
struct Line {
    words: &'static str,
    what: What,
    marks: &'static str,
}

/// What is done by what is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Code,
    Opaque,
    File,
    Cut,
    Lose,
}

static LINES: LazyLock<BTreeMap<&'static str, Vec<Line>>> = LazyLock::new(|| {
    let mut lines = BTreeMap::<_, Vec<Line>>::new();
    for (programs, line) in TABLE.lines().filter_map(read) {
        for program in programs.split_whitespace() {
            lines.entry(program).or_default().push(line);
        }
    }
    lines
});

/// A line of the table.
fn read(line: &'static str) -> Option<(&'static str, Line)> {
    let mut columns = line.splitn(4, '|');
    let programs = columns.next().filter(|text| !text.starts_with('#'))?;
    let words = columns.next()?;
    let what = match columns.next()?.trim() {
        "code" => What::Code,
        "opaque" => What::Opaque,
        "file" => What::File,
        "cut" => What::Cut,
        "lose" => What::Lose,
        _ => return None,
    };
    let marks = columns.next()?;
    Some((programs, Line { words, what, marks }))
}

/// Puts in what the flags and words of a call run, load and write.
pub(super) fn judge(call: &Call<'_>, found: &mut Found) {
    let lines = LINES.get(call.program).map_or(&[][..], Vec::as_slice);
    for line in lines {
        let stands = |wanted: &str| call.arguments.iter().any(|word| word.text() == wanted);
        let applies = |wanted: &str| match wanted.strip_prefix('!') {
            Some(unwanted) => !stands(unwanted),
            None => stands(wanted),
        };
        if !line.words.split_whitespace().all(applies) {
            continue;
        }
        for mark in line.marks.split_whitespace() {
            for named in named(mark, call.arguments) {
                line.what.does(&named, call, found);
            }
        }
    }
}

impl What {
    fn does(self, named: &Word, call: &Call<'_>, found: &mut Found) {
        let place = &call.setting.place;
        let thing = || object(place, "program", call.program);
        let reason = match named.text() {
            "" => format!("`{}` runs or loads what its files say", call.program),
            text => format!("`{}` runs or loads what `{text}` names", call.program),
        };
        match self {
            Self::Code => found.unknown_code(place, call.program, reason),
            Self::Opaque => found.opaque(reason),
            Self::File if named.text().is_empty() => {}
            Self::File => written(named, Write::Replace, place, found),
            Self::Cut => found.effect(Effect {
                service_cut: Tri::Yes,
                ..Effect::change(Verb::Update, thing(), "set what it was before")
            }),
            Self::Lose => found.effect(Effect {
                data_loss: Tri::Yes,
                reversible: Reversible::No,
                ..Effect::read(Verb::Update, thing())
            }),
        }
    }
}

/// What a mark of the table finds among the words of a call.
fn named(mark: &str, words: &[Word]) -> Vec<Word> {
    if mark == "=" {
        return vec![Word::Known(String::new())];
    }
    if let Some(part) = mark.strip_prefix('*') {
        let holds = |word: &&Word| word.text().contains(part);
        return words.iter().filter(holds).cloned().collect();
    }
    let end = mark.find([':', '^', '!']).unwrap_or(mark.len());
    let (flag, test) = mark.split_at(end);
    let values = values(flag, words);
    match (test.get(..1), test.get(1..)) {
        (Some("!"), _) => values.into_iter().filter(|value| !is_own(value)).collect(),
        (Some(":"), Some(part)) => {
            let holds = |value: &Word| value.known().is_none() || value.text().contains(part);
            values.into_iter().filter(holds).collect()
        }
        (Some("^"), Some(start)) => {
            let rest = |value: Word| match value.text().strip_prefix(start) {
                Some(rest) => Some(value.with_text(rest)),
                None => value.known().is_none().then_some(value),
            };
            values.into_iter().filter_map(rest).collect()
        }
        _ => values,
    }
}

/// The values that a flag has: glued to it, or the next word.
fn values(flag: &str, words: &[Word]) -> Vec<Word> {
    let own = words.iter().take_while(|word| word.text() != "--");
    let value = |(place, word): (usize, &Word)| {
        let text = word.text();
        let rest = text.starts_with('-').then(|| given(flag, text)).flatten()?;
        let whole = !rest.is_empty() || text.contains('=');
        let next = words.get(place + 1).filter(|_| !whole);
        Some(next.cloned().unwrap_or_else(|| word.with_text(rest)))
    };
    own.enumerate().filter_map(value).collect()
}

/// Whether a file is of the settings that the host has anyway.
pub(super) fn is_own(file: &Word) -> bool {
    let own = ["/etc/", "/usr/", "/root/.", "~/.", "$HOME/.", "/dev/null"];
    let climbs = file.text().contains("..");
    let hidden = |text: &str| {
        let mut parts = text.split('/').skip(1);
        parts.next() == Some("home") && parts.nth(1).is_some_and(|name| name.starts_with('.'))
    };
    !climbs && (own.iter().any(|start| file.text().starts_with(start)) || hidden(file.text()))
}

#[cfg(test)]
mod tests {
    use super::{TABLE, named, read};
    use crate::commands::word::Word;

    fn found(mark: &str, line: &str) -> Vec<String> {
        let words: Vec<Word> = line
            .split(' ')
            .map(|word| Word::Known(word.to_owned()))
            .collect();
        let named = named(mark, &words);
        named.iter().map(|word| word.text().to_owned()).collect()
    }

    #[test]
    fn every_line_of_the_table_can_be_read() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        let wrong: Vec<&str> = lines.filter(|line| read(line).is_none()).collect();
        assert_eq!(wrong, Vec::<&str>::new());
    }

    #[test]
    fn a_mark_finds_what_a_flag_names() {
        assert_eq!(found("--rsh", "list --rsh x h:b"), ["x"]);
        assert_eq!(found("--rsh", "list --rsh=x"), ["x"]);
        assert_eq!(found("-o:command", "-o sftp.command=x"), ["sftp.command=x"]);
        assert_eq!(found("-o:command", "-o s3.region=x"), Vec::<String>::new());
        assert_eq!(found("-D^b", "-Db/x"), ["/x"]);
        assert_eq!(found("-c!", "-t -c /etc/x"), Vec::<String>::new());
        assert_eq!(found("-c!", "-t -c /etc/../x"), ["/etc/../x"]);
        assert_eq!(found("*unixexec:", "-a unixexec:x"), ["unixexec:x"]);
        assert_eq!(found("--rsh", "-- --rsh x"), Vec::<String>::new());
    }
}
