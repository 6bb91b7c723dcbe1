//! The program itself, as people start it: in a folder of its own, with an environment of its own.

mod agent;
mod alone;
mod explaining;
mod following;
mod rbac;
mod refusals;

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};
use tempfile::TempDir;

/// What the program said, and how it ended.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Said {
    /// Standard output of a command that must have done what it was asked for.
    #[track_caller]
    pub(super) fn done(self) -> String {
        assert_eq!(self.code, 0, "{}\n{}", self.out, self.err);
        self.out
    }

    /// The one JSON document on standard output.
    #[track_caller]
    pub(super) fn json(self) -> serde_json::Value {
        let text = self.done();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Standard error of a command that must have ended with this code.
    #[track_caller]
    pub(super) fn failed(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self.err
    }
}

/// A folder to work in.
pub(super) struct Home {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Home {
    pub(super) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            variables: Vec::new(),
        }
    }

    /// With a variable of the environment.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Writes a file, and the folders above it.
    pub(super) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.at(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The program, ready to be started here.
    pub(super) fn command(&self, words: &[&str]) -> Command {
        #[expect(
            clippy::disallowed_methods,
            reason = "the program under test is a process"
        )]
        let mut command = Command::new(env!("CARGO_BIN_EXE_orderly"));
        command
            .args(words)
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PATH", "/usr/bin:/bin")
            .env("TZ", "UTC")
            .envs(self.variables.iter().cloned())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Starts the program and waits for its end.
    pub(super) fn orderly(&self, words: &[&str]) -> Said {
        self.ended(&mut self.command(words))
    }

    fn ended(&self, command: &mut Command) -> Said {
        let ended = command.output().unwrap();
        let text = |bytes: Vec<u8>| {
            // Where a folder lies is different each time.
            let text = String::from_utf8(bytes).unwrap();
            text.replace(&self.folder.path().display().to_string(), "[home]")
        };
        Said {
            code: ended.status.code().unwrap(),
            out: text(ended.stdout),
            err: text(ended.stderr),
        }
    }
}

/// A program that goes on by itself until it is told to stop.
pub(super) struct Running {
    pub(super) child: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    pub(super) fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    /// Reads standard output up to a line that contains this, and gives back that line.
    #[track_caller]
    pub(super) fn line_with(&mut self, part: &str) -> String {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            if self.out.read_line(&mut line).unwrap() == 0 {
                let mut said = String::new();
                if let Some(mut err) = self.child.stderr.take() {
                    err.read_to_string(&mut said).unwrap();
                }
                panic!("no line with `{part}` in:\n{seen}\n{said}");
            }
            if line.contains(part) {
                return line.trim_end().to_owned();
            }
            seen.push_str(&line);
        }
    }

    pub(super) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for the end: the code, and the rest of standard output.
    pub(super) fn end(&mut self) -> (i32, String) {
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code().unwrap_or(-1), rest)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has mostly ended already.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// A file of this repository.
pub(super) fn ours(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
