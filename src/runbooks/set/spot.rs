//! Where in a document something stands that another document decides about.

use crate::{
    domain::{expression::Reference, pointer::below, runbook::Step},
    runbooks::{
        problems::Place,
        source::inside,
        tree::{Found, Node},
    },
};

/// Said without places, because documents are kept without their trees; it is looked up again when it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::runbooks) enum Spot {
    /// The document's name.
    Name,
    /// The value of an item of a list of the content.
    Listed { key: &'static str, value: String },
    /// What a JSON Pointer leads to from the content.
    Content(String),
    /// The runbook that a trigger `after` names.
    After(String),
    /// The webhook that a trigger names.
    Webhook(String),
    /// What a JSON Pointer leads to from a step, and a character of its text.
    Step {
        step: String,
        pointer: String,
        offset: usize,
    },
}

impl Spot {
    pub(super) fn listed(key: &'static str, value: &str) -> Self {
        let value = value.to_owned();
        Self::Listed { key, value }
    }

    /// What a step uses.
    pub(super) fn used(step: &Step) -> Self {
        Self::in_step(step, "/uses".to_owned(), 0)
    }

    /// An argument of a step, or what stands in it: `files/0`.
    pub(super) fn argument(step: &Step, key: &str) -> Self {
        Self::in_step(step, format!("/with/{key}"), 0)
    }

    pub(super) fn input(step: &Step, name: &str) -> Self {
        Self::in_step(step, below("/with/inputs", name), 0)
    }

    /// A name in an expression below a key of a step.
    pub(super) fn reference(step: &Step, key: &str, reference: &Reference) -> Self {
        let pointer = format!("/{key}{}", reference.place.pointer);
        Self::in_step(step, pointer, reference.place.offset)
    }

    fn in_step(step: &Step, pointer: String, offset: usize) -> Self {
        let step = step.name.as_str().to_owned();
        Self::Step {
            step,
            pointer,
            offset,
        }
    }

    /// Its place in the document; the document's own where it cannot be found, as in one that was mended.
    pub(in crate::runbooks) fn place(&self, text: &str, root: &Node<'_>) -> Place {
        self.find(text, root).unwrap_or(root.place)
    }

    fn find(&self, text: &str, root: &Node<'_>) -> Option<Place> {
        let spec = root.get("spec");
        let is_text = |node: &&Node<'_>, wanted: &str| node.text() == Some(wanted);
        let triggers = || Some(spec?.get("triggers")?.items().iter());
        match self {
            Self::Name => Some(root.get("metadata")?.get("name")?.place),
            Self::Listed { key, value } => {
                let mut items = spec?.get(key)?.items().iter();
                items
                    .find(|item| is_text(item, value))
                    .map(|item| item.place)
            }
            Self::Content(pointer) => Some(place_in(text, &spec?.find(pointer), 0)),
            Self::After(name) => {
                let mut named = triggers()?.filter_map(|item| item.get("after")?.get("runbook"));
                named
                    .find(|node| is_text(node, name))
                    .map(|node| node.place)
            }
            Self::Webhook(name) => {
                let mut named = triggers()?.filter_map(|item| item.get("webhook")?.get("name"));
                named
                    .find(|node| is_text(node, name))
                    .map(|node| node.place)
            }
            Self::Step {
                step,
                pointer,
                offset,
            } => {
                let found = step_named(spec?, step)?.find(pointer);
                Some(place_in(text, &found, *offset))
            }
        }
    }
}

fn step_named<'n, 's>(spec: &'n Node<'s>, name: &str) -> Option<&'n Node<'s>> {
    let lists = ["steps", "rollback", "finally"];
    let mut steps = lists
        .into_iter()
        .filter_map(|list| spec.get(list))
        .flat_map(Node::items);
    steps.find(|step| step.get("name").and_then(Node::text) == Some(name))
}

/// A text is pointed into, of anything else the key is pointed at.
fn place_in(text: &str, found: &Found<'_, '_>, offset: usize) -> Place {
    match found.node.text() {
        Some(value) if offset > 0 => inside(text, found.node.place, value, offset),
        Some(_) => found.node.place,
        None => found.key_or_node(),
    }
}
