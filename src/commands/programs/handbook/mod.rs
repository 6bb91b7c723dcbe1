//! Programs described by a text: their commands, what each of them does, and its flags.
//!
//! ```text
//! % place cluster                       where its effects are: host (where the command runs), cluster, or network NAME
//! % namespace default n namespace       the namespace without a flag, and the flags that name one
//! % refuse kubeconfig                   flags that nobody may consent to
//! % runs password-command               flags whose value is text that a shell runs
//! * | | v= debug                        flags of every command
//! app * | | N= app-namespace=           flags of every command below `app`
//! app ls,list | list application | o=   a command and its other names | what it does | its flags
//! app rm | delete application many | y yes
//! ps | = container ls                   the same as another
//! ```
//! A flag that ends in `=` takes a value, one in `?` only glued to it, others none; `>` says that flags end at the first word.
//! What its value may be is said by a mark of the command, or in `values/kinds.table`; otherwise it has to be harmless by its form.
//! What a command does is said in the words of [`deed`]. Each text names the version that it was read from; `tests` reads them all.

mod book;
mod deed;
mod judge;
mod marks;
mod names;
mod text;

use crate::commands::{
    flags::{Parsed, Table},
    word::Word,
};
pub(super) use book::Book;
#[cfg(test)]
pub(super) use book::assert_understood;
pub(super) use deed::{Deed, file_made, file_written, guarded_file};
pub(super) use judge::Own;
pub(super) use names::lists_names;

/// A program's commands.
#[derive(Debug, Default)]
pub(super) struct Handbook {
    nodes: Vec<Node>,
    place: Home,
    namespace: &'static str,
    namespace_flags: Vec<&'static str>,
    refused: Vec<&'static str>,
    runs: Vec<&'static str>,
}

/// Where the effects of a program's commands are.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Home {
    #[default]
    Host,
    Cluster,
    Network(&'static str),
}

/// One command, or a group of commands.
#[derive(Debug)]
struct Node {
    path: String,
    children: Vec<(&'static str, usize)>,
    deed: Option<Deed>,
    table: Table,
    /// The flags that this command itself brings, not those of its groups.
    local: Vec<&'static str>,
}

/// A command line with its command found.
#[derive(Debug)]
pub(super) struct Page<'m> {
    /// The command's words: `container rm`; empty for the program itself.
    pub(super) path: &'m str,
    /// What it does; none: a group, or the program itself.
    pub(super) deed: Option<&'m Deed>,
    /// Its flags and other words.
    pub(super) parsed: Parsed,
    local: &'m [&'static str],
}

impl Page<'_> {
    /// Whether the command itself, not one of its groups, knows this flag.
    pub(super) fn is_own_flag(&self, name: &str) -> bool {
        self.local.contains(&name)
    }
    /// Whether it only shows how it is used.
    pub(super) fn asks_for_help(&self) -> bool {
        let short = !self.local.contains(&"h") && self.parsed.value(&["h"]).is_none();
        let names: &[&str] = if short { &["help", "h"] } else { &["help"] };
        let word = self.path.is_empty() && self.parsed.verb() == Some("help");
        let version =
            self.path.is_empty() && self.parsed.words.is_empty() && self.parsed.shows(&["version"]);
        self.parsed.shows(names) || word || version
    }
}

impl Handbook {
    /// Whether it knows a command of this name.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.nodes
            .first()
            .is_some_and(|root| root.children.iter().any(|(child, _)| *child == name))
    }

    /// Finds the command and takes its line apart.
    pub(super) fn page(&self, arguments: &[Word]) -> Page<'_> {
        let mut rest: Vec<Word> = arguments.to_vec();
        let mut at = 0;
        let mut strange: Vec<String> = Vec::new();
        while let Some((index, child)) = self.step(at, &rest, &mut strange) {
            rest.remove(index);
            at = child;
        }
        let node = &self.nodes[at];
        let mut parsed = node.table.parse(&rest);
        strange.retain(|flag| !parsed.unknown.contains(flag));
        parsed.unknown.extend(strange);
        Page {
            path: &node.path,
            deed: node.deed.as_ref(),
            parsed,
            local: &node.local,
        }
    }

    /// The place of the next word of the command, and the command that it leads to.
    fn step(&self, at: usize, words: &[Word], strange: &mut Vec<String>) -> Option<(usize, usize)> {
        let node = &self.nodes[at];
        if node.children.is_empty() {
            return None;
        }
        let mut index = 0;
        while let Some(word) = words.get(index) {
            let Some(text) = word.known() else {
                // `--endpoints=$URL` is one flag, whatever its value is; `$VERB` may be anything.
                is_glued_flag(word.text()).then_some(())?;
                index += 1;
                continue;
            };
            if text == "--" {
                return None;
            }
            if text == "-" || !text.starts_with('-') {
                let child = node.children.iter().find(|(name, _)| *name == text);
                return child.map(|(_, child)| (index, *child));
            }
            let parsed =
                (node.table).parse(&[Word::Known(text.to_owned()), Word::Known("x".to_owned())]);
            let swallows = if parsed.unknown.is_empty() {
                parsed.words.is_empty()
            } else {
                // A flag that is not known takes the next word, as programs of this sort read it.
                if !strange.iter().any(|flag| flag == text) {
                    strange.push(text.to_owned());
                }
                !text.contains('=') && (text.starts_with("--") || text.len() == 2)
            };
            index += 1 + usize::from(swallows);
        }
        None
    }
}

/// Whether a flag is known, and its value is not: `--name=$X`.
fn is_glued_flag(text: &str) -> bool {
    let known = text.split(['$', '`', '*', '?', '[']).next().unwrap_or("");
    known.starts_with('-') && (known.contains('=') || known.len() > 1 && !known.starts_with("--"))
}

#[cfg(test)]
mod tests;
