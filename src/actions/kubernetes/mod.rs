//! Kubernetes: checks of what runs in a cluster, and changes of workloads, by the API alone.
//!
//! Invariants
//! - What an action would touch is named exactly: cluster, kind, namespace, name.
//! - A change waits only if it is told to, and says what is not ready when it has waited in vain.
//! - A dry run of a change asks the server to check it and to leave it at that.
//!
//! A cluster is named by its key under `clusters` in the agent's configuration; `default` where a step names none.

mod check;
pub mod kinds;
mod object;
pub(in crate::actions) mod pinning;
mod progress;
mod rollout_restart;
mod scale;
mod subject;
mod survey;
mod wait;
mod workload;

pub use check::{CheckInputs, CheckOutputs, KubernetesCheck, Problem, What};
pub use rollout_restart::{RestartInputs, RestartOutputs, RolloutRestart};
pub use scale::{KubernetesScale, ScaleInputs, ScaleOutputs};
pub(in crate::actions) use survey::survey;

use crate::{actions::framework::AnyAction, domain::run::StepReport, ports::cluster::ClusterError};

/// Every action of this folder.
pub fn actions() -> Vec<Box<dyn AnyAction>> {
    vec![
        Box::new(KubernetesCheck),
        Box::new(RolloutRestart),
        Box::new(KubernetesScale),
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
