//! The grammars: for each program that operators use, what its arguments would do.
//!
//! A grammar is a function from a [`Call`] to effects. Families live in folders of their own, each with a `grammar` function that
//! knows the names of its programs; a name belongs to one family.

mod aimed;
mod alphabets;
mod asked;
mod cloud;
mod code;
mod containers;
mod databases;
pub(super) mod files;
mod handbook;
mod host;
mod images;
mod kubernetes;
mod loads;
mod manual;
mod moved;
mod names;
mod network;
mod scanners;
mod tasks;
mod told;
mod values;
mod wrappers;

pub use self::kubernetes::{Plural, deeds, plural};
pub(super) use self::moved::Moved;

use self::files::{
    guard::guard,
    picked,
    secrets::{discloses, discloses_folder},
};
use super::{
    folder::{Folder, resolve},
    found::{Found, object},
    shell,
    word::{Call, Setting, Stdin, Word},
};
use crate::domain::effect::{Class, Effect, Reversible, Verb};
use std::borrow::Cow;

/// Says what a call would do.
pub(super) type Grammar = fn(&Call<'_>, &mut Found);

/// Whether a family says itself which of the files that its words name are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    Says,
    Silent,
}

/// A family: the grammars of its programs.
type Family = (Shows, fn(&str) -> Option<Grammar>);

/// The families, asked in order: what runs another program is asked for that before anything else.
const FAMILIES: &[Family] = &[
    (Shows::Silent, wrappers::grammar),
    (Shows::Says, databases::grammar),
    (Shows::Silent, scanners::grammar),
    (Shows::Says, cloud::grammar),
    (Shows::Silent, code::grammar),
    (Shows::Says, containers::grammar),
    (Shows::Says, files::grammar),
    (Shows::Silent, host::grammar),
    (Shows::Says, kubernetes::grammar),
    (Shows::Silent, network::grammar),
];

/// Where programs live that a path may name.
const FOLDERS: [&str; 8] = [
    "/usr/bin/",
    "/bin/",
    "/usr/sbin/",
    "/sbin/",
    "/usr/local/bin/",
    "/usr/local/sbin/",
    "/opt/bin/",
    "/snap/bin/",
];

/// How many programs are looked at: wrappers multiply.
const MOST_STEPS: u32 = 2_000;

/// How many words of a program that nobody described may be the beginning of another command.
const MOST_WORDS: usize = 8;

/// Judges one command: its first word names the program.
pub(super) fn judge(words: &[Word], stdin: &Stdin, setting: &Setting<'_>, found: &mut Found) {
    if setting.folder.is_start() {
        one(words, stdin, setting, found);
        // Upwards from nobody knows where may be the top.
        let top = setting.seeing(setting.files, Folder::new(Some("/".to_owned())));
        let climbs = words.iter().any(|word| word.text().contains("../"));
        if climbs && let Some(words) = seen_from_folder(words, &top) {
            one(&words, stdin, setting, found);
        }
        return;
    }
    let outside = found.watch();
    let known = setting.folder.known.clone();
    let others = setting
        .folder
        .all()
        .filter(|other| known.as_ref() != Some(*other));
    for folder in std::iter::once(known.clone()).chain(others.cloned().map(Some)) {
        let inside = setting.seeing(setting.files, Folder::new(folder));
        one(words, stdin, &inside, found);
        if let Some(words) = seen_from_folder(words, &inside) {
            one(&words, stdin, &inside, found);
        }
    }
    for effect in found.watched(outside) {
        files::relative::touched(&effect, setting, found);
    }
}

/// The same words with whole paths, where they then name a file that decides what the host does, or that holds secrets:
/// `cd /etc; cat shadow`.
fn seen_from_folder(words: &[Word], setting: &Setting<'_>) -> Option<Vec<Word>> {
    setting.folder.known.as_ref()?;
    let mut changed = false;
    let whole = |word: &Word| {
        let (start, path) = word.text().split_once('=').unwrap_or(("", word.text()));
        let resolved = setting.resolve(path);
        let whole = path.trim_matches(['.', '/']).is_empty();
        let grave = resolved != path
            && !path.is_empty()
            && (whole
                || discloses(&resolved)
                || discloses_folder(&resolved)
                || guard(&resolved).is_some());
        if !grave {
            return word.clone();
        }
        changed = true;
        let text = if start.is_empty() {
            resolved
        } else {
            format!("{start}={resolved}")
        };
        word.with_text(&text)
    };
    let (program, arguments) = words.split_first()?;
    let words: Vec<Word> = std::iter::once(program.clone())
        .chain(arguments.iter().map(whole))
        .collect();
    changed.then_some(words)
}

fn one(words: &[Word], stdin: &Stdin, setting: &Setting<'_>, found: &mut Found) {
    let Some((first, arguments)) = words.split_first() else {
        return;
    };
    if found.step() > MOST_STEPS {
        let reason = "it means more commands than the gate looks at";
        return found.unknown_code(&setting.place, first.text(), reason);
    }
    found.call(words.iter().map(|word| word.text().to_owned()).collect());
    let Some(name) = first.known() else {
        let reason = format!(
            "`{}`: which program runs is not known before it runs",
            first.text()
        );
        return found.unknown_code(&setting.place, first.text(), reason);
    };
    if let Some(service) = host::init_script(name) {
        return host::run_init_script(service, arguments, stdin, setting, found);
    }
    seen_by_people(words, stdin, setting, found);
    tasks::judge(name, arguments, setting, found);
    let whole = climbs_down(name);
    let Some(program) = program_name(&whole) else {
        if let Some(words) = script(&whole, arguments, setting)
            && let Some(setting) = setting.deeper()
        {
            return one(&words, stdin, &setting, found);
        }
        unknown(
            name,
            &format!("`{name}` is not in a folder of programs"),
            setting,
            found,
        );
        return perhaps_wraps(arguments, stdin, setting, found);
    };
    let call = Call {
        program,
        arguments,
        stdin,
        setting,
    };
    let described = FAMILIES
        .iter()
        .find_map(|(look, family)| family(program).map(|grammar| (*look, grammar)));
    match described {
        Some((careful, grammar)) => carefully(careful, grammar, &call, found),
        None => {
            unknown(
                name,
                &format!("`{program}` is not known to the gate"),
                setting,
                found,
            );
            perhaps_wraps(arguments, stdin, setting, found);
        }
    }
}

/// Judges a call by its grammar, then by the files that it is told to read and by the secrets that it asks for.
fn carefully(shows: Shows, grammar: Grammar, call: &Call<'_>, found: &mut Found) {
    told::lists(call, found);
    loads::judge(call, found);
    let programs = found.size();
    let (outside, around) = (found.watch(), found.lines());
    grammar(call, found);
    let seen = found.watched(outside);
    let line = found.lines();
    found.back_to(around);
    values::judge(call, line, found.size() > programs, found);
    aimed::judge(call, found);
    moved::judge(call, &seen, found);
    // What runs another program hands its words on: they are judged there.
    if found.size() > programs {
        return;
    }
    if shows == Shows::Silent {
        told::words(call, &seen, found);
    }
    asked::judge(call, &seen, found);
    picked::by_code(call, found);
}

/// A program that nobody described may run what its words say: `firejail rm -rf /`. What would destroy something if it were run counts.
fn perhaps_wraps(arguments: &[Word], stdin: &Stdin, setting: &Setting<'_>, found: &mut Found) {
    let Some(setting) = setting.deeper() else {
        let reason = "commands stand too deep in each other";
        return found.unknown_code(&setting.place, "program", reason);
    };
    for place in 0..arguments.len().min(MOST_WORDS) {
        let words = arguments.get(place..).unwrap_or_default();
        let known = words.first().and_then(Word::known).and_then(program_name);
        let described = known.is_some_and(is_described);
        let mut trial = found.trial();
        if described {
            one(words, stdin, &setting, &mut trial);
        }
        found.pay(&trial);
        if trial.class() == Class::Destructive {
            return one(words, stdin, &setting, found);
        }
    }
    let texts = arguments.iter().filter_map(Word::known);
    for text in texts.take(MOST_WORDS) {
        let marked = text
            .strip_prefix("shell ")
            .or_else(|| text.strip_prefix('!'));
        if let Some(text) = marked {
            shell::judge(text, stdin, &setting, found);
        } else if text.contains(' ') && !text.starts_with('-') {
            // `pssh -h hosts 'rm -rf /'`
            let mut trial = found.trial();
            shell::judge(text, stdin, &setting, &mut trial);
            found.pay(&trial);
            if trial.class() == Class::Destructive {
                shell::judge(text, stdin, &setting, found);
            }
        }
    }
}

/// Whether a program of this name has a grammar.
fn is_described(name: &str) -> bool {
    FAMILIES.iter().any(|(_, family)| family(name).is_some())
}

/// Letters that only look like others: what a reader takes the words for counts as well.
fn seen_by_people(words: &[Word], stdin: &Stdin, setting: &Setting<'_>, found: &mut Found) {
    let Some(word) = words
        .iter()
        .find(|word| alphabets::as_it_looks(word.text()).is_some())
    else {
        return;
    };
    let reason = format!("`{}` holds letters that only look like others", word.text());
    found.opaque(reason);
    let seen = |word: &Word| alphabets::as_it_looks(word.text()).map(|text| word.with_text(&text));
    let seen: Vec<Word> = words
        .iter()
        .map(|word| seen(word).unwrap_or_else(|| word.clone()))
        .collect();
    if let Some(setting) = setting.deeper() {
        one(&seen, stdin, &setting, found);
    }
}

/// A script whose text is known, as the words of what runs it.
fn script(path: &str, arguments: &[Word], setting: &Setting<'_>) -> Option<Vec<Word>> {
    let text = String::from_utf8(setting.files.read(path)?).ok()?;
    let first = text.lines().next().unwrap_or_default();
    let by = first
        .strip_prefix("#!")
        .unwrap_or("/bin/sh")
        .split_whitespace();
    let by = by.map(|word| Word::Known(word.to_owned()));
    let file = Word::Known(path.to_owned());
    Some(by.chain([file]).chain(arguments.iter().cloned()).collect())
}

/// `/bin/../bin/rm` without the way that it makes.
fn climbs_down(name: &str) -> Cow<'_, str> {
    if name.starts_with('/') {
        Cow::Owned(resolve(None, name))
    } else {
        Cow::Borrowed(name)
    }
}

/// The name without its folder, if the folder is one of programs. A relative path is a program of nobody knows whom.
fn program_name(name: &str) -> Option<&str> {
    let plain = FOLDERS
        .iter()
        .find_map(|folder| name.strip_prefix(folder))
        .unwrap_or(name);
    (!plain.contains('/') && !plain.is_empty()).then_some(plain)
}

/// A program that nobody described: it starts, and may do anything that programs do.
fn unknown(name: &str, reason: &str, setting: &Setting<'_>, found: &mut Found) {
    found.effect(Effect {
        verb: Verb::RunCode,
        reversible: Reversible::Unknown,
        ..Effect::read(Verb::Read, object(&setting.place, "program", name))
    });
    found.opaque(reason);
}

#[cfg(test)]
mod tests {
    use super::FAMILIES;
    use std::{collections::BTreeSet, fs, path::Path};

    /// Names in the manuals and in the lines of the corpus.
    fn names() -> BTreeSet<String> {
        let folder = Path::new(file!()).parent().unwrap();
        let mut names = BTreeSet::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|end| end == "manual") {
                    let text = fs::read_to_string(path).unwrap();
                    let lines = text
                        .lines()
                        .filter_map(|line| line.strip_prefix(":program "));
                    names.extend(lines.flat_map(str::split_whitespace).map(ToOwned::to_owned));
                }
            }
        }
        for (_, line) in crate::commands::tests::corpus() {
            names.extend(
                line.command
                    .split_whitespace()
                    .next()
                    .map(ToOwned::to_owned),
            );
        }
        names
    }

    #[test]
    fn a_name_belongs_to_one_family() {
        let twice: Vec<String> = names()
            .into_iter()
            .filter(|name| {
                FAMILIES
                    .iter()
                    .filter(|(_, family)| family(name).is_some())
                    .count()
                    > 1
            })
            .collect();
        assert_eq!(twice, Vec::<String>::new());
    }
}
