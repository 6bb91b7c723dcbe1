//! Where a credential is brought, and how it gets back.
//!
//! Invariants
//! - Each place says by itself whether it holds the new credential already, so that bringing it twice is the same as once, and taking
//!   back what was never brought changes nothing.
//! - What was there before stays beside it until the old credential is revoked, and is what is put back.

mod beside;
mod file;
mod held;
mod note;
mod secret;
mod standing;

pub(crate) use file::FileTarget;
pub(super) use held::overwritten;
pub(crate) use secret::SecretTarget;
pub(super) use standing::{Standing, are_empty_files, are_readable, intend_looks, standing};

use crate::{
    actions::{
        framework::Given,
        rotate::{
            intending::Intending,
            program::ProgramOf,
            scene::{Feed, Scene, done, failed},
        },
    },
    domain::{right::Rights, rotation::Outcome},
    ports::{executor::StepContext, vault::Kept},
};
use schemars::JsonSchema;
use serde::Deserialize;

/// A place that gets the new credential. Exactly one of `secret`, `file` and `command` is given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Target {
    /// Keys of a Kubernetes Secret.
    #[serde(default)]
    pub(super) secret: Option<SecretTarget>,
    /// A file of the agent's host.
    #[serde(default)]
    pub(super) file: Option<FileTarget>,
    /// A program that takes the new credential on its standard input, and another one that puts the former one back.
    #[serde(default)]
    pub(super) command: Option<CommandTarget>,
}

/// A program that brings the credential somewhere.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CommandTarget {
    /// Gets the new credential. It may run twice for the same one.
    pub(super) bring: ProgramOf,
    /// Puts the former one back where the rotation fails. It may run where nothing was brought. Its standard input gets the old
    /// credential, where the agent knows it by `current`.
    pub(super) undo: ProgramOf,
}

/// What became of a place. Errors are for people.
pub(super) type Brought = Result<String, Trouble>;

/// Why a place is not as it should be.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Trying again may help.
    Passing(String),
    /// Only a person can help.
    Lasting(String),
}

impl Target {
    pub(super) fn check(&self, place: &str, parts: &[&str]) -> Result<(), String> {
        match (&self.secret, &self.file, &self.command) {
            (Some(secret), None, None) => secret.check(&format!("{place}.secret"), parts),
            (None, Some(file), None) => file.check(&format!("{place}.file"), parts),
            (None, None, Some(command)) => {
                command
                    .bring
                    .check(&format!("{place}.command.bring"), parts)?;
                command.undo.check(&format!("{place}.command.undo"), parts)
            }
            _ => Err(format!(
                "in `with`, at `{place}`: give exactly one of `secret`, `file` and `command`"
            )),
        }
    }

    /// Whether both write the same file or Secret, so that one would undo or pass over what the other has done.
    pub(super) fn is_where(&self, other: &Self) -> bool {
        let secret = |target: &Self| {
            let secret = target.secret.as_ref()?;
            Some((
                secret.cluster.clone(),
                secret.namespace.clone(),
                secret.name.clone(),
            ))
        };
        let file = |target: &Self| target.file.as_ref().map(|file| file.path.clone());
        let beside = |target: &Self| target.file.as_ref().map(FileTarget::previous);
        let (own, its) = (file(self), file(other));
        (secret(self).is_some() && secret(self) == secret(other))
            || (own.is_some() && (own == its || own == beside(other) || beside(self) == its))
    }

    /// Whether it gets this part, which is not the main one, or is a program, of which nobody knows what it does.
    pub(super) fn takes(&self, part: &str) -> bool {
        let secret = self.secret.as_ref();
        let file = self.file.as_ref().and_then(|file| file.part.as_deref());
        secret.is_some_and(|secret| secret.keys.values().any(|held| held == part))
            || file == Some(part)
            || self.command.is_some()
    }

    /// For people; the same as long as the place is.
    pub(super) fn place(&self) -> String {
        match (&self.secret, &self.file, &self.command) {
            (Some(secret), ..) => secret.to_string(),
            (_, Some(file), _) => format!("file {}", file.path.display()),
            (.., Some(command)) => format!("`{}`", command.bring.name()),
            (None, None, None) => String::new(),
        }
    }

    pub(super) fn intend(
        &self,
        doing: &mut Intending,
        context: &StepContext,
        given: &Given<'_>,
    ) -> Result<(), String> {
        if let Some(secret) = &self.secret {
            secret.intend(doing);
        }
        if let Some(file) = &self.file {
            file.intend(doing);
        }
        if let Some(command) = &self.command {
            doing.with(command.bring.intend(context, given)?);
            doing.with(command.undo.intend(context, given)?);
        }
        Ok(())
    }

    pub(super) fn rights(&self) -> Rights {
        let secret = self.secret.as_ref();
        secret.map(SecretTarget::rights).unwrap_or_default()
    }

    async fn bring(&self, kept: &Kept, main: &str, scene: &Scene<'_>) -> Brought {
        if let Some(secret) = &self.secret {
            return secret.bring(kept, main, scene).await;
        }
        if let Some(file) = &self.file {
            return file.bring(kept, main, scene).await;
        }
        match &self.command {
            Some(command) => of_program(&command.bring, &Feed::new(kept, main), scene).await,
            None => Ok(String::new()),
        }
    }

    async fn take_back(&self, kept: &Kept, main: &str, scene: &Scene<'_>) -> Brought {
        if let Some(secret) = &self.secret {
            return secret.take_back(scene).await;
        }
        if let Some(file) = &self.file {
            return file.take_back(kept, main, scene).await;
        }
        match &self.command {
            Some(command) => of_program(&command.undo, &Feed::old(kept, main), scene).await,
            None => Ok(String::new()),
        }
    }

    /// What was there before goes.
    async fn settle(&self, scene: &Scene<'_>) -> Brought {
        if let Some(secret) = &self.secret {
            return secret.settle(scene).await;
        }
        if let Some(file) = &self.file {
            return file.settle(scene).await;
        }
        Ok(String::new())
    }
}

async fn of_program(program: &ProgramOf, feed: &Feed<'_>, scene: &Scene<'_>) -> Brought {
    let ran = program.run(feed, scene).await;
    if ran.well {
        Ok(ran.note)
    } else {
        Err(Trouble::Passing(ran.note))
    }
}

/// The new credential is brought everywhere, place after place.
pub(super) async fn bring(
    targets: &[Target],
    kept: &Kept,
    main: &str,
    scene: &Scene<'_>,
) -> Outcome {
    let mut notes = Vec::new();
    for target in targets {
        match target.bring(kept, main, scene).await {
            Ok(note) => notes.push(note),
            Err(Trouble::Passing(why) | Trouble::Lasting(why)) => {
                return failed(format!("{}: {why}", target.place()));
            }
        }
    }
    done(notes.join("; "))
}

/// The former one is put back everywhere. One place that cannot be helped does not keep the others from it.
pub(super) async fn take_back(
    targets: &[Target],
    kept: &Kept,
    main: &str,
    scene: &Scene<'_>,
) -> Outcome {
    let (mut notes, mut passing, mut lasting) = (Vec::new(), Vec::new(), Vec::new());
    for target in targets {
        match target.take_back(kept, main, scene).await {
            Ok(note) => notes.push(note),
            Err(Trouble::Passing(why)) => passing.push(format!("{}: {why}", target.place())),
            Err(Trouble::Lasting(why)) => lasting.push(format!("{}: {why}", target.place())),
        }
    }
    match (passing.is_empty(), lasting.is_empty()) {
        (true, true) => done(notes.join("; ")),
        (false, _) => failed([passing, lasting].concat().join("; ")),
        (true, false) => Outcome::Hopeless {
            note: lasting.join("; "),
        },
    }
}

/// What was kept of the former one beside the new one goes. The error is for people.
pub(super) async fn settle(targets: &[Target], scene: &Scene<'_>) -> Result<(), String> {
    for target in targets {
        match target.settle(scene).await {
            Ok(_) => {}
            Err(Trouble::Passing(why) | Trouble::Lasting(why)) => {
                return Err(format!("{}: {why}", target.place()));
            }
        }
    }
    Ok(())
}
