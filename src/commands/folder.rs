//! The folder that relative paths are looked up in, as far as a text says where it went.

use super::word::Word;
use std::collections::BTreeSet;

/// So many folders are looked at; beyond, nothing is known.
const MOST_FOLDERS: usize = 4;

/// Where a command stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folder {
    /// The folder, where it is known. Without a slash at its end.
    pub known: Option<String>,
    /// Where it stands if a `cd` failed or did not happen.
    pub perhaps: BTreeSet<String>,
    /// Whether it may stand anywhere.
    pub lost: bool,
}

impl Folder {
    /// This folder and no other; none: the one that a step begins in.
    pub fn new(known: Option<String>) -> Self {
        Self {
            known,
            ..Self::default()
        }
    }
    /// The folder that a step says it begins in.
    pub fn begin(&mut self, path: Option<&Word>) {
        match path.map(Word::known) {
            None => {}
            Some(Some(path)) if path.starts_with('/') => self.known = Some(resolve(None, path)),
            Some(path) => self.enter(path),
        }
    }
    /// Whether it is the folder that a step begins in, of which nothing needs to be known.
    pub fn is_start(&self) -> bool {
        *self == Self::default()
    }
    /// Every folder that it may be, as far as they are known.
    pub fn all(&self) -> impl Iterator<Item = &String> {
        let others = self.perhaps.iter();
        let others = others.filter(|other| self.known.as_ref() != Some(*other));
        self.known.iter().chain(others)
    }
    /// Nobody knows where it is from here on.
    pub fn lose(&mut self) {
        self.known = None;
        self.lost = true;
    }
    /// A `cd` to this path, which may fail; none: nobody knows where to.
    pub fn enter(&mut self, path: Option<&str>) {
        let Some(path) = path else {
            return self.lose();
        };
        let absolute = path.starts_with(['/', '~']);
        let from_start = self.known.is_none() && !absolute;
        let known = if from_start {
            None
        } else {
            Some(resolve(self.known.as_deref(), path))
        };
        let mut perhaps = self.perhaps.clone();
        perhaps.extend(self.known.clone());
        if !absolute {
            perhaps.extend(self.all().map(|folder| resolve(Some(folder), path)));
        }
        let climbs = |path: &str| path.split('/').any(|part| part == "..");
        self.lost |= from_start && climbs(path);
        self.lost |= known.iter().chain(&perhaps).any(|folder| climbs(folder));
        (self.known, self.perhaps) = (known, perhaps);
        self.limit();
    }
    /// What is known after either of two ways.
    pub fn or(&mut self, other: &Self) {
        self.perhaps.extend(other.perhaps.iter().cloned());
        self.lost |= other.lost;
        if self.known != other.known {
            self.perhaps.extend(other.known.iter().cloned());
            self.perhaps.extend(self.known.take());
        }
        self.limit();
    }
    fn limit(&mut self) {
        if self.perhaps.len() > MOST_FOLDERS {
            self.lost = true;
            // Those that matter stay: what is done in them is graver than what is done nobody knows where.
            let grave = |folder: &String| GRAVE.iter().any(|start| folder.starts_with(start));
            self.perhaps.retain(grave);
            while self.perhaps.len() > MOST_FOLDERS {
                self.perhaps.pop_last();
            }
        }
    }
}

/// Beginnings of folders that hold what decides on the host.
const GRAVE: [&str; 8] = [
    "/etc", "/proc", "/dev", "/sys", "/boot", "/root", "/var", "/usr",
];

/// Whether a path is looked up from the folder.
pub(super) fn is_relative(path: &str) -> bool {
    !path.is_empty() && !path.starts_with(['/', '~', '$', '`', '-', '<', '>'])
}

/// A path as seen from a folder, without `.` and `..` where that can be said.
pub(super) fn resolve(folder: Option<&str>, path: &str) -> String {
    let path = match folder {
        Some(folder) if !path.starts_with(['/', '~', '$', '`', '-']) => format!("{folder}/{path}"),
        _ => path.to_owned(),
    };
    if !path.contains("//") && !path.contains("/.") && !path.ends_with('/') {
        return path;
    }
    let mut parts: Vec<&str> = Vec::new();
    for (place, part) in path.split('/').enumerate() {
        match part {
            "." | "" if place > 0 => {}
            ".." if parts.len() > 1 && parts.last() != Some(&"..") => {
                parts.pop();
            }
            ".." if parts == [""] => {}
            part => parts.push(part),
        }
    }
    match parts[..] {
        [""] => "/".to_owned(),
        _ => parts.join("/"),
    }
}
