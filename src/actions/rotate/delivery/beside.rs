//! A Secret that somebody else fills: what it holds is kept beside what is to come, and put back where that is no good.
//!
//! As in all Secrets, the API server itself copies the values, and the agent reads none of them.

use crate::{
    actions::rotate::{
        delivery::{
            Brought, SecretTarget, Trouble,
            note::{Note, data, only_of, previous},
            secret::{TRIES, trouble},
        },
        scene::Scene,
    },
    ports::cluster::ClusterError,
};
use serde_json::json;

impl SecretTarget {
    /// One that somebody else makes, with these keys as far as they are there.
    pub(in crate::actions::rotate) fn filled_by_others(
        cluster: &str,
        namespace: &str,
        name: &str,
        keys: &[&str],
    ) -> Self {
        let itself = |key: &&str| ((*key).to_owned(), (*key).to_owned());
        Self {
            cluster: cluster.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            keys: keys.iter().map(itself).collect(),
            create: false,
            of_type: String::new(),
        }
    }

    /// Keeps what it holds under other keys. Where it is not there, there is nothing to keep.
    pub(in crate::actions::rotate) async fn keep_beside(&self, scene: &Scene<'_>) -> Brought {
        for _ in 0..TRIES {
            let Some(found) = self.look(scene).await? else {
                return Ok(format!("{} was not there", self.named()));
            };
            if self.noted(&found, scene).is_some() {
                return Ok(String::new());
            }
            let note = Note {
                rotation: scene.rotation,
                keys: self.keys.keys().cloned().collect(),
                had: self.keys_there(scene).await?,
                made: false,
            };
            let mut operations = only_of(&found);
            operations.extend(Self::copied_aside(&note.had));
            operations.extend(Self::with_note(&found, &note, scene));
            match self.patch(&operations, false, scene).await {
                Ok(_) => return Ok(String::new()),
                Err(ClusterError::Conflict { .. }) => {}
                Err(error) => return Err(trouble(error)),
            }
        }
        Err(Trouble::Passing(format!("{} keeps changing", self.named())))
    }

    /// Puts back what was kept, which stays kept until [`Self::settle`], so that whoever is cut off in between does it once more. Whether
    /// there was anything to put back.
    pub(in crate::actions::rotate) async fn put_back(
        &self,
        scene: &Scene<'_>,
    ) -> Result<bool, Trouble> {
        for _ in 0..TRIES {
            let Some(found) = self.look(scene).await? else {
                return Ok(false);
            };
            let Some(note) = self.noted(&found, scene) else {
                return Ok(false);
            };
            let there = self.keys_there(scene).await?;
            let mut operations = only_of(&found);
            for key in there.iter().filter(|key| !note.had.contains(key)) {
                operations.push(json!({ "op": "remove", "path": data(key) }));
            }
            for key in &note.had {
                let (kept, own) = (data(&previous(key)), data(key));
                operations.push(json!({ "op": "move", "from": kept, "path": own }));
                operations.push(json!({ "op": "copy", "from": own, "path": kept }));
            }
            match self.patch(&operations, false, scene).await {
                Ok(_) => return Ok(true),
                Err(ClusterError::Conflict { .. }) => {}
                Err(ClusterError::Refused { code: 422, message }) => {
                    return Err(Trouble::Lasting(format!(
                        "{} cannot be put back, because a key that was kept is not there any more: {message}",
                        self.named()
                    )));
                }
                Err(error) => return Err(trouble(error)),
            }
        }
        Err(Trouble::Passing(format!("{} keeps changing", self.named())))
    }

    fn named(&self) -> String {
        format!("secret {}/{}", self.namespace, self.name)
    }
}
