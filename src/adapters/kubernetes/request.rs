//! Requests: paths, parameters and headers as the API conventions have them.

use crate::ports::cluster::{ClusterError, Matching, ObjectPath, Resource};
use kube::{
    api::{GetParams, ListParams, Patch, PatchParams},
    core::Request,
};
use serde_json::Value;

/// Objects in one page, as kubectl has it.
const PAGE: u32 = 500;
/// The name under which the agent's changes stand in `managedFields`.
const MANAGER: &str = "orderly";
/// Groups with a dot in their name that are built into the API server, and so understand strategic merge patches.
const BUILT_IN: [&str; 3] = [
    "networking.k8s.io",
    "storage.k8s.io",
    "rbac.authorization.k8s.io",
];

type Built = Result<http::Request<Vec<u8>>, ClusterError>;

pub(super) fn version() -> Built {
    http::Request::get("/version")
        .body(Vec::new())
        .map_err(|error| invalid(error.to_string()))
}

pub(super) fn get(resource: &Resource, namespace: Option<&str>, name: &str) -> Built {
    let request = collection(resource, namespace)?;
    let name = checked(name)?;
    let built = if is_secret(resource) {
        request.get_metadata(name, &GetParams::default())
    } else {
        request.get(name, &GetParams::default())
    };
    built.map_err(|error| invalid(error.to_string()))
}

pub(super) fn list(
    resource: &Resource,
    namespace: Option<&str>,
    selector: Option<&str>,
    next: Option<&str>,
) -> Built {
    let request = collection(resource, namespace)?;
    let mut parameters = ListParams::default().limit(PAGE);
    if let Some(selector) = selector {
        parameters = parameters.labels(selector);
    }
    if let Some(next) = next {
        parameters = parameters.continue_token(next);
    }
    let built = if is_secret(resource) {
        request.list_metadata(&parameters)
    } else {
        request.list(&parameters)
    };
    built.map_err(|error| invalid(error.to_string()))
}

/// A page of names: nothing but metadata, whatever the kind.
pub(super) fn names(
    resource: &Resource,
    namespace: Option<&str>,
    matching: Matching<'_>,
    next: Option<&str>,
) -> Built {
    let request = collection(resource, namespace)?;
    let mut parameters = ListParams::default().limit(PAGE);
    match matching {
        Matching::All => {}
        Matching::Labels(labels) => parameters = parameters.labels(labels),
        Matching::Fields(fields) => parameters = parameters.fields(fields),
    }
    if let Some(next) = next {
        parameters = parameters.continue_token(next);
    }
    let built = request.list_metadata(&parameters);
    built.map_err(|error| invalid(error.to_string()))
}

pub(super) fn patch(
    resource: &Resource,
    object: ObjectPath<'_>,
    patch: &Value,
    dry_run: bool,
) -> Built {
    let request = collection(resource, object.namespace)?;
    let name = checked(object.name)?;
    let parameters = PatchParams {
        dry_run,
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let built_in = !resource.group.contains('.') || BUILT_IN.contains(&resource.group.as_str());
    let patch = if built_in && object.subresource.is_none() {
        Patch::Strategic(patch)
    } else {
        Patch::Merge(patch)
    };
    let built = match object.subresource {
        Some(part) => request.patch_subresource(checked(part)?, name, &parameters, &patch),
        None if is_secret(resource) => request.patch_metadata(name, &parameters, &patch),
        None => request.patch(name, &parameters, &patch),
    };
    built.map_err(|error| invalid(error.to_string()))
}

fn collection(resource: &Resource, namespace: Option<&str>) -> Result<Request, ClusterError> {
    let mut path = if resource.group.is_empty() {
        format!("/api/{}", checked(&resource.version)?)
    } else {
        format!(
            "/apis/{}/{}",
            checked(&resource.group)?,
            checked(&resource.version)?
        )
    };
    if let Some(namespace) = namespace.filter(|_| resource.namespaced) {
        path.push_str("/namespaces/");
        path.push_str(checked(namespace)?);
    }
    path.push('/');
    path.push_str(checked(&resource.plural)?);
    Ok(Request::new(path))
}

/// A name becomes part of a path: it must not lead to another one (the API's path segment rule).
fn checked(name: &str) -> Result<&str, ClusterError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
    if !name.is_empty()
        && name.len() <= 253
        && name.chars().all(plain)
        && name != "."
        && name != ".."
    {
        return Ok(name);
    }
    Err(invalid(format!(
        "`{name}` is not a name of a Kubernetes object"
    )))
}

fn is_secret(resource: &Resource) -> bool {
    resource.group.is_empty() && resource.plural == "secrets"
}

fn invalid(message: String) -> ClusterError {
    ClusterError::Refused { code: 400, message }
}

#[cfg(test)]
mod tests {
    use super::{get, list, patch};
    use crate::ports::cluster::{ObjectPath, Resource};
    use serde_json::json;

    fn resource(group: &str, plural: &str, namespaced: bool) -> Resource {
        Resource {
            group: group.into(),
            version: "v1".into(),
            plural: plural.into(),
            kind: "X".into(),
            namespaced,
        }
    }
    fn web(subresource: Option<&'static str>) -> ObjectPath<'static> {
        ObjectPath {
            namespace: Some("shop"),
            name: "web",
            subresource,
        }
    }
    fn content_type(group: &str, subresource: Option<&'static str>) -> String {
        let built = patch(
            &resource(group, "things", true),
            web(subresource),
            &json!({}),
            false,
        );
        let built = built.unwrap();
        built.headers()["content-type"].to_str().unwrap().to_owned()
    }

    #[test]
    fn paths_follow_the_api_conventions() {
        let path = |built: super::Built| built.unwrap().uri().to_string();
        assert_eq!(
            path(get(
                &resource("apps", "deployments", true),
                Some("shop"),
                "web"
            )),
            "/apis/apps/v1/namespaces/shop/deployments/web"
        );
        assert_eq!(
            path(get(&resource("", "nodes", false), Some("ignored"), "one")),
            "/api/v1/nodes/one"
        );
        assert_eq!(
            path(list(
                &resource("", "pods", true),
                None,
                Some("app=web"),
                Some("abc")
            )),
            "/api/v1/pods?&labelSelector=app%3Dweb&limit=500&continue=abc"
        );
        let scaled = patch(
            &resource("apps", "deployments", true),
            web(Some("scale")),
            &json!({}),
            true,
        );
        assert_eq!(
            path(scaled),
            "/apis/apps/v1/namespaces/shop/deployments/web/scale?&dryRun=All&fieldManager=orderly"
        );
    }

    #[test]
    fn a_name_cannot_lead_elsewhere() {
        let pods = resource("", "pods", true);
        for bad in ["..", ".", "", "a/b", "a?b", "a#b", "a%2fb", "a b", "ä"] {
            assert!(get(&pods, Some("shop"), bad).is_err(), "{bad}");
            assert!(get(&pods, Some(bad), "web").is_err(), "{bad}");
        }
        assert!(get(&pods, Some("shop"), "system:node.1").is_ok());
    }

    #[test]
    fn values_of_secrets_are_not_asked_for() {
        let secrets = resource("", "secrets", true);
        for built in [
            get(&secrets, Some("a"), "b"),
            list(&secrets, None, None, None),
        ] {
            let built = built.unwrap();
            let accept = built.headers()["accept"].to_str().unwrap();
            assert!(accept.contains("PartialObjectMetadata"), "{accept}");
        }
    }

    #[test]
    fn only_built_in_kinds_get_strategic_patches() {
        assert_eq!(
            content_type("apps", None),
            "application/strategic-merge-patch+json"
        );
        assert_eq!(
            content_type("apps", Some("scale")),
            "application/merge-patch+json"
        );
        assert_eq!(
            content_type("networking.k8s.io", None),
            "application/strategic-merge-patch+json"
        );
        assert_eq!(
            content_type("cert-manager.io", None),
            "application/merge-patch+json"
        );
    }
}
