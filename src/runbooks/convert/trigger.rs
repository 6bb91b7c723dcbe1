//! Triggers.

use crate::{
    domain::{
        runbook::{Timing, Trigger},
        schedule::{Cron, Zone},
        span::Span,
    },
    runbooks::{
        convert::Draft,
        raw::{AlertSpec, EverySpec, ScheduleSpec, TriggerSpec},
    },
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The shortest interval, in milliseconds.
const SHORTEST: u64 = 1000;
/// How many occurrences of a schedule are looked at to find how close together they come.
const LOOKED_AT: usize = 8;
/// From where they are counted: a Monday, so that any day will do as well.
const REFERENCE: Timestamp = Timestamp::constant(1_735_948_800, 0);

pub(super) fn triggers(draft: &mut Draft<'_>, specs: Vec<TriggerSpec>) -> Box<[Trigger]> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut triggers = Vec::new();
    for (index, spec) in specs.into_iter().enumerate() {
        let pointer = format!("/spec/triggers/{index}");
        let Some(trigger) = trigger(draft, spec, &pointer) else {
            continue;
        };
        if let Some(first) = seen.insert(trigger.key(), index) {
            let line = draft.node(&format!("/spec/triggers/{first}")).place.line;
            let what = format!("the same trigger stands at line {line}");
            draft.fault(&pointer, what).hint = Some("keep one of them".to_owned());
        }
        triggers.push(trigger);
    }
    triggers.into()
}

fn trigger(draft: &mut Draft<'_>, spec: TriggerSpec, pointer: &str) -> Option<Trigger> {
    match spec {
        TriggerSpec::Schedule(spec) => schedule(draft, &spec, pointer),
        TriggerSpec::Every(spec) => Some(every(draft, &spec, pointer)),
        TriggerSpec::Webhook(spec) => Some(Trigger::Webhook {
            name: spec.webhook.name,
        }),
        TriggerSpec::Agent(spec) => Some(Trigger::Agent { event: spec.agent }),
        TriggerSpec::Alert(spec) => Some(alert(draft, spec.alert, pointer)),
        TriggerSpec::After(spec) => Some(Trigger::After {
            runbook: spec.after.runbook,
            on: spec.after.on,
        }),
    }
}

fn schedule(draft: &mut Draft<'_>, spec: &ScheduleSpec, pointer: &str) -> Option<Trigger> {
    let cron = draft.cron(&spec.schedule, &format!("{pointer}/schedule"));
    let zone = draft.zone(spec.time_zone.as_deref(), &format!("{pointer}/timeZone"));
    check_start_deadline(draft, spec.start_deadline, pointer);
    let (cron, zone) = (cron?, zone?);
    if !spec.spread.is_zero() {
        check_spread(draft, spec.spread, shortest_gap(&cron, &zone), pointer);
    }
    let timing = Timing {
        spread: spec.spread,
        missed: spec.missed,
        start_deadline: spec.start_deadline,
    };
    Some(Trigger::Schedule { cron, zone, timing })
}

fn every(draft: &mut Draft<'_>, spec: &EverySpec, pointer: &str) -> Trigger {
    if spec.every.millis() < SHORTEST {
        draft.fault(&format!("{pointer}/every"), "the shortest interval is 1s");
    } else {
        check_spread(draft, spec.spread, Some(spec.every), pointer);
    }
    check_start_deadline(draft, spec.start_deadline, pointer);
    Trigger::Every {
        interval: spec.every,
        timing: Timing {
            spread: spec.spread,
            missed: spec.missed,
            start_deadline: spec.start_deadline,
        },
    }
}

fn alert(draft: &mut Draft<'_>, spec: AlertSpec, pointer: &str) -> Trigger {
    let labels = format!("{pointer}/alert/match");
    if spec.labels.is_empty() && !draft.gaps.are_in(draft.node(&labels)) {
        let what = "`match` names no label, so every alert would match";
        draft.fault(&labels, what);
    }
    Trigger::Alert {
        labels: spec.labels,
    }
}

fn check_start_deadline(draft: &mut Draft<'_>, deadline: Option<Span>, pointer: &str) {
    if deadline.is_some_and(|deadline| deadline.is_zero()) {
        let what = "with no time to start in, it would never start";
        draft.fault(&format!("{pointer}/startDeadline"), what);
    }
}

fn check_spread(draft: &mut Draft<'_>, spread: Span, gap: Option<Span>, pointer: &str) {
    if let Some(gap) = gap.filter(|gap| spread >= *gap) {
        let what = format!("a spread of {spread} reaches the next occurrence, {gap} later");
        let fault = draft.fault(&format!("{pointer}/spread"), what);
        fault.hint = Some(format!("choose less than {gap}"));
    }
}

/// The shortest time between two of the next occurrences.
fn shortest_gap(cron: &Cron, zone: &Zone) -> Option<Span> {
    let mut at = cron.next_after(REFERENCE, zone)?;
    let mut shortest: Option<Span> = None;
    for _ in 0..LOOKED_AT {
        let next = cron.next_after(at, zone)?;
        let millis = next.duration_since(at).as_millis();
        let gap = Span::from_millis(u64::try_from(millis).unwrap_or(0));
        shortest = Some(shortest.map_or(gap, |shortest| shortest.min(gap)));
        at = next;
    }
    shortest
}
