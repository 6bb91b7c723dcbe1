//! A trial restore of a snapshot.
//!
//! Its state is read, and it is restored into a folder of the scratch space: only a restore compares the digest that etcd puts at a
//! snapshot's end.

use crate::{
    actions::{
        backup::{miss::Miss, tried::Tried},
        framework::{
            World,
            program::{Call, Fault},
            said::Said,
        },
    },
    domain::span::Span,
    ports::{
        archive::{ArchiveError, Unpacked},
        executor::{LogStream, Session},
    },
};
use serde::Deserialize;
use std::path::Path;

/// A snapshot's state is one line.
const MOST: usize = 64 * 1024;

/// What etcdutl says of a snapshot.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
struct Status {
    hash: u64,
    revision: u64,
    total_key: u64,
    total_size: u64,
}

/// Tries a snapshot.
pub(in crate::actions::backup) async fn trial(
    content: &dyn Unpacked,
    session: &Session,
    world: &World,
) -> Result<Tried, Miss> {
    let begun = world.clock.elapsed();
    let path = content.path().display().to_string();
    let status = status(&path, session, world).await?;
    let scratch = world.archive.scratch().await;
    let scratch = scratch.map_err(|error| match error {
        ArchiveError::Stopped(_) => Fault::Stopped(error.to_string()),
        _ => Fault::Failed(error.to_string()),
    })?;
    let data = scratch.path().join("data");
    let restored = restored(&path, &data, &[], session, world).await;
    restored.map_err(Miss::of_reading)?;
    let took = world.clock.elapsed().saturating_sub(begun);
    let content = [
        ("hash", status.hash),
        ("revision", status.revision),
        ("keys", status.total_key),
        ("bytes", status.total_size),
    ];
    Ok(Tried {
        entries: status.total_key,
        content: content.map(|(name, value)| (name.to_owned(), value)).into(),
        took: Span::from_millis(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
        aside: None,
    })
}

async fn status(path: &str, session: &Session, world: &World) -> Result<Status, Miss> {
    let words = ["snapshot", "status", path, "--write-out=json"];
    let mut said = Said::to(session.log.clone(), LogStream::Out, MOST);
    let told = tool(&words, &mut said, session, world).await;
    told.map_err(Miss::of_reading)?;
    let (text, _) = said.beginning();
    let status: Status = serde_json::from_str(text.trim()).map_err(|error| {
        Fault::Failed(format!(
            "what etcdutl says of the snapshot cannot be read: {error}"
        ))
    })?;
    if status.total_key == 0 {
        return Err(Miss::Unsound("the snapshot holds no keys".to_owned()));
    }
    Ok(status)
}

/// Restores a snapshot into a folder that is not there yet.
pub(super) async fn restored(
    path: &str,
    data: &Path,
    flags: &[String],
    session: &Session,
    world: &World,
) -> Result<(), Fault> {
    let data = data.display().to_string();
    let mut words = vec!["snapshot", "restore", path, "--data-dir", &data];
    words.extend(flags.iter().map(String::as_str));
    let mut said = Said::to(session.log.clone(), LogStream::Out, 0);
    tool(&words, &mut said, session, world).await
}

/// etcdutl, or, where only an etcd before 3.5 is installed, etcdctl.
async fn tool(
    words: &[&str],
    said: &mut Said,
    session: &Session,
    world: &World,
) -> Result<(), Fault> {
    let with = (session, world);
    let mut last = Ok(());
    for program in ["etcdutl", "etcdctl"] {
        let call = Call::new(&[&[program], words].concat());
        last = call.run(None, said, with, &session.stop).await;
        if !matches!(last, Err(Fault::Missing(_))) {
            break;
        }
    }
    last.map_err(|fault| match fault {
        Fault::Missing(_) => Fault::Missing(
            "there is no program `etcdutl`\nhint: install it on the agent's host; it is part of etcd since 3.5"
                .to_owned(),
        ),
        other @ (Fault::Stopped(_) | Fault::Refused(_) | Fault::Failed(_) | Fault::Unfit(_)) => other,
    })
}

#[cfg(test)]
mod tests {
    use super::Status;

    #[test]
    fn the_words_of_etcdutl_are_read() {
        let said =
            r#"{"hash":3476567489,"revision":5,"totalKey":12,"totalSize":20480,"version":"3.6.0"}"#;
        let status: Status = serde_json::from_str(said).unwrap();
        assert_eq!((status.revision, status.total_key), (5, 12));
    }
}
