//! Text from git to trees with places, strictly: YAML 1.2 without anchors, aliases, tags, merge keys, directives, repeated keys
//! and scalars that readers disagree about.
//!
//! Built on the events of granit-parser, because the tree builders among the YAML crates let a few hundred kilobytes exhaust the
//! stack, the memory or the patience. Everything is bounded: bytes, nodes, depth. Nothing here recurses.

mod text;

use crate::runbooks::{
    compose::text::{count, is_forbidden, refuse},
    problems::{Fault, Place},
    scalar,
    tree::{Content, Entry, Node},
};
use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, StrInput, StructureStyle};
use std::borrow::Cow;

pub(super) use crate::runbooks::compose::text::{decode, forbidden};

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
        parser: Parser::new_from_str_with_options(text, options),
        documents: Vec::new(),
        nodes: 0,
    };
    while composer.document() {}
    composer.documents
}

struct Composer<'s> {
    parser: Parser<'s, StrInput<'s>>,
    documents: Vec<Composed<'s>>,
    nodes: usize,
}

impl Composer<'_> {
    /// Reads one document; false at the end of the text, or when reading on makes no sense.
    fn document(&mut self) -> bool {
        let mut builder = Builder::default();
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
                    let (line, column) = (span.start.line(), span.start.col());
                    builder.take(event, place(line, column));
                    self.nodes += 1;
                    if self.nodes > MAX_NODES {
                        let what = format!("the file has more than {MAX_NODES} values");
                        builder.faults.push(Fault::new(place(line, column), what));
                        self.documents.extend(builder.finish());
                        return false;
                    }
                    if builder.faults.len() >= MAX_FAULTS {
                        self.documents.extend(builder.finish());
                        return false;
                    }
                }
                Some(Err(error)) => {
                    builder.syntax(&error);
                    self.documents.extend(builder.finish());
                    return self.documents.len() < MAX_FAULTS
                        && self.parser.proceed_next_document().unwrap_or(false);
                }
            }
        }
    }
}

fn place(line: usize, column: usize) -> Place {
    Place {
        line: count(line.max(1)),
        column: count(column + 1),
    }
}

fn syntax_fault(error: &ScanError) -> Fault {
    let place = place(error.marker().line(), error.marker().col());
    let kind = error.kind();
    if matches!(kind, ErrorKind::RecursionLimitExceeded) {
        return too_deep(place);
    }
    let fault = Fault::new(place, format!("this is not YAML: {kind}"));
    if matches!(kind, ErrorKind::DirectiveDisallowed) {
        return fault.hint("remove the line that begins with `%`");
    }
    if matches!(
        kind,
        ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation
    ) {
        return fault.hint("indent with spaces");
    }
    if matches!(kind, ErrorKind::UnexpectedCharacter { .. }) {
        return fault.hint("quote the text");
    }
    fault
}

fn too_deep(place: Place) -> Fault {
    Fault::new(place, format!("nested deeper than {MAX_DEPTH} levels"))
}

/// Builds one document from its events.
#[derive(Default)]
struct Builder<'s> {
    stack: Vec<Open<'s>>,
    root: Option<Node<'s>>,
    faults: Vec<Fault>,
}

/// A collection whose end has not come yet.
struct Open<'s> {
    frame: Frame<'s>,
    place: Place,
    /// It stands where a key is wanted.
    as_key: bool,
    /// It is written with brackets.
    in_brackets: bool,
}

enum Frame<'s> {
    Sequence(Vec<Node<'s>>),
    Mapping {
        entries: Vec<Entry<'s>>,
        key: Option<(Cow<'s, str>, Place)>,
    },
}

impl<'s> Builder<'s> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what carries no value is passed over, also what the parser may add"
    )]
    fn take(&mut self, event: Event<'s>, place: Place) {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.properties(anchor, tag.is_some(), place);
                self.scalar(text, style, place);
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.properties(anchor, tag.is_some(), place);
                self.open(Frame::Sequence(Vec::new()), style, place);
            }
            Event::MappingStart(style, anchor, tag) => {
                self.properties(anchor, tag.is_some(), place);
                let entries = Vec::new();
                self.open(Frame::Mapping { entries, key: None }, style, place);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let fault = Fault::new(place, "aliases are not allowed");
                self.faults.push(
                    fault.hint("write the value out, or quote it if it begins with `*` as text"),
                );
                self.placeholder(place);
            }
            _ => {}
        }
    }

    /// Ends the document where it is no YAML. What follows from a fault told already is not told.
    fn syntax(&mut self, error: &ScanError) {
        let mut fault = syntax_fault(error);
        let line = fault.place.line;
        if self
            .faults
            .last()
            .is_some_and(|last| last.place.line == line)
        {
            return;
        }
        let bracket = self.stack.iter().find(|open| open.in_brackets);
        if let Some(Place { line, column }) = bracket.map(|open| open.place) {
            fault.hint = Some(format!(
                "look whether the bracket at {line}:{column} is closed"
            ));
        }
        self.faults.push(fault);
    }

    fn properties(&mut self, anchor: usize, tagged: bool, place: Place) {
        if anchor != 0 {
            let fault = Fault::new(place, "anchors are not allowed");
            self.faults.push(fault.hint(
                "write the value out where it is needed, or quote it if it begins with `&` as text",
            ));
        }
        if tagged {
            let fault = Fault::new(place, "tags are not allowed");
            self.faults.push(
                fault.hint("remove the tag, or quote the value if it begins with `!` as text"),
            );
        }
    }

    fn scalar(&mut self, text: Cow<'s, str>, style: ScalarStyle, place: Place) {
        if style == ScalarStyle::DoubleQuoted
            && let Some(character) = text.chars().find(|&character| is_forbidden(character))
        {
            self.faults.push(refuse(place, character));
        }
        if self.wants_key() {
            self.key(text, style, place);
            return;
        }
        if style != ScalarStyle::Plain {
            self.add(Content::Text(text), place);
            return;
        }
        match scalar::read(text) {
            Ok(content) => self.add(content, place),
            Err(ambiguous) => {
                self.faults
                    .push(Fault::new(place, ambiguous.what).hint(ambiguous.hint));
                self.placeholder(place);
            }
        }
    }

    /// Takes the room of something that is refused, so that what follows keeps its role.
    fn placeholder(&mut self, place: Place) {
        if self.wants_key() {
            self.set_key(Cow::Borrowed(""), place);
        } else {
            self.add(Content::Null, place);
        }
    }

    /// A key is always text: `on:` is the key `on`.
    fn key(&mut self, text: Cow<'s, str>, style: ScalarStyle, place: Place) {
        if style == ScalarStyle::Plain && text == "<<" {
            let fault = Fault::new(place, "merge keys are not allowed");
            self.faults.push(fault.hint("write the keys out"));
        }
        if text.is_empty() {
            self.faults.push(Fault::new(place, "a key is empty"));
        }
        self.set_key(text, place);
    }

    fn set_key(&mut self, text: Cow<'s, str>, place: Place) {
        if let Some(open) = self.stack.last_mut()
            && let Frame::Mapping { key, .. } = &mut open.frame
        {
            *key = Some((text, place));
        }
    }

    fn wants_key(&self) -> bool {
        let last = self.stack.last().map(|open| &open.frame);
        matches!(last, Some(Frame::Mapping { key: None, .. }))
    }

    fn open(&mut self, frame: Frame<'s>, style: StructureStyle, place: Place) {
        let as_key = self.wants_key();
        if as_key {
            let fault = Fault::new(place, "a key must be text, not a collection");
            self.faults.push(fault.hint("quote it if it is text"));
        }
        if self.stack.len() == MAX_DEPTH {
            self.faults.push(too_deep(place));
        }
        self.stack.push(Open {
            frame,
            place,
            as_key,
            in_brackets: style == StructureStyle::Flow,
        });
    }

    fn close(&mut self) {
        let Some(open) = self.stack.pop() else {
            return;
        };
        if open.as_key {
            self.set_key(Cow::Borrowed(""), open.place);
            return;
        }
        let content = match open.frame {
            Frame::Sequence(items) => Content::Sequence(items),
            Frame::Mapping { entries, .. } => {
                self.find_repeated(&entries);
                Content::Mapping(entries)
            }
        };
        self.add(content, open.place);
    }

    fn add(&mut self, content: Content<'s>, place: Place) {
        let node = Node { content, place };
        match self.stack.last_mut().map(|open| &mut open.frame) {
            None => self.root = Some(node),
            Some(Frame::Sequence(items)) => items.push(node),
            Some(Frame::Mapping { entries, key }) => {
                if let Some((key, place)) = key.take() {
                    entries.push(Entry {
                        key,
                        place,
                        value: node,
                    });
                }
            }
        }
    }

    fn find_repeated(&mut self, entries: &[Entry<'s>]) {
        let mut sorted: Vec<&Entry<'s>> = entries.iter().collect();
        sorted.sort_by(|one, other| (&one.key, one.place).cmp(&(&other.key, other.place)));
        for pair in sorted.windows(2) {
            if let [first, second] = pair
                && first.key == second.key
            {
                let Place { line, column } = first.place;
                let what = format!(
                    "the key `{}` is repeated; it stands already at {line}:{column}",
                    first.key
                );
                self.faults
                    .push(Fault::new(second.place, what).hint("keep one of them"));
            }
        }
    }

    /// The document, closed where it was cut off; nothing if it is empty.
    fn finish(mut self) -> Option<Composed<'s>> {
        while !self.stack.is_empty() {
            self.close();
        }
        let faults = self.faults;
        let first = faults.first().map(|fault| fault.place);
        let root = self.root.or_else(|| {
            first.map(|place| Node {
                content: Content::Null,
                place,
            })
        })?;
        if faults.is_empty() && root.content == Content::Null {
            return None;
        }
        Some(Composed { root, faults })
    }
}

#[cfg(test)]
mod tests;
