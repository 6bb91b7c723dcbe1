//! Files that a command names, and files of the repository, as they lie here now.

use crate::{
    commands::Files,
    ports::{
        BoxFuture,
        materials::{LARGEST_FILE, Looked, MOST_FILES, Materials, RevisionFile},
    },
    runbooks::plain_documents,
};
use serde_json::Value;
use std::{
    collections::BTreeMap, fs::File, io::Read as _, os::unix::fs::PermissionsExt as _, path::Path,
};

/// Files that a command line names, from the working directory on.
pub(super) struct HostFiles;

impl Files for HostFiles {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        read(Path::new(path)).ok()
    }
    fn documents(&self, text: &str) -> Option<Vec<Value>> {
        plain_documents(text)
    }
}

/// Files that a step names. Programs are the agent's: which are there, and what they are, shows on its host.
#[derive(Debug)]
pub(in crate::cli::commands) struct HereNow;

impl Materials for HereNow {
    fn file(&self, path: &Path) -> Option<Vec<u8>> {
        read(path).ok()
    }
    fn program(&self, _: &str) -> Looked {
        Looked::NotLooked
    }
    fn repository<'a>(
        &'a self,
        _: &'a str,
        _: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<RevisionFile>, String>> {
        Box::pin(async { Err("there is no revision here".to_owned()) })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let meta = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !meta.is_file() {
        return Err("it is not a file".to_owned());
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST_FILE + 1).read_to_end(&mut bytes))
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(format!("it is larger than {LARGEST_FILE} bytes"));
    }
    Ok(bytes)
}

/// Files of the working tree, as the agent would take them from the commit.
pub(in crate::cli::commands) fn of_tree(
    root: &Path,
    paths: &[String],
) -> Result<Vec<RevisionFile>, String> {
    let mut files = BTreeMap::new();
    for path in paths {
        let path = path.trim_end_matches('/');
        take(root, path, &mut files).map_err(|reason| format!("`{path}`: {reason}"))?;
    }
    Ok(files.into_values().collect())
}

fn take(root: &Path, path: &str, files: &mut BTreeMap<String, RevisionFile>) -> Result<(), String> {
    let whole = root.join(path);
    let meta = std::fs::symlink_metadata(&whole).map_err(|error| error.to_string())?;
    if meta.is_symlink() {
        return Err("it is a symbolic link, which is not followed".to_owned());
    }
    if !meta.is_dir() {
        let file = RevisionFile {
            path: path.to_owned(),
            bytes: read(&whole)?,
            executable: meta.permissions().mode() & 0o100 != 0,
        };
        files.insert(path.to_owned(), file);
        return match files.len() {
            0..=MOST_FILES => Ok(()),
            _ => Err(format!("there are more than {MOST_FILES} files")),
        };
    }
    let entries = std::fs::read_dir(&whole).map_err(|error| error.to_string())?;
    for entry in entries {
        let name = entry.map_err(|error| error.to_string())?.file_name();
        let name = name.to_str().ok_or("a name in it is not UTF-8")?;
        take(root, &format!("{path}/{name}"), files)?;
    }
    Ok(())
}
