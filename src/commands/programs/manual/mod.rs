//! Manuals: what the verbs and flags of a program do, written down as text and read once.
//!
//! ```text
//! # a comment
//! :program git                     names of the program that the next lines describe
//! :kind repository                 what its effects are about
//! :first C= c=@unknown             flags that may stand before the verb only
//! :flags q quiet v verbose         flags that may stand anywhere
//! :style whole                     flags as Go's, Java's and terraform's: `-name X`, no clusters
//! :abbreviations                   a long flag may be cut short, or negated by `no-`
//! :until-word                      the first word that is no flag ends them, verb or not
//! :words-only                      nothing is a flag, whatever it looks like
//! :otherwise change                what a verb does that is not listed (and it is opaque)
//! status | read | s short          verb, what it does, its own flags
//! branch | read / make git branch -d it | D@delete
//!     m@change                     a line that begins with a blank belongs to the one before it
//! remote add, remote rename | make git remote remove it
//! rev-parse | read | *             any flag may be given, and none does anything
//! :set diff p patch U=             a list of flags with a name: `$diff`
//! . | read                         the program without a verb
//! ```
//!
//! A flag is `name` (takes no value), `name=` (takes one) or `name?` (may take one, glued). `@does` after it says what giving it does beside
//! what the verb does; `@read` there says that the verb only reads with it, and `@dry` that nothing at all is done with it.
//! `@trial` says that it is only tried out. What a value may be where no `@does` says it stands in `values/kinds.table`.
//! `=word@does` among the flags says what that word does where it stands after the verb, `=~@does` what a word does that names a secret.
//! Several things that a verb does, parted by ` / `, go by the number of words after it: none, one, and so on; the last is for more.

mod effects;
mod form;
mod text;

pub(super) use effects::written;
pub(super) use form::Form;

use crate::commands::flags::Table;
use crate::commands::found::Found;
use crate::commands::word::{Call, Word};
use std::collections::BTreeMap;

/// What a verb or a flag does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    /// Looks.
    Read,
    /// Nothing at all, whatever stands beside it: `--dry-run`, `--help`.
    Dry,
    /// Looks, and prints values of secrets.
    Secrets,
    /// Only tries it out, as far as what is tried out lets itself be.
    Trial,
    /// Changes something; this undoes it.
    Undo(&'static str),
    /// Makes something new; this undoes it.
    Make(&'static str),
    /// Starts something that serves; this ends it.
    Start(&'static str),
    /// Stops and starts again.
    Again,
    /// Works out again what can be worked out at any time.
    Refresh,
    /// Copies what is there into a new file, or onto standard output.
    Dump,
    /// Changes something; how that is undone is not known.
    Change,
    /// Writes the file that is the flag's value.
    File,
    /// Deletes.
    Delete,
    /// Loses data.
    Lose,
    /// Cuts a service.
    Cut,
    /// Changes who may do what.
    Access,
    /// Runs code that the command line does not show, and that its author could show: change, and opaque.
    Code,
    /// Runs code from who knows where, or whatever else is thinkable.
    Unknown,
    /// Runs the words after so many as a command: somewhere else if there are any, otherwise here.
    Runs(usize),
    /// The same with the words as the text of a shell.
    Script(usize),
    /// For flags: runs the value as the text of a shell, somewhere else.
    Shell,
    /// What a verb does that is not listed.
    Otherwise,
}

/// What is written down of several programs.
#[derive(Debug, Default)]
pub(super) struct Manual {
    programs: Vec<Program>,
    names: BTreeMap<&'static str, usize>,
}

/// What is written down of one program.
#[derive(Debug)]
pub(super) struct Program {
    kind: &'static str,
    abbreviations: bool,
    until_word: bool,
    words_only: bool,
    otherwise: Does,
    /// What may stand before a verb.
    start: Flags,
    verbs: Vec<Verb>,
}

/// One verb.
#[derive(Debug)]
pub(super) struct Verb {
    /// Its words: `remote`, `add`; none for the program without a verb.
    path: Vec<&'static str>,
    /// What it does with no word after it, with one, and so on.
    does: Vec<Does>,
    flags: Flags,
    /// Whether longer verbs begin with it.
    begins: bool,
}

/// Flags and what giving them does.
#[derive(Debug)]
struct Flags {
    table: Table,
    /// Whether others may be given that are not worth naming: they take no value, or a glued one, and do nothing.
    any: bool,
    does: Vec<(&'static str, Does)>,
    /// What some words do that stand after the verb.
    words: Vec<(&'static str, Does)>,
}

impl Manual {
    /// Reads manuals. A line that cannot be read is left out, so that what it describes is not known; a test keeps that from happening.
    pub(super) fn new(texts: &[&str]) -> Self {
        let mut manual = Self::default();
        for text in texts {
            for (names, program) in text::programs(text).programs {
                for name in names {
                    manual.names.insert(name, manual.programs.len());
                }
                manual.programs.push(program);
            }
        }
        manual
    }
    /// What is written down of this program.
    pub(super) fn program(&self, name: &str) -> Option<&Program> {
        self.names
            .get(name)
            .and_then(|index| self.programs.get(*index))
    }
    /// Judges a call by what is written down of its program.
    pub(super) fn judge(&self, call: &Call<'_>, found: &mut Found) {
        match self.program(call.program) {
            Some(program) => program.form(call.arguments).effects(call, found),
            None => found.opaque(format!("`{}` is not written down", call.program)),
        }
    }
}

impl Program {
    /// Takes a command line apart.
    pub(super) fn form(&self, arguments: &[Word]) -> Form<'_> {
        form::read(self, arguments)
    }
    fn verb(&self, path: &[&str]) -> Option<&Verb> {
        self.verbs.iter().find(|verb| verb.path == path)
    }
    /// Whether a verb begins with these words and goes on.
    fn goes_on(&self, path: &[&str]) -> bool {
        self.verbs
            .iter()
            .any(|verb| verb.path.len() > path.len() && verb.path.starts_with(path))
    }
}

#[cfg(test)]
pub(super) fn faults(text: &str) -> Vec<String> {
    text::programs(text).faults
}

#[cfg(test)]
mod tests {
    use super::{Manual, faults};
    use crate::commands::{
        found::Found,
        word::{Call, NoFiles, Setting, Stdin, Word},
    };
    use crate::domain::effect::{Class, Confidence, Place};

    const TEXT: &str = "\
:program tool instrument
:kind thing
:abbreviations
:flags q quiet
show | read | format= output=@file
make | make tool drop it | force@lose dry-run@dry n= name=
list | read / otherwise | a all
list add | change |
inside | runs 1 | t
";

    fn judged(words: &[Word]) -> (Class, Confidence) {
        let manual = Manual::new(&[TEXT]);
        let setting = Setting::new(Place::Host, &NoFiles);
        let mut found = Found::default();
        let call = Call {
            program: "tool",
            arguments: words,
            stdin: &Stdin::Nothing,
            setting: &setting,
        };
        manual.judge(&call, &mut found);
        let effects = found.into_analysis(None).effects;
        (effects.class(), effects.confidence)
    }
    fn known(line: &str) -> (Class, Confidence) {
        let words = line
            .split_whitespace()
            .map(|word| Word::Known(word.to_owned()));
        judged(&words.collect::<Vec<_>>())
    }

    #[test]
    fn a_verb_does_what_is_written_down() {
        assert_eq!(known("show x"), (Class::Read, Confidence::Exact));
        assert_eq!(known("make x"), (Class::Change, Confidence::Exact));
        assert_eq!(
            known("make --force x"),
            (Class::Destructive, Confidence::Exact)
        );
        assert_eq!(
            known("show --output /tmp/x y"),
            (Class::Change, Confidence::Exact)
        );
        assert_eq!(known("show --output - y"), (Class::Read, Confidence::Exact));
    }

    #[test]
    fn a_flag_that_is_cut_short_is_the_whole_one() {
        assert_eq!(
            known("make --fo x"),
            (Class::Destructive, Confidence::Exact)
        );
        assert_eq!(
            known("make --no-force x"),
            (Class::Change, Confidence::Exact)
        );
    }

    #[test]
    fn an_unknown_flag_makes_it_opaque_and_never_dry() {
        assert_eq!(known("show --strange x"), (Class::Read, Confidence::Opaque));
        assert_eq!(
            known("make --strange --dry-run x"),
            (Class::Change, Confidence::Opaque)
        );
        assert_eq!(known("make --dry-run x"), (Class::Read, Confidence::Exact));
        assert_eq!(
            known("make --dry-run=no x"),
            (Class::Change, Confidence::Exact)
        );
    }

    #[test]
    fn a_verb_that_is_not_written_down_writes_at_least() {
        assert_eq!(known("frobnicate"), (Class::Change, Confidence::Opaque));
        assert_eq!(known("list strange"), (Class::Change, Confidence::Opaque));
        assert_eq!(known("list"), (Class::Read, Confidence::Exact));
    }

    #[test]
    fn a_word_that_nobody_knows_yet_may_be_a_verb_or_a_flag() {
        let unknown = |text: &str| Word::Unknown(text.to_owned());
        let known = |text: &str| Word::Known(text.to_owned());
        let found = |words: &[Word]| judged(words);
        assert_eq!(
            found(&[unknown("$X")]),
            (Class::Destructive, Confidence::Opaque)
        );
        assert_eq!(
            found(&[known("show"), unknown("$X")]),
            (Class::Read, Confidence::Opaque)
        );
        assert_eq!(
            found(&[known("show"), known("--"), unknown("$X")]),
            (Class::Read, Confidence::Bounded)
        );
        assert_eq!(
            found(&[known("make"), unknown("$X")]),
            (Class::Destructive, Confidence::Opaque)
        );
    }

    #[test]
    fn a_line_that_cannot_be_read_is_told() {
        assert_eq!(faults(TEXT), Vec::<String>::new());
        let wrong = ":program x\nshow | reed |\n:strange\nno bars";
        assert_eq!(faults(wrong).len(), 3);
    }
}
