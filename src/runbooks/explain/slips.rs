//! Slips of the pen: a key that is misspelt looks unknown, and missing as well. That is one thing wrong, not two.

use crate::runbooks::{
    explain::{Explained, Lack, mend::Mend},
    tree::{Content, Node},
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What is told, without keys that are missing because they are misspelt.
pub(super) fn without_consequences(mut found: Vec<Explained>) -> Vec<Explained> {
    guess(&mut found);
    let meant: Vec<(String, String)> = found
        .iter()
        .filter_map(|explained| match &explained.mend {
            Some((pointer, Mend::Rename(to) | Mend::Mistake(to))) => {
                let (parent, _) = pointer.rsplit_once('/')?;
                Some((parent.to_owned(), to.clone()))
            }
            Some((_, Mend::Remove | Mend::Forget | Mend::Replace | Mend::Fill(_))) | None => None,
        })
        .collect();
    let is_meant = |lack: &Lack| {
        let mut meant = meant.iter();
        meant.any(|(from, key)| *from == lack.from && Some(key) == lack.key.as_ref())
    };
    found.retain(|explained| !explained.lack.as_ref().is_some_and(is_meant));
    once_for_each_value(found)
}

/// A value that has to go has to go, whatever else is wrong with it.
fn once_for_each_value(mut found: Vec<Explained>) -> Vec<Explained> {
    let mut seen = BTreeSet::new();
    found.retain(|explained| match (&explained.mend, &explained.lack) {
        (Some((pointer, Mend::Remove)), None) => seen.insert(pointer.clone()),
        (Some(_) | None, _) => true,
    });
    found
}

/// Where one key is unknown and one is missing, the one was likely meant to be the other, however different they look.
fn guess(found: &mut [Explained]) {
    let mut unknown: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut missing: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (index, explained) in found.iter().enumerate() {
        if let Some((pointer, Mend::Forget)) = &explained.mend
            && let Some((parent, _)) = pointer.rsplit_once('/')
        {
            unknown.entry(parent.to_owned()).or_default().push(index);
        }
        if let Some(Lack {
            from,
            key: Some(key),
        }) = &explained.lack
        {
            missing.entry(from.clone()).or_default().push(key.clone());
        }
    }
    for (parent, unknown) in unknown {
        if let ([index], Some([key])) =
            (unknown.as_slice(), missing.get(&parent).map(Vec::as_slice))
            && let Some(explained) = found.get_mut(*index)
            && let Some((_, mend)) = &mut explained.mend
        {
            *mend = Mend::Mistake(key.clone());
            explained.fault.hint = Some(format!("did you mean `{key}`, which is missing?"));
        }
    }
}

/// Whether a value is of a sort that a schema wants, so that its key may be meant.
pub(super) fn suits(schema: &Value, node: &Node<'_>) -> bool {
    for choices in ["anyOf", "oneOf"] {
        if let Some(choices) = schema.get(choices).and_then(Value::as_array) {
            return choices.iter().any(|choice| suits(choice, node));
        }
    }
    let is_sort = |sort: &Value| sorts(node).iter().any(|known| sort == known);
    match schema.get("type") {
        Some(Value::Array(wanted)) => wanted.iter().any(is_sort),
        Some(wanted) if !is_sort(wanted) => false,
        Some(_) => {
            let item = node.items().first().zip(schema.get("items"));
            item.is_none_or(|(item, wanted)| suits(wanted, item))
        }
        None if schema.get("const").is_some() || schema.get("enum").is_some() => {
            !matches!(node.content, Content::Sequence(_) | Content::Mapping(_))
        }
        None => true,
    }
}

/// What JSON Schema calls a value.
fn sorts(node: &Node<'_>) -> &'static [&'static str] {
    match &node.content {
        Content::Null => &["null"],
        Content::Bool(_) => &["boolean"],
        Content::Number(_) => &["integer", "number"],
        Content::Text(_) => &["string"],
        Content::Sequence(_) => &["array"],
        Content::Mapping(_) => &["object"],
    }
}
