//! A file of the agent's host. The former content stays in `<file>.previous` until the old credential is revoked.

use crate::{
    actions::rotate::{
        delivery::{Brought, Trouble},
        intending::Intending,
        program::check_part,
        scene::{Feed, Scene},
    },
    domain::{
        effect::{Effect, Object, Verb},
        secret::SecretValue,
    },
    ports::{keeping::Access, vault::Kept},
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// A file that holds a part of the credential and nothing else.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct FileTarget {
    /// Absolute. Its folder must exist.
    pub(super) path: PathBuf,
    /// Which part of the credential it holds; the value itself where none is named.
    #[serde(default)]
    pub(super) part: Option<String>,
    /// As chmod takes it. Where nothing is said, it stays as it is; a file that is new gets `0600`.
    #[serde(default)]
    #[schemars(regex(pattern = r"^0?[0-7]{3}$"))]
    pub(super) mode: Option<String>,
    /// Whose it is: a user's name or number. Where nobody is named, it stays whose it is. Only an agent that runs as root can give files
    /// away, and keep those of others.
    #[serde(default)]
    pub(super) user: Option<String>,
    /// A group's name or number. Where none is named, it stays as it is.
    #[serde(default)]
    pub(super) group: Option<String>,
}

/// Of a file that is new, where nothing is said.
const PRIVATE: u32 = 0o600;

impl FileTarget {
    pub(super) fn check(&self, place: &str, parts: &[&str]) -> Result<(), String> {
        if let Some(part) = &self.part {
            check_part(&format!("{place}.part"), part, parts)?;
        }
        let goes_up = self.path.components().any(|part| part.as_os_str() == "..");
        if !self.path.is_absolute() || self.path.file_name().is_none() || goes_up {
            return Err(format!(
                "in `with`, at `{place}.path`: must be the absolute path of a file, without `..`"
            ));
        }
        if let Some(mode) = self.mode.as_deref().filter(|mode| bits(mode).is_none()) {
            return Err(format!(
                "in `with`, at `{place}.mode`: `{mode}` is not a mode\nhint: write it as in `\"0640\"`"
            ));
        }
        Ok(())
    }

    /// What the step says, and for the rest what the file has.
    fn access(&self, there: Option<Access>) -> Access {
        let there = there.unwrap_or(Access {
            mode: PRIVATE,
            user: None,
            group: None,
        });
        Access {
            mode: self.mode.as_deref().and_then(bits).unwrap_or(there.mode),
            user: self.user.clone().or(there.user),
            group: self.group.clone().or(there.group),
        }
    }

    pub(super) fn previous(&self) -> PathBuf {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        self.path.with_file_name(format!("{name}.previous"))
    }

    pub(super) fn intend(&self, doing: &mut Intending) {
        let file = |path: &Path| Object::host("file", &path.display().to_string());
        let undo = "the former content is put back from the file `.previous` beside it";
        doing.effect(Effect::change(Verb::FileWrite, file(&self.path), undo));
        let previous = Effect::change(Verb::FileWrite, file(&self.previous()), "remove it");
        doing.effect(previous);
    }

    /// What is in it now, without a last newline.
    pub(in crate::actions::rotate) async fn current(
        &self,
        scene: &Scene<'_>,
    ) -> Result<Option<SecretValue>, String> {
        let found = scene.world.rotations.keeping.read(&self.path).await?;
        Ok(found.map(|value| SecretValue::new(trimmed(value.expose()).to_owned())))
    }

    pub(super) async fn bring(&self, kept: &Kept, main: &str, scene: &Scene<'_>) -> Brought {
        let keeping = &scene.world.rotations.keeping;
        let Some(new) = Feed::new(kept, main).part(self.part.as_deref()) else {
            return Err(Trouble::Lasting(
                "the new credential has no such part".to_owned(),
            ));
        };
        let (shown, previous) = (self.path.display(), self.previous());
        let there = keeping.read(&self.path).await.map_err(Trouble::Passing)?;
        let found = keeping.access(&self.path).await.map_err(Trouble::Passing)?;
        match (&there, &found) {
            (Some(there), _) if there.expose() == new => {
                return Ok(format!("{shown} holds it already"));
            }
            (Some(there), Some(found)) => {
                // Whose it is stands on disk with it, and so survives a kill.
                let kept = keeping.write(&previous, there.clone(), found);
                kept.await.map_err(Trouble::Passing)?;
            }
            (_, None) | (None, _) => {
                keeping.remove(&previous).await.map_err(Trouble::Passing)?;
            }
        }
        let access = self.access(found);
        let value = SecretValue::new(new.to_owned());
        let written = keeping.write(&self.path, value, &access);
        written.await.map_err(Trouble::Passing)?;
        Ok(format!("{shown} holds it"))
    }

    pub(super) async fn take_back(&self, kept: &Kept, main: &str, scene: &Scene<'_>) -> Brought {
        let keeping = &scene.world.rotations.keeping;
        let (shown, previous) = (self.path.display(), self.previous());
        let new = Feed::new(kept, main).part(self.part.as_deref());
        let there = keeping.read(&self.path).await.map_err(Trouble::Passing)?;
        let is_new = there.as_ref().map(SecretValue::expose) == new && new.is_some();
        let former = keeping.read(&previous).await.map_err(Trouble::Passing)?;
        let note = match (is_new, former) {
            (true, Some(former)) => {
                let access = keeping.access(&previous).await.map_err(Trouble::Passing)?;
                let access = access.unwrap_or_else(|| self.access(None));
                let written = keeping.write(&self.path, former, &access);
                written.await.map_err(Trouble::Passing)?;
                format!("{shown} holds the former one again")
            }
            (true, None) => {
                keeping.remove(&self.path).await.map_err(Trouble::Passing)?;
                format!("{shown} is gone again, as before")
            }
            (false, _) => format!("{shown} does not hold the new one, and stays as it is"),
        };
        keeping.remove(&previous).await.map_err(Trouble::Passing)?;
        Ok(note)
    }

    pub(super) async fn settle(&self, scene: &Scene<'_>) -> Brought {
        let removed = scene.world.rotations.keeping.remove(&self.previous()).await;
        removed.map_err(Trouble::Passing)?;
        Ok(String::new())
    }
}

fn bits(mode: &str) -> Option<u32> {
    let bits = u32::from_str_radix(mode, 8).ok()?;
    ((3..=4).contains(&mode.len()) && bits <= 0o777).then_some(bits)
}

pub(super) fn trimmed(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}
