//! The words by which people look for records: a word that stands for nothing is a slip of the pen, and no empty answer.

use crate::domain::likeness::nearest;

/// Every action that is recorded.
pub const ACTIONS: [&str; 55] = [
    "access.refused",
    "agent.halted",
    "agent.started",
    "agent.stopped",
    "agent.unhalted",
    "alert.received",
    "approval.approved",
    "approval.cancelled",
    "approval.denied",
    "approval.granted",
    "approval.lapsed",
    "approval.refused",
    "approval.requested",
    "approval.void",
    "approval.withdrawn",
    "approvals.taken_back",
    "artifact.accepted",
    "artifact.unrecorded",
    "audit.archived",
    "circuit.opened",
    "circuit.reset",
    "clock.jumped",
    "clock.reset",
    "config.refused",
    "config.reloaded",
    "credential.forgotten",
    "history.migrated",
    "history.pruned",
    "history.vacuumed",
    "process.outlived",
    "review.asked",
    "review.cached",
    "review.too_large",
    "review.unavailable",
    "run.cancel_requested",
    "run.created",
    "run.deadline_passed",
    "run.ended",
    "run.refused",
    "run.started",
    "runbook.resumed",
    "runbook.suspended",
    "source.applied",
    "source.held",
    "source.rewritten",
    "step.denied",
    "step.described",
    "step.ended",
    "step.interrupted",
    "step.invalid",
    "step.skipped",
    "step.started",
    "sync.requested",
    "webhook.received",
    "webhook.refused",
];

/// The guides' words for what a step did.
pub const DEEDS: [&str; 21] = [
    "create",
    "delete",
    "evict",
    "exec",
    "grant",
    "impersonate",
    "install",
    "kill",
    "read",
    "restart",
    "run",
    "scale",
    "schema",
    "send",
    "start",
    "stop",
    "token",
    "tunnel",
    "unknown",
    "update",
    "write",
];

/// A word by which nothing can be found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no action is called `{word}`")]
pub struct UnknownAction {
    word: String,
    /// What was meant, or what there is.
    pub hint: String,
}

/// Whether records can be looked for by this word: an action, the beginning of some with a dot at its end, or what a step did.
///
/// # Errors
/// It is none of them.
pub fn check_action(word: &str) -> Result<(), UnknownAction> {
    let is_known = if word.ends_with('.') {
        ACTIONS.iter().any(|action| action.starts_with(word))
    } else if word.contains('.') {
        ACTIONS.contains(&word)
    } else {
        DEEDS.contains(&word)
    };
    if is_known {
        return Ok(());
    }
    Err(UnknownAction {
        word: word.to_owned(),
        hint: hint(word),
    })
}

fn hint(word: &str) -> String {
    let families = families();
    // The family alone was named, with the dot left out.
    let dotted = format!("{}.", word.trim_end_matches('.'));
    if families.contains(&dotted) {
        return format!("did you mean `{dotted}`?");
    }
    let known = ACTIONS.iter().chain(&DEEDS).copied();
    let meant = nearest(word, known.chain(families.iter().map(String::as_str)));
    match meant {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!(
            "an action is like `step.started`; `step.` stands for all that begin so, and one of {} for what a step did",
            DEEDS.join(", ")
        ),
    }
}

/// `step.`, `run.`, each once.
fn families() -> Vec<String> {
    let mut families: Vec<String> = ACTIONS
        .iter()
        .filter_map(|action| Some(format!("{}.", action.split_once('.')?.0)))
        .collect();
    families.sort();
    families.dedup();
    families
}

#[cfg(test)]
mod tests {
    use super::check_action;

    #[test]
    fn a_word_that_stands_for_nothing_is_told_with_what_was_meant() {
        for known in [
            "step.started",
            "approval.",
            "approvals.",
            "delete",
            "unknown",
        ] {
            assert_eq!(check_action(known), Ok(()), "{known}");
        }
        let hint = |word| check_action(word).unwrap_err().hint;
        assert_eq!(hint("approval"), "did you mean `approval.`?");
        assert_eq!(hint("deleet"), "did you mean `delete`?");
        assert_eq!(hint("stap.started"), "did you mean `step.started`?");
        assert!(hint("bogus").contains("`step.` stands for all"));
        assert_eq!(
            check_action("").unwrap_err().to_string(),
            "no action is called ``"
        );
    }
}
