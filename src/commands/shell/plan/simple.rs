//! Simple commands of a plan: programs, and the few builtins that are carried out without a shell.

use super::{
    Planner, names,
    redirections::redirection,
    unmatched,
    words::{self, Treatment},
};
use crate::domain::pipeline::{
    Matching, Part, PlannedCommand, PlannedWord, PlannedWork, Seen, ShellOption,
};
use brush_parser::ast::{
    Assignment, AssignmentName, AssignmentValue, CommandPrefixOrSuffixItem as Item, SimpleCommand,
};

impl Planner {
    pub(super) fn simple(&mut self, simple: &SimpleCommand) -> Option<PlannedCommand> {
        let prefix = simple.prefix.iter().flat_map(|prefix| &prefix.0);
        let suffix = simple.suffix.iter().flat_map(|suffix| &suffix.0);
        let mut redirections = Vec::new();
        for item in prefix.clone().chain(suffix.clone()) {
            if let Item::IoRedirect(redirect) = item {
                redirections.push(redirection(redirect)?);
            }
        }
        let assigned: Vec<&Assignment> = prefix
            .filter_map(|item| match item {
                Item::AssignmentWord(assignment, _) => Some(assignment),
                _ => None,
            })
            .collect();
        let Some(name) = &simple.word_or_name else {
            let work = PlannedWork::Variables(variables(&assigned)?, Seen::AsBefore);
            return Some(PlannedCommand { work, redirections });
        };
        let name = words::plain(&name.value)?;
        let items: Vec<&Item> = suffix
            .filter(|item| !matches!(item, Item::IoRedirect(_)))
            .collect();
        let work = if names::is_builtin(&name) && assigned.is_empty() {
            self.builtin(&name, &items)?
        } else {
            program(name, &items, &assigned)?
        };
        if let PlannedWork::Program { words, .. } = &work {
            self.prints_folder |=
                words.first().and_then(PlannedWord::known).as_deref() == Some("pwd");
        }
        Some(PlannedCommand { work, redirections })
    }

    fn builtin(&mut self, name: &str, items: &[&Item]) -> Option<PlannedWork> {
        let known = || -> Option<Vec<String>> {
            let raws: Option<Vec<&str>> = items.iter().map(|item| raw(item)).collect();
            raws?.into_iter().map(words::plain).collect()
        };
        match name {
            ":" => {
                known()?;
                Some(PlannedWork::Variables(Vec::new(), Seen::AsBefore))
            }
            "cd" => self.enter(items),
            "exit" => match &known()?[..] {
                [] => Some(PlannedWork::Exit(None)),
                [status] => Some(PlannedWork::Exit(Some(status.parse().ok()?))),
                _ => None,
            },
            "set" => options(&known()?),
            "command" => match &known() {
                Some(words) if words.first().is_some_and(|word| word == "-v") => {
                    let [_, name] = &words[..] else { return None };
                    names::is_program(name).then(|| PlannedWork::Locate(name.clone()))
                }
                _ => {
                    let (name, rest) = items.split_first()?;
                    let name = words::plain(raw(name)?)?;
                    let plain = !name.starts_with('-') && !names::is_builtin(&name);
                    plain.then(|| program(name, rest, &[]))?
                }
            },
            "export" => {
                let assigned: Option<Vec<&Assignment>> = items
                    .iter()
                    .map(|item| match item {
                        Item::AssignmentWord(assignment, _) => Some(assignment),
                        _ => None,
                    })
                    .collect();
                let assigned = assigned.filter(|assigned| !assigned.is_empty())?;
                let variables = variables(&assigned)?;
                // To some shells these are words like any others.
                let split = variables.iter().any(|(_, value)| value.known().is_none());
                (!split).then_some(PlannedWork::Variables(variables, Seen::Exported))
            }
            name => shown(name, &known()?),
        }
    }

    /// `cd folder`
    fn enter(&mut self, items: &[&Item]) -> Option<PlannedWork> {
        self.moves = true;
        let mut words = Vec::new();
        for item in items {
            words.extend(unmatched(raw(item)?)?);
        }
        match &words[..] {
            [] => Some(PlannedWork::Enter(PlannedWord {
                parts: vec![Part::Home],
                matching: Matching::No,
            })),
            [word] => {
                let flag = match word.parts.first()? {
                    Part::Text(text) => text.starts_with('-') || text.is_empty(),
                    // The time begins with no `-` but the one that is written.
                    Part::Home => false,
                    Part::Moment(moment) => moment.format.starts_with('-'),
                    // What is not known could be a flag, or nothing at all.
                    Part::Pattern(_) | Part::Variable(_) | Part::Split(_) | Part::Status => true,
                };
                (!flag).then(|| PlannedWork::Enter(word.clone()))
            }
            _ => None,
        }
    }
}

/// Builtins that only look are asked of a shell of their own, whose text is always the same: what they say holds there, too.
fn shown(name: &str, words: &[String]) -> Option<PlannedWork> {
    let flags = |text: &String| {
        let letters = text.strip_prefix('-');
        letters.is_some_and(|letters| letters.bytes().all(|byte| byte.is_ascii_alphabetic()))
    };
    let (text, looks) = match (name, words) {
        ("ulimit", words) => ("ulimit \"$@\"", words.iter().all(flags)),
        ("umask", []) => ("umask \"$@\"", true),
        ("type", [_, ..]) => ("type \"$@\"", true),
        ("history", []) => ("history \"$@\"", true),
        ("history", [number]) => (
            "history \"$@\"",
            number.bytes().all(|byte| byte.is_ascii_digit()),
        ),
        _ => return None,
    };
    let shell = ["bash", "--noprofile", "--norc", "-c", text, "bash"];
    let shell = shell.into_iter().chain(words.iter().map(String::as_str));
    looks.then(|| PlannedWork::Program {
        variables: Vec::new(),
        words: shell.map(PlannedWord::text).collect(),
    })
}

/// How an argument was written.
fn raw(item: &Item) -> Option<&str> {
    match item {
        Item::Word(word) | Item::AssignmentWord(_, word) => Some(&word.value),
        Item::IoRedirect(_) | Item::ProcessSubstitution(..) => None,
    }
}

fn program(name: String, items: &[&Item], assigned: &[&Assignment]) -> Option<PlannedWork> {
    if name.is_empty() || names::is_builtin(&name) {
        return None;
    }
    let variables = variables(assigned)?;
    // Whether one sees the other is told differently by shells.
    if variables.len() > 1 && variables.iter().any(|(_, value)| value.known().is_none()) {
        return None;
    }
    let mut written = vec![name];
    let mut words = vec![PlannedWord::text(written.first()?)];
    for item in items {
        for mut word in words::arguments(raw(item)?)? {
            if word.matching != Matching::No {
                word.matching = matching(&word, &written)?;
            }
            written.push(word.known().unwrap_or_default());
            words.push(word);
        }
    }
    as_program(&written).then_some(PlannedWork::Program { variables, words })
}

/// What a pattern means among the words of a program; none where only who wrote it can say.
fn matching(word: &PlannedWord, before: &[String]) -> Option<Matching> {
    let start = match word.parts.first()? {
        Part::Text(text) | Part::Pattern(text) => text.as_str(),
        Part::Moment(moment) => moment.format.as_str(),
        Part::Variable(_) | Part::Split(_) | Part::Status | Part::Home => "",
    };
    if start.starts_with('-') || start.contains("://") || names::is_distant(before.first()?) {
        Some(Matching::Itself)
    } else {
        names::reads_files(before).then_some(Matching::Files)
    }
}

/// Whether the program of this name does with these words what the builtin of the same name does.
fn as_program(words: &[String]) -> bool {
    let has = |flags: &[&str]| words.iter().any(|word| flags.contains(&word.as_str()));
    match words.first().map(String::as_str) {
        Some("printf") => words.get(1).is_none_or(|word| word != "-v"),
        Some("[" | "test") => {
            !has(&["-v", "-R", "<", ">"]) && words.get(1).is_none_or(|word| word != "-o")
        }
        Some("kill") => !words.iter().any(|word| word.starts_with('%')),
        _ => true,
    }
}

fn variables(assigned: &[&Assignment]) -> Option<Vec<(String, PlannedWord)>> {
    assigned
        .iter()
        .map(|assignment| {
            let AssignmentName::VariableName(name) = &assignment.name else {
                return None;
            };
            let AssignmentValue::Scalar(value) = &assignment.value else {
                return None;
            };
            let fine = names::is_assignable(name) && !assignment.append;
            let value = words::word(&value.value, Treatment::Whole).filter(|_| fine)?;
            Some((name.clone(), value))
        })
        .collect()
}

/// `-e`, `+e`, `-euo pipefail`
fn options(words: &[String]) -> Option<PlannedWork> {
    let mut options = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let on = word.starts_with('-');
        let letters = word.strip_prefix(['-', '+'])?;
        for letter in letters.chars() {
            let option = match letter {
                'e' => ShellOption::ExitOnFailure,
                'u' => ShellOption::UnsetFails,
                'o' => match words.next()?.as_str() {
                    "pipefail" => ShellOption::PipeFails,
                    "errexit" => ShellOption::ExitOnFailure,
                    "nounset" => ShellOption::UnsetFails,
                    _ => return None,
                },
                _ => return None,
            };
            options.push((option, on));
        }
        if letters.is_empty() {
            return None;
        }
    }
    (!options.is_empty()).then_some(PlannedWork::Options(options))
}
