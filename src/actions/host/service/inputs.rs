//! What `host/service` is told.

use crate::{actions::framework::answers::positive, domain::span::Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The program, which asks nobody for a password.
pub(super) const SYSTEMCTL: [&str; 2] = ["systemctl", "--no-ask-password"];
/// The longest name of a unit (systemd.unit(5)).
const LONGEST: usize = 255;

/// What is done with a unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Doing {
    /// It is looked at.
    #[default]
    Check,
    /// It is started, unless it is active.
    Start,
    /// It is stopped, unless it is not active.
    Stop,
    /// It is stopped and started.
    Restart,
    /// It is told to read its configuration again.
    Reload,
}

/// What `host/service` is told.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceInputs {
    /// The unit, as in `k3s` or `backup.timer`; a service where no type is named.
    #[schemars(length(min = 1, max = 255))]
    pub unit: String,
    /// What is done with it. `check` looks whether it is active; `start` and `stop` do nothing where it is so already; a later attempt of
    /// `restart` does nothing where it has been started since the run began; `reload` has it read its configuration again.
    #[serde(default, rename = "do")]
    pub doing: Doing,
    /// How long it may take to become active; of `stop`, to become inactive.
    #[serde(default = "ninety_seconds")]
    pub wait: Span,
    /// So long it must then stay active, without being started anew, before it counts.
    #[serde(default = "five_seconds")]
    pub steady: Span,
}

fn ninety_seconds() -> Span {
    Span::from_secs(90)
}
fn five_seconds() -> Span {
    Span::from_secs(5)
}

impl Doing {
    /// The word that systemctl has for it.
    pub(super) fn verb(self) -> &'static str {
        match self {
            Self::Check => "show",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Reload => "reload",
        }
    }
}

impl ServiceInputs {
    pub(super) fn validate(&self) -> Result<(), String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
        let plain = self.unit.len() <= LONGEST && self.unit.chars().all(fits);
        if !plain || self.unit.is_empty() || self.unit.starts_with('-') {
            return Err(format!(
                "in `with`, at `unit`: `{}` is not the name of one unit\nhint: write it as `systemctl status` shows it, as in `k3s.service`",
                self.unit.escape_debug()
            ));
        }
        positive(self.wait).map_err(|error| error.replacen("`timeout`", "`wait`", 1))
    }

    /// The unit's full name, as systemctl completes it.
    pub(super) fn name(&self) -> String {
        let types = [
            "service",
            "socket",
            "device",
            "mount",
            "automount",
            "swap",
            "target",
            "path",
            "timer",
            "slice",
            "scope",
        ];
        let last = self.unit.rsplit_once('.').map(|(_, last)| last);
        if last.is_some_and(|last| types.contains(&last)) {
            self.unit.clone()
        } else {
            format!("{}.service", self.unit)
        }
    }

    /// What is run, as a command line.
    pub(super) fn words(&self) -> Vec<String> {
        let words = [self.doing.verb(), &self.name()].map(str::to_owned);
        SYSTEMCTL
            .map(str::to_owned)
            .into_iter()
            .chain(words)
            .collect()
    }
}
