//! `sleep`.

use crate::{
    actions::framework::{Action, World, answers::unless_stopped, nothing},
    domain::{effect::Class, run::StepReport, span::Span},
    ports::{
        BoxFuture,
        executor::{Intent, Session, StepContext},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) struct Sleep;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Inputs {
    /// How long; the step's `timeout` must be longer.
    duration: Span,
}

/// None.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Outputs {}

impl Action for Sleep {
    type Inputs = Inputs;
    type Outputs = Outputs;
    const NAME: &'static str = "sleep";
    const SUMMARY: &'static str = "Waits.";

    fn intend(&self, _: &Inputs, _: &StepContext) -> Result<Intent, String> {
        Ok(nothing())
    }

    fn execute<'a>(
        &'a self,
        inputs: Inputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            let sleeping = world.clock.sleep(inputs.duration.duration());
            match unless_stopped(session, sleeping).await {
                Ok(()) => StepReport::succeeded(format!("waited {}", inputs.duration), Value::Null),
                Err(stopped) => stopped,
            }
        })
    }

    fn runs_dry(&self, _: Class) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        actions::framework::{
            Catalogue, Performer,
            scripted::{act, context, perform, session, world},
        },
        domain::{run::StepResult, span::Span},
    };
    use serde_json::json;
    use std::sync::Arc;

    #[tokio::test(start_paused = true)]
    async fn it_waits_as_long_as_it_is_told() {
        let begin = tokio::time::Instant::now();
        let report = act(world(), "sleep", json!({ "duration": "30s" })).await;
        assert_eq!(report.summary, "waited 30s");
        assert_eq!(begin.elapsed().as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn it_stops_when_asked() {
        let performer = Performer::new(Arc::new(Catalogue::new()), Arc::new(world()));
        let session = session(context()).0;
        let stop = session.stop.clone();
        let begin = tokio::time::Instant::now();
        let arguments = json!({ "duration": "30s" });
        let sleeping = perform(&performer, "sleep", arguments, session, Span::from_secs(60));
        let stopping = async {
            tokio::time::sleep(std::time::Duration::from_secs(3)).await;
            stop.cancel();
        };
        let (report, ()) = tokio::join!(sleeping, stopping);
        assert_eq!(report.result, StepResult::Canceled);
        assert_eq!(begin.elapsed().as_secs(), 3);
    }
}
