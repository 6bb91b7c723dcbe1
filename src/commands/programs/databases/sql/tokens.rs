//! The tokens of one statement, without blanks and comments.

use crate::commands::{programs::names::listed, shell};
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// The tokens of one statement.
#[derive(Debug, Clone)]
pub(super) struct Tokens<'t> {
    list: Vec<&'t TokenWithSpan>,
}

impl<'t> Tokens<'t> {
    pub(super) fn new(list: &'t [TokenWithSpan]) -> Self {
        let seen = |token: &&TokenWithSpan| !matches!(token.token, Token::Whitespace(_));
        Self {
            list: list.iter().filter(seen).collect(),
        }
    }
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }
    /// The same from this place on.
    pub(super) fn from(&self, place: usize) -> Self {
        Self {
            list: self.list.get(place..).unwrap_or_default().to_vec(),
        }
    }
    /// What stands in the bracket that opens at this place.
    pub(super) fn inside(&self, place: usize) -> Self {
        let rest = self.from(place);
        let end = rest.top().nth(0).unwrap_or(rest.len());
        Self {
            list: rest.list.get(1..end).unwrap_or_default().to_vec(),
        }
    }
    pub(super) fn get(&self, place: usize) -> Option<&'t Token> {
        self.list.get(place).map(|token| &token.token)
    }
    /// The tokens as they were.
    pub(super) fn whole(&self) -> Vec<TokenWithSpan> {
        self.list.iter().map(|token| (*token).clone()).collect()
    }
    /// The name at this place, quoted or not.
    pub(super) fn name(&self, place: usize) -> Option<&'t str> {
        match self.get(place) {
            Some(Token::Word(word)) => Some(&word.value),
            _ => None,
        }
    }
    /// The word at this place, if it is not quoted.
    pub(super) fn word(&self, place: usize) -> Option<&'t str> {
        match self.get(place) {
            Some(Token::Word(word)) if word.quote_style.is_none() => Some(&word.value),
            _ => None,
        }
    }
    /// Whether this word stands at this place.
    pub(super) fn is(&self, place: usize, word: &str) -> bool {
        self.word(place)
            .is_some_and(|found| found.eq_ignore_ascii_case(word))
    }
    /// Whether these words stand from this place on.
    pub(super) fn are(&self, place: usize, words: &[&str]) -> bool {
        words
            .iter()
            .enumerate()
            .all(|(offset, word)| self.is(place + offset, word))
    }
    /// Whether one of these words stands at this place.
    pub(super) fn any(&self, place: usize, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(place, word))
    }
    /// Whether a word of this list stands at this place.
    pub(super) fn listed(&self, place: usize, list: &str) -> bool {
        self.word(place).is_some_and(|word| listed(list, word))
    }
    /// Where this word stands first.
    pub(super) fn find(&self, word: &str) -> Option<usize> {
        (0..self.len()).find(|place| self.is(*place, word))
    }
    /// Whether this word stands anywhere.
    pub(super) fn has(&self, word: &str) -> bool {
        self.find(word).is_some()
    }
    /// Whether these words stand anywhere, one after the other.
    pub(super) fn has_all(&self, words: &[&str]) -> bool {
        (0..self.len()).any(|place| self.are(place, words))
    }
    /// Every unquoted word.
    pub(super) fn words(&self) -> impl Iterator<Item = &'t str> {
        (0..self.len()).filter_map(|place| self.word(place))
    }
    /// Where words stand that are in no brackets.
    pub(super) fn top(&self) -> impl Iterator<Item = usize> {
        let mut depth = 0_i32;
        (0..self.len()).filter(move |place| {
            match self.get(*place) {
                Some(Token::LParen) => depth += 1,
                Some(Token::RParen) => depth -= 1,
                _ => {}
            }
            depth == 0
        })
    }
    /// Whether `:name` stands there, which a client replaces.
    pub(super) fn has_variable(&self) -> bool {
        (0..self.len()).any(|place| {
            let adjacent = |next: &TokenWithSpan| {
                self.list
                    .get(place)
                    .is_some_and(|this| this.span.end == next.span.start)
            };
            let next = self.list.get(place + 1);
            match self.get(place) {
                Some(Token::Colon) => next.is_some_and(|next| {
                    adjacent(next)
                        && matches!(
                            &next.token,
                            Token::Word(_)
                                | Token::SingleQuotedString(_)
                                | Token::DoubleQuotedString(_)
                        )
                }),
                Some(Token::Placeholder(name)) => name.starts_with(':'),
                _ => false,
            }
        })
    }
    /// Whether a text in it is the name of a file that says who may do what.
    pub(super) fn reaches_rights(&self) -> bool {
        self.list.iter().any(|token| match &token.token {
            Token::SingleQuotedString(text) => shell::decides_access(text),
            _ => false,
        })
    }
    /// Whether it names a setting, or a set of characters, by which a server finds the ends of strings otherwise than
    /// we do: a backslash or a quotation mark means something else from there on.
    pub(super) fn changes_reading(&self) -> bool {
        self.list.iter().any(|token| match &token.token {
            Token::Word(word) => changes_reading(&word.value),
            Token::SingleQuotedString(text) | Token::DoubleQuotedString(text) => {
                changes_reading(text)
            }
            _ => false,
        })
    }
    /// The first words, for people.
    pub(super) fn title(&self) -> String {
        let mut title = String::new();
        for place in 0..self.len().min(6) {
            let Some(name) = self.name(place) else { break };
            if name.len() > 64 {
                break;
            }
            if !title.is_empty() {
                title.push(' ');
            }
            title.push_str(name);
        }
        title
    }
}

/// Settings, and sets of characters with a backslash as the second half of a letter.
pub(in crate::commands::programs) const READING: &str = "sql_mode standard_conforming_strings backslash_quote quoted_identifier ansi_defaults dialect gbk sjis cp932 big5 gb18030 \
    shift_jis shift_jis_2004 shiftjis johab uhc";

/// Whether a name, or one with an `@@` before it, is one of these.
pub(in crate::commands::programs) fn changes_reading(name: &str) -> bool {
    let name = name.trim_start_matches('@');
    let last = name.rsplit('.').next().unwrap_or(name);
    listed(READING, &last.to_ascii_lowercase())
}
