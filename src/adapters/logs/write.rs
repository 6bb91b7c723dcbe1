//! One attempt's output on its way to the disk: masked, cut into lines, made visible, capped.

use crate::{
    adapters::logs::{Shared, entry, place::Place, sink::Sink},
    domain::{
        digest::Digest,
        mask::{MASK, MaskStream, Masker},
    },
    ports::{
        executor::{LogStream, StepLog},
        logs::Losses,
    },
};
use std::sync::{Arc, Mutex, PoisonError};

/// An attempt's log. It is complete once it has ended or is dropped.
pub(super) struct AttemptLog {
    shared: Arc<Shared>,
    writing: Mutex<Writing>,
}

struct Writing {
    /// From the first output on.
    streams: Option<Box<Streams>>,
    sink: Sink,
}

struct Streams {
    masker: Masker,
    out: Lines,
    err: Lines,
    note: Lines,
}

/// One stream, cut into lines.
struct Lines {
    stream: LogStream,
    masking: MaskStream,
    /// Masked, and not yet ended by a line's end.
    open: Vec<u8>,
}

impl AttemptLog {
    pub(super) fn new(place: Place, cap: u64, shared: Arc<Shared>) -> Self {
        let sink = Sink::new(place, cap, shared.clone());
        let writing = Mutex::new(Writing {
            streams: None,
            sink,
        });
        Self { shared, writing }
    }

    fn stamp(&self) -> String {
        entry::stamp(self.shared.clock.now())
    }
}

impl StepLog for AttemptLog {
    fn append(&self, stream: LogStream, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let stamp = self.stamp();
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let Writing { streams, sink } = &mut *writing;
        let streams = streams.get_or_insert_with(|| Box::new(Streams::new(self.shared.masker())));
        let mut lines = String::new();
        streams.take(stream, bytes, &stamp, &mut lines);
        if !lines.is_empty() {
            sink.take(&stamp, lines);
        }
    }

    fn end(&self) -> Losses {
        let stamp = self.stamp();
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        writing.end(&stamp);
        writing.sink.losses()
    }

    fn digest(&self) -> Option<Digest> {
        let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        writing.sink.digest()
    }
}

impl Drop for AttemptLog {
    fn drop(&mut self) {
        let stamp = self.stamp();
        let writing = self.writing.get_mut();
        writing.unwrap_or_else(PoisonError::into_inner).end(&stamp);
    }
}

impl Writing {
    /// Writes what is still held back.
    fn end(&mut self, stamp: &str) {
        let Some(mut streams) = self.streams.take() else {
            return;
        };
        let mut lines = String::new();
        streams.finish(stamp, &mut lines);
        if !lines.is_empty() {
            self.sink.take(stamp, lines);
        }
        self.sink.finish(stamp);
    }
}

impl Streams {
    fn new(masker: Masker) -> Self {
        let lines = |stream| Lines {
            stream,
            masking: MaskStream::new(masker.clone()),
            open: Vec::new(),
        };
        Self {
            out: lines(LogStream::Out),
            err: lines(LogStream::Err),
            note: lines(LogStream::Note),
            masker,
        }
    }

    fn take(&mut self, stream: LogStream, bytes: &[u8], stamp: &str, file: &mut String) {
        let lines = match stream {
            LogStream::Out => &mut self.out,
            LogStream::Err => &mut self.err,
            LogStream::Note => &mut self.note,
        };
        lines.masking.push(bytes, &mut lines.open);
        lines.give_whole(&self.masker, stamp, file);
    }

    fn finish(&mut self, stamp: &str, file: &mut String) {
        for lines in [&mut self.out, &mut self.err, &mut self.note] {
            lines.masking.finish(&mut lines.open);
            lines.give_whole(&self.masker, stamp, file);
            if !lines.open.is_empty() {
                let last = std::mem::take(&mut lines.open);
                lines.give(&self.masker, stamp, &last, file);
            }
        }
    }
}

impl Lines {
    /// Gives out the lines that have ended, and what is too long to wait for its end.
    fn give_whole(&mut self, masker: &Masker, stamp: &str, file: &mut String) {
        let open = std::mem::take(&mut self.open);
        let mut rest = open.as_slice();
        loop {
            let window = rest.get(..entry::LONGEST).unwrap_or(rest);
            let (piece, after) = match window.iter().position(|&byte| byte == b'\n') {
                Some(end) => (window.get(..end), rest.get(end + 1..)),
                None if rest.len() > entry::LONGEST => {
                    let end = character_end(window);
                    (rest.get(..end), rest.get(end..))
                }
                None => break,
            };
            self.give(masker, stamp, piece.unwrap_or_default(), file);
            rest = after.unwrap_or_default();
        }
        self.open.extend_from_slice(rest);
    }

    fn give(&self, masker: &Masker, stamp: &str, line: &[u8], file: &mut String) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let is_secret = std::str::from_utf8(line).is_ok_and(|text| masker.hides_whole(text));
        let shown = if is_secret { MASK.as_bytes() } else { line };
        entry::write(file, stamp, self.stream, shown);
    }
}

/// Where to cut so that no character is broken, if it is UTF-8.
fn character_end(bytes: &[u8]) -> usize {
    let is_inside = |byte: &u8| byte & 0b1100_0000 == 0b1000_0000;
    let inside = bytes
        .iter()
        .rev()
        .take(4)
        .take_while(|byte| is_inside(byte))
        .count();
    // The cut stands before the last character, which may be incomplete.
    bytes.len().saturating_sub(inside + 1).max(1)
}
