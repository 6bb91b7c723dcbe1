//! What a step gives to the runbook that it starts.

use crate::{
    domain::{
        expression::{Gives, argument_gives, has_expression},
        runbook::{Input, Runbook, Step},
    },
    runbooks::{
        convert::input_kind,
        document::Lost,
        inputs::{misfit, word},
        problems::hint_among,
        set::{CALL, Spot, Teller},
    },
};
use serde_json::Value;

/// A step that starts another runbook.
pub(super) struct Call<'c> {
    /// The runbook that it stands in, unless not all of its inputs are known.
    pub(super) caller: Option<&'c Runbook>,
    pub(super) step: &'c Step,
    pub(super) arguments: &'c Value,
    /// Whether nothing was cut out of it.
    pub(super) is_whole: bool,
}

impl Call<'_> {
    pub(super) fn check(&self, (target, lost): (&Runbook, &Lost), tell: &mut Teller<'_>) {
        let empty = serde_json::Map::new();
        let given = match self.arguments.get("inputs") {
            None => &empty,
            Some(Value::Object(given)) => given,
            Some(_) => return,
        };
        for (name, value) in given {
            let input = target
                .inputs
                .iter()
                .find(|input| input.name.as_str() == name);
            match input {
                Some(input) => self.check_value(target, input, value, tell),
                None if !lost.inputs => self.unknown(target, name, tell),
                None => {}
            }
        }
        let is_missing =
            |input: &&Input| input.required && !given.contains_key(input.name.as_str());
        for input in target.inputs.iter().filter(is_missing) {
            if self.is_whole {
                let what = format!(
                    "{} requires the input `{}`, which the step `{}` does not give",
                    target.name, input.name, self.step.name
                );
                tell.error(Spot::argument(self.step, CALL.1), what, None);
            }
        }
    }

    fn unknown(&self, target: &Runbook, name: &str, tell: &mut Teller<'_>) {
        let names = target.inputs.iter().map(|input| input.name.as_str());
        let hint = hint_among(name, names);
        let step = &self.step.name;
        let what = format!(
            "{} has no input `{name}`, which the step `{step}` gives",
            target.name
        );
        tell.error(Spot::input(self.step, name), what, hint);
    }

    fn check_value(&self, target: &Runbook, input: &Input, value: &Value, tell: &mut Teller<'_>) {
        let why = match value.as_str().filter(|text| has_expression(text)) {
            Some(text) => self.gives(text).instead_of(input.kind).map(|instead| {
                let wanted = word(input.kind);
                format!("must be {wanted}, and the expression gives {instead}")
            }),
            None => misfit(input, value),
        };
        if let Some(why) = why {
            let (name, step) = (&input.name, &self.step.name);
            let what = format!(
                "the input `{name}` of {}, which the step `{step}` gives, {why}",
                target.name
            );
            tell.error(Spot::input(self.step, name.as_str()), what, None);
        }
    }

    /// What an expression gives, with an input of the caller as what is declared of it.
    fn gives(&self, text: &str) -> Gives {
        match argument_gives(text) {
            Gives::Name(name) => {
                let kind = self
                    .caller
                    .and_then(|caller| input_kind(&caller.inputs, &name));
                kind.map_or(Gives::Unknown, Into::into)
            }
            other => other,
        }
    }
}
