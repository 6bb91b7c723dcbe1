//! Reads an expression's words without evaluating it: which names it uses, and whether it stays within its bounds.

use crate::domain::expression::{ExpressionError, Place, Reference, Root};

/// The filters that expressions know, as in `inputs.name | upper`.
pub const FILTERS: [&str; 19] = [
    "abs", "bool", "default", "first", "float", "int", "join", "last", "length", "lower", "max",
    "min", "replace", "round", "string", "times", "tojson", "trim", "upper",
];
/// The tests that expressions know, as in `inputs.name is defined`.
pub const TESTS: [&str; 15] = [
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "even",
    "float",
    "integer",
    "mapping",
    "none",
    "number",
    "odd",
    "sequence",
    "startingwith",
    "string",
    "undefined",
];

const MAX_LENGTH: usize = 1024;
const MAX_TOKENS: usize = 200;
const MAX_NESTING: usize = 16;
const KEYWORDS: [&str; 13] = [
    "and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None",
];

/// A word, a value or a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Word(&'a str),
    /// What stands between the quotes, escapes not undone.
    Text(&'a str),
    Number,
    Mark(char),
}

/// The names that an expression uses. `offset` is where it begins in the whole text.
pub(super) fn references(source: &str, offset: usize) -> Result<Vec<Reference>, ExpressionError> {
    let mut found = Vec::new();
    each_name(source, offset, |name| {
        found.push(reference(name)?);
        Ok(())
    })?;
    Ok(found)
}

/// A name as it stands in an expression.
pub(super) struct Name<'t, 's> {
    pub(super) word: &'s str,
    /// The words that follow it.
    pub(super) path: Vec<String>,
    /// How many tokens these take.
    used: usize,
    rest: &'t [(Token<'s>, usize)],
    pub(super) at: usize,
}

/// Tells each name, and refuses filters and tests that there are not.
pub(super) fn each_name<'s>(
    source: &'s str,
    offset: usize,
    mut told: impl FnMut(Name<'_, 's>) -> Result<(), ExpressionError>,
) -> Result<(), ExpressionError> {
    let tokens = tokens(source, offset)?;
    let mut index = 0;
    while let Some((token, at)) = tokens.get(index) {
        let (Token::Word(word), at) = (*token, *at) else {
            index += 1;
            continue;
        };
        let rest = tokens.get(index + 1..).unwrap_or_default();
        index += 1;
        match role(&tokens, index - 1) {
            Role::Name => {
                let (path, used) = path(rest);
                index += used;
                told(Name {
                    word,
                    path,
                    used,
                    rest,
                    at,
                })?;
            }
            Role::Filter => known(word, &FILTERS, "filter", at)?,
            Role::Test => known(word, &TESTS, "test", at)?,
            Role::Other => {}
        }
    }
    Ok(())
}

/// The name that an expression is, if it is nothing but one.
pub(super) fn whole_name(source: &str) -> Option<Reference> {
    let tokens = tokens(source, 0).ok()?;
    let (_, rest) = tokens.split_first()?;
    let (_, used) = path(rest);
    let is_one = used == rest.len() || matches!(tokens.first(), Some((Token::Word("secret"), _)));
    let mut names = references(source, 0).ok()?;
    let name = names.pop().filter(|_| is_one && names.is_empty())?;
    (name.root != Root::Secret || rest.len() == 3).then_some(name)
}

enum Role {
    Name,
    Filter,
    Test,
    Other,
}

fn role(tokens: &[(Token<'_>, usize)], index: usize) -> Role {
    let token = |index: Option<usize>| {
        index
            .and_then(|index| tokens.get(index))
            .map(|found| found.0)
    };
    let before = token(index.checked_sub(1));
    let keyword =
        matches!(tokens.get(index), Some((Token::Word(word), _)) if KEYWORDS.contains(word));
    match before {
        Some(Token::Mark('|')) => Role::Filter,
        Some(Token::Mark('.')) => Role::Other,
        Some(Token::Word("is")) if !matches!(token(Some(index)), Some(Token::Word("not"))) => {
            Role::Test
        }
        Some(Token::Word("not"))
            if matches!(token(index.checked_sub(2)), Some(Token::Word("is"))) =>
        {
            Role::Test
        }
        _ if keyword => Role::Other,
        Some(Token::Mark('(' | ',')) if token(Some(index + 1)) == Some(Token::Mark('=')) => {
            Role::Other
        }
        _ => Role::Name,
    }
}

/// The words that follow a name as `.word` or `["word"]`, and how many tokens they take.
fn path(rest: &[(Token<'_>, usize)]) -> (Vec<String>, usize) {
    let mut path = Vec::new();
    let mut used = 0;
    loop {
        let next: Vec<_> = rest
            .iter()
            .skip(used)
            .take(3)
            .map(|found| found.0)
            .collect();
        match next.as_slice() {
            [Token::Mark('.'), Token::Word(word), ..] => {
                path.push((*word).to_owned());
                used += 2;
            }
            [Token::Mark('['), Token::Text(text), Token::Mark(']')] if !text.contains('\\') => {
                path.push((*text).to_owned());
                used += 3;
            }
            _ => return (path, used),
        }
    }
}

fn reference(name: Name<'_, '_>) -> Result<Reference, ExpressionError> {
    let (word, at) = (name.word, name.at);
    let root = Root::ALL.into_iter().find(|root| root.as_str() == word);
    let root = root.ok_or_else(|| unknown(word, &Root::ALL.map(Root::as_str), "name", at))?;
    let path = if root == Root::Secret {
        vec![secret_name(name.used, name.rest, at)?]
    } else {
        name.path
    };
    let place = Place {
        pointer: String::new(),
        offset: at,
    };
    Ok(Reference { root, path, place })
}

fn secret_name(
    used: usize,
    rest: &[(Token<'_>, usize)],
    at: usize,
) -> Result<String, ExpressionError> {
    let next: Vec<_> = rest.iter().take(3).map(|found| found.0).collect();
    if let [Token::Mark('('), Token::Text(name), Token::Mark(')')] = next.as_slice()
        && used == 0
    {
        crate::domain::name::SecretName::new(name)
            .map_err(|error| ExpressionError::new(error.to_string(), at))?;
        return Ok((*name).to_owned());
    }
    Err(ExpressionError::new(
        "a secret is named by a literal text, so that people can see which",
        at,
    )
    .hint("write it as `secret(\"name\")`"))
}

fn known(word: &str, list: &[&str], what: &str, at: usize) -> Result<(), ExpressionError> {
    if list.contains(&word) {
        return Ok(());
    }
    Err(unknown(word, list, what, at))
}

pub(super) fn unknown(word: &str, list: &[&str], what: &str, at: usize) -> ExpressionError {
    ExpressionError::new(format!("there is no {what} `{word}`"), at)
        .hint(format!("known are {}", list.join(", ")))
}

/// Splits an expression into tokens, each with its place in characters from the start of the text.
pub(super) fn tokens(
    source: &str,
    offset: usize,
) -> Result<Vec<(Token<'_>, usize)>, ExpressionError> {
    if source.len() > MAX_LENGTH {
        let what = format!("the expression is longer than {MAX_LENGTH} bytes");
        return Err(ExpressionError::new(what, offset));
    }
    let mut scanner = Scanner {
        rest: source,
        at: offset,
        nesting: 0,
    };
    let mut tokens = Vec::new();
    while let Some(token) = scanner.next()? {
        tokens.push(token);
        if tokens.len() > MAX_TOKENS {
            let what = format!("the expression has more than {MAX_TOKENS} words and marks");
            return Err(ExpressionError::new(what, offset));
        }
    }
    if tokens.is_empty() {
        return Err(ExpressionError::new("the expression is empty", offset));
    }
    Ok(tokens)
}

struct Scanner<'a> {
    rest: &'a str,
    at: usize,
    nesting: usize,
}

impl<'a> Scanner<'a> {
    fn next(&mut self) -> Result<Option<(Token<'a>, usize)>, ExpressionError> {
        let trimmed = self.rest.trim_start();
        self.at += self.rest.chars().count() - trimmed.chars().count();
        self.rest = trimmed;
        let Some(first) = trimmed.chars().next() else {
            return Ok(None);
        };
        let at = self.at;
        let token = match first {
            'a'..='z' | 'A'..='Z' | '_' => Token::Word(self.take(word_length(trimmed))),
            '0'..='9' => {
                self.take(word_length(trimmed));
                Token::Number
            }
            '"' | '\'' => self.quoted(first)?,
            mark => self.mark(mark)?,
        };
        Ok(Some((token, at)))
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.at += taken.chars().count();
        self.rest = rest;
        taken
    }

    fn quoted(&mut self, quote: char) -> Result<Token<'a>, ExpressionError> {
        let mut escaped = false;
        let end = self.rest.char_indices().skip(1).find(|&(_, character)| {
            let ends = character == quote && !escaped;
            escaped = character == '\\' && !escaped;
            ends
        });
        let (end, _) = end.ok_or_else(|| {
            ExpressionError::new("a quoted text in the expression is not closed", self.at)
        })?;
        let text = self.take(end + 1);
        let inside = text.get(1..end).unwrap_or_default();
        Ok(Token::Text(inside))
    }

    fn mark(&mut self, mark: char) -> Result<Token<'a>, ExpressionError> {
        let at = self.at;
        match mark {
            '(' | '[' | '{' => self.nesting += 1,
            ')' | ']' | '}' => self.nesting = self.nesting.saturating_sub(1),
            '*' => {
                return Err(ExpressionError::new("`*` is not available here", at)
                    .hint("write `| times(2)`, which works on numbers alone"));
            }
            '.' | ',' | '|' | '+' | '-' | '/' | '%' | '~' | '<' | '>' | '!' | ':' => {}
            '=' => return Ok(self.equals()),
            other => {
                let what = format!(
                    "`{}` does not belong in an expression",
                    other.escape_default()
                );
                return Err(ExpressionError::new(what, at));
            }
        }
        if self.nesting > MAX_NESTING {
            let what = format!("brackets are nested deeper than {MAX_NESTING}");
            return Err(ExpressionError::new(what, at));
        }
        // `!=`, `<=`, `>=` and `//` are one mark, so that `=` alone always means a named argument.
        let next = self.rest.get(1..2);
        let double = matches!(
            (mark, next),
            ('!' | '<' | '>', Some("=")) | ('/', Some("/"))
        );
        self.take(if double { 2 } else { 1 });
        Ok(Token::Mark(mark))
    }

    fn equals(&mut self) -> Token<'a> {
        if self.rest.starts_with("==") {
            self.take(2);
            Token::Mark('≡')
        } else {
            self.take(1);
            Token::Mark('=')
        }
    }
}

fn word_length(text: &str) -> usize {
    text.bytes()
        .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        .count()
}
