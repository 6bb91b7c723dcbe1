//! What expressions can only give: neither true nor false, where nothing else will do.

use crate::{
    domain::{
        expression::{Gives, Reference, Root, argument_gives, condition_gives, has_expression},
        runbook::{Input, InputKind},
    },
    runbooks::{
        convert::{Draft, references::Steps},
        tree::Node,
    },
};
use serde_json::Value;

impl Steps<'_> {
    /// Tells of a condition that is never true or false.
    pub(super) fn check_truth(&self, draft: &mut Draft<'_>, condition: &Node<'_>) {
        let (gives, offset) = condition_gives(condition.text().unwrap_or_default());
        if let Some(instead) = self.known(draft, gives).instead_of_truth() {
            let place = draft.inside(condition, offset);
            let what = format!("the condition gives {instead}, not true or false");
            draft.fault_at(place, what).hint =
                Some("compare it, as in `inputs.mode == 'full'`".to_owned());
        }
    }

    /// Tells of arguments that must be true or false, and whose expressions never are.
    pub(super) fn check_truths(&self, draft: &mut Draft<'_>, with: &Node<'_>, schema: &Value) {
        for entry in with.entries() {
            let wanted = schema.pointer(&format!("/properties/{}/type", entry.key));
            let text = entry.value.text().filter(|text| has_expression(text));
            let (Some(text), Some("boolean")) = (text, wanted.and_then(Value::as_str)) else {
                continue;
            };
            if let Some(instead) = self.known(draft, argument_gives(text)).instead_of_truth() {
                let key = &entry.key;
                let what =
                    format!("`{key}` must be true or false, and the expression gives {instead}");
                draft.fault_at(entry.value.place, what).hint =
                    Some("compare it, as in `${{ inputs.mode == 'full' }}`".to_owned());
            }
        }
    }

    /// The same, with a name as what is declared of it.
    fn known(&self, draft: &Draft<'_>, gives: Gives) -> Gives {
        let Gives::Name(name) = gives else {
            return gives;
        };
        match (name.root, name.path.as_slice()) {
            (Root::Inputs, [_]) => {
                input_kind(self.inputs(), &name).map_or(Gives::Unknown, Into::into)
            }
            (Root::Run, [key]) if key == "attempt" => Gives::Number,
            (Root::Run, [_]) => Gives::Text,
            (Root::Steps, [_]) => Gives::Mapping,
            (Root::Steps, [_, key]) if key == "outcome" => Gives::Text,
            (Root::Steps, [_, key]) if key == "outputs" => Gives::Mapping,
            (Root::Steps, [step, key, output]) if key == "outputs" => {
                let outputs = self.outputs_of(draft, step);
                outputs.map_or(Gives::Unknown, |outputs| of_schema(outputs, output))
            }
            (Root::Inputs | Root::Run | Root::Steps | Root::Values | Root::Secret, _) => {
                Gives::Unknown
            }
        }
    }
}

/// The kind of the input that a name is.
pub(in crate::runbooks) fn input_kind(inputs: &[Input], name: &Reference) -> Option<InputKind> {
    let [input] = name.path.as_slice() else {
        return None;
    };
    let mut inputs = inputs.iter();
    let found = inputs.find(|known| known.name.as_str() == input)?;
    (name.root == Root::Inputs).then_some(found.kind)
}

/// What a property is by its schema, null put aside.
fn of_schema(schema: &Value, property: &str) -> Gives {
    let kind = schema
        .get("properties")
        .and_then(|all| all.get(property)?.get("type"));
    let kinds: Vec<&str> = match kind {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        Some(_) | None => Vec::new(),
    };
    let kinds: Vec<&str> = kinds.into_iter().filter(|kind| *kind != "null").collect();
    match kinds.as_slice() {
        ["string"] => Gives::Text,
        ["integer" | "number"] => Gives::Number,
        ["boolean"] => Gives::Truth,
        ["array"] => Gives::List,
        ["object"] => Gives::Mapping,
        _ => Gives::Unknown,
    }
}
