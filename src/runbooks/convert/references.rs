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
        convert::{Draft, runbook::list_name},
        problems::{MAX_PROBLEMS, Place, hint_among},
        raw::StepSpec,
    },
};
use serde_json::Value;
use std::collections::BTreeMap;

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

    /// Checks the expressions in a step's arguments.
    pub(super) fn check_expressions(
        &self,
        draft: &mut Draft<'_>,
        arguments: &Value,
        position: Position,
        pointer: &str,
    ) {
        match expression::references(arguments) {
            Ok(references) => {
                for reference in references {
                    if draft.is_full() {
                        return;
                    }
                    let at = format!("{pointer}{}", reference.place.pointer);
                    self.check(draft, &reference, position, &at);
                }
            }
            Err(errors) => {
                for error in errors.into_iter().take(MAX_PROBLEMS) {
                    let at = format!("{pointer}{}", error.place.pointer);
                    tell(draft, error, &at);
                }
            }
        }
    }

    /// Checks a step's condition.
    pub(super) fn check_condition(
        &self,
        draft: &mut Draft<'_>,
        condition: &str,
        position: Position,
        pointer: &str,
    ) {
        match condition_references(condition) {
            Ok(references) => {
                for reference in references {
                    if reference.root == Root::Secret {
                        let place = draft.inside(pointer, reference.place.offset);
                        draft.fault_at(place, "a condition cannot depend on a secret");
                    } else {
                        self.check(draft, &reference, position, pointer);
                    }
                }
            }
            Err(errors) => errors
                .into_iter()
                .for_each(|error| tell(draft, error, pointer)),
        }
    }

    fn check(
        &self,
        draft: &mut Draft<'_>,
        reference: &Reference,
        position: Position,
        pointer: &str,
    ) {
        let wrong = match (reference.root, reference.path.first()) {
            (Root::Inputs, Some(name)) => self.unknown_input(name),
            (Root::Run, Some(key)) => unknown(key, "`run.", &RUN_KEYS),
            (Root::Steps, Some(name)) => self.wrong_step(draft, name, reference, position),
            (Root::Inputs | Root::Run | Root::Steps, None) | (Root::Values | Root::Secret, _) => {
                None
            }
        };
        if let Some((what, hint)) = wrong
            && !draft.partial
        {
            let place: Place = draft.inside(pointer, reference.place.offset);
            draft.fault_at(place, what).hint = hint;
        }
    }

    fn unknown_input(&self, name: &str) -> Option<Wrong> {
        let mut names = self.inputs.iter().map(|input| input.name.as_str());
        if names.any(|known| known == name) {
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
            return None;
        }
        let what = format!("`{uses}` has no output `{output}`");
        Some((what, hint_among(output, known)))
    }
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

fn tell(draft: &mut Draft<'_>, error: ExpressionError, pointer: &str) {
    let in_key = pointer
        .rsplit('/')
        .next()
        .is_some_and(expression::has_expression);
    let place = if in_key {
        draft.root.find(pointer).key_or_node()
    } else {
        draft.inside(pointer, error.place.offset)
    };
    draft.fault_at(place, error.what).hint = error.hint;
}
