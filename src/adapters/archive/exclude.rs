//! Patterns for what a backup leaves out.

use std::{os::unix::ffi::OsStrExt as _, path::Path};

/// Patterns: `*` and `?` stand for characters within a name, `**` for any number of folders; all else stands for itself.
///
/// A pattern without `/` is for the name of a file or folder at any depth; one that starts with `/` is for the whole path; any
/// other is for the end of a path. A folder that is left out is not looked into.
#[derive(Debug)]
pub(super) struct Exclude(Vec<Pattern>);

#[derive(Debug)]
struct Pattern {
    tokens: Vec<Token>,
    name_only: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    /// This one byte.
    Byte(u8),
    /// Any one byte but `/`.
    One,
    /// Any bytes but `/`.
    Within,
    /// Any bytes.
    Across,
    /// Nothing, or anything that ends in `/`.
    Folders,
}

impl Exclude {
    pub(super) fn new(patterns: &[String]) -> Self {
        Self(patterns.iter().map(|text| Pattern::new(text)).collect())
    }

    /// Whether this absolute path is left out.
    pub(super) fn matches(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().as_bytes();
        let whole = path.as_os_str().as_bytes();
        self.0
            .iter()
            .any(|pattern| pattern.matches(if pattern.name_only { name } else { whole }))
    }
}

impl Pattern {
    fn new(text: &str) -> Self {
        let text = text.strip_suffix('/').unwrap_or(text);
        let name_only = !text.contains('/');
        let anywhere = !name_only && !text.starts_with('/');
        let mut tokens = Vec::new();
        if anywhere {
            tokens.push(Token::Folders);
        }
        let mut rest = text.as_bytes();
        while let Some((token, after)) = next_token(rest) {
            tokens.push(token);
            rest = after;
        }
        Self { tokens, name_only }
    }

    /// Follows all ways through the pattern at once, so that no text takes longer than its length times the pattern's.
    fn matches(&self, text: &[u8]) -> bool {
        let mut at = vec![false; self.tokens.len() + 1];
        self.enter(&mut at, 0);
        for &byte in text {
            let mut next = vec![false; at.len()];
            for (index, token) in self.tokens.iter().enumerate() {
                if at.get(index) == Some(&true) {
                    self.step(*token, byte, index, &mut next);
                }
            }
            at = next;
        }
        at.last() == Some(&true)
    }

    fn step(&self, token: Token, byte: u8, index: usize, next: &mut [bool]) {
        match token {
            Token::Byte(wanted) if wanted == byte => self.enter(next, index + 1),
            Token::One if byte != b'/' => self.enter(next, index + 1),
            Token::Within if byte != b'/' => self.enter(next, index),
            Token::Across => self.enter(next, index),
            Token::Folders => {
                // Staying is not entering: once inside, only a `/` leads out.
                if let Some(here) = next.get_mut(index) {
                    *here = true;
                }
                if byte == b'/' {
                    self.enter(next, index + 1);
                }
            }
            Token::Byte(_) | Token::One | Token::Within => {}
        }
    }

    /// Marks a place, and those that nothing at all leads to from there.
    fn enter(&self, at: &mut [bool], index: usize) {
        let skippable =
            |token: &&Token| matches!(token, Token::Within | Token::Across | Token::Folders);
        let mut index = index;
        loop {
            if let Some(here) = at.get_mut(index) {
                *here = true;
            }
            match self.tokens.get(index).filter(skippable) {
                Some(_) => index += 1,
                None => return,
            }
        }
    }
}

fn next_token(text: &[u8]) -> Option<(Token, &[u8])> {
    match text {
        [] => None,
        [b'*', b'*', b'/', rest @ ..] => Some((Token::Folders, rest)),
        [b'*', b'*', rest @ ..] => Some((Token::Across, rest)),
        [b'*', rest @ ..] => Some((Token::Within, rest)),
        [b'?', rest @ ..] => Some((Token::One, rest)),
        [byte, rest @ ..] => Some((Token::Byte(*byte), rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::Exclude;
    use proptest::prelude::*;
    use std::path::Path;

    fn excluded(pattern: &str, path: &str) -> bool {
        Exclude::new(&[pattern.to_owned()]).matches(Path::new(path))
    }

    #[test]
    fn a_pattern_means_what_people_expect() {
        for (pattern, path, expected) in [
            ("*.tmp", "/a/b/x.tmp", true),
            ("*.tmp", "/a/x.tmp/y", false),
            (".cache", "/a/.cache", true),
            ("x?.log", "/a/x1.log", true),
            ("x?.log", "/a/x.log", false),
            ("/a/*/c", "/a/b/c", true),
            ("/a/*/c", "/a/b/b/c", false),
            ("/a/**/c", "/a/b/b/c", true),
            ("/a/**/c", "/a/c", true),
            ("/a/**/c", "/a/bc", false),
            ("/a/**", "/a/b/c", true),
            ("/a/**", "/ab", false),
            ("cache/tmp", "/a/cache/tmp", true),
            ("cache/tmp", "/a/mycache/tmp", false),
            ("cache/tmp/", "/cache/tmp", true),
            ("**/b", "/a/b", true),
            ("[x]", "/a/[x]", true),
            ("", "/a", false),
        ] {
            assert_eq!(excluded(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_longer() {
        assert!(!excluded(
            &"*a".repeat(120),
            &format!("/{}b", "a".repeat(4000))
        ));
    }

    proptest! {
        #[test]
        fn a_plain_path_is_its_own_pattern(path in "(/[a-z.]{1,5}){1,4}") {
            prop_assert!(excluded(&path, &path));
        }
        #[test]
        fn any_pattern_is_read_without_panic(pattern in "[*?/a]{0,12}", path in "(/[a]{0,3}){0,4}") {
            let _ignored = excluded(&pattern, &path);
        }
    }
}
