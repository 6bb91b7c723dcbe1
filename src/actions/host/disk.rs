//! `host/disk`.

use crate::{
    actions::{
        framework::{Action, World, outputs},
        host::free::{Free, percent},
    },
    domain::{
        check::CheckStatus,
        effect::{Effect, Effects, Object, Verb},
        run::StepReport,
    },
    ports::{
        BoxFuture,
        executor::{Intent, Session, StepContext},
        host::DiskUsage,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{path::Path, sync::Arc, time::Duration};

/// A dead network file system may never answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// Checks how much room a file system has.
#[derive(Debug, Clone, Copy)]
pub struct HostDisk;

/// What `host/disk` is told.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DiskInputs {
    /// A file or folder of the file system. A relative path is taken from the agent's state folder.
    pub path: String,
    /// A warning if less is free, for bytes an ordinary user may write.
    #[serde(default = "default_warning")]
    #[schemars(default = "written_warning")]
    pub warning: Free,
    /// Critical if less is free.
    #[serde(default = "default_critical")]
    #[schemars(default = "written_critical")]
    pub critical: Free,
    /// A warning if fewer inodes are free; where a file system does not count them, there are enough.
    #[serde(default = "default_critical")]
    #[schemars(default = "written_critical")]
    pub warning_inodes: Free,
    /// Critical if fewer inodes are free.
    #[serde(default = "default_critical_inodes")]
    #[schemars(default = "written_critical_inodes")]
    pub critical_inodes: Free,
}

fn default_warning() -> Free {
    Free::Percent(15.0)
}
fn default_critical() -> Free {
    Free::Percent(5.0)
}
fn default_critical_inodes() -> Free {
    Free::Percent(2.0)
}
fn written_warning() -> &'static str {
    "15%"
}
fn written_critical() -> &'static str {
    "5%"
}
fn written_critical_inodes() -> &'static str {
    "2%"
}

/// What `host/disk` leaves for later steps.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiskOutputs {
    /// What was found.
    pub status: CheckStatus,
    /// Bytes in all.
    pub total_bytes: u64,
    /// Bytes an ordinary user may still write.
    pub available_bytes: u64,
    /// The same in per cent, to a tenth.
    pub available_percent: f64,
    /// Inodes in all; 0 where the file system does not count them.
    pub inodes: u64,
    /// Inodes left.
    pub inodes_available: u64,
    /// The same in per cent, to a tenth.
    pub inodes_available_percent: f64,
}

impl Action for HostDisk {
    type Inputs = DiskInputs;
    type Outputs = DiskOutputs;
    const NAME: &'static str = "host/disk";
    const SUMMARY: &'static str =
        "Checks that a file system of the agent's host has room and inodes left.";

    fn validate(&self, inputs: &DiskInputs) -> Result<(), String> {
        for (name, warning, critical) in [
            ("warning", inputs.warning, inputs.critical),
            (
                "warningInodes",
                inputs.warning_inodes,
                inputs.critical_inodes,
            ),
        ] {
            let upside_down = match (warning, critical) {
                (Free::Percent(warning), Free::Percent(critical)) => warning < critical,
                (Free::Bytes(warning), Free::Bytes(critical)) => warning < critical,
                (Free::Percent(_), Free::Bytes(_)) | (Free::Bytes(_), Free::Percent(_)) => false,
            };
            if upside_down {
                return Err(format!(
                    "in `with`, at `{name}`: {warning} is less than what is critical already ({critical})"
                ));
            }
        }
        Ok(())
    }

    fn intend(&self, inputs: &DiskInputs, _: &StepContext) -> Result<Intent, String> {
        let object = Object::host("file system", &inputs.path);
        Ok(Intent {
            effects: Effects::exact(vec![Effect::read(Verb::Read, object)]),
            idempotent: true,
            wants_approval: None,
            pinned: crate::domain::pinned::Pinned::default(),
        })
    }

    fn execute<'a>(
        &'a self,
        inputs: DiskInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            let path = world.archive.absolute(Path::new(&inputs.path));
            let shown = path.display().to_string();
            let host = Arc::clone(&world.host);
            let asked = tokio::task::spawn_blocking(move || host.disk(&path));
            let found = tokio::select! {
                answer = asked => answer.unwrap_or_else(|error| Err(error.to_string())),
                () = session.stop.cancelled() => return StepReport::canceled("stopped"),
                () = world.clock.sleep(DEADLINE) => Err(format!(
                    "the file system of {shown} did not answer within {} s", DEADLINE.as_secs()
                )),
            };
            match found {
                Ok(usage) => judge(&inputs, &shown, usage),
                Err(error) => {
                    StepReport::checked(CheckStatus::Unknown, error, serde_json::Value::Null)
                }
            }
        })
    }
}

fn judge(inputs: &DiskInputs, path: &str, usage: DiskUsage) -> StepReport {
    let bytes = grade(
        inputs.warning,
        inputs.critical,
        usage.available,
        usage.total,
    );
    let inodes = grade(
        inputs.warning_inodes,
        inputs.critical_inodes,
        usage.inodes_available,
        usage.inodes,
    );
    let status = bytes.max(inodes);
    let found = DiskOutputs {
        status,
        total_bytes: usage.total,
        available_bytes: usage.available,
        available_percent: tenths(percent(usage.available, usage.total)),
        inodes: usage.inodes,
        inodes_available: usage.inodes_available,
        inodes_available_percent: tenths(percent(usage.inodes_available, usage.inodes)),
    };
    let inodes = match usage.inodes {
        0 => String::new(),
        _ => format!(", {}% of inodes free", found.inodes_available_percent),
    };
    let summary = format!(
        "{path}: {}% of {} bytes free{inodes}",
        found.available_percent, found.total_bytes
    );
    StepReport::checked(status, summary, outputs(&found))
}

fn grade(warning: Free, critical: Free, available: u64, total: u64) -> CheckStatus {
    if critical.is_undercut(available, total) {
        CheckStatus::Critical
    } else if warning.is_undercut(available, total) {
        CheckStatus::Warning
    } else {
        CheckStatus::Ok
    }
}

/// Cut, not rounded: 9.99% is not 10%.
fn tenths(share: f64) -> f64 {
    (share * 10.0).floor() / 10.0
}

#[cfg(test)]
mod tests {
    use super::{DiskInputs, HostDisk, judge};
    use crate::{
        actions::framework::{
            Action as _, World,
            scripted::{act, intend, world},
        },
        domain::{check::CheckStatus, effect::Class, run::StepResult},
        ports::host::{DiskUsage, Host},
    };
    use serde_json::{Value, json};
    use std::{path::Path, sync::Arc};

    #[derive(Debug)]
    struct Full;
    impl Host for Full {
        fn disk(&self, path: &Path) -> Result<DiskUsage, String> {
            assert_eq!(path, Path::new("/state/data"));
            Ok(usage(1, 1000))
        }
    }

    #[tokio::test]
    async fn a_full_disk_fails_the_step() {
        let full = World {
            host: Arc::new(Full),
            ..world()
        };
        let report = act(full, "host/disk", json!({ "path": "data" })).await;
        assert_eq!(report.check, Some(CheckStatus::Critical));
        assert!(matches!(report.result, StepResult::Failed { .. }));
    }

    #[tokio::test]
    async fn a_disk_that_cannot_be_asked_is_unknown() {
        let report = act(world(), "host/disk", json!({ "path": "/x" })).await;
        assert_eq!(report.check, Some(CheckStatus::Unknown));
        assert!(report.summary.contains("/x"), "{}", report.summary);
        let intent = intend("host/disk", json!({ "path": "/x" })).await.unwrap();
        assert_eq!(intent.effects.class(), Class::Read);
    }

    fn inputs(value: Value) -> DiskInputs {
        serde_json::from_value(value).unwrap()
    }
    fn usage(available: u64, inodes_available: u64) -> DiskUsage {
        DiskUsage {
            total: 1000,
            available,
            inodes: 1000,
            inodes_available,
        }
    }

    #[test]
    fn the_graver_of_bytes_and_inodes_counts() {
        let inputs = inputs(json!({ "path": "/" }));
        for (available, inodes, expected) in [
            (500, 500, CheckStatus::Ok),
            (150, 500, CheckStatus::Ok),
            (149, 500, CheckStatus::Warning),
            (49, 500, CheckStatus::Critical),
            (500, 49, CheckStatus::Warning),
            (149, 19, CheckStatus::Critical),
        ] {
            let report = judge(&inputs, "/", usage(available, inodes));
            assert_eq!(report.check, Some(expected), "{available} {inodes}");
        }
    }

    #[test]
    fn outputs_are_numbers_that_later_steps_can_compare() {
        let report = judge(&inputs(json!({ "path": "/" })), "/", usage(999, 1000));
        assert_eq!(report.result, StepResult::Succeeded);
        assert_eq!(report.outputs["availablePercent"], 99.9);
        assert_eq!(report.outputs["status"], "ok");
        assert_eq!(
            report.summary,
            "/: 99.9% of 1000 bytes free, 100% of inodes free"
        );
    }

    #[test]
    fn thresholds_that_can_never_warn_are_refused() {
        let bad = inputs(json!({ "path": "/", "warning": "5%", "critical": "10%" }));
        assert!(HostDisk.validate(&bad).is_err());
        let mixed = inputs(json!({ "path": "/", "warning": "10GiB", "critical": "5%" }));
        assert_eq!(HostDisk.validate(&mixed), Ok(()));
    }
}
