//! Finds places inside the text of a scalar.

use crate::runbooks::problems::Place;

/// How much of a scalar's text identifies a place in it.
const FRAGMENT: usize = 24;

/// Where the character at `offset` of a scalar's value stands in the file. `place` is where the scalar begins. Falls back to that
/// where the value is written with escapes.
pub(super) fn inside(text: &str, place: Place, value: &str, offset: usize) -> Place {
    find(text, place, value, offset).unwrap_or(place)
}

fn find(text: &str, place: Place, value: &str, offset: usize) -> Option<Place> {
    let (at, _) = value.char_indices().nth(offset)?;
    let (before, rest) = value.split_at_checked(at)?;
    let line = rest.split('\n').next()?;
    let end = line
        .char_indices()
        .nth(FRAGMENT)
        .map_or(line.len(), |(end, _)| end);
    let fragment = line.get(..end).filter(|fragment| !fragment.is_empty())?;
    let earlier = count_starts(before.len(), value, fragment);
    let start = byte_of(text, place)?;
    let source = text.get(start..)?;
    let (found, _) = source.match_indices(fragment).nth(earlier)?;
    Some(place_of(text, start + found))
}

/// How many times the fragment stands in the value before a byte.
fn count_starts(end: usize, value: &str, fragment: &str) -> usize {
    value
        .match_indices(fragment)
        .take_while(|(index, _)| *index < end)
        .count()
}

fn byte_of(text: &str, place: Place) -> Option<usize> {
    let mut start = 0;
    for line in text.split_inclusive('\n').take(place.line as usize - 1) {
        start += line.len();
    }
    let line = text.get(start..)?;
    let (column, _) = line.char_indices().nth(place.column as usize - 1)?;
    Some(start + column)
}

pub(super) fn place_of(text: &str, byte: usize) -> Place {
    let before = text.get(..byte).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Place {
        line: small(line),
        column: small(column),
    }
}

#[cfg(test)]
mod tests {
    use super::inside;
    use crate::runbooks::{compose::compose, problems::Place};

    fn at(text: &str, offset: usize) -> (u32, u32) {
        let documents = compose(text);
        let node = documents[0].root.get("a").unwrap();
        let Place { line, column } = inside(text, node.place, node.text().unwrap(), offset);
        (line, column)
    }

    #[test]
    fn a_place_in_a_scalar_is_found_in_every_style() {
        assert_eq!(at("a: xy z", 3), (1, 7));
        assert_eq!(at("a: 'xy z'", 3), (1, 8));
        assert_eq!(at("a: \"ä ä z\"", 2), (1, 7));
        assert_eq!(at("a: |\n  one\n  two x x\n", 10), (3, 9));
        assert_eq!(at("b: 1\na: '* * * 1 *'", 4), (2, 9));
    }

    #[test]
    fn a_place_that_is_written_with_escapes_is_the_scalar_itself() {
        assert_eq!(at("a: \"\\u0041\\u0042\"", 1), (1, 4));
    }
}
