//! Records in a file: JSON Lines, of which the first says where the chain begins and the last seals the whole. Compressed with zstd or
//! gzip where the name ends so.
//!
//! A file is checked by itself: with the key, and without a database.

use super::list;
use crate::{
    domain::{
        audit::{ArchiveSpan, Broken, Foot, Head, Record, key_id, verify_next},
        digest::Digest,
    },
    history::{columns::Count, error::HistoryError},
};
use flate2::{Compression, bufread::MultiGzDecoder, write::GzEncoder};
use rusqlite::{Connection, OptionalExtension as _};
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    path::Path,
};

/// Records that are in memory at once.
const PAGE: u64 = 500;
/// No line is longer; what is longer is damage or malice.
const LONGEST_LINE: u64 = 64 * 1024 * 1024;
/// How a file that is compressed with zstd begins (RFC 8878).
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// And with gzip (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Why a file of records is not good, or could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The disk said no.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The history could not be read.
    #[error("the history cannot be read: {0}")]
    History(String),
    /// It is something else.
    #[error("line {line} is not what an export of the audit log holds: {reason}")]
    Foreign {
        /// Which line, counted from 1.
        line: u64,
        /// Why.
        reason: String,
    },
    /// The chain does not hold.
    #[error("{0}")]
    Broken(Broken),
    /// The end is missing.
    #[error("the file ends after record {last}, without its seal: the end is missing")]
    NotWhole {
        /// The last record there.
        last: u64,
    },
    /// The seal does not fit.
    #[error(
        "the seal does not fit: records were taken from the beginning or the end, or it was sealed with another key"
    )]
    Seal,
    /// There is nothing to write.
    #[error("there are no such records")]
    Nothing,
    /// A file of that name is there already.
    #[error("{0} is there already, and is not what would be written now")]
    InTheWay(String),
}

impl From<HistoryError> for FileError {
    fn from(error: HistoryError) -> Self {
        Self::History(error.to_string())
    }
}

impl From<rusqlite::Error> for FileError {
    fn from(error: rusqlite::Error) -> Self {
        Self::History(error.to_string())
    }
}

/// How records lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As text.
    Plain,
    /// Compressed with zstd.
    Zstd,
    /// Compressed with gzip.
    Gzip,
}

impl Form {
    /// By the end of a file's name; nothing where that promises another form.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "zst" => Some(Self::Zstd),
            "gz" => Some(Self::Gzip),
            "jsonl" | "json" => Some(Self::Plain),
            _ => None,
        }
    }
}

/// Writes records `first` to `last` while checking them, and gives what was written and the writer back.
pub(in crate::history) fn write<W: Write>(
    connection: &Connection,
    key: &[u8],
    (first, last): (u64, u64),
    form: Form,
    out: W,
) -> Result<(ArchiveSpan, W), FileError> {
    match form {
        Form::Plain => {
            let mut out = out;
            let span = write_lines(connection, key, (first, last), &mut out)?;
            Ok((span, out))
        }
        Form::Zstd => {
            let mut encoder = zstd::Encoder::new(out, zstd::DEFAULT_COMPRESSION_LEVEL)?;
            encoder.include_checksum(true)?;
            let span = write_lines(connection, key, (first, last), &mut encoder)?;
            Ok((span, encoder.finish()?))
        }
        Form::Gzip => {
            let mut encoder = GzEncoder::new(out, Compression::default());
            let span = write_lines(connection, key, (first, last), &mut encoder)?;
            Ok((span, encoder.finish()?))
        }
    }
}

fn write_lines(
    connection: &Connection,
    key: &[u8],
    (first, last): (u64, u64),
    out: &mut impl Write,
) -> Result<ArchiveSpan, FileError> {
    let before = chain_before(connection, first)?.ok_or(FileError::Nothing)?;
    line(out, &Head::new(key, first, before))?;
    let mut reached = (first - 1, before);
    while reached.0 < last {
        let most = PAGE.min(last - reached.0);
        let records = list::after(connection, reached.0, most)?;
        if records.is_empty() {
            return Err(FileError::Nothing);
        }
        for record in records {
            reached = verify_next(key, reached, &record).map_err(FileError::Broken)?;
            line(out, &record)?;
        }
    }
    let span = ArchiveSpan {
        first,
        last: reached.0,
        before,
        chain: reached.1,
    };
    line(out, &Foot::new(key, span.clone()))?;
    Ok(span)
}

/// The chain's value before a record, wherever the one before lies.
fn chain_before(connection: &Connection, first: u64) -> rusqlite::Result<Option<Digest>> {
    let Some(before) = first.checked_sub(1) else {
        return Ok(None);
    };
    let here = connection
        .prepare_cached("SELECT chain FROM audit_records WHERE seq = ?1")?
        .query_row([Count(before)], |row| row.get(0))
        .optional()?;
    if here.is_some() {
        return Ok(here);
    }
    let (last, chain) = super::archive::last(connection)?;
    Ok((last == before).then_some(chain))
}

fn line(out: &mut impl Write, value: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// Checks a file of records by itself, and says what it holds.
///
/// # Errors
/// What is wrong with it.
pub fn verify_file(file: impl Read, key: &[u8]) -> Result<ArchiveSpan, FileError> {
    let mut file = BufReader::new(file);
    let begins = file.fill_buf()?;
    if begins.starts_with(&ZSTD) {
        verify_lines(BufReader::new(zstd::Decoder::with_buffer(file)?), key)
    } else if begins.starts_with(&GZIP) {
        // Several members one after the other are one text (RFC 1952, section 2.2).
        verify_lines(BufReader::new(MultiGzDecoder::new(file)), key)
    } else {
        verify_lines(file, key)
    }
}

fn verify_lines(mut file: impl BufRead, key: &[u8]) -> Result<ArchiveSpan, FileError> {
    let mut lines = Lines {
        number: 0,
        text: Vec::new(),
    };
    let Some(head) = lines.next::<Head>(&mut file)? else {
        return Err(FileError::NotWhole { last: 0 });
    };
    if !head.is_known() || head.first == 0 {
        return Err(lines.foreign(&"a form that this program does not know"));
    }
    if head.key != key_id(key) {
        return Err(FileError::Broken(Broken::OtherKey {
            key: key_id(key),
            exported: head.key,
        }));
    }
    let mut reached = (head.first - 1, head.before);
    loop {
        match lines.next::<Line>(&mut file)? {
            None => return Err(FileError::NotWhole { last: reached.0 }),
            Some(Line::Record(record)) => {
                reached = verify_next(key, reached, &record).map_err(FileError::Broken)?;
            }
            Some(Line::Foot(foot)) => {
                let span = ArchiveSpan {
                    first: head.first,
                    last: reached.0,
                    before: head.before,
                    chain: reached.1,
                };
                let ended = lines.next::<serde_json::Value>(&mut file)?.is_none();
                let sealed = ended && foot.span == span && foot.is_sealed(key);
                return if sealed {
                    Ok(span)
                } else {
                    Err(FileError::Seal)
                };
            }
        }
    }
}

/// A line after the first.
#[derive(serde::Deserialize, serde::Serialize)]
#[serde(untagged)]
enum Line {
    Foot(Foot),
    Record(Box<Record>),
}

/// Where reading is.
struct Lines {
    number: u64,
    text: Vec<u8>,
}

impl Lines {
    /// The next line, in exactly the one form that it is written in.
    fn next<T: serde::de::DeserializeOwned + serde::Serialize>(
        &mut self,
        file: &mut impl BufRead,
    ) -> Result<Option<T>, FileError> {
        self.text.clear();
        self.number += 1;
        let read = file
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut self.text)
            .map_err(|error| self.foreign(&error))?;
        if read == 0 {
            return Ok(None);
        }
        let parsed: T = serde_json::from_slice(&self.text).map_err(|error| self.foreign(&error))?;
        let mut written = serde_json::to_vec(&parsed).unwrap_or_default();
        written.push(b'\n');
        if written == self.text {
            Ok(Some(parsed))
        } else {
            Err(self.foreign(&"it is not as it was written"))
        }
    }

    fn foreign(&self, reason: &impl ToString) -> FileError {
        FileError::Foreign {
            line: self.number,
            reason: reason.to_string(),
        }
    }
}
