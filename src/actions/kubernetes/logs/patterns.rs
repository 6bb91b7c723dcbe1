//! What is looked for in lines.

use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::Serialize;

const LARGEST_PATTERN: usize = 1 << 20;
/// How many lines are shown of each pattern.
const SHOWN: usize = 5;
/// The longest line that is shown. A cut within a line could cut a secret, whose half would not be recognised.
const LONGEST: usize = 500;

/// What a pattern has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// The pattern.
    pub pattern: String,
    /// How many lines match.
    pub count: u64,
    /// The first 5 of them.
    pub lines: Vec<String>,
}

/// The patterns of a step, and what they have found so far.
#[derive(Debug, Default)]
pub(in crate::actions::kubernetes) struct Patterns {
    expect: Vec<(Regex, Seen)>,
    forbid: Vec<(Regex, Seen)>,
}

impl Patterns {
    pub(super) fn new(expect: &[String], forbid: &[String]) -> Result<Self, String> {
        Ok(Self {
            expect: compile("expect", expect)?,
            forbid: compile("forbid", forbid)?,
        })
    }

    pub(super) fn are_none(&self) -> bool {
        self.expect.is_empty() && self.forbid.is_empty()
    }

    pub(super) fn look(&mut self, line: &[u8]) {
        if self.are_none() {
            return;
        }
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end_matches(['\n', '\r']);
        for (pattern, seen) in self.expect.iter_mut().chain(&mut self.forbid) {
            if pattern.is_match(line) {
                seen.add(line);
            }
        }
    }

    /// What was found of each: of those that are expected, and of those that are forbidden.
    pub(super) fn found(self) -> (Vec<Seen>, Vec<Seen>) {
        let seen = |all: Vec<(Regex, Seen)>| all.into_iter().map(|(_, seen)| seen).collect();
        (seen(self.expect), seen(self.forbid))
    }
}

impl Seen {
    fn add(&mut self, line: &str) {
        self.count += 1;
        if self.lines.len() < SHOWN {
            self.lines.push(match line.chars().count() {
                ..=LONGEST => line.to_owned(),
                long => format!("(a line of {long} characters)"),
            });
        }
    }
}

fn compile(field: &str, patterns: &[String]) -> Result<Vec<(Regex, Seen)>, String> {
    let one = |(index, pattern): (usize, &String)| {
        let built = RegexBuilder::new(pattern)
            .size_limit(LARGEST_PATTERN)
            .build()
            .map_err(|error| format!("in `with`, at `{field}[{index}]`: {error}"))?;
        let seen = Seen {
            pattern: pattern.clone(),
            count: 0,
            lines: Vec::new(),
        };
        Ok((built, seen))
    };
    patterns.iter().enumerate().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::Patterns;

    fn patterns(expect: &[&str], forbid: &[&str]) -> Result<Patterns, String> {
        let own = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
        Patterns::new(&own(expect), &own(forbid))
    }

    #[test]
    fn every_match_is_counted_and_the_first_are_shown() {
        let mut patterns = patterns(&["ready$", "never"], &["(?i)error"]).unwrap();
        patterns.look(b"it is ready\r\n");
        for number in 0..7 {
            patterns.look(format!("ERROR {number}\n").as_bytes());
        }
        patterns.look("error ".repeat(200).as_bytes());
        let (expected, forbidden) = patterns.found();
        assert_eq!((expected[0].count, expected[1].count), (1, 0));
        assert_eq!(expected[0].lines, ["it is ready"]);
        assert_eq!(forbidden[0].count, 8);
        assert_eq!(forbidden[0].lines.len(), 5);
        assert_eq!(forbidden[0].lines[0], "ERROR 0");
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_named() {
        let error = patterns(&["ok"], &["fine", "("]).unwrap_err();
        assert!(error.contains("at `forbid[1]`"), "{error}");
    }
}
