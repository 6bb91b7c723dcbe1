//! The rights that `orderly rbac` prints are enough, and none of them is too much: on a real API server, for every action.

mod restored;
mod trials;

use super::{backups::sealing, issuing::Issuer, plane::Space, postgres::Postgres};
use crate::{cli::Home, steps::Run};
use orderly::{
    actions::framework::{Catalogue, World},
    adapters::{
        kubernetes::{Account, Cluster, ConfiguredClusters, Credentials},
        network::HostNetwork,
        process::HostProcesses,
    },
    domain::{
        name::{ActionName, RunbookName},
        right::{Need, Role, roles},
        run::{StepReport, StepResult},
    },
    ports::executor::ActionCatalogue as _,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, path::PathBuf, sync::Arc};
use trials::{Trial, trial};

fn furnish(space: &Space) {
    space.available("web", 1);
    space.kubectl(&["expose", "deployment/web", "--port=80"]);
    space.workload("StatefulSet", "db", 1);
    space.workload("DaemonSet", "logs", 0);
    space.kubectl(&["create", "secret", "generic", "key", "--from-literal=a=b"]);
    space.apply(&json!({ "apiVersion": "longhorn.io/v1beta2", "kind": "Backup", "metadata": { "name": "one" } }));
}

/// A pod, a cron job, and a claim with a volume.
fn furnish_inside(space: &Space) {
    let containers = json!([{ "name": "app", "image": "registry.example.org/tools:1" }]);
    space.apply(&json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "tools", "labels": { "app": "tools" } }, "spec": { "containers": containers }
    }));
    space.wait("pod/tools", "condition=Ready");
    let pod = json!({ "spec": { "restartPolicy": "Never", "containers": containers } });
    space.apply(&json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": { "name": "nightly" },
        "spec": { "schedule": "0 3 1 1 *", "jobTemplate": { "spec": { "backoffLimit": 0, "template": pod } } }
    }));
    super::snapshots::claim(space, "data");
}

/// Where notes lie about what belongs to no namespace.
const HOME: &str = "default";
/// Without this right a step does all that it does.
const NOTES: &str = "create events";

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
    // The names of Secrets that tokens are bound to cannot be known, which is said.
    let of_tokens = "the right to create and delete Secrets is over all of namespace";
    let mut warnings = said.err.lines().filter(|line| line.contains("warning"));
    assert!(
        warnings.all(|line| line.contains(of_tokens)),
        "{}: {}",
        trial.uses,
        said.err
    );
    said.json()["items"].as_array().unwrap().clone()
}

impl Space {
    /// An account with exactly these roles, each under a name of its own.
    pub(in crate::cluster) fn granted(&self, objects: &[Value], account: &str) -> PathBuf {
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
        let bound = items.clone();
        let elsewhere = |item: &Value| item["metadata"]["namespace"] == HOME;
        let (elsewhere, here): (Vec<Value>, Vec<Value>) = items.into_iter().partition(elsewhere);
        self.apply(&json!({ "apiVersion": "v1", "kind": "List", "items": here }));
        if !elsewhere.is_empty() {
            let file = self.path("elsewhere.json");
            let list = json!({ "apiVersion": "v1", "kind": "List", "items": elsewhere });
            fs::write(&file, list.to_string()).unwrap();
            let file = file.display().to_string();
            self.kubectl(&["--namespace", HOME, "apply", "--server-side", "-f", &file]);
        }
        self.until_in_force(&bound);
        let token = self.kubectl(&["create", "token", account]);
        self.kubeconfig_with(account, token.trim())
    }

    pub(in crate::cluster) fn forget_roles(&self) {
        let label = format!("test={}", self.name);
        self.kubectl(&["delete", "clusterroles,clusterrolebindings", "-l", &label]);
        let of_home = "roles,rolebindings";
        self.kubectl(&["--namespace", HOME, "delete", of_home, "-l", &label]);
    }
}

/// The roles that a step asks for, once what it would do is known, and what binds them.
pub(in crate::cluster) async fn asked(
    space: &Space,
    run: &Run,
    (uses, inputs): (&str, &Value),
) -> Vec<Value> {
    let namespace = &space.name;
    let effects = run.effects(uses, inputs).await;
    let action = ActionName::new(uses).unwrap();
    let rights = Catalogue::new().rights(&action, inputs, &effects).unwrap();
    let manifest = |role: Role| {
        let rules: Vec<Value> = role
            .rules
            .into_iter()
            .map(|rule| {
                json!({ "apiGroups": rule.groups, "resources": rule.resources, "resourceNames": rule.names, "verbs": rule.verbs })
            })
            .collect();
        let everywhere = if role.namespace.is_some() {
            ""
        } else {
            "Cluster"
        };
        let metadata = json!({ "name": namespace, "namespace": role.namespace });
        let version = "rbac.authorization.k8s.io/v1";
        let bound = json!({
            "apiVersion": version, "kind": format!("{everywhere}RoleBinding"), "metadata": metadata,
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": format!("{everywhere}Role"), "name": namespace },
            "subjects": [{ "kind": "ServiceAccount", "namespace": namespace, "name": namespace }]
        });
        let role = json!({ "apiVersion": version, "kind": format!("{everywhere}Role"), "metadata": metadata, "rules": rules });
        [role, bound]
    };
    let needed = rights
        .rights
        .iter()
        .filter(|right| right.need == Need::Acts);
    roles(needed).into_iter().flat_map(manifest).collect()
}

/// Each way of taking one verb on one resource away, with what it was.
pub(in crate::cluster) fn lessened(objects: &[Value]) -> Vec<(String, Vec<Value>)> {
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

/// What a check finds is not the point here, as long as it was allowed to look; nor is what a step in vain has found.
fn went_well(report: &StepReport, trial: &Trial) -> bool {
    let is_forbidden = report.summary.contains("forbids");
    let is_done = report.result == StepResult::Succeeded || report.check.is_some();
    !is_forbidden && (is_done || trial.in_vain)
}

/// What became of it, and whether it was allowed to leave its notes.
async fn tried(space: &Space, kubeconfig: PathBuf, trial: &Trial) -> (StepReport, bool) {
    loop {
        (trial.before)(space);
        let processes = HostProcesses::open(space.path("work")).unwrap();
        let world = World {
            network: Arc::new(HostNetwork::new()),
            processes: Arc::new(processes),
            ..space.world_of(kubeconfig.clone())
        };
        let run = Run::new(sealing(space, world));
        let report = run.step(trial.uses, trial.inputs.clone()).await;
        let heard = run.heard();
        // On a slow machine, which tells nothing of rights.
        let is_late = heard.contains("the API server did not take it within");
        if !is_late {
            return (report, !heard.contains("no event was left"));
        }
    }
}

async fn are_least(space: &Space, trials: &[Trial]) {
    let home = Home::new();
    for (number, trial) in trials.iter().enumerate() {
        let objects = printed(space, &home, trial);
        let kubeconfig = space.granted(&objects, &format!("whole-{number}"));
        let (report, is_noted) = tried(space, kubeconfig, trial).await;
        let about = format!("{} {}", trial.uses, trial.inputs);
        assert!(went_well(&report, trial), "{about}: {}", report.summary);
        assert!(is_noted, "{about} leaves no notes");
        for (less, (what, objects)) in lessened(&objects).into_iter().enumerate() {
            let kubeconfig = space.granted(&objects, &format!("less-{number}-{less}"));
            let (report, is_noted) = tried(space, kubeconfig, trial).await;
            let about = format!("{about} without {what}: {}", report.summary);
            if trial.elsewhere.contains(&what.as_str()) {
                continue;
            }
            if what == NOTES || trial.tells.contains(&what.as_str()) {
                assert!(went_well(&report, trial), "only helps: {about}");
                assert_eq!(is_noted, what != NOTES, "{about}");
                continue;
            }
            assert!(!went_well(&report, trial), "goes well: {about}");
            assert!(
                report.summary.contains("forbids"),
                "says nothing of it: {about} {:?}",
                report.result
            );
        }
    }
    space.forget_roles();
}

#[tokio::test]
async fn every_check_needs_exactly_the_rights_that_are_printed() {
    let Some(space) = Space::new() else { return };
    furnish(&space);
    are_least(&space, &trials::checks(&space.name)).await;
    are_least(&space, &trials::reviews(&space.name)).await;
}

#[tokio::test]
async fn what_changes_workloads_needs_exactly_the_rights_that_are_printed() {
    let Some(space) = Space::new() else { return };
    furnish(&space);
    are_least(&space, &trials::workloads(&space.name)).await;
}

#[tokio::test]
async fn what_changes_objects_needs_exactly_the_rights_that_are_printed() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    are_least(&space, &trials::objects(&space.name)).await;
}

#[tokio::test]
async fn what_looks_into_pods_and_runs_them_needs_exactly_the_rights_that_are_printed() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    furnish_inside(&space);
    are_least(&space, &trials::inside(&space.name)).await;
}

#[tokio::test]
async fn what_keeps_objects_and_volumes_needs_exactly_the_rights_that_are_printed() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    furnish_inside(&space);
    are_least(&space, &trials::backups(&space.name)).await;
}

#[tokio::test]
async fn what_empties_nodes_needs_exactly_the_rights_that_are_printed() {
    let Some(space) = Space::new() else { return };
    let node = trials::node(&space.name);
    let taint = json!({ "key": "orderly.test/own", "value": space.name, "effect": "NoSchedule" });
    space.apply(&json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": node }, "spec": { "taints": [taint] } }));
    space.wait(&format!("node/{node}"), "condition=Ready");
    are_least(&space, &trials::nodes(&space.name)).await;
    space.kubectl(&["delete", "node", &node, "--wait=false"]);
}

#[tokio::test]
async fn what_replaces_credentials_needs_exactly_the_rights_that_are_printed() {
    let Some(space) = Space::new() else { return };
    space.available("web", 1);
    space.kubectl(&["create", "serviceaccount", "robot"]);
    for name in ["key", "token"] {
        space.kubectl(&["create", "secret", "generic", name, "--from-literal=a=b"]);
    }
    let issuer = Issuer::with_certificate(&space);
    are_least(&space, &trials::rotations(&space.name, issuer.port)).await;
    are_least(&space, &trials::api_keys(&space.name)).await;
}

#[tokio::test]
async fn what_reaches_databases_needs_exactly_the_rights_that_are_printed() {
    let (Some(space), Some(postgres)) = (Space::new(), Postgres::with_passwords()) else {
        return;
    };
    furnish_inside(&space);
    for role in ["web_a", "web_b"] {
        postgres.query(&format!("CREATE ROLE {role} LOGIN"));
    }
    let password = trials::PASSWORD;
    postgres.query(&format!("ALTER ROLE web_a PASSWORD '{password}'"));
    let kept = json!({ "user": "web_a", "password": password });
    space.apply(&json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "db" }, "stringData": kept
    }));
    are_least(&space, &trials::databases(&space.name, postgres.socket())).await;
}

#[tokio::test]
async fn a_certificate_of_the_agents_own_needs_exactly_the_rights_that_are_printed() {
    let Some(space) = Space::new() else { return };
    let issuer = Issuer::new(&space);
    are_least(&space, &trials::certificates(&space.name, issuer.port)).await;
}

/// Actions whose rights are tried elsewhere, and those that ask no cluster or, of what is restored, only what another action asks.
const TRIED_ELSEWHERE: &[&str] = &[
    // `cluster::helm::least`.
    "backup/helm",
    "helm/list",
    "helm/rollback",
    "helm/upgrade",
    "helm/values",
    // `restored`.
    "backup/restore",
    // No cluster.
    "backup/etcd",
    "backup/files",
    "backup/prune",
    "backup/sqlite",
    // Through a pod as `backup/postgres`; of a dry run it says that its rights are not known.
    "backup/verify",
];

#[test]
fn the_rights_of_every_action_are_tried() {
    let all: Vec<Trial> = trials::all("shop").collect();
    let tried: BTreeSet<&str> = all.iter().map(|trial| trial.uses).collect();
    let catalogue = Catalogue::new();
    let names = catalogue.specs().iter().map(|spec| spec.name);
    let rooms = ["backup/", "helm/", "kubernetes/", "rotate/"];
    let lacking: Vec<&str> = names
        .filter(|name| rooms.iter().any(|room| name.starts_with(room)))
        .filter(|name| !tried.contains(name) && !TRIED_ELSEWHERE.contains(name))
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
    let list = list.json();
    space.apply(&list);
    space.until_in_force(list["items"].as_array().unwrap());
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
    let (itself, _) = tried(&space, kubeconfig, &restart).await;
    assert!(!went_well(&itself, &restart), "{}", itself.summary);
}
