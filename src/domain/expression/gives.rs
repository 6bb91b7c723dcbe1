//! What an expression gives, as far as that shows without evaluating it.

use super::{
    Reference, Root,
    scan::{self, Token},
    text,
};
use crate::domain::{name::SecretName, runbook::InputKind};

/// Filters that give a number, and those that give a text. The others give what they are given.
const NUMBERS: [&str; 6] = ["abs", "float", "int", "length", "round", "times"];
const TEXTS: [&str; 7] = [
    "join", "lower", "replace", "string", "tojson", "trim", "upper",
];
/// Words and marks that can make anything of what stands beside them.
const DECIDING: [&str; 7] = ["and", "or", "not", "in", "is", "if", "else"];

/// The sort of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gives {
    /// A text.
    Text,
    /// A number.
    Number,
    /// True or false.
    Truth,
    /// Nothing at all.
    Nothing,
    /// A list.
    List,
    /// A mapping.
    Mapping,
    /// A number, or a text that was put together.
    Sum,
    /// Whatever has this name.
    Name(Reference),
    /// Only evaluating it would tell.
    Unknown,
}

impl Gives {
    /// What it is instead, where it is neither true nor false in any run.
    pub fn instead_of_truth(&self) -> Option<&'static str> {
        match self {
            Self::Text => Some("a text"),
            Self::Number => Some("a number"),
            Self::Nothing => Some("nothing"),
            Self::List => Some("a list"),
            Self::Mapping => Some("a mapping"),
            Self::Sum => Some("a number or a text"),
            Self::Truth | Self::Name(_) | Self::Unknown => None,
        }
    }

    /// What it is instead, where it is no value of an input of this kind in any run.
    pub fn instead_of(&self, kind: InputKind) -> Option<&'static str> {
        let fits = match kind {
            InputKind::String | InputKind::Duration => matches!(self, Self::Text | Self::Sum),
            InputKind::Integer | InputKind::Number => matches!(self, Self::Number | Self::Sum),
            InputKind::Boolean => *self == Self::Truth,
        };
        if fits {
            return None;
        }
        match self {
            Self::Truth => Some("true or false"),
            other => other.instead_of_truth(),
        }
    }
}

impl From<InputKind> for Gives {
    fn from(kind: InputKind) -> Self {
        match kind {
            InputKind::String | InputKind::Duration => Self::Text,
            InputKind::Integer | InputKind::Number => Self::Number,
            InputKind::Boolean => Self::Truth,
        }
    }
}

/// What a condition gives, and where its expression begins, in characters.
pub fn condition_gives(condition: &str) -> (Gives, usize) {
    match text::condition(condition) {
        Ok((source, offset)) => (gives(source), offset),
        Err(_) => (Gives::Unknown, 0),
    }
}

/// What an argument that holds expressions gives: beside a text, always a text.
pub fn argument_gives(argument: &str) -> Gives {
    match text::split(argument).as_deref() {
        Ok([text::Part::Expression { source, .. }]) => gives(source),
        Ok(_) => Gives::Text,
        Err(_) => Gives::Unknown,
    }
}

/// The secret that an argument is, where it is nothing but one.
pub fn whole_secret(argument: &str) -> Option<SecretName> {
    match text::split(argument).as_deref() {
        Ok([text::Part::Expression { source, .. }]) => scan::whole_name(source)?.secret(),
        Ok(_) | Err(_) => None,
    }
}

fn gives(source: &str) -> Gives {
    let Ok(tokens) = scan::tokens(source, 0) else {
        return Gives::Unknown;
    };
    let tokens: Vec<Token<'_>> = tokens.into_iter().map(|(token, _)| token).collect();
    if let Some(simple) = value(&tokens, source) {
        return simple;
    }
    let outer = outside_brackets(&tokens);
    let decides = |token: &Token<'_>| match token {
        Token::Word(word) => DECIDING.contains(word),
        Token::Mark(mark) => matches!(mark, '≡' | '!' | '<' | '>'),
        Token::Text(_) | Token::Number => false,
    };
    if outer.iter().any(decides) {
        return Gives::Unknown;
    }
    let reckons = |token: &Token<'_>| matches!(token, Token::Mark('+' | '-' | '/' | '%' | '~'));
    if outer.iter().any(reckons) {
        return Gives::Sum;
    }
    match outer.iter().rposition(|token| *token == Token::Mark('|')) {
        Some(last) => filtered(outer.get(last + 1)),
        None => Gives::Unknown,
    }
}

/// A single value, not put together from others.
fn value(tokens: &[Token<'_>], source: &str) -> Option<Gives> {
    match tokens {
        [Token::Text(_)] => Some(Gives::Text),
        [Token::Number] | [Token::Number, Token::Mark('.'), Token::Number] => Some(Gives::Number),
        [Token::Word("none" | "None")] => Some(Gives::Nothing),
        [Token::Word("true" | "false" | "True" | "False")] => Some(Gives::Truth),
        [Token::Mark('['), .., Token::Mark(']')] if outside_brackets(tokens).is_empty() => {
            Some(Gives::List)
        }
        [Token::Mark('{'), .., Token::Mark('}')] if outside_brackets(tokens).is_empty() => {
            Some(Gives::Mapping)
        }
        _ => scan::whole_name(source).map(|name| match (name.root, name.path.as_slice()) {
            (Root::Secret, _) => Gives::Text,
            (_, []) => Gives::Mapping,
            (Root::Inputs | Root::Values | Root::Steps | Root::Run, _) => Gives::Name(name),
        }),
    }
}

/// What does not stand in brackets.
fn outside_brackets<'a>(tokens: &[Token<'a>]) -> Vec<Token<'a>> {
    let mut depth = 0_usize;
    let mut outside = Vec::new();
    for token in tokens {
        match token {
            Token::Mark('(' | '[' | '{') => depth += 1,
            Token::Mark(')' | ']' | '}') => depth = depth.saturating_sub(1),
            other if depth == 0 => outside.push(*other),
            Token::Mark(_) | Token::Word(_) | Token::Text(_) | Token::Number => {}
        }
    }
    outside
}

fn filtered(filter: Option<&Token<'_>>) -> Gives {
    match filter {
        Some(Token::Word(filter)) if NUMBERS.contains(filter) => Gives::Number,
        Some(Token::Word(filter)) if TEXTS.contains(filter) => Gives::Text,
        Some(Token::Word("bool")) => Gives::Truth,
        Some(_) | None => Gives::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::{Gives, argument_gives, condition_gives, whole_secret};
    use crate::domain::{expression::Root, runbook::InputKind};

    fn of(condition: &str) -> Gives {
        condition_gives(condition).0
    }

    #[test]
    fn what_is_neither_true_nor_false_shows_without_evaluating() {
        for (condition, gives) in [
            ("'yes'", Gives::Text),
            ("1.5", Gives::Number),
            ("none", Gives::Nothing),
            ("[1, 2]", Gives::List),
            ("inputs", Gives::Mapping),
            ("inputs.a + 1", Gives::Sum),
            ("-1", Gives::Sum),
            ("inputs.a | default('x') | upper", Gives::Text),
            ("steps.a.outputs.lines | length", Gives::Number),
            ("true", Gives::Truth),
        ] {
            assert_eq!(of(condition), gives, "{condition}");
        }
    }

    #[test]
    fn what_may_be_true_is_left_alone() {
        for condition in [
            "inputs.a == 'x'",
            "not inputs.a",
            "inputs.a and inputs.b",
            "inputs.a if inputs.b else false",
            "'x' in inputs.a",
            "inputs.a is defined",
            "inputs.a | default(true)",
            "(1 + 2) < 5",
            "[1] == [1]",
            "(inputs.a)",
            "inputs.a[inputs.b]",
            "inputs.a !=",
            "'open",
        ] {
            assert_eq!(of(condition), Gives::Unknown, "{condition}");
        }
    }

    #[test]
    fn a_name_is_left_to_those_who_know_it() {
        let Gives::Name(name) = of("${{ steps.a.outputs['b'] }}") else {
            panic!("it is a name");
        };
        assert_eq!((name.root, name.path.len()), (Root::Steps, 3));
    }

    #[test]
    fn an_expression_beside_a_text_gives_a_text() {
        assert_eq!(argument_gives("x ${{ true }}"), Gives::Text);
        assert_eq!(argument_gives("${{ true }}"), Gives::Truth);
        assert_eq!(argument_gives("${{ 1"), Gives::Unknown);
    }

    #[test]
    fn a_secret_alone_is_known_without_evaluating() {
        let name = |argument: &str| whole_secret(argument).map(|name| name.to_string());
        assert_eq!(name(r#"${{ secret("db") }}"#).as_deref(), Some("db"));
        for other in [
            "db",
            r#"x${{ secret("db") }}"#,
            r#"${{ secret("db") | upper }}"#,
            r#"${{ secret("db") if inputs.a else none }}"#,
            "${{ inputs.db }}",
        ] {
            assert_eq!(name(other), None, "{other}");
        }
    }

    #[test]
    fn a_kind_takes_what_may_be_of_it() {
        for (gives, kind, instead) in [
            (Gives::Number, InputKind::Integer, None),
            (Gives::Text, InputKind::Duration, None),
            (Gives::Unknown, InputKind::Boolean, None),
            (Gives::Text, InputKind::Integer, Some("a text")),
            (Gives::Truth, InputKind::String, Some("true or false")),
        ] {
            assert_eq!(gives.instead_of(kind), instead, "{gives:?} {kind:?}");
        }
    }
}
