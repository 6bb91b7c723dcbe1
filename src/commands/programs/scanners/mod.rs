//! What looks for faults, what watches, what loads, and orderly itself.

mod loads;

use super::{Grammar, manual::Manual};
use crate::commands::{found::Found, word::Call};
use std::sync::LazyLock;

static MANUAL: LazyLock<Manual> = LazyLock::new(|| Manual::new(&TEXTS));

const TEXTS: [&str; 2] = [
    include_str!("scanners.manual"),
    include_str!("monitoring.manual"),
];

/// The grammar of a program of this family.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    match program {
        "fio" => Some(loads::fio),
        "stress" | "stress-ng" | "stressapptest" => Some(loads::stress),
        "sysbench" => Some(loads::sysbench),
        "syft" => Some(loads::syft),
        "trivy" | "grype" => Some(loads::formed),
        "inspec" | "cinc-auditor" => Some(loads::inspec),
        _ => MANUAL.program(program).map(|_| by_manual as Grammar),
    }
}

fn by_manual(call: &Call<'_>, found: &mut Found) {
    MANUAL.judge(call, found);
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_line_of_the_manuals_is_understood() {
        for text in super::TEXTS {
            let faults = crate::commands::programs::manual::faults(text);
            assert_eq!(faults, Vec::<String>::new());
        }
    }
}
