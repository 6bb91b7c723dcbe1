//! Times that cannot work together: what takes longer than it may.

use crate::{
    domain::{
        runbook::{Phase, Step},
        span::Span,
    },
    runbooks::{
        convert::{Draft, runbook::list_name},
        problems::Fault,
        tree::Node,
    },
};

/// The action that waits, and the argument that says how long.
const SLEEP: (&str, &str) = ("sleep", "duration");
/// The argument in which steps of any action say how long they wait for an answer.
const TIMEOUT: &str = "timeout";
/// The same, and those in which they say how long they wait for what they have done or look at.
const WAITS: [&str; 3] = [TIMEOUT, "wait", "for"];

/// Tells of times of a step that its timeout or its run's deadline ends before.
pub(super) fn check_times(
    draft: &mut Draft<'_>,
    step: &Step,
    (phase, index): (Phase, usize),
    deadline: Span,
) {
    let pointer = format!("/spec/{}/{index}", list_name(phase));
    let node = draft.node(&pointer);
    let is_known = !draft.gaps.may_hold(draft.node("/spec"), "deadline");
    let deadline = (is_known && !deadline.is_zero()).then_some(deadline);
    if step.timeout.is_zero() {
        draft.fault(&format!("{pointer}/timeout"), "an attempt needs some time");
    } else if let Some(written) = node.get(TIMEOUT) {
        check_timeout(draft, step.timeout, written, deadline);
    }
    if draft.gaps.may_hold(node, TIMEOUT) || draft.gaps.may_hold(node, "uses") {
        return;
    }
    let deadline = deadline.filter(|_| phase == Phase::Main);
    check_sleep(draft, step, node, deadline);
    for key in WAITS {
        check_wait(draft, step, (node, key), deadline);
    }
}

fn check_timeout(draft: &mut Draft<'_>, timeout: Span, written: &Node<'_>, deadline: Option<Span>) {
    if let Some(deadline) = deadline.filter(|deadline| timeout > *deadline) {
        let what =
            format!("the run's deadline of {deadline} ends this before its timeout of {timeout}");
        let fault = Fault::new(written.place, what).warning();
        draft
            .faults
            .push(fault.hint("shorten it, or give the runbook a longer `deadline`"));
    }
}

/// A sleep that never ends by itself.
fn check_sleep(draft: &mut Draft<'_>, step: &Step, node: &Node<'_>, deadline: Option<Span>) {
    if step.uses.as_str() != SLEEP.0 {
        return;
    }
    let Some((sleeps, written)) = span(node, SLEEP.1) else {
        return;
    };
    let (what, hint) = if sleeps >= step.timeout {
        let what = format!(
            "it sleeps {sleeps}, and its timeout of {} ends it",
            step.timeout
        );
        (what, "give the step a longer `timeout`")
    } else if let Some(deadline) = deadline.filter(|deadline| sleeps >= *deadline) {
        let what = format!("it sleeps {sleeps}, and the run's deadline of {deadline} ends it");
        (what, "give the runbook a longer `deadline`")
    } else {
        return;
    };
    draft.fault_at(written.place, what).hint = Some(hint.to_owned());
}

/// The step fails where its action was to say what it found.
fn check_wait(
    draft: &mut Draft<'_>,
    step: &Step,
    (node, key): (&Node<'_>, &str),
    deadline: Option<Span>,
) {
    let Some((waits, written)) = span(node, key) else {
        return;
    };
    let timeout = step.timeout;
    if timeout.is_zero() {
        return;
    }
    let (what, hint) = if waits > timeout {
        let what =
            format!("the step's own timeout of {timeout} ends it before this one of {waits}");
        (what, "shorten it, or give the step a longer `timeout`")
    } else if let Some(deadline) = deadline.filter(|deadline| waits > *deadline) {
        let what = format!("the run's deadline of {deadline} ends it before this one of {waits}");
        (what, "shorten it, or give the runbook a longer `deadline`")
    } else {
        return;
    };
    let fault = Fault::new(written.place, what).warning();
    draft.faults.push(fault.hint(hint));
}

/// A length of time among the arguments, if it is written out.
fn span<'n, 's>(step: &'n Node<'s>, key: &str) -> Option<(Span, &'n Node<'s>)> {
    let written = step.get("with")?.get(key)?;
    Some((written.text()?.parse().ok()?, written))
}
