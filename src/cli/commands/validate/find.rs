//! The files to check, and what lies between them that the agent would not read.

use crate::{
    cli::exit::CliError,
    runbooks::{FileContent, MAX_FILE_BYTES},
};
use std::{
    fs::{File, FileType},
    io::{self, Read},
    os::unix::fs::FileTypeExt as _,
    path::{Path, PathBuf},
};

/// More files than this are not looked at.
const MOST_FILES: usize = 100_000;
/// The agent does not enter folders deeper than this.
const DEEPEST: usize = 16;

/// What was found, in the order of paths.
#[derive(Debug, Default)]
pub(in crate::cli::commands) struct Found {
    pub(in crate::cli::commands) files: Vec<(PathBuf, Kind)>,
    /// Folders that somebody named and that hold nothing to check.
    pub(in crate::cli::commands) empty: Vec<PathBuf>,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cli::commands) enum Kind {
    /// Something that can be read to its end: a file, or a pipe that the shell made.
    File,
    /// Something that cannot be read, and why.
    Unreadable(String),
    /// Something that the agent would not read, and why.
    NotTaken(&'static str),
}

/// Looks at what somebody named: whatever its name, and followed where it is a link.
pub(in crate::cli::commands) fn find(named: &[PathBuf]) -> Result<Found, CliError> {
    let mut found = Found::default();
    let mut missing = Vec::new();
    for path in named {
        if path == Path::new("-") {
            found.files.push((path.clone(), Kind::File));
            continue;
        }
        match path.metadata() {
            Ok(kind) if kind.is_dir() => found.folder(path)?,
            Ok(kind) => found
                .files
                .push((path.clone(), of_type(path, kind.file_type()))),
            Err(error) => missing.push(format!("{} cannot be looked at: {error}", path.display())),
        }
    }
    if !missing.is_empty() {
        return Err(CliError::Usage(missing.join("\n")));
    }
    found.files.sort();
    found.files.dedup();
    Ok(found)
}

/// A named pipe may never end; the ones that shells make for `<(…)` do.
fn of_type(path: &Path, kind: FileType) -> Kind {
    let by_the_shell = ["/dev/fd", "/dev/stdin", "/proc"];
    let is_passed = by_the_shell.iter().any(|folder| path.starts_with(folder));
    if kind.is_file() || is_passed {
        Kind::File
    } else {
        Kind::Unreadable(format!("it is {}, not a file", word(kind)))
    }
}

fn word(kind: FileType) -> &'static str {
    if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

impl Found {
    fn folder(&mut self, folder: &Path) -> Result<(), CliError> {
        let before = self.files.len();
        self.walk(folder, 0)?;
        if self.files.len() == before {
            self.empty.push(folder.to_owned());
        }
        Ok(())
    }

    fn walk(&mut self, folder: &Path, depth: usize) -> Result<(), CliError> {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.push(folder, Kind::Unreadable(error.to_string())),
        };
        for entry in entries {
            let known = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)));
            match known {
                Ok((path, kind)) => self.entry(&path, kind, depth)?,
                Err(error) => self.push(folder, Kind::Unreadable(error.to_string()))?,
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, kind: FileType, depth: usize) -> Result<(), CliError> {
        let name = path.file_name().unwrap_or_default();
        if name.as_encoded_bytes().starts_with(b".") {
            return Ok(());
        }
        if kind.is_dir() {
            return match depth {
                0..DEEPEST => self.walk(path, depth + 1),
                _ => self.push(path, Kind::NotTaken("it is nested too deeply")),
            };
        }
        let is_yaml = is_yaml(path);
        // A link without an ending may stand for a folder that somebody expects to be read.
        if kind.is_symlink() && (is_yaml || path.extension().is_none()) {
            let why = "it is a symbolic link, which is not followed";
            return self.push(path, Kind::NotTaken(why));
        }
        if !is_yaml || kind.is_symlink() {
            return Ok(());
        }
        match refused_name(path) {
            Some(why) => self.push(path, Kind::NotTaken(why)),
            None if kind.is_file() => self.push(path, Kind::File),
            None => self.push(path, Kind::NotTaken("it is not a file")),
        }
    }

    fn push(&mut self, path: &Path, kind: Kind) -> Result<(), CliError> {
        if self.files.len() >= MOST_FILES {
            return Err(CliError::Failed(format!(
                "there are more than {MOST_FILES} files\nhint: name a smaller folder"
            )));
        }
        // Walked from the working directory, a path reads better without its dot.
        let shown = path.strip_prefix("./").unwrap_or(path);
        self.files.push((shown.to_owned(), kind));
        Ok(())
    }
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|ending| {
        ending.eq_ignore_ascii_case("yaml") || ending.eq_ignore_ascii_case("yml")
    })
}

fn refused_name(path: &Path) -> Option<&'static str> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Some("its name is not UTF-8");
    };
    let is_changed = crate::http::visible::line(name) != name;
    is_changed.then_some("its name holds characters that are invisible or change how it is shown")
}

impl Kind {
    /// What is to be checked of it.
    pub(in crate::cli::commands) fn read(self, path: &Path) -> FileContent {
        let content = match self {
            Self::NotTaken(why) => return FileContent::NotTaken { why: why.into() },
            Self::Unreadable(why) => return FileContent::Unreadable { why },
            Self::File if path == Path::new("-") => start_of(io::stdin().lock(), None),
            Self::File => File::open(path).and_then(|file| {
                let known = file.metadata().ok().filter(std::fs::Metadata::is_file);
                start_of(file, known.map(|known| known.len()))
            }),
        };
        content.unwrap_or_else(|error| FileContent::Unreadable {
            why: error.to_string(),
        })
    }
}

/// Never more than is needed to see that it is too much.
fn start_of(from: impl Read, size: Option<u64>) -> io::Result<FileContent> {
    let mut bytes = Vec::new();
    from.take(MAX_FILE_BYTES as u64 + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() <= MAX_FILE_BYTES {
        return Ok(FileContent::Whole(bytes));
    }
    bytes.truncate(MAX_FILE_BYTES);
    Ok(FileContent::Start { bytes, size })
}

#[cfg(test)]
mod tests {
    use super::{Kind, find, start_of};
    use crate::runbooks::{FileContent, MAX_FILE_BYTES};
    use std::{fs, os::unix::fs::symlink, path::PathBuf};

    /// What is found in a folder, by paths in it.
    fn found(folder: &tempfile::TempDir) -> Vec<(String, Kind)> {
        let found = find(&[folder.path().to_owned()]).unwrap();
        let relative = |path: PathBuf| {
            let path = path.strip_prefix(folder.path()).unwrap().to_owned();
            path.to_string_lossy().into_owned()
        };
        found
            .files
            .into_iter()
            .map(|(path, kind)| (relative(path), kind))
            .collect()
    }

    #[test]
    fn folders_are_searched_as_the_agent_does() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("sub/.hidden")).unwrap();
        fs::create_dir_all(at("folder.yaml")).unwrap();
        for name in [
            "b.yaml",
            "a.YML",
            "note.txt",
            ".c.yaml",
            "sub/c.yaml",
            "sub/.hidden/d.yaml",
            "folder.yaml/e.yaml",
            "\u{202e}f.yaml",
        ] {
            fs::write(at(name), "").unwrap();
        }
        symlink(at("b.yaml"), at("link.yaml")).unwrap();
        symlink(folder.path(), at("sub/round")).unwrap();
        symlink(at("note.txt"), at("other.txt")).unwrap();
        let files: Vec<_> = found(&folder)
            .into_iter()
            .map(|(path, kind)| format!("{} {kind:?}", path.escape_debug()))
            .collect();
        insta::assert_snapshot!(files.join("\n"), @r#"
        a.YML File
        b.yaml File
        folder.yaml/e.yaml File
        link.yaml NotTaken("it is a symbolic link, which is not followed")
        sub/c.yaml File
        sub/round NotTaken("it is a symbolic link, which is not followed")
        \u{202e}f.yaml NotTaken("its name holds characters that are invisible or change how it is shown")
        "#);
    }

    #[test]
    fn what_is_named_is_followed_and_what_is_missing_is_told_together() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("note.txt"), "").unwrap();
        symlink(at("note.txt"), at("link")).unwrap();
        let files = find(&[at("link")]).unwrap().files;
        assert_eq!(files, [(at("link"), Kind::File)]);
        let error = find(&[at("one"), at("note.txt"), at("two")]).unwrap_err();
        assert_eq!(error.to_string().lines().count(), 2, "{error}");
        fs::create_dir(at("empty")).unwrap();
        assert_eq!(find(&[at("empty")]).unwrap().empty, [at("empty")]);
    }

    #[test]
    fn a_named_pipe_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe.yaml");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        let [(_, kind)] = found(&folder).try_into().unwrap();
        assert_eq!(kind, Kind::NotTaken("it is not a file"));
        let [(_, kind)] = find(&[pipe]).unwrap().files.try_into().unwrap();
        let why = "it is a named pipe, not a file".to_owned();
        assert_eq!(kind, Kind::Unreadable(why));
    }

    #[test]
    fn the_size_that_is_told_is_the_true_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("huge.yaml");
        fs::File::create(&path)
            .unwrap()
            .set_len(200_000_000)
            .unwrap();
        let FileContent::Start { bytes, size } = Kind::File.read(&path) else {
            panic!("it is larger than what is read");
        };
        assert_eq!((bytes.len(), size), (MAX_FILE_BYTES, Some(200_000_000)));
        let endless = start_of(std::io::repeat(b'a'), None).unwrap();
        assert!(matches!(endless, FileContent::Start { size: None, .. }));
    }

    #[test]
    fn what_vanishes_is_a_problem_of_its_own_and_stops_nothing() {
        let gone = Kind::File.read(&PathBuf::from("/nowhere/at/all.yaml"));
        assert!(matches!(gone, FileContent::Unreadable { .. }));
    }
}
