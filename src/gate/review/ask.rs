//! When the reviewer is asked at all.

use crate::domain::{
    effect::{Class, Confidence, Effects},
    gate::Decision,
};

/// Whether to ask, and why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Its say could matter.
    Yes,
    /// Policy has denied it: nothing could be stricter.
    Denied,
    /// It only looks, and exactly that is known.
    OnlyLooks,
    /// It only looks, and nobody needs to be asked.
    NobodyIsAsked,
}

/// Whether the reviewer's say could matter for these effects, when everybody else decides so.
pub fn worth_it(effects: &Effects, decision: &Decision) -> Ask {
    match (effects.class(), effects.confidence, decision) {
        (_, _, Decision::Deny) => Ask::Denied,
        (Class::Read, Confidence::Exact, _) => Ask::OnlyLooks,
        (Class::Read, Confidence::Bounded | Confidence::Opaque, Decision::Allow) => {
            Ask::NobodyIsAsked
        }
        (
            Class::Read | Class::Change | Class::Destructive,
            _,
            Decision::Allow | Decision::Approve(_),
        ) => Ask::Yes,
    }
}
