//! What the state folder holds beside the history: the audit key and the first administrator's token.
//!
//! Both are made on the first start, readable by the agent's user alone. Nothing here overwrites: a key that is lost breaks the
//! audit chain, and that must show.

use crate::domain::{
    access::{Role, TokenEntry},
    digest::Digest,
};
use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions, Permissions},
    io::{ErrorKind, Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

/// The state folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{doing} {}: {source}\nhint: the agent's user must own the state folder; name another one with --state-dir", path.display())]
pub struct StateError {
    doing: &'static str,
    path: PathBuf,
    source: std::io::Error,
}

fn error(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> StateError {
    move |source| StateError {
        doing,
        path: path.to_owned(),
        source,
    }
}

/// Makes the folder, for the agent's user alone.
///
/// # Errors
/// It cannot be made.
pub fn prepare(folder: &Path) -> Result<(), StateError> {
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(folder).map_err(error("making the state folder", folder))?;
    std::fs::set_permissions(folder, Permissions::from_mode(0o700))
        .map_err(error("making the state folder", folder))
}

/// The key of the audit chain; made where there is none.
///
/// # Errors
/// It cannot be read or made.
pub fn audit_key(folder: &Path) -> Result<Vec<u8>, StateError> {
    let path = folder.join("audit.key");
    let text = read_or_make(&path, "the audit key")?;
    hex::decode(text.trim()).map_err(|fault| {
        error("reading the audit key", &path)(std::io::Error::new(
            ErrorKind::InvalidData,
            fault.to_string(),
        ))
    })
}

/// Where the first administrator's token is.
pub fn admin_token_path(folder: &Path) -> PathBuf {
    folder.join("admin.token")
}

/// The first administrator: whoever can read this file on the agent's host. Made where there is none.
///
/// # Errors
/// It cannot be read or made.
pub fn admin_token(folder: &Path) -> Result<TokenEntry, StateError> {
    let token = read_or_make(&admin_token_path(folder), "the administrator's token")?;
    Ok(TokenEntry {
        subject: "admin".to_owned(),
        role: Role::Admin,
        groups: BTreeSet::new(),
        sha256: Digest::of_bytes(token.trim().as_bytes()),
    })
}

fn read_or_make(path: &Path, what: &'static str) -> Result<String, StateError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(missing) if missing.kind() == ErrorKind::NotFound => {
            make(path).map_err(error("making", path))
        }
        Err(fault) => Err(error(what, path)(fault)),
    }
}

/// 32 random bytes in hexadecimal, under its name only once it is complete and on disk.
fn make(path: &Path) -> std::io::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|fault| std::io::Error::other(fault.to_string()))?;
    let text = hex::encode(bytes);
    let draft = path.with_extension("new");
    let _absent = std::fs::remove_file(&draft);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    std::fs::rename(&draft, path)?;
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(text)
}

/// The token that a command of this host uses, where its user may read it.
pub fn readable_admin_token(folder: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(admin_token_path(folder))
        .ok()?
        .take(1024)
        .read_to_string(&mut text)
        .ok()?;
    Some(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{admin_token, audit_key, prepare, readable_admin_token};
    use crate::domain::digest::Digest;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn keys_are_made_once_and_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        prepare(&state).unwrap();
        let key = audit_key(&state).unwrap();
        assert_eq!(key.len(), 32);
        assert_eq!(audit_key(&state).unwrap(), key);
        let entry = admin_token(&state).unwrap();
        let token = readable_admin_token(&state).unwrap();
        assert_eq!(entry.sha256, Digest::of_bytes(token.as_bytes()));
        for name in ["audit.key", "admin.token"] {
            let mode = std::fs::metadata(state.join(name))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }
}
