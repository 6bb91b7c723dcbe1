//! Text from git to trees with places, strictly: YAML 1.2 without anchors, aliases, tags, merge keys, directives, repeated keys
//! and scalars that readers disagree about.
//!
//! Built on the events of granit-parser, because the tree builders among the YAML crates let a few hundred kilobytes exhaust the
//! stack, the memory or the patience. Everything is bounded: bytes, nodes, depth. Nothing here recurses.

mod builder;
mod syntax;
mod text;

use crate::runbooks::{
    compose::{
        builder::Builder,
        text::{MAX_BYTES, count},
    },
    gaps::Gaps,
    problems::{Fault, Place},
    tree::Node,
};
use granit_parser::{Event, Marker, Parser, StrInput};

pub(super) use crate::runbooks::compose::text::{Decoded, Worth, decode, too_large};

/// The largest file that is read, in bytes.
pub const MAX_FILE_BYTES: usize = MAX_BYTES;
/// The most nodes of one file, keys counted.
const MAX_NODES: usize = 50_000;
/// How deep collections may be nested.
const MAX_DEPTH: usize = 64;
/// Faults of one document after which the rest of the file is not read.
const MAX_FAULTS: usize = 100;

/// One document of a file.
#[derive(Debug)]
pub(super) struct Composed<'s> {
    /// The tree, or as much of it as could be read.
    pub(super) root: Node<'s>,
    /// What is wrong with its text. A document with faults is not used.
    pub(super) faults: Vec<Fault>,
    /// What is not in the tree because of them.
    pub(super) gaps: Gaps,
}

/// Reads every document of a text. After a document that cannot be read, the next one is tried.
pub(super) fn compose(text: &str) -> Vec<Composed<'_>> {
    let options = granit_parser::options! {
        disallow_directives: true,
        emit_comments: false,
        emit_unresolved_aliases: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut composer = Composer {
        text,
        parser: Parser::new_from_str_with_options(text, options),
        documents: Vec::new(),
        nodes: 0,
    };
    while composer.document() {}
    composer.documents
}

struct Composer<'s> {
    text: &'s str,
    parser: Parser<'s, StrInput<'s>>,
    documents: Vec<Composed<'s>>,
    nodes: usize,
}

impl Composer<'_> {
    /// Reads one document; false at the end of the text, or when reading on makes no sense.
    fn document(&mut self) -> bool {
        let mut builder = Builder::new(self.text);
        let mut read_to = 0;
        loop {
            match self.parser.next_event() {
                None | Some(Ok((Event::StreamEnd, _))) => {
                    return false;
                }
                Some(Ok((Event::DocumentEnd, _))) => {
                    self.documents.extend(builder.finish());
                    return true;
                }
                Some(Ok((event, span))) => {
                    read_to = span.end.byte_offset().unwrap_or_default();
                    builder.take(event, span.start);
                    self.nodes += 1;
                    if self.nodes > MAX_NODES {
                        let what = format!("the file has more than {MAX_NODES} values");
                        builder.refuse(Fault::new(place(span.start), what));
                        self.documents.extend(builder.cut_off());
                        return false;
                    }
                    if builder.is_full() {
                        self.documents.extend(builder.cut_off());
                        return false;
                    }
                }
                Some(Err(error)) => {
                    let bracket = builder.open_bracket();
                    builder.syntax(syntax::fault(self.text, read_to, &error, bracket));
                    self.documents.extend(builder.cut_off());
                    return self.documents.len() < MAX_FAULTS
                        && self.parser.proceed_next_document().unwrap_or(false);
                }
            }
        }
    }
}

fn place(marker: Marker) -> Place {
    Place {
        line: count(marker.line().max(1)),
        column: count(marker.col() + 1),
    }
}

fn too_deep(place: Place) -> Fault {
    Fault::new(place, format!("nested deeper than {MAX_DEPTH} levels"))
}

#[cfg(test)]
mod tests;
