//! Objects that a step makes for itself: each has a name that follows from the step and its attempt, and a mark, so that a step that is
//! tried again or recovered finds what it has made before, instead of making it twice.

use crate::{
    actions::{
        framework::World,
        kubernetes::{
            object::{annotation, text},
            subject::Subject,
            workload::mark,
        },
    },
    domain::digest::Digest,
    ports::{
        cluster::{Change, ClusterError},
        executor::StepContext,
    },
};
use serde_json::{Value, json};

/// Which step has made it.
pub(super) const MADE_BY: &str = "orderly.dev/made-by";
/// Whose it is, for selectors.
pub(super) const RUNBOOK: &str = "orderly.dev/runbook";
/// A Job's name becomes a label of its pods.
const LONGEST: usize = 63;
/// How many digits of the mark's digest stand in a name.
const STAMP: usize = 8;

/// Objects of one kind and namespace that this step makes.
pub(super) struct Own<'a> {
    pub(super) cluster: &'a str,
    pub(super) namespace: &'a str,
    /// As effects name it.
    pub(super) kind: &'a str,
    /// The first part of their names.
    pub(super) prefix: &'a str,
    pub(super) context: &'a StepContext,
}

/// How long a prefix may be that is not cut, up to the hundredth attempt.
pub(super) fn stamp_room() -> usize {
    LONGEST - STAMP - "--99".len()
}

impl Own<'_> {
    /// The name in this attempt: `<prefix>-<digest of the step>-<attempt>`.
    pub(super) fn name(&self, attempt: u32) -> String {
        let digest = Digest::of_bytes(mark(self.context).as_bytes()).to_string();
        let stamp = digest.get(..STAMP).unwrap_or(&digest);
        let end = format!("-{stamp}-{attempt}");
        let room = LONGEST.saturating_sub(end.len());
        let prefix: String = self.prefix.chars().take(room).collect();
        format!("{}{end}", prefix.trim_end_matches(['-', '.']))
    }

    pub(super) fn subject(&self, attempt: u32) -> Subject {
        Subject {
            cluster: self.cluster.to_owned(),
            kind: self.kind.to_owned(),
            namespace: Some(self.namespace.to_owned()),
            name: self.name(attempt),
        }
    }

    /// Names and marks the object of this attempt.
    pub(super) fn stamp(&self, object: &mut Value) {
        object["metadata"]["name"] = json!(self.name(self.context.attempt));
        object["metadata"]["namespace"] = json!(self.namespace);
        object["metadata"]["annotations"][MADE_BY] = json!(mark(self.context));
        object["metadata"]["labels"][RUNBOOK] = json!(self.context.runbook.as_str());
    }

    /// The newest that this step has made in this attempt or an earlier one, unless it is on its way out.
    pub(super) async fn newest(&self, world: &World) -> Result<Option<(u32, Value)>, ClusterError> {
        for attempt in (1..=self.context.attempt).rev() {
            let subject = self.subject(attempt);
            match subject.get(world).await {
                Ok(object) if object.pointer("/metadata/deletionTimestamp").is_some() => {}
                Ok(object) => {
                    self.check(&subject, &object)?;
                    return Ok(Some((attempt, object)));
                }
                Err(ClusterError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Makes the object of this attempt. One that was made by a request whose answer was lost is the same.
    pub(super) async fn make(&self, object: &Value, world: &World) -> Result<Value, ClusterError> {
        let subject = self.subject(self.context.attempt);
        let (change, dry_run) = (Change::Create(object), self.context.dry_run);
        match subject.change(world, change, dry_run).await {
            Err(error @ (ClusterError::Conflict { .. } | ClusterError::Unavailable { .. })) => {
                match subject.get(world).await {
                    Ok(there) if !dry_run => self.check(&subject, &there).map(|()| there),
                    Ok(_) | Err(_) => Err(error),
                }
            }
            made => made,
        }
    }

    fn check(&self, subject: &Subject, object: &Value) -> Result<(), ClusterError> {
        if annotation(object, "/metadata/annotations", MADE_BY) == mark(self.context) {
            return Ok(());
        }
        Err(ClusterError::Conflict {
            about: subject.to_string(),
            message: "it is there, and was not made by this step".to_owned(),
        })
    }
}

/// Which object of its name it is.
pub(super) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

#[cfg(test)]
mod tests {
    use super::Own;
    use crate::actions::framework::scripted::context;

    fn own<'a>(prefix: &'a str, context: &'a crate::ports::executor::StepContext) -> Own<'a> {
        Own {
            cluster: "default",
            namespace: "shop",
            kind: "job.batch",
            prefix,
            context,
        }
    }

    #[test]
    fn a_name_follows_from_the_step_and_its_attempt() {
        let mut context = context();
        let first = own("dump", &context).name(1);
        assert_eq!(first, own("dump", &context).name(1));
        assert_ne!(first, own("dump", &context).name(2));
        assert!(
            first.starts_with("dump-") && first.ends_with("-1"),
            "{first}"
        );
        let long = own(&"a-".repeat(60), &context).name(12);
        assert!(long.len() <= 63 && !long.contains("--"), "{long}");
        context.step = crate::domain::name::StepName::new("another").unwrap();
        assert_ne!(first, own("dump", &context).name(1));
    }
}
