//! How one revision came from another, and who made the changes between them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Stands in a text for people whom nobody can name. No author reads like it: each has a mail address in angle brackets.
const UNKNOWN: &str = "and others who are not known";

/// The people who made the changes that led to a version of something, and whether that is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Authors {
    people: BTreeSet<String>,
    unknown: bool,
}

impl Authors {
    /// One person, `name <mail>`.
    pub fn one(person: &str) -> Self {
        Self::read(person)
    }

    /// Somebody, but nobody can say who.
    pub fn unknown() -> Self {
        Self {
            people: BTreeSet::new(),
            unknown: true,
        }
    }

    /// What [`Display`](fmt::Display) has written: one a line.
    pub fn read(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.is_empty());
        let (unknown, people): (Vec<&str>, Vec<&str>) = lines.partition(|line| *line == UNKNOWN);
        Self {
            people: people.into_iter().map(str::to_owned).collect(),
            unknown: !unknown.is_empty(),
        }
    }

    /// These and those.
    pub fn join(&mut self, others: &Self) {
        self.people.extend(others.people.iter().cloned());
        self.unknown |= others.unknown;
    }

    /// Those who are known.
    pub fn people(&self) -> impl Iterator<Item = &str> {
        self.people.iter().map(String::as_str)
    }

    /// Whether there may be more than those who are known.
    pub fn has_unknown(&self) -> bool {
        self.unknown
    }

    /// Whether there is nobody at all.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty() && !self.unknown
    }
}

impl fmt::Display for Authors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unknown = self.unknown.then_some(UNKNOWN);
        let lines: Vec<&str> = self.people().chain(unknown).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Whether a revision descends from the one that was in use before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Descent {
    /// There was none before, or it is the same one.
    None,
    /// It does.
    Follows,
    /// It does not: history was rewritten.
    Rewritten,
    /// The history that can be seen ends before that can be told.
    Unknown,
}

/// How a revision came from the one that was in use before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// Whether it descends from it.
    pub descent: Descent,
    /// Who changed which file on the way, by path.
    pub authors: BTreeMap<String, Authors>,
    /// Who may have changed any file on the way.
    pub anywhere: Authors,
    /// Who changed anything on the way, also outside of the followed folder.
    pub everyone: Authors,
}

impl Lineage {
    /// Of a revision that is the first one, or the same one: nothing was changed on the way but by these.
    pub fn none(anywhere: Authors) -> Self {
        Self {
            descent: Descent::None,
            authors: BTreeMap::new(),
            everyone: anywhere.clone(),
            anywhere,
        }
    }

    /// Nothing can be told but who made the last commit.
    pub fn unknown(last: &str) -> Self {
        let mut anywhere = Authors::one(last);
        anywhere.join(&Authors::unknown());
        Self {
            descent: Descent::Unknown,
            authors: BTreeMap::new(),
            everyone: anywhere.clone(),
            anywhere,
        }
    }

    /// Who changed this file.
    pub fn authors_of(&self, path: &str) -> Authors {
        let mut authors = self.authors.get(path).cloned().unwrap_or_default();
        authors.join(&self.anywhere);
        authors
    }
}

#[cfg(test)]
mod tests {
    use super::Authors;

    #[test]
    fn authors_read_as_they_were_written() {
        let mut authors = Authors::one("Ada <ada@example.org>");
        authors.join(&Authors::one("Bob <>"));
        assert_eq!(authors.to_string(), "Ada <ada@example.org>\nBob <>");
        assert_eq!(Authors::read(&authors.to_string()), authors);
        authors.join(&Authors::unknown());
        let read = Authors::read(&authors.to_string());
        assert_eq!(read, authors);
        assert!(read.has_unknown() && read.people().count() == 2);
        assert!(Authors::read("").is_empty());
    }
}
