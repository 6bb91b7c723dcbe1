//! What has happened, or has not when it should have: events, jobs, cron jobs.

use super::{Survey, problem};
use crate::{
    actions::kubernetes::{
        check::Problem,
        object::{condition, count_or, cut, event_time, is, text, time},
        signature::is_own,
        warnings::message,
    },
    domain::{
        check::CheckStatus,
        schedule::{Cron, Zone},
        span::Span,
    },
};
use jiff::Timestamp;
use serde_json::Value;

pub(in crate::actions::kubernetes::check) fn events(events: &[Value], after: Timestamp) -> Survey {
    let mut warnings: Vec<(Timestamp, Problem)> = events
        .iter()
        .filter(|event| text(event, "/type") == "Warning" && !is_own(event))
        .filter_map(|event| Some((event_time(event)?, event)))
        .filter(|(at, _)| *at >= after)
        .map(|(at, event)| (at, event_problem(event)))
        .collect();
    warnings.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    Survey {
        measured: warnings.len() as u64,
        total: events.len() as u64,
        ready: (events.len() - warnings.len()) as u64,
        headline: format!("{} warning events", warnings.len()),
        problems: warnings.into_iter().map(|(_, problem)| problem).collect(),
        ..Survey::default()
    }
}

fn event_problem(event: &Value) -> Problem {
    let namespace = text(event, "/involvedObject/namespace");
    let kind = text(event, "/involvedObject/kind").to_lowercase();
    let name = text(event, "/involvedObject/name");
    let times = count_or(event, "/series/count", count_or(event, "/count", 1));
    Problem {
        object: format!("{kind} {namespace}/{name}"),
        problem: format!("{} ({times}×): {}", text(event, "/reason"), message(event)),
    }
}

pub(in crate::actions::kubernetes::check) fn jobs(jobs: &[Value], after: Timestamp) -> Survey {
    let bad = |job: &Value| {
        let failed = condition(job, "Failed").filter(|_| is(job, "Failed"))?;
        let lately = time(failed, "/lastTransitionTime").is_none_or(|at| at >= after);
        let why = format!(
            "{}: {}",
            text(failed, "/reason"),
            cut(text(failed, "/message"))
        );
        lately.then(|| problem(job, why))
    };
    let problems: Vec<Problem> = jobs.iter().filter_map(bad).collect();
    let complete = jobs.iter().filter(|job| is(job, "Complete")).count();
    let headline = format!("{} jobs have failed lately", problems.len());
    Survey {
        headline,
        ..Survey::ready_of("jobs are complete", complete, jobs.len(), problems)
    }
}

/// Cron jobs that are suspended, or were not scheduled `late` after they were due.
pub(in crate::actions::kubernetes::check) fn cronjobs(
    cronjobs: &[Value],
    late: Span,
    now: Timestamp,
) -> Survey {
    let bad = |cronjob: &Value| {
        let (status, why) = cronjob_problem(cronjob, late, now)?;
        Some((status, problem(cronjob, why)))
    };
    let problems = cronjobs.iter().filter_map(bad).collect();
    Survey::weighed("cron jobs are scheduled", cronjobs.len(), problems)
}

fn cronjob_problem(cronjob: &Value, late: Span, now: Timestamp) -> Option<(CheckStatus, String)> {
    if cronjob.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true) {
        return Some((CheckStatus::Warning, "is suspended".to_owned()));
    }
    let last = time(cronjob, "/status/lastScheduleTime");
    let since = last.or_else(|| time(cronjob, "/metadata/creationTimestamp"))?;
    let Some((cron, zone)) = schedule(cronjob) else {
        let written = text(cronjob, "/spec/schedule");
        let why = format!("its schedule `{}` cannot be read here", cut(written));
        return Some((CheckStatus::Unknown, why));
    };
    let due = cron.next_after(since, &zone)?;
    (due + late.signed() < now).then(|| {
        let last = last.map_or("never".to_owned(), |at| format!("last at {at}"));
        let why = format!("was due at {due} and was not scheduled ({last})");
        (CheckStatus::Critical, why)
    })
}

/// Controllers reckon in UTC where no zone is named, unless their host says otherwise.
fn schedule(cronjob: &Value) -> Option<(Cron, Zone)> {
    let cron = Cron::parse(text(cronjob, "/spec/schedule")).ok()?;
    let zone = match text(cronjob, "/spec/timeZone") {
        "" => Zone::utc(),
        name => Zone::parse(name).ok()?,
    };
    Some((cron, zone))
}

#[cfg(test)]
mod tests {
    use super::cronjobs;
    use crate::domain::{check::CheckStatus, span::Span};
    use serde_json::{Value, json};

    fn told(spec: Value, last: &str) -> (Option<CheckStatus>, String) {
        let cronjob = json!({
            "metadata": { "name": "c", "namespace": "shop", "creationTimestamp": "2026-03-01T00:00:00Z" },
            "spec": spec, "status": { "lastScheduleTime": last }
        });
        let now = "2026-03-14T10:20:00Z".parse().unwrap();
        let found = cronjobs(&[cronjob], Span::from_secs(300), now);
        let words = found.problems.first().map(|one| one.problem.clone());
        (found.worst, words.unwrap_or_default())
    }

    #[test]
    fn a_cron_job_is_late_once_its_due_time_is_long_past() {
        let hourly = json!({ "schedule": "0 * * * *" });
        assert_eq!(told(hourly.clone(), "2026-03-14T10:00:00Z").0, None);
        let (status, words) = told(hourly, "2026-03-14T08:00:00Z");
        assert_eq!(status, Some(CheckStatus::Critical));
        assert_eq!(
            words,
            "was due at 2026-03-14T09:00:00Z and was not scheduled (last at 2026-03-14T08:00:00Z)"
        );
        let recent = json!({ "schedule": "18 * * * *" });
        assert_eq!(told(recent, "2026-03-14T09:18:00Z").0, None);
        let berlin = json!({ "schedule": "0 10 * * *", "timeZone": "Europe/Berlin" });
        assert_eq!(
            told(berlin, "2026-03-13T09:00:00Z").0,
            Some(CheckStatus::Critical)
        );
        let off = json!({ "schedule": "0 * * * *", "suspend": true });
        assert_eq!(
            told(off, "2026-03-01T00:00:00Z").0,
            Some(CheckStatus::Warning)
        );
        let odd = json!({ "schedule": "whenever" });
        assert_eq!(
            told(odd, "2026-03-01T00:00:00Z").0,
            Some(CheckStatus::Unknown)
        );
    }
}
