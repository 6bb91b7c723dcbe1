//! What is used, as a metrics server tells it, against what may be used.

use super::{Survey, is_live, problem};
use crate::actions::kubernetes::{
    check::{
        Problem,
        quantity::{percent, read},
    },
    object::{items, text},
};
use serde_json::Value;
use std::collections::BTreeMap;

const RESOURCES: [&str; 2] = ["cpu", "memory"];

/// One share of one thing.
struct Share {
    percent: u64,
    problem: Problem,
}

/// Containers against their limits; those from `threshold` percent on are problems.
pub(in crate::actions::kubernetes::check) fn pod_usage(
    pods: &[Value],
    metrics: &[Value],
    threshold: u64,
) -> Survey {
    let told = by_name(metrics);
    let mut shares = Vec::new();
    let (mut limited, mut silent, mut containers) = (0, 0, 0);
    for pod in pods.iter().filter(|pod| is_live(pod)) {
        for container in items(pod, "/spec/containers") {
            containers += 1;
            let limits: Vec<_> = RESOURCES
                .iter()
                .filter_map(|what| Some((*what, amount(container, "/resources/limits", what)?)))
                .collect();
            limited += usize::from(!limits.is_empty());
            let used = told
                .get(&key(pod))
                .and_then(|pod| of_container(pod, container));
            silent += usize::from(!limits.is_empty() && used.is_none());
            let of_one = limits.into_iter().filter_map(|(what, limit)| {
                let percent = percent(amount(used?, "/usage", what)?, limit);
                let name = text(container, "/name");
                let why = format!("{name}: {percent} % of its limit of {what}");
                Some(Share {
                    percent,
                    problem: problem(pod, why),
                })
            });
            shares.extend(of_one);
        }
    }
    let untold = if containers == 0 {
        Some("there are no pods to measure".to_owned())
    } else if limited == 0 {
        let why = "hint: set limits, or check `nodeUsage`";
        Some(format!(
            "none of {containers} containers has a limit\n{why}"
        ))
    } else {
        nothing_told(&shares, "pods")
    };
    survey(shares, "its limit", limited, silent, untold, threshold)
}

/// Nodes against what they can give to pods.
pub(in crate::actions::kubernetes::check) fn node_usage(
    nodes: &[Value],
    metrics: &[Value],
    threshold: u64,
) -> Survey {
    let told = by_name(metrics);
    let mut shares = Vec::new();
    let mut silent = 0;
    for node in nodes {
        let used = told.get(&key(node));
        silent += usize::from(used.is_none());
        shares.extend(RESOURCES.iter().filter_map(|what| {
            let whole = amount(node, "/status/allocatable", what)?;
            let percent = percent(amount(used?, "/usage", what)?, whole);
            Some(Share {
                percent,
                problem: problem(node, format!("{percent} % of its {what} is used")),
            })
        }));
    }
    let untold = nothing_told(&shares, "nodes");
    survey(shares, "a node", nodes.len(), silent, untold, threshold)
}

fn nothing_told(shares: &[Share], of: &str) -> Option<String> {
    shares.is_empty().then(|| {
        format!("the metrics server tells nothing of these {of}\nhint: look at what it logs")
    })
}

fn survey(
    mut shares: Vec<Share>,
    of: &str,
    total: usize,
    silent: usize,
    untold: Option<String>,
    threshold: u64,
) -> Survey {
    shares.sort_by_key(|share| std::cmp::Reverse(share.percent));
    let highest = shares.first().map_or(0, |share| share.percent);
    let mut headline = format!("at most {highest} % of {of} is used");
    if silent > 0 && untold.is_none() {
        headline = format!("{headline}, {silent} of {total} tell nothing");
    }
    let high = shares
        .into_iter()
        .filter(|share| share.percent >= threshold);
    let problems: Vec<Problem> = high.map(|share| share.problem).collect();
    Survey {
        measured: highest,
        ready: total.saturating_sub(problems.len()) as u64,
        total: total as u64,
        headline: if untold.is_some() {
            "usage is not known".to_owned()
        } else {
            headline
        },
        problems,
        untold,
        ..Survey::default()
    }
}

fn key(object: &Value) -> (&str, &str) {
    let namespace = text(object, "/metadata/namespace");
    (namespace, text(object, "/metadata/name"))
}

fn by_name(metrics: &[Value]) -> BTreeMap<(&str, &str), &Value> {
    metrics.iter().map(|one| (key(one), one)).collect()
}

fn of_container<'a>(metrics: &'a Value, container: &Value) -> Option<&'a Value> {
    let name = text(container, "/name");
    let mut told = items(metrics, "/containers").iter();
    told.find(|one| text(one, "/name") == name)
}

/// An amount above nothing.
fn amount(of: &Value, pointer: &str, what: &str) -> Option<f64> {
    let written = of.pointer(pointer)?.get(what)?;
    let amount = match written {
        Value::String(text) => read(text),
        other => other.as_f64(),
    };
    amount.filter(|amount| *amount >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::{node_usage, pod_usage};
    use serde_json::{Value, json};

    fn pod(name: &str, limits: Value) -> Value {
        json!({
            "metadata": { "name": name, "namespace": "shop" },
            "spec": { "containers": [{ "name": "app", "resources": { "limits": limits } }] }
        })
    }
    fn used(name: &str, cpu: &str, memory: &str) -> Value {
        json!({
            "metadata": { "name": name, "namespace": "shop" },
            "containers": [{ "name": "app", "usage": { "cpu": cpu, "memory": memory } }]
        })
    }

    #[test]
    fn the_highest_share_of_a_limit_counts() {
        let pods = [
            pod("a", json!({ "cpu": "1", "memory": "100Mi" })),
            pod("b", json!({ "memory": "100Mi" })),
            pod("free", json!({})),
        ];
        let metrics = [used("a", "250m", "81Mi"), used("b", "9", "10Mi")];
        let found = pod_usage(&pods, &metrics, 80);
        assert_eq!((found.measured, found.total, found.ready), (81, 2, 1));
        assert_eq!(found.problems[0].object, "shop/a");
        assert_eq!(
            found.problems[0].problem,
            "app: 81 % of its limit of memory"
        );
        assert_eq!(found.untold, None);
        let partly = pod_usage(&pods, &metrics[..1], 80);
        assert_eq!(
            partly.headline,
            "at most 81 % of its limit is used, 1 of 2 tell nothing"
        );
    }

    #[test]
    fn what_is_not_measured_is_not_known() {
        let limited = pod("a", json!({ "cpu": "1" }));
        let free = pod("a", json!({}));
        for (pods, words) in [
            (vec![limited], "tells nothing of these pods"),
            (vec![free], "none of 1 containers has a limit"),
            (vec![], "no pods to measure"),
        ] {
            let untold = pod_usage(&pods, &[], 80).untold.unwrap();
            assert!(untold.contains(words), "{untold}");
        }
        assert!(node_usage(&[], &[], 80).untold.is_some());
    }

    #[test]
    fn nodes_are_measured_by_what_they_can_give() {
        let node = json!({ "metadata": { "name": "n" }, "status": { "allocatable": { "cpu": "4", "memory": "8Gi" } } });
        let metrics =
            json!({ "metadata": { "name": "n" }, "usage": { "cpu": "1", "memory": "7Gi" } });
        let found = node_usage(&[node], &[metrics], 80);
        assert_eq!(found.measured, 88);
        assert_eq!(found.problems[0].problem, "88 % of its memory is used");
    }
}
