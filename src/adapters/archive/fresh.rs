//! Artifacts that got their names, and that the history may not know yet.
//!
//! Invariant: a name is noted on the agent's disk, for good, before it is given. So one that a dead agent gave, and whose record was never
//! written, is found at the next start.

use super::disk::private_folder;
use crate::{
    domain::{artifact::Location, digest::Digest, id::RunId},
    ports::archive::Fresh,
};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

/// The notes.
#[derive(Debug, Clone)]
pub(super) struct FreshNotes {
    folder: PathBuf,
}

/// One of them.
#[derive(Serialize, Deserialize)]
struct Note {
    path: String,
    run: RunId,
}

/// The notes, and the run that names are given for.
#[derive(Debug, Clone)]
pub(super) struct Naming {
    pub(super) notes: FreshNotes,
    pub(super) run: RunId,
}

impl Naming {
    /// Notes that an artifact is about to get this name.
    pub(super) fn note(&self, location: &Location) -> io::Result<()> {
        self.notes.write(&self.fresh(location.clone()))
    }

    /// Takes note that it did not.
    pub(super) fn take_back(&self, location: Location) {
        self.notes.settle(&self.fresh(location));
    }

    fn fresh(&self, location: Location) -> Fresh {
        let run = self.run;
        Fresh { location, run }
    }
}

#[cfg(test)]
impl Naming {
    /// One with notes in a folder there.
    pub(super) fn in_test(folder: &std::path::Path) -> Self {
        Self {
            notes: FreshNotes::open(folder.join("fresh")).unwrap(),
            run: RunId::new(jiff::Timestamp::UNIX_EPOCH, [1; 10]),
        }
    }
}

impl FreshNotes {
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        private_folder(&folder)?;
        Ok(Self { folder })
    }

    fn write(&self, fresh: &Fresh) -> io::Result<()> {
        let note = Note {
            path: fresh.location.to_string(),
            run: fresh.run,
        };
        let mut file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(self.path(fresh))?;
        file.write_all(&serde_json::to_vec(&note)?)?;
        file.sync_all()?;
        File::open(&self.folder)?.sync_all()
    }

    /// Those whose record nobody has seen.
    pub(super) fn all(&self) -> io::Result<Vec<Fresh>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            match fs::read(&path).map(|text| serde_json::from_slice::<Note>(&text)) {
                Ok(Ok(note)) => all.push(Fresh {
                    location: Location::parse(&note.path),
                    run: note.run,
                }),
                // It was cut while it was written: no name was given after it. Or one is being written now, and is whole next time.
                Ok(Err(_)) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    /// Forgets one.
    pub(super) fn settle(&self, fresh: &Fresh) {
        // Where it stays, it is settled an hour later.
        let _removed = fs::remove_file(self.path(fresh));
    }

    fn path(&self, fresh: &Fresh) -> PathBuf {
        let name = Digest::of_bytes(format!("{} {}", fresh.run, fresh.location).as_bytes());
        self.folder.join(format!("{name}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::{FreshNotes, Naming};
    use crate::domain::artifact::Location;
    use std::fs;

    #[test]
    fn a_name_is_noted_until_it_is_settled_and_half_a_note_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let notes = FreshNotes::open(folder.path().join("fresh")).unwrap();
        let naming = Naming::in_test(folder.path());
        for path in ["/a/b.zst", "offsite:a/b.zst", "offsite:a/b.zst"] {
            naming.note(&Location::parse(path)).unwrap();
        }
        fs::write(folder.path().join("fresh/half.json"), "{\"path\":").unwrap();
        let mut all = notes.all().unwrap();
        all.sort_by_key(|fresh| fresh.location.to_string());
        assert_eq!(all.len(), 2);
        assert_eq!(all[1].location, Location::parse("offsite:a/b.zst"));
        notes.settle(&all[0]);
        assert_eq!(notes.all().unwrap(), [all[1].clone()]);
    }
}
