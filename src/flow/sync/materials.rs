//! Files of the repository that steps are carried out with: what they hold is part of what a runbook says, so that a commit that
//! changes only them brings a changed runbook - one that is carried out with them, is on trial, and has their authors.

use super::{hands::Hands, merge::Files, newest::NewestFile};
use crate::{
    domain::{
        active::{Active, ActiveRunbook, Origin},
        digest::Digest,
        runbook::{Document, Runbook},
    },
    ports::source::{Source, Tree},
    runbooks::wanted_files,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What lies at the paths that runbooks name: its id, or why it cannot be had.
pub(super) type Materials = BTreeMap<String, Result<String, String>>;

/// Looks up what the runbooks of these files name.
pub(super) async fn look_up(
    source: &dyn Source,
    tree: &Tree,
    files: &Files,
) -> Result<Materials, String> {
    let wanted: BTreeSet<String> = runbooks(files)
        .flat_map(|found| wanted_files(&found.runbook))
        .collect();
    if wanted.is_empty() {
        return Ok(Materials::new());
    }
    let wanted: Vec<String> = wanted.into_iter().collect();
    let found = source.objects(&tree.revision.id, &wanted).await;
    let found = found.map_err(|error| error.to_string())?;
    Ok(wanted.into_iter().zip(found).collect())
}

fn runbooks(files: &Files) -> impl Iterator<Item = &Arc<ActiveRunbook>> {
    let documents = files.values().flat_map(|file| &file.documents);
    documents.filter_map(|document| match document {
        Active::Runbook(found) => Some(found),
        Active::Other(_) => None,
    })
}

/// Makes what is there a part of what each runbook says.
pub(super) fn join(
    files: &mut Files,
    materials: &Materials,
    revision: &Arc<str>,
    hands: &mut Hands<'_>,
) {
    for (path, file) in files {
        let documents = file.documents.iter();
        let joined = documents.map(|document| joined(document, path, materials, revision, hands));
        let joined: Vec<Active> = joined.collect();
        let mut pairs = joined.iter().zip(&file.documents);
        if pairs.any(|(new, old)| !new.is(old)) {
            *file = Arc::new(NewestFile::with_documents(file, joined));
        }
    }
}

fn joined(
    document: &Active,
    path: &Arc<str>,
    materials: &Materials,
    revision: &Arc<str>,
    hands: &mut Hands<'_>,
) -> Active {
    let Active::Runbook(found) = document else {
        return document.clone();
    };
    let digest = digest(&found.runbook, materials);
    if found.runbook.files == digest {
        return document.clone();
    }
    let own = (found.revision == *revision).then(|| found.author.as_ref());
    let origin = Origin {
        revision: Arc::clone(revision),
        author: hands.of_materials(path, &found.runbook.name, digest.as_deref(), own),
        file: Arc::clone(path),
        line: found.line,
    };
    let runbook = Runbook {
        files: digest,
        ..found.runbook.as_ref().clone()
    };
    Active::new(Document::Runbook(Arc::new(runbook)), origin)
}

/// Of everything that the steps name; nothing where they name nothing.
fn digest(runbook: &Runbook, materials: &Materials) -> Option<Box<Digest>> {
    let wanted: BTreeSet<String> = wanted_files(runbook).collect();
    let found: BTreeMap<&String, Option<&str>> = wanted
        .iter()
        .map(|path| {
            (
                path,
                materials.get(path).and_then(|found| found.as_deref().ok()),
            )
        })
        .collect();
    (!found.is_empty()).then(|| Box::new(Digest::of(&found)))
}
