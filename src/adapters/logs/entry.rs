//! One line of a file, to text and back.

use crate::ports::{executor::LogStream, output::OutputLine};
use jiff::Timestamp;
use std::fmt::Write as _;

/// A longer line is cut into pieces of this many bytes.
pub(super) const LONGEST: usize = 8 * 1024;

/// The time as it stands in a file: UTC, to the millisecond.
pub(super) fn stamp(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// Appends one line of a file.
pub(super) fn write(file: &mut String, stamp: &str, stream: LogStream, text: &[u8]) {
    file.push_str(stamp);
    file.push(' ');
    file.push_str(word(stream));
    file.push(' ');
    visible(file, text);
    file.push('\n');
}

/// How many bytes of a line of a file, without its end, are text: time and stream stand before it.
pub(super) fn text_size(line: &str) -> usize {
    let text = line.splitn(3, ' ').nth(2);
    text.map_or(line.len(), |text| text.trim_end_matches('\n').len())
}

/// Reads one line of a file, without its end. What is no such line is shown as it is.
pub(super) fn read(line: &[u8]) -> OutputLine {
    let line = String::from_utf8_lossy(line);
    let parsed = || {
        let (stamp, rest) = line.split_once(' ')?;
        let (word, text) = rest.split_once(' ')?;
        Some(OutputLine {
            at: stamp.parse().ok()?,
            stream: STREAMS
                .into_iter()
                .find(|stream| self::word(*stream) == word)?,
            text: text.to_owned(),
        })
    };
    parsed().unwrap_or_else(|| OutputLine {
        at: Timestamp::UNIX_EPOCH,
        stream: LogStream::Note,
        text: line.into_owned(),
    })
}

const STREAMS: [LogStream; 3] = [LogStream::Out, LogStream::Err, LogStream::Note];

fn word(stream: LogStream) -> &'static str {
    match stream {
        LogStream::Out => "out",
        LogStream::Err => "err",
        LogStream::Note => "note",
    }
}

/// Appends text so that all of it shows and none of it acts on a terminal.
fn visible(file: &mut String, text: &[u8]) {
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            let _infallible = match c {
                '\t' => file.write_char(c),
                c if c.is_ascii_control() => write!(file, "\\x{:02x}", u32::from(c)),
                c if is_hidden(c) => write!(file, "\\u{{{:x}}}", u32::from(c)),
                c => file.write_char(c),
            };
        }
        for byte in chunk.invalid() {
            let _infallible = write!(file, "\\x{byte:02x}");
        }
    }
}

/// Control characters, characters without width, those that turn the direction of text, and private ones.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{10FFFF}')
}

#[cfg(test)]
mod tests {
    use super::{read, stamp, write};
    use crate::ports::executor::LogStream;
    use proptest::prelude::*;

    fn line(text: &[u8]) -> String {
        let mut file = String::new();
        let at = "2026-11-21T08:00:00.1239Z".parse().unwrap();
        write(&mut file, &stamp(at), LogStream::Out, text);
        file
    }

    #[test]
    fn a_line_tells_time_stream_and_text() {
        assert_eq!(
            line("grüße 1".as_bytes()),
            "2026-11-21T08:00:00.123Z out grüße 1\n"
        );
        let empty = line(b"");
        assert_eq!(read(empty.trim_end_matches('\n').as_bytes()).text, "");
    }

    #[test]
    fn what_would_hide_or_act_shows() {
        let text = "\u{1b}[2Ja\rb\0\u{7f}\u{9b}\u{202e}\t\u{f0000}".as_bytes();
        let expected = "\\x1b[2Ja\\x0db\\x00\\x7f\\u{9b}\\u{202e}\t\\u{f0000}\n";
        assert!(line(text).ends_with(expected), "{}", line(text));
        assert!(line(b"a\xff\xc3").ends_with("a\\xff\\xc3\n"));
    }

    #[test]
    fn what_is_no_line_is_shown_as_it_is() {
        for text in ["", "torn", "2026 out x", "2026-11-21T08:00:00Z odd x"] {
            let read = read(text.as_bytes());
            assert_eq!((read.text.as_str(), read.stream), (text, LogStream::Note));
        }
    }

    proptest! {
        #[test]
        fn a_written_line_is_one_line_and_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let line = line(&bytes);
            let inside = line.strip_suffix('\n').unwrap();
            let acting = ['\n', '\r', '\u{1b}'];
            prop_assert!(!inside.contains(acting), "acts on a terminal");
            prop_assert_eq!(read(inside.as_bytes()).stream, LogStream::Out);
        }
    }
}
