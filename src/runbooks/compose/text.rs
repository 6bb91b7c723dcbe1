//! Bytes to text: size, encoding, and characters that no document may contain.

use crate::runbooks::{
    compose::MAX_FAULTS,
    problems::{Fault, Place, is_invisible},
};
use std::borrow::Cow;

/// The largest file that is read, in bytes.
pub(super) const MAX_BYTES: usize = 256 * 1024;
/// How files begin that are text, but not UTF-8 (the byte order marks of Unicode). The longer ones come first.
const OTHER_ENCODINGS: [(&[u8], &str); 4] = [
    (b"\xff\xfe\0\0", "UTF-32"),
    (b"\0\0\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
];

/// The text of a file, as far as it is text.
#[derive(Debug)]
pub(in crate::runbooks) struct Decoded<'b> {
    /// Each byte that is no text is a replacement character.
    pub(in crate::runbooks) text: Cow<'b, str>,
    /// What is wrong with it. With faults, no document of the file is used.
    pub(in crate::runbooks) faults: Vec<Fault>,
    /// Whether the documents are worth a look all the same.
    pub(in crate::runbooks) worth: Worth,
}

/// Whether documents in a faulty text are worth a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::runbooks) enum Worth {
    /// The faults are told by their lines, and the rest is as it seems.
    Checking,
    /// Their names are all that can be trusted.
    Naming,
    /// The same, and the fault is about the file, not about a line of it.
    Whole,
}

/// Reads a text, and finds the characters that no document may contain: they are invisible, or reorder what people see.
pub(in crate::runbooks) fn decode(bytes: &[u8]) -> Decoded<'_> {
    if bytes.len() > MAX_BYTES {
        let largest = bytes.get(..MAX_BYTES).unwrap_or_default();
        return Decoded::useless(largest, too_large(Some(bytes.len() as u64)));
    }
    let other = OTHER_ENCODINGS
        .iter()
        .find(|(mark, _)| bytes.starts_with(mark));
    if let Some((_, encoding)) = other {
        let what = format!("the file is {encoding}, and only UTF-8 is read");
        let fault = Fault::new(Place::START, what);
        return Decoded::useless(b"", fault.hint("save it as UTF-8"));
    }
    if is_mostly_zero(bytes) {
        let what =
            "the file holds many zero bytes: it is UTF-16 or no text, and only UTF-8 is read";
        let fault = Fault::new(Place::START, what);
        return Decoded::useless(b"", fault.hint("save it as UTF-8"));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => checked(text),
        Err(error) => partly(bytes, error.valid_up_to()),
    }
}

/// Why a file of this size is not read. Nobody knows the size of a pipe.
pub(in crate::runbooks) fn too_large(size: Option<u64>) -> Fault {
    let what = match size {
        Some(size) => format!("the file has {size} bytes; at most {MAX_BYTES} are read"),
        None => format!("there are more than {MAX_BYTES} bytes, which is the most that is read"),
    };
    Fault::new(Place::START, what).hint("split it into several files")
}

impl<'b> Decoded<'b> {
    /// Of a file that is refused as a whole; `start` is what of it may hold names.
    pub(in crate::runbooks) fn useless(start: &'b [u8], fault: Fault) -> Self {
        Self {
            text: String::from_utf8_lossy(start),
            faults: vec![fault],
            worth: Worth::Whole,
        }
    }
}

/// Every other byte of most texts in UTF-16 is zero, and no byte of other texts.
fn is_mostly_zero(bytes: &[u8]) -> bool {
    bytes.contains(&0) && bytes.iter().filter(|byte| **byte == 0).count() > bytes.len() / 4
}

fn checked(text: &str) -> Decoded<'_> {
    if is_plain(text) {
        return Decoded {
            text: Cow::Borrowed(text),
            faults: Vec::new(),
            worth: Worth::Checking,
        };
    }
    if let Some(fault) = lone_return(text) {
        return Decoded {
            text: Cow::Borrowed(text),
            faults: vec![fault],
            worth: Worth::Naming,
        };
    }
    let faults = forbidden(text);
    let text = if faults.is_empty() {
        Cow::Borrowed(text)
    } else {
        // The parser stops at some of them.
        Cow::Owned(replaced(text))
    };
    Decoded {
        text,
        faults,
        worth: Worth::Checking,
    }
}

fn replaced(text: &str) -> String {
    let shown = |(index, character)| match character {
        '\r' => '\r',
        '\u{FEFF}' if index == 0 => '\u{FEFF}',
        other if is_forbidden(other) => char::REPLACEMENT_CHARACTER,
        other => other,
    };
    text.chars().enumerate().map(shown).collect()
}

/// Text of an older encoding, or no text at all.
fn partly(bytes: &[u8], good: usize) -> Decoded<'_> {
    let (before, _) = bytes.split_at_checked(good).unwrap_or_default();
    let place = end_of(std::str::from_utf8(before).unwrap_or_default());
    let mut faults = vec![Fault::new(place, "this is not UTF-8").hint("save the file as UTF-8")];
    let text = String::from_utf8_lossy(bytes);
    let is_binary = bytes.contains(&0);
    if is_binary || lone_return(&text).is_some() {
        return Decoded {
            text: String::from_utf8_lossy(before),
            faults,
            worth: Worth::Naming,
        };
    }
    faults.extend(forbidden(&text));
    Decoded {
        text: Cow::Owned(replaced(&text)),
        faults,
        worth: Worth::Checking,
    }
}

fn end_of(text: &str) -> Place {
    let last = text.rsplit('\n').next().unwrap_or_default();
    Place {
        line: count(text.bytes().filter(|byte| *byte == b'\n').count() + 1),
        column: count(last.chars().count() + 1),
    }
}

pub(super) fn count(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Carriage returns end lines for YAML and not for most programs that show them; one message is enough for all of them.
fn lone_return(text: &str) -> Option<Fault> {
    let bytes = text.as_bytes();
    let is_lone = |at: &usize| bytes.get(*at) == Some(&b'\r') && bytes.get(at + 1) != Some(&b'\n');
    let first = (0..bytes.len()).find(is_lone)?;
    let fault = Fault::new(
        end_of(text.get(..first).unwrap_or_default()),
        "a carriage return stands alone: some readers take it for the end of the line",
    );
    Some(fault.hint("save the file with line feeds (LF), alone or after carriage returns (CR LF)"))
}

fn forbidden(text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        for (position, character) in line.chars().enumerate() {
            let at_start = index == 0 && position == 0;
            if is_forbidden(character) && !(at_start && character == '\u{FEFF}') {
                let place = Place {
                    line: count(index + 1),
                    column: count(position + 1),
                };
                faults.push(refuse(place, character));
            }
            if faults.len() >= MAX_FAULTS {
                return faults;
            }
        }
    }
    faults
}

fn is_plain(text: &str) -> bool {
    let plain = |byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    text.bytes().all(plain)
}

pub(super) fn refuse(place: Place, character: char) -> Fault {
    let what = format!(
        "the character U+{:04X} is not allowed: it is invisible or changes how the text is shown",
        u32::from(character)
    );
    Fault::new(place, what).hint("remove it")
}

pub(super) fn is_forbidden(character: char) -> bool {
    !matches!(character, '\t' | '\n') && is_invisible(character)
}
