//! Runbooks: inputs and steps.

use crate::{
    domain::{
        expression::{self, Root},
        name::InputName,
        runbook::{Arguments, Input, InputKind, Phase, Retry, Runbook, Step},
        span::Span,
    },
    runbooks::{
        arguments::{Written, has_expressions},
        convert::{Draft, references::Steps, times::check_times, trigger::triggers},
        inputs::{misfit, whole},
        problems::hint_among,
        raw::{InputSpec, RetrySpec, RunbookFile, RunbookSpec, StepSpec, TriggerSpec},
    },
};
use serde_json::Value;

/// The most attempts of a step.
const MOST_ATTEMPTS: u32 = 100;

/// The most inputs, triggers, and steps of each list.
const MOST_INPUTS: usize = 100;
const MOST_TRIGGERS: usize = 50;
const MOST_STEPS: usize = 200;

/// A runbook as it is meant. It counts only if the draft has no fault.
pub(in crate::runbooks) fn runbook(draft: &mut Draft<'_>, file: RunbookFile) -> Option<Runbook> {
    let spec = file.spec;
    if is_too_large(draft, &spec) {
        return None;
    }
    let is_timed = spec
        .triggers
        .iter()
        .any(|trigger| matches!(trigger, TriggerSpec::Schedule(_) | TriggerSpec::Every(_)));
    let triggers = triggers(draft, spec.triggers);
    let inputs: Vec<Input> = spec
        .inputs
        .into_iter()
        .map(|(name, spec)| input(draft, name, spec))
        .collect();
    check_deadline(draft, spec.deadline, &spec.steps);
    let deadline = spec.deadline;
    let mut steps = Steps::new(&spec.steps, &spec.rollback, &spec.finally, &inputs);
    steps.check_names(draft);
    let mut phase = |phase, specs: Vec<StepSpec>| -> Box<[Step]> {
        let numbered = specs.into_iter().enumerate();
        numbered
            .map(|(index, spec)| {
                let step = step(draft, &mut steps, (phase, index), spec);
                check_times(draft, &step, (phase, index), deadline);
                check_ahead(draft, &step, (phase, index), is_timed);
                step
            })
            .collect()
    };
    let main = phase(Phase::Main, spec.steps);
    let rollback = phase(Phase::Rollback, spec.rollback);
    let finally = phase(Phase::Finally, spec.finally);
    Some(Runbook {
        name: file.metadata.name,
        labels: file.metadata.labels.into(),
        description: spec.description,
        owner: spec.owner,
        environments: spec.environments.into(),
        triggers,
        inputs: inputs.into(),
        overlap: spec.overlap,
        locks: spec.locks.into(),
        windows: spec.windows.into(),
        deadline,
        autonomy: spec.autonomy,
        steps: main,
        rollback,
        finally,
        files: None,
    })
}

/// Refuses what would take long to check, before it is checked.
fn is_too_large(draft: &mut Draft<'_>, spec: &RunbookSpec) -> bool {
    let parts = [
        ("inputs", spec.inputs.len(), MOST_INPUTS),
        ("triggers", spec.triggers.len(), MOST_TRIGGERS),
        ("steps", spec.steps.len(), MOST_STEPS),
        ("rollback", spec.rollback.len(), MOST_STEPS),
        ("finally", spec.finally.len(), MOST_STEPS),
    ];
    let mut too_large = false;
    for (key, count, most) in parts {
        if count > most {
            let what = format!("`{key}` holds {count} of them; at most {most} are taken");
            draft.fault(&format!("/spec/{key}"), what);
            too_large = true;
        }
    }
    too_large
}

fn check_deadline(draft: &mut Draft<'_>, deadline: Span, steps: &[StepSpec]) {
    if deadline.is_zero() {
        draft.fault("/spec/deadline", "a run needs some time");
    }
    if steps.is_empty() && !draft.may_lack("steps") {
        draft.fault("/spec/steps", "a runbook needs at least one step");
    }
}

fn input(draft: &mut Draft<'_>, name: InputName, spec: InputSpec) -> Input {
    let pointer = format!("/spec/inputs/{name}");
    let input = Input {
        name,
        kind: spec.kind,
        description: spec.description,
        required: spec.required,
        default: spec.default,
        pattern: spec.pattern,
        choices: spec.choices.into(),
    };
    if !draft.gaps.may_hold(draft.node(&pointer), "type") {
        check_input(draft, &input, &pointer);
    }
    input
}

fn check_input(draft: &mut Draft<'_>, input: &Input, pointer: &str) {
    if let Some(pattern) = &input.pattern {
        let pointer = format!("{pointer}/pattern");
        if input.kind != InputKind::String {
            draft.fault(&pointer, "only text can be matched by a pattern");
            return;
        }
        if whole(pattern).is_none() {
            draft.fault(&pointer, format!("`{pattern}` is not a regular expression"));
            return;
        }
    }
    check_choices(draft, input, pointer);
    let Some(default) = &input.default else {
        return;
    };
    if let Some(why) = misfit(input, default) {
        draft.fault(&format!("{pointer}/default"), format!("the default {why}"));
    }
    if input.required {
        let what = "a required input never uses its default";
        let fault = draft.fault(&format!("{pointer}/default"), what);
        fault.hint = Some("remove `required` or `default`".to_owned());
    }
}

fn check_choices(draft: &mut Draft<'_>, input: &Input, pointer: &str) {
    if input.choices.is_empty() {
        return;
    }
    let without_choices = Input {
        choices: Box::default(),
        ..input.clone()
    };
    for (index, choice) in input.choices.iter().enumerate() {
        if let Some(why) = misfit(&without_choices, choice) {
            draft.fault(
                &format!("{pointer}/enum/{index}"),
                format!("a choice {why}"),
            );
        }
    }
}

fn step(
    draft: &mut Draft<'_>,
    steps: &mut Steps<'_>,
    position: (Phase, usize),
    spec: StepSpec,
) -> Step {
    let pointer = format!("/spec/{}/{}", list_name(position.0), position.1);
    if let Some(condition) = draft.node(&pointer).get("when") {
        steps.check_condition(draft, condition, position);
        steps.check_truth(draft, condition);
    }
    let arguments = Value::Object(spec.with.into_iter().collect());
    check_arguments(draft, steps, position, &spec.uses, &arguments, &pointer);
    Step {
        name: spec.name,
        uses: spec.uses,
        with: Arguments::new(&arguments),
        when: spec.when,
        timeout: spec.timeout,
        retry: retry(draft, &spec.retry, &pointer),
        continue_on_failure: spec.continue_on_failure,
        ahead: spec.approval.map(|approval| approval.ahead),
    }
}

/// People can be asked ahead only about what is known ahead.
fn check_ahead(draft: &mut Draft<'_>, step: &Step, (phase, index): (Phase, usize), is_timed: bool) {
    let Some(ahead) = step.ahead else { return };
    let pointer = format!("/spec/{}/{index}/approval/ahead", list_name(phase));
    let needed = needed_steps(step);
    let (what, hint) = if ahead.is_zero() {
        ("people need some time to answer".to_owned(), None)
    } else if phase != Phase::Main {
        let what = format!(
            "nobody knows ahead whether `{}` is needed",
            list_name(phase)
        );
        (what, Some("people are asked ahead about `steps` alone"))
    } else if !is_timed && !draft.may_lack("triggers") {
        let what = "there is no due time to ask ahead of".to_owned();
        let hint = "give the runbook a trigger with `schedule:` or `every:`, or remove `ahead`";
        (what, Some(hint))
    } else if let Some(needed) = needed.first() {
        let what = format!("nobody can be asked ahead: it needs what the step `{needed}` leaves");
        let hint = "take the value from `inputs` or `values`, or remove `ahead`: people are then asked when the run comes to it";
        (what, Some(hint))
    } else {
        return;
    };
    draft.fault(&pointer, what).hint = hint.map(str::to_owned);
}

/// The steps whose results a step's arguments or condition name.
fn needed_steps(step: &Step) -> Vec<String> {
    let condition = step.when.as_deref().map(expression::condition_references);
    let named = [Some(expression::references(&step.with.value())), condition];
    let references = named.into_iter().flatten().filter_map(Result::ok).flatten();
    references
        .filter(|reference| reference.root == Root::Steps)
        .map(|reference| reference.path.first().cloned().unwrap_or_default())
        .collect()
}

/// The key of a phase's list.
pub(super) fn list_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Main => "steps",
        Phase::Rollback => "rollback",
        Phase::Finally => "finally",
    }
}

fn check_arguments(
    draft: &mut Draft<'_>,
    steps: &Steps<'_>,
    position: (Phase, usize),
    uses: &crate::domain::name::ActionName,
    arguments: &Value,
    pointer: &str,
) {
    let actions = draft.actions;
    let step = draft.node(pointer);
    let with = step.get("with");
    let expressions = with.is_some_and(has_expressions);
    if let Some(with) = with.filter(|_| expressions) {
        steps.check_expressions(draft, with, position);
    }
    if draft.gaps.may_hold(step, "uses") {
        return;
    }
    let Some(action) = actions.spec(uses) else {
        let hint = hint_among(uses.as_str(), actions.names());
        let what = format!("there is no action `{uses}`");
        draft.fault(&format!("{pointer}/uses"), what).hint = hint;
        return;
    };
    if draft.gaps.may_hold(step, "with") {
        return;
    }
    if let Some(with) = with.filter(|_| expressions) {
        steps.check_truths(draft, with, &action.inputs);
    }
    let written = Written {
        text: draft.text,
        arguments,
        has_expressions: expressions,
        node: with.unwrap_or(step),
        gaps: draft.gaps,
    };
    draft.faults.extend(actions.check(uses, &written));
}

fn retry(draft: &mut Draft<'_>, spec: &RetrySpec, pointer: &str) -> Retry {
    if spec.attempts.get() > MOST_ATTEMPTS {
        let what = format!("at most {MOST_ATTEMPTS} attempts are made");
        draft.fault(&format!("{pointer}/retry/attempts"), what);
    }
    if !(spec.backoff.factor >= 1.0 && spec.backoff.factor.is_finite()) {
        let pointer = format!("{pointer}/retry/backoff/factor");
        draft.fault(
            &pointer,
            "the wait cannot shrink: the factor must be at least 1",
        );
    }
    Retry {
        attempts: spec.attempts.get(),
        initial: spec.backoff.initial,
        factor: spec.backoff.factor,
        max: spec.backoff.max,
    }
}
