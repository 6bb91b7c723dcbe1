//! Waiting until objects are ready, each in its own sense.

use crate::{
    actions::{
        framework::World,
        kubernetes::{
            kinds::{DAEMON_SETS, DEPLOYMENTS, STATEFUL_SETS},
            located::Located,
            object::{changed_at, text},
            poll::{Look, Vain, until},
            progress::Progress,
            readiness::readiness,
            subject::Subject,
            wait,
            warnings::warnings,
            workload::Workload,
        },
    },
    domain::span::Span,
    ports::{BoxFuture, cluster::ClusterError, executor::Session},
};
use serde_json::Value;

/// So many objects that are not ready are named.
const NAMED: usize = 5;

/// Objects that are to be ready, and which they are: another one of the same name is not waited for.
#[derive(Debug)]
pub(super) struct Awaited {
    left: Vec<(Located, String)>,
}

impl Awaited {
    /// These objects, as they were answered.
    pub(super) fn new<'a>(objects: impl Iterator<Item = (&'a Located, &'a Value)>) -> Self {
        let each = objects
            .map(|(located, object)| (located.clone(), text(object, "/metadata/uid").to_owned()));
        Self {
            left: each.collect(),
        }
    }

    /// Waits until all of them are; gives how long it took.
    pub(super) async fn all(
        mut self,
        limit: Span,
        session: &Session,
        world: &World,
    ) -> Result<Span, InVain> {
        match until(limit, session, world, &mut self).await {
            Ok(took) => Ok(took),
            Err(Vain::Stopped) => Err(InVain {
                words: "waiting for it was stopped".to_owned(),
                retryable: false,
                stopped: true,
            }),
            Err(Vain::Refused(error)) => Err(InVain {
                words: format!("waiting for it failed: {error}"),
                retryable: error.retryable(),
                stopped: false,
            }),
            Err(Vain::NotReady(missing, may_help)) => Err(InVain {
                words: format!("not ready: {missing}{}", self.reasons(world).await),
                retryable: may_help,
                stopped: false,
            }),
        }
    }

    /// What pods and events say of the first that is not ready.
    async fn reasons(&self, world: &World) -> String {
        let Some((located, _)) = self.left.first() else {
            return String::new();
        };
        match workload(located) {
            Some(workload) => wait::reasons(&workload, world).await,
            None => {
                let object = located.find(world).await.ok().flatten();
                warnings(located, object.as_ref().and_then(changed_at), world).await
            }
        }
    }
}

/// A wait in vain.
#[derive(Debug)]
pub(super) struct InVain {
    pub(super) words: String,
    pub(super) retryable: bool,
    pub(super) stopped: bool,
}

impl Look for Awaited {
    fn look<'a>(&'a mut self, world: &'a World) -> BoxFuture<'a, Result<Progress, ClusterError>> {
        Box::pin(async move {
            let mut missing = Vec::new();
            for (located, uid) in std::mem::take(&mut self.left) {
                let progress = match located.find(world).await {
                    Ok(found) => progress(&located, &uid, found.as_ref()),
                    Err(error) if error.retryable() => Progress::Waiting(error.to_string()),
                    Err(error) => {
                        self.left.insert(0, (located, uid));
                        return Err(error);
                    }
                };
                match progress {
                    Progress::Ready => {}
                    Progress::Waiting(words) => {
                        missing.push(format!("{located}: {words}"));
                        self.left.push((located, uid));
                    }
                    Progress::Stuck(words) => {
                        let words = format!("{located}: {words}");
                        self.left.insert(0, (located, uid));
                        return Ok(Progress::Stuck(words));
                    }
                }
            }
            Ok(still(missing))
        })
    }
}

fn progress(located: &Located, uid: &str, found: Option<&Value>) -> Progress {
    match found {
        None => Progress::Stuck("it is gone".to_owned()),
        Some(object) if text(object, "/metadata/uid") != uid => {
            Progress::Stuck("another one of this name has taken its place".to_owned())
        }
        Some(object) => readiness(&located.kind, object),
    }
}

fn still(mut missing: Vec<String>) -> Progress {
    if missing.is_empty() {
        return Progress::Ready;
    }
    let more = missing.len().saturating_sub(NAMED);
    missing.truncate(NAMED);
    if more > 0 {
        missing.push(format!("{more} more objects"));
    }
    Progress::Waiting(missing.join("; "))
}

fn workload(located: &Located) -> Option<Workload> {
    let kinds = [DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS];
    let kind = kinds
        .into_iter()
        .find(|kind| kind.effect_kind() == located.kind)?;
    let subject = Subject {
        cluster: located.cluster.clone(),
        kind: located.kind.clone(),
        namespace: located.namespace.clone(),
        name: located.name.clone(),
    };
    Some(Workload { subject, kind })
}
