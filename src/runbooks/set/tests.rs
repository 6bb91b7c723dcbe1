use super::{Beside, Member, check_set};
use crate::domain::{
    calendar::Calendar,
    name::{ActionName, CalendarName, EnvironmentName, InputName, RunbookName, StepName},
    runbook::{
        AfterOutcome, Arguments, Document, Environment, Input, InputKind, Overlap, Retry, Runbook,
        Step, Trigger,
    },
    schedule::Zone,
    span::Span,
};
use serde_json::{Value, json};
use std::sync::Arc;

fn step(name: &str, uses: &str, with: &Value) -> Step {
    Step {
        name: StepName::new(name).unwrap(),
        uses: ActionName::new(uses).unwrap(),
        with: Arguments::new(with),
        when: None,
        timeout: Span::from_secs(60),
        retry: Retry::default(),
        continue_on_failure: false,
        ahead: None,
    }
}

fn runbook(name: &str) -> Runbook {
    Runbook {
        name: RunbookName::new(name).unwrap(),
        labels: crate::domain::runbook::Labels::default(),
        description: "".into(),
        owner: "".into(),
        environments: [].into(),
        triggers: [].into(),
        inputs: [].into(),
        overlap: Overlap::Forbid,
        locks: [].into(),
        windows: [].into(),
        deadline: Span::from_secs(60),
        autonomy: None,
        steps: [step("s", "sleep", &json!({"for": "1s"}))].into(),
        rollback: [].into(),
        finally: [].into(),
        files: None,
    }
}

fn calling(name: &str, with: &Value) -> Document {
    Document::Runbook(Arc::new(Runbook {
        steps: [step("call", "runbook", with)].into(),
        ..runbook(name)
    }))
}

fn after(name: &str, other: &str) -> Document {
    Document::Runbook(Arc::new(Runbook {
        triggers: [Trigger::After {
            runbook: RunbookName::new(other).unwrap(),
            on: AfterOutcome::Success,
        }]
        .into(),
        ..runbook(name)
    }))
}

fn environment(name: &str, values: Value) -> Document {
    Document::Environment(Environment {
        name: EnvironmentName::new(name).unwrap(),
        values: serde_json::from_value(values).unwrap(),
        autonomy: None,
        protected_namespaces: Vec::new(),
    })
}

fn said(documents: &[Document]) -> Vec<String> {
    let members: Vec<_> = documents
        .iter()
        .enumerate()
        .map(|(index, document)| Member {
            file: "set.yaml",
            line: index + 1,
            document,
        })
        .collect();
    check_set(&members, Beside::default(), &|_| None)
        .into_iter()
        .map(|found| {
            let hint = found.problem.hint.map(|hint| format!(" ({hint})"));
            format!(
                "{}: {}{}",
                found.problem.line,
                found.problem.what,
                hint.unwrap_or_default()
            )
        })
        .collect()
}

#[test]
fn a_name_is_taken_once_for_each_kind() {
    let documents = [
        Document::Runbook(Arc::new(runbook("a"))),
        environment("a", json!({})),
        Document::Runbook(Arc::new(runbook("a"))),
    ];
    assert_eq!(
        said(&documents),
        ["3: the Runbook `a` stands already in set.yaml:1 (names are unique in the repository)"]
    );
}

#[test]
fn names_that_lead_nowhere_are_told_with_the_nearest() {
    let windows = Runbook {
        windows: [CalendarName::new("ofice-hours").unwrap()].into(),
        environments: ["stagin", "local", "lab"]
            .map(|name| EnvironmentName::new(name).unwrap())
            .into(),
        ..runbook("windows")
    };
    let documents = [
        after("follower", "backpu"),
        calling("caller", &json!({"runbook": "bakup"})),
        calling("dynamic", &json!({"runbook": "${{ inputs.which }}"})),
        Document::Runbook(Arc::new(windows)),
        Document::Runbook(Arc::new(runbook("backup"))),
        Document::Calendar(Calendar {
            name: CalendarName::new("office-hours").unwrap(),
            zone: Zone::utc(),
            windows: Vec::new(),
        }),
        environment("lab", json!({})),
    ];
    assert_eq!(
        said(&documents),
        [
            "1: there is no runbook `backpu`, which its trigger `after` names (did you mean `backup`?)",
            "2: there is no runbook `bakup`, which its step `call` names (did you mean `backup`?)",
            "4: there is no calendar `ofice-hours` (did you mean `office-hours`?)",
            "4: there is no environment `stagin` (did you mean `staging`?)",
        ]
    );
}

#[test]
fn a_runbook_that_starts_itself_is_told_with_the_way() {
    let documents = [
        calling("a", &json!({"runbook": "b"})),
        calling("b", &json!({"runbook": "c"})),
        after("a2", "c"),
        calling("c", &json!({"runbook": "leaf"})),
        Document::Runbook(Arc::new(runbook("leaf"))),
    ];
    assert_eq!(said(&documents), [""; 0]);
    let documents = [
        calling("a", &json!({"runbook": "b"})),
        after("c", "b"),
        calling("outside", &json!({"runbook": "a"})),
        Document::Runbook(Arc::new(runbook("b"))),
        after("self", "self"),
        calling("x", &json!({"runbook": "y"})),
        calling("y", &json!({"runbook": "x"})),
    ];
    assert_eq!(
        said(&documents),
        [
            "5: the runbook starts itself: self → self",
            "6: the runbook starts itself: x → y → x",
            "7: the runbook starts itself: y → x → y",
        ]
    );
    // The end of a called runbook may start the caller again.
    let caller = Runbook {
        triggers: [Trigger::After {
            runbook: RunbookName::new("b").unwrap(),
            on: AfterOutcome::Any,
        }]
        .into(),
        steps: [step("call", "runbook", &json!({"runbook": "b"}))].into(),
        ..runbook("a")
    };
    let documents = [
        Document::Runbook(Arc::new(caller)),
        Document::Runbook(Arc::new(runbook("b"))),
    ];
    assert_eq!(said(&documents).len(), 2);
}

#[test]
fn long_chains_do_not_exhaust_the_stack() {
    let mut documents: Vec<_> = (1..20_000)
        .map(|index| after(&format!("r{index}"), &format!("r{}", index - 1)))
        .collect();
    documents.push(Document::Runbook(Arc::new(runbook("r0"))));
    assert_eq!(said(&documents), [""; 0]);
}

#[test]
fn a_circle_of_thousands_is_told_without_looking_for_every_way() {
    let circle: Vec<_> = (0..5_000)
        .map(|index| after(&format!("r{index}"), &format!("r{}", (index + 1) % 5_000)))
        .collect();
    let told = said(&circle);
    assert_eq!(told.len(), 5_000);
    assert!(told[0].ends_with(" → … → r0"), "{}", told[0]);
    assert_eq!(
        told[4_999],
        "5000: the runbook starts itself: r4999 → … → r4999"
    );
}

#[test]
fn thousands_of_names_that_lead_nowhere_are_told_and_hints_end() {
    let lost: Vec<_> = (0..1_000)
        .map(|index| after(&format!("first-{index}"), &format!("frist-{index}")))
        .collect();
    let told = said(&lost);
    assert_eq!(told.len(), 1_000);
    assert!(told[0].contains("did you mean `first-0`?"), "{}", told[0]);
    assert!(told[999].ends_with("which its trigger `after` names"));
}

#[test]
fn inputs_given_to_another_runbook_are_its_own() {
    let input = |name: &str, required| Input {
        name: InputName::new(name).unwrap(),
        kind: InputKind::String,
        description: "".into(),
        required,
        default: None,
        pattern: None,
        choices: [].into(),
    };
    let target = Runbook {
        inputs: [input("key", true), input("note", false)].into(),
        ..runbook("target")
    };
    let documents = [
        calling(
            "good",
            &json!({"runbook": "target", "inputs": {"key": "x"}}),
        ),
        calling("bad", &json!({"runbook": "target", "inputs": {"kee": "x"}})),
        Document::Runbook(Arc::new(target)),
    ];
    assert_eq!(
        said(&documents),
        [
            "2: target has no input `kee`, which the step `call` gives (did you mean `key`?)",
            "2: target requires the input `key`, which the step `call` does not give",
        ]
    );
}

#[test]
fn values_are_known_in_every_environment_that_a_runbook_applies_in() {
    let using = |environments: &[&str]| {
        Document::Runbook(Arc::new(Runbook {
            environments: environments
                .iter()
                .map(|name| EnvironmentName::new(name).unwrap())
                .collect(),
            steps: [step(
                "s",
                "command",
                &json!({"argv": ["${{ values.registry }}"]}),
            )]
            .into(),
            ..runbook(if environments.is_empty() {
                "everywhere"
            } else {
                "somewhere"
            })
        }))
    };
    let documents = [
        using(&["staging"]),
        using(&[]),
        environment("staging", json!({"registry": "x"})),
        environment("production", json!({"regstry": "x"})),
    ];
    assert_eq!(
        said(&documents),
        [
            "2: the environment `production` has no value `registry`, which the step `s` names (did you mean `regstry`?)"
        ]
    );
}

#[test]
fn a_name_stands_for_one_credential() {
    let rotating = |runbook_name: &str, steps: &[(&str, Value)]| {
        let steps = steps.iter().map(|(uses, with)| step("act", uses, with));
        Document::Runbook(Arc::new(Runbook {
            steps: steps.collect(),
            ..runbook(runbook_name)
        }))
    };
    // No agent meets both.
    let elsewhere = |runbook_name: &str, environment: &str, path: &str| {
        let with = json!({ "name": "other", "distribute": [{ "file": { "path": path } }] });
        Document::Runbook(Arc::new(Runbook {
            environments: [EnvironmentName::new(environment).unwrap()].into(),
            steps: [step("act", "rotate/secret", &with)].into(),
            ..runbook(runbook_name)
        }))
    };
    let at = |path: &str| json!({ "name": "web", "distribute": [{ "file": { "path": path } }] });
    let forced =
        json!({ "name": "web", "force": true, "distribute": [{ "file": { "path": "/a" } }] });
    let documents = [
        rotating(
            "a",
            &[("rotate/secret", at("/a")), ("rotate/secret", forced)],
        ),
        rotating("b", &[("rotate/secret", at("/b"))]),
        rotating("c", &[("rotate/api-key", at("/a"))]),
        rotating(
            "d",
            &[("rotate/secret", json!({ "name": "${{ inputs.name }}" }))],
        ),
        elsewhere("e", "staging", "/e"),
        elsewhere("f", "production", "/f"),
    ];
    let told: Vec<String> = said(&documents);
    assert_eq!(told.len(), 2, "{told:?}");
    for (line, told) in [2, 3].into_iter().zip(told) {
        let words =
            format!("{line}: the credential `web` is kept by the step `act` of `a` already");
        assert!(told.starts_with(&words), "{told}");
    }
}
