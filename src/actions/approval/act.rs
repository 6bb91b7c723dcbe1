//! `approval`.

use crate::{
    actions::framework::{Action, World, nothing},
    domain::run::StepReport,
    ports::{
        BoxFuture,
        executor::{ApprovalWish, Intent, Session, StepContext},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

const MOST_PEOPLE: u32 = 20;

pub(crate) struct Approval;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Inputs {
    /// The question to people.
    message: String,
    /// How many distinct people must consent, 1 to 20.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 20))]
    people: u32,
    /// Each of these groups must be among them.
    #[serde(default)]
    groups: Vec<String>,
}

fn one() -> u32 {
    1
}

/// None.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Outputs {}

impl Action for Approval {
    type Inputs = Inputs;
    type Outputs = Outputs;
    const NAME: &'static str = "approval";
    const SUMMARY: &'static str = "Waits until people consent; fails when they do not.";

    fn validate(&self, inputs: &Inputs) -> Result<(), String> {
        if !(1..=MOST_PEOPLE).contains(&inputs.people) {
            return Err(format!(
                "in `with`, at `people`: must be 1 to {MOST_PEOPLE}"
            ));
        }
        if inputs.message.trim().is_empty() {
            return Err(
                "in `with`, at `message`: people must be told what they are asked".to_owned(),
            );
        }
        match inputs.groups.iter().find(|group| group.trim().is_empty()) {
            Some(_) => Err("in `with`, at `groups`: a group has no name".to_owned()),
            None => Ok(()),
        }
    }

    fn intend(&self, inputs: &Inputs, _: &StepContext) -> Result<Intent, String> {
        Ok(Intent {
            wants_approval: Some(ApprovalWish {
                people: inputs.people,
                groups: inputs.groups.clone(),
                message: inputs.message.clone(),
            }),
            ..nothing()
        })
    }

    /// The gate has asked already: whoever holds the permit has the consent.
    fn execute<'a>(&'a self, _: Inputs, _: &'a Session, _: &'a World) -> BoxFuture<'a, StepReport> {
        Box::pin(std::future::ready(StepReport::succeeded(
            "approved",
            Value::Null,
        )))
    }
}

#[cfg(test)]
mod tests {
    use crate::actions::framework::scripted::intend;
    use serde_json::json;

    #[tokio::test]
    async fn it_asks_the_gate_for_people() {
        let arguments = json!({ "message": "Delete it?", "people": 2, "groups": ["dba"] });
        let wish = intend("approval", arguments)
            .await
            .unwrap()
            .wants_approval
            .unwrap();
        assert_eq!(
            (wish.people, wish.groups, wish.message.as_str()),
            (2, vec!["dba".to_owned()], "Delete it?")
        );
        for bad in [
            json!({ "message": "x", "people": 0 }),
            json!({ "message": "x", "people": 21 }),
            json!({ "message": " " }),
            json!({ "message": "x", "groups": [""] }),
        ] {
            assert!(intend("approval", bad.clone()).await.is_err(), "{bad}");
        }
    }
}
