//! What runs: nodes, pods, workloads, endpoints.

use super::{Expected, Survey, is_live, problem};
use crate::{
    actions::kubernetes::{
        check::Problem,
        kinds::DAEMON_SETS,
        object::{condition, count, count_or, cut, is, items, pod_problem, text, time},
    },
    domain::span::Span,
};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

pub(in crate::actions::kubernetes::check) fn nodes(
    nodes: &[Value],
    expected: Expected<'_>,
) -> Survey {
    let bad = |node: &Value| {
        let ready = condition(node, "Ready");
        let why = match ready {
            None => "has not reported".to_owned(),
            Some(ready) if text(ready, "/status") == "True" => return None,
            Some(ready) => format!(
                "{}: {}",
                text(ready, "/reason"),
                cut(text(ready, "/message"))
            ),
        };
        Some(problem(node, why))
    };
    let problems: Vec<Problem> = nodes.iter().filter_map(bad).collect();
    let ready = nodes.len() - problems.len();
    Survey::ready_of("nodes are ready", ready, nodes.len(), problems).expecting(expected)
}

pub(in crate::actions::kubernetes::check) fn pods(
    pods: &[Value],
    expected: Expected<'_>,
) -> Survey {
    let live: Vec<&Value> = pods.iter().filter(|pod| is_live(pod)).collect();
    let problems: Vec<Problem> = live
        .iter()
        .filter_map(|pod| Some(problem(pod, pod_problem(pod)?)))
        .collect();
    let ready = live.len() - problems.len();
    Survey::ready_of("pods are ready", ready, live.len(), problems).expecting(expected)
}

/// Pods that wait for longer than this.
pub(in crate::actions::kubernetes::check) fn stuck(
    pods: &[Value],
    longer_than: Span,
    now: Timestamp,
) -> Survey {
    let live: Vec<&Value> = pods.iter().filter(|pod| is_live(pod)).collect();
    let bad = |pod: &&Value| {
        let why = pod_problem(pod)?;
        let waited = now.duration_since(waits_since(pod)?).as_secs();
        let limit = longer_than.signed().as_secs();
        let shown = Span::from_secs(u64::try_from(waited).unwrap_or_default());
        (waited > limit).then(|| problem(pod, format!("{why}, for {shown}")))
    };
    let problems: Vec<Problem> = live.iter().filter_map(bad).collect();
    let headline = format!("{} pods wait for longer than {longer_than}", problems.len());
    let well = live.len() - problems.len();
    Survey {
        headline,
        ..Survey::ready_of("pods", well, live.len(), problems)
    }
}

/// Each attempt of a crash loop makes the pod ready for a moment, so its wait counts from the pod's start.
fn waits_since(pod: &Value) -> Option<Timestamp> {
    let born = time(pod, "/metadata/creationTimestamp");
    let loops = items(pod, "/status/containerStatuses")
        .iter()
        .any(|container| text(container, "/state/waiting/reason") == "CrashLoopBackOff");
    if loops {
        return time(pod, "/status/startTime").or(born);
    }
    let changed = condition(pod, "Ready").filter(|_| !is(pod, "Ready"));
    changed
        .and_then(|ready| time(ready, "/lastTransitionTime"))
        .or(born)
}

/// Deployments, stateful sets or daemon sets.
pub(in crate::actions::kubernetes::check) fn replicas(
    plural: &str,
    workloads: &[Value],
    expected: Expected<'_>,
) -> Survey {
    let per_node = plural == DAEMON_SETS.plural;
    let bad = |workload: &Value| {
        let (wanted, available) = if per_node {
            let wanted = count(workload, "/status/desiredNumberScheduled");
            (wanted, count(workload, "/status/numberAvailable"))
        } else {
            let wanted = count_or(workload, "/spec/replicas", 1);
            (wanted, count(workload, "/status/availableReplicas"))
        };
        let why = format!("{available} of {wanted} replicas are available");
        (available < wanted).then(|| problem(workload, why))
    };
    let problems: Vec<Problem> = workloads.iter().filter_map(bad).collect();
    let ready = workloads.len() - problems.len();
    let what = format!("{plural} are available");
    Survey::ready_of(&what, ready, workloads.len(), problems).expecting(expected)
}

/// `services` are those that shall have endpoints; `slices` belong to a service by their label.
pub(in crate::actions::kubernetes::check) fn endpoints(
    services: &[Value],
    slices: &[Value],
    expected: Expected<'_>,
) -> Survey {
    let mut ready: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for slice in slices {
        let service = slice
            .pointer("/metadata/labels")
            .and_then(|labels| labels.get("kubernetes.io/service-name"))
            .and_then(Value::as_str)
            .unwrap_or_default();
        let key = (text(slice, "/metadata/namespace"), service);
        *ready.entry(key).or_default() += ready_endpoints(slice);
    }
    let bad = |service: &&Value| {
        let key = (
            text(service, "/metadata/namespace"),
            text(service, "/metadata/name"),
        );
        let ready = ready.get(&key).copied().unwrap_or(0);
        let wanted = expected.lacks(ready)?;
        let why = format!("{ready} ready endpoints instead of {wanted}");
        Some(problem(service, why))
    };
    let with_selector = |service: &&Value| {
        service
            .pointer("/spec/selector")
            .and_then(Value::as_object)
            .is_some_and(|labels| !labels.is_empty())
    };
    let services: Vec<&Value> = services.iter().filter(with_selector).collect();
    let problems: Vec<Problem> = services.iter().filter_map(bad).collect();
    let well = services.len() - problems.len();
    Survey::ready_of(
        "services have ready endpoints",
        well,
        services.len(),
        problems,
    )
}

/// The API's rule: an endpoint whose readiness is not known counts as ready.
fn ready_endpoints(slice: &Value) -> u64 {
    let is_ready = |endpoint: &&Value| {
        endpoint
            .pointer("/conditions/ready")
            .and_then(Value::as_bool)
            != Some(false)
    };
    items(slice, "/endpoints").iter().filter(is_ready).count() as u64
}
