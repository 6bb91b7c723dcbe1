//! Words as the shell would make them: quotation marks taken away, variables that the text itself sets put in, the rest left unknown.

use super::{
    super::word::Word,
    braces, parse,
    quotes::{escapes, expands, stretches},
    state::Value,
    streams::Output,
    walk::{StandIn, Walker},
};
use brush_parser::word::{
    Parameter, ParameterExpr, ParameterTransformOp, SpecialParameter, TildeExpr, WordPiece,
    WordPieceWithSource,
};

/// Characters that make a word more than its text.
const SPECIAL: [char; 10] = ['\\', '\'', '"', '$', '`', '~', '*', '?', '[', '{'];

/// How much is known of a word in the making.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    #[default]
    Known,
    Glob,
    Unknown,
}

/// Words in the making.
#[derive(Debug, Default)]
struct Maker {
    done: Vec<Word>,
    text: String,
    sort: Sort,
    started: bool,
    /// Whether unquoted values are split and matched: not in assignments, here-documents and the like.
    whole: bool,
}

impl Maker {
    fn text(&mut self, text: &str, quoted: bool) {
        self.started = true;
        self.text.push_str(text);
        if !quoted && !self.whole && is_glob(text) {
            self.sort = self.sort.max(Sort::Glob);
        }
    }

    fn unknown(&mut self, source: &str) {
        self.started = true;
        self.sort = Sort::Unknown;
        self.text.push_str(source);
    }

    fn value(&mut self, value: &Word, quoted: bool) {
        match value {
            Word::Known(text) if quoted || self.whole => self.text(text, true),
            Word::Known(text) => {
                let mut pieces = text.split([' ', '\t', '\n']);
                self.started |= !text.is_empty() && !text.starts_with([' ', '\t', '\n']);
                if let Some(first) = pieces.next().filter(|first| !first.is_empty()) {
                    self.text(first, false);
                }
                for piece in pieces {
                    self.end();
                    if !piece.is_empty() {
                        self.text(piece, false);
                    }
                }
            }
            Word::Glob(text) => {
                self.text(text, true);
                self.sort = self.sort.max(Sort::Glob);
            }
            Word::Unknown(text) => self.unknown(text),
        }
    }

    fn end(&mut self) {
        let text = std::mem::take(&mut self.text);
        if std::mem::take(&mut self.started) {
            self.done.push(match self.sort {
                Sort::Known => Word::Known(text),
                Sort::Glob => Word::Glob(text),
                Sort::Unknown => Word::Unknown(text),
            });
        }
        self.sort = Sort::Known;
    }
}

/// Whether the shell would look for files that match.
fn is_glob(text: &str) -> bool {
    text.contains(['*', '?'])
        || text
            .find('[')
            .is_some_and(|open| text.get(open..).is_some_and(|rest| rest.contains(']')))
}

impl Walker<'_, '_> {
    /// The words that one word becomes.
    pub(super) fn expand(&mut self, raw: &str) -> Vec<Word> {
        if !raw.contains(SPECIAL) {
            return vec![Word::Known(raw.to_owned())];
        }
        let raws = if raw.contains('{') && (raw.contains(',') || raw.contains("..")) {
            braces::expand(raw)
        } else {
            Some(vec![raw.to_owned()])
        };
        let Some(raws) = raws else {
            return vec![Word::Unknown(raw.to_owned())];
        };
        let mut words = Vec::new();
        for raw in raws {
            let mut maker = Maker::default();
            self.fill(&raw, &mut maker);
            maker.end();
            words.append(&mut maker.done);
        }
        words
    }

    /// The one word that a word becomes where the shell does not split: in assignments, as the target of a redirection.
    pub(super) fn expand_whole(&mut self, raw: &str) -> Word {
        let mut maker = Maker {
            whole: true,
            started: true,
            ..Maker::default()
        };
        self.fill(raw, &mut maker);
        maker.end();
        maker.done.pop().unwrap_or(Word::Known(String::new()))
    }

    /// The text of a here-document whose end was not quoted.
    pub(super) fn expand_document(&mut self, raw: &str) -> Word {
        let mut maker = Maker {
            whole: true,
            started: true,
            ..Maker::default()
        };
        match parse::document(raw) {
            Some(pieces) => self.pieces(&pieces, raw, true, &mut maker),
            None => self.unreadable(raw, &mut maker),
        }
        maker.end();
        maker.done.pop().unwrap_or(Word::Known(String::new()))
    }

    fn fill(&mut self, raw: &str, maker: &mut Maker) {
        if !expands(raw) {
            for stretch in stretches(raw) {
                maker.text(&stretch.text, stretch.quoted);
            }
            if !maker.whole && raw.starts_with('~') && !home(raw) {
                maker.sort = maker.sort.max(Sort::Glob);
            }
            return;
        }
        match parse::word(raw) {
            Some(pieces) => self.pieces(&pieces, raw, false, maker),
            None => self.unreadable(raw, maker),
        }
    }

    fn unreadable(&mut self, raw: &str, maker: &mut Maker) {
        maker.unknown(raw);
        self.found
            .unknown_code(&self.setting.place, raw, "a word that cannot be read");
    }

    fn pieces(
        &mut self,
        pieces: &[WordPieceWithSource],
        raw: &str,
        quoted: bool,
        maker: &mut Maker,
    ) {
        for piece in pieces {
            let source = raw.get(piece.start_index..piece.end_index).unwrap_or(raw);
            self.piece(&piece.piece, source, raw, quoted, maker);
        }
    }

    fn piece(
        &mut self,
        piece: &WordPiece,
        source: &str,
        raw: &str,
        quoted: bool,
        maker: &mut Maker,
    ) {
        match piece {
            WordPiece::Text(text) if quoted => maker.text(&text.replace("\\\n", ""), true),
            WordPiece::Text(text) => maker.text(text, false),
            WordPiece::SingleQuotedText(text) => maker.text(text, true),
            WordPiece::AnsiCQuotedText(text) => match escapes(text) {
                Some(text) => maker.text(&text, true),
                None => maker.unknown(source),
            },
            WordPiece::DoubleQuotedSequence(pieces)
            | WordPiece::GettextDoubleQuotedSequence(pieces) => {
                maker.started = true;
                self.pieces(pieces, raw, true, maker);
            }
            WordPiece::TildeExpansion(TildeExpr::Home) => maker.text("~", true),
            WordPiece::TildeExpansion(_) => {
                maker.text(source, true);
                maker.sort = maker.sort.max(Sort::Glob);
            }
            WordPiece::ParameterExpansion(parameter) => {
                self.parameter(parameter, source, quoted, maker);
            }
            WordPiece::CommandSubstitution(text) => self.substituted(text, source, quoted, maker),
            WordPiece::BackquotedCommandSubstitution(text) => {
                self.substituted(&without_escapes(text), source, quoted, maker);
            }
            WordPiece::EscapeSequence(text) => {
                let mut letters = text.chars();
                letters.next();
                if letters.as_str() != "\n" {
                    maker.text(letters.as_str(), true);
                }
            }
            WordPiece::ArithmeticExpression(expression) => {
                self.arithmetic(&expression.value);
                maker.unknown(source);
            }
        }
    }

    /// A command substitution: its commands run, and what they print goes into the word.
    fn substituted(&mut self, text: &str, source: &str, quoted: bool, maker: &mut Maker) {
        let shows = self.shows;
        self.shows &= self.prints;
        let output = self.substitution(text);
        self.shows = shows;
        match output {
            Output::Known(text) => {
                let text = text.trim_end_matches('\n');
                maker.value(&Word::Known(text.to_owned()), quoted);
            }
            Output::Downloaded | Output::Partly(_) | Output::Unknown => maker.unknown(source),
        }
    }

    /// Commands inside an arithmetic expression or an operand run too.
    pub(super) fn arithmetic(&mut self, text: &str) {
        if text.contains(['$', '`']) {
            self.expand_document(text);
        }
    }

    fn operand(&mut self, operand: Option<&String>) -> Word {
        operand.map_or(Word::Known(String::new()), |operand| {
            self.expand_whole(operand)
        })
    }

    fn parameter(
        &mut self,
        expression: &ParameterExpr,
        source: &str,
        quoted: bool,
        maker: &mut Maker,
    ) {
        match expression {
            ParameterExpr::Parameter {
                parameter,
                indirect: false,
            } => self.plain_parameter(parameter, source, quoted, maker),
            ParameterExpr::UseDefaultValues {
                parameter: Parameter::Named(name),
                indirect: false,
                default_value: operand,
                ..
            }
            | ParameterExpr::AssignDefaultValues {
                parameter: Parameter::Named(name),
                indirect: false,
                default_value: operand,
                ..
            } => {
                let default = self.operand(operand.as_ref());
                match self.state.variable(name) {
                    Some(Value::One(Word::Known(text))) if text.is_empty() => {
                        maker.value(&default, quoted);
                    }
                    Some(Value::One(value @ Word::Known(_))) => maker.value(&value.clone(), quoted),
                    _ if self.stand_in == StandIn::Assumed => maker.value(&default, quoted),
                    _ => {
                        self.stand_in = StandIn::Seen;
                        maker.unknown(source);
                    }
                }
                if matches!(expression, ParameterExpr::AssignDefaultValues { .. }) {
                    self.state.forget(name);
                }
            }
            ParameterExpr::Transform {
                op: ParameterTransformOp::PromptExpand,
                ..
            } => {
                let reason = format!("`{source}` runs commands that stand in a variable");
                self.found
                    .unknown_code(&self.setting.place, "shell", reason);
                maker.unknown(source);
            }
            _ => {
                // Whatever it computes is not known here; but commands in its operands run.
                self.arithmetic(source.get(1..).unwrap_or_default());
                maker.unknown(source);
            }
        }
    }

    fn plain_parameter(
        &mut self,
        parameter: &Parameter,
        source: &str,
        quoted: bool,
        maker: &mut Maker,
    ) {
        let words = match parameter {
            Parameter::Named(name) if name == "IFS" && self.state.variable(name).is_none() => {
                return maker.value(&Word::Known(" \t\n".to_owned()), quoted);
            }
            Parameter::Named(name) => match self.state.variable(name) {
                Some(Value::One(word)) => Some(vec![word.clone()]),
                Some(Value::Many(words)) => words.first().map(|word| vec![word.clone()]),
                None => None,
            },
            Parameter::Positional(place) => self.positional(*place as usize).map(|word| vec![word]),
            Parameter::Special(SpecialParameter::AllPositionalParameters { .. }) => self
                .state
                .positional
                .as_ref()
                .map(|words| words.iter().skip(1).cloned().collect()),
            Parameter::NamedWithAllIndices { name, .. } => match self.state.variable(name) {
                Some(Value::Many(words)) => Some(words.clone()),
                Some(Value::One(word)) => Some(vec![word.clone()]),
                None => None,
            },
            Parameter::NamedWithIndex { name, index } => {
                self.arithmetic(index);
                match (self.state.variable(name), index.parse::<usize>()) {
                    (Some(Value::Many(words)), Ok(index)) => {
                        words.get(index).map(|word| vec![word.clone()])
                    }
                    _ => None,
                }
            }
            Parameter::Special(_) => None,
        };
        match words {
            Some(words) if quoted || self.state.splits_at_blanks() => {
                for (place, word) in words.iter().enumerate() {
                    if place > 0 && maker.whole {
                        maker.text(" ", true);
                    } else if place > 0 {
                        maker.end();
                    }
                    maker.value(word, quoted);
                }
            }
            _ => maker.unknown(source),
        }
    }

    /// `$1` and so on; those that were not given are empty where the words are known at all.
    fn positional(&self, place: usize) -> Option<Word> {
        let words = self.state.positional.as_ref()?;
        Some(
            words
                .get(place)
                .cloned()
                .unwrap_or(Word::Known(String::new())),
        )
    }
}

/// The text between backquotes, where a backslash before `$` and another backslash belongs to the backquotes.
fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\\'
            && let Some(next) = letters.next_if(|next| matches!(next, '\\' | '$'))
        {
            plain.push(next);
        } else {
            plain.push(letter);
        }
    }
    plain
}

/// Whether a word begins with the home folder of whoever runs it.
fn home(raw: &str) -> bool {
    raw == "~" || raw.starts_with("~/")
}
