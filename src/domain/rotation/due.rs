//! When a credential is due.

use crate::domain::{rotation::Credential, span::Span};
use jiff::Timestamp;

/// Whether a credential is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Now, for this reason.
    Now(String),
    /// Not before then.
    At(Timestamp),
}

/// Whether a credential that no rotation is going on for is due. `last` is its last moment, where it has one, and `before` how long
/// before that it is replaced.
pub fn due(
    known: Option<&Credential>,
    every: Option<Span>,
    ends: Option<(Timestamp, Span)>,
    now: Timestamp,
) -> Due {
    let by_age = every.map(|every| {
        let issued = known.and_then(|known| known.issued_at);
        issued.map(|issued| {
            (
                issued.checked_add(every.signed()).unwrap_or(Timestamp::MAX),
                every,
            )
        })
    });
    if by_age == Some(None) && ends.is_none() {
        return Due::Now("the agent has never rotated it".to_owned());
    }
    let by_age = by_age.flatten();
    let by_end = ends.map(|(end, before)| {
        let at = end.checked_sub(before.signed()).unwrap_or(Timestamp::MIN);
        (at, end)
    });
    if let Some((_, every)) = by_age.filter(|(at, _)| *at <= now) {
        return Due::Now(format!("it is older than {every}"));
    }
    if let Some((_, end)) = by_end.filter(|(at, _)| *at <= now) {
        return Due::Now(format!("it ends {end}"));
    }
    let soonest = [by_age.map(|(at, _)| at), by_end.map(|(at, _)| at)];
    match soonest.into_iter().flatten().min() {
        Some(at) => Due::At(at),
        None => Due::Now("the agent has never rotated it".to_owned()),
    }
}
