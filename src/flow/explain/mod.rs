//! A runbook explained before anything runs: each step rendered as far as it can be known, asked what it intends, and judged.
//!
//! The same rendering, the same actions and the same policy are used as in a run. What only a run knows (the outputs of its steps) is
//! not guessed: the step is judged with that value unknown, and where the value decides what is done, the step is opaque.
//!
//! Deliberately left out, because it depends on the moment: windows, limits that are used up, halts, the reviewer, and whether a
//! `when` is true.

mod called;
mod rights;
mod stand_in;

pub use called::{Called, Callee};

use crate::{
    actions::framework::{Catalogue, Given},
    domain::{
        active::ActiveSet,
        effect::{Class, Confidence, Effect, Effects, Object, Place, Scope as Where, Which},
        expression::{ExpressionError, NotYet, Partly, Reference, Root, Scope, Secrets},
        id::RunId,
        name::{RunbookName, StepName},
        pinned::Pinned,
        plan::PlannedStep,
        policy::Policy,
        right::Rights,
        runbook::{Phase, Runbook, Step},
    },
    flow::world::{Settings, effective_policy, quorum},
    gate::explain::{Explained, planned},
    ports::{
        executor::{ApprovalWish, Intent, RunSoFar, StepContext},
        materials::{Materials, RevisionFile},
    },
};
use jiff::Timestamp;
use serde_json::{Value, json};
use stand_in::{StandIns, is_stand_in};
use std::collections::{BTreeMap, BTreeSet};

/// The revision of a runbook that may not be committed yet.
const NO_REVISION: &str = "0000000000000000000000000000000000000000";

/// Gives the files at these paths of the repository.
pub type FilesAt<'a> = dyn Fn(&[String]) -> Result<Vec<RevisionFile>, String> + 'a;

/// What is asked.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// Of which runbook.
    pub runbook: &'a Runbook,
    /// With which inputs; complete but for those that are not known.
    pub inputs: &'a BTreeMap<String, Value>,
    /// Inputs that must be given and are not.
    pub missing: &'a BTreeSet<String>,
    /// As which agent.
    pub settings: &'a Settings,
    /// Beside which environments and policies.
    pub set: &'a ActiveSet,
    /// Only this step.
    pub only: Option<&'a StepName>,
    /// Files of the host, as they are here.
    pub materials: &'a dyn Materials,
    /// Files of the repository, as they are here.
    pub repository: &'a FilesAt<'a>,
    /// The time.
    pub now: Timestamp,
}

impl std::fmt::Debug for Question<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Question")
            .field("runbook", &self.runbook.name)
            .finish_non_exhaustive()
    }
}

/// What the gate would say of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplainedStep {
    /// In which list.
    pub phase: Phase,
    /// The step.
    pub step: Step,
    /// Every expression that only a run can evaluate.
    pub not_yet: Vec<NotYet>,
    /// The answer, or why the step cannot be planned.
    pub answer: Result<Explained, Unplanned>,
    /// What it must be allowed in clusters, as far as that can be told.
    pub rights: Rights,
    /// The runbook that it runs, if it runs one: the step itself does nothing else.
    pub called: Option<Called>,
}

/// Why a step cannot be planned; a run would end there.
#[derive(Debug, Clone, PartialEq)]
pub enum Unplanned {
    /// Its arguments cannot be rendered.
    Rendering(ExpressionError),
    /// Its action does not take them.
    Action(String),
}

/// The policy that its steps are judged by: the agent's, tightened by the repository, lowered by the runbook.
pub fn policy_for(runbook: &Runbook, settings: &Settings, set: &ActiveSet) -> Policy {
    effective_policy(settings, set).lowered(runbook.autonomy)
}

/// Explains each step.
pub fn runbook(question: &Question<'_>, catalogue: &Catalogue) -> Vec<ExplainedStep> {
    let policy = policy_for(question.runbook, question.settings, question.set);
    let mut callers = vec![question.runbook.name.clone()];
    steps_of(question, &policy, catalogue, &mut callers)
}

/// Explains each step by its runbook's policy; `callers` are the runbooks on the way here, this one last.
fn steps_of(
    question: &Question<'_>,
    policy: &Policy,
    catalogue: &Catalogue,
    callers: &mut Vec<RunbookName>,
) -> Vec<ExplainedStep> {
    let known = Known::of(question);
    let phases = [Phase::Main, Phase::Rollback, Phase::Finally];
    let steps = phases.into_iter().flat_map(|phase| {
        let steps = question.runbook.steps_of(phase).iter();
        steps.map(move |step| (phase, step))
    });
    steps
        .filter(|(_, step)| question.only.is_none_or(|only| *only == step.name))
        .map(|(phase, step)| {
            let (mut told, arguments) = known.explain(question, catalogue, policy, phase, step);
            told.called = called::of(question, catalogue, step, &arguments, callers);
            told
        })
        .collect()
}

/// What expressions see before a run. What stands under `run` is made up, but of the form that it will have.
struct Known<'a> {
    inputs: Value,
    values: Value,
    run: Value,
    missing: &'a BTreeSet<String>,
}

impl<'a> Known<'a> {
    fn of(question: &Question<'a>) -> Self {
        let environment = question.set.environment(&question.settings.environment);
        Self {
            inputs: json!(question.inputs),
            values: json!(
                environment
                    .map(|found| found.values.clone())
                    .unwrap_or_default()
            ),
            run: json!({
                "id": example_run(question.now),
                "runbook": question.runbook.name,
                "revision": NO_REVISION,
                "trigger": "person",
                "nominal": question.now,
                "attempt": 1,
                "agentUrl": "http://127.0.0.1:8080",
            }),
            missing: question.missing,
        }
    }

    fn render(
        &self,
        step: &Step,
        stand_ins: &StandIns,
    ) -> Result<(Value, Vec<NotYet>), ExpressionError> {
        let nothing = json!({});
        let scope = Scope {
            inputs: &self.inputs,
            values: &self.values,
            steps: &nothing,
            run: &self.run,
            secrets: Secrets::Allowed,
        };
        Partly {
            scope: &scope,
            is_known: &|reference| self.is_known(reference),
            stand_in: &|source| stand_ins.of(source),
        }
        .render(&step.with.value())
    }

    fn is_known(&self, reference: &Reference) -> bool {
        match (reference.root, reference.path.first()) {
            (Root::Steps, _) => false,
            (Root::Inputs, Some(name)) => !self.missing.contains(name),
            (Root::Inputs, None) => self.missing.is_empty(),
            (Root::Values | Root::Run | Root::Secret, _) => true,
        }
    }

    fn explain(
        &self,
        question: &Question<'_>,
        catalogue: &Catalogue,
        policy: &Policy,
        phase: Phase,
        step: &Step,
    ) -> (ExplainedStep, Value) {
        let told = |not_yet, answer| ExplainedStep {
            phase,
            step: step.clone(),
            not_yet,
            answer,
            rights: Rights::default(),
            called: None,
        };
        let mut not_yet = match self.render(step, &StandIns::default()) {
            Ok((_, not_yet)) => not_yet,
            Err(error) => {
                return (
                    told(Vec::new(), Err(Unplanned::Rendering(error))),
                    Value::Null,
                );
            }
        };
        for stand_ins in StandIns::all(&not_yet) {
            let (arguments, found) = match self.render(step, &stand_ins) {
                Ok(rendered) => rendered,
                Err(error) => {
                    return (told(not_yet, Err(Unplanned::Rendering(error))), Value::Null);
                }
            };
            not_yet = found;
            let context = context(question, phase, step);
            let intent = intent(question, catalogue, step, &arguments, &context);
            match intent {
                Ok(intent) => {
                    let rights = rights::of(catalogue, step, &arguments, &intent, &stand_ins);
                    let intent = unsure(intent, &not_yet, step);
                    let answer = judged(question, policy, (phase, step), arguments.clone(), intent);
                    let told = told(not_yet, Ok(answer));
                    return (ExplainedStep { rights, ..told }, arguments);
                }
                Err(reason) if not_yet.is_empty() => {
                    return (told(not_yet, Err(Unplanned::Action(reason))), arguments);
                }
                Err(_) => {}
            }
        }
        let intent = undecided(&not_yet, step);
        let answer = judged(question, policy, (phase, step), json!({}), intent);
        let told = told(not_yet, Ok(answer));
        let rights = rights::unknown(step, &told.not_yet);
        (ExplainedStep { rights, ..told }, Value::Null)
    }
}

fn intent(
    question: &Question<'_>,
    catalogue: &Catalogue,
    step: &Step,
    arguments: &Value,
    context: &StepContext,
) -> Result<Intent, String> {
    let wanted = catalogue.wants(&step.uses, arguments)?;
    let repository = match wanted.as_slice() {
        [] => Vec::new(),
        wanted => (question.repository)(wanted)?,
    };
    let given = Given {
        materials: question.materials,
        repository: &repository,
    };
    catalogue.intend(&step.uses, arguments, context, &given)
}

fn judged(
    question: &Question<'_>,
    policy: &Policy,
    (phase, step): (Phase, &Step),
    arguments: Value,
    intent: Intent,
) -> Explained {
    let wish = |wish: ApprovalWish| (quorum(wish.people, &wish.groups), wish.message);
    let planned_step = PlannedStep {
        runbook: question.runbook.name.clone(),
        revision: NO_REVISION.to_owned(),
        definition: question.runbook.digest(),
        run: example_run(question.now),
        phase,
        step: step.name.clone(),
        attempt: 1,
        uses: step.uses.clone(),
        arguments,
        timeout: step.timeout,
        effects: intent.effects,
        idempotent: intent.idempotent,
        policy: policy.digest(),
        pinned: intent.pinned,
    };
    planned(
        planned_step,
        policy,
        intent.wants_approval.map(wish),
        question.now,
    )
}

fn example_run(now: Timestamp) -> RunId {
    RunId::new(now, [0; 10])
}

fn context(question: &Question<'_>, phase: Phase, step: &Step) -> StepContext {
    StepContext {
        runbook: question.runbook.name.clone(),
        run: example_run(question.now),
        revision: NO_REVISION.to_owned(),
        step: step.name.clone(),
        phase,
        attempt: 1,
        nominal: question.now,
        dry_run: false,
        so_far: RunSoFar {
            failed: false,
            worst_check: None,
            reason: String::new(),
        },
    }
}

/// What names a thing by what is not known yet names none. A command has weighed its unknown words itself; of the others, only those
/// that look are sure to do no more.
fn unsure(intent: Intent, not_yet: &[NotYet], step: &Step) -> Intent {
    if not_yet.is_empty() || step.uses.as_str() == "command" {
        return intent;
    }
    let Effects {
        items,
        confidence,
        mut reasons,
        ..
    } = intent.effects;
    let items: Vec<Effect> = items.into_iter().map(unnamed).collect();
    let is_read = items.iter().all(|effect| effect.class() == Class::Read);
    let least = if is_read {
        Confidence::Bounded
    } else {
        Confidence::Opaque
    };
    reasons.extend(not_yet.iter().map(only_in_a_run));
    Intent {
        effects: Effects {
            items,
            confidence: confidence.max(least),
            reasons,
            ..intent.effects
        },
        ..intent
    }
}

fn unnamed(effect: Effect) -> Effect {
    let scope = match effect.object.scope {
        Where::Namespace(name) if is_stand_in(&name) => Where::Unknown,
        known => known,
    };
    let which = match effect.object.which {
        Which::Named(name) | Which::Selector(name) if is_stand_in(&name) => Which::Unknown,
        known => known,
    };
    Effect {
        object: Object {
            scope,
            which,
            ..effect.object
        },
        ..effect
    }
}

/// Why an expression has no value here.
pub fn only_in_a_run(not_yet: &NotYet) -> String {
    format!("`${{{{ {} }}}}` is only known in a run", not_yet.source)
}

/// An action that says nothing without its values may do anything.
fn undecided(not_yet: &[NotYet], step: &Step) -> Intent {
    let object = Object {
        place: Place::Host,
        kind: step.uses.to_string(),
        scope: Where::Unknown,
        which: Which::Unknown,
    };
    Intent {
        effects: Effects {
            confidence: Confidence::Opaque,
            reasons: not_yet.iter().map(only_in_a_run).collect(),
            ..Effects::exact(vec![Effect::opaque(object)])
        },
        idempotent: false,
        wants_approval: None,
        pinned: Pinned::default(),
    }
}
