//! Keys that stand in one mapping twice.

use crate::runbooks::{
    compose::MAX_FAULTS,
    problems::{Fault, Place},
    tree::Entry,
};
use std::collections::BTreeSet;

/// Mappings of so many keys at the most are searched pair by pair.
const FEW_KEYS: usize = 16;

/// Of entries with one key the first is kept.
pub(super) fn take_out_repeated(entries: &mut Vec<Entry<'_>>, faults: &mut Vec<Fault>) {
    if entries.len() <= FEW_KEYS && are_different(entries) {
        return;
    }
    let mut sorted: Vec<&Entry<'_>> = entries.iter().collect();
    sorted.sort_by(|one, other| (&one.key, one.place).cmp(&(&other.key, other.place)));
    let mut repeated = BTreeSet::new();
    for same in sorted.chunk_by(|one, other| one.key == other.key) {
        let Some((first, rest)) = same.split_first() else {
            continue;
        };
        for entry in rest {
            repeated.insert(entry.place);
            if faults.len() < MAX_FAULTS {
                faults.push(repeats(entry, first.place));
            }
        }
    }
    entries.retain(|entry| !repeated.contains(&entry.place));
}

fn are_different(entries: &[Entry<'_>]) -> bool {
    let mut rest = entries;
    while let Some((first, others)) = rest.split_first() {
        if others.iter().any(|other| other.key == first.key) {
            return false;
        }
        rest = others;
    }
    true
}

fn repeats(entry: &Entry<'_>, first: Place) -> Fault {
    let Place { line, column } = first;
    let what = format!(
        "the key `{}` is repeated; it stands already at {line}:{column}",
        entry.key
    );
    Fault::new(entry.place, what).hint("keep one of them")
}
