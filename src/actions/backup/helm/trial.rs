//! A trial restore of releases: each is read and counted.

use crate::{
    actions::{
        backup::{miss::Miss, tried::Tried, verify::counted},
        framework::{World, program::Fault},
        helm::WholeRelease,
    },
    commands::deeds,
    domain::span::Span,
    ports::archive::{Inspection, Unpacked},
    runbooks::plain_documents,
};
use std::collections::BTreeMap;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader, Lines};

/// Releases, one a line.
pub(super) struct Kept {
    lines: Lines<BufReader<Box<dyn AsyncRead + Send + Unpin>>>,
    number: u64,
}

impl Kept {
    pub(super) async fn of(content: &dyn Unpacked) -> Result<Self, Miss> {
        let file = content.open().await;
        let file = file.map_err(|why| Miss::Untried(Fault::Failed(why)))?;
        let lines = BufReader::new(file).lines();
        Ok(Self { lines, number: 0 })
    }

    /// The next; nothing after the last.
    pub(super) async fn next(&mut self) -> Result<Option<WholeRelease>, Miss> {
        self.number += 1;
        let number = self.number;
        // What stands in the line may be a secret, so only its place is told.
        let damaged = |why: String| {
            let words = format!("line {number} of the backup is no release: {why}");
            Miss::Unsound(words)
        };
        let line = self.lines.next_line().await;
        let line = line.map_err(|error| damaged(error.to_string()))?;
        let Some(line) = line else { return Ok(None) };
        serde_json::from_str(&line)
            .map(Some)
            .map_err(|error| damaged(format!("column {}", error.column())))
    }
}

/// What a trial has come to, for people.
pub(in crate::actions::backup) fn said(found: &Inspection) -> String {
    let of = |what: &str| found.content.get(what).copied().unwrap_or(0);
    let values = counted(of("values"), "value", "values");
    let objects = counted(of("objects"), "object", "objects");
    match found.entries {
        1 => format!("1 release read whole: {objects} in its manifest, {values}"),
        many => {
            format!("each of {many} releases read whole: {objects} in their manifests, {values}")
        }
    }
}

/// Reads all releases; counts them, their values and the objects of their manifests.
pub(in crate::actions::backup) async fn trial(
    content: &dyn Unpacked,
    world: &World,
) -> Result<Tried, Miss> {
    let began = world.clock.elapsed();
    let mut kept = Kept::of(content).await?;
    let mut counted: BTreeMap<String, u64> = BTreeMap::new();
    let mut count = 0;
    while let Some(release) = kept.next().await? {
        count += 1;
        let objects = plain_documents(&release.manifest).map(deeds::objects);
        let Some(objects) = objects else {
            let words = format!("the manifest of release {} cannot be read", release.name);
            return Err(Miss::Unsound(words));
        };
        let values = release.values.as_object().map_or(0, serde_json::Map::len);
        for (what, number) in [
            ("releases", 1),
            ("objects", objects.len()),
            ("values", values),
        ] {
            let number = u64::try_from(number).unwrap_or(u64::MAX);
            *counted.entry(what.to_owned()).or_default() += number;
        }
    }
    let took = world.clock.elapsed().saturating_sub(began);
    let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    Ok(Tried {
        entries: count,
        content: counted,
        took: Span::from_millis(took),
        aside: None,
    })
}
