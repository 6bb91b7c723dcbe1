//! A unit as systemd shows it (systemctl(1), `org.freedesktop.systemd1`(5)).

use super::{Doing, ServiceOutputs};
use crate::domain::check::CheckStatus;
use jiff::{Timestamp, civil, fmt::strtime, tz::TimeZone};
use std::collections::BTreeMap;

/// A unit at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    pub(super) unit: String,
    load: String,
    pub(super) active: String,
    pub(super) sub: String,
    pub(super) result: String,
    kind: String,
    pub(super) since: Option<Timestamp>,
    main_pid: u64,
    restarts: u64,
    /// Another one whenever it is started.
    pub(super) invocation: String,
}

impl State {
    pub(super) const PROPERTIES: [&str; 10] = [
        "Id",
        "LoadState",
        "ActiveState",
        "SubState",
        "Result",
        "Type",
        "ActiveEnterTimestamp",
        "MainPID",
        "NRestarts",
        "InvocationID",
    ];

    /// From lines of `Property=value`. What a unit's type does not have is empty.
    pub(super) fn read(unit: &str, text: &str) -> Self {
        let found: BTreeMap<&str, &str> = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .collect();
        let words = |name: &str| found.get(name).copied().unwrap_or_default().to_owned();
        let number = |name: &str| words(name).parse().unwrap_or(0);
        let id = words("Id");
        let active = words("ActiveState");
        Self {
            unit: if id.is_empty() { unit.to_owned() } else { id },
            load: words("LoadState"),
            since: time(&words("ActiveEnterTimestamp")).filter(|_| is_up(&active)),
            active,
            sub: words("SubState"),
            result: words("Result"),
            kind: words("Type"),
            main_pid: number("MainPID"),
            restarts: number("NRestarts"),
            invocation: words("InvocationID"),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        is_up(&self.active)
    }

    pub(super) fn is_down(&self) -> bool {
        ["inactive", "failed"].contains(&self.active.as_str())
    }

    /// Whether it is one that runs to its end, and has.
    pub(super) fn has_run(&self) -> bool {
        self.kind == "oneshot" && self.active == "inactive" && self.result == "success"
    }

    /// Whether this can be done with it at all.
    pub(super) fn fit_for(&self, doing: Doing) -> Result<(), String> {
        let unit = &self.unit;
        match (self.load.as_str(), doing) {
            ("not-found", _) => Err(format!(
                "systemd knows no unit {unit}\nhint: `systemctl list-unit-files` shows what there is"
            )),
            ("masked", Doing::Start | Doing::Restart) => Err(format!(
                "{unit} is masked, so it cannot be started\nhint: `systemctl unmask {unit}` lets it"
            )),
            ("bad-setting" | "error", Doing::Start | Doing::Restart) => Err(format!(
                "{unit} cannot be loaded\nhint: `systemctl status {unit}` and `systemd-analyze verify {unit}` show why"
            )),
            _ => Ok(()),
        }
    }

    /// How a check calls it, and why.
    pub(super) fn judged(&self) -> (CheckStatus, String) {
        if let Err(why) = self.fit_for(Doing::Start) {
            return (CheckStatus::Critical, why);
        }
        let status = match (self.active.as_str(), self.sub.as_str()) {
            ("active" | "reloading" | "refreshing" | "maintenance", _) => CheckStatus::Ok,
            // It has ended, and is started again and again.
            ("activating", "auto-restart" | "auto-restart-queued") => CheckStatus::Critical,
            ("activating" | "deactivating", _) => CheckStatus::Warning,
            ("inactive" | "failed", _) => CheckStatus::Critical,
            _ => CheckStatus::Unknown,
        };
        (status, self.to_string())
    }

    pub(super) fn outputs(&self, changed: bool) -> ServiceOutputs {
        ServiceOutputs {
            status: self.judged().0,
            unit: self.unit.clone(),
            active: self.active.clone(),
            sub: self.sub.clone(),
            result: self.result.clone(),
            since: self
                .since
                .map(|since| since.to_string())
                .unwrap_or_default(),
            main_pid: self.main_pid,
            restarts: self.restarts,
            changed,
        }
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} is {} ({})", self.unit, self.active, self.sub)?;
        if let Some(since) = self.since {
            write!(out, " since {since}")?;
        }
        if !self.is_up() && !["success", ""].contains(&self.result.as_str()) {
            write!(out, ", and ended the last time with {}", self.result)?;
        }
        match self.restarts {
            0 => Ok(()),
            1 => write!(out, "; systemd has started it again once"),
            times => write!(out, "; systemd has started it again {times} times"),
        }
    }
}

fn is_up(active: &str) -> bool {
    ["active", "reloading", "refreshing"].contains(&active)
}

/// `Sun 2026-11-22 16:41:22 UTC`, as systemctl writes times where the zone is UTC.
fn time(text: &str) -> Option<Timestamp> {
    let text = text.strip_suffix(" UTC")?;
    let parsed = strtime::parse("%a %Y-%m-%d %H:%M:%S", text).ok()?;
    let civil: civil::DateTime = parsed.to_datetime().ok()?;
    let zoned = civil.to_zoned(TimeZone::UTC).ok()?;
    Some(zoned.timestamp())
}
