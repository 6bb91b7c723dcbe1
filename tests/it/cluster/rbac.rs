//! The rights that `orderly rbac` prints are enough, and none of them is too much: on a real API server, for every action.

use super::plane::Space;
use crate::{cli::Home, steps::Run};
use orderly::{
    actions::framework::{Catalogue, World},
    adapters::kubernetes::{Account, Cluster, ConfiguredClusters, Credentials},
    domain::{
        name::RunbookName,
        run::{StepReport, StepResult},
    },
    ports::executor::ActionCatalogue as _,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

/// A step, and the rights without which it says less instead of failing, as `verb resource`.
struct Trial {
    uses: &'static str,
    inputs: Value,
    tells: &'static [&'static str],
}

fn trial(uses: &'static str, inputs: Value) -> Trial {
    Trial {
        uses,
        inputs,
        tells: &[],
    }
}

/// Every kind of check, on what [`furnish`] has made.
fn checks(namespace: &str) -> Vec<Trial> {
    let of = |inputs: Value| trial("kubernetes/check", inputs);
    let named =
        |what: &str, name: &str| json!({ "what": what, "namespace": namespace, "name": name });
    let listed = |what: &str| json!({ "what": what, "namespace": namespace });
    let backup = json!({ "what": "object", "kind": "backups.longhorn.io", "namespace": namespace });
    vec![
        of(json!({ "what": "nodes" })),
        of(listed("pods")),
        of(listed("stuck")),
        of(named("deployments", "web")),
        of(listed("deployments")),
        of(named("statefulsets", "db")),
        of(named("daemonsets", "logs")),
        of(named("endpoints", "web")),
        of(listed("claims")),
        of(json!({ "what": "volumes" })),
        of(listed("restarts")),
        of(listed("oom")),
        of(listed("events")),
        of(listed("jobs")),
        of(listed("cronjobs")),
        of(json!({ "what": "podUsage", "namespace": namespace, "selector": "app=web" })),
        of(json!({ "what": "nodeUsage" })),
        of(json!({ "what": "capacity" })),
        of(listed("certificates")),
        of(json!({ "what": "crds", "name": "backups.longhorn.io" })),
        of(backup),
        of(json!({ "what": "object", "kind": "secret", "name": "key", "namespace": namespace })),
    ]
}

/// Every other action.
fn others(namespace: &str) -> Vec<Trial> {
    let workload = |more: Value| {
        let mut inputs = json!({ "namespace": namespace, "deployment": "web", "wait": "60s" });
        inputs
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        inputs
    };
    let review = json!({
        "as": { "user": "ann" },
        "expect": [{ "verb": "get", "resource": "pods", "expected": "denied" }]
    });
    let own = json!({ "expect": [{ "verb": "get", "resource": "pods", "expected": "denied" }], "rulesIn": namespace });
    vec![
        Trial {
            tells: &["list pods"],
            ..trial("kubernetes/rollout-restart", workload(json!({})))
        },
        Trial {
            tells: &["list pods"],
            ..trial("kubernetes/scale", workload(json!({ "replicas": 2 })))
        },
        trial("kubernetes/access-review", review),
        trial("kubernetes/access-review", own),
        trial("kubernetes/rbac-report", json!({ "namespace": namespace })),
    ]
}

fn furnish(space: &Space) {
    space.available("web", 1);
    space.kubectl(&["expose", "deployment/web", "--port=80"]);
    space.workload("StatefulSet", "db", 1);
    space.workload("DaemonSet", "logs", 0);
    space.kubectl(&["create", "secret", "generic", "key", "--from-literal=a=b"]);
    space.apply(&json!({ "apiVersion": "longhorn.io/v1beta2", "kind": "Backup", "metadata": { "name": "one" } }));
}

/// What `orderly rbac` prints for one step, bound to this account.
fn printed(space: &Space, home: &Home, trial: &Trial) -> Vec<Value> {
    let runbook = json!({
        "apiVersion": "orderly.dev/v1", "kind": "Runbook", "metadata": { "name": "nightly" },
        "spec": { "description": "Tries a step.", "steps": [{ "name": "act", "uses": trial.uses, "with": trial.inputs }] }
    });
    home.write("runbooks/nightly.yaml", runbook.to_string());
    let account = format!("{}/somebody", space.name);
    let words = ["rbac", "--runbooks", "runbooks", "--output", "json"];
    let more = ["--service-account", &account, "--name", &space.name];
    let said = home.orderly(&[&words[..], &more].concat());
    assert!(
        !said.err.contains("warning"),
        "{}: {}",
        trial.uses,
        said.err
    );
    said.json()["items"].as_array().unwrap().clone()
}

impl Space {
    /// An account with exactly these roles, each under a name of its own.
    fn granted(&self, objects: &[Value], account: &str) -> PathBuf {
        let mut items = vec![json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": account, "namespace": self.name }
        })];
        for object in objects {
            let mut own = object.clone();
            let name = format!("{}-{account}", own["metadata"]["name"].as_str().unwrap());
            own["metadata"]["name"] = json!(name);
            own["metadata"]["labels"] = json!({ "test": self.name });
            if own.get("roleRef").is_some() {
                own["roleRef"]["name"] = json!(name);
                own["subjects"][0]["name"] = json!(account);
            }
            items.push(own);
        }
        self.apply(&json!({ "apiVersion": "v1", "kind": "List", "items": items }));
        let token = self.kubectl(&["create", "token", account]);
        self.kubeconfig_with(account, token.trim())
    }

    fn forget_cluster_roles(&self) {
        let label = format!("test={}", self.name);
        self.kubectl(&["delete", "clusterroles,clusterrolebindings", "-l", &label]);
    }
}

/// Each way of taking one verb on one resource away, with what it was.
fn lessened(objects: &[Value]) -> Vec<(String, Vec<Value>)> {
    let list = |rule: &Value, key: &str| rule[key].as_array().unwrap().clone();
    let mut all = Vec::new();
    for (place, object) in objects.iter().enumerate() {
        for (number, rule) in object["rules"].as_array().into_iter().flatten().enumerate() {
            for (resource, verb) in list(rule, "resources").into_iter().flat_map(|resource| {
                list(rule, "verbs")
                    .into_iter()
                    .map(move |verb| (resource.clone(), verb))
            }) {
                let mut less = objects.to_vec();
                let mut rest = rule.clone();
                rest["resources"] = json!([resource]);
                rest["verbs"]
                    .as_array_mut()
                    .unwrap()
                    .retain(|one| *one != verb);
                let rules = less[place]["rules"].as_array_mut().unwrap();
                rules[number]["resources"]
                    .as_array_mut()
                    .unwrap()
                    .retain(|one| *one != resource);
                rules.push(rest);
                rules.retain(|rule| {
                    !list(rule, "resources").is_empty() && !list(rule, "verbs").is_empty()
                });
                let what = format!("{} {}", verb.as_str().unwrap(), resource.as_str().unwrap());
                all.push((what, less));
            }
        }
    }
    all
}

/// What a check finds is not the point here, as long as it was allowed to look.
fn went_well(report: &StepReport) -> bool {
    let is_forbidden = report.summary.contains("forbids");
    !is_forbidden && (report.result == StepResult::Succeeded || report.check.is_some())
}

async fn tried(space: &Space, kubeconfig: PathBuf, trial: &Trial) -> StepReport {
    let run = Run::new(space.world_of(kubeconfig));
    run.step(trial.uses, trial.inputs.clone()).await
}

async fn are_least(space: &Space, trials: &[Trial]) {
    furnish(space);
    let home = Home::new();
    for (number, trial) in trials.iter().enumerate() {
        let objects = printed(space, &home, trial);
        let kubeconfig = space.granted(&objects, &format!("whole-{number}"));
        let report = tried(space, kubeconfig, trial).await;
        let about = format!("{} {}", trial.uses, trial.inputs);
        assert!(went_well(&report), "{about}: {}", report.summary);
        for (less, (what, objects)) in lessened(&objects).into_iter().enumerate() {
            if trial.tells.contains(&what.as_str()) {
                continue;
            }
            let kubeconfig = space.granted(&objects, &format!("less-{number}-{less}"));
            let report = tried(space, kubeconfig, trial).await;
            assert!(
                !went_well(&report),
                "{about} goes well without {what}: {}",
                report.summary
            );
            let said = format!("{} {:?}", report.summary, report.result);
            assert!(said.contains("forbids"), "{about} without {what}: {said}");
        }
    }
    space.forget_cluster_roles();
}

#[tokio::test]
async fn every_check_needs_exactly_the_rights_that_are_printed() {
    let Some(space) = Space::new() else { return };
    are_least(&space, &checks(&space.name)).await;
}

#[tokio::test]
async fn every_other_action_needs_exactly_the_rights_that_are_printed() {
    let Some(space) = Space::new() else { return };
    are_least(&space, &others(&space.name)).await;
}

#[test]
fn the_rights_of_every_action_are_tried() {
    let all: Vec<Trial> = [checks("shop"), others("shop")]
        .into_iter()
        .flatten()
        .collect();
    let tried: BTreeSet<&str> = all.iter().map(|trial| trial.uses).collect();
    let catalogue = Catalogue::new();
    let names = catalogue.specs().iter().map(|spec| spec.name);
    let lacking: Vec<&str> = names
        .filter(|name| name.starts_with("kubernetes/") && !tried.contains(name))
        .collect();
    assert!(
        lacking.is_empty(),
        "nobody tries what these must be allowed: {lacking:?}"
    );
    let looked: BTreeSet<&str> = all
        .iter()
        .filter_map(|trial| trial.inputs["what"].as_str())
        .collect();
    let check = catalogue
        .specs()
        .iter()
        .find(|spec| spec.name == "kubernetes/check")
        .unwrap();
    let known = check.inputs["properties"]["what"]["oneOf"]
        .as_array()
        .unwrap();
    for what in known.iter().filter_map(|one| one["const"].as_str()) {
        // It is not installed here, and the right to list it is like that to list any other kind.
        assert!(
            looked.contains(what) || what == "longhornVolumes",
            "nobody tries `what: {what}`"
        );
    }
}

/// The agent itself may do nothing but act as the account of its runbook.
#[tokio::test]
async fn an_agent_that_may_only_impersonate_runs_each_runbook_as_its_own_account() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    let home = Home::new();
    let restart = trial(
        "kubernetes/rollout-restart",
        json!({ "namespace": space.name, "deployment": "web", "wait": "60s" }),
    );
    printed(&space, &home, &restart);
    let restarter = format!("{}/restarter", space.name);
    let config = json!({
        "source": { "url": "." },
        "clusters": { "default": { "accounts": { "nightly": { "serviceAccount": restarter } } } }
    });
    home.write("orderly.yaml", config.to_string());
    let agent = format!("{}/agent", space.name);
    let words = [
        "--config",
        "orderly.yaml",
        "rbac",
        "--runbooks",
        "runbooks",
        "--per-runbook",
    ];
    let list = home.orderly(
        &[
            &words[..],
            &["--service-account", &agent, "--output", "json"],
        ]
        .concat(),
    );
    for name in ["agent", "restarter"] {
        space.kubectl(&["create", "serviceaccount", name]);
    }
    space.apply(&list.json());
    let token = space.kubectl(&["create", "token", "agent"]);
    let kubeconfig = space.kubeconfig_with("agent", token.trim());
    let credentials = Credentials::Kubeconfig {
        path: kubeconfig.clone(),
        context: None,
    };
    let account = Account::ServiceAccount {
        namespace: space.name.clone(),
        name: "restarter".to_owned(),
    };
    let cluster = Cluster {
        accounts: [(RunbookName::new("nightly").unwrap(), account)].into(),
        ..credentials.into()
    };
    let world = World {
        clusters: Arc::new(ConfiguredClusters::new(
            [("default".to_owned(), cluster)].into(),
        )),
        ..space.world()
    };
    let report = Run::new(world)
        .step(restart.uses, restart.inputs.clone())
        .await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    let itself = tried(&space, kubeconfig, &restart).await;
    assert!(!went_well(&itself), "{}", itself.summary);
}
