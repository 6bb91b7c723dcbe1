//! Reading what a backup of objects holds.

use crate::{
    actions::{backup::miss::Miss, framework::program::Fault, kubernetes::text},
    commands::deeds,
    ports::archive::Unpacked,
};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader, Lines};

/// Objects, one a line.
pub(super) struct Objects {
    lines: Lines<BufReader<Box<dyn AsyncRead + Send + Unpin>>>,
    number: u64,
}

impl Objects {
    pub(super) async fn of(content: &dyn Unpacked) -> Result<Self, Miss> {
        let file = content.open().await;
        let file = file.map_err(|why| Miss::Untried(Fault::Failed(why)))?;
        let lines = BufReader::new(file).lines();
        Ok(Self { lines, number: 0 })
    }

    /// The next; nothing after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Value>, Miss> {
        let damaged = |number: u64, why: &str| {
            let words = format!("line {number} of the backup is no object of Kubernetes: {why}");
            Miss::Unsound(words)
        };
        self.number += 1;
        let line = self.lines.next_line().await;
        let line = line.map_err(|error| damaged(self.number, &error.to_string()))?;
        let Some(line) = line else { return Ok(None) };
        // What stands in the line may be a secret, so only its place is told.
        let object: Value = serde_json::from_str(&line)
            .map_err(|error| damaged(self.number, &format!("column {}", error.column())))?;
        for field in ["/apiVersion", "/kind", "/metadata/name"] {
            if text(&object, field).is_empty() {
                return Err(damaged(self.number, &format!("it has no `{field}`")));
            }
        }
        Ok(Some(object))
    }
}

/// The kind as effects name it.
pub(super) fn kind(object: &Value) -> String {
    deeds::kind_of(text(object, "/apiVersion"), text(object, "/kind"))
}
