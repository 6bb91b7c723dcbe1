//! What a tree lacks because it was refused, so that what follows from that is not told as well.

use crate::runbooks::{
    problems::Place,
    tree::{Content, Node},
};

/// Where something was cut out of a tree. No two nodes of a tree begin at one place, so a place names its node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Gaps(Vec<Gap>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Gap {
    parent: Place,
    /// Nothing where it may have been any key, or was an item of a list.
    key: Option<String>,
}

impl Gaps {
    /// The value of this key was cut out.
    pub(super) fn add(&mut self, parent: Place, key: &str) {
        let key = Some(key.to_owned());
        self.0.push(Gap { parent, key });
    }

    /// An item was cut out, or something whose key is not known.
    pub(super) fn add_any(&mut self, parent: Place) {
        self.0.push(Gap { parent, key: None });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether anything was cut out of this collection itself.
    pub(super) fn are_in(&self, collection: &Node<'_>) -> bool {
        self.0.iter().any(|gap| gap.parent == collection.place)
    }

    /// Whether the mapping may have had this key.
    pub(super) fn may_hold(&self, mapping: &Node<'_>, key: &str) -> bool {
        let fits = |gap: &Gap| gap.key.as_deref().is_none_or(|known| known == key);
        self.0
            .iter()
            .any(|gap| gap.parent == mapping.place && fits(gap))
    }

    /// Whether anything was cut out at any depth.
    pub(super) fn are_below(&self, node: &Node<'_>) -> bool {
        if self.is_empty() {
            return false;
        }
        let below = match &node.content {
            Content::Sequence(items) => items.iter().any(|item| self.are_below(item)),
            Content::Mapping(entries) => entries.iter().any(|entry| self.are_below(&entry.value)),
            Content::Null | Content::Bool(_) | Content::Number(_) | Content::Text(_) => false,
        };
        below || self.are_in(node)
    }
}
