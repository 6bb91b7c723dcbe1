//! Changing a unit, and seeing that it is as it should be.

use super::{Doing, ServiceInputs, manager::Manager, state::State};
use crate::{
    actions::framework::{
        outputs,
        program::{Fault, note},
    },
    domain::run::StepReport,
};
use serde_json::Value;
use std::time::Duration;

/// How often it is looked at.
const PAUSE: Duration = Duration::from_millis(500);

/// What systemctl says to who may not change units.
const DENIED: [&str; 2] = ["authentication required", "Access denied"];
const MAY: &str = "\nhint: let the agent's user manage this unit by a rule of polkit (`org.freedesktop.systemd1.manage-units`), or run the agent as root";

/// What came of waiting.
enum Seen {
    /// It is as it should be.
    Fine(State),
    /// It will not be.
    Never(State),
    /// It was not, when the time was over.
    Late(State),
}

pub(super) async fn change(
    inputs: &ServiceInputs,
    manager: &Manager<'_>,
) -> Result<StepReport, StepReport> {
    let before = manager.look().await.map_err(Fault::report)?;
    let unfit = |why| StepReport::failed(why, false);
    before.fit_for(inputs.doing).map_err(unfit)?;
    let begun = manager.world.clock.elapsed();
    let already = already(inputs.doing, &before, manager);
    if let Some(why) = already {
        note(manager.session, &format!("{before}: {why}"));
    } else {
        tell(inputs, manager).await?;
    }
    let changed = already.is_none();
    match watch(inputs, manager, begun).await? {
        Seen::Fine(state) => {
            let done = already.map_or_else(|| done(inputs.doing).to_owned(), str::to_owned);
            let told = match inputs.steady {
                steady if state.is_up() && !steady.is_zero() => format!(", for {steady} at least"),
                _ => String::new(),
            };
            Ok(StepReport::succeeded(
                format!("{done}: {state}{told}"),
                outputs(&state.outputs(changed)),
            ))
        }
        Seen::Never(state) => Err(failed(changed, &state, &state.to_string())),
        Seen::Late(state) => {
            let why = format!(
                "{state}, and not steadily as it should be within {}",
                inputs.wait
            );
            Err(failed(changed, &state, &why))
        }
    }
}

/// Why nothing needs to be done, where it need not.
fn already(doing: Doing, before: &State, manager: &Manager<'_>) -> Option<&'static str> {
    let context = &manager.session.context;
    // Times of systemd are whole seconds here: one that was started in the second before the run began is started once more.
    let anew = before
        .since
        .is_some_and(|since| since >= context.run.made_at());
    match doing {
        Doing::Start if before.is_up() => Some("it was active already"),
        Doing::Stop if before.is_down() => Some("it was not active already"),
        Doing::Restart if context.attempt > 1 && anew => {
            Some("it has been started since the run began")
        }
        Doing::Check | Doing::Start | Doing::Stop | Doing::Restart | Doing::Reload => None,
    }
}

fn done(doing: Doing) -> &'static str {
    match doing {
        Doing::Check => "looked at",
        Doing::Start => "started",
        Doing::Stop => "stopped",
        Doing::Restart => "restarted",
        Doing::Reload => "reloaded",
    }
}

async fn tell(inputs: &ServiceInputs, manager: &Manager<'_>) -> Result<(), StepReport> {
    let verb = inputs.doing.verb();
    note(
        manager.session,
        &format!("systemctl {verb} {}", manager.unit),
    );
    match manager.tell(verb, inputs.wait.duration()).await {
        Some(Ok(())) => Ok(()),
        Some(Err(Fault::Stopped(_))) => Err(StepReport::canceled(format!(
            "not waited for; systemd goes on to {verb} {}",
            manager.unit
        ))),
        Some(Err(fault)) => {
            let shown = match manager.look().await {
                Ok(state) => format!("; {state}"),
                Err(_) => String::new(),
            };
            let fault = fault.with(|why| {
                let hint = if DENIED.iter().any(|words| why.contains(words)) {
                    MAY.to_owned()
                } else {
                    hint(&manager.unit)
                };
                format!("{why}{shown}{hint}")
            });
            Err(fault.report())
        }
        None => Err(StepReport::failed(
            format!(
                "systemd has not done it within {}, and goes on to {verb} {}{}",
                inputs.wait,
                manager.unit,
                hint(&manager.unit)
            ),
            true,
        )),
    }
}

/// Until it is as it should be, and stays so.
async fn watch(
    inputs: &ServiceInputs,
    manager: &Manager<'_>,
    begun: Duration,
) -> Result<Seen, StepReport> {
    let clock = &manager.world.clock;
    let mut up: Option<(Duration, String)> = None;
    loop {
        let state = manager.look().await.map_err(Fault::report)?;
        let now = clock.elapsed();
        if inputs.doing == Doing::Stop {
            if state.is_down() {
                return Ok(Seen::Fine(state));
            }
        } else if state.is_up() {
            let (since, invocation) = up.get_or_insert_with(|| (now, state.invocation.clone()));
            if *invocation != state.invocation {
                (*since, *invocation) = (now, state.invocation.clone());
            }
            if now.saturating_sub(*since) >= inputs.steady.duration() {
                return Ok(Seen::Fine(state));
            }
        } else {
            up = None;
            if state.has_run() {
                return Ok(Seen::Fine(state));
            }
            if state.is_down() {
                return Ok(Seen::Never(state));
            }
        }
        // One that came up in time is given the time that it must stay so.
        if now >= begun + inputs.wait.duration() + inputs.steady.duration() {
            return Ok(Seen::Late(state));
        }
        tokio::select! {
            () = clock.sleep(PAUSE) => {}
            () = manager.session.stop.cancelled() => {
                return Err(StepReport::canceled(format!("{state}; it was not waited for")));
            }
        }
    }
}

fn failed(changed: bool, state: &State, why: &str) -> StepReport {
    let why = format!("{why}{}", hint(&state.unit));
    StepReport {
        outputs: if changed {
            outputs(&state.outputs(true))
        } else {
            Value::Null
        },
        ..StepReport::failed(why, true)
    }
}

fn hint(unit: &str) -> String {
    format!("\nhint: `journalctl --unit {unit}` on the host shows what it said")
}
