//! The course of an apply: definitions and namespaces first, then the rest, then the wait; where it fails, what it did is told or undone.

use super::{
    ApplyInputs, conflict,
    report::{Applied, UndoneObject, outputs_of, words},
    undo,
};
use crate::{
    actions::{
        framework::World,
        kubernetes::{located::Located, manifests::Manifest, ready::Awaited},
    },
    domain::{run::StepReport, span::Span},
    ports::{
        cluster::{Change, ClusterError},
        executor::Session,
    },
};
use serde_json::Value;
use std::time::Duration;

/// So long a server may take until it serves what a definition defines.
const SERVED_WITHIN: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(300);

/// Why it did not go on.
pub(super) struct Trouble {
    words: String,
    retryable: bool,
    stopped: bool,
}

/// What is done, and with what.
struct Course<'a> {
    inputs: &'a ApplyInputs,
    session: &'a Session,
    world: &'a World,
    applied: Vec<Applied>,
}

pub(in crate::actions::kubernetes) async fn apply(
    inputs: &ApplyInputs,
    manifests: Vec<Manifest>,
    session: &Session,
    world: &World,
) -> StepReport {
    let mut course = Course {
        inputs,
        session,
        world,
        applied: Vec::new(),
    };
    let count = manifests.len();
    let done = match course.all(&manifests).await {
        Ok(()) => course.ready().await,
        Err(trouble) => Err(trouble),
    };
    match done {
        Ok(took) => course.succeeded(took),
        Err(trouble) => course.failed(trouble, count).await,
    }
}

impl Course<'_> {
    fn is_dry(&self) -> bool {
        self.session.context.dry_run
    }

    async fn all(&mut self, manifests: &[Manifest]) -> Result<(), Trouble> {
        let (first, rest): (Vec<_>, Vec<_>) =
            manifests.iter().partition(|manifest| manifest.goes_first());
        for manifest in first.iter().chain(&rest) {
            if self.session.stop.is_cancelled() {
                return Err(stopped("stopped on the way".to_owned()));
            }
            let definition = first.iter().any(|first| manifest.is_defined_by(first));
            let applied = self.one(manifest, definition).await?;
            self.applied.push(applied);
        }
        Ok(())
    }

    /// Applies one object. What was defined a moment ago may not be served yet, or not in its new shape.
    async fn one(&self, manifest: &Manifest, just_defined: bool) -> Result<Applied, Trouble> {
        let until = self.world.clock.elapsed() + SERVED_WITHIN;
        loop {
            let error = match self.attempt(manifest).await {
                Ok(applied) => return Ok(applied),
                Err(error) => error,
            };
            let may_come = matches!(
                error,
                ClusterError::NotFound(_) | ClusterError::Refused { .. }
            );
            if !just_defined || !may_come || self.world.clock.elapsed() >= until {
                return Err(self.refused(manifest, &error));
            }
            tokio::select! {
                biased;
                () = self.session.stop.cancelled() => {
                    return Err(stopped(format!("stopped while the kind of {} was not served yet", manifest.subject)));
                }
                () = self.world.clock.sleep(PAUSE) => {}
            }
        }
    }

    async fn attempt(&self, manifest: &Manifest) -> Result<Applied, ClusterError> {
        let located = Located::written(manifest, self.world).await?;
        let before = located.find(self.world).await?;
        let mut object = manifest.object.clone();
        if let Some(namespace) = &located.namespace {
            object["metadata"]["namespace"] = Value::String(namespace.clone());
        }
        // The one that was looked at, and no other of its name.
        if let Some(uid) = before.as_ref().and_then(|old| old.pointer("/metadata/uid")) {
            object["metadata"]["uid"] = uid.clone();
        }
        let change = Change::Apply {
            object: &object,
            force: self.inputs.force,
        };
        let answer = located
            .change(self.world, None, change, self.is_dry())
            .await;
        let after = match answer {
            Err(ClusterError::NotFound(_)) if before.is_none() && self.is_to_come(&located) => {
                manifest.object.clone()
            }
            answer => answer?,
        };
        let written = manifest.object.clone();
        Ok(Applied::new(located, written, before, after, self.is_dry()))
    }

    /// A dry run cannot ask about what lies in a namespace that the same step would make.
    fn is_to_come(&self, located: &Located) -> bool {
        let namespaces = self
            .applied
            .iter()
            .filter(|one| one.located.kind == "namespace");
        let mut names = namespaces.map(|one| &one.located.name);
        self.is_dry() && names.any(|name| Some(name) == located.namespace.as_ref())
    }

    fn refused(&self, manifest: &Manifest, error: &ClusterError) -> Trouble {
        let (words, retryable) = conflict::told(&manifest.subject, &manifest.object, error);
        Trouble {
            words,
            retryable,
            stopped: false,
        }
    }

    async fn ready(&self) -> Result<Option<Span>, Trouble> {
        let Some(limit) = self.inputs.wait.filter(|_| !self.is_dry()) else {
            return Ok(None);
        };
        let objects = self.applied.iter().map(|one| (&one.located, &one.after));
        let ready = Awaited::new(objects).all(limit, self.session, self.world);
        ready.await.map(Some).map_err(|in_vain| Trouble {
            words: format!("applied, but {}", in_vain.words),
            retryable: in_vain.retryable,
            stopped: in_vain.stopped,
        })
    }

    /// A conflict leaves what was applied before it, unless the step says otherwise; objects of a backup are no step's own.
    fn with_way_back(&self, hint: String) -> String {
        let inputs = self.inputs;
        let is_own = inputs.manifest.is_some() || inputs.text.is_some() || !inputs.files.is_empty();
        if hint.is_empty() || inputs.undo_on_failure || self.is_dry() || !is_own {
            return hint;
        }
        format!("{hint}; with `undoOnFailure: true`, what was applied before it is taken back")
    }

    fn outputs(&self, undone: Vec<UndoneObject>, took: Option<Span>) -> Value {
        outputs_of(&self.applied, undone, took.map(Span::millis), self.is_dry())
    }

    fn succeeded(&self, took: Option<Span>) -> StepReport {
        let mut summary = words(&self.applied, self.is_dry());
        if self.is_dry() {
            summary.push_str("; the server agrees");
        }
        if let Some(took) = took {
            summary.push_str(&format!("; ready after {took}"));
        }
        StepReport::succeeded(summary, self.outputs(Vec::new(), took))
    }

    /// What was there before an attempt that broke off is known to nobody any longer.
    fn stays(&self) -> &'static str {
        if self.session.context.attempt == 1 {
            return "";
        }
        "; what an earlier attempt of this step has changed before it broke off is NOT undone"
    }

    async fn failed(&self, trouble: Trouble, count: usize) -> StepReport {
        let mut words_of_it = match trouble.words.as_str() {
            words if self.applied.len() == count => words.to_owned(),
            words if count == 1 => format!("not applied: {words}"),
            words => format!(
                "not all was applied, {} of {count} objects: {words}",
                self.applied.len()
            ),
        };
        let (undone, told) = if self.inputs.undo_on_failure && !self.is_dry() {
            let undoing = undo::undo(&self.applied, self.inputs.wait, self.session, self.world);
            let (undone, told) = undoing.await;
            (undone, told + self.stays())
        } else {
            (Vec::new(), String::new())
        };
        let done = words(&self.applied, self.is_dry());
        if !done.is_empty() {
            // A way out comes last.
            let (what, hint) = match words_of_it.split_once("\nhint: ") {
                Some((what, hint)) => (what, format!("\nhint: {hint}")),
                None => (words_of_it.as_str(), String::new()),
            };
            let hint = self.with_way_back(hint);
            words_of_it = format!("{what}; before that: {done}{told}{hint}");
        }
        let report = if trouble.stopped {
            StepReport::canceled(words_of_it)
        } else {
            StepReport::failed(words_of_it, trouble.retryable)
        };
        StepReport {
            outputs: self.outputs(undone, None),
            ..report
        }
    }
}

fn stopped(words: String) -> Trouble {
    Trouble {
        words,
        retryable: false,
        stopped: true,
    }
}
