//! Where what a command reads comes from, and where what it prints goes.

use super::words::{Refused, Values};
use crate::domain::pipeline::{Open, Redirection, Stream};
use std::{
    ffi::OsString,
    fs::{File, OpenOptions},
    io::{self, Seek as _, Write as _},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    process::Stdio,
    sync::Arc,
};

/// Files by which a process names its own streams: here they would be the agent's.
const OWN: [&[u8]; 4] = [b"/dev/fd", b"/dev/std", b"/proc/self", b"/proc/thread-self"];

/// The three streams of a command.
#[derive(Debug, Clone)]
pub(super) struct Streams {
    pub(super) input: Arc<File>,
    pub(super) output: Arc<File>,
    pub(super) errors: Arc<File>,
}

/// Why a stream does not go where it should.
#[derive(Debug)]
pub(super) enum Failed {
    Word(Refused),
    /// This file, and where complaints go by then.
    File(OsString, io::Error, Arc<File>),
}

impl Streams {
    /// Those of the script: nothing to read.
    pub(super) fn given() -> io::Result<Self> {
        Ok(Self {
            input: Arc::new(File::open("/dev/null")?),
            output: Arc::new(io::stdout().as_fd().try_clone_to_owned()?.into()),
            errors: Arc::new(io::stderr().as_fd().try_clone_to_owned()?.into()),
        })
    }

    /// After redirections, in their order.
    pub(super) fn redirected(
        &self,
        redirections: &[Redirection],
        values: &Values<'_>,
    ) -> Result<Self, Failed> {
        let mut streams = self.clone();
        for redirection in redirections {
            match redirection {
                Redirection::File(which, how, word) => {
                    let path = values.whole(word).map_err(Failed::Word)?;
                    let file =
                        open(&path, *how, values).map_err(|error| streams.failed(path, error))?;
                    let file = Arc::new(file);
                    for stream in which {
                        *streams.stream(*stream) = Arc::clone(&file);
                    }
                }
                Redirection::Joined(from, to) => {
                    let file = Arc::clone(streams.stream(*to));
                    *streams.stream(*from) = file;
                }
                Redirection::Text(word) => {
                    let text = values.whole(word).map_err(Failed::Word)?;
                    let file = holding(text.as_bytes());
                    let file =
                        file.map_err(|error| streams.failed("a here-document".into(), error))?;
                    streams.input = Arc::new(file);
                }
            }
        }
        Ok(streams)
    }

    fn failed(&self, path: OsString, error: io::Error) -> Failed {
        Failed::File(path, error, Arc::clone(&self.errors))
    }

    fn stream(&mut self, stream: Stream) -> &mut Arc<File> {
        match stream {
            Stream::Input => &mut self.input,
            Stream::Output => &mut self.output,
            Stream::Errors => &mut self.errors,
        }
    }
}

/// For a program.
pub(super) fn stdio(file: &File) -> io::Result<Stdio> {
    Ok(OwnedFd::from(file.try_clone()?).into())
}

fn open(path: &OsString, how: Open, values: &Values<'_>) -> io::Result<File> {
    if OWN.iter().any(|own| path.as_bytes().starts_with(own)) {
        return Err(io::Error::other("a process names its own streams by it"));
    }
    if path.is_empty() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let mut options = OpenOptions::new();
    match how {
        Open::Read => options.read(true),
        Open::Replace => options.write(true).create(true).truncate(true),
        Open::Append => options.append(true).create(true),
    };
    options.open(values.folder.join(path))
}

/// A file without a name that holds a text.
fn holding(text: &[u8]) -> io::Result<File> {
    let flags = rustix::fs::MemfdFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::memfd_create("text", flags)?);
    file.write_all(text)?;
    file.rewind()?;
    Ok(file)
}
