//! `runbook`.

use crate::{
    actions::framework::{Action, World, nothing, outputs},
    domain::{
        effect::Class,
        name::RunbookName,
        run::{RunOutcome, StepReport},
        span::Span,
    },
    ports::{
        BoxFuture,
        executor::{Intent, Session, StepContext},
        runs::{ChildRun, ChildWish},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

pub(crate) struct Runbook;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(
    clippy::struct_field_names,
    reason = "the names are what authors write"
)]
pub(crate) struct Inputs {
    /// The runbook to run.
    #[schemars(with = "String")]
    runbook: RunbookName,
    /// Its inputs.
    #[serde(default)]
    inputs: BTreeMap<String, Value>,
    /// Whether to wait for its end; the step then ends as the run did.
    #[serde(default = "yes")]
    wait: bool,
}

fn yes() -> bool {
    true
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Outputs {
    /// The run's id.
    run: String,
    /// How it ended; null where nobody waited.
    outcome: Option<&'static str>,
}

impl Action for Runbook {
    type Inputs = Inputs;
    type Outputs = Outputs;
    const NAME: &'static str = "runbook";
    const SUMMARY: &'static str = "Runs another runbook.";

    /// No effect by itself: each step of the other run passes the gate. Not idempotent, because a second call is a second run.
    fn intend(&self, _: &Inputs, _: &StepContext) -> Result<Intent, String> {
        Ok(Intent {
            idempotent: false,
            ..nothing()
        })
    }

    fn execute<'a>(
        &'a self,
        inputs: Inputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            let Some(runs) = world.children.get() else {
                return StepReport::failed("no other runbook can be run from here", false);
            };
            let name = inputs.runbook.clone();
            let wish = ChildWish {
                runbook: inputs.runbook,
                inputs: inputs.inputs,
                wait: inputs.wait,
            };
            match runs
                .run_child(&session.context, wish, session.stop.clone())
                .await
            {
                Ok(child) => report(&name, &child),
                Err(error) => StepReport::failed(error, false),
            }
        })
    }

    /// The other run's steps have a grace of their own.
    fn grace(&self, _: &Inputs) -> Span {
        Span::from_secs(30)
    }

    /// The other run is dry as well.
    fn runs_dry(&self, _: Class) -> bool {
        true
    }
}

fn report(name: &RunbookName, child: &ChildRun) -> StepReport {
    let outputs = outputs(&Outputs {
        run: child.run.to_string(),
        outcome: child.outcome.map(RunOutcome::as_str),
    });
    let ended = |outcome: RunOutcome| {
        let because = if child.reason.is_empty() {
            String::new()
        } else {
            format!(": {}", child.reason)
        };
        format!(
            "runbook `{name}` {} (run {}){because}",
            words(outcome),
            child.run
        )
    };
    match child.outcome {
        None => StepReport::succeeded(
            format!("runbook `{name}` started (run {})", child.run),
            outputs,
        ),
        Some(outcome) if outcome.is_success() => StepReport::succeeded(ended(outcome), outputs),
        Some(outcome @ RunOutcome::Canceled) => StepReport {
            outputs,
            ..StepReport::canceled(ended(outcome))
        },
        Some(outcome) => StepReport {
            outputs,
            ..StepReport::failed(ended(outcome), false)
        },
    }
}

fn words(outcome: RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::Succeeded => "succeeded",
        RunOutcome::Warning => "ended with a warning",
        RunOutcome::Failed => "failed",
        RunOutcome::Denied => "was denied",
        RunOutcome::Canceled => "was canceled",
        RunOutcome::TimedOut => "took too long",
        RunOutcome::Interrupted => "was interrupted",
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        actions::framework::{
            Children, World,
            scripted::{act, intend, world},
        },
        domain::{
            id::RunId,
            run::{RunOutcome, StepReport, StepResult},
        },
        ports::{
            BoxFuture,
            executor::StepContext,
            runs::{ChildRun, ChildWish, Runs, Standing},
        },
    };
    use serde_json::json;
    use std::sync::{Arc, Mutex};
    use tokio_util::sync::CancellationToken;

    #[derive(Debug)]
    struct Answers(Result<Option<RunOutcome>, String>, Mutex<Option<ChildWish>>);

    impl Runs for Answers {
        fn run_child<'a>(
            &'a self,
            parent: &'a StepContext,
            wish: ChildWish,
            _: CancellationToken,
        ) -> BoxFuture<'a, Result<ChildRun, String>> {
            *self.1.lock().unwrap() = Some(wish);
            let run = RunId::new(parent.nominal, [3; 10]);
            let reason = String::new();
            let child = self.0.clone().map(|outcome| ChildRun {
                run,
                outcome,
                reason,
            });
            Box::pin(std::future::ready(child))
        }
        fn standing(&self, _: RunId) -> BoxFuture<'_, Result<Standing, String>> {
            Box::pin(std::future::ready(Ok(Standing::Unknown)))
        }
    }

    async fn call(answer: Result<Option<RunOutcome>, String>) -> StepReport {
        let runs = Arc::new(Answers(answer, Mutex::new(None)));
        let children = Arc::new(Children::default());
        let weak = Arc::downgrade(&runs);
        children.connect(weak);
        let arguments = json!({ "runbook": "other", "inputs": { "n": 1 } });
        let report = act(
            World {
                children,
                ..world()
            },
            "runbook",
            arguments,
        )
        .await;
        let wish = runs.1.lock().unwrap().take().unwrap();
        assert!(wish.wait);
        assert_eq!(wish.inputs["n"], 1);
        report
    }

    #[tokio::test]
    async fn the_step_ends_as_the_other_run_does() {
        for outcome in RunOutcome::ALL {
            let report = call(Ok(Some(outcome))).await;
            assert_eq!(report.result == StepResult::Succeeded, outcome.is_success());
            assert_eq!(
                report.result == StepResult::Canceled,
                outcome == RunOutcome::Canceled
            );
            assert_eq!(report.outputs["outcome"], outcome.as_str());
        }
        assert_eq!(call(Ok(None)).await.outputs["outcome"], json!(null));
        assert_eq!(
            call(Err("there is no runbook `other`".into()))
                .await
                .summary,
            "there is no runbook `other`"
        );
    }

    #[tokio::test]
    async fn calling_twice_is_not_calling_once() {
        let intent = intend("runbook", json!({ "runbook": "other" }))
            .await
            .unwrap();
        assert!(!intent.idempotent);
        assert!(intent.effects.items.is_empty());
        assert!(
            intend("runbook", json!({ "runbook": "Not A Name" }))
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn where_nobody_runs_runbooks_it_fails() {
        let report = act(world(), "runbook", json!({ "runbook": "other" })).await;
        assert_eq!(report.summary, "no other runbook can be run from here");
    }
}
