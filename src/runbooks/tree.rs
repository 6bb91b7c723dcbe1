//! A YAML document as a tree whose every node knows its place.

use crate::{domain::pointer, runbooks::problems::Place};
use serde_json::{Map, Number, Value};
use std::borrow::Cow;

/// A node. The composer keeps it at most 64 deep, so walking and dropping it by recursion is safe.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node<'s> {
    pub(super) content: Content<'s>,
    pub(super) place: Place,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content<'s> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'s, str>),
    Sequence(Vec<Node<'s>>),
    Mapping(Vec<Entry<'s>>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry<'s> {
    pub(super) key: Cow<'s, str>,
    pub(super) place: Place,
    pub(super) value: Node<'s>,
}

impl<'s> Node<'s> {
    /// The value under a key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of a key.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry<'s>> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The entries of a mapping; none for anything else.
    pub(super) fn entries(&self) -> &[Entry<'s>] {
        match &self.content {
            Content::Mapping(entries) => entries,
            Content::Null
            | Content::Bool(_)
            | Content::Number(_)
            | Content::Text(_)
            | Content::Sequence(_) => &[],
        }
    }

    /// The items of a list; none for anything else.
    pub(super) fn items(&self) -> &[Self] {
        match &self.content {
            Content::Sequence(items) => items,
            Content::Null
            | Content::Bool(_)
            | Content::Number(_)
            | Content::Text(_)
            | Content::Mapping(_) => &[],
        }
    }

    /// The text.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            Content::Null
            | Content::Bool(_)
            | Content::Number(_)
            | Content::Sequence(_)
            | Content::Mapping(_) => None,
        }
    }

    /// As JSON.
    pub(super) fn json(&self) -> Value {
        match &self.content {
            Content::Null => Value::Null,
            Content::Bool(yes) => Value::Bool(*yes),
            Content::Number(number) => Value::Number(number.clone()),
            Content::Text(text) => Value::String(text.clone().into_owned()),
            Content::Sequence(items) => Value::Array(items.iter().map(Node::json).collect()),
            Content::Mapping(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone().into_owned(), entry.value.json()))
                .collect::<Map<_, _>>()
                .into(),
        }
    }

    /// What a JSON Pointer (RFC 6901) leads to, or the last node on the way that is there.
    pub(super) fn find(&self, pointer: &str) -> Found<'_, 's> {
        let mut found = Found {
            node: self,
            key: None,
        };
        for segment in pointer.split('/').skip(1) {
            let Some(next) = found.node.child(&pointer::key(segment)) else {
                break;
            };
            found = next;
        }
        found
    }

    fn child(&self, segment: &str) -> Option<Found<'_, 's>> {
        if let Content::Sequence(items) = &self.content {
            let node = items.get(segment.parse::<usize>().ok()?)?;
            return Some(Found { node, key: None });
        }
        let entry = self.entry(segment)?;
        Some(Found {
            node: &entry.value,
            key: Some(entry.place),
        })
    }
}

/// A node and where its key stands, if it has one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'n, 's> {
    pub(super) node: &'n Node<'s>,
    pub(super) key: Option<Place>,
}

impl Found<'_, '_> {
    /// Where its key stands; where it has none, the node itself.
    pub(super) fn key_or_node(&self) -> Place {
        self.key.unwrap_or(self.node.place)
    }
}
