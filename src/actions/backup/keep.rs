//! How an artifact is kept, and whether it is plausible: what all backups are told alike.

use crate::{
    actions::framework::{World, size::Size},
    domain::{
        effect::{Effect, Effects, Object, Verb},
        name::{ArtifactName, StoreName},
    },
    ports::{
        archive::{Encrypt, Label, Stored},
        executor::{Intent, StepContext},
        shelf::Known,
    },
};
use schemars::JsonSchema;
use serde::Deserialize;

/// How an artifact is kept.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Keep {
    /// The store that it goes to, by its name in the agent's configuration; `disk` is the agent's state folder. The configured one where
    /// none is named.
    #[schemars(with = "Option<String>")]
    pub store: Option<StoreName>,
    /// Whether it is encrypted to the recipients that the agent's configuration names. Without this, it is where there are any, and where the
    /// one before it is; and what may hold secrets is never kept in the clear.
    pub encrypt: Option<bool>,
    /// The backup fails if it has less bytes, before compression.
    #[schemars(with = "Option<String>")]
    pub min_bytes: Option<Size>,
    /// The backup fails if it has more bytes, before compression.
    #[schemars(with = "Option<String>")]
    pub max_bytes: Option<Size>,
    /// A backup smaller than this part of the sound one before it (0.5 where nothing is said) is a warning, and nothing of its series is
    /// pruned until a person accepts it; 0 looks at no former one.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub shrink: Option<f64>,
}

/// The part of the former size below which a backup is doubted.
const SHRINK: f64 = 0.5;

/// What a comparison with bounds and with former backups says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::actions) enum Plausible {
    Yes,
    /// Kept, and a warning.
    Doubtful(String),
    /// Kept, and a failure.
    No(String),
}

impl Keep {
    /// What can be said before anything runs. `may_hold_secrets` says why a source may hold some.
    pub(in crate::actions) fn check(&self, may_hold_secrets: Option<&str>) -> Result<(), String> {
        if let (Some(why), Some(false)) = (may_hold_secrets, self.encrypt) {
            return Err(format!(
                "in `with`, at `keep.encrypt`: {why}, so it is never kept in the clear\nhint: leave `encrypt` out, and name public keys of age in the agent's configuration (`artifacts.recipients`)"
            ));
        }
        if self.shrink.is_some_and(|part| !(0.0..=1.0).contains(&part)) {
            return Err("in `with`, at `keep.shrink`: must be from 0 to 1".to_owned());
        }
        match (self.min_bytes, self.max_bytes) {
            (Some(least), Some(most)) if least.0 > most.0 => {
                Err("in `with`, at `keep`: `minBytes` is more than `maxBytes`".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn encryption(&self, may_hold_secrets: bool) -> Encrypt {
        match self.encrypt {
            Some(true) => Encrypt::Always,
            Some(false) => Encrypt::Never,
            None if may_hold_secrets => Encrypt::Always,
            None => Encrypt::AsConfigured,
        }
    }

    /// Whether it is encrypted whatever the configuration says.
    pub(in crate::actions) fn seals(&self, may_hold_secrets: bool) -> bool {
        self.encryption(may_hold_secrets) == Encrypt::Always
    }

    /// The label of an artifact that is kept like this. A series that is encrypted stays so, unless the step says otherwise: a recipient
    /// that went missing in the configuration opens nothing.
    pub(in crate::actions) async fn label(
        &self,
        name: &ArtifactName,
        may_hold_secrets: bool,
        context: &StepContext,
        world: &World,
    ) -> Label {
        let mut encrypt = self.encryption(may_hold_secrets);
        if encrypt == Encrypt::AsConfigured {
            let series = world.shelf.series(&context.runbook, name).await;
            let before = series.ok().and_then(|series| series.into_iter().next());
            if before.is_some_and(|before| before.encrypted) {
                encrypt = Encrypt::AsBefore;
            }
        }
        Label {
            name: name.clone(),
            runbook: context.runbook.clone(),
            revision: context.revision.clone(),
            run: context.run,
            store: self.store.clone(),
            encrypt,
        }
    }

    /// Compares what was stored with its bounds, and with the newest sound one of its series.
    pub(in crate::actions) async fn judge(
        &self,
        label: &Label,
        stored: &Stored,
        world: &World,
    ) -> Plausible {
        let bytes = stored.raw_size;
        let outside = match (self.min_bytes, self.max_bytes) {
            _ if bytes == 0 => Some("it is empty".to_owned()),
            (Some(least), _) if bytes < least.0 => Some(format!(
                "it has {bytes} bytes, and at least {} were expected",
                least.0
            )),
            (_, Some(most)) if bytes > most.0 => Some(format!(
                "it has {bytes} bytes, and at most {} were expected",
                most.0
            )),
            _ => None,
        };
        if let Some(why) = outside {
            return Plausible::No(why);
        }
        match world.shelf.series(&label.runbook, &label.name).await {
            Ok(former) => shrunk(bytes, &former, self.shrink.unwrap_or(SHRINK)),
            Err(why) => {
                Plausible::Doubtful(format!("it could not be compared with earlier ones: {why}"))
            }
        }
    }
}

/// Newest first. One that is itself doubted or damaged is no measure.
#[expect(
    clippy::cast_precision_loss,
    reason = "a part of a size need not be exact"
)]
fn shrunk(bytes: u64, former: &[Known], part: f64) -> Plausible {
    let measure = former
        .iter()
        .find(|known| known.doubt.is_none() && known.unsound.is_none());
    let Some(measure) = measure else {
        return Plausible::Yes;
    };
    if bytes as f64 >= measure.raw_size as f64 * part {
        return Plausible::Yes;
    }
    Plausible::Doubtful(format!(
        "it has {bytes} bytes, less than {part} of the {} that the sound one of {} has; nothing of its series is pruned until `orderly artifacts accept` says that this is right",
        measure.raw_size, measure.at
    ))
}

/// A new artifact, and reads of its sources. A backup that was cut off by a crash leaves nothing, so it is simply made again.
pub(in crate::actions) fn intent(
    name: &ArtifactName,
    sources: impl Iterator<Item = Effect>,
) -> Intent {
    Intent {
        effects: Effects::exact(std::iter::once(made(name)).chain(sources).collect()),
        idempotent: true,
        wants_approval: None,
        pinned: crate::domain::pinned::Pinned::default(),
    }
}

/// A new artifact.
pub(in crate::actions) fn made(name: &ArtifactName) -> Effect {
    let artifact = Object::agent("artifact", name.as_str());
    Effect::change(Verb::Create, artifact, "delete the artifact")
}

#[cfg(test)]
mod tests {
    use super::{Keep, Plausible, shrunk};
    use crate::{
        domain::{artifact::Location, digest::Digest, id::ArtifactId, name::RunbookName},
        ports::shelf::Known,
    };
    use jiff::Timestamp;
    use serde_json::json;

    fn known(raw_size: u64, doubt: Option<&str>) -> Known {
        Known {
            id: ArtifactId::new(Timestamp::UNIX_EPOCH, [1; 10]),
            runbook: RunbookName::new("nightly").unwrap(),
            name: "db".into(),
            kind: "postgres".into(),
            location: Location::parse("/x"),
            encrypted: false,
            size: 1,
            raw_size,
            sha256: Digest::of_bytes(b"x"),
            entries: 1,
            at: Timestamp::UNIX_EPOCH,
            verified: None,
            restored_in: None,
            unsound: None,
            doubt: doubt.map(str::to_owned),
        }
    }
    fn is_doubtful(plausible: &Plausible) -> bool {
        matches!(plausible, Plausible::Doubtful(_))
    }

    #[test]
    fn a_backup_is_compared_with_the_newest_that_is_not_doubted_itself() {
        let former = [known(10, Some("shrunk")), known(1000, None), known(1, None)];
        assert!(is_doubtful(&shrunk(499, &former, 0.5)));
        assert_eq!(shrunk(500, &former, 0.5), Plausible::Yes);
        assert_eq!(shrunk(1, &former, 0.0), Plausible::Yes);
        assert_eq!(shrunk(1, &[], 0.5), Plausible::Yes);
    }

    #[test]
    fn what_may_hold_secrets_is_never_kept_in_the_clear() {
        let keep: Keep = serde_json::from_value(json!({ "encrypt": false })).unwrap();
        assert_eq!(keep.check(None), Ok(()));
        let error = keep.check(Some("it holds Secrets")).unwrap_err();
        assert!(error.contains("never kept in the clear"), "{error}");
        assert_eq!(Keep::default().check(Some("it holds Secrets")), Ok(()));
    }
}
