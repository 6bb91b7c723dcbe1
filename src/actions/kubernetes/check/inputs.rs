//! What `kubernetes/check` is told.

use crate::{
    actions::kubernetes::{
        check::{
            demands::Demands,
            quantity,
            what::{Judge, What},
        },
        check_name, default_cluster,
        subject::{check_kind, check_object_name, placed},
    },
    commands::deeds,
    domain::span::Span,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// What `kubernetes/check` is told.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckInputs {
    /// The cluster's name in the agent's configuration.
    #[serde(default = "default_cluster")]
    pub cluster: String,
    /// What is looked at.
    pub what: What,
    /// In which namespace; all of them where none is named. Not for what belongs to none, such as nodes.
    #[serde(default)]
    pub namespace: Option<String>,
    /// For `object`: the kind, as kubectl reads it (`deployment`, `cm`, `taskruns.agents.platform`). Of Secrets nothing but metadata is read.
    #[serde(default)]
    pub kind: Option<String>,
    /// Only this deployment, stateful set, daemon set, claim, cron job, certificate, definition, Longhorn volume or object, or the endpoints
    /// of this service. Of a kind that lies in a namespace it needs `namespace`. Where it is not there, that is critical.
    #[serde(default)]
    pub name: Option<String>,
    /// Only objects whose labels match, as in `app=web,tier!=test`. Not for events.
    #[serde(default)]
    pub selector: Option<String>,
    /// For `object`: what each object must fulfil, one expression or a list. Expressions know `object`, `conditions` (of its status: the
    /// type and `True`, `False` or `Unknown`) and `age` (in seconds). Without any it is enough that there are `minimum` objects.
    #[serde(default)]
    pub that: Demands,
    /// At least this many nodes, pods or workloads must be as they should be, or endpoints of each service, or objects be there; otherwise
    /// it is critical. With `each`, so many more pods of that size must fit.
    #[serde(default = "one")]
    pub minimum: u64,
    /// Exactly one of these numbers of nodes, pods or workloads must be as they should be, or endpoints of each service, or objects be
    /// there; otherwise it is critical: `[2, 3]` means 2 of 2 or 3 of 3 pods.
    #[serde(default)]
    pub exactly: Vec<u64>,
    /// For `capacity`: the size of a pod of which it is told how many more fit.
    #[serde(default)]
    pub each: Option<Size>,
    /// How far to look back for restarts, kills for want of memory, events and failed jobs.
    #[serde(default = "one_hour")]
    pub since: Span,
    /// For `stuck`: how long a pod may wait. For `cronjobs`: how late it may be scheduled.
    #[serde(default = "five_minutes")]
    pub longer_than: Span,
    /// For `certificates`: less than this before its end, one is a warning.
    #[serde(default = "three_weeks")]
    pub warning_before: Span,
    /// For `certificates`: less than this before its end, one is critical.
    #[serde(default = "one_week")]
    pub critical_before: Span,
    /// A warning from this number on. Not for what says itself how grave it is: volumes, cron jobs, certificates and objects.
    #[serde(default)]
    pub warning: Option<u64>,
    /// Critical from this number on. Where neither threshold is given: from 1 on, a warning for events and critical for all else; for
    /// restarts a warning from 4 and critical from 6; for usage and capacity a warning from 80 (percent) and critical from 95.
    #[serde(default)]
    pub critical: Option<u64>,
}

/// What a pod asks for.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Size {
    /// CPU, as in `500m` or `1`.
    pub cpu: String,
    /// Memory, as in `2Gi`.
    pub memory: String,
}

fn one() -> u64 {
    1
}
fn one_hour() -> Span {
    Span::from_secs(3600)
}
fn five_minutes() -> Span {
    Span::from_secs(300)
}
fn three_weeks() -> Span {
    Span::from_secs(21 * 86_400)
}
fn one_week() -> Span {
    Span::from_secs(7 * 86_400)
}

impl CheckInputs {
    pub(super) fn validate(&self) -> Result<(), String> {
        check_name("cluster", &self.cluster)?;
        if let Some(namespace) = &self.namespace {
            check_name("namespace", namespace)?;
        }
        self.check_object()?;
        self.check_named()?;
        self.check_selector()?;
        self.check_counts()?;
        if self.namespace.is_some() && self.what.is_of_the_cluster() {
            return Err(format!(
                "in `with`, at `namespace`: {} belong to none",
                self.word()
            ));
        }
        if self.warning_before < self.critical_before {
            return Err(
                "in `with`, at `warningBefore`: it is less than `criticalBefore`".to_owned(),
            );
        }
        self.check_thresholds()
    }

    /// `what`, as it is written.
    pub(super) fn word(&self) -> String {
        let written = serde_json::to_value(self.what).unwrap_or_default();
        written.as_str().unwrap_or_default().to_owned()
    }

    /// The kind of `object`, as effects name it.
    pub(super) fn object_kind(&self) -> Option<String> {
        self.kind.as_deref().map(deeds::kind)
    }

    fn check_object(&self) -> Result<(), String> {
        match (&self.kind, self.what) {
            (Some(kind), What::Object) => {
                check_kind("kind", kind)?;
                let needs_namespace = self.name.is_some() || self.namespace.is_some();
                if needs_namespace {
                    placed(&deeds::kind(kind), self.namespace.as_deref())?;
                }
                self.that.validate()
            }
            (None, What::Object) => {
                Err("in `with`: name the `kind` of objects to look at".to_owned())
            }
            (Some(_), _) => {
                Err("in `with`, at `kind`: it goes with `what: object` alone".to_owned())
            }
            (None, _) if !self.that.is_empty() => {
                Err("in `with`, at `that`: it goes with `what: object` alone".to_owned())
            }
            (None, _) => Ok(()),
        }
    }

    fn check_named(&self) -> Result<(), String> {
        let Some(name) = &self.name else {
            return Ok(());
        };
        if !self.what.takes_name() {
            return Err(format!(
                "in `with`, at `name`: {} are not checked by name\nhint: use `selector`",
                self.word()
            ));
        }
        if self.what == What::Object {
            return check_object_name("name", name);
        }
        check_name("name", name)?;
        if self.namespace.is_none() && !self.what.is_of_the_cluster() {
            return Err("in `with`, at `name`: name its `namespace`, too".to_owned());
        }
        Ok(())
    }

    fn check_selector(&self) -> Result<(), String> {
        match &self.selector {
            Some(_) if self.name.is_some() => {
                Err("in `with`: give `name` or `selector`, not both".to_owned())
            }
            Some(_) if self.what == What::Events => {
                Err("in `with`, at `selector`: events have no labels".to_owned())
            }
            Some(selector) if selector.is_empty() || selector.len() > 1000 => {
                Err("in `with`, at `selector`: want 1 to 1000 characters".to_owned())
            }
            Some(_) | None => Ok(()),
        }
    }

    fn check_counts(&self) -> Result<(), String> {
        if !self.exactly.is_empty() && !self.what.counts() {
            return Err(format!(
                "in `with`, at `exactly`: no number of {} is expected",
                self.word()
            ));
        }
        let Some(each) = &self.each else {
            return Ok(());
        };
        if self.what != What::Capacity {
            return Err("in `with`, at `each`: it goes with `what: capacity` alone".to_owned());
        }
        for (field, text) in [("cpu", &each.cpu), ("memory", &each.memory)] {
            if quantity::read(text).is_none_or(|amount| amount <= 0.0) {
                return Err(format!(
                    "in `with`, at `each.{field}`: `{text}` is no amount\nhint: write it as in `500m` or `2Gi`"
                ));
            }
        }
        Ok(())
    }

    fn check_thresholds(&self) -> Result<(), String> {
        let given = self.warning.is_some() || self.critical.is_some();
        if given && self.what.judge() == Judge::Survey {
            return Err(format!(
                "in `with`: {} say themselves how grave they are\nhint: leave `warning` and `critical` out",
                self.word()
            ));
        }
        match self.thresholds() {
            (Some(warning), Some(critical)) if warning > critical => Err(format!(
                "in `with`, at `warning`: {warning} is more than what is critical already ({critical})"
            )),
            (Some(0), _) | (_, Some(0)) => {
                Err("in `with`: a threshold of 0 is always reached".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// From which numbers on it is a warning, and critical. Where one is given, the other is not made up.
    pub(super) fn thresholds(&self) -> (Option<u64>, Option<u64>) {
        match (self.warning, self.critical, self.what.judge()) {
            (None, None, Judge::Thresholds(warning, critical)) => (warning, critical),
            (warning, critical, _) => (warning, critical),
        }
    }

    /// The number from which on something is a problem.
    pub(super) fn least_threshold(&self) -> u64 {
        let (warning, critical) = self.thresholds();
        warning.or(critical).unwrap_or(1)
    }
}
