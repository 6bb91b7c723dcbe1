//! What pods have requested, against what nodes can give.

use super::{Survey, problem};
use crate::actions::kubernetes::{
    check::{
        inputs::Size,
        quantity::{percent, read, whole_number},
    },
    object::{is, items, text},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// CPU in cores and memory in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Amounts {
    cpu: f64,
    memory: f64,
}

impl Amounts {
    fn of(value: &Value, pointer: &str) -> Self {
        let amount = |what: &str| {
            let written = value.pointer(pointer).and_then(|found| found.get(what));
            written
                .and_then(Value::as_str)
                .and_then(read)
                .unwrap_or(0.0)
        };
        Self {
            cpu: amount("cpu"),
            memory: amount("memory"),
        }
    }
    fn plus(self, other: Self) -> Self {
        Self {
            cpu: self.cpu + other.cpu,
            memory: self.memory + other.memory,
        }
    }
    fn max(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.max(other.cpu),
            memory: self.memory.max(other.memory),
        }
    }
}

/// All requests against all that nodes can give that take pods; with a size, how many more of it fit must be at least `minimum`.
pub(in crate::actions::kubernetes::check) fn capacity(
    nodes: &[Value],
    pods: &[Value],
    each: Option<&Size>,
    minimum: u64,
    threshold: u64,
) -> Survey {
    let open: Vec<&Value> = nodes.iter().filter(|node| takes_pods(node)).collect();
    let requested = by_node(pods);
    let of_node = |node: &Value| {
        let name = text(node, "/metadata/name");
        requested.get(name).copied().unwrap_or_default()
    };
    let whole = |node: &Value| Amounts::of(node, "/status/allocatable");
    let given = open.iter().map(|node| whole(node));
    let given = given.fold(Amounts::default(), Amounts::plus);
    let asked = open.iter().map(|node| of_node(node));
    let asked = asked.fold(Amounts::default(), Amounts::plus);
    let (cpu, memory) = (
        percent(asked.cpu, given.cpu),
        percent(asked.memory, given.memory),
    );
    let full = |node: &&&Value| fullest(of_node(node), whole(node)) >= threshold;
    let problems = open.iter().filter(full).map(|node| {
        let share = fullest(of_node(node), whole(node));
        problem(node, format!("{share} % of its CPU or memory is requested"))
    });
    let room = each.map(|each| {
        open.iter()
            .map(|node| fit(each, whole(node), of_node(node)))
            .sum::<u64>()
    });
    let mut headline = format!("{cpu} % of CPU and {memory} % of memory are requested");
    if let (Some(each), Some(room)) = (each, room) {
        let size = format!("{} CPU and {} memory", each.cpu, each.memory);
        headline = format!("{headline}, {room} more pods of {size} fit");
    }
    let lacking = room.is_some_and(|room| room < minimum);
    Survey {
        measured: cpu.max(memory),
        ready: room.unwrap_or_default(),
        total: open.len() as u64,
        problems: problems.collect(),
        headline,
        too_few: lacking.then(|| format!("at least {minimum} must fit")),
        untold: open
            .is_empty()
            .then(|| "there is no node that is ready and takes pods".to_owned()),
        ..Survey::default()
    }
}

fn takes_pods(node: &Value) -> bool {
    let closed = node.pointer("/spec/unschedulable");
    is(node, "Ready") && closed.and_then(Value::as_bool) != Some(true)
}

fn fullest(asked: Amounts, whole: Amounts) -> u64 {
    percent(asked.cpu, whole.cpu).max(percent(asked.memory, whole.memory))
}

/// How many pods of a size go on a node beside what is requested of it.
fn fit(each: &Size, whole: Amounts, asked: Amounts) -> u64 {
    let room = |size: &str, whole: f64, asked: f64| {
        read(size).map_or(0, |size| whole_number((whole - asked) / size + 1e-9))
    };
    let cpu = room(&each.cpu, whole.cpu, asked.cpu);
    cpu.min(room(&each.memory, whole.memory, asked.memory))
}

/// What the pods of each node have requested; those that have ended hold nothing.
fn by_node(pods: &[Value]) -> BTreeMap<&str, Amounts> {
    let mut requested: BTreeMap<&str, Amounts> = BTreeMap::new();
    for pod in pods {
        if !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed") {
            let sum = requested.entry(text(pod, "/spec/nodeName")).or_default();
            *sum = sum.plus(requests(pod));
        }
    }
    requested
}

/// What the scheduler counts: all containers together, or the largest of those that run before them, and what the runtime takes.
fn requests(pod: &Value) -> Amounts {
    let of = |container: &Value| Amounts::of(container, "/resources/requests");
    let (mut beside, mut before) = (Amounts::default(), Amounts::default());
    for container in items(pod, "/spec/initContainers") {
        let own = of(container);
        if text(container, "/restartPolicy") == "Always" {
            beside = beside.plus(own);
            before = before.max(beside);
        } else {
            before = before.max(beside.plus(own));
        }
    }
    let all = items(pod, "/spec/containers").iter().map(of);
    let all = all.fold(beside, Amounts::plus).max(before);
    all.plus(Amounts::of(pod, "/spec/overhead"))
}

#[cfg(test)]
mod tests {
    use super::capacity;
    use crate::actions::kubernetes::check::inputs::Size;
    use serde_json::{Value, json};

    fn node(name: &str, more: Value) -> Value {
        let mut node = json!({
            "metadata": { "name": name },
            "status": {
                "allocatable": { "cpu": "4", "memory": "8Gi" },
                "conditions": [{ "type": "Ready", "status": "True" }]
            }
        });
        node["spec"] = more;
        node
    }
    fn pod(on: &str, phase: &str, requests: &[Value], first: &[Value]) -> Value {
        let container = |requests: &Value| json!({ "resources": { "requests": requests } });
        json!({
            "spec": {
                "nodeName": on,
                "containers": requests.iter().map(container).collect::<Vec<_>>(),
                "initContainers": first.iter().map(container).collect::<Vec<_>>()
            },
            "status": { "phase": phase }
        })
    }

    #[test]
    fn requests_are_summed_as_the_scheduler_does() {
        let nodes = [
            node("a", json!({})),
            node("b", json!({})),
            node("closed", json!({ "unschedulable": true })),
        ];
        let pods = [
            pod(
                "a",
                "Running",
                &[
                    json!({ "cpu": "1" }),
                    json!({ "cpu": "500m", "memory": "1Gi" }),
                ],
                &[],
            ),
            pod(
                "a",
                "Running",
                &[json!({ "cpu": "500m" })],
                &[json!({ "cpu": "2" })],
            ),
            pod("a", "Succeeded", &[json!({ "cpu": "4" })], &[]),
            pod("closed", "Running", &[json!({ "cpu": "4" })], &[]),
        ];
        let each = Size {
            cpu: "1".to_owned(),
            memory: "2Gi".to_owned(),
        };
        let found = capacity(&nodes, &pods, Some(&each), 4, 80);
        assert_eq!((found.measured, found.total), (44, 2));
        assert_eq!(found.ready, 4, "{}", found.headline);
        assert_eq!(found.problems.len(), 1);
        assert_eq!(found.too_few, None);
        let wanting = capacity(&nodes, &pods, Some(&each), 5, 80);
        assert_eq!(wanting.too_few.as_deref(), Some("at least 5 must fit"));
        assert!(capacity(&[], &pods, None, 1, 80).untold.is_some());
    }
}
