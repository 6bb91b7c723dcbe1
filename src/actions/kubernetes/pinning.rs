//! Which object it is that a step changes by its name, asked of the API server when the step is planned and again when a consent to it is
//! used.

use crate::{
    actions::kubernetes::kinds::resource,
    domain::{
        effect::{Class, Effect, Effects, Place, Scope, Which},
        pinned::{PinnedObject, SeenObject},
    },
    ports::{
        clock::Clock,
        cluster::{ClusterError, Clusters},
    },
};
use serde_json::Value;
use std::time::Duration;

/// So long the API server has to show all of a step's objects.
const DEADLINE: Duration = Duration::from_secs(10);

/// The objects that these effects change, as they are now.
pub(in crate::actions) async fn pinned(
    clusters: &dyn Clusters,
    clock: &dyn Clock,
    effects: &Effects,
) -> Vec<PinnedObject> {
    let mut objects: Vec<PinnedObject> = effects.items.iter().filter_map(object).collect();
    if objects.is_empty() {
        return objects;
    }
    let looking = async {
        for object in &mut objects {
            match seen(clusters, object).await {
                Ok(seen) => object.seen = Some(seen),
                Err(unseen) => object.absent = unseen == Unseen::Absent,
            }
        }
    };
    tokio::select! {
        () = looking => {}
        () = clock.sleep(DEADLINE) => {}
    }
    objects
}

/// The first of these that is not what it was, for people.
pub(in crate::actions) async fn still(
    clusters: &dyn Clusters,
    clock: &dyn Clock,
    objects: &[PinnedObject],
) -> Result<(), String> {
    let looking = async {
        for object in objects {
            let now = seen(clusters, object).await.ok();
            object.differs(now.as_ref()).map_or(Ok(()), Err)?;
        }
        Ok(())
    };
    tokio::select! {
        found = looking => found,
        () = clock.sleep(DEADLINE) => {
            Err(format!("the API server did not show within {} s what it would change", DEADLINE.as_secs()))
        }
    }
}

fn object(effect: &Effect) -> Option<PinnedObject> {
    let object = &effect.object;
    let place = (&object.place, &object.scope, &object.which);
    let (Place::Cluster(cluster), Scope::Namespace(namespace), Which::Named(name)) = place else {
        return None;
    };
    (effect.class() > Class::Read).then(|| PinnedObject {
        cluster: cluster.clone(),
        kind: object.kind.clone(),
        namespace: namespace.clone(),
        name: name.clone(),
        seen: None,
        absent: false,
    })
}

/// Why an object was not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unseen {
    /// There is none.
    Absent,
    /// Nobody can say.
    Hidden,
}

async fn seen(clusters: &dyn Clusters, object: &PinnedObject) -> Result<SeenObject, Unseen> {
    let namespace = Some(object.namespace.as_str());
    let resource = resource(clusters, &object.cluster, &object.kind).await;
    // A kind that is not served is no word about the object.
    let resource = resource.map_err(|_| Unseen::Hidden)?;
    let found = clusters
        .get(&object.cluster, &resource, namespace, &object.name)
        .await;
    let found = found.map_err(|error| {
        if matches!(error, ClusterError::NotFound(_)) {
            Unseen::Absent
        } else {
            Unseen::Hidden
        }
    })?;
    let of = |pointer| found.pointer(pointer);
    let uid = of("/metadata/uid").and_then(Value::as_str);
    Ok(SeenObject {
        uid: uid.ok_or(Unseen::Hidden)?.to_owned(),
        // Kinds such as ConfigMaps do not count what is wanted of them; which one it is counts all the same.
        generation: of("/metadata/generation")
            .and_then(Value::as_u64)
            .unwrap_or_default(),
    })
}
