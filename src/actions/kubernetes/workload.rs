//! One workload: what rollouts and scalings are about.

use crate::{
    actions::kubernetes::{check_name, kinds::Kind, subject::Subject},
    ports::executor::StepContext,
};
use serde_json::Value;
use std::fmt;

/// A workload: an object whose pods are replaced step by step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Workload {
    pub(super) subject: Subject,
    pub(super) kind: Kind,
}

/// The fields of inputs that name a workload, each with its kind; exactly one of them is given.
pub(super) type Named<'a> = [(&'static str, Kind, &'a Option<String>)];

impl Workload {
    /// Checks the names.
    pub(super) fn new(cluster: &str, namespace: &str, named: &Named<'_>) -> Result<Self, String> {
        let given: Vec<_> = named
            .iter()
            .filter_map(|(field, kind, name)| Some((*field, *kind, name.as_ref()?)))
            .collect();
        let [(field, kind, name)] = given.as_slice() else {
            let fields: Vec<String> = named
                .iter()
                .map(|(field, ..)| format!("`{field}`"))
                .collect();
            return Err(format!(
                "in `with`: name exactly one of {}",
                fields.join(", ")
            ));
        };
        check_name("cluster", cluster)?;
        check_name("namespace", namespace)?;
        check_name(field, name)?;
        let subject = Subject {
            cluster: cluster.to_owned(),
            kind: kind.effect_kind(),
            namespace: Some(namespace.to_owned()),
            name: (*name).clone(),
        };
        Ok(Self {
            subject,
            kind: *kind,
        })
    }

    /// Whether a rollout would begin; `what` is what is about to be done: `a restart`.
    pub(super) fn is_not_paused(&self, object: &Value, what: &str) -> Result<(), String> {
        if object.pointer("/spec/paused") == Some(&Value::Bool(true)) {
            return Err(format!(
                "{self} is paused, so {what} would not begin\nhint: resume it first"
            ));
        }
        Ok(())
    }

    /// Where it lies.
    pub(super) fn namespace(&self) -> &str {
        self.subject.namespace.as_deref().unwrap_or_default()
    }
}

/// What an action leaves on an object, so that the same step does not do it twice: the same for every attempt of a step, another
/// for every other step.
pub(super) fn mark(context: &StepContext) -> String {
    format!(
        "{}/{}/{}",
        context.run,
        context.phase.as_str(),
        context.step
    )
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.subject.fmt(f)
    }
}
