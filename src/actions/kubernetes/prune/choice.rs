//! Which of the objects go, and why the others stay.

use super::{
    Kept, PruneInputs,
    aged::{Born, born},
};
use crate::{
    actions::kubernetes::{condition::ObjectCondition, object::text},
    domain::span::Span,
};
use jiff::Timestamp;
use serde_json::Value;

/// An object that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) resource_version: String,
    pub(super) since: Timestamp,
}

/// Those that go, the oldest first, and those that stay.
#[derive(Debug, Default)]
pub(super) struct Choice {
    pub(super) goes: Vec<Candidate>,
    pub(super) stays: Vec<Kept>,
}

pub(super) fn choose(
    inputs: &PruneInputs,
    when: Option<&ObjectCondition>,
    objects: &[Value],
    now: Timestamp,
) -> Choice {
    let mut choice = Choice::default();
    let kind = inputs.effect_kind();
    for object in objects {
        let name = text(object, "/metadata/name").to_owned();
        match candidate(inputs, &kind, when, object, now) {
            Ok(since) => choice.goes.push(Candidate {
                name,
                uid: text(object, "/metadata/uid").to_owned(),
                resource_version: text(object, "/metadata/resourceVersion").to_owned(),
                since,
            }),
            Err(reason) => choice.stays.push(Kept { name, reason }),
        }
    }
    choice
        .goes
        .sort_by(|a, b| (a.since, &a.name).cmp(&(b.since, &b.name)));
    choice.keep_newest(inputs.keep);
    choice.keep_young(inputs.older_than, now);
    choice
}

impl Choice {
    fn keep_newest(&mut self, count: u32) {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let older = self.goes.len().saturating_sub(count);
        let newest = self.goes.split_off(older);
        self.stay(newest, |_| format!("one of the {count} newest"));
    }

    fn keep_young(&mut self, older_than: Option<Span>, now: Timestamp) {
        let Some(age) = older_than else { return };
        let goes = std::mem::take(&mut self.goes);
        let is_old = |one: &Candidate| now.duration_since(one.since) > age.signed();
        let (old, young) = goes.into_iter().partition(is_old);
        self.goes = old;
        self.stay(young, |one| {
            format!("not older than {age}: since {}", one.since)
        });
    }

    fn stay(&mut self, those: Vec<Candidate>, reason: impl Fn(&Candidate) -> String) {
        let kept = those.into_iter().map(|one| Kept {
            reason: reason(&one),
            name: one.name,
        });
        self.stays.extend(kept);
    }
}

/// From when on it ages, if it may go at all; otherwise why it stays.
fn candidate(
    inputs: &PruneInputs,
    kind: &str,
    when: Option<&ObjectCondition>,
    object: &Value,
    now: Timestamp,
) -> Result<Timestamp, String> {
    if object.pointer("/metadata/deletionTimestamp").is_some() {
        return Err("it is being deleted already".to_owned());
    }
    if let Some(label) = inputs.unless.iter().find(|label| has_label(object, label)) {
        return Err(format!("labelled {label}"));
    }
    if let Some(when) = when {
        match when.holds(object, now) {
            Ok(true) => {}
            Ok(false) => return Err("`when` does not hold".to_owned()),
            Err(why) => return Err(format!("`when` cannot be told: {why}")),
        }
    }
    match born(kind, object, inputs.since) {
        Born::Finished(at) | Born::Created(at) => Ok(at),
        Born::Unfinished => Err("it has not finished".to_owned()),
        Born::Unknown => Err("it does not say how old it is".to_owned()),
    }
}

/// `key`, whatever its value, or `key=value`.
fn has_label(object: &Value, wanted: &str) -> bool {
    let labels = object.pointer("/metadata/labels");
    let found = |key: &str| labels.and_then(|labels| labels.get(key)?.as_str());
    match wanted.split_once('=') {
        Some((key, value)) => found(key.trim()) == Some(value.trim()),
        None => found(wanted.trim()).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Choice, choose};
    use crate::actions::kubernetes::{condition::ObjectCondition, prune::PruneInputs};
    use serde_json::{Value, json};

    fn job(name: &str, day: u32, labels: Value, result: &str) -> Value {
        json!({
            "metadata": { "name": name, "uid": name, "labels": labels, "creationTimestamp": "2026-01-01T00:00:00Z" },
            "status": { "conditions": [
                { "type": result, "status": "True", "lastTransitionTime": format!("2026-01-{day:02}T00:00:00Z") }
            ] }
        })
    }
    fn chosen(more: &Value, objects: &[Value]) -> Choice {
        let mut inputs =
            json!({ "namespace": "ci", "kind": "job", "selector": "a=b", "limit": 10 });
        let more = more.as_object().unwrap().clone();
        inputs.as_object_mut().unwrap().extend(more);
        let inputs: PruneInputs = serde_json::from_value(inputs).unwrap();
        let when = inputs
            .when
            .as_deref()
            .map(|when| ObjectCondition::new("when", when).unwrap());
        choose(
            &inputs,
            when.as_ref(),
            objects,
            "2026-01-20T00:00:00Z".parse().unwrap(),
        )
    }
    fn names(choice: &Choice) -> Vec<&str> {
        choice.goes.iter().map(|one| one.name.as_str()).collect()
    }
    fn reason<'a>(choice: &'a Choice, name: &str) -> &'a str {
        let kept = choice.stays.iter().find(|kept| kept.name == name);
        kept.map_or("", |kept| kept.reason.as_str())
    }

    #[test]
    fn the_old_go_unless_a_label_protects_them() {
        let jobs = [
            job("young", 15, json!({}), "Complete"),
            job("old", 2, json!({}), "Complete"),
            job("older", 1, json!({}), "Complete"),
            job("kept", 1, json!({ "keep": "" }), "Complete"),
            job("failed", 1, json!({ "hold": "yes" }), "Failed"),
        ];
        let choice = chosen(
            &json!({ "olderThan": "7d", "unless": ["keep", "hold=no"], "when": "conditions.Complete == \"True\"" }),
            &jobs,
        );
        assert_eq!(names(&choice), ["older", "old"]);
        assert_eq!(reason(&choice, "kept"), "labelled keep");
        assert!(reason(&choice, "young").starts_with("not older than"));
        assert_eq!(
            reason(&choice, "failed"),
            "`when` cannot be told: there is no `conditions.Complete`"
        );
    }

    #[test]
    fn the_newest_stay_however_old() {
        let jobs = [1, 2, 3, 4].map(|day| job(&format!("j{day}"), day, json!({}), "Complete"));
        let choice = chosen(&json!({ "keep": 2, "olderThan": "1d" }), &jobs);
        assert_eq!(names(&choice), ["j1", "j2"]);
        assert_eq!(reason(&choice, "j4"), "one of the 2 newest");
        assert_eq!(names(&chosen(&json!({ "keep": 9 }), &jobs)), [""; 0]);
    }
}
