//! Asking the API server for what is to be surveyed.

use crate::{
    actions::{
        framework::World,
        kubernetes::{
            check::{
                inputs::CheckInputs,
                surveys::{self, Expected, Survey},
                what::What,
            },
            kinds::{
                CERTIFICATES, ENDPOINT_SLICES, Kind, LONGHORN_VOLUMES, NAMESPACES, NODE_METRICS,
                NODES, POD_METRICS, PODS, resource,
            },
        },
    },
    ports::cluster::{ClusterError, Resource},
};
use serde_json::Value;

/// Why nothing was seen.
pub(super) enum Blind {
    /// What was named is not there.
    Gone(String),
    /// The server does not know the kind; in words, with a hint.
    NotServed(String),
    /// The server did not answer as it should.
    Failed(ClusterError),
}

/// Looks. Nothing at all in a namespace that is not there is no good news.
pub(super) async fn look(inputs: &CheckInputs, world: &World) -> Result<Survey, Blind> {
    let survey = survey(inputs, world).await?;
    if let Some(namespace) = inputs.namespace.as_deref().filter(|_| survey.total == 0) {
        let namespaces = NAMESPACES.resource();
        let named = world
            .clusters
            .get(&inputs.cluster, &namespaces, None, namespace);
        // Who may not look at namespaces is told what there is in it: nothing.
        if let Err(ClusterError::NotFound(what)) = named.await {
            return Err(Blind::Gone(what));
        }
    }
    Ok(survey)
}

async fn survey(inputs: &CheckInputs, world: &World) -> Result<Survey, Blind> {
    let looking = Looking { inputs, world };
    let now = world.clock.now();
    let after = now - inputs.since.signed();
    let (expected, threshold) = (inputs.expected(), inputs.least_threshold());
    let late = inputs.longer_than;
    let seen = |kinds: &'static [Kind]| looking.first(kinds);
    let kinds = inputs.what.kinds();
    Ok(match inputs.what {
        What::Nodes => surveys::nodes(&seen(kinds).await?, expected),
        What::Pods => surveys::pods(&seen(kinds).await?, expected),
        What::Stuck => surveys::stuck(&seen(kinds).await?, late, now),
        What::Deployments | What::Statefulsets | What::Daemonsets => {
            let found = seen(kinds).await?;
            surveys::replicas(
                kinds.first().map_or("", |kind| kind.plural),
                &found,
                expected,
            )
        }
        What::Endpoints => looking.endpoints(kinds).await?,
        What::Claims => surveys::claims(&seen(kinds).await?),
        What::Volumes => surveys::volumes(&seen(kinds).await?),
        What::Restarts => surveys::restarts(&seen(kinds).await?, inputs.since, now),
        What::Oom => surveys::oom(&seen(kinds).await?, after),
        What::Events => surveys::events(&seen(kinds).await?, after),
        What::Jobs => surveys::jobs(&seen(kinds).await?, after),
        What::Cronjobs => surveys::cronjobs(&seen(kinds).await?, late, now),
        What::PodUsage => {
            let used = looking.all(POD_METRICS).await?;
            surveys::pod_usage(&looking.listed(PODS).await?, &used, threshold)
        }
        What::NodeUsage => {
            let used = looking.all(NODE_METRICS).await?;
            surveys::node_usage(&looking.listed(NODES).await?, &used, threshold)
        }
        What::Capacity => {
            let (nodes, pods) = (looking.listed(NODES).await?, looking.all(PODS).await?);
            let each = inputs.each.as_ref();
            surveys::capacity(&nodes, &pods, each, inputs.minimum, threshold)
        }
        What::Certificates => {
            let (warning, critical) = (inputs.warning_before, inputs.critical_before);
            surveys::certificates(&seen(kinds).await?, warning, critical, now)
        }
        What::Crds => surveys::definitions(&seen(kinds).await?),
        What::LonghornVolumes => surveys::longhorn_volumes(&seen(kinds).await?),
        What::Object => {
            let kind = inputs.object_kind().unwrap_or_default();
            let objects = looking.objects(&kind).await?;
            let word = kind.split('.').next().unwrap_or_default();
            surveys::objects(word, &objects, &inputs.that, expected, now)
        }
    })
}

#[derive(Clone, Copy)]
struct Looking<'a> {
    inputs: &'a CheckInputs,
    world: &'a World,
}

impl Looking<'_> {
    /// Those of the kind that can be named: the one that is, or those that match.
    async fn first(self, kinds: &[Kind]) -> Result<Vec<Value>, Blind> {
        match kinds.first() {
            Some(kind) => self.named_or_listed(&kind.resource()).await,
            None => Ok(Vec::new()),
        }
    }

    /// Slices carry labels of their own, so the selector is for services only.
    async fn endpoints(self, kinds: &[Kind]) -> Result<Survey, Blind> {
        let services = self.first(kinds).await?;
        let of_service = self.inputs.slices_of();
        let slices = self
            .list(&ENDPOINT_SLICES.resource(), of_service.as_deref())
            .await?;
        let expected = self.inputs.expected();
        Ok(surveys::endpoints(&services, &slices, expected))
    }

    async fn objects(self, kind: &str) -> Result<Vec<Value>, Blind> {
        let clusters = &*self.world.clusters;
        let found = resource(clusters, &self.inputs.cluster, kind).await;
        let resource = found.map_err(|error| match error {
            ClusterError::NotFound(what) => Blind::NotServed(format!("{what} was not found")),
            other => Blind::Failed(other),
        })?;
        self.named_or_listed(&resource).await
    }

    async fn named_or_listed(self, resource: &Resource) -> Result<Vec<Value>, Blind> {
        let Some(name) = &self.inputs.name else {
            return self.list(resource, self.inputs.selector.as_deref()).await;
        };
        let namespace = self.inputs.namespace.as_deref();
        let clusters = &self.world.clusters;
        let object = clusters
            .get(&self.inputs.cluster, resource, namespace, name)
            .await;
        match object {
            Ok(object) => Ok(vec![object]),
            Err(ClusterError::NotFound(what)) => Err(Blind::Gone(what)),
            Err(other) => Err(Blind::Failed(other)),
        }
    }

    async fn listed(self, kind: Kind) -> Result<Vec<Value>, Blind> {
        let selector = self.inputs.selector.as_deref();
        self.list(&kind.resource(), selector).await
    }

    async fn all(self, kind: Kind) -> Result<Vec<Value>, Blind> {
        self.list(&kind.resource(), None).await
    }

    /// A list of a kind that the server knows is never missing, be it empty.
    async fn list(self, resource: &Resource, selector: Option<&str>) -> Result<Vec<Value>, Blind> {
        let namespace = self.inputs.namespace.as_deref();
        let listed = self
            .world
            .clusters
            .list(&self.inputs.cluster, resource, namespace, selector)
            .await;
        listed.map_err(|error| match error {
            ClusterError::NotFound(_) => Blind::NotServed(not_served(resource)),
            other => Blind::Failed(other),
        })
    }
}

fn not_served(resource: &Resource) -> String {
    let is = |kind: Kind| (&*resource.group, &*resource.plural) == (kind.group, kind.plural);
    let hint = if is(POD_METRICS) || is(NODE_METRICS) {
        "\nhint: usage is known where a metrics server is installed"
    } else if is(CERTIFICATES) {
        "\nhint: this looks at what cert-manager keeps; `tls/check` looks at what a server presents"
    } else if is(LONGHORN_VOLUMES) {
        "\nhint: Longhorn is not installed there"
    } else {
        ""
    };
    let (plural, group) = (&resource.plural, &resource.group);
    format!("the API server knows no {plural} of {group}{hint}")
}

impl CheckInputs {
    pub(super) fn expected(&self) -> Expected<'_> {
        Expected {
            minimum: self.minimum,
            exactly: &self.exactly,
        }
    }

    /// The selector of the slices of the service that is named.
    pub(super) fn slices_of(&self) -> Option<String> {
        let name = self.name.as_ref()?;
        Some(format!("kubernetes.io/service-name={name}"))
    }
}
