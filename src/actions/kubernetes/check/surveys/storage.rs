//! Where data lies: claims, volumes, and those of Longhorn.

use super::{Survey, problem};
use crate::{
    actions::kubernetes::{
        check::Problem,
        object::{cut, text},
    },
    domain::check::CheckStatus,
};
use serde_json::Value;

pub(in crate::actions::kubernetes::check) fn claims(claims: &[Value]) -> Survey {
    let bad = |claim: &Value| match text(claim, "/status/phase") {
        "Bound" => None,
        phase => Some(problem(claim, format!("is {phase}"))),
    };
    let problems: Vec<Problem> = claims.iter().filter_map(bad).collect();
    let bound = claims.len() - problems.len();
    Survey::ready_of("claims are bound", bound, claims.len(), problems)
}

pub(in crate::actions::kubernetes::check) fn volumes(volumes: &[Value]) -> Survey {
    let bad = |volume: &Value| {
        let (status, why) = match text(volume, "/status/phase") {
            "Released" => (CheckStatus::Warning, released(volume)),
            "Failed" => {
                let why = cut(text(volume, "/status/message"));
                (CheckStatus::Critical, format!("has failed: {why}"))
            }
            _ => return None,
        };
        Some((status, problem(volume, why)))
    };
    let problems = volumes.iter().filter_map(bad).collect();
    Survey::weighed("volumes are bound or free", volumes.len(), problems)
}

fn released(volume: &Value) -> String {
    let namespace = text(volume, "/spec/claimRef/namespace");
    let claim = text(volume, "/spec/claimRef/name");
    format!("is released: its claim {namespace}/{claim} is gone, and its data is kept")
}

/// One that is attached to nothing does not know how it is, and need not.
pub(in crate::actions::kubernetes::check) fn longhorn_volumes(volumes: &[Value]) -> Survey {
    let bad = |volume: &Value| {
        let status = match text(volume, "/status/robustness") {
            "degraded" => CheckStatus::Warning,
            "faulted" => CheckStatus::Critical,
            _ => return None,
        };
        let (robustness, state) = (
            text(volume, "/status/robustness"),
            text(volume, "/status/state"),
        );
        Some((
            status,
            problem(volume, format!("is {robustness} ({state})")),
        ))
    };
    let problems = volumes.iter().filter_map(bad).collect();
    Survey::weighed("Longhorn volumes are healthy", volumes.len(), problems)
}
