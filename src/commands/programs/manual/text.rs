//! The text of a manual to its programs.

use super::{Does, Flags, Program, Verb};
use crate::commands::flags::{Style, Table};
use std::collections::BTreeMap;

/// What a text says, and the lines that say nothing.
#[derive(Default)]
pub(super) struct Read {
    pub(super) programs: Vec<(Vec<&'static str>, Program)>,
    pub(super) faults: Vec<String>,
}

/// A program as its lines are gathered.
#[derive(Default)]
struct Draft {
    names: Vec<&'static str>,
    kind: &'static str,
    style: Option<Style>,
    abbreviations: bool,
    until_word: bool,
    words_only: bool,
    otherwise: Option<Does>,
    first: Vec<Spec>,
    anywhere: Vec<Spec>,
    verbs: Vec<Line>,
}

/// A line of verbs that do alike.
struct Line {
    paths: Vec<Vec<&'static str>>,
    does: Vec<Does>,
    flags: Vec<Spec>,
}

/// Lists of flags that have a name.
type Sets = BTreeMap<&'static str, Vec<Spec>>;

/// How a flag is written.
#[derive(Clone, Copy)]
struct Spec {
    name: &'static str,
    takes: Takes,
    does: Option<Does>,
}

#[derive(Clone, Copy, PartialEq)]
enum Takes {
    Nothing,
    Value,
    Glued,
    /// It is no flag but a word.
    Word,
}

/// Reads a text. What is read is kept as long as the program runs.
pub(super) fn programs(text: &str) -> Read {
    let mut read = Read::default();
    let mut draft = Draft::default();
    let mut sets = Sets::new();
    for line in joined(text).lines() {
        if let Some(names) = line.strip_prefix(":program ") {
            finish(std::mem::take(&mut draft), &mut read);
            draft.names = names.split_whitespace().collect();
        } else if draft.line(line, &mut sets).is_none() {
            read.faults.push(line.to_owned());
        }
    }
    finish(draft, &mut read);
    read
}

/// The lines without comments; one that begins with a blank is put behind the one before it.
fn joined(text: &str) -> &'static str {
    let mut joined = String::with_capacity(text.len());
    for line in text.lines() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        joined.push(if line.starts_with(' ') { ' ' } else { '\n' });
        joined.push_str(line.trim());
    }
    Box::leak(joined.trim_start().to_owned().into_boxed_str())
}

fn finish(draft: Draft, read: &mut Read) {
    if !draft.names.is_empty() {
        let names = draft.names.clone();
        read.programs.push((names, draft.program()));
    }
}

impl Draft {
    fn line(&mut self, line: &'static str, sets: &mut Sets) -> Option<()> {
        match line.strip_prefix(':') {
            Some(heading) => self.heading(heading, sets),
            None => self.verb(line, sets),
        }
    }

    fn heading(&mut self, heading: &'static str, sets: &mut Sets) -> Option<()> {
        let (name, rest) = heading.split_once(' ').unwrap_or((heading, ""));
        match name {
            "kind" => self.kind = rest,
            "style" if rest == "whole" => self.style = Some(Style::Whole),
            "abbreviations" => self.abbreviations = true,
            "until-word" => self.until_word = true,
            "words-only" => self.words_only = true,
            "otherwise" => self.otherwise = Some(does(rest)?),
            "first" => self.first.extend(specs(rest, sets)?),
            "flags" => self.anywhere.extend(specs(rest, sets)?),
            "set" => {
                let (name, rest) = rest.split_once(' ')?;
                sets.insert(name, specs(rest, sets)?);
            }
            _ => return None,
        }
        Some(())
    }

    fn verb(&mut self, line: &'static str, sets: &Sets) -> Option<()> {
        let mut parts = line.splitn(3, '|');
        let paths = parts.next()?.split(',').map(path).collect();
        let several: Option<Vec<Does>> = parts.next()?.split(" / ").map(does).collect();
        let flags = specs(parts.next().unwrap_or(""), sets)?;
        self.verbs.push(Line {
            paths,
            does: several?,
            flags,
        });
        Some(())
    }

    fn program(self) -> Program {
        let style = self.style.unwrap_or(Style::Clusters);
        let start = flags(style, &[&HELP, &self.anywhere, &self.first]);
        let mut verbs = Vec::new();
        for line in &self.verbs {
            for path in &line.paths {
                let first: &[Spec] = if path.is_empty() { &self.first } else { &[] };
                verbs.push(Verb {
                    path: path.clone(),
                    does: line.does.clone(),
                    flags: flags(style, &[&HELP, &self.anywhere, first, &line.flags]),
                    begins: false,
                });
            }
        }
        let paths: Vec<_> = verbs.iter().map(|verb: &Verb| verb.path.clone()).collect();
        for verb in &mut verbs {
            verb.begins = paths
                .iter()
                .any(|path| path.len() > verb.path.len() && path.starts_with(&verb.path));
        }
        Program {
            kind: if self.kind.is_empty() {
                "program"
            } else {
                self.kind
            },
            abbreviations: self.abbreviations,
            until_word: self.until_word,
            words_only: self.words_only,
            otherwise: self.otherwise.unwrap_or(Does::Change),
            start,
            verbs,
        }
    }
}

/// What nearly every program understands; a manual may say otherwise.
const HELP: [Spec; 2] = [
    Spec {
        name: "help",
        takes: Takes::Nothing,
        does: Some(Does::Dry),
    },
    Spec {
        name: "version",
        takes: Takes::Nothing,
        does: Some(Does::Dry),
    },
];

fn path(text: &'static str) -> Vec<&'static str> {
    text.split_whitespace()
        .filter(|word| *word != ".")
        .collect()
}

fn does(text: &'static str) -> Option<Does> {
    let text = text.trim();
    let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
    Some(match (name, rest.is_empty()) {
        ("undo", false) => Does::Undo(rest),
        ("make", false) => Does::Make(rest),
        ("start", false) => Does::Start(rest),
        ("runs", false) => Does::Runs(rest.parse().ok()?),
        ("script", false) => Does::Script(rest.parse().ok()?),
        ("read", true) => Does::Read,
        ("dry", true) => Does::Dry,
        ("trial", true) => Does::Trial,
        ("secrets", true) => Does::Secrets,
        ("again", true) => Does::Again,
        ("refresh", true) => Does::Refresh,
        ("dump", true) => Does::Dump,
        ("change", true) => Does::Change,
        ("file", true) => Does::File,
        ("delete", true) => Does::Delete,
        ("lose", true) => Does::Lose,
        ("cut", true) => Does::Cut,
        ("access", true) => Does::Access,
        ("code", true) => Does::Code,
        ("unknown", true) => Does::Unknown,
        ("shell", true) => Does::Shell,
        ("otherwise", true) => Does::Otherwise,
        _ => return None,
    })
}

/// What a flag does; `undo:` and the like stand before a text whose blanks are written as underlines.
fn flag_does(text: &'static str) -> Option<Does> {
    match text.split_once(':') {
        Some((name, how)) => {
            let spelled = format!("{name} {}", how.replace('_', " "));
            does(Box::leak(spelled.into_boxed_str()))
        }
        None => does(text),
    }
}

fn specs(text: &'static str, sets: &Sets) -> Option<Vec<Spec>> {
    let mut specs = Vec::new();
    for word in text.split_whitespace() {
        match word.strip_prefix('$') {
            Some(name) => specs.extend(sets.get(name)?),
            None => specs.push(spec(word)?),
        }
    }
    Some(specs)
}

fn spec(text: &'static str) -> Option<Spec> {
    let (flag, does) = match text.rsplit_once('@') {
        Some((flag, name)) => (flag, Some(flag_does(name)?)),
        None => (text, None),
    };
    if let Some(name) = flag.strip_prefix('=') {
        let takes = Takes::Word;
        return Some(Spec { name, takes, does });
    }
    let (name, takes) = match flag.strip_suffix('=') {
        Some(name) => (name, Takes::Value),
        None => match flag.strip_suffix('?') {
            Some(name) if !name.is_empty() => (name, Takes::Glued),
            _ => (flag, Takes::Nothing),
        },
    };
    (!name.is_empty()).then_some(Spec { name, takes, does })
}

/// Flags of several lists, of which a later one beats an earlier one. They are kept as long as the program runs.
fn flags(style: Style, lists: &[&[Spec]]) -> Flags {
    let mut all: Vec<Spec> = Vec::new();
    for spec in lists.iter().copied().flatten() {
        all.retain(|earlier| earlier.name != spec.name);
        all.push(*spec);
    }
    let names = |takes: Takes| -> &'static [&'static str] {
        let names: Vec<_> = all
            .iter()
            .filter(|spec| spec.takes == takes)
            .map(|spec| spec.name)
            .collect();
        Box::leak(names.into_boxed_slice())
    };
    Flags {
        any: all.iter().any(|spec| spec.name == "*"),
        table: Table {
            style,
            valued: names(Takes::Value),
            plain: names(Takes::Nothing),
            glued: names(Takes::Glued),
            until_word: false,
        },
        does: doing(&all, |takes| takes != Takes::Word),
        words: doing(&all, |takes| takes == Takes::Word),
    }
}

fn doing(all: &[Spec], wanted: fn(Takes) -> bool) -> Vec<(&'static str, Does)> {
    all.iter()
        .filter(|spec| wanted(spec.takes))
        .filter_map(|spec| spec.does.map(|does| (spec.name, does)))
        .collect()
}
