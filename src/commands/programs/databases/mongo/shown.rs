//! Documents that hold secrets: what is asked of collections of people or of keys, and which collection it is.

use super::script::{Piece, closing};
use crate::commands::programs::{
    databases::sql::rows::{PEOPLE, SECRET_TABLES},
    names::{is_secret, listed},
};

/// Methods of a collection that count and measure, and show no document.
const MEASURING: &str = "stats countDocuments estimatedDocumentCount count dataSize storageSize totalSize totalIndexSize getIndexes \
    getIndexKeys getShardDistribution latencyStats isCapped validate getName getFullName explain";

/// What may follow a search so that no document is shown.
const COUNTED: &str = "count size itcount explain hasNext";

/// Whether something is asked of a collection whose name is computed, other than how large it is.
pub(super) fn of_any(pieces: &[Piece], place: usize) -> bool {
    let end = match pieces.get(place) {
        Some(Piece::Sign('[')) => closing(pieces, place),
        Some(Piece::Name(name)) if name == "getCollection" => {
            let open = place + 1;
            let plain = matches!(
                pieces.get(open..open + 3),
                Some([Piece::Sign('('), Piece::Text(_), Piece::Sign(')')])
            );
            closing(pieces, open).filter(|_| !plain)
        }
        _ => return false,
    };
    let Some(end) = end else {
        return pieces.get(place) == Some(&Piece::Sign('['));
    };
    let measured = matches!(
        pieces.get(end + 1..end + 4),
        Some([Piece::Sign('.'), Piece::Name(method), Piece::Sign('(')]) if listed(MEASURING, method)
    );
    !measured
}

/// Whether documents of a collection of people, or of secrets, are shown whole.
pub(super) fn documents(pieces: &[Piece], place: usize) -> bool {
    let (Some(Piece::Name(name) | Piece::Text(name)), before) = (
        pieces.get(place),
        place.checked_sub(1).and_then(|place| pieces.get(place)),
    ) else {
        return false;
    };
    if !listed(PEOPLE, name) && !listed(SECRET_TABLES, name) {
        return false;
    }
    match before {
        // `{find: "users"}`
        Some(Piece::Sign(':')) => {
            let command = place.checked_sub(2).and_then(|place| pieces.get(place));
            let finds = matches!(command, Some(Piece::Name(name) | Piece::Text(name)) if listed("find aggregate", name));
            let chosen = |piece: &Piece| matches!(piece, Piece::Name(name) | Piece::Text(name) if name == "projection");
            finds && !pieces.iter().any(chosen)
        }
        // `db.users`, `db["users"]`, `getCollection("users")`
        Some(Piece::Sign('.' | '[' | '(')) => {
            let bracket = matches!(pieces.get(place + 1), Some(Piece::Sign(']' | ')')));
            let end = place + 1 + usize::from(bracket);
            asked(pieces, end) || is_named(pieces, place, end)
        }
        _ => false,
    }
}

/// How far before a collection the name may stand that it is given.
const BEFORE: usize = 10;

/// `const c = db.users`: what is asked of it later is not followed.
fn is_named(pieces: &[Piece], place: usize, end: usize) -> bool {
    let before = pieces
        .get(place.saturating_sub(BEFORE)..place)
        .unwrap_or_default();
    pieces.get(end) != Some(&Piece::Sign('.')) && before.contains(&Piece::Sign('='))
}

/// Whether the method that is called from here on shows documents.
fn asked(pieces: &[Piece], place: usize) -> bool {
    let Some([Piece::Sign('.'), Piece::Name(method), Piece::Sign('(')]) =
        pieces.get(place..place + 3)
    else {
        return false;
    };
    let end = closing(pieces, place + 2).unwrap_or(pieces.len());
    let arguments = pieces.get(place + 3..end).unwrap_or_default();
    let says = |names: &str| {
        let named = |piece: &Piece| matches!(piece, Piece::Name(name) | Piece::Text(name) if listed(names, name));
        arguments.iter().any(named)
    };
    let after = match pieces.get(end + 1..end + 3) {
        Some([Piece::Sign('.'), Piece::Name(next)]) => next.as_str(),
        _ => "",
    };
    match method.as_str() {
        "find" | "findOne" => {
            let chosen = chosen(arguments);
            let secret = chosen.iter().any(
                |piece| matches!(piece, Piece::Name(name) | Piece::Text(name) if is_secret(name)),
            );
            !listed(COUNTED, after) && (chosen.is_empty() || secret)
        }
        "aggregate" => !says("$group $count $sortByCount $collStats $indexStats"),
        "distinct" => arguments
            .iter()
            .any(|piece| matches!(piece, Piece::Text(name) if is_secret(name))),
        _ => false,
    }
}

/// The second argument of a search: which fields are shown.
fn chosen(arguments: &[Piece]) -> &[Piece] {
    let mut depth = 0_usize;
    for (place, piece) in arguments.iter().enumerate() {
        match piece {
            Piece::Sign('{' | '[' | '(') => depth += 1,
            Piece::Sign('}' | ']' | ')') => depth = depth.saturating_sub(1),
            Piece::Sign(',') if depth == 0 => {
                return arguments.get(place + 1..).unwrap_or_default();
            }
            _ => {}
        }
    }
    &[]
}
