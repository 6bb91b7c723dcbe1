//! Words of a plan: their quotation marks taken away, and what is put in when their turn comes.

use super::{
    super::{
        braces, parse,
        quotes::{expands, stretches},
    },
    moments, names,
};
use crate::domain::pipeline::{Matching, Part, PlannedWord};
use brush_parser::word::{
    Parameter, ParameterExpr, SpecialParameter, TildeExpr, WordPiece, WordPieceWithSource,
};

/// What a shell does with a word, besides putting values in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Treatment {
    /// Values are taken apart at blanks, and patterns matched: an argument.
    Argument,
    /// Neither: the value of an assignment, the text of a here-string.
    Whole,
    /// As [`Treatment::Whole`], but shells differ where there would be anything to take apart: the target of a redirection.
    Target,
}

/// The words that an argument is written as, `{a,b}` taken apart.
pub(super) fn arguments(raw: &str) -> Option<Vec<PlannedWord>> {
    let raws = if raw.contains('{') && (raw.contains(',') || raw.contains("..")) {
        braces::expand(raw)?
    } else {
        vec![raw.to_owned()]
    };
    raws.iter()
        .map(|raw| word(raw, Treatment::Argument))
        .collect()
}

/// The text of a word that holds nothing to put in.
pub(super) fn plain(raw: &str) -> Option<String> {
    word(raw, Treatment::Target)?.known()
}

/// One word. A pattern's [`Matching`] is left to who knows the program.
pub(super) fn word(raw: &str, treatment: Treatment) -> Option<PlannedWord> {
    if treatment == Treatment::Target && raw.contains('{') && braces::expand(raw)?.len() != 1 {
        return None;
    }
    let mut maker = Maker {
        parts: Vec::new(),
        treatment,
    };
    if expands(raw) {
        for piece in parse::word(raw)? {
            maker.piece(&piece, raw, false)?;
        }
    } else {
        let rest = if is_home(raw) {
            maker.parts.push(Part::Home);
            raw.get(1..)?
        } else {
            raw
        };
        for stretch in stretches(rest) {
            if stretch.quoted {
                maker.parts.push(Part::Text(stretch.text));
            } else {
                maker.bare(&stretch.text)?;
            }
        }
    }
    maker.finish()
}

/// The lines of a here-document whose end was not quoted.
pub(super) fn document(raw: &str) -> Option<PlannedWord> {
    let mut maker = Maker {
        parts: Vec::new(),
        treatment: Treatment::Whole,
    };
    for piece in parse::document(raw)? {
        maker.piece(&piece, raw, true)?;
    }
    maker.finish()
}

/// Whether a word begins with the home folder of whoever runs it.
fn is_home(raw: &str) -> bool {
    raw == "~" || raw.starts_with("~/")
}

struct Maker {
    parts: Vec<Part>,
    treatment: Treatment,
}

impl Maker {
    /// Characters that are not quoted.
    fn bare(&mut self, text: &str) -> Option<()> {
        let tilde = text.starts_with('~')
            && match self.parts.last() {
                Some(Part::Text(before) | Part::Pattern(before)) => before.ends_with(['=', ':']),
                Some(_) => false,
                None => true,
            };
        if tilde || text.contains("=~") || text.contains(":~") || text.contains(['(', ')']) {
            return None;
        }
        self.parts.push(Part::Pattern(text.to_owned()));
        Some(())
    }

    fn piece(&mut self, piece: &WordPieceWithSource, raw: &str, quoted: bool) -> Option<()> {
        match &piece.piece {
            WordPiece::Text(text) if quoted => {
                self.parts.push(Part::Text(text.replace("\\\n", "")));
            }
            WordPiece::Text(text) => self.bare(text)?,
            WordPiece::SingleQuotedText(text) => self.parts.push(Part::Text(text.clone())),
            WordPiece::DoubleQuotedSequence(pieces) => {
                self.parts.push(Part::Text(String::new()));
                for piece in pieces {
                    self.piece(piece, raw, true)?;
                }
            }
            WordPiece::TildeExpansion(TildeExpr::Home) if self.parts.is_empty() && is_home(raw) => {
                self.parts.push(Part::Home);
            }
            WordPiece::EscapeSequence(text) => {
                let escaped = text.strip_prefix('\\')?;
                if escaped != "\n" {
                    self.parts.push(Part::Text(escaped.to_owned()));
                }
            }
            WordPiece::ParameterExpansion(ParameterExpr::Parameter {
                parameter,
                indirect: false,
            }) => self.parameter(parameter, quoted)?,
            WordPiece::CommandSubstitution(text)
            | WordPiece::BackquotedCommandSubstitution(text) => {
                let whole = quoted || self.treatment == Treatment::Whole;
                self.parts.push(Part::Moment(moments::of(text, whole)?));
            }
            WordPiece::TildeExpansion(_)
            | WordPiece::AnsiCQuotedText(_)
            | WordPiece::GettextDoubleQuotedSequence(_)
            | WordPiece::ParameterExpansion(_)
            | WordPiece::ArithmeticExpression(_) => return None,
        }
        Some(())
    }

    fn parameter(&mut self, parameter: &Parameter, quoted: bool) -> Option<()> {
        self.parts.push(match parameter {
            Parameter::Named(name) if names::is_plain_variable(name) => {
                match (self.treatment, quoted) {
                    (_, true) | (Treatment::Whole, false) => Part::Variable(name.clone()),
                    (Treatment::Argument, false) => Part::Split(name.clone()),
                    (Treatment::Target, false) => return None,
                }
            }
            Parameter::Special(SpecialParameter::LastExitStatus) => Part::Status,
            _ => return None,
        });
        Some(())
    }

    /// Characters of a pattern that make none stand for themselves.
    fn finish(self) -> Option<PlannedWord> {
        let matching = if self.treatment != Treatment::Whole && is_pattern(&self.parts) {
            if self.treatment == Treatment::Target || !is_common(&self.parts) {
                return None;
            }
            Matching::Itself
        } else {
            Matching::No
        };
        let mut parts: Vec<Part> = Vec::new();
        for part in self.parts {
            let part = match part {
                Part::Pattern(text) if matching == Matching::No => Part::Text(text),
                part => part,
            };
            match (parts.last_mut(), part) {
                (Some(Part::Text(before)), Part::Text(text)) => before.push_str(&text),
                (_, part) => parts.push(part),
            }
        }
        Some(PlannedWord { parts, matching })
    }
}

fn is_pattern(parts: &[Part]) -> bool {
    let bare: String = parts
        .iter()
        .filter_map(|part| match part {
            Part::Pattern(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let class = || {
        bare.split_once('[')
            .is_some_and(|(_, rest)| rest.contains(']'))
    };
    bare.contains(['*', '?']) || class()
}

/// Whether all shells mean the same by a pattern: `.*` is `.` and `..` to some, and there are several languages of classes.
fn is_common(parts: &[Part]) -> bool {
    let mut whole = String::new();
    for part in parts {
        match part {
            Part::Text(text) => whole.push_str(&text.replace(['*', '?', '['], "x")),
            Part::Pattern(text) => whole.push_str(text),
            Part::Variable(_) | Part::Split(_) | Part::Status | Part::Home | Part::Moment(_) => {
                whole.push('x');
            }
        }
    }
    let hidden = |part: &str| {
        part.trim_start_matches('.').starts_with(['*', '?', '[']) && part.starts_with('.')
    };
    let odd = ["[^", "[:", "[.", "[="];
    !whole.split('/').any(hidden) && !odd.iter().any(|odd| whole.contains(odd))
}
