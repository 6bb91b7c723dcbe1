//! Containers that began anew, and why.

use super::{Survey, problem};
use crate::{
    actions::kubernetes::{
        check::Problem,
        object::{count, items, text, time},
    },
    domain::span::Span,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// Of containers: those that run on beside the others count, too.
fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["/status/initContainerStatuses", "/status/containerStatuses"];
    lists.into_iter().flat_map(|list| items(pod, list))
}

/// The highest number of restarts of one container within `since`.
pub(in crate::actions::kubernetes::check) fn restarts(
    pods: &[Value],
    since: Span,
    now: Timestamp,
) -> Survey {
    let mut found: Vec<(u64, Problem)> = Vec::new();
    for pod in pods {
        for container in containers(pod) {
            let lately = restarts_lately(pod, container, since, now);
            if let Some(lately) = lately.filter(|lately| lately.number > 0) {
                found.push((lately.number, restart(pod, container, lately, since)));
            }
        }
    }
    found.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    let highest = found.first().map_or(0, |(number, _)| *number);
    let problems: Vec<Problem> = found.into_iter().map(|(_, problem)| problem).collect();
    Survey {
        measured: highest,
        ready: (pods.len() as u64).saturating_sub(problems.len() as u64),
        total: pods.len() as u64,
        headline: format!(
            "at most {highest} restarts of a container within {since}, {} have restarted",
            problems.len()
        ),
        problems,
        ..Survey::default()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lately {
    number: u64,
    is_exact: bool,
}

/// Of a container the API keeps how often it restarted in all, and its last two starts. Where that does not tell how often it did within
/// the time, the pause between these two is taken for the usual one.
fn restarts_lately(pod: &Value, container: &Value, since: Span, now: Timestamp) -> Option<Lately> {
    let all = count(container, "/restartCount");
    let after = now - since.signed();
    let exactly = |number: u64| Lately {
        number: number.min(all),
        is_exact: true,
    };
    let ended = time(container, "/lastState/terminated/finishedAt")?;
    // One that ended again and was not started yet has not restarted for that.
    let started = time(container, "/state/running/startedAt")
        .or_else(|| time(container, "/state/terminated/startedAt"))
        .unwrap_or(ended);
    if started.max(ended) < after {
        return Some(exactly(0));
    }
    if time(pod, "/status/startTime").is_some_and(|born| born >= after) {
        return Some(exactly(all));
    }
    let before = time(container, "/lastState/terminated/startedAt");
    let Some(before) = before.filter(|before| *before >= after) else {
        return Some(exactly(1));
    };
    let pause = started.max(ended).duration_since(before);
    let pause = pause.max(SignedDuration::from_secs(1)).as_secs();
    let usual = since.signed().as_secs() / pause;
    Some(Lately {
        number: u64::try_from(usual).unwrap_or_default().max(2).min(all),
        is_exact: false,
    })
}

fn restart(pod: &Value, container: &Value, lately: Lately, since: Span) -> Problem {
    let reason = text(container, "/lastState/terminated/reason");
    let name = text(container, "/name");
    let all = count(container, "/restartCount");
    let about = if lately.is_exact { "" } else { "about " };
    let in_all = if all == lately.number {
        String::new()
    } else {
        format!(" ({all} in all)")
    };
    let number = lately.number;
    problem(
        pod,
        format!("{name}: {about}{number} restarts within {since}{in_all}, last time {reason}"),
    )
}

/// Containers that the kernel ended because they wanted more memory than they may have.
pub(in crate::actions::kubernetes::check) fn oom(pods: &[Value], after: Timestamp) -> Survey {
    let killed = |container: &Value| {
        ["/state/terminated", "/lastState/terminated"]
            .iter()
            .filter_map(|state| container.pointer(state))
            .filter(|state| text(state, "/reason") == "OOMKilled")
            .filter_map(|state| time(state, "/finishedAt"))
            .find(|at| *at >= after)
    };
    let mut problems = Vec::new();
    for pod in pods {
        for container in containers(pod) {
            if let Some(at) = killed(container) {
                let name = text(container, "/name");
                let why = format!("{name}: killed for want of memory at {at}");
                problems.push(problem(pod, why));
            }
        }
    }
    let headline = format!(
        "{} containers were killed for want of memory",
        problems.len()
    );
    let well = pods.len().saturating_sub(problems.len());
    Survey {
        headline,
        ..Survey::ready_of("pods", well, pods.len(), problems)
    }
}

#[cfg(test)]
mod tests {
    use super::{oom, restarts};
    use crate::domain::span::Span;
    use jiff::Timestamp;
    use serde_json::{Value, json};

    fn now() -> Timestamp {
        "2026-03-14T10:00:00Z".parse().unwrap()
    }
    fn pod(born: &str, count: u64, last: Value, state: Value) -> Value {
        json!({
            "metadata": { "name": "web", "namespace": "shop" },
            "status": { "startTime": born, "containerStatuses": [
                { "name": "app", "restartCount": count, "lastState": last, "state": state }
            ] }
        })
    }
    fn ended(from: &str, to: &str, reason: &str) -> Value {
        json!({ "terminated": { "startedAt": from, "finishedAt": to, "reason": reason } })
    }
    fn running(from: &str) -> Value {
        json!({ "running": { "startedAt": from } })
    }
    fn lately(pod: Value) -> (u64, Vec<String>) {
        let found = restarts(&[pod], Span::from_secs(3600), now());
        let told = found.problems.into_iter().map(|one| one.problem);
        (found.measured, told.collect())
    }

    #[test]
    fn restarts_are_those_of_the_time_and_not_of_all_time() {
        let old = "2026-03-01T00:00:00Z";
        let long_ago = ended("2026-03-10T00:00:00Z", "2026-03-12T00:00:00Z", "Error");
        let (number, _) = lately(pod(old, 40, long_ago, running("2026-03-12T00:00:01Z")));
        assert_eq!(number, 0);
        let once = ended("2026-03-12T00:00:01Z", "2026-03-14T09:30:00Z", "Error");
        let (number, told) = lately(pod(old, 41, once, running("2026-03-14T09:30:01Z")));
        assert_eq!(number, 1);
        assert_eq!(
            told,
            ["app: 1 restarts within 1h (41 in all), last time Error"]
        );
        let often = ended("2026-03-14T09:40:00Z", "2026-03-14T09:45:00Z", "Error");
        let (number, told) = lately(pod(old, 50, often, running("2026-03-14T09:50:00Z")));
        assert_eq!(number, 6);
        assert!(told[0].starts_with("app: about 6 restarts"), "{told:?}");
        let waiting = json!({ "waiting": { "reason": "CrashLoopBackOff" } });
        let fresh = ended("2026-03-14T09:59:00Z", "2026-03-14T09:59:01Z", "Error");
        let (number, told) = lately(pod("2026-03-14T09:50:00Z", 3, fresh, waiting));
        assert_eq!(number, 3);
        assert_eq!(told, ["app: 3 restarts within 1h, last time Error"]);
        let (number, _) = lately(pod(old, 0, json!({}), running(old)));
        assert_eq!(number, 0);
    }

    #[test]
    fn only_kills_for_want_of_memory_within_the_time_count() {
        let after = "2026-03-14T09:00:00Z".parse().unwrap();
        let at = |end: &str, reason: &str| {
            let ended = ended("2026-03-14T00:00:00Z", end, reason);
            oom(&[pod("2026-03-14T00:00:00Z", 1, ended, json!({}))], after).measured
        };
        assert_eq!(at("2026-03-14T09:30:00Z", "OOMKilled"), 1);
        assert_eq!(at("2026-03-14T08:30:00Z", "OOMKilled"), 0);
        assert_eq!(at("2026-03-14T09:30:00Z", "Error"), 0);
    }
}
