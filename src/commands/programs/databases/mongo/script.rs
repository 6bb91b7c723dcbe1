//! JavaScript to the calls in it.

use super::{calls, shown};
use crate::commands::programs::{manual::Does, names::listed};

/// A piece of a script.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Name(String),
    Text(String),
    Sign(char),
    Other,
}

/// What a script does. A script that cannot be taken apart, or that calls what is not known, can do anything.
pub(super) fn does(text: &str) -> Vec<Does> {
    let mut rest = String::new();
    for line in text.split([';', '\n']) {
        let mut words = line.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some("show" | "use"), Some(_), None)
            | (Some("it" | "exit" | "quit" | "help"), None, None) => {}
            _ => {
                rest.push_str(line);
                rest.push('\n');
            }
        }
    }
    let Some(pieces) = pieces(&rest) else {
        return vec![Does::Unknown];
    };
    let pieces = joined(pieces);
    let mut does = vec![Does::Read];
    let computed = |place: usize| {
        let collection = matches!(pieces.get(place), Some(Piece::Name(_)));
        computed(&pieces, place) || collection && shown::of_any(&pieces, place)
    };
    if (0..pieces.len()).any(computed) {
        does.push(Does::Unknown);
    }
    if pieces
        .iter()
        .enumerate()
        .any(|(place, _)| shows_secrets(&pieces, place) || shown::documents(&pieces, place))
    {
        does.push(Does::Secrets);
    }
    does.extend((0..pieces.len()).filter_map(|place| named(&pieces, place)));
    for place in 0..pieces.len() {
        if pieces.get(place + 1) != Some(&Piece::Sign('(')) {
            continue;
        }
        let arguments = pieces.get(place + 2..).unwrap_or_default();
        let deed = match pieces.get(place) {
            Some(Piece::Name(name)) => called(name, arguments),
            Some(Piece::Sign(']')) => {
                match place.checked_sub(2).map(|start| pieces.get(start..place)) {
                    Some(Some([Piece::Sign('['), Piece::Text(name)])) => called(name, arguments),
                    _ => Does::Unknown,
                }
            }
            Some(Piece::Sign(')' | '.') | Piece::Text(_) | Piece::Other) => Does::Unknown,
            _ => continue,
        };
        if !does.contains(&deed) {
            does.push(deed);
        }
    }
    if pieces.iter().any(|piece| matches!(piece, Piece::Text(text) if matches!(text.as_str(), "$out" | "$merge" | "$where" | "$function")))
        || pieces.iter().any(|piece| matches!(piece, Piece::Name(name) if matches!(name.as_str(), "$out" | "$merge" | "$where" | "$function" | "$accumulator")))
    {
        does.push(Does::Change);
    }
    does
}

/// Texts with a plus between them are one text.
fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match (joined.as_mut_slice(), piece) {
            ([.., Piece::Text(text), Piece::Sign('+')], Piece::Text(more)) => {
                text.push_str(&more);
                joined.pop();
            }
            (_, piece) => joined.push(piece),
        }
    }
    joined
}

/// A bracket here whose content names a key, and is no plain text: `{[a + b]: 1}`, `x[name] = 1`, `db[name]`.
fn computed(pieces: &[Piece], place: usize) -> bool {
    if pieces.get(place) != Some(&Piece::Sign('[')) {
        return false;
    }
    let Some(end) = closing(pieces, place) else {
        return true;
    };
    let inside = pieces.get(place + 1..end).unwrap_or_default();
    let before = place.checked_sub(1).and_then(|place| pieces.get(place));
    let after = |offset: usize| pieces.get(end + offset);
    let key = matches!(before, Some(Piece::Sign('{' | ','))) && after(1) == Some(&Piece::Sign(':'));
    let assigned = after(1) == Some(&Piece::Sign('=')) && after(2) != Some(&Piece::Sign('='));
    let of_database = matches!(before, Some(Piece::Name(name)) if name == "db");
    let number =
        matches!(inside, [Piece::Name(name)] if name.bytes().all(|byte| byte.is_ascii_digit()));
    let plain = matches!(inside, [Piece::Text(_)]) || number;
    (key || assigned || of_database && shown::of_any(pieces, place)) && !plain
}

/// Where the bracket is closed that opens at this place.
pub(super) fn closing(pieces: &[Piece], place: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (end, piece) in pieces.iter().enumerate().skip(place) {
        match piece {
            Piece::Sign('[' | '(') => depth += 1,
            Piece::Sign(']' | ')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return Some(end);
        }
    }
    None
}

/// Whether passwords of accounts, or the keys of the server, are asked for here.
fn shows_secrets(pieces: &[Piece], place: usize) -> bool {
    let kept = ["users", "keys", "new_users", "backup_users"];
    match pieces.get(place) {
        Some(Piece::Name(name) | Piece::Text(name)) if name == "system" => {
            matches!(pieces.get(place + 2), Some(Piece::Name(name) | Piece::Text(name)) if kept.contains(&name.as_str()))
                || matches!(pieces.get(place + 3), Some(Piece::Text(name)) if kept.contains(&name.as_str()))
        }
        Some(Piece::Text(text)) if text.contains("system.") => kept
            .iter()
            .any(|kept| text.ends_with(&format!("system.{kept}"))),
        Some(Piece::Name(name) | Piece::Text(name)) => name == "showCredentials",
        _ => false,
    }
}

/// A name that is not called here, but could be elsewhere: `list.map(eval)`, `each(db.orders.drop)`.
fn named(pieces: &[Piece], place: usize) -> Option<Does> {
    let before = place.checked_sub(1).and_then(|place| pieces.get(place));
    let (Some(Piece::Name(name)), after) = (pieces.get(place), pieces.get(place + 1)) else {
        return None;
    };
    let reaching = "eval Function require load import constructor prototype __proto__ globalThis process Reflect Proxy call apply bind";
    if listed(reaching, name) {
        return Some(Does::Unknown);
    }
    let grave = |does: &Does| !matches!(does, Does::Read | Does::Unknown);
    let member = before == Some(&Piece::Sign('.')) && after != Some(&Piece::Sign('('));
    Some(calls::method(name)).filter(|does| member && grave(does))
}

fn called(name: &str, arguments: &[Piece]) -> Does {
    let everything = matches!(arguments, [Piece::Sign('{'), Piece::Sign('}'), ..]);
    match name {
        "adminCommand" | "runCommand" => match arguments {
            [Piece::Text(command), ..]
            | [
                Piece::Sign('{'),
                Piece::Name(command) | Piece::Text(command),
                ..,
            ] => calls::command(command),
            _ => Does::Unknown,
        },
        "updateMany" | "update" if everything => Does::Lose,
        name => calls::method(name),
    }
}

/// The pieces of a script; none if it holds what is not followed here.
fn pieces(text: &str) -> Option<Vec<Piece>> {
    let letters: Vec<char> = text.chars().collect();
    let mut pieces = Vec::new();
    let mut place = 0;
    while let Some(letter) = letters.get(place).copied() {
        let next = letters.get(place + 1).copied();
        match letter {
            '`' | '\\' => return None,
            '"' | '\'' => pieces.push(Piece::Text(quoted(&letters, &mut place, letter)?)),
            '/' if next == Some('/') => skip_to(&letters, &mut place, '\n'),
            '/' if next == Some('*') => comment(&letters, &mut place)?,
            '/' if pattern(pieces.last()) => {
                quoted(&letters, &mut place, '/')?;
                pieces.push(Piece::Other);
            }
            _ if letter.is_alphanumeric() || letter == '_' || letter == '$' => {
                let start = place;
                while letters
                    .get(place)
                    .is_some_and(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '$'))
                {
                    place += 1;
                }
                pieces.push(Piece::Name(letters.get(start..place)?.iter().collect()));
                continue;
            }
            _ if letter.is_whitespace() => {}
            _ => pieces.push(Piece::Sign(letter)),
        }
        place += 1;
    }
    Some(pieces)
}

/// Whether a slash here begins a pattern rather than divides.
fn pattern(before: Option<&Piece>) -> bool {
    matches!(
        before,
        None | Some(Piece::Sign(
            '(' | ',' | ':' | '=' | '[' | '!' | '&' | '|' | '?' | '{' | ';'
        ))
    )
}

/// The text up to the same mark; the place is left at that mark.
fn quoted(letters: &[char], place: &mut usize, mark: char) -> Option<String> {
    let mut text = String::new();
    loop {
        *place += 1;
        match letters.get(*place)? {
            '\\' => {
                *place += 1;
                let escaped = letters.get(*place)?;
                // A name spelled by codes is not followed.
                if matches!(escaped, 'u' | 'x' | '0'..='9') && mark != '/' {
                    return None;
                }
                text.push(*escaped);
            }
            letter if *letter == mark => return Some(text),
            letter => text.push(*letter),
        }
    }
}

fn skip_to(letters: &[char], place: &mut usize, end: char) {
    while letters.get(*place).is_some_and(|letter| *letter != end) {
        *place += 1;
    }
}

fn comment(letters: &[char], place: &mut usize) -> Option<()> {
    *place += 2;
    while !(letters.get(*place)? == &'*' && letters.get(*place + 1)? == &'/') {
        *place += 1;
    }
    *place += 1;
    Some(())
}
