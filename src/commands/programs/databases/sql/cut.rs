//! A text to statements and to lines for the client itself.

use super::{Client, Escape};
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

/// A part of a text.
pub(super) enum Piece {
    Statement(Vec<TokenWithSpan>),
    /// A line for the client, without the sign that begins it.
    Own(String),
}

/// Cuts a text; why that is not possible.
pub(super) fn pieces(text: &str, client: &Client) -> Result<Vec<Piece>, String> {
    let mut tokens = Vec::new();
    Tokenizer::new(client.dialect, text)
        .with_unescape(false)
        .tokenize_with_location_into_buf(&mut tokens)
        .map_err(|error| error.message)?;
    let lines: Vec<&str> = text.lines().collect();
    let mut cutter = Cutter {
        client,
        lines,
        pieces: Vec::new(),
        statement: Vec::new(),
    };
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        if !cutter.own(&token) {
            cutter.token(token);
            continue;
        }
        let line = token.span.start.line;
        while let Some(next) = rest.next_if(|next| next.span.start.line == line) {
            let blank = matches!(next.token, Token::Whitespace(_));
            if next.span.end.line != line && !blank {
                return Err("a line for the client and a statement cannot be told apart".to_owned());
            }
        }
    }
    cutter.end();
    Ok(cutter.pieces)
}

struct Cutter<'t> {
    client: &'t Client,
    lines: Vec<&'t str>,
    pieces: Vec<Piece>,
    statement: Vec<TokenWithSpan>,
}

impl Cutter<'_> {
    fn token(&mut self, token: TokenWithSpan) {
        if token.token == Token::SemiColon {
            self.end();
        } else {
            self.statement.push(token);
        }
    }

    fn end(&mut self) {
        let statement = std::mem::take(&mut self.statement);
        if statement
            .iter()
            .any(|token| !matches!(token.token, Token::Whitespace(_)))
        {
            self.pieces.push(Piece::Statement(statement));
        }
    }

    /// Takes the rest of the line from this token on, if it is for the client.
    fn own(&mut self, token: &TokenWithSpan) -> bool {
        let fresh = self
            .statement
            .iter()
            .all(|token| matches!(token.token, Token::Whitespace(_)));
        let sign = match (self.client.escape, &token.token) {
            (Escape::Backslash, Token::Backslash) => 1,
            (Escape::Dot, Token::Period) if fresh => 1,
            // `.5` and the like never begin a statement.
            (Escape::Dot, Token::Number(number, _)) if fresh && number.starts_with('.') => 1,
            (
                Escape::Colon,
                Token::Colon
                | Token::Placeholder(_)
                | Token::ExclamationMark
                | Token::DoubleExclamationMark,
            ) if fresh => 0,
            (_, Token::Word(word)) if fresh && word.quote_style.is_none() => {
                let listed = self
                    .client
                    .words
                    .iter()
                    .any(|own| word.value.eq_ignore_ascii_case(own));
                if !listed {
                    return false;
                }
                0
            }
            _ => return false,
        };
        let line = usize::try_from(token.span.start.line)
            .unwrap_or(1)
            .saturating_sub(1);
        let column = usize::try_from(token.span.start.column)
            .unwrap_or(1)
            .saturating_sub(1)
            + sign;
        let text = self.lines.get(line).copied().unwrap_or_default();
        let start = text
            .char_indices()
            .nth(column)
            .map_or(text.len(), |(place, _)| place);
        let own = text.get(start..).unwrap_or_default().to_owned();
        self.end();
        self.pieces.push(Piece::Own(own));
        true
    }
}
