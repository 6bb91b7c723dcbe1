//! Files of this machine that hold secrets for others.

use super::{
    LocalHost,
    replace::{Owner, is_plain, remove, replace},
};
use crate::{
    domain::secret::SecretValue,
    ports::{
        BoxFuture,
        keeping::{Access, Keeping},
    },
};
use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// The longest file that is read: what is larger is hardly a secret.
const LONGEST: u64 = 1024 * 1024;

impl Keeping for LocalHost {
    fn read<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, Result<Option<SecretValue>, String>> {
        let path = path.to_owned();
        apart("reading", path, read)
    }
    fn access<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, Result<Option<Access>, String>> {
        apart("looking at", path.to_owned(), access)
    }
    fn write<'a>(
        &'a self,
        path: &'a Path,
        value: SecretValue,
        access: &'a Access,
    ) -> BoxFuture<'a, Result<(), String>> {
        let access = access.clone();
        apart("writing", path.to_owned(), move |path| {
            let owner = owner(&access).map_err(io::Error::other)?;
            replace(path, value.expose().as_bytes(), access.mode, owner)
        })
    }
    fn remove<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, Result<(), String>> {
        apart("removing", path.to_owned(), remove)
    }
}

/// Off the async threads: a disk may be slow.
fn apart<T: Send + 'static>(
    doing: &'static str,
    path: PathBuf,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> BoxFuture<'static, Result<T, String>> {
    Box::pin(async move {
        let shown = path.display().to_string();
        let done = tokio::task::spawn_blocking(move || work(&path)).await;
        let done = done.map_err(|error| format!("{doing} {shown}: {error}"))?;
        done.map_err(|error| format!("{doing} {shown}: {error}"))
    })
}

fn read(path: &Path) -> io::Result<Option<SecretValue>> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    is_plain(&found)?;
    if found.len() > LONGEST {
        return Err(io::Error::other("it holds more than 1 MiB"));
    }
    let bytes = fs::read(path)?;
    let text = String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8"))?;
    Ok(Some(SecretValue::new(text)))
}

fn access(path: &Path) -> io::Result<Option<Access>> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(Access {
            mode: found.mode() & 0o7777,
            user: Some(found.uid().to_string()),
            group: Some(found.gid().to_string()),
        })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn owner(access: &Access) -> Result<Owner, String> {
    let number = |name: &Option<String>, file: &str| {
        name.as_ref().map(|name| number(name, file)).transpose()
    };
    Ok(Owner {
        user: number(&access.user, "/etc/passwd")?,
        group: number(&access.group, "/etc/group")?,
    })
}

/// passwd(5) and group(5): the name comes first, the number third.
fn number(name: &str, file: &str) -> Result<u32, String> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let known = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let found = known.lines().find_map(|line| {
        let mut fields = line.split(':');
        let is_it = fields.next() == Some(name);
        is_it.then(|| fields.nth(1)?.parse().ok())?
    });
    found.ok_or_else(|| format!("there is no `{name}` in {file}"))
}

#[cfg(test)]
mod tests {
    use super::LocalHost;
    use crate::{
        domain::secret::SecretValue,
        ports::keeping::{Access, Keeping as _},
    };
    use std::{fs, os::unix::fs::PermissionsExt as _};

    fn access() -> Access {
        Access {
            mode: 0o640,
            user: None,
            group: None,
        }
    }

    #[tokio::test]
    async fn a_file_is_replaced_whole_with_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        assert!(LocalHost.read(&path).await.unwrap().is_none());
        for text in ["one", "another"] {
            // What a kill has left is no hindrance.
            fs::write(folder.path().join(".password.orderly-new"), "half").unwrap();
            let value = SecretValue::new(text.to_owned());
            LocalHost.write(&path, value, &access()).await.unwrap();
            let read = LocalHost.read(&path).await.unwrap().unwrap();
            assert_eq!(read.expose(), text);
        }
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        LocalHost.remove(&path).await.unwrap();
        LocalHost.remove(&path).await.unwrap();
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_is_no_regular_file_is_left_alone_and_an_unknown_owner_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let value = || SecretValue::new("s3cret".to_owned());
        let error = LocalHost.write(folder.path(), value(), &access()).await;
        assert!(error.unwrap_err().contains("no regular file"));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/nowhere", &link).unwrap();
        let written = LocalHost
            .write(&link, value(), &access())
            .await
            .unwrap_err();
        for told in [LocalHost.read(&link).await.unwrap_err(), written] {
            assert!(
                told.ends_with("\nhint: name the file that it leads to"),
                "{told}"
            );
        }
        fs::remove_file(link).unwrap();
        let access = Access {
            user: Some("nobody-here".to_owned()),
            ..access()
        };
        let path = folder.path().join("password");
        let error = LocalHost.write(&path, value(), &access).await.unwrap_err();
        assert!(error.contains("no `nobody-here`") && !error.contains("s3cret"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
