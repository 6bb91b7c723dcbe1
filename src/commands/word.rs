//! Words of a command line, as far as they are known before it runs, and the call they make.

use super::folder::{Folder, resolve};
use crate::domain::effect::Place;

/// How deep commands may stand in each other (`sudo sh -c "ssh host 'env x'"`).
const DEEPEST: u8 = 16;

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// This text and no other. A leading `~` or `~/` that stood for the home folder stays as it was written.
    Known(String),
    /// A pattern that the shell would replace by names of files: `*.log`, `{a,b}` never (that is expanded), `~user`.
    Glob(String),
    /// Holds something that only a running shell knows: `$HOME/x`, `$(date)`. The text is its source.
    Unknown(String),
}

impl Word {
    /// The text, whatever is known of it; for people and for looking at its beginning.
    pub fn text(&self) -> &str {
        match self {
            Self::Known(text) | Self::Glob(text) | Self::Unknown(text) => text,
        }
    }
    /// The text, if it is this one and no other.
    pub fn known(&self) -> Option<&str> {
        match self {
            Self::Known(text) => Some(text),
            Self::Glob(_) | Self::Unknown(_) => None,
        }
    }
    /// Whether a program could take it for a flag, or for several words: it is not known, and begins with what is not known.
    pub fn may_be_flag(&self) -> bool {
        matches!(self, Self::Unknown(text) if text.starts_with(['$', '`', '-']))
    }
    /// The same sort of word with another text.
    #[must_use]
    pub fn with_text(&self, text: &str) -> Self {
        match self {
            Self::Known(_) => Self::Known(text.to_owned()),
            Self::Glob(_) => Self::Glob(text.to_owned()),
            Self::Unknown(_) => Self::Unknown(text.to_owned()),
        }
    }
}

/// Where a program's standard input comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stdin {
    /// Closed, or a terminal that nobody types at.
    Nothing,
    /// This text: a here-document, or what a program with a known output prints (`echo 'drop table x' | psql`).
    Known(String),
    /// A file.
    File(Word),
    /// The output of a program that is not known before it runs.
    Piped,
    /// What another host sends: `curl … |`.
    Downloaded,
}

/// Files that commands name, as they were when the step was planned.
pub trait Files {
    /// The bytes, if they are pinned and known.
    fn read(&self, path: &str) -> Option<Vec<u8>>;
    /// The documents of a YAML or JSON text, if all of it can be read without doubt.
    fn documents(&self, text: &str) -> Option<Vec<serde_json::Value>>;
}

/// No file is known, and of texts only JSON.
#[derive(Debug, Clone, Copy)]
pub struct NoFiles;
impl Files for NoFiles {
    fn read(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
    fn documents(&self, text: &str) -> Option<Vec<serde_json::Value>> {
        serde_json::from_str(text)
            .ok()
            .map(|document| vec![document])
    }
}

/// Where a command runs, and how deep it stands in others.
#[derive(Clone)]
pub struct Setting<'a> {
    /// The host that it runs on; `ssh` and `kubectl exec` change it.
    pub place: Place,
    /// Files that it may name. Commands that run elsewhere see none.
    pub files: &'a dyn Files,
    /// The folder that relative paths are looked up in.
    pub folder: Folder,
    /// Whether nobody sees what it prints: it goes to a program that puts it into a cluster, or seals it.
    pub handed_on: bool,
    depth: u8,
}

impl std::fmt::Debug for Setting<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setting")
            .field("place", &self.place)
            .field("depth", &self.depth)
            .finish_non_exhaustive()
    }
}

impl<'a> Setting<'a> {
    /// A command that stands in no other.
    pub fn new(place: Place, files: &'a dyn Files) -> Self {
        Self {
            place,
            files,
            folder: Folder::default(),
            handed_on: false,
            depth: 0,
        }
    }
    /// For a command inside this one; `None` where they stand too deep in each other.
    pub fn deeper(&self) -> Option<Self> {
        (self.depth < DEEPEST).then(|| Self {
            depth: self.depth + 1,
            ..self.clone()
        })
    }
    /// The same, with other files to be seen, from another folder.
    pub(super) fn seeing<'b>(&self, files: &'b dyn Files, folder: Folder) -> Setting<'b> {
        Setting {
            place: self.place.clone(),
            files,
            folder,
            handed_on: self.handed_on,
            depth: self.depth,
        }
    }
    /// A path as seen from the folder, without `.` and `..` where that can be said.
    pub fn resolve(&self, path: &str) -> String {
        resolve(self.folder.known.as_deref(), path)
    }
    /// For a command inside this one that runs elsewhere.
    pub fn elsewhere(&self, place: Place) -> Option<Self> {
        self.deeper().map(|setting| Self {
            place,
            files: &NoFiles,
            folder: Folder::default(),
            ..setting
        })
    }
}

/// One program with its arguments: what a grammar judges.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The program's name without its folder.
    pub program: &'a str,
    /// Its arguments, without the program itself.
    pub arguments: &'a [Word],
    /// Where its standard input comes from.
    pub stdin: &'a Stdin,
    /// Where it runs.
    pub setting: &'a Setting<'a>,
}

/// Whether a calculation would run a command that stands in the brackets of this text: `a[0 + $(reboot)]`.
pub(super) fn runs_in_subscript(text: &str) -> bool {
    let Some((_, inside)) = text.split_once('[') else {
        return false;
    };
    ["$(", "`", "<(", ">("]
        .iter()
        .any(|mark| inside.contains(mark))
}
