//! Whether the files and programs of a planned step are still what they were when it was judged.

use super::at_hand::AtHand;
use crate::{
    domain::{
        digest::Digest,
        pinned::{FileOf, PinnedFile, PinnedProgram},
        plan::PlannedStep,
    },
    ports::materials::{Looked, Materials},
};
use std::{path::Path, sync::Arc};

/// The first difference, for people.
pub(super) async fn still(step: &PlannedStep, materials: Arc<dyn Materials>) -> Result<(), String> {
    let pinned = step.pinned.clone();
    if pinned.is_empty() {
        return Ok(());
    }
    let of = |place: FileOf| {
        let files = pinned.files.iter().filter(move |file| file.of == place);
        files.cloned().collect::<Vec<PinnedFile>>()
    };
    repository(step, &of(FileOf::Repository), &*materials).await?;
    let (files, programs) = (of(FileOf::Host), pinned.programs.clone());
    let at_hand = AtHand::of(&*materials);
    let known = host(&files, &programs, &at_hand);
    if !at_hand.is_lacking() {
        return known;
    }
    let looking = tokio::task::spawn_blocking(move || host(&files, &programs, &*materials));
    looking
        .await
        .map_err(|error| format!("looking at its files was cut off: {error}"))?
}

async fn repository(
    step: &PlannedStep,
    files: &[PinnedFile],
    materials: &dyn Materials,
) -> Result<(), String> {
    if files.is_empty() {
        return Ok(());
    }
    let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
    let found = materials.repository(&step.revision, &paths).await?;
    let differs = |file: &PinnedFile| {
        let now = found.iter().find(|found| found.path == file.path);
        file.differs(now.map(crate::ports::materials::RevisionFile::sha256))
    };
    files.iter().find_map(differs).map_or(Ok(()), Err)
}

fn host(
    files: &[PinnedFile],
    programs: &[PinnedProgram],
    materials: &dyn Materials,
) -> Result<(), String> {
    for file in files {
        let now = materials.file(Path::new(&file.path));
        let now = now.map(|bytes| Digest::of_bytes(&bytes));
        file.differs(now).map_or(Ok(()), Err)?;
    }
    for program in programs {
        let reason = match materials.program(&program.name) {
            Looked::Found(now) => program.differs(Some(&now)),
            Looked::Missing => program.differs(None),
            Looked::NotLooked => program
                .found
                .is_some()
                .then(|| format!("the program `{}` cannot be read any more", program.name)),
        };
        reason.map_or(Ok(()), Err)?;
    }
    Ok(())
}
