//! `host/service`: units of systemd on the agent's host, by `systemctl`.

mod change;
mod inputs;
mod manager;
mod state;

use inputs::{Doing, ServiceInputs};

use crate::{
    actions::framework::{Action, World, outputs, said::unheard},
    commands::{self, NoFiles},
    domain::{check::CheckStatus, pinned::Pinned, run::StepReport, span::Span},
    ports::{
        BoxFuture,
        executor::{Intent, Session, StepContext},
    },
};
use manager::Manager;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// Looks at a unit, starts it, stops it, and waits until it is as it should be.
#[derive(Debug, Clone, Copy)]
pub struct HostService;

/// What `host/service` leaves for later steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceOutputs {
    /// What was found: ok where it is active.
    pub status: CheckStatus,
    /// The unit's full name.
    pub unit: String,
    /// `active`, `inactive`, `failed`, `activating`, `deactivating`, `reloading`.
    pub active: String,
    /// The same in more detail, as in `running`, `exited`, `auto-restart`.
    pub sub: String,
    /// How it ended the last time, as in `success`, `exit-code`, `oom-kill`.
    pub result: String,
    /// Since when it is active (RFC 3339); empty where it is not.
    pub since: String,
    /// The PID of its main process; 0 where there is none.
    pub main_pid: u64,
    /// How often systemd has started it again by itself since it was started.
    pub restarts: u64,
    /// Whether this step has changed something.
    pub changed: bool,
}

impl Action for HostService {
    type Inputs = ServiceInputs;
    type Outputs = ServiceOutputs;
    const NAME: &'static str = "host/service";
    const SUMMARY: &'static str = "Checks, starts, stops, restarts or reloads a unit of systemd, and waits until it is steady.";

    fn validate(&self, inputs: &ServiceInputs) -> Result<(), String> {
        inputs.validate()
    }

    fn intend(&self, inputs: &ServiceInputs, _: &StepContext) -> Result<Intent, String> {
        Ok(Intent {
            // As the gate judges the same words of a `command`.
            effects: commands::of_argv(&inputs.words(), &NoFiles).effects,
            // A unit that has started since the run began is not started anew by a later attempt.
            idempotent: true,
            wants_approval: None,
            pinned: Pinned::default(),
        })
    }

    fn foresee<'a>(
        &'a self,
        inputs: ServiceInputs,
        context: &'a StepContext,
        world: &'a World,
        intent: Intent,
    ) -> BoxFuture<'a, Result<Intent, String>> {
        Box::pin(async move {
            if inputs.doing == Doing::Check || context.attempt > 1 {
                return Ok(intent);
            }
            let session = unheard(context);
            // What hinders looking may not hinder the step, and it can say so itself.
            if let Ok(found) = Manager::of(&inputs, &session, world).look().await {
                found.fit_for(inputs.doing)?;
            }
            Ok(intent)
        })
    }

    fn execute<'a>(
        &'a self,
        inputs: ServiceInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            let manager = Manager::of(&inputs, session, world);
            if inputs.doing != Doing::Check {
                return match change::change(&inputs, &manager).await {
                    Ok(report) | Err(report) => report,
                };
            }
            match manager.look().await {
                Ok(found) => {
                    let (status, summary) = found.judged();
                    StepReport::checked(status, summary, outputs(&found.outputs(false)))
                }
                Err(fault) if session.stop.is_cancelled() => fault.report(),
                Err(fault) => StepReport::checked(CheckStatus::Unknown, fault.why(), Value::Null),
            }
        })
    }

    fn grace(&self, _: &ServiceInputs) -> Span {
        Span::from_secs(15)
    }
}

#[cfg(test)]
mod tests;
