//! `orderly logs`.

use crate::{
    cli::{
        client::Address,
        context::Context,
        exit::{Answer, CliError, Exit},
        follow::LogTail,
        ids,
    },
    domain::{id::RunId, name::StepName},
    history::{RunRow, RunStatus},
};
use serde_json::{Value, json};
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
Print what the steps of a run printed, as it was kept: secrets masked, very long output cut with a mark. Each line has its time, its step, \
and whether it came from standard output (out), standard error (err), or the agent (note).

With --follow it goes on until the run ends, and exits with 0 however that ends: `orderly run` is the command whose exit code tells.

Example:
  orderly logs 3f9a1c2d
  orderly logs 3f9a1c2d --step backup --follow
  orderly logs 3f9a1c2d --output json | jq -r '.items[] | select(.stream == \"err\") | .text'";

/// Prints output.
pub(in crate::cli) async fn logs(arguments: Arguments, context: &Context) -> Answer {
    if arguments.follow && context.terminal.wants_json() {
        return Err(CliError::Usage(
            "output that is followed is text\nhint: leave out --follow, or --output json"
                .to_owned(),
        ));
    }
    let client = context.client()?;
    let run: RunId = ids::run(&client, &arguments.run).await?;
    if !arguments.follow {
        let address =
            Address::api(&["runs", &run.to_string(), "logs"]).with("step", arguments.step.as_ref());
        let text = client.patient().text(&address).await?;
        if context.terminal.wants_json() {
            let items: Vec<Value> = text.lines().map(line).collect();
            context.terminal.json(&json!({"items": items}))?;
        } else if text.is_empty() {
            let row: RunRow = client
                .get_as(&Address::api(&["runs", &run.to_string()]))
                .await?;
            context.terminal.say(match row.status {
                RunStatus::Ended => "nothing was printed",
                RunStatus::Queued | RunStatus::Running | RunStatus::Waiting => {
                    "nothing was printed so far"
                }
            });
        } else {
            context.terminal.data(&text)?;
        }
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

/// A line of output in its parts: `<time> <step>[#<attempt>] <stream>| <text>`. What is not one is the agent's own word.
fn line(text: &str) -> Value {
    let parts = text.split_once("| ").and_then(|(head, said)| {
        let mut words = head.split(' ');
        let (at, step, stream) = (words.next()?, words.next()?, words.next()?);
        let (step, attempt) = step.split_once('#').unwrap_or((step, "1"));
        let attempt: u32 = attempt.parse().ok()?;
        Some(json!({"at": at, "step": step, "attempt": attempt, "stream": stream, "text": said}))
    });
    parts.unwrap_or_else(
        || json!({"at": null, "step": null, "attempt": null, "stream": "note", "text": text}),
    )
}

#[cfg(test)]
mod tests {
    use super::line;
    use serde_json::json;

    #[test]
    fn a_line_is_taken_apart_and_its_text_is_not() {
        assert_eq!(
            line("2026-03-02T12:00:00.000Z look#2 err| a | b| c"),
            json!({"at": "2026-03-02T12:00:00.000Z", "step": "look", "attempt": 2, "stream": "err", "text": "a | b| c"})
        );
        let cut = line("-- the output ends here: gone");
        assert_eq!(cut["text"], "-- the output ends here: gone");
    }
}
