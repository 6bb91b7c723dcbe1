//! The files that old records were moved to, as they are found where they were put.

use super::retire::read_again;
use crate::domain::audit::{Archive, Broken};
use std::{fs::File, path::PathBuf};

/// Looks at every file. Gives the paths at which none can be read: people move them to where they are kept longer.
pub(super) fn away(archives: Vec<Archive>, key: &[u8]) -> Result<Vec<PathBuf>, Broken> {
    let mut away = Vec::new();
    for archive in archives {
        if File::open(&archive.path).is_err() {
            away.push(archive.path);
            continue;
        }
        match read_again(&archive.path, key, archive.at) {
            Ok(found) if found == archive => {}
            Ok(_) => return Err(changed(&archive, "it is another one than was put there")),
            Err(error) => return Err(changed(&archive, &error.to_string())),
        }
    }
    Ok(away)
}

fn changed(archive: &Archive, why: &str) -> Broken {
    Broken::ArchiveFile {
        path: archive.path.clone(),
        why: why.to_owned(),
    }
}
