//! Where expressions begin and end in a text.

use crate::domain::expression::ExpressionError;
use std::borrow::Cow;

/// Opens an expression.
pub(super) const OPEN: &str = "${{";
const LITERAL: &str = "$${{";

/// A stretch of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Taken as it is.
    Literal(Cow<'a, str>),
    /// Evaluated.
    Expression {
        /// Without `${{` and `}}`.
        source: &'a str,
        /// Where the source begins, in characters from the start of the text.
        offset: usize,
    },
}

/// The parts of a text, in order.
pub(super) fn split(text: &str) -> Result<Vec<Part<'_>>, ExpressionError> {
    let mut parts = Vec::new();
    let mut rest = text;
    let mut offset = 0;
    while let Some((before, after)) = rest.split_once(OPEN) {
        if let Some(before) = before.strip_suffix('$') {
            parts.push(Part::Literal(Cow::Owned(format!("{before}{OPEN}"))));
            offset += before.chars().count() + LITERAL.len();
            rest = after;
            continue;
        }
        if !before.is_empty() {
            parts.push(Part::Literal(Cow::Borrowed(before)));
        }
        offset += before.chars().count();
        let (source, following) = close(after).ok_or_else(|| unclosed(offset))?;
        offset += OPEN.len();
        parts.push(Part::Expression { source, offset });
        offset += source.chars().count() + 2;
        rest = following;
    }
    if !rest.is_empty() {
        parts.push(Part::Literal(Cow::Borrowed(rest)));
    }
    Ok(parts)
}

fn unclosed(offset: usize) -> ExpressionError {
    ExpressionError::new("`${{` is not closed by `}}`", offset)
        .hint("close the expression, or write `$${{` for the characters themselves")
}

/// Splits at the `}}` that closes an expression: not one in quotes, nor one that closes a mapping.
fn close(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    let mut escaped = false;
    let mut depth = 0_usize;
    for (index, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(open), _) => quote = (open != byte).then_some(open),
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'{') => depth += 1,
            (None, b'}') if depth > 0 => depth -= 1,
            (None, b'}') if text.as_bytes().get(index + 1) == Some(&b'}') => {
                return Some((text.get(..index)?, text.get(index + 2..)?));
            }
            (None, _) => {}
        }
    }
    None
}

/// The expression of a condition, and where it begins: the text itself, or what stands in the one `${{ }}` that it is.
pub(super) fn condition(text: &str) -> Result<(&str, usize), ExpressionError> {
    if !text.contains(OPEN) {
        return Ok((text, 0));
    }
    let trimmed = text.trim();
    if let [Part::Expression { source, offset }] = split(trimmed)?.as_slice() {
        return Ok((source, *offset));
    }
    Err(ExpressionError::new(
        "a condition is one expression; text cannot stand beside `${{ … }}`",
        0,
    )
    .hint("leave `${{` and `}}` out"))
}
