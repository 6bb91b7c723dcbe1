//! kubectl and its kin, helm, k3s, etcdctl.

mod by_book;
mod etcd;
mod helm;
mod kinds;
mod kubectl;
mod oc;
mod registry;
mod scaling;
mod tools;

pub use kinds::{Plural, plural};
pub use kubectl::deeds;
pub(super) use kubectl::raw::deleted as deleted_at;

use super::Grammar;

/// The grammar of a program of this family.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    match program {
        "kubectl" => Some(kubectl::kubectl),
        "oc" => Some(oc::oc),
        "kubectx" | "kubens" | "kubectl-ctx" | "kubectl-ns" => Some(tools::switch),
        "k3s-killall.sh"
        | "k3s-uninstall.sh"
        | "k3s-agent-uninstall.sh"
        | "rke2-killall.sh"
        | "rke2-uninstall.sh" => Some(tools::removal_script),
        _ if program.starts_with("kubectl-") => Some(kubectl::plugin_program),
        _ if by_book::handbook(program).is_some() => Some(by_book::judge),
        _ => None,
    }
}
