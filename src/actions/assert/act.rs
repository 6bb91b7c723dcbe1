//! `assert`.

use crate::{
    actions::framework::{Action, World, nothing},
    domain::run::StepReport,
    ports::{
        BoxFuture,
        executor::{Intent, Session, StepContext},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) struct Assert;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Inputs {
    /// What must be true, as in `${{ steps.count.outputs.rows > 0 }}`.
    that: bool,
    /// Said when it is not.
    #[serde(default = "unsaid")]
    message: String,
}

fn unsaid() -> String {
    "what was asserted is not true".to_owned()
}

/// None.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Outputs {}

impl Action for Assert {
    type Inputs = Inputs;
    type Outputs = Outputs;
    const NAME: &'static str = "assert";
    const SUMMARY: &'static str = "Fails the run unless something is true.";

    fn intend(&self, _: &Inputs, _: &StepContext) -> Result<Intent, String> {
        Ok(nothing())
    }

    fn execute<'a>(
        &'a self,
        inputs: Inputs,
        _: &'a Session,
        _: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        let report = if inputs.that {
            StepReport::succeeded("as asserted", Value::Null)
        } else {
            StepReport::failed(inputs.message, false)
        };
        Box::pin(std::future::ready(report))
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        actions::framework::scripted::{act, intend, world},
        domain::run::StepResult,
    };
    use serde_json::json;

    #[tokio::test]
    async fn only_the_truth_passes() {
        assert_eq!(
            act(world(), "assert", json!({ "that": true })).await.result,
            StepResult::Succeeded
        );
        let report = act(
            world(),
            "assert",
            json!({ "that": false, "message": "no rows" }),
        )
        .await;
        let error = "no rows".to_owned();
        assert_eq!(
            report.result,
            StepResult::Failed {
                error,
                retryable: false
            }
        );
        for vague in [json!("true"), json!(1), json!(null)] {
            assert!(
                intend("assert", json!({ "that": vague })).await.is_err(),
                "{vague}"
            );
        }
    }
}
