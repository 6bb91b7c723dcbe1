//! Values of rotations that go on, in the agent's state folder: `rotations/<credential>.json`, from the moment the new credential is made
//! until the rotation has ended.
//!
//! What this protects against: other users of the host (folder 0700, files 0600), a kill or a power failure at any moment (a file is
//! written beside, synced and renamed), and copies in places of lesser trust: no value is in the history, in logs, metrics, prompts or
//! on command lines. What it does not: root, and whoever can read the agent's state folder or a copy of its disk, as is so with the
//! agent's other keys there. Nothing is encrypted, because the key would lie beside it. A removed file may leave traces on the disk;
//! where that matters, the state folder belongs on an encrypted one.

use crate::{
    adapters::host::replace::{Owner, remove, replace},
    domain::{id::RotationId, name::CredentialName, secret::SecretValue},
    ports::{
        BoxFuture,
        secrets::Issued,
        vault::{Kept, Parts, Vault, VaultError},
    },
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The folder of such files.
#[derive(Debug)]
pub struct FileVault {
    folder: PathBuf,
    issued: Arc<Issued>,
}

#[derive(Serialize, Deserialize)]
struct Written {
    rotation: RotationId,
    new: BTreeMap<String, String>,
    old: BTreeMap<String, String>,
    facts: BTreeMap<String, String>,
    former: BTreeMap<String, String>,
    expires_at: Option<Timestamp>,
}

impl FileVault {
    /// Opens the folder, makes it where it is not there, and hides all that is in it from what the agent says.
    ///
    /// # Errors
    /// The folder cannot be made or read. A file in it that cannot be read shows when its rotation goes on.
    pub fn open(folder: PathBuf, issued: Arc<Issued>) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)?;
        let vault = Self { folder, issued };
        for entry in fs::read_dir(&vault.folder)? {
            if let Ok(Some(kept)) = read(&entry?.path()) {
                vault.hide_all(&kept);
            }
        }
        Ok(vault)
    }

    fn place(&self, name: &CredentialName) -> PathBuf {
        self.folder.join(format!("{name}.json"))
    }

    fn hide_all(&self, kept: &Kept) {
        for value in kept.new.values().chain(kept.old.values()) {
            self.issued.hide(value);
        }
    }
}

impl Vault for FileVault {
    fn keep<'a>(
        &'a self,
        name: &'a CredentialName,
        kept: Kept,
    ) -> BoxFuture<'a, Result<(), VaultError>> {
        self.hide_all(&kept);
        let path = self.place(name);
        apart("keeping the new credential in", path, move |path| {
            let text = serde_json::to_vec(&Written::from(kept))?;
            replace(path, &text, 0o600, Owner::default())
        })
    }
    fn look<'a>(
        &'a self,
        name: &'a CredentialName,
    ) -> BoxFuture<'a, Result<Option<Kept>, VaultError>> {
        Box::pin(async move {
            let doing = "reading the credentials kept in";
            let kept = apart(doing, self.place(name), read).await?;
            if let Some(kept) = &kept {
                self.hide_all(kept);
            }
            Ok(kept)
        })
    }
    fn forget<'a>(&'a self, name: &'a CredentialName) -> BoxFuture<'a, Result<(), VaultError>> {
        apart("removing", self.place(name), remove)
    }
    fn hide(&self, value: &SecretValue) {
        self.issued.hide(value);
    }
}

fn read(path: &Path) -> io::Result<Option<Kept>> {
    match fs::read(path) {
        Ok(bytes) => {
            // The parser's own words would show what it has read.
            let written: Written = serde_json::from_slice(&bytes)
                .map_err(|error| io::Error::other(format!("damaged at byte {}", error.column())))?;
            Ok(Some(written.into()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn apart<T: Send + 'static>(
    doing: &'static str,
    path: PathBuf,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> BoxFuture<'static, Result<T, VaultError>> {
    Box::pin(async move {
        let place = path.display().to_string();
        let failed = |reason: String| VaultError {
            doing,
            place,
            reason,
        };
        match tokio::task::spawn_blocking(move || work(&path)).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(error) => Err(failed(error.to_string())),
        }
    })
}

impl From<Kept> for Written {
    fn from(kept: Kept) -> Self {
        let shown = |parts: Parts| {
            let each = parts.into_iter();
            each.map(|(name, value)| (name, value.expose().to_owned()))
                .collect()
        };
        Self {
            rotation: kept.rotation,
            new: shown(kept.new),
            old: shown(kept.old),
            facts: kept.facts,
            former: kept.former,
            expires_at: kept.expires_at,
        }
    }
}

impl From<Written> for Kept {
    fn from(written: Written) -> Self {
        let taken = |parts: BTreeMap<String, String>| {
            let each = parts.into_iter();
            each.map(|(name, value)| (name, SecretValue::new(value)))
                .collect()
        };
        Self {
            rotation: written.rotation,
            new: taken(written.new),
            old: taken(written.old),
            facts: written.facts,
            former: written.former,
            expires_at: written.expires_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::FileVault;
    use crate::{
        domain::{id::RotationId, name::CredentialName, secret::SecretValue},
        ports::{
            secrets::Issued,
            vault::{Kept, Vault as _},
        },
    };
    use jiff::Timestamp;
    use std::{fs, os::unix::fs::PermissionsExt as _, sync::Arc};

    fn kept() -> Kept {
        let value = |text: &str| SecretValue::new(text.to_owned());
        Kept {
            rotation: RotationId::new(Timestamp::UNIX_EPOCH, [3; 10]),
            new: [("value".to_owned(), value("the new one"))].into(),
            old: [("value".to_owned(), value("the old one"))].into(),
            facts: [("id".to_owned(), "key-7".to_owned())].into(),
            former: [].into(),
            expires_at: None,
        }
    }

    #[tokio::test]
    async fn what_is_kept_survives_a_restart_hidden_and_for_the_agent_alone() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("rotations");
        let name = CredentialName::new("db").unwrap();
        let vault = FileVault::open(place.clone(), Arc::default()).unwrap();
        vault.keep(&name, kept()).await.unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(place.clone()), 0o700);
        assert_eq!(mode(place.join("db.json")), 0o600);

        let issued = Arc::new(Issued::default());
        let vault = FileVault::open(place.clone(), issued.clone()).unwrap();
        let hidden: Vec<_> = issued.all().iter().map(|v| v.expose().to_owned()).collect();
        assert_eq!(hidden, ["the new one", "the old one"]);
        let found = vault.look(&name).await.unwrap().unwrap();
        assert_eq!(found.new["value"].expose(), "the new one");
        assert_eq!(found.facts["id"], "key-7");
        vault.forget(&name).await.unwrap();
        vault.forget(&name).await.unwrap();
        assert!(vault.look(&name).await.unwrap().is_none());
        assert_eq!(fs::read_dir(place).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_damaged_file_is_told_without_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let name = CredentialName::new("db").unwrap();
        fs::write(folder.path().join("db.json"), r#"{"new":{"value":"s3cret""#).unwrap();
        let vault = FileVault::open(folder.path().to_owned(), Arc::default()).unwrap();
        let error = vault.look(&name).await.unwrap_err().to_string();
        assert!(
            error.contains("damaged") && !error.contains("s3cret"),
            "{error}"
        );
    }
}
