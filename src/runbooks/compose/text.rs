//! Bytes to text: size, encoding, and characters that no document may contain.

use crate::runbooks::{
    compose::MAX_FAULTS,
    problems::{Fault, Place, is_invisible},
};

/// The largest file that is read, in bytes.
pub(super) const MAX_BYTES: usize = 256 * 1024;
/// The text of a file, or why it is none.
pub(in crate::runbooks) fn decode(bytes: &[u8]) -> Result<&str, (Fault, &str)> {
    if bytes.len() > MAX_BYTES {
        let what = format!(
            "the file has {} bytes; at most {MAX_BYTES} are read",
            bytes.len()
        );
        return Err((
            Fault::new(Place::START, what).hint("split it into several files"),
            "",
        ));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let (good, _) = bytes
            .split_at_checked(error.valid_up_to())
            .unwrap_or_default();
        let good = std::str::from_utf8(good).unwrap_or_default();
        let fault = Fault::new(end_of(good), "the file is not UTF-8 from here on");
        (fault.hint("save it as UTF-8"), good)
    })
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

/// The characters that no document may contain: they are invisible, or reorder what people see.
pub(in crate::runbooks) fn forbidden(text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    if text
        .bytes()
        .all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t'))
    {
        return faults;
    }
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
