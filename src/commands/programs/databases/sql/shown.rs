//! Which tokens of a query stand for what it shows: between `SELECT` and `FROM`, there where the result is not only compared.

use super::tokens::Tokens;
use sqlparser::tokenizer::Token;

/// In which part of a query a token stands.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    /// Before the first `SELECT`.
    Start,
    /// What is shown.
    Columns,
    /// Where it comes from.
    Tables,
    /// Conditions and orders.
    Rest,
}

/// One pair of brackets, or the whole.
#[derive(Clone, Copy)]
struct Frame {
    part: Part,
    /// Whether a `SELECT` stands in these brackets.
    selects: bool,
    /// Whether what it shows is shown at last.
    counts: bool,
}

/// For each token whether it is shown.
pub(super) fn places(tokens: &Tokens<'_>) -> Vec<bool> {
    let mut frames = vec![Frame {
        part: Part::Start,
        selects: false,
        counts: true,
    }];
    let mut places = Vec::with_capacity(tokens.len());
    for place in 0..tokens.len() {
        let top = frames.last().copied().unwrap_or(Frame {
            part: Part::Rest,
            selects: false,
            counts: false,
        });
        match tokens.get(place) {
            Some(Token::LParen) => frames.push(Frame {
                part: if top.part == Part::Columns {
                    Part::Columns
                } else {
                    Part::Start
                },
                selects: false,
                counts: top.counts && top.part != Part::Rest,
            }),
            Some(Token::RParen) if frames.len() > 1 => {
                frames.pop();
            }
            _ => {
                if let Some(frame) = frames.last_mut() {
                    step(frame, tokens, place);
                }
            }
        }
        places.push(
            frames
                .last()
                .is_some_and(|frame| frame.part == Part::Columns && frame.counts),
        );
    }
    places
}

/// Goes on to the next part where a word begins it.
fn step(frame: &mut Frame, tokens: &Tokens<'_>, place: usize) {
    if tokens.any(place, &["SELECT", "RETURNING"]) {
        frame.part = Part::Columns;
        frame.selects = true;
    } else if frame.selects && tokens.any(place, &["FROM", "JOIN"]) {
        frame.part = Part::Tables;
    } else if frame.selects
        && tokens.any(
            place,
            &["WHERE", "GROUP", "ORDER", "HAVING", "ON", "LIMIT", "WINDOW"],
        )
    {
        frame.part = Part::Rest;
    } else if tokens.any(place, &["UNION", "EXCEPT", "INTERSECT"]) {
        frame.part = Part::Start;
    }
}
