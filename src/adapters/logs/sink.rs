//! A file that stays within its cap, and a disk that may be full.

use crate::{
    adapters::logs::{Shared, entry, place::Place},
    domain::digest::Digest,
    ports::{executor::LogStream, logs::Losses},
};
use sha2::Digest as _;
use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Write as _},
    sync::Arc,
};

/// The end of a file that went over its cap.
const TAIL: u64 = 64 * 1024;

/// Takes whole lines: the first ones to the file, the last ones to memory until the end.
pub(super) struct Sink {
    place: Place,
    shared: Arc<Shared>,
    file: Option<File>,
    /// Room that is left for the beginning.
    room: u64,
    /// Whether the beginning is complete.
    over: bool,
    tail: VecDeque<String>,
    tail_size: u64,
    tail_most: u64,
    left_out: Amount,
    /// Since the last successful write.
    lost: u64,
    /// In all.
    losses: Losses,
    /// Of the file.
    hash: sha2::Sha256,
}

#[derive(Default)]
struct Amount {
    lines: u64,
    bytes: u64,
}

impl Sink {
    pub(super) fn new(place: Place, cap: u64, shared: Arc<Shared>) -> Self {
        let tail_most = TAIL.min(cap / 4);
        Self {
            place,
            shared,
            file: None,
            room: cap - tail_most,
            over: false,
            tail: VecDeque::new(),
            tail_size: 0,
            tail_most,
            left_out: Amount::default(),
            lost: 0,
            losses: Losses::default(),
            hash: sha2::Sha256::new(),
        }
    }

    /// Takes lines, each with its end. What fits goes to the file in one write.
    pub(super) fn take(&mut self, stamp: &str, lines: String) {
        if !self.over && size(&lines) <= self.room {
            self.room -= size(&lines);
            self.write(stamp, &lines);
            return;
        }
        let mut fitting = String::new();
        for line in lines.split_inclusive('\n') {
            if !self.over && size(line) <= self.room {
                self.room -= size(line);
                fitting.push_str(line);
                continue;
            }
            if !self.over {
                self.over = true;
                let note = "the rest is cut; its end follows when the step has ended";
                entry::write(&mut fitting, stamp, LogStream::Note, note.as_bytes());
            }
            self.keep(line.to_owned());
        }
        if !fitting.is_empty() {
            self.write(stamp, &fitting);
        }
    }

    fn keep(&mut self, line: String) {
        self.tail_size += size(&line);
        self.tail.push_back(line);
        while self.tail_size > self.tail_most {
            let Some(oldest) = self.tail.pop_front() else {
                break;
            };
            self.tail_size -= size(&oldest);
            let printed = entry::text_size(&oldest) + 1;
            self.left_out.bytes += u64::try_from(printed).unwrap_or(u64::MAX);
            self.left_out.lines += 1;
        }
    }

    /// What could not be written.
    pub(super) fn losses(&self) -> Losses {
        self.losses.clone()
    }

    /// SHA-256 of the file as it was written; none where there is no file.
    pub(super) fn digest(&self) -> Option<Digest> {
        self.file.as_ref()?;
        let hash = self.hash.clone().finalize();
        Some(Digest::from_bytes(hash.into()))
    }

    /// Writes how much was left out, and the end.
    pub(super) fn finish(&mut self, stamp: &str) {
        let mut rest = String::new();
        let Amount { lines, bytes } = std::mem::take(&mut self.left_out);
        if lines > 0 {
            let note = format!("{lines} lines ({bytes} bytes) are left out here");
            entry::write(&mut rest, stamp, LogStream::Note, note.as_bytes());
        }
        rest.extend(self.tail.drain(..));
        if !rest.is_empty() || self.lost > 0 {
            self.write(stamp, &rest);
        }
    }

    /// Writes to the file; before that, what had been lost until now.
    fn write(&mut self, stamp: &str, lines: &str) {
        let written = if self.lost == 0 {
            self.append(lines.as_bytes())
        } else {
            // The last write may have broken off within a line.
            let mut noted = String::from("\n");
            let note = format!("{} bytes could not be written here", self.lost);
            entry::write(&mut noted, stamp, LogStream::Note, note.as_bytes());
            noted.push_str(lines);
            self.append(noted.as_bytes())
        };
        match written {
            Ok(()) => {
                self.lost = 0;
                self.shared.losses().reason = None;
            }
            Err(error) => {
                self.lost += size(lines);
                self.losses.bytes += size(lines);
                self.losses.reason = Some(error.to_string());
                let mut all = self.shared.losses();
                all.bytes += size(lines);
                all.reason = Some(error.to_string());
            }
        }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            closed @ None => closed.insert(self.place.create()?),
        };
        file.write_all(bytes)?;
        self.hash.update(bytes);
        Ok(())
    }
}

fn size(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}
