//! What the agent needs of its own host.

use crate::{
    cli::{commands::audit, context::Context, exit::CliError},
    config::{Config, Loaded},
    daemon::{halting, wiring},
    history::{History, Options, SchemaState, schema_status},
};
use jiff::{SignedDuration, Timestamp};
use rustix::fs::{Access, access};
use std::path::Path;

use super::Finding;

/// With less room than this, in bytes, the agent may fail soon.
const LITTLE_ROOM: u64 = 1 << 30;
/// With less room than this, in bytes, it will.
const NO_ROOM: u64 = 64 << 20;
/// No clock that goes right shows an earlier time (2025-01-01).
const EARLIEST: i64 = 1_735_689_600;

/// Where the configuration comes from, and what looks like a slip of the pen.
pub(super) fn configuration(context: &Context, loaded: &Loaded) -> Vec<Finding> {
    let name = "configuration";
    let text = match context.file() {
        Some(path) => format!("{} can be used", path.display()),
        None => "no file; built-in values, variables and flags can be used".to_owned(),
    };
    let slips = loaded
        .unknown_variables
        .iter()
        .map(|variable| Finding::warn(name, format!("${variable} is set but means nothing\nhint: `orderly config --markdown` lists the variables")));
    std::iter::once(Finding::ok(name, text))
        .chain(slips)
        .collect()
}

/// Whether the state folder, or the folder that it would be made in, can be written, and has room.
pub(super) fn state_folder(config: &Config) -> Vec<Finding> {
    let name = "state folder";
    let folder =
        std::path::absolute(&config.state_dir).unwrap_or_else(|_| config.state_dir.clone());
    let Some(there) = folder.ancestors().find(|path| path.exists()) else {
        return vec![Finding::fail(
            name,
            format!("nothing leads to {}", folder.display()),
        )];
    };
    let can = access(there, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK);
    let finding = match can {
        Err(error) => Finding::fail(
            name,
            format!(
                "{}: {error}\nhint: the agent's user must own the state folder; --state-dir names another one",
                there.display()
            ),
        ),
        Ok(()) if !there.is_dir() => Finding::fail(
            name,
            format!(
                "{} is not a folder\nhint: --state-dir names another one",
                there.display()
            ),
        ),
        Ok(()) if there == folder => {
            Finding::ok(name, format!("{} can be written", folder.display()))
        }
        Ok(()) => Finding::ok(
            name,
            format!("{} is made at the first start", folder.display()),
        ),
    };
    vec![finding, room(there)]
}

fn room(folder: &Path) -> Finding {
    let name = "disk space";
    let hint = "hint: free some space, or name another place with --state-dir";
    match wiring::host().disk(folder) {
        Err(error) => Finding::warn(name, error),
        Ok(usage) => {
            let text = format!(
                "{} of {} are free",
                size(usage.available),
                size(usage.total)
            );
            let no_inodes = usage.inodes > 0 && usage.inodes_available == 0;
            match usage.available {
                _ if no_inodes => {
                    Finding::fail(name, format!("{text}, but not a single inode\n{hint}"))
                }
                0..NO_ROOM => Finding::fail(name, format!("{text}\n{hint}")),
                NO_ROOM..LITTLE_ROOM => Finding::warn(name, format!("{text}\n{hint}")),
                _ => Finding::ok(name, text),
            }
        }
    }
}

/// Bytes as people read them.
pub(in crate::cli) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let (mut whole, mut rest, mut unit) = (bytes, 0, 0);
    while whole >= 1024 && unit + 1 < UNITS.len() {
        rest = whole % 1024;
        whole /= 1024;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    if unit == 0 || whole >= 100 {
        format!("{whole} {name}")
    } else {
        format!("{whole}.{} {name}", rest * 10 / 1024)
    }
}

/// Whether the history and its audit log are whole. An agent may be using them.
pub(super) async fn history(config: &Config) -> Vec<Finding> {
    let path = config.state_dir.join("history.db");
    match path.try_exists() {
        Ok(true) => {}
        Ok(false) if read_only(config).is_some() => {
            let text = format!("{} cannot be made there", path.display());
            return vec![Finding::fail("history", text)];
        }
        Ok(false) => {
            let text = format!("{} is made at the first start", path.display());
            return vec![Finding::ok("history", text)];
        }
        Err(error) => {
            let text = format!("{} cannot be looked at: {error}", path.display());
            return vec![Finding::fail("history", text)];
        }
    }
    let options = Options {
        path: path.clone(),
        key: Vec::new(),
    };
    let unreadable = || History::open_read_only(options).is_err();
    if let Some(reason) = read_only(config).filter(|_| unreadable()) {
        return vec![Finding::fail(
            "history",
            format!(
                "{} cannot be looked into while files beside it cannot be written: {reason}\nhint: make the folder writable, or copy it and look at the copy with --state-dir",
                path.display()
            ),
        )];
    }
    let mut findings = vec![schema(&path)];
    match integrity(config, &path).await {
        Ok(more) => findings.extend(more),
        Err(error) => findings.push(Finding::error("history", &error)),
    }
    findings
}

/// Why the state folder cannot be written, where it is there and cannot. SQLite makes files beside a database that it only reads, too,
/// unless somebody else has made them.
fn read_only(config: &Config) -> Option<String> {
    let folder = &config.state_dir;
    let can = access(folder, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK);
    can.err()
        .filter(|_| folder.exists())
        .map(|error| error.to_string())
}

fn schema(path: &Path) -> Finding {
    let name = "history schema";
    match schema_status(path) {
        Err(error) => Finding::error(name, &error),
        Ok(status) if status.found > status.known => Finding::fail(
            name,
            format!(
                "{} is newer than this orderly knows ({})\nhint: use the orderly that wrote it, or a newer one",
                status.found, status.known
            ),
        ),
        Ok(status) => match status
            .steps
            .iter()
            .filter(|step| step.state == SchemaState::Pending)
            .count()
        {
            0 => Finding::ok(name, format!("{}, the newest", status.found)),
            more => Finding::warn(
                name,
                format!(
                    "{}; {more} migrations come with the next start, after a copy is made",
                    status.found
                ),
            ),
        },
    }
}

async fn integrity(config: &Config, path: &Path) -> Result<Vec<Finding>, CliError> {
    let name = "history";
    let options = Options {
        path: path.to_owned(),
        key: Vec::new(),
    };
    let history = History::open_read_only(options)?;
    let problems = history.check().await?;
    let whole = match problems.first() {
        None => Finding::ok(name, format!("{} is whole", path.display())),
        Some(first) => Finding::fail(
            name,
            format!(
                "{} is damaged: {first}\nhint: put a verified backup in its place",
                path.display()
            ),
        ),
    };
    let verdict = audit::verify(path, config).await?;
    let log = match audit::words(&verdict) {
        Ok(text) => Finding::ok("audit log", text),
        Err(text) => Finding::fail("audit log", text),
    };
    Ok(vec![whole, log])
}

/// Whether the clock shows a time that can be: after this program was thought of, and not before the agent was last alive.
pub(super) async fn clock(context: &Context, config: &Config) -> Finding {
    let name = "clock";
    let now = context.now();
    let shown = format!(
        "{now:.0}, {} here",
        context.zone.iana_name().unwrap_or("local time")
    );
    if now.as_second() < EARLIEST {
        return Finding::fail(
            name,
            format!("{shown}: this is in the past\nhint: set the clock, or start a time service"),
        );
    }
    match last_alive(config).await {
        Some(alive) if alive.duration_since(now) > SignedDuration::from_secs(60) => Finding::warn(
            name,
            format!(
                "{shown}: the agent was alive at {alive:.0}, which is later\nhint: was the clock set back? Nothing that has run runs again"
            ),
        ),
        None if read_only(config).is_some() => Finding::ok(
            name,
            format!("{shown}; when the agent was last alive cannot be read"),
        ),
        Some(_) | None => Finding::ok(name, shown),
    }
}

/// Whether a person has stopped all effects.
pub(super) async fn halted(config: &Config) -> Option<Finding> {
    let name = "effects";
    if halting::is_noted(&config.state_dir) {
        let text = "a note in the state folder tells the agent to halt all effects, and none has taken it yet\nhint: an agent takes it at its start; `orderly unhalt` lets effects be again, now or then";
        return Some(Finding::warn(name, text));
    }
    let options = Options {
        path: config.state_dir.join("history.db"),
        key: Vec::new(),
    };
    if !options.path.try_exists().unwrap_or(true) {
        return None;
    }
    let found = match History::open_read_only(options) {
        Ok(history) => history.halt().await,
        Err(error) => Err(error),
    };
    match found {
        Ok(None) => None,
        Ok(Some(halt)) => {
            let text = format!("all effects are {halt}\nhint: `orderly unhalt` lets them be again");
            Some(Finding::warn(name, text))
        }
        Err(_) => {
            let text = "whether they are halted is not known: the history cannot be read";
            Some(Finding::warn(name, text))
        }
    }
}

async fn last_alive(config: &Config) -> Option<Timestamp> {
    let options = Options {
        path: config.state_dir.join("history.db"),
        key: Vec::new(),
    };
    let history = History::open_read_only(options).ok()?;
    history.last_heartbeat().await.ok()?
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn bytes_are_told_in_a_fitting_unit() {
        let told = [0, 1023, 1024, 1536, 200 * 1024, 5 << 30, u64::MAX].map(size);
        assert_eq!(
            told,
            [
                "0 bytes",
                "1023 bytes",
                "1.0 KiB",
                "1.5 KiB",
                "200 KiB",
                "5.0 GiB",
                "16777215 TiB"
            ]
        );
    }
}
