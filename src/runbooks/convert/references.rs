//! What expressions name: inputs that exist, and steps that run before.

use crate::{
    domain::{
        expression::{
            self, ExpressionError, RUN_KEYS, Reference, Root, STEP_KEYS, condition_references,
        },
        name::{ActionName, StepName},
        runbook::{Input, Phase},
    },
    runbooks::{
        arguments::Actions,
        convert::{Draft, runbook::list_name},
        problems::{MAX_PROBLEMS, hint_among},
        raw::StepSpec,
        tree::{Content, Node},
    },
};
use serde_json::Value;
use std::collections::BTreeMap;

/// The action that keeps its output only where it is told how, and which `outputs` make which of its outputs.
const KEPT: (&str, [(&str, &str); 3]) = (
    "command",
    [("stdout", "text"), ("lines", "lines"), ("json", "json")],
);

/// A phase, and the place in its list.
type Position = (Phase, usize);

/// Every step of a runbook, and its inputs.
pub(super) struct Steps<'i> {
    steps: Vec<(StepName, ActionName, Position)>,
    inputs: &'i [Input],
}

impl<'i> Steps<'i> {
    pub(super) fn new(
        main: &[StepSpec],
        rollback: &[StepSpec],
        finally: &[StepSpec],
        inputs: &'i [Input],
    ) -> Self {
        let phases = [
            (Phase::Main, main),
            (Phase::Rollback, rollback),
            (Phase::Finally, finally),
        ];
        let steps = phases.into_iter().flat_map(|(phase, specs)| {
            specs
                .iter()
                .enumerate()
                .map(move |(index, spec)| (spec.name.clone(), spec.uses.clone(), (phase, index)))
        });
        Self {
            steps: steps.collect(),
            inputs,
        }
    }

    /// What is told to the runbook.
    pub(super) fn inputs(&self) -> &'i [Input] {
        self.inputs
    }

    /// The schema of what a step leaves, if it is known.
    pub(super) fn outputs_of<'d>(&self, draft: &Draft<'d>, name: &str) -> Option<&'d Value> {
        let (_, uses, _) = self.steps.iter().find(|step| step.0.as_str() == name)?;
        let actions: &'d Actions<'d> = draft.actions;
        Some(&actions.spec(uses)?.outputs)
    }

    /// Names are unique over all phases.
    pub(super) fn check_names(&self, draft: &mut Draft<'_>) {
        let mut seen: BTreeMap<&StepName, Position> = BTreeMap::new();
        for (name, _, position) in &self.steps {
            if let Some(first) = seen.get(name) {
                let line = draft.node(&name_pointer(*first)).place.line;
                let what =
                    format!("the step name `{name}` is taken; it stands already at line {line}");
                draft.fault(&name_pointer(*position), what).hint =
                    Some("names are unique over steps, rollback and finally".to_owned());
            } else {
                seen.insert(name, *position);
            }
        }
    }

    /// Checks the expressions in a step's arguments, each text by itself.
    pub(super) fn check_expressions(
        &self,
        draft: &mut Draft<'_>,
        arguments: &Node<'_>,
        position: Position,
    ) {
        if draft.is_full() {
            return;
        }
        match &arguments.content {
            Content::Text(text) if expression::has_expression(text) => {
                let found = expression::survey(text);
                self.check_found(draft, found, arguments, position);
            }
            Content::Sequence(items) => items
                .iter()
                .for_each(|item| self.check_expressions(draft, item, position)),
            Content::Mapping(entries) => {
                for entry in entries {
                    if expression::has_expression(&entry.key) {
                        draft.fault_at(entry.place, "an expression cannot stand in a key");
                    }
                    self.check_expressions(draft, &entry.value, position);
                }
            }
            Content::Text(_) | Content::Null | Content::Bool(_) | Content::Number(_) => {}
        }
    }

    /// Checks a step's condition.
    pub(super) fn check_condition(
        &self,
        draft: &mut Draft<'_>,
        condition: &Node<'_>,
        position: Position,
    ) {
        let found = match condition_references(condition.text().unwrap_or_default()) {
            Ok(references) => (references, Vec::new()),
            Err(errors) => (Vec::new(), errors),
        };
        let (secrets, others): (Vec<_>, Vec<_>) = found
            .0
            .into_iter()
            .partition(|reference: &Reference| reference.root == Root::Secret);
        for reference in secrets {
            let place = draft.inside(condition, reference.place.offset);
            draft.fault_at(place, "a condition cannot depend on a secret");
        }
        self.check_found(draft, (others, found.1), condition, position);
    }

    fn check_found(
        &self,
        draft: &mut Draft<'_>,
        (references, errors): (Vec<Reference>, Vec<ExpressionError>),
        text: &Node<'_>,
        position: Position,
    ) {
        for error in errors.into_iter().take(MAX_PROBLEMS) {
            let place = draft.inside(text, error.place.offset);
            draft.fault_at(place, error.what).hint = error.hint;
        }
        for reference in references {
            if draft.is_full() {
                return;
            }
            if let Some((what, hint)) = self.wrong(draft, &reference, position) {
                let place = draft.inside(text, reference.place.offset);
                draft.fault_at(place, what).hint = hint;
            }
        }
    }

    fn wrong(&self, draft: &Draft<'_>, reference: &Reference, position: Position) -> Option<Wrong> {
        match (reference.root, reference.path.first()) {
            (Root::Inputs, Some(name)) => self.unknown_input(draft, name),
            (Root::Run, Some(key)) => unknown(key, "`run.", &RUN_KEYS),
            (Root::Steps, Some(name)) => self.wrong_step(draft, name, reference, position),
            (Root::Inputs | Root::Run | Root::Steps, None) | (Root::Values | Root::Secret, _) => {
                None
            }
        }
    }

    fn unknown_input(&self, draft: &Draft<'_>, name: &str) -> Option<Wrong> {
        let mut names = self.inputs.iter().map(|input| input.name.as_str());
        if names.any(|known| known == name) || draft.may_lack("inputs") {
            return None;
        }
        let names: Vec<&str> = self
            .inputs
            .iter()
            .map(|input| input.name.as_str())
            .collect();
        let hint =
            hint_among(name, names).unwrap_or_else(|| "declare it under `inputs:`".to_owned());
        Some((format!("there is no input `{name}`"), Some(hint)))
    }

    fn wrong_step(
        &self,
        draft: &Draft<'_>,
        name: &str,
        reference: &Reference,
        position: Position,
    ) -> Option<Wrong> {
        let Some((_, uses, at)) = self.steps.iter().find(|step| step.0.as_str() == name) else {
            if draft.may_lack_steps() {
                return None;
            }
            let before = self
                .steps
                .iter()
                .filter(|step| runs_before(step.2, position));
            let names: Vec<&str> = before.map(|step| step.0.as_str()).collect();
            return Some((
                format!("there is no step `{name}`"),
                hint_among(name, names),
            ));
        };
        if !runs_before(*at, position) {
            let what = format!("the step `{name}` has not run when this is needed");
            let hint = "only earlier steps, and those of earlier phases, can be named";
            return Some((what, Some(hint.to_owned())));
        }
        let key = reference.path.get(1)?;
        if let Some(wrong) = unknown(key, &format!("`steps.{name}."), &STEP_KEYS) {
            return Some(wrong);
        }
        let output = reference.path.get(2).filter(|_| key == "outputs")?;
        let known = known_outputs(&draft.actions.spec(uses)?.outputs)?;
        if known.contains(&output.as_str()) {
            return not_kept(draft, name, uses, *at, output);
        }
        let what = format!("`{uses}` has no output `{output}`");
        Some((what, hint_among(output, known)))
    }
}

/// An output that a command only has where it is told to keep it.
fn not_kept(
    draft: &Draft<'_>,
    name: &str,
    uses: &ActionName,
    (phase, index): Position,
    output: &str,
) -> Option<Wrong> {
    let (_, how) = KEPT.1.into_iter().find(|(kept, _)| *kept == output)?;
    let step = draft.node(&format!("/spec/{}/{index}", list_name(phase)));
    let with = step.get("with");
    let written = with.and_then(|with| with.get("outputs"));
    let is_kept = written.is_some_and(|written| written.text() == Some(how));
    let may_be = draft.gaps.are_below(step);
    if uses.as_str() != KEPT.0 || is_kept || may_be {
        return None;
    }
    let what = format!("the step `{name}` does not keep its output as `{output}`");
    let hint = format!("write `outputs: {how}` in its `with`");
    Some((what, Some(hint)))
}

/// What is wrong, and a hint.
type Wrong = (String, Option<String>);

fn unknown(key: &str, before: &str, known: &[&str]) -> Option<Wrong> {
    if known.contains(&key) {
        return None;
    }
    let hint = hint_among(key, known.iter().copied());
    Some((format!("there is no {before}{key}`"), hint))
}

/// The outputs of an action, if its schema names all of them.
fn known_outputs(schema: &Value) -> Option<Vec<&str>> {
    let open = |key: &str| {
        schema
            .get(key)
            .is_some_and(|value| *value != Value::Bool(false))
    };
    if ["additionalProperties", "$ref", "anyOf", "oneOf", "allOf"]
        .into_iter()
        .any(open)
    {
        return None;
    }
    let properties = schema.get("properties")?.as_object()?;
    Some(properties.keys().map(String::as_str).collect())
}

fn runs_before(one: Position, other: Position) -> bool {
    match (one.0, other.0) {
        (Phase::Main, Phase::Rollback | Phase::Finally) | (Phase::Rollback, Phase::Finally) => true,
        (Phase::Main, Phase::Main)
        | (Phase::Rollback, Phase::Rollback)
        | (Phase::Finally, Phase::Finally) => one.1 < other.1,
        (Phase::Rollback | Phase::Finally, Phase::Main) | (Phase::Finally, Phase::Rollback) => {
            false
        }
    }
}

fn name_pointer((phase, index): Position) -> String {
    format!("/spec/{}/{index}/name", list_name(phase))
}
