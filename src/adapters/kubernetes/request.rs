//! Requests: paths, parameters and headers as the API conventions have them.

use crate::ports::cluster::{
    Change, ClusterError, Container, Deletion, Dependents, LogsOf, Matching, ObjectPath, Resource,
    Wanted,
};
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use kube::{
    api::{
        AttachParams, DeleteParams, GetParams, ListParams, LogParams, Patch, PatchParams,
        PostParams, Preconditions, PropagationPolicy, ValidationDirective,
    },
    core::Request,
};
use serde_json::Value;

/// Objects in one page, as kubectl has it.
const PAGE: u32 = 500;
/// The same where each may be as large as an object can be (1.5 MiB in etcd): a page must fit into an answer.
const PAGE_WHOLE: u32 = 40;
/// The name under which the agent's changes stand in `managedFields`.
const MANAGER: &str = "orderly";
/// Groups with a dot in their name that are built into the API server, and so understand strategic merge patches.
const BUILT_IN: [&str; 3] = [
    "networking.k8s.io",
    "storage.k8s.io",
    "rbac.authorization.k8s.io",
];

/// RFC 6902.
const JSON_PATCH: &str = "application/json-patch+json";
/// Of an object, only what it is called and what it carries.
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// What is served, with the kinds of each version.
const DISCOVERY: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

type Built = Result<http::Request<Vec<u8>>, ClusterError>;

pub(super) fn version() -> Built {
    plain("/version")
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

/// What a backup keeps, Secrets with their values.
pub(super) fn whole(resource: &Resource, namespace: Option<&str>, wanted: Wanted<'_>) -> Built {
    let request = collection(resource, namespace)?;
    let built = match wanted {
        Wanted::Named(name) => request.get(checked(name)?, &GetParams::default()),
        Wanted::Listed { selector, from } => {
            let mut parameters = ListParams::default().limit(PAGE_WHOLE);
            if let Some(selector) = selector {
                parameters = parameters.labels(selector);
            }
            if let Some(from) = from {
                parameters = parameters.continue_token(from);
            }
            request.list(&parameters)
        }
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

/// A change of one object or of a part of it. Of secrets nothing but metadata is answered.
pub(super) fn change(
    resource: &Resource,
    object: ObjectPath<'_>,
    change: Change<'_>,
    dry_run: bool,
) -> Built {
    let request = collection(resource, object.namespace)?;
    let built = match change {
        Change::Create(body) => create(&request, object, body, dry_run)?,
        Change::Apply {
            object: body,
            force,
        } => {
            let parameters = PatchParams {
                force,
                // A field that the server does not know is a slip of the pen, not something to drop in silence.
                field_validation: Some(ValidationDirective::Strict),
                ..parameters(dry_run)
            };
            patch(&request, object, &parameters, &Patch::Apply(body))?
        }
        Change::Merge(body) if understands_strategic(resource) && object.subresource.is_none() => {
            patch(
                &request,
                object,
                &parameters(dry_run),
                &Patch::Strategic(body),
            )?
        }
        Change::Merge(body) | Change::Replace(body) => {
            patch(&request, object, &parameters(dry_run), &Patch::Merge(body))?
        }
        Change::Json(body) => {
            let mut built = patch(&request, object, &parameters(dry_run), &Patch::Merge(body))?;
            let json = HeaderValue::from_static(JSON_PATCH);
            built.headers_mut().insert(CONTENT_TYPE, json);
            built
        }
        Change::Delete(deletion) => delete(&request, object, deletion, dry_run)?,
    };
    Ok(if is_secret(resource) {
        with_metadata_only(built)
    } else {
        built
    })
}

fn create(request: &Request, object: ObjectPath<'_>, body: &Value, dry_run: bool) -> Built {
    let parameters = PostParams {
        dry_run,
        field_manager: Some(MANAGER.to_owned()),
    };
    let bytes = body.to_string().into_bytes();
    let built = match object.subresource {
        None => request.create(&parameters, bytes),
        Some(part) => {
            request.create_subresource(checked(part)?, checked(object.name)?, &parameters, bytes)
        }
    };
    built.map_err(|error| invalid(error.to_string()))
}

fn parameters(dry_run: bool) -> PatchParams {
    PatchParams {
        dry_run,
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    }
}

fn patch(
    request: &Request,
    object: ObjectPath<'_>,
    parameters: &PatchParams,
    patch: &Patch<&Value>,
) -> Built {
    let name = checked(object.name)?;
    let built = match object.subresource {
        Some(part) => request.patch_subresource(checked(part)?, name, parameters, patch),
        None => request.patch(name, parameters, patch),
    };
    built.map_err(|error| invalid(error.to_string()))
}

fn delete(
    request: &Request,
    object: ObjectPath<'_>,
    deletion: Deletion<'_>,
    dry_run: bool,
) -> Built {
    let preconditions = Preconditions {
        uid: deletion.uid.map(str::to_owned),
        resource_version: deletion.resource_version.map(str::to_owned),
    };
    let conditional = preconditions.uid.is_some() || preconditions.resource_version.is_some();
    let parameters = DeleteParams {
        dry_run,
        grace_period_seconds: deletion.grace_seconds,
        propagation_policy: Some(match deletion.dependents {
            Dependents::Background => PropagationPolicy::Background,
            Dependents::Foreground => PropagationPolicy::Foreground,
            Dependents::Orphan => PropagationPolicy::Orphan,
        }),
        preconditions: conditional.then_some(preconditions),
    };
    let built = request.delete(checked(object.name)?, &parameters);
    built.map_err(|error| invalid(error.to_string()))
}

/// What a container printed.
pub(super) fn logs(of: LogsOf<'_>) -> Built {
    let container = of.container;
    let request = collection(&pods(), Some(container.namespace))?;
    let parameters = LogParams {
        container: container
            .container
            .map(checked)
            .transpose()?
            .map(str::to_owned),
        previous: of.previous,
        since_seconds: of.since_seconds.map(i64::from),
        tail_lines: of.tail_lines.map(i64::from),
        follow: of.follow,
        ..LogParams::default()
    };
    let built = request.logs(checked(container.pod)?, &parameters);
    built.map_err(|error| invalid(error.to_string()))
}

/// A program in a container. Its connection is upgraded.
pub(super) fn exec(of: Container<'_>, argv: &[String], stdin: bool) -> Built {
    let request = collection(&pods(), Some(of.namespace))?;
    let container = of.container.map(checked).transpose()?;
    let parameters = AttachParams {
        container: container.map(str::to_owned),
        stdin,
        stdout: true,
        stderr: true,
        ..AttachParams::default()
    };
    let built = request.exec(checked(of.pod)?, argv, &parameters);
    built.map_err(|error| invalid(error.to_string()))
}

/// The kinds of one version of a group.
pub(super) fn kinds(group: &str, version: &str) -> Built {
    let path = if group.is_empty() {
        format!("/api/{}", checked(version)?)
    } else {
        format!("/apis/{}/{}", checked(group)?, checked(version)?)
    };
    plain(&path)
}

/// All groups with their versions and kinds, in one answer.
pub(super) fn served() -> Built {
    let mut request = plain("/apis")?;
    let wanted = HeaderValue::from_static(DISCOVERY);
    request.headers_mut().insert(ACCEPT, wanted);
    Ok(request)
}

/// The versions of a group.
pub(super) fn group(group: &str) -> Built {
    plain(&format!("/apis/{}", checked(group)?))
}

fn plain(path: &str) -> Built {
    http::Request::get(path)
        .body(Vec::new())
        .map_err(|error| invalid(error.to_string()))
}

pub(super) fn pods() -> Resource {
    Resource {
        group: String::new(),
        version: "v1".to_owned(),
        plural: "pods".to_owned(),
        kind: "Pod".to_owned(),
        namespaced: true,
    }
}

/// Custom resources know merge patches only.
fn understands_strategic(resource: &Resource) -> bool {
    !resource.group.contains('.') || BUILT_IN.contains(&resource.group.as_str())
}

fn with_metadata_only(mut built: http::Request<Vec<u8>>) -> http::Request<Vec<u8>> {
    let accepted = HeaderValue::from_static(METADATA);
    built.headers_mut().insert(ACCEPT, accepted);
    built
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

pub(super) fn is_secret(resource: &Resource) -> bool {
    resource.group.is_empty() && resource.plural == "secrets"
}

fn invalid(message: String) -> ClusterError {
    ClusterError::Refused { code: 400, message }
}

#[cfg(test)]
mod tests {
    use super::{change, get, list};
    use crate::ports::cluster::{Change, Deletion, ObjectPath, Resource};
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
        let (things, empty) = (resource(group, "things", true), json!({}));
        let built = change(&things, web(subresource), Change::Merge(&empty), false).unwrap();
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
        let (deployments, empty) = (resource("apps", "deployments", true), json!({}));
        let scaled = change(
            &deployments,
            web(Some("scale")),
            Change::Merge(&empty),
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
        let empty = json!({});
        for built in [
            get(&secrets, Some("a"), "b"),
            list(&secrets, None, None, None),
            change(&secrets, web(None), Change::Merge(&empty), false),
            change(&secrets, web(None), Change::Create(&empty), false),
            change(
                &secrets,
                web(None),
                Change::Delete(Deletion::default()),
                false,
            ),
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
