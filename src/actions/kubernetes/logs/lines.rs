//! What containers say, line by line: counted, looked through, and passed on.

use crate::{
    actions::kubernetes::{kept::Kept, logs::patterns::Patterns},
    ports::executor::{LogStream, StepLog},
};
use std::{io, sync::Arc};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader,
};

/// A longer line is taken for several.
const LONGEST: u64 = 64 * 1024;

/// Where lines go.
pub(in crate::actions::kubernetes) enum Target {
    /// The step's log.
    Log(Arc<dyn StepLog>),
    /// An artifact.
    Artifact(Kept),
}

/// Takes lines.
pub(in crate::actions::kubernetes) struct Lines {
    pub(in crate::actions::kubernetes) target: Target,
    pub(super) patterns: Patterns,
    pub(super) count: u64,
    pub(super) bytes: u64,
    /// So many of those that come next were taken before.
    known: u64,
    /// Whether the last line was there to its end.
    is_whole: bool,
}

impl Lines {
    pub(in crate::actions::kubernetes) fn new(target: Target, patterns: Patterns) -> Self {
        Self {
            target,
            patterns,
            count: 0,
            bytes: 0,
            known: 0,
            is_whole: true,
        }
    }

    /// From here on, all of it comes once more: what was taken to its end is not taken again.
    pub(in crate::actions::kubernetes) fn again(&mut self) {
        self.count -= u64::from(!self.is_whole);
        self.known = self.count;
        self.is_whole = true;
    }

    /// Takes all that comes, each line behind this prefix.
    pub(super) async fn take(
        &mut self,
        prefix: &str,
        from: impl AsyncRead + Send + Unpin,
    ) -> io::Result<()> {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        loop {
            line.clear();
            line.extend_from_slice(prefix.as_bytes());
            let mut next = (&mut from).take(LONGEST);
            if next.read_until(b'\n', &mut line).await? == 0 {
                return Ok(());
            }
            self.one(prefix.len(), &mut line).await?;
        }
    }

    async fn one(&mut self, prefix: usize, line: &mut Vec<u8>) -> io::Result<()> {
        if self.known > 0 {
            self.known -= 1;
            return Ok(());
        }
        let said = line.get(prefix..).unwrap_or_default();
        self.is_whole = said.last() == Some(&b'\n') || said.len() as u64 >= LONGEST;
        self.count += 1;
        self.bytes += said.len() as u64;
        self.patterns.look(said);
        if line.last() != Some(&b'\n') {
            line.push(b'\n');
        }
        match &mut self.target {
            Target::Log(log) => {
                log.append(LogStream::Out, line);
                Ok(())
            }
            Target::Artifact(kept) => kept.writing.write_all(line).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, Target};
    use crate::{
        actions::kubernetes::logs::patterns::Patterns,
        ports::executor::{LogStream, StepLog},
    };
    use std::sync::{Arc, Mutex};

    #[derive(Default)]
    struct Heard(Mutex<Vec<u8>>);
    impl StepLog for Heard {
        fn append(&self, _: LogStream, bytes: &[u8]) {
            self.0.lock().unwrap().extend_from_slice(bytes);
        }
    }

    #[tokio::test]
    async fn each_line_stands_behind_its_prefix() {
        let heard = Arc::new(Heard::default());
        let mut lines = Lines::new(Target::Log(heard.clone()), Patterns::default());
        lines.take("web-0/app: ", &b"one\ntwo"[..]).await.unwrap();
        lines.take("", &b"three\n\n"[..]).await.unwrap();
        let text = String::from_utf8(heard.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text, "web-0/app: one\nweb-0/app: two\nthree\n\n");
        assert_eq!((lines.count, lines.bytes), (4, 14));
    }

    #[tokio::test]
    async fn what_was_taken_to_its_end_is_not_taken_again() {
        let heard = Arc::new(Heard::default());
        let mut lines = Lines::new(Target::Log(heard.clone()), Patterns::default());
        lines.take("", &b"one\ntw"[..]).await.unwrap();
        lines.again();
        lines.take("", &b"one\ntwo\nthree\n"[..]).await.unwrap();
        lines.again();
        lines.take("", &b"one\ntwo\nthree\n"[..]).await.unwrap();
        let text = String::from_utf8(heard.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text, "one\ntw\ntwo\nthree\n");
        assert_eq!(lines.count, 3);
    }
}
