//! Workloads whose number of pods a HorizontalPodAutoscaler sets.

use crate::actions::{
    framework::World,
    kubernetes::{
        kinds::AUTOSCALERS,
        object::{count_or, text},
        workload::Workload,
    },
};
use serde_json::Value;

/// Whether another number of replicas would last; an error names the autoscaler that would not leave it. An autoscaler is idle while its
/// workload has no replicas, so to stop a workload and to start it again is nobody else's business.
pub(super) async fn is_free(
    workload: &Workload,
    object: &Value,
    replicas: u32,
    world: &World,
) -> Result<(), String> {
    let now = count_or(object, "/spec/replicas", 1);
    if replicas == 0 || now == 0 || now == u64::from(replicas) {
        return Ok(());
    }
    let (resource, namespace) = (AUTOSCALERS.resource(), Some(workload.namespace()));
    let cluster = &workload.subject.cluster;
    let listed = world.clusters.list(cluster, &resource, namespace, None);
    // Who may not list them is not told; what becomes of the step shows then.
    let all = listed.await.unwrap_or_default();
    match all.iter().find(|one| drives(one, workload)) {
        Some(one) => Err(driven(one, workload)),
        None => Ok(()),
    }
}

fn drives(autoscaler: &Value, workload: &Workload) -> bool {
    text(autoscaler, "/spec/scaleTargetRef/kind") == workload.kind.kind
        && text(autoscaler, "/spec/scaleTargetRef/name") == workload.subject.name
}

fn driven(autoscaler: &Value, workload: &Workload) -> String {
    let name = text(autoscaler, "/metadata/name");
    let (min, max) = (
        count_or(autoscaler, "/spec/minReplicas", 1),
        count_or(autoscaler, "/spec/maxReplicas", 1),
    );
    format!(
        "{workload} is driven by the horizontalpodautoscaler {name} (from {min} to {max} replicas), which would soon set another number\nhint: move its bounds with `kubernetes/autoscale` (`min`, `max`), or say `overrideAutoscaler: true`"
    )
}
