//! `backup/files`.

use crate::{
    actions::{
        backup::{
            ArtifactKind, BackupOutputs, Keep, check_path, intent, reads, report::report_doubted,
        },
        framework::{Action, World},
    },
    domain::{name::ArtifactName, run::StepReport},
    ports::{
        BoxFuture,
        archive::Stored,
        executor::{Intent, Session, StepContext},
    },
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

const EMPTY: &str =
    "it holds only folders and empty files; where that is well, say `mayBeEmpty: true`";

/// Keeps files and folders in a compressed tar.
#[derive(Debug, Clone, Copy)]
pub struct BackupFiles;

/// What `backup/files` is told.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FilesInputs {
    /// The name of the backup: the first part of the artifact's file name.
    #[schemars(
        with = "String",
        regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
    )]
    pub name: ArtifactName,
    /// Files and folders, by their paths as they are: no `~`, no patterns. Symbolic links are kept as links, never followed. A relative
    /// path is taken from the agent's state folder.
    #[schemars(length(min = 1, max = 1000))]
    pub paths: Vec<String>,
    /// What is left out: `*` and `?` stand for characters of a name, `**` for any folders. A pattern without `/` is for names at any
    /// depth, one that starts with `/` for whole paths, any other for the end of a path.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    pub exclude: Vec<String>,
    /// Whether it is well that there are only folders and empty files. Without it, such a backup is doubted.
    #[serde(default)]
    pub may_be_empty: bool,
    /// How it is kept.
    #[serde(default)]
    pub keep: Keep,
}

impl Action for BackupFiles {
    type Inputs = FilesInputs;
    type Outputs = BackupOutputs;
    const NAME: &'static str = "backup/files";
    const SUMMARY: &'static str =
        "Keeps files and folders of the agent's host in a compressed, checksummed archive.";

    fn validate(&self, inputs: &FilesInputs) -> Result<(), String> {
        if inputs.paths.is_empty() {
            return Err("in `with`, at `paths`: name at least one file or folder".to_owned());
        }
        inputs.keep.check(None)?;
        for (index, path) in inputs.paths.iter().enumerate() {
            let checked = check_path(path).and_then(|()| as_it_is(path));
            checked.map_err(|error| format!("in `with`, at `paths[{index}]`: {error}"))?;
        }
        Ok(())
    }

    fn intend(&self, inputs: &FilesInputs, _: &StepContext) -> Result<Intent, String> {
        Ok(intent(
            &inputs.name,
            inputs.paths.iter().map(|path| reads(path)),
        ))
    }

    fn seals(&self, inputs: &FilesInputs) -> bool {
        inputs.keep.seals(false)
    }

    fn execute<'a>(
        &'a self,
        inputs: FilesInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            let paths: Vec<PathBuf> = inputs.paths.iter().map(PathBuf::from).collect();
            let label = inputs
                .keep
                .label(&inputs.name, false, &session.context, world)
                .await;
            let stop = session.stop.clone();
            let stored = world
                .archive
                .files(&label, &paths, &inputs.exclude, stop)
                .await;
            let is_empty = |stored: &Stored| stored.content == 0;
            let doubt = match &stored {
                Ok(stored) if is_empty(stored) && !inputs.may_be_empty => Some(EMPTY.to_owned()),
                Ok(_) | Err(_) => None,
            };
            let kept = (&inputs.keep, &label);
            report_doubted(ArtifactKind::Files, kept, stored, doubt, world).await
        })
    }
}

/// No shell reads a path: what one would replace in it is almost never a part of a name.
fn as_it_is(path: &str) -> Result<(), String> {
    if path.starts_with('~') {
        return Err(format!(
            "the path `{path}` begins with `~`, and paths are taken as they are\nhint: write the home folder out, as in `/home/ann`"
        ));
    }
    if path.contains(['*', '?']) {
        return Err(format!(
            "the path `{path}` holds a pattern, and paths are taken as they are\nhint: name the folder that they are in, and leave out the others of it by `exclude`"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::as_it_is;

    #[test]
    fn what_a_shell_would_replace_is_no_path() {
        for path in ["/srv/shop", "/srv/a~b", "history.db", "/srv/app/[slug]"] {
            assert_eq!(as_it_is(path), Ok(()), "{path}");
        }
        for (path, hint) in [
            ("~/docs", "hint: write the home folder out"),
            ("~ann", "hint: write the home folder out"),
            ("/srv/*.txt", "hint: name the folder that they are in"),
            ("/srv/shop?", "hint: name the folder that they are in"),
        ] {
            let why = as_it_is(path).unwrap_err();
            assert!(why.contains(hint), "{why}");
        }
    }
}
