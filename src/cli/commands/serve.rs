//! `orderly serve`.

use crate::{
    cli::{
        arguments::version,
        commands::config::tell_file,
        context::Context,
        exit::{Answer, CliError, Exit},
        rows,
        table::{Cell, Table},
        terminal::Style,
        times,
    },
    config::{Flag, LogConfig, LogFormat, load, working_directory},
    daemon::{self, Ended, Facts, Greeting, Plan, address},
    telemetry::{self, LogOptions},
};
use std::{path::PathBuf, time::Duration};

/// Be the agent: follow a repository and run what is due
#[derive(Debug, clap::Args)]
#[command(long_about = LONG)]
pub(in crate::cli) struct Arguments {
    /// Address and port of HTTP (`http.listen`)
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Repository to follow: a folder or a URL (`source.url`)
    #[arg(long, value_name = "REPOSITORY")]
    source: Option<String>,
    /// Where this agent runs (`environment`)
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// How much runs without asking: 1, 2 or 3 (`policy.autonomy`)
    #[arg(long, value_name = "LEVEL")]
    autonomy: Option<String>,
}

const LONG: &str = "\
Be the agent: follow a git repository, run what is due, ask people where the safety gate says so, keep a history, and answer over HTTP.

Once it is up it prints where it answers, what it follows and what is due next; from then on it logs to standard error. The first start \
makes the state folder, with a token for the administrator in it; commands on the same host find both by themselves.

TERM and Ctrl-C stop it: running steps get `runs.shutdownGrace` to end; a second signal does not wait. HUP reads the configuration again. \
Exits with 0 where nothing was stuck, with 1 where something was or the address is taken, with 5 for the configuration, and with 6 for the \
state folder, also where another agent uses it.

Example:
  orderly serve
  orderly serve --source https://git.example.org/ops.git --environment staging
  orderly --config /etc/orderly/orderly.yaml serve";

impl Arguments {
    fn flags(self) -> Vec<Flag> {
        let given = [
            ("--listen", "http.listen", self.listen),
            ("--source", "source.url", self.source),
            ("--environment", "environment", self.environment),
            ("--autonomy", "policy.autonomy", self.autonomy),
        ];
        given
            .into_iter()
            .filter_map(|(flag, path, value)| {
                Some(Flag {
                    flag: flag.to_owned(),
                    path: path.to_owned(),
                    value: value?,
                })
            })
            .collect()
    }
}

/// How long threads that still work are waited for in the end.
const LAST_THREADS: Duration = Duration::from_secs(5);

/// Starts the agent and stays until it stops.
pub(in crate::cli) fn serve(arguments: Arguments, context: &Context) -> Answer {
    let inputs = context.inputs(arguments.flags());
    let loaded = load(&inputs)?;
    telemetry::init(&log_options(&loaded.config.log, context))?;
    tell_file(context);
    let greeting = Welcome {
        context,
        // Machines that read logs as JSON are not greeted.
        wanted: loaded.config.log.format == LogFormat::Text || context.terminal.is_watched(),
        environment: loaded.config.environment.to_string(),
    };
    let plan = Plan {
        inputs,
        from: working_directory(),
    };
    let runtime = runtime()?;
    let ended = runtime.block_on(daemon::serve(plan, &greeting));
    // A thread that a dead disk holds must not hold the agent.
    runtime.shutdown_timeout(LAST_THREADS);
    Ok(tell_end(context, &ended?))
}

fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores)
        .enable_all()
        .build()
        .map_err(|error| CliError::Internal(format!("no runtime could be made: {error}")))
}

fn log_options(log: &LogConfig, context: &Context) -> LogOptions {
    LogOptions {
        format: match log.format {
            LogFormat::Text => telemetry::LogFormat::Text,
            LogFormat::Json => telemetry::LogFormat::Json,
        },
        filter: log.filter.clone(),
        colour: context.terminal.colours_talk(),
    }
}

fn tell_end(context: &Context, ended: &Ended) -> Exit {
    match ended {
        Ended::Clean => Exit::Done,
        Ended::Forced(stuck) if stuck.is_empty() => {
            context.terminal.say(
                "error: stopped by a second signal, before running steps could end by themselves",
            );
            Exit::Failed
        }
        Ended::Forced(stuck) => {
            let stuck = crate::http::visible::error_line(&stuck.join(", "));
            context.terminal.say(&format!(
                "error: stopped, but these did not end as they should, or not in time: {stuck}"
            ));
            Exit::Failed
        }
        Ended::TaskEnded(name) => {
            context.terminal.say(&format!(
                "error: stopped because the task `{name}` ended by itself; the log says more"
            ));
            Exit::Internal
        }
    }
}

/// What is said once the agent is up.
struct Welcome<'a> {
    context: &'a Context,
    wanted: bool,
    environment: String,
}

impl Greeting for Welcome<'_> {
    fn up(&self, facts: &Facts) {
        if self.wanted {
            // That nobody reads the greeting is no reason to stop.
            let _read = self.context.terminal.data(&self.picture(facts));
        }
    }
}

impl Welcome<'_> {
    fn picture(&self, facts: &Facts) -> String {
        let mut table = Table::headless();
        table.pair(
            "  follows",
            format!("{} at {}", facts.source, revision(&facts.revision)),
        );
        let failing = facts.error.as_deref().unwrap_or_default();
        table.pairs(
            "  failing",
            failing.lines().map(|line| Cell::styled(line, Style::Bad)),
        );
        table.pair("  environment", self.environment.as_str());
        table.pair("  runbooks", runbooks(facts));
        table.pair("  page", format!("{}/", address::reachable(facts.address)));
        table.pairs("  next", self.next(facts));
        table.pair(
            "  approvals",
            "`orderly approvals` lists what waits for people",
        );
        table.pair("  state", path(facts.state.clone()));
        table.pair("  review", facts.reviewer.as_str());
        table.pair("  stop", "Ctrl-C; press it again to stop without waiting");
        format!("orderly {} is up\n{}", version(), table.render(false))
    }

    fn next(&self, facts: &Facts) -> Vec<Cell> {
        if facts.next.is_empty() {
            return vec!["nothing is scheduled; `orderly run` starts a runbook".into()];
        }
        let now = self.context.now();
        let width = facts
            .next
            .iter()
            .map(|one| one.runbook.as_str().len())
            .max()
            .unwrap_or(0);
        facts
            .next
            .iter()
            .map(|one| {
                let at = times::local(one.due, now, &self.context.zone);
                let away = times::relative(one.due, now);
                let name = one.runbook.as_str();
                format!("{name:width$}  {at}  {away}").into()
            })
            .collect()
    }
}

fn revision(id: &str) -> String {
    if id.is_empty() {
        return "no revision yet".to_owned();
    }
    rows::revision(id).to_owned()
}

fn runbooks(facts: &Facts) -> String {
    match facts.problems.len() {
        0 => facts.runbooks.to_string(),
        1 => format!(
            "{}; 1 problem, `orderly sync --show` tells it",
            facts.runbooks
        ),
        many => format!(
            "{}; {many} problems, `orderly sync --show` tells them",
            facts.runbooks
        ),
    }
}

fn path(folder: PathBuf) -> String {
    std::path::absolute(&folder)
        .unwrap_or(folder)
        .display()
        .to_string()
}
