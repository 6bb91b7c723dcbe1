//! What could be mended in a faulty tree, so that the rest of it can be checked too.

use crate::{
    domain::pointer::below,
    runbooks::{
        explain::Explained,
        gaps::Gaps,
        problems::Place,
        tree::{Content, Entry, Node},
    },
};
use std::{borrow::Cow, collections::BTreeMap};

/// What is done to the value that a JSON Pointer leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mend {
    /// Its key was meant to be this one.
    Rename(String),
    /// The same, but its value cannot be what was meant: it is left out.
    Mistake(String),
    /// It is left out.
    Remove,
    /// Nobody knows what its key was meant to be: it is left out.
    Forget,
    /// It is a name that does not follow its rule: another one takes its room.
    Replace,
    /// This key of it is missing: something takes its room.
    Fill(&'static str),
}

/// Whether a faulty name is one without which there is no document or no step, and that nobody looks up: another one will do.
pub(super) fn can_be_replaced(pointer: &str) -> bool {
    let segments: Vec<&str> = pointer.split('/').collect();
    matches!(
        segments.as_slice(),
        ["", "metadata", "name"]
            | [
                "",
                "spec",
                "steps" | "rollback" | "finally",
                _,
                "name" | "uses"
            ]
    )
}

/// What takes the room of a key that is missing in a mapping without which there is no document, if this is one.
pub(super) fn fill(mapping: &str, key: &str) -> Option<Mend> {
    let known = [
        ("", "metadata"),
        ("", "spec"),
        ("/metadata", "name"),
        ("/spec", "steps"),
        ("/spec", "windows"),
    ];
    let found = known.into_iter().find(|known| *known == (mapping, key));
    found.map(|(_, key)| Mend::Fill(key))
}

/// The tree with its faults mended or cut out, as far as that can be done; what was cut out is added to the gaps. Every node keeps
/// its place.
pub(in crate::runbooks) fn mended<'s>(
    root: &Node<'s>,
    found: &[Explained],
    gaps: &mut Gaps,
) -> Node<'s> {
    let mends = found.iter().filter_map(|explained| explained.mend.as_ref());
    let mends = mends
        .map(|(pointer, mend)| (pointer.as_str(), mend))
        .collect();
    Mender { mends, gaps }.mend(root, "")
}

struct Mender<'m> {
    mends: BTreeMap<&'m str, &'m Mend>,
    gaps: &'m mut Gaps,
}

impl Mender<'_> {
    fn mend<'s>(&mut self, node: &Node<'s>, pointer: &str) -> Node<'s> {
        let content = match &node.content {
            Content::Sequence(items) => Content::Sequence(self.items(items, node.place, pointer)),
            Content::Mapping(entries) => {
                Content::Mapping(self.entries(entries, node.place, pointer))
            }
            plain @ (Content::Null | Content::Bool(_) | Content::Number(_) | Content::Text(_)) => {
                plain.clone()
            }
        };
        Node {
            content,
            place: node.place,
        }
    }

    fn items<'s>(&mut self, items: &[Node<'s>], parent: Place, pointer: &str) -> Vec<Node<'s>> {
        let mut kept = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match self.child(item, &format!("{pointer}/{index}")) {
                Some(item) => kept.push(item),
                None => self.gaps.add_any(parent),
            }
        }
        kept
    }

    fn entries<'s>(
        &mut self,
        entries: &[Entry<'s>],
        parent: Place,
        pointer: &str,
    ) -> Vec<Entry<'s>> {
        let mut kept = Vec::with_capacity(entries.len());
        for entry in entries {
            let here = below(pointer, &entry.key);
            let Some(value) = self.child(&entry.value, &here) else {
                self.note(entry, parent, &here);
                continue;
            };
            let key = match self.mends.get(here.as_str()) {
                Some(Mend::Rename(to)) => Cow::Owned(to.clone()),
                Some(Mend::Replace) => {
                    self.gaps.add(parent, &entry.key);
                    entry.key.clone()
                }
                Some(Mend::Mistake(_) | Mend::Remove | Mend::Forget | Mend::Fill(_)) | None => {
                    entry.key.clone()
                }
            };
            let place = entry.place;
            kept.push(Entry { key, place, value });
        }
        if let Some(Mend::Fill(key)) = self.mends.get(pointer) {
            self.gaps.add(parent, key);
            kept.push(filling(key, parent));
        }
        kept
    }

    /// A collection under a key that nobody knows may have been meant for any key; a single value was not.
    fn note(&mut self, entry: &Entry<'_>, parent: Place, pointer: &str) {
        let is_collection = matches!(
            entry.value.content,
            Content::Sequence(_) | Content::Mapping(_)
        );
        match self.mends.get(pointer) {
            Some(Mend::Forget) if is_collection => self.gaps.add_any(parent),
            Some(Mend::Forget) => {}
            Some(Mend::Mistake(meant)) => self.gaps.add(parent, meant),
            Some(Mend::Rename(_) | Mend::Remove | Mend::Replace | Mend::Fill(_)) | None => {
                self.gaps.add(parent, &entry.key);
            }
        }
    }

    fn child<'s>(&mut self, node: &Node<'s>, pointer: &str) -> Option<Node<'s>> {
        match self.mends.get(pointer) {
            Some(Mend::Mistake(_) | Mend::Remove | Mend::Forget) => None,
            Some(Mend::Replace) => Some(stand_in(node.place)),
            Some(Mend::Rename(_) | Mend::Fill(_)) | None => Some(self.mend(node, pointer)),
        }
    }
}

/// What takes the room of a name that does not follow its rule; different for every place.
fn stand_in(place: Place) -> Node<'static> {
    let Place { line, column } = place;
    Node {
        content: Content::Text(format!("standin{line}x{column}").into()),
        place,
    }
}

fn filling(key: &'static str, place: Place) -> Entry<'static> {
    let content = match key {
        "name" => return entry(key, stand_in(place)),
        "metadata" => Content::Mapping(vec![entry("name", stand_in(place))]),
        "spec" => Content::Mapping(Vec::new()),
        _ => Content::Sequence(Vec::new()),
    };
    entry(key, Node { content, place })
}

fn entry(key: &'static str, value: Node<'static>) -> Entry<'static> {
    Entry {
        key: Cow::Borrowed(key),
        place: value.place,
        value,
    }
}
