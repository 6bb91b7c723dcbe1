//! Whether places hold the new credential still: somebody else may write there too, as GitOps does.

use crate::{
    actions::rotate::{
        delivery::{FileTarget, SecretTarget, Target, file::trimmed, note::data},
        scene::{Feed, Scene},
    },
    domain::secret::SecretValue,
    ports::vault::Kept,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// The first place that was read and does not hold the new one; places that only a program reaches are not looked at. Errors are for
/// people.
pub(in crate::actions::rotate) async fn overwritten(
    targets: &[Target],
    kept: &Kept,
    main: &str,
    scene: &Scene<'_>,
) -> Result<Option<String>, String> {
    let feed = Feed::new(kept, main);
    for target in targets {
        let holds = match (&target.secret, &target.file) {
            (Some(secret), _) => secret.holds_all(&feed, scene).await,
            (None, Some(file)) => file.holds_it(&feed, scene).await,
            (None, None) => Ok(true),
        };
        let holds = holds.map_err(|why| format!("{}: {why}", target.place()))?;
        if !holds {
            return Ok(Some(target.place()));
        }
    }
    Ok(None)
}

impl SecretTarget {
    async fn holds_all(&self, feed: &Feed<'_>, scene: &Scene<'_>) -> Result<bool, String> {
        let object = self.whole(scene).await;
        let Some(object) = object.map_err(|error| error.to_string())? else {
            return Ok(false);
        };
        Ok(self.keys.iter().all(|(key, part)| {
            let held = object.pointer(&data(key)).and_then(|value| value.as_str());
            let held = held.and_then(|text| STANDARD.decode(text).ok());
            let new = feed.part(Some(part)).map(str::as_bytes);
            held.as_deref() == new
        }))
    }
}

impl FileTarget {
    async fn holds_it(&self, feed: &Feed<'_>, scene: &Scene<'_>) -> Result<bool, String> {
        // An editor may have ended its last line.
        let held = self.current(scene).await?;
        let new = feed.part(self.part.as_deref()).map(trimmed);
        Ok(held.as_ref().map(SecretValue::expose) == new)
    }
}
