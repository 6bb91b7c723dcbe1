//! `orderly logs`.

use crate::{
    cli::{
        client::Address,
        context::Context,
        exit::{Answer, Exit},
        follow::LogTail,
        ids,
    },
    domain::{id::RunId, name::StepName},
    history::{RunRow, RunStatus},
};
use std::time::Duration;

/// How often a run that is followed is looked at.
const PAUSE: Duration = Duration::from_millis(500);

/// Print what the steps of a run printed
#[derive(Debug, clap::Args)]
#[command(long_about = LONG)]
pub(in crate::cli) struct Arguments {
    /// The run, by its id or a part of it
    run: String,
    /// Of this step alone
    #[arg(long, value_name = "NAME")]
    step: Option<StepName>,
    /// Go on until the run ends
    #[arg(long, short)]
    follow: bool,
}

const LONG: &str = "\
Print what the steps of a run printed, as it was kept: secrets masked, very long output cut with a mark. Each line has its time, its \
step, and whether it came from standard output (out), standard error (err), or the agent (note).

Example:
  orderly logs 3f9a1c2d
  orderly logs 3f9a1c2d --step backup --follow";

/// Prints output.
pub(in crate::cli) async fn logs(arguments: Arguments, context: &Context) -> Answer {
    let client = context.client()?;
    let run: RunId = ids::run(&client, &arguments.run).await?;
    if !arguments.follow {
        let address =
            Address::api(&["runs", &run.to_string(), "logs"]).with("step", arguments.step.as_ref());
        context
            .terminal
            .data(&client.patient().text(&address).await?)?;
        return Ok(Exit::Done);
    }
    let mut tail = LogTail::new(client.clone(), run, arguments.step);
    let address = Address::api(&["runs", &run.to_string()]);
    loop {
        // The run first: what it says has ended has all its output kept.
        let row: RunRow = client.get_as(&address).await?;
        context.terminal.data(&tail.more().await?)?;
        if row.status == RunStatus::Ended {
            return Ok(Exit::Done);
        }
        context.clock.sleep(PAUSE).await;
    }
}
