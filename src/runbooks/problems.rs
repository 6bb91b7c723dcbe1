//! What is wrong, and where.

pub(super) use crate::domain::likeness::nearest;

use crate::domain::secret;
use std::sync::Arc;

/// The most problems that are told of one file.
pub const MAX_PROBLEMS: usize = 100;
/// The longest line that is shown whole, in characters; of a longer one so much around the place is.
const MAX_LINE: usize = 160;
/// The longest message and hint, in characters.
const MAX_WORDS: usize = 600;

/// Something wrong at a place in a file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// The file, as it was named to the loader.
    pub file: String,
    /// Counts from 1.
    pub line: usize,
    /// In characters; counts from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// What would help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The line itself; of a long one what stands around the place, with `…` where it is cut.
    pub source_line: String,
    /// Where the place is in `source_line`, in characters; counts from 1.
    #[serde(skip)]
    pub mark: usize,
    /// Whether it stops the document from being used.
    pub severity: Severity,
}

/// Whether a problem stops a document from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It does.
    Error,
    /// It does not, but people should know.
    Warning,
}

impl Severity {
    /// The word used in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// A value and where it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// The file.
    pub file: Arc<str>,
    /// The first line of its document.
    pub line: usize,
}

/// A place in a file. Both count from 1; columns are characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: u32,
    pub(super) column: u32,
}

impl Place {
    /// The first character of a file.
    pub(super) const START: Self = Self { line: 1, column: 1 };
}

/// Something wrong at a place, before it is known in which file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) place: Place,
    pub(super) what: String,
    pub(super) hint: Option<String>,
    pub(super) severity: Severity,
}

impl Fault {
    pub(super) fn new(place: Place, what: impl Into<String>) -> Self {
        Self {
            place,
            what: what.into(),
            hint: None,
            severity: Severity::Error,
        }
    }
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        self.maybe_hint(Some(hint.into()))
    }
    pub(super) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
    pub(super) fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }
}

/// Faults of one file as problems, in the order of their places, without repeats, at most [`MAX_PROBLEMS`].
pub(super) fn problems(file: &str, text: &str, mut faults: Vec<Fault>) -> Vec<Problem> {
    faults.sort_by(|one, other| (one.place, &one.what).cmp(&(other.place, &other.what)));
    faults.dedup();
    let left_out = faults.len().saturating_sub(MAX_PROBLEMS);
    faults.truncate(MAX_PROBLEMS);
    if left_out > 0 {
        let place = faults.last().map_or(Place::START, |fault| fault.place);
        let more = format!("{left_out} more problems in this file are not shown");
        faults.push(Fault::new(place, more));
    }
    let lines: Vec<&str> = if faults.is_empty() {
        Vec::new()
    } else {
        text.split('\n').collect()
    };
    faults
        .into_iter()
        .map(|fault| problem(file, &lines, fault))
        .collect()
}

/// Something wrong with a file as a whole, which may not even be read.
pub(super) fn of_file(file: &str, what: &str, hint: Option<&str>, severity: Severity) -> Problem {
    let mut fault = Fault::new(Place::START, what).maybe_hint(hint.map(str::to_owned));
    fault.severity = severity;
    problem(file, &[], fault)
}

/// One fault as a problem; `lines` are those of its file, none where they are not to be shown.
pub(super) fn problem(file: &str, lines: &[&str], fault: Fault) -> Problem {
    let line = fault.place.line as usize;
    let column = fault.place.column as usize;
    let text = lines.get(line.saturating_sub(1)).copied();
    let (source_line, mark) = excerpt(text.unwrap_or_default().trim_end_matches('\r'), column);
    Problem {
        file: file.to_owned(),
        line,
        column,
        what: shortened(visible(&fault.what)),
        hint: fault.hint.map(|hint| shortened(visible(&hint))),
        source_line,
        mark,
        severity: fault.severity,
    }
}

/// What is shown of a line, and where the column is in that.
fn excerpt(line: &str, column: usize) -> (String, usize) {
    let length = line.chars().take(MAX_LINE.max(column) + MAX_LINE).count();
    if length <= MAX_LINE {
        return (visible(line), column);
    }
    let half = MAX_LINE / 2;
    let from = column
        .saturating_sub(half)
        .min(length.saturating_sub(MAX_LINE));
    let part: String = line.chars().skip(from).take(MAX_LINE).collect();
    let (before, after) = (from > 0, from + MAX_LINE < length);
    let dots = |is_cut: bool| if is_cut { "…" } else { "" };
    let shown = format!("{}{}{}", dots(before), visible(&part), dots(after));
    (shown, column - from + usize::from(before))
}

fn shortened(mut words: String) -> String {
    if let Some((end, _)) = words.char_indices().nth(MAX_WORDS) {
        words.truncate(end);
        words.push('…');
    }
    words
}

/// A line that shows what it is: characters that would not, or would change how the rest is shown, are replaced one by one.
pub(super) fn visible(text: &str) -> String {
    let shown = |character| match character {
        '\t' => '\t',
        other if is_invisible(other) => char::REPLACEMENT_CHARACTER,
        other => other,
    };
    text.chars().map(shown).collect()
}

/// Whether a character is not seen, or changes how others are seen: controls, bidirectional controls, line separators,
/// zero-width characters, tags, and those reserved for secrets.
pub(super) fn is_invisible(character: char) -> bool {
    match character {
        '\u{061C}'
        | '\u{200B}'..='\u{200F}'
        | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}'
        | '\u{FFF9}'..='\u{FFFB}'
        | '\u{E0000}'..='\u{E007F}'
        | secret::OPEN
        | secret::CLOSE => true,
        other => other.is_control(),
    }
}

/// A hint at the nearest known name, or else at all of them.
pub(super) fn hint_among<'a, I>(wrong: &str, known: I) -> Option<String>
where
    I: IntoIterator<Item = &'a str> + Clone,
{
    if let Some(name) = nearest(wrong, known.clone()) {
        return Some(format!("did you mean `{name}`?"));
    }
    let mut all: Vec<_> = known.into_iter().collect();
    if all.is_empty() {
        return None;
    }
    let more = all.len() > 24;
    all.truncate(24);
    let dots = if more { ", …" } else { "" };
    Some(format!("known are {}{dots}", all.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::{Fault, MAX_LINE, MAX_PROBLEMS, Place, excerpt, hint_among, nearest, problems};

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not() {
        let known = ["timeout", "timeZone", "steps"];
        assert_eq!(nearest("timezone", known), Some("timeZone"));
        assert_eq!(nearest("step", known), Some("steps"));
        assert_eq!(nearest("zzz", known), None);
        assert_eq!(
            hint_among("zzz", known).as_deref(),
            Some("known are timeout, timeZone, steps")
        );
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let line = format!("{}X{}", "a".repeat(300), "b".repeat(300));
        let (shown, mark) = excerpt(&line, 301);
        assert_eq!(shown.chars().nth(mark - 1), Some('X'));
        assert!(shown.starts_with("…a") && shown.ends_with("b…"), "{shown}");
        assert_eq!(shown.chars().count(), MAX_LINE + 2);
        let (shown, mark) = excerpt(&line, 1);
        assert_eq!((shown.chars().next(), mark), (Some('a'), 1));
        assert!(shown.ends_with('…'));
        let (shown, mark) = excerpt(&line, 601);
        assert_eq!(shown.chars().nth(mark - 2), Some('b'));
        assert!(!shown.ends_with('…'));
        assert_eq!(excerpt("short", 3), ("short".to_owned(), 3));
    }

    #[test]
    fn what_is_told_moves_no_cursor() {
        let fault = Fault::new(Place::START, "a\u{1b}[2Jb\nc").hint("\u{202e}");
        let found = problems("a.yaml", "x\u{1b}y", vec![fault]);
        assert_eq!(found[0].what, "a\u{FFFD}[2Jb\u{FFFD}c");
        assert_eq!(found[0].hint.as_deref(), Some("\u{FFFD}"));
        assert_eq!(found[0].source_line, "x\u{FFFD}y");
    }

    #[test]
    fn problems_come_in_the_order_of_their_places_and_are_bounded() {
        let place = |line| Place { line, column: 1 };
        let faults = (1..=200).rev().map(|line| Fault::new(place(line), "x"));
        let found = problems("a.yaml", "one\ntwo\r\n", faults.collect());
        assert_eq!(found.len(), MAX_PROBLEMS + 1);
        assert_eq!((found[1].line, found[1].source_line.as_str()), (2, "two"));
        assert!(found.last().unwrap().what.starts_with("100 more"));
    }
}
