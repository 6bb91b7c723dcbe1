//! `backup/verify`.

use crate::{
    actions::{
        backup::{
            ArtifactKind, Found, Server, Unsound, Verified, Which, file, helm, kubernetes,
            lost::settled, miss::Miss, postgres, report_error, tried::tried,
        },
        framework::{Action, World, outputs},
    },
    domain::{
        check::CheckStatus,
        digest::Digest,
        effect::{Effect, Effects, Verb},
        right::Rights,
        run::{StepReport, StepResult},
        span::Span,
    },
    ports::{
        BoxFuture,
        archive::{ArchiveError, Inspection},
        executor::{Intent, Session, StepContext},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Restores an artifact into a scratch folder, and looks at what came out.
#[derive(Debug, Clone, Copy)]
pub struct BackupVerify;

/// What `backup/verify` is told.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VerifyInputs {
    /// The artifact: its path; the output `artifact` of the step that made it; `{ newest: NAME }`, with `runbook` where another one makes
    /// it; or `{ id: ID }`. What is known of it also says what it must be.
    pub artifact: Which,
    /// The SHA-256 that it must have, in hexadecimal digits.
    #[serde(default)]
    #[schemars(with = "Option<String>", regex(pattern = r"^[0-9a-fA-F]{64}$"))]
    pub sha256: Option<Digest>,
    /// What must be in it.
    #[serde(default)]
    pub expect: Content,
    /// For a dump of PostgreSQL: the server on which it is restored into a database of its own, which goes afterwards. The role needs
    /// the right to make databases. Without it, the dump is only read to its end: it is checked, and does not count as verified.
    #[serde(default)]
    pub into: Option<Server>,
    /// For objects of a cluster: the cluster that is asked about each, by a dry run of server-side apply. One that it would not make anew,
    /// as invalid, makes the artifact unsound. What it refuses for what stands in it (fields that others have changed since, another
    /// object of the same name) or for what is missing there (namespaces, kinds) is told and counted. Nothing is changed there. Without
    /// it, or where it can try none of them, objects are only read: they are checked, and do not count as verified.
    #[serde(default)]
    pub cluster: Option<String>,
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
    /// For a dump of PostgreSQL: a query that must answer true in the restored database, as in `select count(*) > 0 from orders`.
    #[serde(default)]
    pub query: Option<String>,
}

/// What `backup/verify` leaves for later steps: one of the two.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct VerifyOutputs {
    /// What was restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<Verified>,
    /// What was only read to its end, since the step names nothing to restore it into, or since its cluster could try none of it. The
    /// artifact's state stays as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked: Option<Verified>,
}

/// What a trial restore came to. An artifact is unsound only where it is at fault itself: not where its store does not answer, or where
/// the agent has no key for it.
#[derive(Debug)]
pub(in crate::actions) enum Trial {
    /// It was restored, and this was in it; and what people should know beside it.
    Restored(Inspection, Option<String>),
    /// It is not to be relied on.
    Unsound(String),
    /// It was restored, and is not what the step expects.
    Unmet(String),
    /// It was read, and a cluster refuses what is in it for what it is.
    Refused(String),
    /// It could not be tried.
    Untried(StepReport),
}

impl Trial {
    /// Of what the archive says.
    pub(in crate::actions) fn of(result: Result<Inspection, ArchiveError>) -> Self {
        match result {
            Ok(found) => Self::Restored(found, None),
            Err(error @ ArchiveError::Damaged { .. }) => Self::Unsound(error.to_string()),
            Err(error) => Self::Untried(report_error(&error)),
        }
    }
}

/// Restores it on trial, each kind in its own way.
async fn trial(inputs: &VerifyInputs, found: &Found, session: &Session, world: &World) -> Trial {
    match found.kind {
        kind @ (ArtifactKind::Postgres
        | ArtifactKind::Etcd
        | ArtifactKind::Kubernetes
        | ArtifactKind::Helm) => {
            let (stop, form) = (session.stop.clone(), kind.form());
            let unpacked = world
                .archive
                .unpack(form, &found.location, found.expected, stop);
            let unpacked = match unpacked.await {
                Ok(unpacked) => unpacked,
                Err(error) => return Trial::of(settled(Err(error), found, world).await),
            };
            match tried(
                kind,
                &*unpacked,
                &inputs.looks(),
                inputs.cluster.as_deref(),
                session,
                world,
            )
            .await
            {
                Ok((found, aside)) => Trial::Restored(found, aside),
                Err(Miss::Unsound(why)) => Trial::Unsound(format!("{}: {why}", found.location)),
                Err(Miss::Unmet(why)) => Trial::Unmet(format!("{}: {why}", found.location)),
                Err(Miss::Refused(why)) => Trial::Refused(format!("{}: {why}", found.location)),
                Err(Miss::Untried(fault)) => Trial::Untried(fault.report()),
            }
        }
        kind @ (ArtifactKind::Files
        | ArtifactKind::Sqlite
        | ArtifactKind::Stream
        | ArtifactKind::Logs
        | ArtifactKind::Volume) => {
            let stop = session.stop.clone();
            let looked = world
                .archive
                .inspect(kind.form(), &found.location, found.expected, stop);
            Trial::of(settled(looked.await, found, world).await)
        }
    }
}

impl VerifyInputs {
    /// What is looked at in a dump.
    fn looks(&self) -> postgres::Trial<'_> {
        postgres::Trial {
            into: self.into.as_ref(),
            tables: self.expect.tables.keys().map(String::as_str).collect(),
            query: self.expect.query.as_deref(),
        }
    }

    /// What the step must name for a trial that counts, where it does not.
    fn lacks(&self, kind: ArtifactKind, found: &Inspection) -> Option<&'static str> {
        match kind {
            ArtifactKind::Postgres if self.into.is_none() => Some(
                "restored into no database, so it does not count as verified (hint: a `backup/verify` step with `into` restores it on trial)",
            ),
            ArtifactKind::Kubernetes if self.cluster.is_none() => Some(
                "and no cluster was asked, so it does not count as verified (hint: a `backup/verify` step with `cluster` asks one about each object)",
            ),
            ArtifactKind::Kubernetes if kubernetes::tried_none(&found.content) => Some(
                "and the cluster could try none of them, so it does not count as verified (hint: the step's log says of each why; ask a cluster that has their namespaces and kinds)",
            ),
            ArtifactKind::Postgres
            | ArtifactKind::Kubernetes
            | ArtifactKind::Files
            | ArtifactKind::Sqlite
            | ArtifactKind::Stream
            | ArtifactKind::Logs
            | ArtifactKind::Etcd
            | ArtifactKind::Helm
            | ArtifactKind::Volume => None,
        }
    }

    /// What is missing in what was found, if anything.
    fn missing(&self, of: &Found, found: &Inspection) -> Vec<String> {
        let mut missing = Vec::new();
        let kind = of.kind;
        let entries = match kind {
            ArtifactKind::Files => "members",
            ArtifactKind::Sqlite => "tables",
            ArtifactKind::Stream | ArtifactKind::Logs => "streams",
            ArtifactKind::Postgres => "entries",
            ArtifactKind::Etcd => "keys",
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
        let bytes = found.content.get("bytes").copied().unwrap_or(0);
        match kind {
            ArtifactKind::Files | ArtifactKind::Kubernetes | ArtifactKind::Helm => {
                if let Some(made) = of.entries.filter(|made| *made != found.entries) {
                    missing.push(format!("{} {entries} instead of {made}", found.entries));
                }
            }
            ArtifactKind::Stream | ArtifactKind::Logs => {
                if let Some(made) = of.expected.raw_size.filter(|made| *made != bytes) {
                    missing.push(format!("{bytes} bytes instead of {made}"));
                }
            }
            ArtifactKind::Sqlite
            | ArtifactKind::Postgres
            | ArtifactKind::Etcd
            | ArtifactKind::Volume => {}
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

    /// Whether what is expected can be in such an artifact.
    fn fits(&self, kind: ArtifactKind) -> Result<(), String> {
        let in_database = self.into.is_some() || self.expect.query.is_some();
        match kind {
            _ if self.cluster.is_some() && kind != ArtifactKind::Kubernetes => Err(
                "in `with`, at `cluster`: it is asked about objects of a cluster only".to_owned(),
            ),
            ArtifactKind::Postgres => self.looks().check(),
            _ if in_database => Err(
                "in `with`: `into` and `expect.query` are for dumps of PostgreSQL".to_owned(),
            ),
            ArtifactKind::Files
            | ArtifactKind::Stream
            | ArtifactKind::Logs
            | ArtifactKind::Etcd
            | ArtifactKind::Kubernetes
            | ArtifactKind::Helm
            | ArtifactKind::Volume
                if !self.expect.tables.is_empty() =>
            {
                Err("in `with`, at `expect.tables`: only a database has tables".to_owned())
            }
            ArtifactKind::Sqlite if self.expect.min_bytes.is_some() => {
                Err("in `with`, at `expect.minBytes`: it is for archives of files and for streams\nhint: for a database, name `tables`".to_owned())
            }
            ArtifactKind::Files
            | ArtifactKind::Sqlite
            | ArtifactKind::Stream
            | ArtifactKind::Etcd
            | ArtifactKind::Kubernetes
            | ArtifactKind::Helm
            | ArtifactKind::Volume
            | ArtifactKind::Logs => Ok(()),
        }
    }
}

impl Action for BackupVerify {
    type Inputs = VerifyInputs;
    type Outputs = VerifyOutputs;
    const NAME: &'static str = "backup/verify";
    const SUMMARY: &'static str = "Restores an artifact into a scratch folder of the agent, reads all of it, and checks what is in it.";

    fn validate(&self, inputs: &VerifyInputs) -> Result<(), String> {
        inputs.artifact.check()?;
        if let Which::Made(made) = &inputs.artifact
            && let (Ok(one), Some(two)) = (made.sha256.parse::<Digest>(), inputs.sha256)
            && one != two
        {
            return Err("in `with`: `sha256` is not that of `artifact`".to_owned());
        }
        inputs
            .artifact
            .kind()
            .map_or(Ok(()), |kind| inputs.fits(kind))
    }

    fn intend(&self, inputs: &VerifyInputs, context: &StepContext) -> Result<Intent, String> {
        let read = Effect::read(Verb::FileRead, file(&inputs.artifact.asked()));
        let tries = inputs.looks().effects(context);
        Ok(Intent {
            effects: Effects::exact(std::iter::once(read).chain(tries).collect()),
            idempotent: true,
            wants_approval: None,
            pinned: crate::domain::pinned::Pinned::default(),
        })
    }

    fn rights(&self, inputs: &VerifyInputs, _: &Effects) -> Rights {
        let into = inputs.into.as_ref();
        let mut needed = into.map_or_else(Rights::default, Server::rights);
        needed.untold.extend(inputs.cluster.as_ref().map(|cluster| {
            format!("what a dry run on cluster {cluster} takes is not among the rights: `create`, `get` and `patch` of each kind in the artifact, and `get` of namespaces")
        }));
        needed
    }

    /// A database of its own is dropped after a stop, too.
    fn grace(&self, inputs: &VerifyInputs) -> Span {
        Span::from_secs(if inputs.into.is_some() { 30 } else { 5 })
    }

    fn execute<'a>(
        &'a self,
        inputs: VerifyInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            let found = inputs.artifact.find(&session.context, world).await;
            let found = found.and_then(|found| found.must_be(inputs.sha256));
            let found = found.and_then(|found| inputs.fits(found.kind).map(|()| found));
            match found {
                Ok(found) => {
                    let tried = trial(&inputs, &found, session, world).await;
                    report(&inputs, &found, tried)
                }
                Err(error) => StepReport::failed(error, false),
            }
        })
    }
}

fn report(inputs: &VerifyInputs, of: &Found, tried: Trial) -> StepReport {
    let (found, aside) = match tried {
        Trial::Restored(found, aside) => (found, aside),
        Trial::Unsound(why) => return unsound(of, why),
        Trial::Unmet(why) => return unmet(of, why, EXPECTATION),
        Trial::Refused(why) => return unmet(of, why, CLUSTER),
        Trial::Untried(report) => return report,
    };
    let missing = inputs.missing(of, &found);
    let path = of.location.to_string();
    if !missing.is_empty() {
        let error = format!("{path} is restored, but holds {}", missing.join(", "));
        return unmet(of, error, EXPECTATION);
    }
    let lacks = inputs.lacks(of.kind, &found);
    let summary = match lacks {
        Some(lacks) => format!(
            "{path} checked: {}, read to its end, checksum ok; {lacks}",
            if of.kind == ArtifactKind::Kubernetes {
                counted(found.entries, "object", "objects")
            } else {
                counted(found.entries, "entry", "entries")
            }
        ),
        None => restored(inputs, of, &found),
    };
    let tried = Verified {
        path,
        sha256: found.sha256.to_string(),
        entries: found.entries,
        took_ms: found.took.millis(),
        content: found.content,
    };
    let (verified, checked) = match lacks {
        None => (Some(tried), None),
        Some(_) => (None, Some(tried)),
    };
    let left = outputs(&VerifyOutputs { verified, checked });
    match aside {
        None => StepReport::succeeded(summary, left),
        Some(aside) => StepReport {
            check: Some(CheckStatus::Warning),
            ..StepReport::succeeded(format!("{summary}; {aside}"), left)
        },
    }
}

/// What a trial that counts has come to.
fn restored(inputs: &VerifyInputs, of: &Found, found: &Inspection) -> String {
    let path = &of.location;
    match of.kind {
        ArtifactKind::Files | ArtifactKind::Volume => {
            format!("{path} restored: {} members", found.entries)
        }
        ArtifactKind::Kubernetes => format!(
            "{path} read to its end: {}; {}",
            counted(found.entries, "object", "objects"),
            kubernetes::said(
                inputs.cluster.as_deref().unwrap_or_default(),
                &found.content
            )
        ),
        ArtifactKind::Helm => format!("{path}: {}", helm::said(found)),
        ArtifactKind::Sqlite => format!(
            "{path} restored: {} tables, {} rows, integrity ok",
            found.entries,
            found.content.values().sum::<u64>()
        ),
        ArtifactKind::Postgres => {
            format!("{path} restored into a database: {} entries", found.entries)
        }
        ArtifactKind::Etcd => format!(
            "{path} restored into a data folder: {} keys, revision {}",
            found.entries,
            found.content.get("revision").copied().unwrap_or(0)
        ),
        ArtifactKind::Stream | ArtifactKind::Logs => format!(
            "{path} read to its end: {} bytes, checksum ok",
            found.content.get("bytes").copied().unwrap_or(0)
        ),
    }
}

/// What may have changed where an artifact has not.
const EXPECTATION: &str = "correct `expect`, if it asks for what was never in it";
const CLUSTER: &str = "ask the cluster that it is from, or one that serves the same versions";

/// So many of them, in words.
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// What was found good before, and has the same bytes, is as good as it was: it is the expectation that has changed, or the cluster.
fn unmet(of: &Found, why: String, hint: &str) -> StepReport {
    let known = of.known.as_ref().filter(|known| known.unsound.is_none());
    match known.and_then(|known| known.verified) {
        Some(at) => {
            let why = why.split("\nhint: ").next().unwrap_or_default();
            StepReport::failed(
                format!(
                    "{why}; it counts as verified all the same, as it was found good at {at} and has not changed since\nhint: {hint}"
                ),
                false,
            )
        }
        None => unsound(of, why),
    }
}

/// The history marks it by this.
fn unsound(of: &Found, why: String) -> StepReport {
    let failed = StepReport::failed(why, false);
    let StepResult::Failed { error, .. } = &failed.result else {
        return failed;
    };
    let unsound = Unsound {
        path: of.location.to_string(),
        reason: error.clone(),
    };
    StepReport {
        outputs: serde_json::json!({ "unsound": unsound }),
        ..failed
    }
}

#[cfg(test)]
mod tests {
    use super::{BackupVerify, Trial, VerifyInputs, report};
    use crate::{
        actions::{
            backup::{ArtifactKind, Found},
            framework::Action as _,
        },
        domain::{artifact::Location, digest::Digest, span::Span},
        ports::archive::{ArchiveError, Expected, Inspection},
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

    fn recorded(kind: ArtifactKind, entries: Option<u64>, raw_size: Option<u64>) -> Found {
        Found {
            kind,
            location: Location::parse("/x"),
            expected: Expected {
                sha256: Some(Digest::of_bytes(b"x")),
                raw_size,
            },
            entries,
            known: None,
        }
    }

    #[test]
    fn what_was_recorded_of_an_artifact_says_what_to_expect() {
        let inputs = inputs(json!({ "artifact": made("files", 3) }));
        let of = recorded(ArtifactKind::Files, Some(3), Some(2));
        assert_eq!(
            inputs.missing(&of, &found(2, &[])),
            ["2 members instead of 3"]
        );
        assert!(inputs.missing(&of, &found(3, &[])).is_empty());
        assert!(
            recorded(ArtifactKind::Files, None, None)
                .must_be(Some(Digest::of_bytes(b"y")))
                .is_err()
        );
    }

    #[test]
    fn only_what_is_at_fault_itself_is_unsound() {
        let inputs = inputs(json!({ "artifact": made("files", 3) }));
        let of = recorded(ArtifactKind::Files, Some(3), Some(2));
        let damaged = ArchiveError::Damaged {
            location: of.location.clone(),
            reason: "cut".into(),
        };
        let away = ArchiveError::Failed {
            doing: "restoring".into(),
            reason: "503".into(),
        };
        let told = |tried| report(&inputs, &of, tried).outputs["unsound"]["path"].clone();
        assert_eq!(told(Trial::of(Err(damaged))), "/x");
        assert_eq!(told(Trial::of(Ok(found(2, &[])))), "/x");
        assert_eq!(told(Trial::of(Err(away))), Value::Null);
        assert_eq!(told(Trial::of(Ok(found(3, &[])))), Value::Null);
    }

    #[test]
    fn what_was_found_good_stays_so_where_only_the_expectation_or_the_cluster_has_changed() {
        let inputs = inputs(json!({ "artifact": made("kubernetes", 3), "cluster": "test" }));
        let mut of = recorded(ArtifactKind::Kubernetes, Some(3), Some(2));
        let refused = |of: &Found, tried: Trial| {
            let report = report(&inputs, of, tried);
            (report.outputs["unsound"].is_object(), report.summary)
        };
        let no = || "the cluster `test` would not make it: 422".to_owned();
        assert!(refused(&of, Trial::Refused(no())).0);
        let mut known = crate::actions::backup::retention::tests::known("2026-03-14T02:00:00Z");
        known.verified = Some(known.at);
        of.known = Some(known.clone());
        for (tried, hint) in [
            (Trial::Refused(no()), "; hint: ask the cluster"),
            (Trial::Unmet(no()), "; hint: correct `expect`"),
        ] {
            let (unsound, told) = refused(&of, tried);
            assert!(!unsound, "{told}");
            assert!(told.contains("counts as verified all the same"), "{told}");
            assert!(told.contains(hint), "{told}");
        }
        assert!(refused(&of, Trial::Unsound("cut".to_owned())).0);
        known.unsound = Some("cut".to_owned());
        of.known = Some(known);
        assert!(refused(&of, Trial::Refused(no())).0);
    }

    #[test]
    fn what_was_restored_nowhere_does_not_count_as_verified() {
        let told = |of: &str, kind: ArtifactKind, more: Value| {
            let mut asked = json!({ "artifact": made(of, 3) });
            let more = more.as_object().unwrap().clone();
            asked.as_object_mut().unwrap().extend(more);
            let of = recorded(kind, Some(3), Some(2));
            report(&inputs(asked), &of, Trial::of(Ok(found(3, &[]))))
        };
        let server = json!({ "into": { "host": "db.example.org", "user": "trial" } });
        for (of, kind, fully) in [
            ("postgres", ArtifactKind::Postgres, server),
            (
                "kubernetes",
                ArtifactKind::Kubernetes,
                json!({ "cluster": "test" }),
            ),
        ] {
            let read = told(of, kind, json!({}));
            assert_eq!(read.outputs["verified"], Value::Null, "{of}");
            assert_eq!(read.outputs["checked"]["entries"], 3, "{of}");
            let summary = &read.summary;
            assert!(
                summary.contains("does not count as verified (hint: "),
                "{summary}"
            );
            let tried = told(of, kind, fully);
            assert_eq!(tried.outputs["verified"]["entries"], 3, "{of}");
            assert_eq!(tried.outputs["checked"], Value::Null, "{of}");
        }
        let files = told("files", ArtifactKind::Files, json!({}));
        assert_eq!(files.outputs["verified"]["entries"], 3);
    }

    #[test]
    fn everything_that_is_missing_is_said_at_once() {
        let inputs = inputs(json!({
            "artifact": "x.sqlite.zst", "expect": { "minEntries": 3, "tables": { "runs": 5, "steps": 0, "users": 1 } }
        }));
        assert_eq!(
            inputs.missing(
                &recorded(ArtifactKind::Sqlite, None, None),
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
        let of = recorded(ArtifactKind::Stream, Some(1), Some(2));
        assert!(
            inputs
                .missing(&of, &found(1, &[("bytes", 2)]))
                .iter()
                .eq(["2 bytes instead of at least 3"])
        );
        assert_eq!(
            inputs.missing(&of, &found(1, &[("bytes", 4)])),
            ["4 bytes instead of 2"]
        );
    }

    #[test]
    fn an_empty_restore_is_never_good() {
        let inputs = inputs(json!({ "artifact": "x.tar.zst", "expect": { "minBytes": 1 } }));
        let of = recorded(ArtifactKind::Files, None, None);
        assert_eq!(inputs.missing(&of, &found(0, &[])).len(), 2);
    }

    #[test]
    fn inputs_that_make_no_sense_are_refused_before_anything_runs() {
        let refused = |value: Value| {
            let inputs = serde_json::from_value(value).map_err(|error| error.to_string())?;
            BackupVerify.validate(&inputs)
        };
        let other = Digest::of_bytes(b"y");
        for (value, words) in [
            (json!({ "artifact": "../x.tar.zst" }), "goes up"),
            (json!({ "artifact": 5 }), "want a path, the output"),
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
                json!({ "artifact": { "newest": "db", "of": "nightly" } }),
                "{ newest: NAME }",
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
