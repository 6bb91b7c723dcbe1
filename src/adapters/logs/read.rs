//! Reading a file in stretches of whole lines.

use crate::{
    adapters::logs::{entry, place::Place},
    ports::output::OutputPage,
};
use std::io::{self, Read, Seek, SeekFrom};

/// Any one line of a file is shorter: [`entry::LONGEST`] bytes, each at most an escape, and the head.
const LEAST: usize = 64 * 1024;
/// Read at most at once, whatever the caller asks for.
const MOST: usize = 4 * 1024 * 1024;

/// The whole lines from `from` on, about `most` bytes of them. `next` counts bytes of the file.
pub(super) fn read(place: &Place, from: u64, most: usize) -> io::Result<OutputPage> {
    let Some(mut file) = place.open()? else {
        return Ok(OutputPage {
            lines: Vec::new(),
            next: from,
            end: true,
        });
    };
    let window = most.clamp(LEAST, MOST);
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.take(u64::try_from(window).unwrap_or(u64::MAX))
        .read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|&byte| byte == b'\n');
    let whole = whole.map_or(0, |at| at + 1);
    let lines = bytes.get(..whole).unwrap_or_default();
    Ok(OutputPage {
        lines: lines
            .split_inclusive(|&byte| byte == b'\n')
            .map(|line| entry::read(line.strip_suffix(b"\n").unwrap_or(line)))
            .collect(),
        next: from.saturating_add(u64::try_from(whole).unwrap_or_default()),
        end: bytes.len() < window,
    })
}
