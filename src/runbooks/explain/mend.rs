//! What could be mended in a faulty tree, so that the rest of it can be checked too.

use crate::runbooks::{
    explain::{Explained, escape},
    tree::{Content, Entry, Node},
};
use std::{borrow::Cow, collections::BTreeMap};

/// How the names begin that take the room of faulty ones.
pub(in crate::runbooks) const STAND_IN: &str = "standin";

/// What is done to the value that a JSON Pointer leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mend {
    /// Its key was meant to be this one.
    Rename(String),
    /// It is left out.
    Remove,
    /// It is a name that does not follow its rule: another one takes its room.
    Replace,
}

/// The tree with its faults mended or cut out, as far as that can be done. Every node keeps its place.
pub(in crate::runbooks) fn mended<'s>(root: &Node<'s>, found: &[Explained]) -> Node<'s> {
    let mends = found.iter().filter_map(|explained| explained.mend.as_ref());
    let mends: BTreeMap<&str, &Mend> = mends
        .map(|(pointer, mend)| (pointer.as_str(), mend))
        .collect();
    mend(root, "", &mends)
}

fn mend<'s>(node: &Node<'s>, pointer: &str, mends: &BTreeMap<&str, &Mend>) -> Node<'s> {
    let content = match &node.content {
        Content::Sequence(items) => {
            let items = items.iter().enumerate();
            let items =
                items.filter_map(|(index, item)| child(item, &format!("{pointer}/{index}"), mends));
            Content::Sequence(items.collect())
        }
        Content::Mapping(entries) => {
            let entries = entries.iter().filter_map(|entry| {
                let pointer = format!("{pointer}/{}", escape(&entry.key));
                let value = child(&entry.value, &pointer, mends)?;
                let key = match mends.get(pointer.as_str()) {
                    Some(Mend::Rename(to)) => Cow::Owned(to.clone()),
                    Some(Mend::Remove | Mend::Replace) | None => entry.key.clone(),
                };
                let place = entry.place;
                Some(Entry { key, place, value })
            });
            Content::Mapping(entries.collect())
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

fn child<'s>(node: &Node<'s>, pointer: &str, mends: &BTreeMap<&str, &Mend>) -> Option<Node<'s>> {
    match mends.get(pointer) {
        Some(Mend::Remove) => None,
        // Not a name after all.
        Some(Mend::Replace) if node.text().is_some_and(|text| text.starts_with(STAND_IN)) => None,
        Some(Mend::Replace) => Some(Node {
            content: Content::Text(stand_in(node).into()),
            place: node.place,
        }),
        Some(Mend::Rename(_)) | None => Some(mend(node, pointer, mends)),
    }
}

/// What takes the room of a name that does not follow its rule; different for every place.
fn stand_in(node: &Node<'_>) -> String {
    format!("{STAND_IN}{}x{}", node.place.line, node.place.column)
}
