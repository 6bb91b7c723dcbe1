//! `backup/restore`.

use crate::{
    actions::{
        backup::{
            ArtifactKind, Found, KubernetesRestore, Member, PostgresTarget, Unsound, VolumeRestore,
            Which, check_path, file, in_cluster, lost::settled, put_back, report_error,
        },
        framework::{Action, NOTHING_JUDGED, World, outputs},
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
        archive::{ArchiveError, Destination, Form, Over, Placed, Standing},
        executor::{ApprovalWish, Intent, Session, StepContext},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Restores an artifact for good.
#[derive(Debug, Clone, Copy)]
pub struct BackupRestore;

/// What `backup/restore` is told.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RestoreInputs {
    /// The artifact: its path; the output `artifact` of the step that made it; `{ newest: NAME }`, with `runbook` where another one makes
    /// it; or `{ id: ID }`.
    pub artifact: Which,
    /// The SHA-256 that it must have, in hexadecimal digits. Needed where the agent has not made it itself.
    #[serde(default)]
    #[schemars(with = "Option<String>", regex(pattern = r"^[0-9a-fA-F]{64}$"))]
    pub sha256: Option<Digest>,
    /// Where it goes, an absolute path: the folder for files, the database file, the file for a stream, the new data folder for a snapshot of
    /// etcd, a new folder for the values of a release. The folder above it must be there. Exactly one of `to`, `into`, `objects` and `volume`
    /// is given.
    #[serde(default)]
    #[schemars(with = "Option<String>", regex(pattern = r"^/"))]
    pub to: Option<String>,
    /// For a dump of PostgreSQL: the database that it is restored into.
    #[serde(default)]
    pub into: Option<PostgresTarget>,
    /// For objects of a cluster: which of them are applied again, and where.
    #[serde(default)]
    pub objects: Option<KubernetesRestore>,
    /// For the files of a volume: where they are written, over what is there.
    #[serde(default)]
    pub volume: Option<VolumeRestore>,
    /// For releases of Helm: which one, where the artifact holds several. Nothing is applied: its values and its manifest are written to `to`,
    /// and the step says how helm makes it again.
    #[serde(default)]
    pub release: Option<String>,
    /// For a snapshot of etcd: the member whose data folder is made.
    #[serde(default)]
    pub member: Option<Member>,
    /// Of an archive of files, only what was at this path; it becomes `to` itself. Without it, members stand below `to` with their full
    /// paths.
    #[serde(default)]
    #[schemars(with = "Option<String>", regex(pattern = r"^/"))]
    pub only: Option<String>,
    /// Whether what is at `to` is replaced, whole. It is kept beside, as `<name>.before-<time>`. Without it only what is not there, or an
    /// empty folder, is written to.
    #[serde(default)]
    pub overwrite: bool,
}

/// What `backup/restore` leaves for later steps.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RestoreOutputs {
    /// What was restored.
    pub restored: Restored,
    /// Of objects, what became of each, as `kubernetes/apply` has it in its outputs; of a release, what it is and how helm makes it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
}

/// A restore.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Restored {
    /// Where the artifact is.
    pub path: String,
    /// Where it was restored to.
    pub to: String,
    /// Where what was there before is now.
    pub former: Option<String>,
    /// Members of an archive, tables of a database, 1 for a stream or logs.
    pub entries: u64,
    /// `files`, `folders`, `links` and `bytes` of an archive; rows by table of a database; `bytes` of a stream or logs.
    pub content: BTreeMap<String, u64>,
    /// What is not as it was: owners that the agent may not give.
    pub unlike: Vec<String>,
}

impl RestoreInputs {
    fn fits(&self, kind: ArtifactKind) -> Result<(), String> {
        in_cluster::fits(self, kind)?;
        match kind {
            ArtifactKind::Sqlite | ArtifactKind::Stream | ArtifactKind::Logs
                if self.only.is_some() =>
            {
                Err("in `with`, at `only`: only an archive of files has paths in it".to_owned())
            }
            ArtifactKind::Postgres => self.fits_database(),
            _ if self.into.is_some() => Err(
                "in `with`, at `into`: only a dump of PostgreSQL is restored into a database"
                    .to_owned(),
            ),
            ArtifactKind::Etcd => self.fits_etcd(),
            _ if self.member.is_some() => {
                Err("in `with`, at `member`: it is for a snapshot of etcd".to_owned())
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

    fn fits_database(&self) -> Result<(), String> {
        if self.into.is_none() {
            return Err(
                "in `with`: a dump of PostgreSQL is restored into a database\nhint: name it with `into`"
                    .to_owned(),
            );
        }
        if self.only.is_some() || self.overwrite || self.member.is_some() {
            return Err("in `with`: `only`, `overwrite` and `member` are not for dumps of PostgreSQL, which replace what is there under the same names".to_owned());
        }
        Ok(())
    }

    fn fits_etcd(&self) -> Result<(), String> {
        if self.only.is_some() || self.overwrite {
            return Err("in `with`: `only` and `overwrite` are not for snapshots of etcd, which need a data folder that is not there yet".to_owned());
        }
        self.member.as_ref().map_or(Ok(()), Member::check)
    }

    /// Where it goes, for people.
    fn destination(&self) -> String {
        match (&self.to, &self.into, &self.objects, &self.volume) {
            (_, Some(into), ..) => into.to_string(),
            (Some(to), ..) => to.clone(),
            (_, _, Some(objects), _) => format!("cluster {}", objects.cluster),
            (_, _, _, Some(volume)) => volume.to_string(),
            (None, None, None, None) => String::new(),
        }
    }

    /// What would be written. What is there is kept beside, and a service finds other data in its place all the same.
    fn writes(&self) -> Vec<Effect> {
        let to = match (&self.to, &self.into) {
            (_, Some(into)) => return into.effects(),
            (Some(to), None) => file(to),
            (None, None) => return Vec::new(),
        };
        vec![if self.overwrite {
            Effect::destructive(Verb::FileWrite, to)
        } else {
            Effect::change(Verb::FileWrite, to, "remove what was restored")
        }]
    }

    fn intent(
        &self,
        artifact: &str,
        standing: &str,
        there: Option<Standing>,
        context: &StepContext,
    ) -> Result<Intent, String> {
        let read = Effect::read(Verb::FileRead, file(artifact));
        let over = self.overwrite || self.into.is_some() || self.to.is_none();
        let how = match there {
            Some(Standing::Something) => "in place of what is there, which is kept beside",
            Some(Standing::Nothing) => "where nothing is yet",
            None if over => "in place of what is there",
            None => "where nothing is yet",
        };
        let mut effects = match (&self.objects, &self.volume) {
            (Some(objects), _) => objects.unread(),
            (None, Some(volume)) => volume.effects(context)?,
            (None, None) => Effects::exact(self.writes()),
        };
        effects.items.insert(0, read);
        Ok(Intent {
            effects,
            // Done twice, the second time finds what the first has restored.
            idempotent: false,
            // At every level: only people know whether what is restored is what they want back.
            wants_approval: Some(self.question(artifact, standing, how)),
            pinned: crate::domain::pinned::Pinned::default(),
        })
    }

    /// What people are asked.
    pub(super) fn question(&self, artifact: &str, standing: &str, how: &str) -> ApprovalWish {
        ApprovalWish {
            people: 1,
            groups: Vec::new(),
            message: format!(
                "Restore {artifact}{standing} to {}, {how}?",
                self.destination()
            ),
        }
    }

    fn to(&self) -> Destination {
        Destination {
            to: PathBuf::from(self.destination()),
            only: self.only.as_ref().map(PathBuf::from),
            over: if self.overwrite {
                Over::Replaced
            } else {
                Over::Refused
            },
        }
    }

    /// What is there now, where that can be looked at: nobody is asked about what could only fail.
    async fn look(&self, found: &Found, world: &World) -> Result<Option<Standing>, String> {
        match found.kind {
            ArtifactKind::Files
            | ArtifactKind::Sqlite
            | ArtifactKind::Stream
            | ArtifactKind::Logs => {
                let destination = self.to();
                let looked = world.archive.look(found.kind.form(), &destination).await;
                looked.map(Some).map_err(|error| error.to_string())
            }
            ArtifactKind::Etcd
            | ArtifactKind::Helm
            | ArtifactKind::Postgres
            | ArtifactKind::Kubernetes
            | ArtifactKind::Volume => self.look_for_folder(found, world).await,
        }
    }

    /// The same of what is restored into a folder of its own by something else than the archive, which looks itself.
    async fn look_for_folder(
        &self,
        found: &Found,
        world: &World,
    ) -> Result<Option<Standing>, String> {
        match found.kind {
            ArtifactKind::Etcd | ArtifactKind::Helm => {
                let destination = Destination {
                    over: Over::Never,
                    ..self.to()
                };
                let looked = world.archive.look(Form::Files, &destination).await;
                looked.map(Some).map_err(|error| error.to_string())
            }
            ArtifactKind::Files
            | ArtifactKind::Sqlite
            | ArtifactKind::Stream
            | ArtifactKind::Logs
            | ArtifactKind::Postgres
            | ArtifactKind::Kubernetes
            | ArtifactKind::Volume => Ok(None),
        }
    }

    async fn find(&self, context: &StepContext, world: &World) -> Result<Found, String> {
        let found = self.artifact.find(context, world).await?;
        let found = found.must_be(self.sha256)?;
        self.fits(found.kind)?;
        if found.expected.sha256.is_none() {
            return Err(format!(
                "nobody recorded what {} should be\nhint: give its SHA-256, as `sha256`; `sha256sum` prints it",
                found.location
            ));
        }
        Ok(found)
    }
}

impl Action for BackupRestore {
    type Inputs = RestoreInputs;
    type Outputs = RestoreOutputs;
    const NAME: &'static str = "backup/restore";
    const SUMMARY: &'static str = "Restores an artifact for good, beside its destination first and then in its place at once; always asks people.";

    fn validate(&self, inputs: &RestoreInputs) -> Result<(), String> {
        inputs.artifact.check()?;
        let given = [
            inputs.to.is_some(),
            inputs.into.is_some(),
            inputs.objects.is_some(),
            inputs.volume.is_some(),
        ];
        if given.iter().filter(|given| **given).count() != 1 {
            return Err(
                "in `with`: name exactly one of `to`, `into`, `objects`, `volume`".to_owned(),
            );
        }
        in_cluster::check(inputs)?;
        inputs
            .into
            .as_ref()
            .map_or(Ok(()), |into| into.check("into"))?;
        let paths = [("to", inputs.to.as_ref()), ("only", inputs.only.as_ref())];
        for (name, path) in paths {
            let Some(path) = path else { continue };
            let absolute = if Path::new(path).is_absolute() {
                check_path(path)
            } else {
                Err(format!("the path `{path}` is not absolute"))
            };
            absolute.map_err(|error| format!("in `with`, at `{name}`: {error}"))?;
        }
        inputs
            .artifact
            .kind()
            .map_or(Ok(()), |kind| inputs.fits(kind))
    }

    fn intend(&self, inputs: &RestoreInputs, context: &StepContext) -> Result<Intent, String> {
        inputs.intent(&inputs.artifact.asked(), "", None, context)
    }

    fn rights(&self, inputs: &RestoreInputs, effects: &Effects) -> Rights {
        if let Some(needed) = in_cluster::rights(inputs, effects) {
            return needed;
        }
        let into = inputs.into.as_ref();
        into.map_or_else(Rights::default, PostgresTarget::rights)
    }

    fn grace(&self, _: &RestoreInputs) -> Span {
        Span::from_secs(20)
    }

    /// The artifact itself is what people consent to, and not whichever is the newest later.
    fn foresee<'a>(
        &'a self,
        inputs: RestoreInputs,
        context: &'a StepContext,
        world: &'a World,
        _: Intent,
    ) -> BoxFuture<'a, Result<Intent, String>> {
        Box::pin(async move {
            let found = inputs.find(context, world).await?;
            let standing = in_cluster::told_standing(&found);
            let there = inputs.look(&found, world).await?;
            let artifact = found.location.to_string();
            let intended = inputs.intent(&artifact, &standing, there, context)?;
            in_cluster::foresee(&inputs, &found, intended, (context, world)).await
        })
    }

    fn execute<'a>(
        &'a self,
        inputs: RestoreInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        self.execute_judged(inputs, &NOTHING_JUDGED, session, world)
    }

    fn execute_judged<'a>(
        &'a self,
        inputs: RestoreInputs,
        judged: &'a Effects,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            let found = match inputs.find(&session.context, world).await {
                Ok(found) => found,
                Err(why) => return StepReport::failed(why, false),
            };
            let read = Effect::read(Verb::FileRead, file(&found.location.to_string()));
            if !judged.items.contains(&read) {
                let why = format!(
                    "{} is another artifact than the one that was asked about",
                    found.location
                );
                return StepReport::failed(why, false);
            }
            // As it was when people were asked; programs would say less of it, or make the folders above.
            if let Err(why) = inputs.look_for_folder(&found, world).await {
                return StepReport::failed(why, false);
            }
            restore(&inputs, &found, session, world).await
        })
    }
}

/// Each kind in its own way.
async fn restore(
    inputs: &RestoreInputs,
    found: &Found,
    session: &Session,
    world: &World,
) -> StepReport {
    match found.kind {
        ArtifactKind::Kubernetes | ArtifactKind::Helm | ArtifactKind::Volume => {
            let (placed, said) = in_cluster::restore(inputs, found, session, world).await;
            if said.result != StepResult::Succeeded {
                return said;
            }
            let told = report(inputs, found, placed);
            if told.result != StepResult::Succeeded {
                return told;
            }
            in_cluster::told(told, said)
        }
        ArtifactKind::Postgres | ArtifactKind::Etcd => {
            let put = match (&inputs.into, &inputs.to) {
                (Some(into), _) => put_back::Put::Database(into),
                (None, to) => put_back::Put::DataFolder {
                    to: to.as_deref().unwrap_or_default(),
                    member: inputs.member.as_ref(),
                },
            };
            let placed = put_back::put_back(found, put, session, world).await;
            match placed {
                Ok((placed, summary)) => StepReport {
                    summary,
                    ..report(inputs, found, Ok(placed))
                },
                Err(put_back::Miss::Archive(error)) => report(inputs, found, Err(error)),
                Err(put_back::Miss::Program(fault)) => fault.report(),
            }
        }
        kind @ (ArtifactKind::Files
        | ArtifactKind::Sqlite
        | ArtifactKind::Stream
        | ArtifactKind::Logs) => {
            let destination = inputs.to();
            let stop = session.stop.clone();
            let placed = world.archive.restore(
                kind.form(),
                &found.location,
                found.expected,
                &destination,
                stop,
            );
            report(inputs, found, settled(placed.await, found, world).await)
        }
    }
}

fn report(
    inputs: &RestoreInputs,
    found: &Found,
    placed: Result<Placed, ArchiveError>,
) -> StepReport {
    let path = found.location.to_string();
    let placed = match placed {
        Ok(placed) => placed,
        Err(error @ ArchiveError::Damaged { .. }) => {
            let report = report_error(&error);
            let StepResult::Failed { error, .. } = &report.result else {
                return report;
            };
            let reason = error.clone();
            let unsound = Unsound { path, reason };
            return StepReport {
                outputs: serde_json::json!({ "unsound": unsound }),
                ..report
            };
        }
        Err(error) => return report_error(&error),
    };
    let former = placed.former.map(|former| former.display().to_string());
    let mut summary = format!("{path} restored to {}", inputs.destination());
    if let Some(former) = &former {
        summary.push_str(&format!("; what was there is now {former}"));
    }
    if !placed.unlike.is_empty() {
        summary.push_str("; some owners could not be given back");
    }
    let warns = !placed.unlike.is_empty();
    let restored = Restored {
        path,
        to: inputs.destination(),
        former,
        entries: placed.inspection.entries,
        content: placed.inspection.content,
        unlike: placed.unlike,
    };
    StepReport {
        check: warns.then_some(CheckStatus::Warning),
        ..StepReport::succeeded(
            summary,
            outputs(&RestoreOutputs {
                restored,
                details: None,
            }),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{BackupRestore, RestoreInputs};
    use crate::{
        actions::framework::{
            Action as _, World,
            scripted::{context, world},
        },
        domain::{
            artifact::Location,
            digest::Digest,
            effect::Class,
            id::ArtifactId,
            name::{ArtifactName, RunbookName},
        },
        ports::{
            BoxFuture,
            shelf::{Known, Shelf},
        },
    };
    use serde_json::{Value, json};
    use std::sync::Arc;

    #[derive(Debug)]
    struct One(Known);
    impl Shelf for One {
        fn series<'a>(
            &'a self,
            _: &'a RunbookName,
            _: &'a ArtifactName,
        ) -> BoxFuture<'a, Result<Vec<Known>, String>> {
            Box::pin(async { Ok(vec![self.0.clone()]) })
        }
        fn one(&self, id: ArtifactId) -> BoxFuture<'_, Result<Option<Known>, String>> {
            let found = (id == self.0.id).then(|| self.0.clone());
            Box::pin(async { Ok(found) })
        }
        fn at<'a>(&'a self, _: &'a Location) -> BoxFuture<'a, Result<Option<Known>, String>> {
            Box::pin(async { Ok(None) })
        }
    }

    fn stage(doubt: Option<&str>) -> World {
        let known = Known {
            doubt: doubt.map(str::to_owned),
            ..crate::actions::backup::retention::tests::known("2026-03-14T02:00:00Z")
        };
        World {
            shelf: Arc::new(One(known)),
            ..world()
        }
    }
    fn inputs(value: Value) -> RestoreInputs {
        serde_json::from_value(value).unwrap()
    }

    #[tokio::test]
    async fn people_are_always_asked_and_told_which_artifact_and_what_is_known_of_it() {
        for (overwrite, class) in [(false, Class::Change), (true, Class::Destructive)] {
            let inputs = inputs(
                json!({ "artifact": { "newest": "db" }, "to": "/srv/db", "overwrite": overwrite }),
            );
            let (context, world) = (context(), stage(Some("it shrank")));
            let intent = BackupRestore.intend(&inputs, &context).unwrap();
            assert_eq!(intent.wants_approval.as_ref().unwrap().people, 1);
            let intent = BackupRestore
                .foresee(inputs, &context, &world, intent)
                .await
                .unwrap();
            let wish = intent.wants_approval.unwrap();
            assert!(wish.message.contains("doubted: it shrank"), "{wish:?}");
            assert_eq!(intent.effects.class(), class);
            assert!(
                intent.effects.items[0].to_string().contains("/x"),
                "{:?}",
                intent.effects
            );
            assert!(!intent.idempotent);
        }
    }

    #[tokio::test]
    async fn nobody_is_asked_about_what_is_not_there_or_has_no_recorded_digest() {
        let gone = inputs(
            json!({ "artifact": { "id": "0199b1c2-7d3e-7a00-8000-000000000000" }, "to": "/srv/db" }),
        );
        let stranger = inputs(json!({ "artifact": "/tmp/x.tar.zst", "to": "/srv/db" }));
        for (inputs, words) in [
            (gone, "there is no artifact"),
            (stranger, "nobody recorded"),
        ] {
            let (context, world) = (context(), stage(None));
            let intent = BackupRestore.intend(&inputs, &context).unwrap();
            let foreseen = BackupRestore.foresee(inputs, &context, &world, intent);
            let why = foreseen.await.unwrap_err();
            assert!(why.contains(words), "{why}");
        }
    }

    #[test]
    fn a_destination_is_an_absolute_path() {
        for (value, words) in [
            (json!({ "artifact": "/x.zst", "to": "srv" }), "not absolute"),
            (
                json!({ "artifact": "/x.zst", "to": "/srv/../etc" }),
                "goes up",
            ),
            (
                json!({ "artifact": "/x.sqlite.zst", "to": "/srv/x", "only": "/etc" }),
                "only an archive of files",
            ),
        ] {
            let error = BackupRestore.validate(&inputs(value)).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        let digest = Digest::of_bytes(b"x");
        let fine =
            json!({ "artifact": "/x.tar.zst", "to": "/srv/x", "only": "/etc", "sha256": digest });
        assert_eq!(BackupRestore.validate(&inputs(fine)), Ok(()));
    }
}
