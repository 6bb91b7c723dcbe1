//! A person asks for one step, and no runbook of the repository has it → a runbook of that one step → a run like any other.
//!
//! So it passes the gate, is recorded and audited as every run is. Nobody wrote that runbook, so it has no author; whoever asks has started
//! the run, and may consent to it only where policy lets starters.

use crate::{
    actions::backup::not_to_a_path,
    domain::{
        active::{Active, ActiveRunbook, Origin},
        approval::Person,
        id::ArtifactId,
        name::{ActionName, RunbookName, StepName},
        run::Cause,
        runbook::{Arguments, Document, Labels, Overlap, Retry, Runbook, Step},
        span::Span,
    },
    flow::{
        artifacts,
        start::{self, Wish},
        world::World,
    },
    ports::agent::{AgentError, RestoreRequest, StartedRun},
};
use serde_json::{Value, json};
use std::sync::Arc;

/// How long the step may take; large artifacts come from far away.
const TIMEOUT: u64 = 12 * 3600;
/// Where its one step stands.
const FILE: &str = "built-in";

/// Restores an artifact on trial.
///
/// # Errors
/// There is no such artifact, or nothing can be started now.
pub(super) async fn verify(
    world: &Arc<World>,
    id: ArtifactId,
    by: &Person,
) -> Result<StartedRun, AgentError> {
    artifacts::there(world, id).await?;
    let arguments = json!({"artifact": {"id": id}});
    one_step(
        world,
        ("verify", "Restores an artifact on trial."),
        &arguments,
        by,
    )
    .await
}

/// Restores an artifact for good.
///
/// # Errors
/// There is no such artifact, no path is enough for it, the destination is none, or nothing can be started now.
pub(super) async fn restore(
    world: &Arc<World>,
    id: ArtifactId,
    request: RestoreRequest,
    by: &Person,
) -> Result<StartedRun, AgentError> {
    let artifact = artifacts::there(world, id).await?.record;
    if let Some(why) = not_to_a_path(&artifact.kind, id) {
        return Err(AgentError::Invalid(why));
    }
    let texts = std::iter::once(&request.to).chain(&request.only);
    for text in texts {
        if !text.starts_with('/') {
            return Err(AgentError::Invalid(format!(
                "`{text}` is not an absolute path of the agent's host"
            )));
        }
        // The arguments of a step are templates, and what a person names here is none.
        if text.contains("${{") {
            return Err(AgentError::Invalid(format!(
                "`{text}` holds the beginning of an expression\nhint: a runbook with a `backup/restore` step can name such a path"
            )));
        }
    }
    let mut arguments =
        json!({"artifact": {"id": id}, "to": request.to, "overwrite": request.overwrite});
    if let Some(only) = request.only {
        arguments["only"] = Value::String(only);
    }
    one_step(
        world,
        ("restore", "Restores an artifact for good."),
        &arguments,
        by,
    )
    .await
}

async fn one_step(
    world: &Arc<World>,
    (verb, description): (&str, &str),
    arguments: &Value,
    by: &Person,
) -> Result<StartedRun, AgentError> {
    let runbook = runbook(verb, description, arguments).map_err(AgentError::Invalid)?;
    let name = runbook.name.clone();
    let cause = Cause::Person {
        subject: by.subject.clone(),
    };
    let found = active(runbook)?;
    match start::start_given(world, Wish::of(name.clone(), cause), found).await {
        Ok(header) => Ok(StartedRun {
            run: header.id,
            existing: false,
        }),
        Err(why) => Err(start::told(world, &name, by, why).await),
    }
}

fn runbook(verb: &str, description: &str, arguments: &Value) -> Result<Runbook, String> {
    let step = Step {
        name: StepName::new(verb).map_err(|error| error.to_string())?,
        uses: ActionName::new(&format!("backup/{verb}")).map_err(|error| error.to_string())?,
        with: Arguments::new(arguments),
        when: None,
        timeout: Span::from_secs(TIMEOUT),
        retry: Retry::default(),
        continue_on_failure: false,
        ahead: None,
    };
    let name = RunbookName::new(&format!("orderly-artifact-{verb}"));
    Ok(Runbook {
        name: name.map_err(|error| error.to_string())?,
        labels: Labels::default(),
        description: description.into(),
        owner: "".into(),
        environments: Box::default(),
        triggers: Box::default(),
        inputs: Box::default(),
        // Two people may want two artifacts.
        overlap: Overlap::Allow,
        locks: Box::default(),
        windows: Box::default(),
        deadline: Span::from_secs(2 * TIMEOUT),
        autonomy: None,
        steps: [step].into(),
        rollback: Box::default(),
        finally: Box::default(),
        files: None,
    })
}

fn active(runbook: Runbook) -> Result<ActiveRunbook, AgentError> {
    let origin = Origin {
        revision: FILE.into(),
        author: "".into(),
        file: FILE.into(),
        line: 1,
    };
    match Active::new(Document::Runbook(Arc::new(runbook)), origin) {
        Active::Runbook(active) => Ok((*active).clone()),
        Active::Other(_) => Err(AgentError::Unavailable(
            "a runbook became another document".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::runbook;
    use serde_json::json;

    #[test]
    fn a_runbook_of_one_step_has_no_trigger_and_does_exactly_that_step() {
        for verb in ["verify", "restore"] {
            let arguments = json!({"artifact": {"id": "x"}});
            let runbook = runbook(verb, "", &arguments).unwrap();
            assert_eq!(runbook.name.as_str(), format!("orderly-artifact-{verb}"));
            assert!(runbook.triggers.is_empty());
            assert_eq!(runbook.steps.len(), 1);
            assert_eq!(runbook.steps[0].uses.as_str(), format!("backup/{verb}"));
            assert_eq!(runbook.steps[0].with.value(), arguments);
        }
    }
}
