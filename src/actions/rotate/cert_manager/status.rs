//! What the status of a Certificate says, and what is written there.

use crate::{
    actions::kubernetes::{condition, cut, is, items, text, time},
    domain::span::Span,
    ports::vault::Kept,
};
use jiff::Timestamp;
use serde_json::{Value, json};

pub(super) const ISSUING: &str = "Issuing";
/// The fact that is cert-manager's own count.
pub(super) const REVISION: &str = "revision";
/// What is known of the former one: from when to when it is good.
pub(super) const VALID: &str = "valid";
/// What is noted with the former one where cert-manager has issued the new one by itself.
pub(super) const BY_ITSELF: &str = "issuedByItself";

/// How far cert-manager is.
pub(super) enum Progress {
    Issued,
    NotYet(String),
    Failed(String),
}

pub(super) fn revision(found: &Value) -> u64 {
    let number = found.pointer("/status/revision").and_then(Value::as_u64);
    number.unwrap_or_default()
}

pub(super) fn former_revision(kept: &Kept) -> u64 {
    let number = kept.former.get(REVISION);
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}

pub(super) fn is_by_itself(kept: &Kept) -> bool {
    kept.former.contains_key(BY_ITSELF)
}

pub(super) fn validity(found: &Value) -> String {
    let at = |name: &str| text(found, &format!("/status/{name}"));
    format!("{}/{}", at("notBefore"), at("notAfter"))
}

/// The number is written by another of cert-manager's hands than the end, and perhaps before it.
pub(super) fn progress(found: &Value, kept: &Kept) -> Progress {
    let is_another = revision(found) > former_revision(kept)
        && kept
            .former
            .get(VALID)
            .is_none_or(|former| *former != validity(found));
    // As long as it is issuing, another one may come.
    let is_there =
        is(found, "Ready") && !is(found, ISSUING) && time(found, "/status/notAfter").is_some();
    if is_there && (is_another || is_by_itself(kept)) {
        return Progress::Issued;
    }
    let issuing = condition(found, ISSUING);
    if let Some(issuing) = issuing.filter(|one| text(one, "/status") == "False") {
        let words = cut(text(issuing, "/message"));
        return Progress::Failed(format!("cert-manager could not issue it: {words}"));
    }
    let ready = condition(found, "Ready").filter(|one| text(one, "/status") != "True");
    let words = [issuing, ready].into_iter().flatten();
    let words: Vec<String> = words.map(|one| cut(text(one, "/message"))).collect();
    Progress::NotYet(words.join("; "))
}

/// One that ends before it may be renewed would be due as soon as it is there.
pub(super) fn lasts(found: &Value, renew_before: Span) -> Result<(), String> {
    let (begin, end) = (
        time(found, "/status/notBefore"),
        time(found, "/status/notAfter"),
    );
    let lifetime = begin.zip(end).map(|(begin, end)| end.duration_since(begin));
    match lifetime {
        Some(lifetime) if lifetime <= renew_before.signed() => Err(format!(
            "in `with`, at `renewBefore`: {renew_before} is not shorter than {lifetime:#}, for which cert-manager issues it, so each new one would be due at once"
        )),
        Some(_) | None => Ok(()),
    }
}

pub(super) fn called_off(found: &Value, now: Timestamp) -> Vec<Value> {
    issuing(
        found,
        "False",
        ("CalledOff", "the rotation that has asked for it leads back"),
        now,
    )
}

/// All conditions, with this one in its place.
pub(super) fn issuing(
    found: &Value,
    status: &str,
    (reason, message): (&str, &str),
    now: Timestamp,
) -> Vec<Value> {
    let others = items(found, "/status/conditions").iter();
    let others = others.filter(|one| text(one, "/type") != ISSUING).cloned();
    let own = json!({
        "type": ISSUING,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": Timestamp::from_second(now.as_second()).unwrap_or(now),
        "observedGeneration": found.pointer("/metadata/generation"),
    });
    others.chain([own]).collect()
}

#[cfg(test)]
mod tests {
    use super::{Progress, REVISION, VALID, called_off, lasts, progress};
    use crate::{
        domain::{id::RotationId, span::Span},
        ports::vault::{Kept, Parts},
    };
    use serde_json::{Value, json};

    fn kept() -> Kept {
        let former = [
            (REVISION, "6"),
            (VALID, "2026-01-01T00:00:00Z/2026-04-01T00:00:00Z"),
        ];
        let former = former.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Kept {
            rotation: RotationId::new("2026-03-14T10:00:00Z".parse().unwrap(), [0; 10]),
            new: Parts::new(),
            old: Parts::new(),
            facts: [].into(),
            former: former.into(),
            expires_at: None,
        }
    }

    fn certificate(revision: u64, begin: &str, ready: &str, issuing: Value) -> Value {
        let ready = json!({ "type": "Ready", "status": ready, "message": "soon" });
        json!({ "status": {
            "revision": revision, "notBefore": begin, "notAfter": "2026-04-01T00:00:00Z",
            "conditions": if issuing.is_null() { json!([ready]) } else { json!([issuing, ready]) },
        } })
    }

    #[test]
    fn a_new_one_is_there_when_its_number_and_its_time_are_new_and_it_is_ready() {
        let (old, new) = ("2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z");
        let none = Value::Null;
        let busy = json!({ "type": "Issuing", "status": "True", "message": "at it" });
        let vain = json!({ "type": "Issuing", "status": "False", "message": "the order failed" });
        for (found, told) in [
            (certificate(7, new, "True", none.clone()), "issued"),
            (certificate(7, old, "True", none.clone()), "not yet: "),
            (certificate(6, new, "True", none.clone()), "not yet: "),
            (certificate(7, new, "False", none), "not yet: soon"),
            (certificate(7, new, "True", busy.clone()), "not yet: at it"),
            (certificate(6, old, "True", busy), "not yet: at it"),
            (certificate(6, old, "True", vain), "the order failed"),
        ] {
            let said = match progress(&found, &kept()) {
                Progress::Issued => "issued".to_owned(),
                Progress::NotYet(why) => format!("not yet: {why}"),
                Progress::Failed(why) => why,
            };
            assert!(said.ends_with(told), "{found}: {said}");
        }
    }

    #[test]
    fn one_that_would_be_due_at_once_is_refused() {
        let found = certificate(7, "2026-03-31T00:00:00Z", "True", Value::Null);
        let day = |days: u64| Span::from_secs(days * 86_400);
        assert!(lasts(&found, Span::from_secs(3600)).is_ok());
        let error = lasts(&found, day(30)).unwrap_err();
        assert!(error.contains("is not shorter than 24h"), "{error}");
        assert!(lasts(&json!({}), day(30)).is_ok());
    }

    #[test]
    fn other_conditions_stay() {
        let busy = json!({ "type": "Issuing", "status": "True" });
        let found = certificate(6, "", "True", busy);
        let all = called_off(&found, "2026-03-14T10:00:00.5Z".parse().unwrap());
        let shown: Vec<_> = all
            .iter()
            .map(|one| (&one["type"], &one["status"]))
            .collect();
        assert_eq!(
            shown,
            [
                (&json!("Ready"), &json!("True")),
                (&json!("Issuing"), &json!("False"))
            ]
        );
        assert_eq!(all[1]["lastTransitionTime"], "2026-03-14T10:00:00Z");
    }
}
