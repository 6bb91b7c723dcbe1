//! Command lines of clouds: words that name what is asked, then flags that may take several words each.

use crate::commands::{
    flags::{Flag, Parsed, takes_back, truth},
    word::Word,
};

/// A line taken apart.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// The words before the first flag that is not one of the program's own.
    pub(super) words: Vec<Word>,
    /// The flags, each with the words that follow it; what follows `--` belongs to one without a name.
    pub(super) flags: Vec<(String, Vec<Word>)>,
    /// The program's own flags.
    pub(super) globals: Vec<(String, Option<Word>)>,
    /// What is glued to a flag, whosever it is: `--dry-run=false`.
    glued: Vec<(String, Word)>,
}

impl Line {
    /// Takes a line apart; the program's own flags may stand anywhere.
    pub(super) fn read(arguments: &[Word], valued: &[&str], plain: &[&str]) -> Self {
        let mut line = Self::default();
        let mut rest = arguments.iter();
        while let Some(word) = rest.next() {
            let text = word.text();
            if text == "--" {
                line.flags.push((String::new(), rest.cloned().collect()));
                break;
            }
            let is_flag = text.starts_with('-')
                && text.len() > 1
                && !text.starts_with(|first: char| first.is_ascii_digit());
            if !is_flag {
                match line.flags.last_mut() {
                    Some((_, values)) => values.push(word.clone()),
                    None => line.words.push(word.clone()),
                }
                continue;
            }
            let name = text.trim_start_matches('-');
            let (name, glued) = match name.split_once('=') {
                Some((name, value)) => (name, Some(word.with_text(value))),
                None => (name, None),
            };
            let glue = glued.iter().map(|value| (name.to_owned(), value.clone()));
            line.glued.extend(glue);
            if valued.contains(&name) {
                let value = glued.or_else(|| rest.next().cloned());
                line.globals.push((name.to_owned(), value));
            } else if plain.contains(&name) {
                line.globals.push((name.to_owned(), glued));
            } else {
                line.flags
                    .push((name.to_owned(), glued.into_iter().collect()));
            }
        }
        line
    }

    /// The line as other programs' lines are taken apart: a flag for each of its values.
    pub(super) fn parsed(&self) -> Parsed {
        let flag = |name: &str, value: &Word| Flag {
            name: name.to_owned(),
            value: Some(value.clone()),
        };
        let own = self.flags.iter();
        let own = own.flat_map(|(name, values)| values.iter().map(|value| flag(name, value)));
        let globals = self.globals.iter();
        let globals = globals.filter_map(|(name, value)| Some(flag(name, value.as_ref()?)));
        Parsed {
            flags: own.chain(globals).collect(),
            words: self.words.clone(),
            ..Parsed::default()
        }
    }

    /// Whether one of these flags is given.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        let own = self
            .flags
            .iter()
            .any(|(name, _)| names.contains(&name.as_str()));
        own || self
            .globals
            .iter()
            .any(|(name, _)| names.contains(&name.as_str()))
    }

    /// Whether one of these flags, with which nothing is done, is given, and none of them is switched off or taken back.
    pub(super) fn shows(&self, names: &[&str]) -> bool {
        let named = |name: &String| names.contains(&name.as_str());
        let glued = self.glued.iter().filter(|(name, _)| named(name));
        let mut glued = glued.map(|(_, value)| value);
        let next = self.flags.iter().filter(|(name, _)| named(name));
        let next = next.filter_map(|(_, values)| values.first()?.known());
        let own = self.flags.iter().map(|(name, _)| name);
        let mut given = own.chain(self.globals.iter().map(|(name, _)| name));
        self.has(names)
            && glued.all(|value| value.known().and_then(truth) == Some(true))
            && next.map(truth).all(|value| value != Some(false))
            && !given.any(|name| takes_back(name, names))
            && !self.may_hold_another()
    }

    /// `$X` may be a flag that takes one back.
    fn may_hold_another(&self) -> bool {
        let values = self.flags.iter().flat_map(|(_, values)| values);
        let glued: Vec<&Word> = self.glued.iter().map(|(_, value)| value).collect();
        let mut loose = self
            .words
            .iter()
            .chain(values.filter(|value| !glued.contains(value)));
        loose.any(Word::may_be_flag)
    }

    /// Without a word that says what is asked: whether it only asks how that is done. A flag that is not known may take the words
    /// for its values.
    pub(super) fn only_asks(&self, names: &[&str]) -> bool {
        let asks = |(name, values): &(String, Vec<Word>)| {
            names.contains(&name.as_str()) && values.is_empty()
        };
        self.words.is_empty() && self.flags.iter().all(asks)
    }

    /// The first word after the last of these flags.
    pub(super) fn value(&self, names: &[&str]) -> Option<&Word> {
        let given = self
            .flags
            .iter()
            .rev()
            .find(|(name, _)| names.contains(&name.as_str()));
        given.and_then(|(_, values)| values.first())
    }

    /// Every word of the line that is not known before it runs.
    pub(super) fn unknown(&self) -> impl Iterator<Item = &Word> {
        let values = self.flags.iter().flat_map(|(_, values)| values);
        let globals = self.globals.iter().filter_map(|(_, value)| value.as_ref());
        self.words
            .iter()
            .chain(values)
            .chain(globals)
            .filter(|word| word.known().is_none())
    }
}
