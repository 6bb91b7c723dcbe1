//! One document from its events.

use crate::runbooks::{
    compose::{
        Composed, MAX_DEPTH, MAX_FAULTS, place,
        repeated::take_out_repeated,
        text::{count, is_forbidden, refuse},
        too_deep,
    },
    gaps::Gaps,
    problems::{Fault, Place},
    scalar,
    tree::{Content, Entry, Node},
};
use granit_parser::{Event, Marker, ScalarStyle, StructureStyle};
use std::borrow::Cow;

/// Where a document breaks off, what is open down to this depth is used without its end: `spec` and its lists, but no step.
const USED_TO: usize = 3;

/// Builds one document. What is refused is left out, with a fault and a gap, and building goes on.
pub(super) struct Builder<'s> {
    text: &'s str,
    stack: Vec<Open<'s>>,
    root: Option<Node<'s>>,
    faults: Vec<Fault>,
    gaps: Gaps,
    broken_line: Option<u32>,
    anchored: Anchored,
}

/// Anchors and the aliases that stand for them. They are told once for a document: ten lines can hold a hundred of them.
#[derive(Default)]
struct Anchored {
    /// Which fault tells of them.
    told_by: Option<usize>,
    count: usize,
}

/// A collection whose end has not come yet.
struct Open<'s> {
    frame: Frame<'s>,
    place: Place,
    /// It stands where none can: as a key, or too deep.
    is_refused: bool,
    /// It is written with brackets.
    in_brackets: bool,
}

enum Frame<'s> {
    Sequence(Vec<Node<'s>>),
    Mapping {
        entries: Vec<Entry<'s>>,
        key: Key<'s>,
    },
}

/// The key whose value comes next.
enum Key<'s> {
    /// There is none yet.
    Wanted,
    Named(Cow<'s, str>, Place),
    /// It is refused, and its value with it.
    Refused,
}

impl<'s> Builder<'s> {
    pub(super) fn new(text: &'s str) -> Self {
        Self {
            text,
            stack: Vec::new(),
            root: None,
            faults: Vec::new(),
            gaps: Gaps::default(),
            broken_line: None,
            anchored: Anchored::default(),
        }
    }

    /// Whether enough is wrong already.
    pub(super) fn is_full(&self) -> bool {
        self.faults.len() >= MAX_FAULTS
    }

    /// Notes what is wrong.
    pub(super) fn refuse(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// Notes where the document is no YAML. What follows from a fault told already is not told.
    pub(super) fn syntax(&mut self, fault: Fault) {
        self.broken_line = Some(fault.place.line);
        let last = self.faults.last();
        if last.is_none_or(|last| last.place.line != fault.place.line) {
            self.faults.push(fault);
        }
    }

    /// The innermost bracket that is open.
    pub(super) fn open_bracket(&self) -> Option<Place> {
        let open = self.stack.iter().rev().find(|open| open.in_brackets);
        open.map(|open| open.place)
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what carries no value is passed over, also what the parser may add"
    )]
    pub(super) fn take(&mut self, event: Event<'s>, at: Marker) {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.anchor(anchor, at);
                if tag.is_some() {
                    self.tag(at);
                    self.leave_out();
                } else {
                    self.scalar(text, style, place(at));
                }
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.properties(anchor, tag.is_some(), at);
                self.open(Frame::Sequence(Vec::new()), style, place(at));
            }
            Event::MappingStart(style, anchor, tag) => {
                self.properties(anchor, tag.is_some(), at);
                let (entries, key) = (Vec::new(), Key::Wanted);
                self.open(Frame::Mapping { entries, key }, style, place(at));
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(_) => {
                self.anchored.count += 1;
                self.leave_out();
            }
            Event::UnresolvedAlias(_) => self.alias(place(at)),
            _ => {}
        }
    }

    fn properties(&mut self, anchor: usize, tagged: bool, at: Marker) {
        self.anchor(anchor, at);
        if tagged {
            self.tag(at);
        }
    }

    fn anchor(&mut self, anchor: usize, at: Marker) {
        if anchor == 0 {
            return;
        }
        self.anchored.count += 1;
        if self.anchored.told_by.is_none() {
            self.anchored.told_by = Some(self.faults.len());
            let fault = Fault::new(self.before('&', at), "anchors are not allowed");
            self.faults.push(fault.hint(
                "write the value out where it is needed, or quote it if it begins with `&` as text",
            ));
        }
    }

    fn tag(&mut self, at: Marker) {
        let fault = Fault::new(self.before('!', at), "tags are not allowed");
        self.faults
            .push(fault.hint("remove the tag, or quote the value if it begins with `!` as text"));
    }

    /// Where the anchor or tag stands that begins with `mark` and comes before the value: perhaps on a line above it.
    fn before(&self, mark: char, value: Marker) -> Place {
        let found = || {
            let until = self.text.get(..value.byte_offset()?)?;
            let last = until.rfind(mark)?;
            let word = until.get(..last)?;
            let begins = |c: char| c.is_whitespace() || "[{,:".contains(c);
            let begin = word.rfind(begins).map_or(0, |at| at + 1);
            let lines = until.get(begin..)?.matches('\n').count();
            let line = until.get(..begin)?.rsplit('\n').next()?;
            Some(Place {
                line: count(value.line().saturating_sub(lines)),
                column: count(line.chars().count() + 1),
            })
        };
        found().unwrap_or_else(|| place(value))
    }

    fn alias(&mut self, place: Place) {
        if !self.is_merged() {
            let fault = Fault::new(place, "aliases are not allowed");
            self.faults
                .push(fault.hint("write the value out, or quote it if it begins with `*` as text"));
        }
        self.leave_out();
    }

    /// Whether this belongs to a key that is refused, as in `<<: [*a, *b]`: one message is enough.
    fn is_merged(&self) -> bool {
        let refused = |open: &Open<'_>| match &open.frame {
            Frame::Mapping { key, .. } => matches!(key, Key::Refused),
            Frame::Sequence(_) => false,
        };
        self.stack.iter().rev().take(2).any(refused)
    }

    fn scalar(&mut self, text: Cow<'s, str>, style: ScalarStyle, place: Place) {
        if style == ScalarStyle::DoubleQuoted
            && let Some(character) = text.chars().find(|&character| is_forbidden(character))
        {
            self.faults.push(refuse(place, character));
            self.leave_out();
            return;
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
                self.leave_out();
            }
        }
    }

    /// Passes over something that is refused, so that what follows keeps its role.
    fn leave_out(&mut self) {
        let Some(open) = self.stack.last_mut() else {
            return;
        };
        let Frame::Mapping { key, .. } = &mut open.frame else {
            self.gaps.add_any(open.place);
            return;
        };
        match std::mem::replace(key, Key::Wanted) {
            Key::Wanted => {
                *key = Key::Refused;
                self.gaps.add_any(open.place);
            }
            Key::Named(name, _) => self.gaps.add(open.place, &name),
            Key::Refused => {}
        }
    }

    /// A key is always text: `on:` is the key `on`.
    fn key(&mut self, text: Cow<'s, str>, style: ScalarStyle, place: Place) {
        if style == ScalarStyle::Plain && text == "<<" {
            let fault = Fault::new(place, "merge keys are not allowed");
            self.faults.push(fault.hint("write the keys out"));
            self.leave_out();
        } else if text.is_empty() {
            self.faults.push(Fault::new(place, "a key is empty"));
            self.leave_out();
        } else if let Some(open) = self.stack.last_mut()
            && let Frame::Mapping { key, .. } = &mut open.frame
        {
            *key = Key::Named(text, place);
        }
    }

    fn wants_key(&self) -> bool {
        let last = self.stack.last().map(|open| &open.frame);
        matches!(
            last,
            Some(Frame::Mapping {
                key: Key::Wanted,
                ..
            })
        )
    }

    fn open(&mut self, frame: Frame<'s>, style: StructureStyle, place: Place) {
        let as_key = self.wants_key();
        if as_key {
            let fault = Fault::new(place, "a key must be text, not a collection");
            self.faults.push(fault.hint("quote it if it is text"));
        }
        let is_too_deep = self.stack.len() == MAX_DEPTH;
        if is_too_deep {
            self.faults.push(too_deep(place));
        }
        self.stack.push(Open {
            frame,
            place,
            is_refused: as_key || is_too_deep,
            in_brackets: style == StructureStyle::Flow,
        });
    }

    fn close(&mut self) {
        let Some(open) = self.stack.pop() else {
            return;
        };
        if open.is_refused {
            self.leave_out();
            return;
        }
        let content = match open.frame {
            Frame::Sequence(items) => Content::Sequence(items),
            Frame::Mapping { mut entries, .. } => {
                take_out_repeated(&mut entries, &mut self.faults);
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
                if let Key::Named(key, place) = std::mem::replace(key, Key::Wanted) {
                    entries.push(Entry {
                        key,
                        place,
                        value: node,
                    });
                }
            }
        }
    }

    /// The document; nothing if it is empty.
    pub(super) fn finish(self) -> Option<Composed<'s>> {
        let Self {
            mut faults,
            gaps,
            broken_line,
            anchored: Anchored { told_by, count },
            ..
        } = self;
        let fault = told_by.and_then(|told_by| faults.get_mut(told_by));
        if let Some(fault) = fault.filter(|_| count > 1) {
            fault.what = format!(
                "anchors and aliases are not allowed; {count} of them stand in this document"
            );
        }
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
        Some(Composed {
            root,
            faults,
            gaps,
            broken_line,
        })
    }

    /// The document where it broke off: what was read before, without what was not read to its end.
    pub(super) fn cut_off(mut self) -> Option<Composed<'s>> {
        let mut depth = self.stack.len();
        let mut is_settled = false;
        while let Some(open) = self.stack.last_mut() {
            open.is_refused |= open.in_brackets || depth > USED_TO;
            is_settled |= open.is_refused;
            self.gaps.add_any(open.place);
            self.close();
            depth -= 1;
        }
        // What was read last is gone already if it stood in a collection that is not used.
        if let Some(root) = self.root.as_mut().filter(|_| !is_settled)
            && doubt(root, &mut self.gaps)
        {
            self.gaps.add_any(root.place);
            root.content = Content::Null;
        }
        self.finish()
    }
}

/// What was read last may be more or less than was meant: a line that is indented wrongly ends a collection that was to go on, and
/// a text goes on over lines that were to be keys. The text is taken out, and the collections around it have a gap. Whether the node
/// is such a text itself.
fn doubt(node: &mut Node<'_>, gaps: &mut Gaps) -> bool {
    match &mut node.content {
        Content::Sequence(items) => {
            items.pop_if(|last| doubt(last, gaps));
        }
        Content::Mapping(entries) => {
            entries.pop_if(|last| doubt(&mut last.value, gaps));
        }
        Content::Null | Content::Bool(_) | Content::Number(_) | Content::Text(_) => {
            return true;
        }
    }
    gaps.add_any(node.place);
    false
}
