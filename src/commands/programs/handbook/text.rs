//! Reads a book's text. What cannot be read is left out, and so judged as not known; a test reads every text.

use super::{Deed, Handbook, Home, Node};
use crate::commands::flags::{Style, Table};

/// Flags of a line or of a group.
#[derive(Debug, Default, Clone)]
struct Flags {
    valued: Vec<&'static str>,
    plain: Vec<&'static str>,
    glued: Vec<&'static str>,
    until_word: bool,
}

/// A text while it is read.
#[derive(Default)]
struct Reading {
    book: Handbook,
    own: Vec<Flags>,
    shared: Vec<Flags>,
    whole: bool,
    wrong: Vec<&'static str>,
}

impl Handbook {
    /// Reads a text.
    pub(in crate::commands::programs) fn read(text: &'static str) -> Self {
        Self::checked(text).0
    }

    /// Reads a text; also the lines that could not be read.
    pub(in crate::commands::programs) fn checked(text: &'static str) -> (Self, Vec<&'static str>) {
        let mut reading = Reading::default();
        reading.node(String::new());
        for line in text.lines() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if reading.line(line).is_none() {
                reading.wrong.push(line);
            }
        }
        reading.tables();
        (reading.book, reading.wrong)
    }
}

impl Reading {
    fn node(&mut self, path: String) -> usize {
        self.book.nodes.push(Node {
            path,
            children: Vec::new(),
            deed: None,
            table: Table {
                style: Style::Clusters,
                valued: &[],
                plain: &[],
                glued: &[],
                until_word: false,
            },
            local: Vec::new(),
        });
        self.own.push(Flags::default());
        self.shared.push(Flags::default());
        self.book.nodes.len() - 1
    }

    fn line(&mut self, line: &'static str) -> Option<()> {
        if let Some(setting) = line.strip_prefix('%') {
            return self.setting(setting.trim());
        }
        let mut columns = line.splitn(3, " |").map(str::trim);
        let (path, deed) = (columns.next()?, columns.next().unwrap_or(""));
        let flags = Flags::read(columns.next().unwrap_or(""));
        if path == "*" || path.ends_with(" *") {
            let at = self.at(path.trim_end_matches('*').trim())?;
            self.shared[at].add(&flags);
            return Some(());
        }
        let at = self.at(path.trim_start_matches('.'))?;
        if let Some(other) = deed.strip_prefix("= ") {
            return self.same(at, other);
        }
        if !deed.is_empty() {
            self.book.nodes[at].deed = Some(Deed::read(deed)?);
        }
        self.own[at].add(&flags);
        Some(())
    }

    fn setting(&mut self, line: &'static str) -> Option<()> {
        let mut words = line.split_whitespace();
        match words.next()? {
            "place" => {
                self.book.place = match words.next()? {
                    "host" => Home::Host,
                    "cluster" => Home::Cluster,
                    "network" => Home::Network(words.next()?),
                    _ => return None,
                }
            }
            "namespace" => {
                self.book.namespace = words.next()?;
                self.book.namespace_flags = words.collect();
            }
            "refuse" => self.book.refused = words.collect(),
            "runs" => self.book.runs = words.collect(),
            "whole" => self.whole = true,
            _ => return None,
        }
        Some(())
    }

    /// The command of these words, made if it is new. The last word may have other names.
    fn at(&mut self, path: &'static str) -> Option<usize> {
        let mut at = 0;
        for names in path.split_whitespace() {
            let first = names.split(',').next()?;
            let known = |reading: &Self| {
                let node = &reading.book.nodes[at];
                let child = node.children.iter().find(|(name, _)| *name == first);
                child.map(|(_, child)| *child)
            };
            let child = known(self).unwrap_or_else(|| {
                let path = format!("{} {first}", self.book.nodes[at].path);
                let child = self.node(path.trim().to_owned());
                self.book.nodes[at].children.push((first, child));
                child
            });
            for other in names.split(',').skip(1) {
                let children = &mut self.book.nodes[at].children;
                match children.iter().find(|(name, _)| *name == other) {
                    Some((_, known)) if *known == child => {}
                    // One word cannot name two commands.
                    Some(_) => return None,
                    None => children.push((other, child)),
                }
            }
            at = child;
        }
        Some(at)
    }

    fn same(&mut self, at: usize, other: &'static str) -> Option<()> {
        let other = self.at(other)?;
        let (deed, path) = (
            self.book.nodes[other].deed.clone()?,
            self.book.nodes[other].path.clone(),
        );
        let node = &mut self.book.nodes[at];
        (node.deed, node.path) = (Some(deed), path);
        self.own[at] = self.own[other].clone();
        Some(())
    }

    /// Gives every command its table: its own flags and those of its groups.
    fn tables(&mut self) {
        let mut open = vec![(0, Flags::default())];
        while let Some((at, mut shared)) = open.pop() {
            shared.add(&self.shared[at]);
            let mut below: Vec<_> = self.book.nodes[at]
                .children
                .iter()
                .map(|(_, child)| *child)
                .collect();
            below.sort_unstable();
            // A command of several names is one.
            below.dedup();
            open.extend(below.into_iter().map(|child| (child, shared.clone())));
            let own = std::mem::take(&mut self.own[at]);
            let node = &mut self.book.nodes[at];
            node.local = [&own.valued[..], &own.plain, &own.glued].concat();
            node.table = own.over(shared).table(self.whole);
        }
    }
}

impl Flags {
    fn read(text: &'static str) -> Self {
        let mut flags = Self::default();
        for word in text.split_whitespace() {
            match (word.strip_suffix('='), word.strip_suffix('?')) {
                (Some(name), _) => flags.valued.push(name),
                (None, Some(name)) => flags.glued.push(name),
                (None, None) if word == ">" => flags.until_word = true,
                (None, None) => flags.plain.push(word),
            }
        }
        flags
    }

    fn add(&mut self, other: &Self) {
        self.valued.extend(&other.valued);
        self.plain.extend(&other.plain);
        self.glued.extend(&other.glued);
        self.until_word |= other.until_word;
    }

    /// These, and of the shared ones those that these do not say otherwise.
    fn over(mut self, shared: Self) -> Self {
        let own = [&self.valued[..], &self.plain, &self.glued].concat();
        let new = |list: Vec<&'static str>| {
            list.into_iter()
                .filter(|name| !own.contains(name))
                .collect::<Vec<_>>()
        };
        self.valued.extend(new(shared.valued));
        self.plain.extend(new(shared.plain));
        self.glued.extend(new(shared.glued));
        for help in ["help", "h"] {
            let taken = [&self.valued[..], &self.plain, &self.glued].concat();
            if !taken.contains(&help) {
                self.plain.push(help);
            }
        }
        self
    }

    /// A table for as long as the program runs, as one written in the source would be.
    fn table(self, whole: bool) -> Table {
        Table {
            style: if whole { Style::Whole } else { Style::Clusters },
            valued: self.valued.leak(),
            plain: self.plain.leak(),
            glued: self.glued.leak(),
            until_word: self.until_word,
        }
    }
}
