//! One command for many words: `xargs` and `parallel`.

use super::{
    Call, Found, Grammar, Parsed, Stdin, Word, content, joined, nested_with, shells, tables,
    unknown_flags,
};
use crate::commands::{
    programs::files::paths::printed,
    shell::{escapes, stretches},
};

/// How many of the commands are looked at one by one.
const MOST: usize = 64;

pub(super) fn grammar(program: &str) -> Option<Grammar> {
    match program {
        "xargs" => Some(xargs),
        "parallel" => Some(parallel),
        _ => None,
    }
}

/// A word of which only its place is known.
fn item() -> Word {
    Word::Unknown("$item".to_owned())
}

fn xargs(call: &Call<'_>, found: &mut Found) {
    let parsed = tables::XARGS.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    if parsed.shows(&["help", "version"]) {
        return;
    }
    for file in parsed.values(&["a", "arg-file"]) {
        printed(file, &call.setting.place, found);
    }
    let command = if parsed.words.is_empty() {
        vec![Word::Known("echo".to_owned())]
    } else {
        parsed.words.clone()
    };
    let replaced = replaced(&parsed);
    let items = items(&parsed, replaced.is_some(), call);
    let command = match (&items, &replaced) {
        (None, Some(mark)) => in_text(&command, mark, found),
        _ => command,
    };
    for words in commands(&command, replaced.as_deref(), items, &parsed) {
        nested_with(&words, &Stdin::Nothing, call, found);
    }
}

/// The text that stands for an item, if the command holds one.
fn replaced(parsed: &Parsed) -> Option<String> {
    let flag = parsed
        .flags
        .iter()
        .rev()
        .find(|flag| matches!(flag.name.as_str(), "I" | "i" | "replace"))?;
    let text = flag.value.as_ref().map_or("{}", Word::text);
    Some(if text.is_empty() { "{}" } else { text }.to_owned())
}

/// What comes in, word by word; none if it is not known.
fn items(parsed: &Parsed, by_line: bool, call: &Call<'_>) -> Option<Vec<String>> {
    let text = match parsed.value(&["a", "arg-file"]) {
        Some(file) => content(file.known()?, call)?,
        None => match call.stdin {
            Stdin::Known(text) => text.clone(),
            Stdin::File(file) => content(file.known()?, call)?,
            Stdin::Nothing => String::new(),
            Stdin::Piped | Stdin::Downloaded => return None,
        },
    };
    if parsed.has(&["0", "null"]) {
        return Some(parts(&text, "\0"));
    }
    if let Some(mark) = parsed.value(&["d", "delimiter"]) {
        return Some(parts(&text, &escapes(mark.known()?)?));
    }
    if by_line || parsed.has(&["L", "max-lines", "l"]) {
        return Some(
            text.lines()
                .map(|line| line.trim_start().to_owned())
                .filter(|line| !line.is_empty())
                .collect(),
        );
    }
    Some(split(&text))
}

/// What stands before, between and behind marks. An empty item is one as well; none follows the last mark.
fn parts(text: &str, mark: &str) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    let text = text.strip_suffix(mark).unwrap_or(text);
    text.split(mark).map(ToOwned::to_owned).collect()
}

/// Words parted by blanks, with quotation marks.
fn split(text: &str) -> Vec<String> {
    let (mut words, mut word, mut open) = (Vec::new(), String::new(), false);
    for stretch in stretches(text) {
        for letter in stretch.text.chars() {
            if stretch.quoted || !letter.is_whitespace() {
                word.push(letter);
                open = true;
            } else if open {
                words.push(std::mem::take(&mut word));
                open = false;
            }
        }
    }
    if open {
        words.push(word);
    }
    words
}

/// Every command that runs.
fn commands(
    command: &[Word],
    replaced: Option<&str>,
    items: Option<Vec<String>>,
    parsed: &Parsed,
) -> Vec<Vec<Word>> {
    let items: Vec<Word> = match items {
        Some(items) if items.len() <= MOST => items.into_iter().map(Word::Known).collect(),
        _ => vec![item()],
    };
    if let Some(mark) = replaced {
        return items
            .iter()
            .map(|item| command.iter().map(|word| put(word, mark, item)).collect())
            .collect();
    }
    let number = parsed
        .value(&["n", "max-args", "L", "max-lines"])
        .and_then(Word::known)
        .and_then(|text| text.parse().ok());
    let with = |more: &[Word]| command.iter().chain(more).cloned().collect();
    if items.is_empty() {
        return vec![with(&[])];
    }
    items
        .chunks(number.unwrap_or(items.len()).max(1))
        .map(with)
        .collect()
}

/// A word with an item in place of every mark.
fn put(word: &Word, mark: &str, item: &Word) -> Word {
    if !word.text().contains(mark) {
        return word.clone();
    }
    let text = word.text().replace(mark, item.text());
    match (word, item) {
        (Word::Known(_), Word::Known(_)) => Word::Known(text),
        _ => Word::Unknown(text),
    }
}

/// A text for a shell in which an item stands that is not known: it is looked at as if a variable stood there. Whatever comes in could
/// say more than that.
fn in_text(command: &[Word], mark: &str, found: &mut Found) -> Vec<Word> {
    let shell = command
        .iter()
        .any(|word| shells::is_shell(word.text()) || matches!(word.text(), "ssh" | "su" | "watch"));
    let text = |word: &Word| match word {
        Word::Known(text) if shell && text.contains(mark) && text.contains(' ') => {
            found.opaque("what comes in becomes a part of a text that a shell runs");
            Word::Known(text.replace(mark, "$item"))
        }
        word => word.clone(),
    };
    command.iter().map(text).collect()
}

/// `parallel command {} ::: a b`
fn parallel(call: &Call<'_>, found: &mut Found) {
    let parsed = tables::PARALLEL.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    if parsed.shows(&["version", "help", "dry-run", "dryrun", "citation"]) {
        return;
    }
    if parsed.has(&["S", "sshlogin", "pipe"]) {
        found.opaque("where it runs, or what flows into it, is not known");
    }
    for file in parsed.values(&["a", "arg-file"]) {
        printed(file, &call.setting.place, found);
    }
    if let Stdin::File(file) = call.stdin {
        printed(file, &call.setting.place, found);
    }
    for path in parsed.values(&["joblog", "results"]) {
        super::writes(path.text(), call, found);
    }
    let mark = |word: &Word| matches!(word.known(), Some(":::" | "::::" | ":::+" | "::::+"));
    let start = parsed.words.iter().position(mark);
    let (command, sources) = parsed.words.split_at(start.unwrap_or(parsed.words.len()));
    if sources.iter().any(|word| word.text().starts_with("::::")) {
        for file in sources.iter().filter(|word| !mark(word)) {
            printed(file, &call.setting.place, found);
        }
    }
    let plain =
        !sources.iter().skip(1).any(mark) && sources.first().and_then(Word::known) == Some(":::");
    let items: Vec<Word> = match start {
        Some(_) if plain && sources.len() <= MOST => sources.get(1..).unwrap_or_default().to_vec(),
        Some(_) => vec![item()],
        None => match items(&parsed, true, call) {
            // A blank line is an item as well.
            Some(items) if items.is_empty() => vec![Word::Known(String::new())],
            Some(items) if items.len() <= MOST => items.into_iter().map(Word::Known).collect(),
            _ => vec![item()],
        },
    };
    let text = joined(command);
    for item in &items {
        runs(&text, item, call, found);
    }
}

fn runs(text: &Word, item: &Word, call: &Call<'_>, found: &mut Found) {
    let own = text.text();
    let whole = if own.is_empty() {
        item.text().to_owned()
    } else if own.contains("{}") || own.contains("{1}") {
        own.replace("{}", item.text()).replace("{1}", item.text())
    } else if own.contains('{') {
        ["{.}", "{/}", "{//}", "{/.}", "{#}", "{%}", "{2}", "{3}"]
            .iter()
            .fold(own.to_owned(), |text, mark| text.replace(mark, "$item"))
    } else {
        format!("{own} {}", item.text())
    };
    let known = text.known().is_some();
    if own.is_empty() && item.known().is_none()
        || !known && !own.starts_with(|letter: char| letter.is_ascii_alphabetic())
    {
        return super::nested_text(&Word::Unknown(whole), &Stdin::Nothing, call, found);
    }
    if !known || item.known().is_none() {
        found.bounded("a part of the commands is not known");
    }
    super::nested_text(&Word::Known(whole), &Stdin::Nothing, call, found);
}
