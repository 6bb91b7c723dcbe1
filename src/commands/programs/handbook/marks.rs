//! What marks make of a command.

use super::{
    Deed, Page,
    deed::{Mark, What},
};
use crate::commands::{
    flags::{Flag, truth},
    found::Found,
};
use crate::domain::effect::Reach;

/// Whether one of these flags is given, and none of them switched off.
pub(super) fn names_only(flags: &[&str], page: &Page<'_>) -> bool {
    let mut given = page
        .parsed
        .flags
        .iter()
        .filter(|flag| flags.contains(&flag.name.as_str()))
        .peekable();
    let on = |flag: &Flag| {
        let value = flag.value.as_ref();
        value.is_none_or(|value| value.known().is_some_and(|text| truth(text) != Some(false)))
    };
    given.peek().is_some() && given.all(on) && page.parsed.unknown.is_empty()
}

/// Whether a mark lets a look become more than one.
pub(super) fn worsens(mark: &Mark) -> bool {
    match mark {
        Mark::Lose(_)
        | Mark::Cut(_)
        | Mark::Access(_)
        | Mark::Values(_)
        | Mark::Code(_)
        | Mark::File(_)
        | Mark::Writes(_)
        | Mark::To(_)
        | Mark::Opaque => true,
        Mark::Dry(_)
        | Mark::Names(_)
        | Mark::All(_)
        | Mark::Many
        | Mark::Bounded
        | Mark::Recreated
        | Mark::ClusterWide
        | Mark::Here => false,
    }
}

/// How many things a command is about.
pub(super) fn reach(deed: &Deed, page: &Page<'_>, found: &mut Found) -> Reach {
    if matches!(deed.what, What::Read(..)) {
        return Reach::Exactly(1);
    }
    let all =
        (deed.marks.iter()).any(|mark| matches!(mark, Mark::All(flags) if page.parsed.has(flags)));
    if all {
        found.bounded("it touches all of them");
        return Reach::Unknown;
    }
    let words = page.parsed.words.len().max(1);
    if deed.marks.contains(&Mark::Many) {
        Reach::Exactly(u32::try_from(words).unwrap_or(u32::MAX))
    } else {
        Reach::Exactly(1)
    }
}
