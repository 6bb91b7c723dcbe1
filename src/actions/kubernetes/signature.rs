//! What the agent leaves on objects that a step has changed: an Event, so that `kubectl describe` says who did it and why.
//!
//! It is a note of the agent and no effect of the step: it changes no object, is made with the rights of the runbook's account, has a few
//! seconds, and whether it is taken or refused says nothing of the step.

use crate::{
    actions::kubernetes::touched::Touched,
    domain::{
        name::ActionName,
        run::{StepReport, StepResult},
    },
    ports::{
        clock::Clock,
        cluster::{Change, ClusterError, Clusters, ObjectPath, Resource},
        executor::{LogStream, Session, StepContext},
    },
};
use serde_json::{Value, json};
use std::{fmt::Write as _, time::Duration};

/// Who says it (`reportingController`).
const AGENT: &str = "orderly.dev/agent";
/// Whether an event, as the core group has it, is such a note: it tells nothing that its reader has not done itself.
pub(super) fn is_own(event: &Value) -> bool {
    event.pointer("/reportingComponent").and_then(Value::as_str) == Some(AGENT)
}

/// All notes of a step together.
const DEADLINE: Duration = Duration::from_secs(3);
/// The API's bound of an event's note, in bytes.
const LONGEST_NOTE: usize = 1024;
/// The most objects of one step that get a note.
const MOST: usize = 20;
/// Where events about objects without a namespace lie.
const HOME: &str = "default";

/// Leaves a note on each object that a step has changed.
pub(in crate::actions) async fn sign(
    touched: &[Touched],
    uses: &ActionName,
    report: &StepReport,
    session: &Session,
    clusters: &dyn Clusters,
    clock: &dyn Clock,
) {
    let wanted = |touched: &&Touched| clusters.takes_notes(&touched.cluster);
    let touched = touched.iter().filter(wanted).take(MOST);
    let telling = async {
        for one in touched {
            let event = event(one, uses, report, &session.context, clock);
            tell(one, &event, clusters)
                .await
                .map_err(|why| (one.name.clone(), why.to_string()))?;
        }
        Ok(())
    };
    let told: Result<(), (String, String)> = tokio::select! {
        told = telling => told,
        () = clock.sleep(DEADLINE) => {
            Err(("all objects".to_owned(), format!("the API server did not take it within {} s", DEADLINE.as_secs())))
        }
    };
    if let Err((name, why)) = told {
        let why = why.lines().next().unwrap_or_default();
        let line = format!("no event was left on {name}: {why}\n");
        session.log.append(LogStream::Note, line.as_bytes());
    }
}

async fn tell(
    touched: &Touched,
    event: &Value,
    clusters: &dyn Clusters,
) -> Result<(), ClusterError> {
    let resource = Resource {
        group: "events.k8s.io".to_owned(),
        version: "v1".to_owned(),
        plural: "events".to_owned(),
        kind: "Event".to_owned(),
        namespaced: true,
    };
    let name = event.pointer("/metadata/name").and_then(Value::as_str);
    let path = ObjectPath {
        namespace: Some(touched.namespace.as_deref().unwrap_or(HOME)),
        name: name.unwrap_or_default(),
        subresource: None,
    };
    let made = clusters.change(
        &touched.cluster,
        &resource,
        path,
        Change::Create(event),
        false,
    );
    made.await.map(drop)
}

fn event(
    touched: &Touched,
    uses: &ActionName,
    report: &StepReport,
    context: &StepContext,
    clock: &dyn Clock,
) -> Value {
    let Touched {
        resource,
        namespace,
        name,
        uid,
        ..
    } = touched;
    let api_version = match resource.group.as_str() {
        "" => resource.version.clone(),
        group => format!("{group}/{}", resource.version),
    };
    let mut regarding = json!({ "apiVersion": api_version, "kind": resource.kind, "name": name });
    if let Some(namespace) = namespace {
        regarding["namespace"] = json!(namespace);
    }
    if !uid.is_empty() {
        regarding["uid"] = json!(uid);
    }
    let reason = reason(uses);
    let place = namespace.as_deref().unwrap_or(HOME);
    json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event",
        "metadata": { "name": event_name(name, clock), "namespace": place },
        "eventTime": clock.now().strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        "reportingController": AGENT, "reportingInstance": context.runbook.as_str(),
        "action": reason, "reason": reason, "regarding": regarding,
        "type": if report.result == StepResult::Succeeded { "Normal" } else { "Warning" },
        "note": note(report, context),
    })
}

/// An event has a name of its own, which begins as that of its object.
fn event_name(name: &str, clock: &dyn Clock) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let begin: String = name.chars().filter(|c| plain(*c)).take(200).collect();
    let begin = begin.trim_matches(['-', '.']);
    let mut unique = String::new();
    for byte in clock.entropy() {
        let _written = write!(unique, "{byte:02x}");
    }
    format!(
        "{}.{unique}",
        if begin.is_empty() { "object" } else { begin }
    )
}

/// `kubernetes/rollout-restart` is `RolloutRestart`.
fn reason(uses: &ActionName) -> String {
    let words = uses.as_str().rsplit('/').next().unwrap_or_default();
    let capital = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    words.split('-').map(capital).collect()
}

/// What happened, and whose doing it was.
fn note(report: &StepReport, context: &StepContext) -> String {
    let whose = format!(
        " (runbook {}, run {}, step {})",
        context.runbook, context.run, context.step
    );
    let room = LONGEST_NOTE.saturating_sub(whose.len());
    let mut what = report.summary.clone();
    if what.len() > room {
        let end = what.floor_char_boundary(room.saturating_sub('…'.len_utf8()));
        what.truncate(end);
        what.push('…');
    }
    what + &whose
}

#[cfg(test)]
mod tests {
    use super::{event, note, reason};
    use crate::{
        actions::{
            framework::scripted::{PausedClock, context},
            kubernetes::{kinds::NODES, touched::Touched},
        },
        domain::{name::ActionName, run::StepReport},
    };
    use serde_json::Value;

    #[test]
    fn a_note_says_what_happened_and_whose_doing_it_was_within_the_bound() {
        let uses = ActionName::new("kubernetes/set-image").unwrap();
        assert_eq!(reason(&uses), "SetImage");
        let report = StepReport::succeeded("node one drained", Value::Null);
        let said = note(&report, &context());
        assert!(
            said.starts_with("node one drained (runbook demo, run "),
            "{said}"
        );
        let long = StepReport::succeeded("ü".repeat(2000), Value::Null);
        let said = note(&long, &context());
        assert!(said.len() <= 1024 && said.ends_with("step act)"), "{said}");
    }

    #[tokio::test]
    async fn an_event_names_its_object_and_warns_of_a_failure() {
        let node = Touched {
            cluster: "default".to_owned(),
            resource: NODES.resource(),
            namespace: None,
            name: "system:node".to_owned(),
            uid: "u".to_owned(),
        };
        let uses = ActionName::new("kubernetes/drain").unwrap();
        let failed = StepReport::failed("it is not empty", true);
        let event = event(&node, &uses, &failed, &context(), &PausedClock::default());
        assert_eq!(event["type"], "Warning");
        assert_eq!(event["regarding"]["uid"], "u");
        assert_eq!(event["metadata"]["namespace"], "default");
        assert_eq!(event["eventTime"], "2026-03-14T09:26:53.000000Z");
        let name = event["metadata"]["name"].as_str().unwrap();
        assert!(name.starts_with("systemnode."), "{name}");
    }
}
