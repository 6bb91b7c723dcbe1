//! `backup/verify`.

use crate::{
    actions::{
        backup::{
            Artifact, ArtifactKind, Verified, check_path, file, helm, kubernetes, tried::Tried,
        },
        framework::{Action, World, outputs},
    },
    domain::{
        artifact::Location,
        digest::Digest,
        effect::{Effect, Effects, Verb},
        right::Rights,
        run::StepReport,
    },
    ports::{
        BoxFuture,
        archive::{Expected, Inspection},
        executor::{Intent, Session, StepContext},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path};

/// Restores an artifact into a scratch folder, and looks at what came out.
#[derive(Debug, Clone, Copy)]
pub struct BackupVerify;

/// What `backup/verify` is told.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifyInputs {
    /// The artifact: its path, or the output `artifact` of the step that made it, which also says what it must be.
    pub artifact: Which,
    /// The SHA-256 that it must have, in hexadecimal digits.
    #[serde(default)]
    #[schemars(with = "Option<String>", regex(pattern = r"^[0-9a-fA-F]{64}$"))]
    pub sha256: Option<Digest>,
    /// What must be in it.
    #[serde(default)]
    pub expect: Content,
    /// Of objects of a cluster: the cluster that is asked, by a dry run of server-side apply, whether it would take each of them. Nothing is
    /// changed there.
    #[serde(default)]
    pub cluster: Option<String>,
}

/// An artifact by its path, or with all that is known of it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "want a path, or the output `artifact` of a backup step"
)]
pub enum Which {
    /// Where it is; its name says what is in it: `….tar.zst`, `….sqlite.zst`, or any other `….zst` for a stream or logs.
    Path(String),
    /// The output of the step that made it.
    Made(Artifact),
}

/// What must be in an artifact.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Content {
    /// At least this many members of an archive, or tables of a database; a stream is one.
    #[serde(default)]
    pub min_entries: Option<u64>,
    /// At least this many bytes in the files of an archive, or in a stream or logs.
    #[serde(default)]
    pub min_bytes: Option<u64>,
    /// Tables that a database must have, each with at least this many rows.
    #[serde(default)]
    pub tables: BTreeMap<String, u64>,
}

/// What `backup/verify` leaves for later steps.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct VerifyOutputs {
    /// What was restored.
    pub verified: Verified,
}

impl Which {
    fn path(&self) -> &str {
        match self {
            Self::Path(path) => path,
            Self::Made(made) => &made.path,
        }
    }
    fn location(&self) -> Location {
        Location::parse(self.path())
    }
    fn kind(&self) -> Result<ArtifactKind, String> {
        if let Self::Made(made) = self {
            return Ok(made.kind);
        }
        let location = self.location();
        let name = location.file_name();
        let name = name.strip_suffix(".age").unwrap_or(name);
        let is_of = |extension: &str| name.ends_with(&format!(".{extension}.zst"));
        if is_of(kubernetes::EXTENSION) {
            Ok(ArtifactKind::Kubernetes)
        } else if is_of(helm::EXTENSION) {
            Ok(ArtifactKind::Helm)
        } else if name.ends_with(".tar.zst") {
            Ok(ArtifactKind::Files)
        } else if name.ends_with(".sqlite.zst") {
            Ok(ArtifactKind::Sqlite)
        } else if Path::new(name).extension() == Some("zst".as_ref()) {
            Ok(ArtifactKind::Stream)
        } else {
            Err(format!(
                "in `with`, at `artifact`: `{}` does not say what is in it\nhint: name one that ends in .tar.zst, .sqlite.zst or .zst, with .age where it is encrypted",
                self.path()
            ))
        }
    }
}

impl VerifyInputs {
    fn expected(&self) -> Result<Expected, String> {
        let (recorded, raw_size) = match &self.artifact {
            Which::Path(_) => (None, None),
            Which::Made(made) => (Some(&made.sha256), Some(made.raw_size)),
        };
        let recorded: Option<Digest> = recorded
            .map(|text| text.parse())
            .transpose()
            .map_err(|error| format!("in `with`, at `artifact.sha256`: {error}"))?;
        if let (Some(one), Some(two)) = (recorded, self.sha256)
            && one != two
        {
            return Err("in `with`: `sha256` is not that of `artifact`".to_owned());
        }
        Ok(Expected {
            sha256: self.sha256.or(recorded),
            raw_size,
        })
    }

    /// What is missing in what was found, if anything.
    fn missing(&self, kind: ArtifactKind, found: &Inspection) -> Vec<String> {
        let mut missing = Vec::new();
        let entries = match kind {
            ArtifactKind::Files => "members",
            ArtifactKind::Sqlite => "tables",
            ArtifactKind::Stream | ArtifactKind::Logs => "streams",
            ArtifactKind::Kubernetes => "objects",
            ArtifactKind::Helm => "releases",
            ArtifactKind::Volume => "members",
        };
        let least = self.expect.min_entries.unwrap_or(1);
        if found.entries < least {
            missing.push(format!(
                "{} {entries} instead of at least {least}",
                found.entries
            ));
        }
        if let (
            Which::Made(made),
            ArtifactKind::Files | ArtifactKind::Kubernetes | ArtifactKind::Helm,
        ) = (&self.artifact, kind)
            && made.entries != found.entries
        {
            missing.push(format!(
                "{} {entries} instead of {}",
                found.entries, made.entries
            ));
        }
        let bytes = found.content.get("bytes").copied().unwrap_or(0);
        if let (Which::Made(made), ArtifactKind::Stream | ArtifactKind::Logs) =
            (&self.artifact, kind)
            && made.raw_size != bytes
        {
            missing.push(format!("{bytes} bytes instead of {}", made.raw_size));
        }
        if let Some(least) = self.expect.min_bytes.filter(|least| bytes < *least) {
            missing.push(format!("{bytes} bytes instead of at least {least}"));
        }
        for (table, least) in &self.expect.tables {
            match found.content.get(table) {
                None => missing.push(format!("no table `{table}`")),
                Some(rows) if rows < least => {
                    missing.push(format!(
                        "{rows} rows in `{table}` instead of at least {least}"
                    ));
                }
                Some(_) => {}
            }
        }
        missing
    }
}

impl Action for BackupVerify {
    type Inputs = VerifyInputs;
    type Outputs = VerifyOutputs;
    const NAME: &'static str = "backup/verify";
    const SUMMARY: &'static str = "Restores an artifact into a scratch folder of the agent, reads all of it, and checks what is in it.";

    fn validate(&self, inputs: &VerifyInputs) -> Result<(), String> {
        check_path(inputs.artifact.path())
            .map_err(|error| format!("in `with`, at `artifact`: {error}"))?;
        inputs.expected()?;
        let kind = inputs.artifact.kind()?;
        match kind {
            _ if kind != ArtifactKind::Kubernetes && inputs.cluster.is_some() => Err(
                "in `with`, at `cluster`: only objects of a cluster are asked about there".to_owned(),
            ),
            ArtifactKind::Files
            | ArtifactKind::Stream
            | ArtifactKind::Logs
            | ArtifactKind::Kubernetes
            | ArtifactKind::Helm
            | ArtifactKind::Volume
                if !inputs.expect.tables.is_empty() =>
            {
                Err("in `with`, at `expect.tables`: only a database has tables".to_owned())
            }
            ArtifactKind::Sqlite if inputs.expect.min_bytes.is_some() => {
                Err("in `with`, at `expect.minBytes`: it is for archives of files and for streams\nhint: for a database, name `tables`".to_owned())
            }
            ArtifactKind::Files
            | ArtifactKind::Sqlite
            | ArtifactKind::Stream
            | ArtifactKind::Logs
            | ArtifactKind::Kubernetes
            | ArtifactKind::Helm
            | ArtifactKind::Volume => Ok(()),
        }
    }

    fn intend(&self, inputs: &VerifyInputs, _: &StepContext) -> Result<Intent, String> {
        let read = Effect::read(Verb::FileRead, file(inputs.artifact.path()));
        Ok(Intent {
            effects: Effects::exact(vec![read]),
            idempotent: true,
            wants_approval: None,
            pinned: crate::domain::pinned::Pinned::default(),
        })
    }

    fn rights(&self, inputs: &VerifyInputs, _: &Effects) -> Rights {
        let untold = inputs.cluster.as_ref().map(|cluster| {
            format!("what a dry run on cluster {cluster} takes is not among the rights: `get`, `create` and `patch` of each kind in the backup, and `get` of namespaces")
        });
        Rights {
            rights: Vec::new(),
            untold: untold.into_iter().collect(),
        }
    }

    fn execute<'a>(
        &'a self,
        inputs: VerifyInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            let (expected, kind) = match (inputs.expected(), inputs.artifact.kind()) {
                (Ok(expected), Ok(kind)) => (expected, kind),
                (Err(error), _) | (_, Err(error)) => return StepReport::failed(error, false),
            };
            let location = match inputs.artifact.location() {
                Location::File(path) => Location::File(world.archive.absolute(&path)),
                object @ Location::Object { .. } => object,
            };
            let tried = Tried {
                kind,
                location: &location,
                expected,
                cluster: inputs.cluster.as_deref(),
            };
            match tried.look(session, world).await {
                Ok(found) => report(&inputs, kind, &location, found),
                Err(vain) => vain.report(),
            }
        })
    }
}

fn report(
    inputs: &VerifyInputs,
    kind: ArtifactKind,
    location: &Location,
    found: Inspection,
) -> StepReport {
    let missing = inputs.missing(kind, &found);
    let path = location.to_string();
    if !missing.is_empty() {
        let error = format!("{path} is restored, but holds {}", missing.join(", "));
        return StepReport::failed(error, false);
    }
    let summary = match kind {
        ArtifactKind::Files | ArtifactKind::Volume => {
            format!("{path} restored: {} members", found.entries)
        }
        ArtifactKind::Kubernetes => {
            format!("{path} read: {} objects{}", found.entries, taken(inputs))
        }
        ArtifactKind::Helm => format!("{path} read: {} releases", found.entries),
        ArtifactKind::Sqlite => format!(
            "{path} restored: {} tables, {} rows, integrity ok",
            found.entries,
            found.content.values().sum::<u64>()
        ),
        ArtifactKind::Stream | ArtifactKind::Logs => format!(
            "{path} read to its end: {} bytes, checksum ok",
            found.content.get("bytes").copied().unwrap_or(0)
        ),
    };
    let verified = Verified {
        path,
        sha256: found.sha256.to_string(),
        entries: found.entries,
        took_ms: found.took.millis(),
        content: found.content,
    };
    StepReport::succeeded(summary, outputs(&VerifyOutputs { verified }))
}

fn taken(inputs: &VerifyInputs) -> String {
    let cluster = inputs.cluster.as_ref();
    cluster.map_or_else(String::new, |cluster| {
        format!("; cluster {cluster} refuses none of them")
    })
}

#[cfg(test)]
mod tests {
    use super::{BackupVerify, VerifyInputs};
    use crate::{
        actions::{backup::ArtifactKind, framework::Action as _},
        domain::{digest::Digest, span::Span},
        ports::archive::Inspection,
    };
    use serde_json::{Value, json};

    fn inputs(value: Value) -> VerifyInputs {
        serde_json::from_value(value).unwrap()
    }
    fn made(kind: &str, entries: u64) -> Value {
        json!({
            "kind": kind, "name": "x", "path": "/x", "size": 1, "rawSize": 2, "entries": entries,
            "sha256": Digest::of_bytes(b"x")
        })
    }
    fn found(entries: u64, content: &[(&str, u64)]) -> Inspection {
        Inspection {
            sha256: Digest::of_bytes(b"x"),
            size: 1,
            entries,
            content: content
                .iter()
                .map(|(name, count)| ((*name).to_owned(), *count))
                .collect(),
            took: Span::from_millis(1),
        }
    }

    #[test]
    fn the_outputs_of_a_backup_say_what_to_expect() {
        let inputs = inputs(json!({ "artifact": made("files", 3) }));
        let expected = inputs.expected().unwrap();
        assert_eq!(expected.sha256, Some(Digest::of_bytes(b"x")));
        assert_eq!(expected.raw_size, Some(2));
        assert_eq!(
            inputs.missing(ArtifactKind::Files, &found(2, &[])),
            ["2 members instead of 3"]
        );
        assert!(
            inputs
                .missing(ArtifactKind::Files, &found(3, &[]))
                .is_empty()
        );
    }

    #[test]
    fn everything_that_is_missing_is_said_at_once() {
        let inputs = inputs(json!({
            "artifact": "x.sqlite.zst", "expect": { "minEntries": 3, "tables": { "runs": 5, "steps": 0, "users": 1 } }
        }));
        assert_eq!(
            inputs.missing(
                ArtifactKind::Sqlite,
                &found(2, &[("runs", 4), ("steps", 0)])
            ),
            [
                "2 tables instead of at least 3",
                "4 rows in `runs` instead of at least 5",
                "no table `users`"
            ]
        );
    }

    #[test]
    fn a_stream_holds_as_many_bytes_as_were_recorded() {
        let inputs = inputs(json!({ "artifact": made("stream", 1), "expect": { "minBytes": 3 } }));
        assert!(
            inputs
                .missing(ArtifactKind::Stream, &found(1, &[("bytes", 2)]))
                .iter()
                .eq(["2 bytes instead of at least 3"])
        );
        assert_eq!(
            inputs.missing(ArtifactKind::Stream, &found(1, &[("bytes", 4)])),
            ["4 bytes instead of 2"]
        );
    }

    #[test]
    fn an_empty_restore_is_never_good() {
        let inputs = inputs(json!({ "artifact": "x.tar.zst", "expect": { "minBytes": 1 } }));
        assert_eq!(inputs.missing(ArtifactKind::Files, &found(0, &[])).len(), 2);
    }

    #[test]
    fn inputs_that_make_no_sense_are_refused_before_anything_runs() {
        let refused = |value: Value| {
            let inputs = serde_json::from_value(value).map_err(|error| error.to_string())?;
            BackupVerify.validate(&inputs)
        };
        let other = Digest::of_bytes(b"y");
        for (value, words) in [
            (
                json!({ "artifact": "/x.zip" }),
                "does not say what is in it",
            ),
            (json!({ "artifact": "../x.tar.zst" }), "goes up"),
            (json!({ "artifact": 5 }), "want a path, or the output"),
            (
                json!({ "artifact": made("files", 1), "sha256": other }),
                "is not that of `artifact`",
            ),
            (
                json!({ "artifact": "x.tar.zst", "sha256": "abc" }),
                "64 hexadecimal",
            ),
            (
                json!({ "artifact": "x.tar.zst", "expect": { "tables": { "a": 1 } } }),
                "only a database",
            ),
            (
                json!({ "artifact": "x.sqlite.zst", "expect": { "minBytes": 1 } }),
                "for archives of files and for streams",
            ),
            (
                json!({ "artifact": "x.tar.zst", "expect": { "minimum": 1 } }),
                "unknown field",
            ),
        ] {
            let error = refused(value.clone()).unwrap_err();
            assert!(error.contains(words), "{value}: {error}");
        }
        assert_eq!(
            refused(json!({ "artifact": made("sqlite", 1), "sha256": Digest::of_bytes(b"x") })),
            Ok(())
        );
    }
}
