//! What words become when their turn comes: values put in, taken apart at blanks, names of files for patterns.

use super::{matches, moment, variables::Variables};
use crate::domain::pipeline::{Matching, Part, PlannedWord};
use std::{
    ffi::OsString,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::Path,
};

/// Why a word cannot be put in, and the status that comes of it.
#[derive(Debug)]
pub(super) enum Refused {
    /// The variable has no value, and that was to be a failure; the script ends.
    Unset(String),
    /// It turns out to be what nobody judged.
    Unjudged(String),
}

/// What words are made from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Values<'v> {
    pub(super) variables: &'v Variables,
    pub(super) folder: &'v Path,
    pub(super) status: u8,
    pub(super) unset_fails: bool,
}

/// One byte of a word, and whether it stands for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) byte: u8,
    pub(super) itself: bool,
}

/// A word in the making.
#[derive(Debug, Default)]
struct Maker {
    done: Vec<Vec<Letter>>,
    letters: Vec<Letter>,
    started: bool,
}

impl Maker {
    fn text(&mut self, text: &[u8], itself: bool) {
        self.started = true;
        let letters = text.iter().map(|byte| Letter {
            byte: *byte,
            itself,
        });
        self.letters.extend(letters);
    }

    fn split(&mut self, value: &[u8]) {
        for byte in value {
            if matches!(byte, b' ' | b'\t' | b'\n') {
                self.end();
            } else {
                self.text(&[*byte], true);
            }
        }
    }

    fn end(&mut self) {
        let letters = std::mem::take(&mut self.letters);
        if std::mem::take(&mut self.started) {
            self.done.push(letters);
        }
    }
}

impl Values<'_> {
    /// The words that these become, in order.
    pub(super) fn all(&self, words: &[PlannedWord]) -> Result<Vec<OsString>, Refused> {
        let mut all = Vec::with_capacity(words.len());
        for word in words {
            let mut maker = Maker::default();
            self.fill(word, &mut maker)?;
            maker.end();
            for letters in maker.done {
                all.extend(self.files(word.matching, letters)?);
            }
        }
        Ok(all)
    }

    /// The one word that this becomes where nothing is taken apart.
    pub(super) fn whole(&self, word: &PlannedWord) -> Result<OsString, Refused> {
        let mut maker = Maker::default();
        self.fill(word, &mut maker)?;
        Ok(text(&maker.letters))
    }

    fn fill(&self, word: &PlannedWord, maker: &mut Maker) -> Result<(), Refused> {
        for part in &word.parts {
            match part {
                Part::Text(text) => maker.text(text.as_bytes(), true),
                Part::Pattern(text) => maker.text(text.as_bytes(), false),
                Part::Variable(name) => maker.text(self.value(name)?.as_bytes(), true),
                Part::Split(name) => {
                    let value = self.value(name)?;
                    if value.as_bytes().iter().any(|byte| b"*?[\\".contains(byte)) {
                        return Err(Refused::Unjudged(format!(
                            "`{name}` holds a pattern for names of files\nhint: write \"${name}\" if it is none"
                        )));
                    }
                    maker.split(value.as_bytes());
                }
                Part::Moment(moment) => {
                    let text = moment::now(moment, self.variables.seen("TZ"))?;
                    maker.text(text.as_bytes(), true);
                }
                Part::Status => maker.text(self.status.to_string().as_bytes(), true),
                Part::Home => {
                    let home = self.variables.value("HOME").unwrap_or_default();
                    maker.text(home.as_bytes(), true);
                }
            }
        }
        Ok(())
    }

    fn value(&self, name: &str) -> Result<OsString, Refused> {
        match self.variables.value(name) {
            Some(value) => Ok(value),
            None if name == "PWD" => Ok(self.folder.as_os_str().to_owned()),
            None if self.unset_fails => Err(Refused::Unset(name.to_owned())),
            None => Ok(OsString::new()),
        }
    }

    fn files(&self, matching: Matching, letters: Vec<Letter>) -> Result<Vec<OsString>, Refused> {
        let written = text(&letters);
        let found = match matching {
            Matching::No => Vec::new(),
            Matching::Files | Matching::Itself => matches::of(&letters, self.folder),
        };
        if found.is_empty() {
            return Ok(vec![written]);
        }
        let written = written.to_string_lossy();
        if matching == Matching::Itself {
            return Err(Refused::Unjudged(format!(
                "`{written}` is also a pattern, and there are files that match it\nhint: quote it"
            )));
        }
        match found.iter().find(|name| name.as_bytes().starts_with(b"-")) {
            Some(flag) => Err(Refused::Unjudged(format!(
                "`{written}` matches `{}`, which would be taken for a flag\nhint: write ./{written}",
                flag.display()
            ))),
            None => Ok(found),
        }
    }
}

fn text(letters: &[Letter]) -> OsString {
    OsString::from_vec(letters.iter().map(|letter| letter.byte).collect())
}
