//! Where a text is no YAML, in words that help.

use crate::runbooks::{
    compose::{place, too_deep},
    problems::{Fault, Place},
    source::place_of,
};
use granit_parser::{ErrorKind, ScanError};

/// The fault behind an error of the parser, which had read up to the byte `read_to`. `bracket` is the innermost that is open.
pub(super) fn fault(
    text: &str,
    read_to: usize,
    error: &ScanError,
    bracket: Option<Place>,
) -> Fault {
    let kind = error.kind();
    let place = place(*error.marker());
    if matches!(kind, ErrorKind::RecursionLimitExceeded) {
        return too_deep(place);
    }
    let at = error.marker().byte_offset().unwrap_or(text.len());
    if let Some(fault) = open_quote(text, read_to, at, kind) {
        return fault;
    }
    let place = tab(text, at, kind).unwrap_or(place);
    let fault = Fault::new(place, format!("this is not YAML: {kind}"));
    let hint = hint(kind).map(str::to_owned);
    let elsewhere = bracket.filter(|bracket| *bracket != place && hint.is_none());
    fault.maybe_hint(hint.or_else(|| elsewhere.map(look_at)))
}

fn look_at(bracket: Place) -> String {
    let Place { line, column } = bracket;
    format!("look whether the bracket at {line}:{column} is closed")
}

/// A quote that swallowed what follows is told where it begins, not where the parser noticed.
fn open_quote(text: &str, read_to: usize, at: usize, kind: &ErrorKind) -> Option<Fault> {
    if !matches!(
        kind,
        ErrorKind::InvalidQuotedScalarIndent | ErrorKind::DocumentIndicatorInQuotedScalar
    ) {
        return None;
    }
    let unread = text.get(read_to..at)?;
    let begins = |(index, _): &(usize, &str)| {
        let before = unread.get(..*index).and_then(|text| text.chars().last());
        before.is_none_or(|character| character.is_whitespace() || "[{,:".contains(character))
    };
    let (index, _) = unread.match_indices(['"', '\'']).find(begins)?;
    let fault = Fault::new(
        place_of(text, read_to + index),
        "this is not YAML: the quoted text that begins here does not end",
    );
    Some(
        fault.hint(
            "close the quote; where the text has several lines, indent them deeper than its key",
        ),
    )
}

/// The parser tells where the text with the tab begins, which may be lines before it.
fn tab(text: &str, at: usize, kind: &ErrorKind) -> Option<Place> {
    if !matches!(kind, ErrorKind::TabInPlainScalar) {
        return None;
    }
    let found = text.get(at..)?.find('\t')?;
    Some(place_of(text, at + found))
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other kinds say themselves what to do, or are too rare"
)]
fn hint(kind: &ErrorKind) -> Option<&'static str> {
    let hint = match kind {
        ErrorKind::DirectiveDisallowed => "remove the line that begins with `%`",
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => "indent with spaces",
        ErrorKind::UnexpectedCharacter { .. } => "quote the text",
        ErrorKind::UnclosedQuotedScalar => "close the quote",
        ErrorKind::UnclosedFlowCollection { .. } => "close it",
        ErrorKind::InvalidTrailingSingleQuotedScalar
        | ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            "put the whole text in quotes; a quote inside is written `''` in single quotes, `\\\"` in double ones"
        }
        ErrorKind::UnknownQuotedScalarEscape | ErrorKind::InvalidQuotedScalarHexEscape => {
            "write `\\\\` for a backslash, or put the text in single quotes"
        }
        ErrorKind::MappingValueNotAllowed => {
            "quote the text if `: ` belongs to it; else look at the indentation"
        }
        ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::InvalidIndentation => {
            "look at the indentation: what belongs together begins in one column"
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => "write it as `key: value`",
        ErrorKind::BlockSequenceEntryNotAllowed => "begin the list on the next line",
        _ => return None,
    };
    Some(hint)
}
