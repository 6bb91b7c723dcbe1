//! `kubernetes/prune`.

mod act;
mod aged;
mod choice;

use crate::{
    actions::{
        framework::{Action, World, rights},
        kubernetes::{
            check_name,
            condition::{ObjectCondition, check_written},
            default_cluster,
            subject::{check_kind, placed},
        },
    },
    commands::deeds::{self, Deed},
    domain::{
        effect::{Class, Confidence, Effects, Which, in_plural},
        pinned::Pinned,
        right::Rights,
        run::StepReport,
        span::Span,
    },
    ports::{
        BoxFuture,
        executor::{Intent, Session, StepContext},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use aged::Since;

/// Removes old objects of one kind.
#[derive(Debug, Clone, Copy)]
pub struct KubernetesPrune;

/// What `kubernetes/prune` is told. At least one of `olderThan`, `keep` and `when` is given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PruneInputs {
    /// The cluster's name in the agent's configuration.
    #[serde(default = "default_cluster")]
    pub cluster: String,
    /// The kind, as kubectl reads it: `job`, `taskruns.tekton.dev`.
    pub kind: String,
    /// The namespace; none for what belongs to none.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Only objects with these labels, as in `app=import,!keep`. Needed unless `all` is true.
    #[serde(default)]
    pub selector: Option<String>,
    /// Only objects with these fields, as far as the server selects by them: `status.phase=Succeeded`.
    #[serde(default)]
    pub field_selector: Option<String>,
    /// Whether every object of the kind is meant, whatever its labels.
    #[serde(default)]
    pub all: bool,
    /// A condition over `object`, `conditions` (by their types) and `age` (in seconds), written without `${{ }}`:
    /// `conditions.Succeeded == "True"`. An
    /// object of which it cannot be told, because a field is not there, is kept.
    #[serde(default)]
    pub when: Option<String>,
    /// Only objects that are older than this.
    #[serde(default)]
    pub older_than: Option<Span>,
    /// From when on an object ages.
    #[serde(default)]
    pub since: Since,
    /// The newest so many of those that match are kept, however old they are.
    #[serde(default)]
    pub keep: u32,
    /// Labels that protect an object: `keep`, or with a value `orderly.dev/keep=true`.
    #[serde(default)]
    pub unless: Vec<String>,
    /// The most objects that one step may remove.
    #[schemars(range(min = 1, max = 10_000))]
    pub limit: u32,
    /// What is done where there are more.
    #[serde(default)]
    pub on_limit: OnLimit,
}

/// What is done where more objects would be removed than may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnLimit {
    /// The step fails, and removes nothing.
    #[default]
    Fail,
    /// As many as may be are removed, the oldest first.
    DeleteOldest,
}

/// What `kubernetes/prune` leaves for later steps, also where it failed on the way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PruneOutputs {
    /// How many objects the selectors match.
    pub matched: usize,
    /// The names of those that were removed, or in a dry run would be; the oldest first.
    pub deleted: Vec<String>,
    /// How many were kept.
    pub kept_count: usize,
    /// Those that were kept, with the reason; at most 200 of them.
    pub kept: Vec<Kept>,
}

/// An object that was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// More is a slip of the finger.
const MOST: u32 = 10_000;

impl PruneInputs {
    /// As effects name it.
    fn effect_kind(&self) -> String {
        deeds::kind(&self.kind)
    }

    fn condition(&self) -> Result<Option<ObjectCondition>, String> {
        let when = self.when.as_deref();
        when.map(|when| ObjectCondition::new("when", when))
            .transpose()
    }

    fn check(&self) -> Result<(), String> {
        check_name("cluster", &self.cluster)?;
        check_kind("kind", &self.kind)?;
        placed(&self.effect_kind(), self.namespace.as_deref())?;
        self.condition()?;
        if !(1..=MOST).contains(&self.limit) {
            return Err(format!("in `with`, at `limit`: from 1 to {MOST}"));
        }
        let blank =
            |text: &Option<String>| text.as_deref().is_some_and(|text| text.trim().is_empty());
        if blank(&self.selector) || blank(&self.field_selector) {
            return Err("in `with`: an empty selector would match every object\nhint: leave it out, and say `all: true` if that is meant".to_owned());
        }
        match (&self.selector, self.all) {
            (None, false) => {
                return Err("in `with`: `selector` is missing\nhint: name the labels, or say `all: true` if every object of the kind is meant".to_owned());
            }
            (Some(_), true) => {
                return Err("in `with`: `selector` and `all` exclude each other".to_owned());
            }
            (Some(_), false) | (None, true) => {}
        }
        if self.older_than.is_none() && self.keep == 0 && self.when.is_none() {
            return Err(
                "in `with`: say which of them, by `olderThan`, `keep` or `when`".to_owned(),
            );
        }
        let bad = self
            .unless
            .iter()
            .find(|label| label.split('=').next().is_none_or(str::is_empty));
        match bad {
            Some(bad) => Err(format!("in `with`, at `unless`: `{bad}` is no label")),
            None => Ok(()),
        }
    }

    /// What it removes, for people: `jobs`.
    fn words(&self) -> String {
        let kind = self.effect_kind();
        in_plural(kind.split('.').next().unwrap_or(&kind))
    }

    fn effects(&self) -> Effects {
        let (which, matching) = match (&self.selector, &self.field_selector) {
            (Some(labels), _) => (Which::Selector(labels.clone()), labels.clone()),
            (None, Some(fields)) => (Which::Selector(format!("fields {fields}")), fields.clone()),
            (None, None) => (Which::All, self.kind.clone()),
        };
        let kind = self.effect_kind();
        let deed = Deed::Delete(deeds::Subject {
            kind: &kind,
            namespace: self.namespace.as_deref(),
            which: &which,
        });
        let mut effects = deeds::of_deeds(&self.cluster, &[deed]);
        effects.confidence = effects.confidence.max(Confidence::Bounded);
        effects.reasons.push(format!(
            "which of `{matching}` are old enough is found when it runs: at most {}",
            self.limit
        ));
        effects
    }
}

impl Action for KubernetesPrune {
    type Inputs = PruneInputs;
    type Outputs = PruneOutputs;
    const NAME: &'static str = "kubernetes/prune";
    const SUMMARY: &'static str =
        "Removes old objects of one kind, by age, labels and conditions, up to a limit.";

    fn validate(&self, inputs: &PruneInputs) -> Result<(), String> {
        inputs.check()
    }

    fn check_template(&self, arguments: &Value) -> Result<(), String> {
        check_written("when", arguments)
    }

    fn intend(&self, inputs: &PruneInputs, _: &StepContext) -> Result<Intent, String> {
        Ok(Intent {
            effects: inputs.effects(),
            // With `delete-oldest`, a second attempt would remove the next ones.
            idempotent: inputs.on_limit == OnLimit::Fail,
            wants_approval: None,
            pinned: Pinned::default(),
        })
    }

    fn foresee<'a>(
        &'a self,
        inputs: PruneInputs,
        context: &'a StepContext,
        world: &'a World,
        intent: Intent,
    ) -> BoxFuture<'a, Result<Intent, String>> {
        Box::pin(async move {
            act::possible(&inputs, context, world).await?;
            Ok(intent)
        })
    }

    fn rights(&self, _: &PruneInputs, effects: &Effects) -> Rights {
        let each = effects.items.iter().map(|effect| &effect.object);
        each.fold(Rights::default(), |needed, object| {
            needed.with(rights::on_object(object, None, &["delete", "list"]))
        })
    }

    fn runs_dry(&self, _: Class) -> bool {
        true
    }

    fn execute<'a>(
        &'a self,
        inputs: PruneInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(act::prune(inputs, session, world))
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        actions::framework::scripted::intend,
        domain::effect::{Class, Confidence, Verb, Which},
    };
    use serde_json::{Value, json};

    fn inputs(more: &Value) -> Value {
        let mut inputs = json!({ "namespace": "ci", "kind": "job", "limit": 10 });
        let more = more.as_object().unwrap().clone();
        inputs.as_object_mut().unwrap().extend(more);
        inputs
    }

    #[tokio::test]
    async fn what_is_pruned_is_bounded_by_its_selector() {
        let prune = inputs(&json!({ "selector": "app=import", "olderThan": "7d" }));
        let intent = intend("kubernetes/prune", prune).await.unwrap();
        let effect = &intent.effects.items[0];
        assert_eq!(effect.verb, Verb::DeleteCollection);
        assert_eq!(
            effect.object.which,
            Which::Selector("app=import".to_owned())
        );
        assert_eq!(effect.object.kind, "job.batch");
        assert_eq!(intent.effects.class(), Class::Destructive);
        assert_eq!(intent.effects.confidence, Confidence::Bounded);
        let all = inputs(&json!({ "all": true, "keep": 3 }));
        let intent = intend("kubernetes/prune", all).await.unwrap();
        assert_eq!(intent.effects.items[0].object.which, Which::All);
    }

    #[tokio::test]
    async fn nothing_is_pruned_by_mistake() {
        for (more, words) in [
            (json!({ "olderThan": "7d" }), "`selector` is missing"),
            (
                json!({ "selector": " ", "olderThan": "7d" }),
                "would match every object",
            ),
            (
                json!({ "selector": "a=b", "all": true, "keep": 1 }),
                "exclude each other",
            ),
            (json!({ "selector": "a=b" }), "say which of them"),
            (
                json!({ "selector": "a=b", "keep": 1, "limit": 0 }),
                "from 1 to",
            ),
            (
                json!({ "selector": "a=b", "when": "x.y" }),
                "there is no name `x`",
            ),
            (
                json!({ "selector": "a=b", "keep": 1, "unless": ["=x"] }),
                "is no label",
            ),
            (
                json!({ "selector": "a=b", "keep": 1, "namespace": null }),
                "lies in a namespace",
            ),
        ] {
            let error = intend("kubernetes/prune", inputs(&more)).await.unwrap_err();
            assert!(error.contains(words), "{more}: {error}");
        }
        let no_limit = json!({ "namespace": "ci", "kind": "job", "selector": "a=b", "keep": 1 });
        assert!(
            intend("kubernetes/prune", no_limit)
                .await
                .unwrap_err()
                .contains("limit")
        );
    }
}
