//! Asking the API server for what is to be surveyed.

use crate::{
    actions::{
        framework::World,
        kubernetes::{
            check::{
                CheckInputs, What,
                survey::{self, Survey},
            },
            kinds::{
                CLAIMS, DEPLOYMENTS, ENDPOINT_SLICES, EVENTS, JOBS, Kind, NODES, PODS, SERVICES,
            },
        },
    },
    ports::cluster::ClusterError,
};
use serde_json::Value;

pub(super) async fn look(inputs: &CheckInputs, world: &World) -> Result<Survey, ClusterError> {
    let after = world.clock.now() - inputs.since.signed();
    let minimum = inputs.minimum;
    Ok(match inputs.what {
        What::Nodes => survey::nodes(&list(NODES, inputs, world).await?, minimum),
        What::Pods => survey::pods(&list(PODS, inputs, world).await?, minimum),
        What::Deployments => {
            survey::deployments(&named_or_listed(DEPLOYMENTS, inputs, world).await?, minimum)
        }
        What::Endpoints => endpoints(inputs, world).await?,
        What::Claims => survey::claims(&list(CLAIMS, inputs, world).await?),
        What::Restarts => survey::restarts(&list(PODS, inputs, world).await?, after),
        What::Events => survey::events(&list(EVENTS, inputs, world).await?, after),
        What::Jobs => survey::jobs(&list(JOBS, inputs, world).await?, after),
    })
}

/// Slices carry labels of their own, so the selector is for services only.
async fn endpoints(inputs: &CheckInputs, world: &World) -> Result<Survey, ClusterError> {
    let services = named_or_listed(SERVICES, inputs, world).await?;
    let of_service = inputs
        .name
        .as_ref()
        .map(|name| format!("kubernetes.io/service-name={name}"));
    let slices = list_by(ENDPOINT_SLICES, inputs, of_service.as_deref(), world).await?;
    Ok(survey::endpoints(&services, &slices, inputs.minimum))
}

async fn named_or_listed(
    kind: Kind,
    inputs: &CheckInputs,
    world: &World,
) -> Result<Vec<Value>, ClusterError> {
    let Some(name) = &inputs.name else {
        return list(kind, inputs, world).await;
    };
    let namespace = inputs.namespace.as_deref();
    let object = world
        .clusters
        .get(&inputs.cluster, &kind.resource(), namespace, name)
        .await?;
    Ok(vec![object])
}

async fn list(kind: Kind, inputs: &CheckInputs, world: &World) -> Result<Vec<Value>, ClusterError> {
    list_by(kind, inputs, inputs.selector.as_deref(), world).await
}

async fn list_by(
    kind: Kind,
    inputs: &CheckInputs,
    selector: Option<&str>,
    world: &World,
) -> Result<Vec<Value>, ClusterError> {
    let namespace = inputs.namespace.as_deref();
    world
        .clusters
        .list(&inputs.cluster, &kind.resource(), namespace, selector)
        .await
}
