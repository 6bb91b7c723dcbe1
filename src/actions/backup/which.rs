//! Which artifact: by its place, as a step has made it, by its id, or the newest of a series.

use crate::{
    actions::{
        backup::{Artifact, ArtifactKind, check_path},
        framework::World,
    },
    domain::{
        artifact::Location,
        digest::Digest,
        id::ArtifactId,
        name::{ArtifactName, RunbookName},
    },
    ports::{archive::Expected, executor::StepContext, shelf::Known},
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::Path;

/// An artifact by its path, with all that is known of it, by its id, or the newest of a series.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "want a path, the output `artifact` of a backup step, `{ newest: NAME }` or `{ id: ID }`"
)]
pub enum Which {
    /// Where it is: a path, or `<store>:<key>`. Where the agent has not made it itself, its name says what is in it: `….tar.zst`,
    /// `….sqlite.zst`, `….pgdump.zst`, `….etcd.zst`, `….objects.jsonl.zst`, `….releases.jsonl.zst`, `….volume.tar.zst`, or any other `….zst` for a stream or logs.
    Path(String),
    /// The newest of a series.
    Newest(Newest),
    /// The one with this id.
    Id(ById),
    /// The output of the step that made it.
    Made(Artifact),
}

/// The newest of a series.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Newest {
    /// The name of the backup.
    #[schemars(
        with = "String",
        regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
    )]
    pub newest: ArtifactName,
    /// The runbook that makes it; this one where none is named.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub runbook: Option<RunbookName>,
}

/// An artifact by its id.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ById {
    /// Its id, as `orderly artifacts` shows it.
    #[schemars(with = "String")]
    pub id: ArtifactId,
}

/// An artifact that was found.
#[derive(Debug, Clone)]
pub(in crate::actions) struct Found {
    /// What is in it.
    pub(in crate::actions) kind: ArtifactKind,
    /// Where it is, absolute.
    pub(in crate::actions) location: Location,
    /// The digest and the size that were recorded.
    pub(in crate::actions) expected: Expected,
    /// The members, pages or streams that were recorded.
    pub(in crate::actions) entries: Option<u64>,
    /// What the history knows of it.
    pub(in crate::actions) known: Option<Known>,
}

impl Which {
    /// What can be said before anything is looked up.
    pub(in crate::actions) fn check(&self) -> Result<(), String> {
        match self {
            Self::Path(path) => check_path(path),
            Self::Made(made) => check_path(&made.path).and_then(|()| digest(made).map(drop)),
            Self::Newest(_) | Self::Id(_) => Ok(()),
        }
        .map_err(|error| format!("in `with`, at `artifact`: {error}"))
    }

    /// What is in it, where that can be told by itself.
    pub(in crate::actions) fn kind(&self) -> Option<ArtifactKind> {
        match self {
            Self::Path(path) => by_name(path),
            Self::Made(made) => Some(made.kind),
            Self::Newest(_) | Self::Id(_) => None,
        }
    }

    /// As it was asked for.
    pub(in crate::actions) fn asked(&self) -> String {
        match self {
            Self::Path(path) => path.clone(),
            Self::Made(made) => made.path.clone(),
            Self::Newest(series) => format!("the newest {}", series.newest),
            Self::Id(by) => by.id.to_string(),
        }
    }

    /// Looks it up.
    ///
    /// # Errors
    /// There is none, or what is known of it does not say what is in it.
    pub(in crate::actions) async fn find(
        &self,
        context: &StepContext,
        world: &World,
    ) -> Result<Found, String> {
        match self {
            Self::Path(path) => at(path, world).await,
            Self::Made(made) => of_step(made, world).await,
            Self::Newest(series) => {
                let runbook = series.runbook.as_ref().unwrap_or(&context.runbook);
                let all = world.shelf.series(runbook, &series.newest).await?;
                let newest = all.into_iter().next();
                newest.map_or_else(
                    || {
                        Err(format!(
                            "runbook {runbook} has made no artifact `{}` that is still there\nhint: `orderly artifacts` lists what there is",
                            series.newest
                        ))
                    },
                    of_history,
                )
            }
            Self::Id(by) => {
                let found = world.shelf.one(by.id).await?;
                found.map_or_else(
                    || {
                        Err(format!(
                            "there is no artifact {}, or it was removed\nhint: `orderly artifacts` lists what there is",
                            by.id
                        ))
                    },
                    of_history,
                )
            }
        }
    }
}

fn by_name(path: &str) -> Option<ArtifactKind> {
    let location = Location::parse(path);
    let name = location.file_name();
    let name = name.strip_suffix(".age").unwrap_or(name);
    if name.ends_with(".volume.tar.zst") {
        Some(ArtifactKind::Volume)
    } else if name.ends_with(".objects.jsonl.zst") {
        Some(ArtifactKind::Kubernetes)
    } else if name.ends_with(".releases.jsonl.zst") {
        Some(ArtifactKind::Helm)
    } else if name.ends_with(".tar.zst") {
        Some(ArtifactKind::Files)
    } else if name.ends_with(".sqlite.zst") {
        Some(ArtifactKind::Sqlite)
    } else if name.ends_with(".pgdump.zst") {
        Some(ArtifactKind::Postgres)
    } else if name.ends_with(".etcd.zst") {
        Some(ArtifactKind::Etcd)
    } else {
        (Path::new(name).extension() == Some("zst".as_ref())).then_some(ArtifactKind::Stream)
    }
}

async fn at(path: &str, world: &World) -> Result<Found, String> {
    let location = absolute(Location::parse(path), world);
    if let Some(known) = world.shelf.at(&location).await? {
        return of_history(known);
    }
    let kind = by_name(path).ok_or_else(|| {
        format!(
            "in `with`, at `artifact`: `{path}` does not say what is in it\nhint: name one that ends in .tar.zst, .sqlite.zst or .zst, with .age where it is encrypted"
        )
    })?;
    Ok(Found {
        kind,
        location,
        expected: Expected::default(),
        entries: None,
        known: None,
    })
}

async fn of_step(made: &Artifact, world: &World) -> Result<Found, String> {
    let location = absolute(Location::parse(&made.path), world);
    let known = world.shelf.at(&location).await?;
    Ok(Found {
        kind: made.kind,
        location,
        expected: Expected {
            sha256: Some(digest(made)?),
            raw_size: Some(made.raw_size),
        },
        entries: Some(made.entries),
        known,
    })
}

fn of_history(known: Known) -> Result<Found, String> {
    let kind = ArtifactKind::parse(&known.kind).ok_or_else(|| {
        format!(
            "{} is of the kind `{}`, which this agent does not know",
            known.location, known.kind
        )
    })?;
    Ok(Found {
        kind,
        location: known.location.clone(),
        expected: Expected {
            sha256: Some(known.sha256),
            raw_size: Some(known.raw_size),
        },
        entries: Some(known.entries),
        known: Some(known),
    })
}

fn digest(made: &Artifact) -> Result<Digest, String> {
    let parsed = made.sha256.parse();
    parsed.map_err(|error| format!("its `sha256`: {error}"))
}

fn absolute(location: Location, world: &World) -> Location {
    match location {
        Location::File(path) => Location::File(world.archive.absolute(&path)),
        object @ Location::Object { .. } => object,
    }
}

impl Found {
    /// With the digest that the step itself names.
    ///
    /// # Errors
    /// Another one was recorded.
    pub(in crate::actions) fn must_be(mut self, named: Option<Digest>) -> Result<Self, String> {
        if let (Some(recorded), Some(named)) = (self.expected.sha256, named)
            && recorded != named
        {
            return Err("in `with`: `sha256` is not that of `artifact`".to_owned());
        }
        self.expected.sha256 = self.expected.sha256.or(named);
        Ok(self)
    }

    /// What people should know of it before they rely on it.
    pub(in crate::actions) fn standing(&self) -> String {
        let Some(known) = &self.known else {
            return "the history knows nothing of it".to_owned();
        };
        let made = format!("made at {}", known.at);
        match (&known.unsound, &known.doubt, known.verified) {
            (Some(why), _, _) => format!("{made}, UNSOUND: {why}"),
            (None, Some(why), _) => format!("{made}, doubted: {why}"),
            (None, None, Some(at)) => format!("{made}, verified at {at}"),
            (None, None, None) => format!("{made}, never verified"),
        }
    }
}
