//! `kubernetes/wait`.

mod goal;

use crate::{
    actions::{
        framework::{Action, World, outputs, rights},
        kubernetes::{
            condition::check_written,
            default_cluster,
            located::{Located, SECRET},
            object::{cut, items, text},
            poll::{Look, Vain, until},
            progress::Progress,
            subject::Subject,
            warnings::warnings,
        },
    },
    domain::{
        effect::{Effect, Effects, Verb},
        pinned::Pinned,
        right::Rights,
        run::StepReport,
        span::Span,
    },
    ports::{
        BoxFuture,
        cluster::ClusterError,
        executor::{Intent, Session, StepContext},
    },
};
use goal::{Goal, Seen};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Waits until an object is as it should be.
#[derive(Debug, Clone, Copy)]
pub struct KubernetesWait;

/// What `kubernetes/wait` is told. Exactly one of `condition`, `exists`, `gone`, `ready`, `path` and `when` is given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaitInputs {
    /// The cluster's name in the agent's configuration.
    #[serde(default = "default_cluster")]
    pub cluster: String,
    /// The namespace; none for what belongs to none.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The object, as in `certificate/web`. It need not be there yet.
    pub object: String,
    /// The type of a condition that the object shall have, such as `Ready`.
    #[serde(default)]
    pub condition: Option<String>,
    /// The status of that condition; `True` where none is given.
    #[serde(default)]
    pub status: Option<String>,
    /// Until it is there.
    #[serde(default)]
    pub exists: bool,
    /// Until it is gone, or another one of its name has taken its place.
    #[serde(default)]
    pub gone: bool,
    /// Until it is ready, in the sense of its kind.
    #[serde(default)]
    pub ready: bool,
    /// The place of a field (JSON Pointer, RFC 6901), such as `/status/phase`. With neither `value` nor `values`, until it is there.
    #[serde(default)]
    pub path: Option<String>,
    /// What the field at `path` shall be.
    #[serde(default)]
    pub value: Option<Value>,
    /// What the field at `path` shall be one of.
    #[serde(default)]
    pub values: Vec<Value>,
    /// A condition over `object`, `conditions` (by their types) and `age` (in seconds), written without `${{ }}`:
    /// `object.status.replicas >= 2 and conditions.Ready == "True"`. While it names a field that is not there, it does not hold.
    #[serde(default)]
    pub when: Option<String>,
    /// How long to wait.
    #[serde(rename = "for", default = "five_minutes")]
    pub limit: Span,
}

fn five_minutes() -> Span {
    Span::from_secs(300)
}

/// What `kubernetes/wait` leaves for later steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaitOutputs {
    /// The cluster.
    pub cluster: String,
    /// As in `deployment.apps`.
    pub kind: String,
    /// Nothing for what belongs to none.
    pub namespace: Option<String>,
    /// The object.
    pub name: String,
    /// Whether it was so in the end.
    pub reached: bool,
    /// How long it took, in milliseconds; nothing where it was in vain.
    pub after_ms: Option<u64>,
    /// What the field at `path` was in the end; nothing where there was none.
    pub found: Option<Value>,
}

impl WaitInputs {
    fn subject(&self) -> Result<Subject, String> {
        let namespace = self.namespace.as_deref();
        Subject::new(&self.cluster, namespace, "object", &self.object)
    }

    fn check(&self) -> Result<(), String> {
        let subject = self.subject()?;
        Goal::new(self)?;
        if self.limit.is_zero() {
            return Err("in `with`, at `for`: must be longer than 0s".to_owned());
        }
        let looks_inside = self.path.is_some() || self.when.is_some();
        let inside = self
            .path
            .as_deref()
            .or(self.when.as_deref())
            .unwrap_or_default();
        if subject.kind == SECRET && looks_inside && !inside.contains("metadata") {
            return Err(
                "in `with`: of a Secret only `metadata` is read, never its values".to_owned(),
            );
        }
        Ok(())
    }
}

impl Action for KubernetesWait {
    type Inputs = WaitInputs;
    type Outputs = WaitOutputs;
    const NAME: &'static str = "kubernetes/wait";
    const SUMMARY: &'static str = "Waits until an object is as it should be, there, or gone.";

    fn validate(&self, inputs: &WaitInputs) -> Result<(), String> {
        inputs.check()
    }

    fn check_template(&self, arguments: &Value) -> Result<(), String> {
        check_written("when", arguments)
    }

    fn intend(&self, inputs: &WaitInputs, _: &StepContext) -> Result<Intent, String> {
        let look = Effect::read(Verb::Read, inputs.subject()?.object());
        Ok(Intent {
            effects: Effects::exact(vec![look]),
            idempotent: true,
            wants_approval: None,
            pinned: Pinned::default(),
        })
    }

    fn rights(&self, inputs: &WaitInputs, effects: &Effects) -> Rights {
        let namespace = inputs.namespace.as_deref();
        rights::of_effects(effects).and_telling_of_warnings(&inputs.cluster, namespace)
    }

    fn execute<'a>(
        &'a self,
        inputs: WaitInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            match (inputs.subject(), Goal::new(&inputs)) {
                (Ok(subject), Ok(goal)) => wait(&inputs, subject, goal, session, world).await,
                (Err(error), _) | (_, Err(error)) => StepReport::failed(error, false),
            }
        })
    }
}

/// What is waited for, and what was seen of it.
struct Watched {
    subject: Subject,
    goal: Goal,
    /// The first one that was seen; another one of its name is another one.
    uid: Option<String>,
    last: Option<(Located, Option<Value>)>,
}

impl Look for Watched {
    fn look<'a>(&'a mut self, world: &'a World) -> BoxFuture<'a, Result<Progress, ClusterError>> {
        Box::pin(async move {
            let located = match self.subject.located(world).await {
                Ok(located) => located,
                // Not even its kind is there.
                Err(ClusterError::NotFound(what)) => return Ok(self.goal.without_kind(&what)),
                Err(error) => return Err(error),
            };
            let now = located.find(world).await?;
            let progress = self.goal.progress(Seen {
                kind: &located.kind,
                uid: self.uid.as_deref(),
                object: now.as_ref(),
                now: world.clock.now(),
            });
            if let (None, Some(now)) = (&self.uid, &now) {
                self.uid = Some(text(now, "/metadata/uid").to_owned());
            }
            self.last = Some((located, now));
            Ok(progress)
        })
    }
}

async fn wait(
    inputs: &WaitInputs,
    subject: Subject,
    goal: Goal,
    session: &Session,
    world: &World,
) -> StepReport {
    let wanted = goal.to_string();
    let mut watched = Watched {
        subject,
        goal,
        uid: None,
        last: None,
    };
    let waited = if session.context.dry_run {
        once(&mut watched, world).await
    } else {
        until(inputs.limit, session, world, &mut watched)
            .await
            .map(Some)
    };
    let took = waited.as_ref().ok().copied().flatten();
    let subject = &watched.subject;
    let report = match waited {
        Ok(Some(took)) => {
            StepReport::succeeded(format!("{subject} {wanted}, after {took}"), Value::Null)
        }
        Ok(None) => {
            let words = format!("would wait up to {} until {subject} {wanted}", inputs.limit);
            StepReport::succeeded(words, Value::Null)
        }
        Err(Vain::Stopped) => {
            StepReport::canceled(format!("waiting until {subject} {wanted} was stopped"))
        }
        Err(Vain::Refused(error)) => {
            let words = format!("waiting until {subject} {wanted}: {error}");
            StepReport::failed(words, error.retryable())
        }
        Err(Vain::NotReady(missing, may_help)) => {
            let now = state(watched.last.as_ref(), world).await;
            let words = format!("{subject} is not as it should be ({wanted}): {missing}{now}");
            StepReport::failed(words, may_help)
        }
    };
    StepReport {
        outputs: outputs(&left(&watched, inputs, took)),
        ..report
    }
}

/// A dry run looks whether the question can be asked, and does not wait for what it has not done.
async fn once(watched: &mut Watched, world: &World) -> Result<Option<Span>, Vain> {
    match watched.look(world).await {
        Ok(Progress::Ready) => Ok(Some(Span::from_millis(0))),
        Ok(Progress::Waiting(_) | Progress::Stuck(_)) => Ok(None),
        Err(error) => Err(Vain::Refused(error)),
    }
}

fn left(watched: &Watched, inputs: &WaitInputs, took: Option<Span>) -> WaitOutputs {
    let subject = &watched.subject;
    let last = watched
        .last
        .as_ref()
        .and_then(|(_, object)| object.as_ref());
    let found = inputs.path.as_ref().and_then(|path| last?.pointer(path));
    WaitOutputs {
        cluster: subject.cluster.clone(),
        kind: subject.kind.clone(),
        namespace: subject.namespace.clone(),
        name: subject.name.clone(),
        reached: took.is_some(),
        after_ms: took.map(Span::millis),
        found: found.cloned(),
    }
}

/// What the object says of itself, and its last warnings.
async fn state(last: Option<&(Located, Option<Value>)>, world: &World) -> String {
    let Some((located, object)) = last else {
        return String::new();
    };
    let conditions = object
        .iter()
        .flat_map(|object| items(object, "/status/conditions"));
    let each = conditions.map(|condition| {
        let name = format!(
            "{}={}",
            text(condition, "/type"),
            text(condition, "/status")
        );
        match text(condition, "/reason") {
            "" => name,
            reason => format!("{name} ({reason})"),
        }
    });
    let conditions = cut(&each.collect::<Vec<_>>().join(", "));
    let conditions = match conditions.as_str() {
        "" => String::new(),
        conditions => format!("; its conditions: {conditions}"),
    };
    format!("{conditions}{}", warnings(located, None, world).await)
}

#[cfg(test)]
mod tests {
    use crate::{actions::framework::scripted::intend, domain::effect::Class};
    use serde_json::{Value, json};

    fn inputs(more: &Value) -> Value {
        let mut inputs = json!({ "namespace": "shop", "object": "deploy/web" });
        let more = more.as_object().unwrap().clone();
        inputs.as_object_mut().unwrap().extend(more);
        inputs
    }

    #[tokio::test]
    async fn a_wait_only_looks() {
        let intent = intend("kubernetes/wait", inputs(&json!({ "ready": true }))).await;
        let effects = intent.unwrap().effects;
        assert_eq!(effects.class(), Class::Read);
        assert_eq!(
            effects.items[0].to_string(),
            "read deployment.apps web in namespace shop on cluster default"
        );
    }

    #[tokio::test]
    async fn one_thing_is_waited_for() {
        for (more, words) in [
            (json!({}), "exactly one of"),
            (json!({ "gone": true, "exists": true }), "exactly one of"),
            (
                json!({ "status": "True", "gone": true }),
                "`status` belongs to `condition`",
            ),
            (json!({ "value": 1, "gone": true }), "belong to `path`"),
            (json!({ "path": "status.phase" }), "begins with `/`"),
            (
                json!({ "path": "/a", "value": 1, "values": [1] }),
                "one of `value` and `values`",
            ),
            (json!({ "when": "pod.status" }), "there is no name `pod`"),
            (json!({ "ready": true, "for": "0s" }), "longer than 0s"),
            (
                json!({ "object": "secret/a", "path": "/data/a" }),
                "never its values",
            ),
        ] {
            let error = intend("kubernetes/wait", inputs(&more)).await.unwrap_err();
            assert!(error.contains(words), "{more}: {error}");
        }
    }
}
