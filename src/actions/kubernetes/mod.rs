//! Kubernetes: checks of what runs in a cluster, changes of workloads, programs and Jobs inside, and snapshots of volumes, by the
//! API alone.
//!
//! Invariants
//! - What an action would touch is named exactly: cluster, kind, namespace, name.
//! - A change waits only if it is told to, and says what is not ready when it has waited in vain.
//! - What a step makes for itself bears its mark, so that it is found again and not made twice.
//! - What was rolled out in vain is put back, and the step fails all the same (`turn`).
//! - An object that a step has changed says by an Event whose doing that was (`signature`); that is no effect of the step.
//! - A dry run of a change asks the server to check it and to leave it at that.
//!
//! A cluster is named by its key under `clusters` in the agent's configuration; `default` where a step names none.

mod access_review;
mod apply;
mod autoscale;
mod back;
pub(in crate::actions) mod beforehand;
mod brought;
mod check;
mod claim_pod;
mod condition;
mod cordon;
mod delete;
mod differences;
mod drain;
mod driven;
mod eviction;
mod exec;
pub(in crate::actions) mod forbidden;
mod kept;
pub mod kinds;
mod located;
mod logs;
mod manifests;
mod object;
mod own;
mod patch;
pub(in crate::actions) mod pinning;
pub(in crate::actions) mod pods;
mod poll;
mod progress;
mod prune;
mod rbac_report;
mod readiness;
mod ready;
mod refusal;
mod revisions;
mod rollout_restart;
mod rollout_undo;
mod run_job;
mod scale;
mod set_image;
pub(in crate::actions) mod signature;
mod snapshot_volume;
mod subject;
mod survey;
pub(in crate::actions) mod touched;
mod turn;
mod uncordon;
mod until;
pub(in crate::actions) mod wait;
mod wait_for;
mod warnings;
mod workload;

pub use access_review::{
    Access, AccessReview, Answered, Expectation, ReviewInputs, ReviewOutputs, Somebody,
};
pub use apply::{
    AppliedObject, ApplyInputs, ApplyOutputs, KubernetesApply, Outcome, Undone, UndoneObject,
};
pub use autoscale::{Autoscale, AutoscaleInputs, AutoscaleOutputs, Bounds};
pub use check::{
    CheckInputs, CheckOutputs, Demand, Demands, KubernetesCheck, Problem, Severity, Size, Weighed,
    What,
};
pub use delete::{DeleteInputs, DeleteOutputs, KubernetesDelete, Missing, Owned};
pub use drain::{Drain, DrainInputs, DrainOutputs};
pub use exec::{ExecInputs, ExecOutputs, KubernetesExec};
pub use logs::{KubernetesLogs, LogsInputs, LogsOutputs, Seen};
pub use patch::{KubernetesPatch, Part, PatchInputs, PatchOutputs};
pub use prune::{Kept, KubernetesPrune, OnLimit, PruneInputs, PruneOutputs, Since};
pub use rbac_report::{Holder, Power, RbacReport, ReportInputs, ReportOutputs};
pub use rollout_restart::{RestartInputs, RestartOutputs, RolloutRestart};
pub use rollout_undo::{RolloutUndo, RolloutUndoInputs, RolloutUndoOutputs};
pub use run_job::{Cleanup, Mount, RunJob, RunJobInputs, RunJobOutputs, Template};
pub use scale::{KubernetesScale, ScaleInputs, ScaleOutputs};
pub use set_image::{SetImage, SetImageInputs, SetImageOutputs};
pub use snapshot_volume::{Longhorn, SnapshotInputs, SnapshotOutputs, SnapshotVolume};
pub(in crate::actions) use survey::survey;
pub use uncordon::{KubernetesUncordon, UncordonInputs, UncordonOutputs};
pub use wait_for::{KubernetesWait, WaitInputs, WaitOutputs};

pub(in crate::actions) use brought::{
    Asked, Bringing, NotAsked, ask, bring, brought, definition_of, has_namespace,
};
pub(in crate::actions) use claim_pod::{FilesOf, Reached, Use, and_said, check_folder};
pub use claim_pod::{InPod, Mounting};
pub(in crate::actions) use differences::wanted;
pub(in crate::actions) use located::SECRET;
pub(in crate::actions) use object::{condition, cut, full_name, is, items, text, time};
pub(in crate::actions) use subject::{check_kind, check_object_name, placed};

use crate::{actions::framework::AnyAction, domain::run::StepReport, ports::cluster::ClusterError};

/// Every action of this folder.
pub fn actions() -> Vec<Box<dyn AnyAction>> {
    vec![
        Box::new(KubernetesCheck),
        Box::new(RolloutRestart),
        Box::new(KubernetesScale),
        Box::new(KubernetesExec),
        Box::new(KubernetesLogs),
        Box::new(RunJob),
        Box::new(SnapshotVolume),
        Box::new(KubernetesApply),
        Box::new(KubernetesPatch),
        Box::new(KubernetesDelete),
        Box::new(KubernetesWait),
        Box::new(KubernetesPrune),
        Box::new(SetImage),
        Box::new(RolloutUndo),
        Box::new(Autoscale),
        Box::new(Drain),
        Box::new(KubernetesUncordon),
        Box::new(AccessReview),
        Box::new(RbacReport),
    ]
}

/// Where a step names none.
pub(in crate::actions) fn default_cluster() -> String {
    "default".to_owned()
}

/// The name of a cluster, a namespace (RFC 1123 label), or an object (RFC 1123 subdomain).
pub(in crate::actions) fn check_name(field: &str, name: &str) -> Result<(), String> {
    let most = if field == "namespace" { 63 } else { 253 };
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let inside = |c: char| alphanumeric(c) || c == '-' || (c == '.' && field != "namespace");
    let fits = (1..=most).contains(&name.len())
        && name.chars().all(inside)
        && name.starts_with(alphanumeric)
        && name.ends_with(alphanumeric);
    if fits {
        return Ok(());
    }
    Err(format!(
        "in `with`, at `{field}`: `{name}` is not a name in Kubernetes\nhint: use lower-case letters, digits and `-`"
    ))
}

fn report_error(doing: &str, error: &ClusterError) -> StepReport {
    StepReport::failed(format!("{doing}: {error}"), error.retryable())
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn names_follow_the_rules_of_kubernetes() {
        assert_eq!(check_name("namespace", "kube-system"), Ok(()));
        assert_eq!(check_name("deployment", "web.v2"), Ok(()));
        for (field, bad) in [
            ("namespace", "a.b"),
            ("namespace", ""),
            ("namespace", "A"),
            ("deployment", "../x"),
            ("deployment", "-a"),
            ("deployment", "a "),
        ] {
            assert!(check_name(field, bad).is_err(), "{bad}");
        }
    }
}
