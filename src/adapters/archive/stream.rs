//! An artifact that is written as it comes: pieces go to a thread that compresses, hashes and writes them.
//!
//! The thread owns the draft. It ends when it is told the end, when a piece cannot be kept, or when nobody can send it any more; in
//! all cases but the first, the draft goes with it and leaves nothing.

use super::{draft::Draft, make::stored, pack::Found, work::Work};
use crate::ports::{
    BoxFuture,
    archive::{ArchiveError, Stored, Writing},
};
use std::{
    future::poll_fn,
    io::{self, Write as _},
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::{
    io::AsyncWrite,
    sync::mpsc::{Receiver, channel},
    task::JoinHandle,
};
use tokio_util::sync::PollSender;

/// Bytes of a piece at most.
const PIECE: usize = 64 * 1024;
/// How many pieces may wait for the thread.
const WAITING: usize = 16;

/// The end that is written to.
pub(super) struct Stream {
    doing: String,
    pieces: PollSender<Piece>,
    /// What is gathered for the next piece: programs write little at a time, and each piece wakes the thread.
    gathered: Vec<u8>,
    thread: JoinHandle<Result<Stored, ArchiveError>>,
    written: u64,
    fault: Option<ArchiveError>,
}

enum Piece {
    Bytes(Vec<u8>),
    End,
}

impl Stream {
    /// Must be called on the async runtime.
    pub(super) fn of(draft: Draft, most: u64, work: Work) -> Self {
        let (pieces, taken) = channel(WAITING);
        let doing = work.doing.clone();
        let thread = tokio::task::spawn_blocking(move || keep(draft, taken, most, &work));
        Self {
            doing,
            pieces: PollSender::new(pieces),
            gathered: Vec::with_capacity(PIECE),
            thread,
            written: 0,
            fault: None,
        }
    }

    /// The thread takes nothing more: it says why as its last words.
    fn poll_fault(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let fault = match &self.fault {
            Some(fault) => fault.clone(),
            None => {
                let ended = ready!(Pin::new(&mut self.thread).poll(context));
                let fault = match ended {
                    Ok(Err(fault)) => fault,
                    Ok(Ok(_)) => self.failed("it is finished"),
                    Err(error) => self.failed(&error.to_string()),
                };
                self.fault = Some(fault.clone());
                fault
            }
        };
        Poll::Ready(io::Error::other(fault))
    }

    fn failed(&self, reason: &str) -> ArchiveError {
        ArchiveError::Failed {
            doing: self.doing.clone(),
            reason: reason.to_owned(),
        }
    }

    async fn end(mut self: Box<Self>) -> Result<Stored, ArchiveError> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        for piece in [Piece::Bytes(mem::take(&mut self.gathered)), Piece::End] {
            let room = poll_fn(|context| self.pieces.poll_reserve(context)).await;
            // Where the thread takes nothing more, it says why in the same way.
            let _told = room.and_then(|()| self.pieces.send_item(piece));
        }
        let ended = (&mut self.thread).await;
        ended.unwrap_or_else(|error| Err(self.failed(&error.to_string())))
    }

    async fn remove(mut self: Box<Self>) {
        self.pieces.close();
        if self.fault.is_none() {
            // It says that it was not finished.
            let _ended = (&mut self.thread).await;
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let stream = self.get_mut();
        if stream.gathered.len() == PIECE {
            let room = ready!(stream.pieces.poll_reserve(context));
            let sent = room.and_then(|()| {
                let piece = mem::replace(&mut stream.gathered, Vec::with_capacity(PIECE));
                stream.pieces.send_item(Piece::Bytes(piece))
            });
            if sent.is_err() {
                return stream.poll_fault(context).map(Err);
            }
        }
        let room = PIECE - stream.gathered.len();
        let taken = bytes.get(..room).unwrap_or(bytes);
        stream.gathered.extend_from_slice(taken);
        stream.written += taken.len() as u64;
        Poll::Ready(Ok(taken.len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Writing for Stream {
    fn written(&self) -> u64 {
        self.written
    }
    fn fault(&self) -> Option<ArchiveError> {
        self.fault.clone()
    }
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Stored, ArchiveError>> {
        Box::pin(self.end())
    }
    fn discard(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(self.remove())
    }
}

/// Keeps pieces until the end; blocks.
fn keep(
    mut draft: Draft,
    mut pieces: Receiver<Piece>,
    most: u64,
    work: &Work,
) -> Result<Stored, ArchiveError> {
    loop {
        let piece = pieces.blocking_recv();
        if work.stop.is_cancelled() {
            return Err(work.failed("stopped"));
        }
        match piece {
            Some(Piece::Bytes(bytes)) => {
                if bytes.len() as u64 > most.saturating_sub(draft.raw_size()) {
                    return Err(ArchiveError::TooLarge {
                        doing: work.doing.clone(),
                        most,
                    });
                }
                draft
                    .write_all(&bytes)
                    .map_err(|error| work.failed(error))?;
            }
            Some(Piece::End) => {
                let found = Found {
                    entries: 1,
                    ..Found::default()
                };
                let published = draft.publish().map_err(|error| work.failed(error))?;
                return Ok(stored(published, found));
            }
            None => return Err(work.failed("it was given up before its end")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Stream;
    use crate::{
        adapters::archive::fresh::Naming,
        adapters::archive::{
            Artifacts,
            disk::DiskFile,
            draft::{Draft, Sink},
            tests::open,
            work::Work,
        },
        domain::{
            digest::Digest,
            id::RunId,
            name::{ArtifactName, RunbookName},
        },
        ports::archive::{
            Archive as _, ArchiveError, Encrypt, Expected, Form, Label, Stored, StreamOf, Writing,
        },
    };
    use jiff::Timestamp;
    use std::{fs, path::Path};
    use tempfile::TempDir;
    use tokio::io::AsyncWriteExt as _;
    use tokio_util::sync::CancellationToken;

    fn path(stored: &Stored) -> &Path {
        stored.location.path().unwrap()
    }

    struct Here {
        folder: TempDir,
        archive: Artifacts,
        stop: CancellationToken,
    }

    impl Here {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let archive = open(folder.path());
            let stop = CancellationToken::new();
            Self {
                folder,
                archive,
                stop,
            }
        }
        async fn begin(&self, most: u64) -> Box<dyn Writing> {
            let label = Label {
                name: ArtifactName::new("db").unwrap(),
                runbook: RunbookName::new("nightly").unwrap(),
                revision: "9fceb02d".into(),
                run: RunId::new(Timestamp::UNIX_EPOCH, [1; 10]),
                store: None,
                encrypt: Encrypt::AsConfigured,
            };
            let of = StreamOf {
                label: &label,
                what: "a stream",
                extension: "dump",
                most,
            };
            self.archive.stream(of, self.stop.clone()).await.unwrap()
        }
        fn left(&self) -> Vec<String> {
            names(&self.folder.path().join("artifacts/nightly"))
        }
        async fn inspect(&self, path: &Path, expected: Expected) -> Result<u64, ArchiveError> {
            let stop = CancellationToken::new();
            let found = {
                let location = crate::domain::artifact::Location::File(path.to_owned());
                self.archive
                    .inspect(Form::Stream, &location, expected, stop)
                    .await?
            };
            assert_eq!(found.entries, 1);
            Ok(found.content["bytes"])
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder)
            .unwrap()
            .map(Result::unwrap)
            .filter(|entry| entry.path().is_file())
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect()
    }

    #[tokio::test]
    async fn a_finished_stream_is_whole_named_and_can_be_read_to_its_end() {
        let here = Here::new();
        let mut writing = here.begin(10_000_000).await;
        for piece in 0..30u8 {
            writing.write_all(&vec![piece; 100_000]).await.unwrap();
        }
        writing.write_all(b"end\n").await.unwrap();
        assert!(here.left()[0].ends_with(".dump.zst.partial"));
        assert_eq!(writing.written(), 3_000_004);
        let stored = writing.finish().await.unwrap();
        let bytes = fs::read(path(&stored)).unwrap();
        assert_eq!(stored.sha256, Digest::of_bytes(&bytes));
        assert_eq!(
            (stored.size, stored.raw_size, stored.entries),
            (bytes.len() as u64, 3_000_004, 1)
        );
        assert_eq!(
            here.left(),
            [path(&stored).file_name().unwrap().to_str().unwrap()]
        );
        assert!(here.left()[0].starts_with("db-") && here.left()[0].ends_with(".dump.zst"));
        let expected = Expected {
            sha256: Some(stored.sha256),
            raw_size: Some(stored.raw_size),
        };
        assert_eq!(here.inspect(path(&stored), expected).await, Ok(3_000_004));
        fs::write(path(&stored), &bytes[..bytes.len() - 5]).unwrap();
        for expected in [expected, Expected::default()] {
            let error = here.inspect(path(&stored), expected).await.unwrap_err();
            assert!(matches!(error, ArchiveError::Damaged { .. }), "{error:?}");
        }
    }

    #[tokio::test]
    async fn a_stream_that_is_given_up_leaves_nothing() {
        let here = Here::new();
        let mut writing = here.begin(1000).await;
        writing.write_all(b"half").await.unwrap();
        writing.discard().await;
        assert!(here.left().is_empty());
        let mut writing = here.begin(1000).await;
        writing.write_all(b"half").await.unwrap();
        here.stop.cancel();
        let error = writing.finish().await.unwrap_err();
        assert!(matches!(error, ArchiveError::Stopped(_)), "{error:?}");
        assert!(here.left().is_empty());
    }

    #[tokio::test]
    async fn more_than_it_may_hold_is_an_error_that_says_so() {
        let here = Here::new();
        let mut writing = here.begin(100_000).await;
        writing.write_all(&vec![7; 100_000]).await.unwrap();
        let error = loop {
            if let Err(error) = writing.write_all(b"x").await {
                break error;
            }
        };
        assert!(
            error.to_string().contains("more than 100000 bytes"),
            "{error}"
        );
        let fault = writing.fault().unwrap();
        assert!(matches!(
            fault,
            ArchiveError::TooLarge { most: 100_000, .. }
        ));
        assert_eq!(writing.finish().await.unwrap_err(), fault);
        assert!(here.left().is_empty());
    }

    #[tokio::test]
    async fn a_full_disk_is_an_error_that_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let full = DiskFile::on_full_disk(folder.path().join(".x.partial"));
        let naming = Naming::in_test(folder.path());
        let draft = Draft::new(Sink::Disk(full), None, naming).unwrap();
        let work = Work {
            doing: "keeping a stream".to_owned(),
            stop: CancellationToken::new(),
        };
        let mut writing = Box::new(Stream::of(draft, u64::MAX, work));
        // What can be compressed well may fit into zstd's own buffers until the end.
        let written = writing.write_all(&vec![7; 100_000]).await;
        let error = writing.finish().await.unwrap_err().to_string();
        assert!(
            error.contains("No space left on device"),
            "{error} {written:?}"
        );
        assert!(names(folder.path()).is_empty());
    }
}
