//! What stands in places before a rotation changes them.
//!
//! Here values of Secrets are read, and only here for rotations: that of the key which the step is about to replace, so that the old one
//! can be proven refused; and those that it has written, to be compared with what was written. The former goes into the vault, as the new
//! one does, and is hidden from all that the agent says.

use crate::{
    actions::rotate::{
        delivery::{FileTarget, SecretTarget, Target, note::data, secret::SECRETS},
        intending::{Intending, in_namespace},
        scene::Scene,
    },
    domain::{
        effect::{Effect, Secrets, Verb},
        secret::SecretValue,
    },
    ports::cluster::{ClusterError, Wanted},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

/// What stands in the places of a credential.
#[derive(Debug)]
pub(in crate::actions::rotate) enum Standing {
    /// This value.
    Held(SecretValue),
    /// All were looked at, and none holds one.
    Nothing,
    /// Not all can be looked at.
    Unknown,
}

/// What stands in the first place that can be read and holds this part. The error is for people.
pub(in crate::actions::rotate) async fn standing(
    targets: &[Target],
    part: &str,
    scene: &Scene<'_>,
) -> Result<Standing, String> {
    let mut found = Standing::Nothing;
    for target in targets {
        let held = match (&target.secret, &target.file) {
            (Some(secret), _) => secret.standing(part, scene).await?,
            (None, Some(file)) => file.standing(part, scene).await?,
            (None, None) => Standing::Unknown,
        };
        match held {
            Standing::Held(value) => return Ok(Standing::Held(value)),
            Standing::Nothing => {}
            Standing::Unknown => found = Standing::Unknown,
        }
    }
    Ok(found)
}

/// Whether all of these are files, and nothing stands in any of them. The error is for people.
pub(in crate::actions::rotate) async fn are_empty_files(
    targets: &[Target],
    scene: &Scene<'_>,
) -> Result<bool, String> {
    for target in targets {
        let (None, Some(file)) = (&target.secret, &target.file) else {
            return Ok(false);
        };
        let found = file.current(scene).await?;
        if found.is_some_and(|value| !value.expose().is_empty()) {
            return Ok(false);
        }
    }
    Ok(!targets.is_empty())
}

/// Whether one of these places can be read and is given this part.
pub(in crate::actions::rotate) fn are_readable(targets: &[Target], part: &str) -> bool {
    targets
        .iter()
        .any(|target| match (&target.secret, &target.file) {
            (Some(secret), _) => secret.keys.values().any(|held| held == part),
            (None, Some(file)) => file.holds(part),
            (None, None) => false,
        })
}

/// What is read of places before they are changed. Values go nowhere but into the vault, so nobody learns more than names.
pub(in crate::actions::rotate) fn intend_looks(targets: &[Target], doing: &mut Intending) {
    for secret in targets.iter().filter_map(|target| target.secret.as_ref()) {
        let object = in_namespace(&secret.cluster, "secret", &secret.namespace, &secret.name);
        doing.effect(Effect {
            secrets: Secrets::Names,
            ..Effect::read(Verb::Read, object)
        });
    }
}

impl SecretTarget {
    /// With its values; nothing where it is not there.
    pub(super) async fn whole(&self, scene: &Scene<'_>) -> Result<Option<Value>, ClusterError> {
        let (resource, wanted) = (SECRETS.resource(), Wanted::Named(&self.name));
        let clusters = &scene.world.clusters;
        let asked = clusters.kept_whole(&self.cluster, &resource, Some(&self.namespace), wanted);
        match asked.await {
            Ok(page) => Ok(page.objects.into_iter().next()),
            Err(ClusterError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn standing(&self, part: &str, scene: &Scene<'_>) -> Result<Standing, String> {
        let Some((key, _)) = self.keys.iter().find(|(_, held)| *held == part) else {
            return Ok(Standing::Unknown);
        };
        let object = self.whole(scene).await;
        let object = object.map_err(|error| format!("{self}: {error}"))?;
        let value = object.as_ref();
        let value = value.and_then(|object| object.pointer(&data(key))?.as_str());
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            return Ok(Standing::Nothing);
        };
        // What is no text was not made here, and cannot be handed to a trial.
        let bytes = STANDARD.decode(value).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(text.map_or(Standing::Unknown, |text| {
            Standing::Held(SecretValue::new(text))
        }))
    }
}

impl FileTarget {
    fn holds(&self, part: &str) -> bool {
        self.part.as_deref().is_none_or(|held| held == part)
    }

    async fn standing(&self, part: &str, scene: &Scene<'_>) -> Result<Standing, String> {
        if !self.holds(part) {
            return Ok(Standing::Unknown);
        }
        let found = self.current(scene).await?;
        let found = found.filter(|value| !value.expose().is_empty());
        Ok(found.map_or(Standing::Nothing, Standing::Held))
    }
}
