//! A change of an object that can be put back.
//!
//! Invariants
//! - What there was is noted on the object itself, in the same request as the change: an attempt that follows a crash finds it there, goes
//!   on with the change that has begun, and knows what to put back.
//! - Every request names the object and the state of it that was looked at (`uid`, `resourceVersion`).
//! - It is put back only while nobody else has changed the same part since, and only that part is.
//! - A step whose change was put back has failed, and says both. It is not tried again, unless it was stopped.

use crate::{
    actions::{
        framework::World,
        kubernetes::{
            back::{in_vain, put_back_before},
            object::{annotation, text},
            poll::Vain,
            progress::{Progress, since},
            report_error,
            subject::Subject,
            wait::{until, until_ready},
            workload::{Workload, mark},
        },
    },
    domain::{run::StepReport, span::Span},
    ports::{
        cluster::ClusterError,
        executor::{Session, StepContext},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How often a change is tried on an object that others keep changing.
const TRIES: u32 = 8;
/// So much that was in vain is remembered; a cluster keeps 10 revisions where nobody says otherwise.
const REMEMBERED: usize = 50;
/// Beside putting back, a stopped step has something to say.
const GRACE_SECONDS: u64 = 15;

/// What is changed. The fields that it is about are one JSON value here: the number of replicas, the images.
pub(super) trait Turn: Sync {
    /// The annotation that notes the change.
    const NOTE: &'static str;
    /// The part of the object that nobody else may have changed when it is put back.
    const PART: &'static str;
    /// `restarting`
    const DOING: &'static str;
    /// Whether the note keeps what earlier steps have set in vain as well.
    const REMEMBERS: bool = false;
    /// What it is called to put it back.
    const UNDONE: &'static str = "undone";
    /// The workload whose pods are waited for; an object of another kind has none.
    fn workload(&self) -> Option<&Workload> {
        None
    }
    /// The fields as they are.
    fn read(&self, object: &Value) -> Value;
    /// The fields as they shall be, or why this object cannot be changed so.
    fn wanted(&self, object: &Value) -> Result<Value, String>;
    /// A patch that sets the fields to these values.
    fn patch(&self, fields: &Value) -> Value;
    /// How far an object is whose fields shall be these.
    fn progress(&self, fields: &Value, object: &Value) -> Progress;
    /// `was scaled from 2 to 3`
    fn done(&self, from: &Value, to: &Value) -> String;
}

/// A change that has been made.
#[derive(Debug, Clone)]
pub(super) struct Turned {
    /// The fields before.
    pub(super) from: Value,
    /// The fields since.
    pub(super) to: Value,
    /// The object right after it.
    pub(super) object: Value,
    /// Who has made it.
    pub(super) state: Made,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// This step.
    Here,
    /// Nobody: it was so already.
    Already,
    /// An earlier attempt of this step, which also has put it back in vain.
    PutBack,
}

/// What stands in the annotation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Note {
    by: String,
    from: Value,
    to: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) undone: Option<Why>,
    /// What earlier steps have set in vain, the last one last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    vain: Vec<Value>,
}

/// Why it was put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Why {
    /// The wait was in vain.
    Failed,
    /// The step was stopped: by a person, by its timeout, or because the agent ended. It may begin anew.
    Stopped,
}

/// Whether and how long a step waits, and what becomes of its change when that is in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience {
    pub(super) wait: Option<Span>,
    pub(super) undo: bool,
    pub(super) undo_wait: Span,
}

impl Patience {
    /// As inputs have it: `wait`, `undoOnFailure`, `undoWait`.
    pub(super) fn new(
        wait: Option<Span>,
        undo: Option<bool>,
        undo_wait: Option<Span>,
    ) -> Result<Self, String> {
        for (field, given) in [
            ("undoOnFailure", undo == Some(true)),
            ("undoWait", undo_wait.is_some()),
        ] {
            if given && wait.is_none() {
                return Err(format!(
                    "in `with`, at `{field}`: a step that does not wait does not see that it was in vain\nhint: say with `wait` how long to wait"
                ));
            }
        }
        Ok(Self {
            wait,
            undo: undo.unwrap_or(true),
            undo_wait: undo_wait.or(wait).unwrap_or(Span::from_secs(0)),
        })
    }
    /// Of a step that has no pods to wait for when it puts something back.
    pub(super) fn undoing(undo: Option<bool>) -> Self {
        Self {
            undo: undo.unwrap_or(true),
            ..Self::without_undo(None)
        }
    }
    /// Of a step that puts nothing back.
    pub(super) fn without_undo(wait: Option<Span>) -> Self {
        Self {
            wait,
            undo: false,
            undo_wait: Span::from_secs(0),
        }
    }
}

/// An object, and who changes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) subject: &'a Subject,
    pub(super) session: &'a Session,
    pub(super) world: &'a World,
}

/// A change that was made, and how the wait for it ended.
#[derive(Debug)]
pub(super) struct Carried {
    pub(super) turned: Turned,
    /// Nothing where nobody has waited, or in vain.
    pub(super) ready_after: Option<Span>,
    /// Whether it was put back.
    pub(super) undone: bool,
    /// The report of a step that has failed all the same.
    pub(super) failure: Option<StepReport>,
}

/// How long an action needs to stop whose change may have to be put back.
pub(super) fn grace() -> Span {
    Span::from_secs(GRACE_SECONDS)
}

impl Carried {
    /// What was done, and how long it took to be ready.
    pub(super) fn ready(&self, done: String) -> String {
        match self.ready_after {
            Some(took) => format!("{done}, ready after {took}"),
            None => done,
        }
    }

    /// The step's report, with this summary where all went well. What was there before is needed most where it did not.
    pub(super) fn report(self, summary: String, outputs: Value) -> StepReport {
        let report = self
            .failure
            .unwrap_or_else(|| StepReport::succeeded(summary, Value::Null));
        StepReport { outputs, ..report }
    }
}

/// Makes the change, waits for it, and puts it back where that is in vain. An error is one before anything was changed.
pub(super) async fn carry_out<T: Turn>(
    turn: &T,
    scene: Scene<'_>,
    patience: Patience,
) -> Result<Carried, StepReport> {
    let turned = begin(turn, scene).await?;
    let mut carried = Carried {
        turned,
        ready_after: None,
        undone: false,
        failure: None,
    };
    let turned = &carried.turned;
    if turned.state == Made::PutBack {
        let report = put_back_before(turn, scene, turned, patience).await;
        (carried.undone, carried.failure) = (true, Some(report));
        return Ok(carried);
    }
    let dry_run = scene.session.context.dry_run;
    let Some(limit) = patience.wait.filter(|_| !dry_run) else {
        return Ok(carried);
    };
    let progress = |object: &Value| {
        let progress = turn.progress(&turned.to, object);
        since(&turned.object, object, progress)
    };
    match settle(turn, scene, limit, progress).await {
        Ok(took) => carried.ready_after = Some(took),
        Err(vain) => {
            let done = turn.done(&turned.from, &turned.to);
            let words = vain.words(&format!("{} {done}", scene.subject));
            let (report, undone) = in_vain(turn, scene, turned, patience, (&vain, words)).await;
            (carried.undone, carried.failure) = (undone, Some(report));
        }
    }
    Ok(carried)
}

pub(super) async fn settle<T: Turn>(
    turn: &T,
    scene: Scene<'_>,
    limit: Span,
    progress: impl Fn(&Value) -> Progress + Send + Sync,
) -> Result<Span, Vain> {
    match turn.workload() {
        Some(workload) => until_ready(workload, limit, scene.session, scene.world, progress).await,
        None => until(scene.subject, limit, scene.session, scene.world, progress).await,
    }
}

/// Makes the change, unless an earlier attempt of this step has made it.
pub(super) async fn begin<T: Turn>(turn: &T, scene: Scene<'_>) -> Result<Turned, StepReport> {
    let Scene {
        subject,
        session,
        world,
    } = scene;
    let failed = |error| report_error(&format!("{} {subject}", T::DOING), &error);
    let refused = |why| StepReport::failed(why, false);
    let mut now = subject.get(world).await.map_err(failed)?;
    for left in (0..TRIES).rev() {
        if let Some(turned) = made_before(turn, &now, session) {
            return Ok(turned);
        }
        let (from, to) = (turn.read(&now), turn.wanted(&now).map_err(refused)?);
        if from == to {
            return Ok(Turned::new(from, to, now, Made::Already));
        }
        let note = Note::new(session, &from, &to, None).remembering::<T>(&now);
        let patch = noted(T::NOTE, turn.patch(&to), &note);
        let dry_run = session.context.dry_run;
        let error = match subject.patch(world, &now, patch, dry_run).await {
            Ok(object) => return Ok(Turned::new(from, to, object, Made::Here)),
            Err(error) => error,
        };
        let again = match error {
            ClusterError::Conflict { .. } => left > 0,
            ClusterError::Unavailable { .. } => false,
            _ => return Err(failed(error)),
        };
        let before = std::mem::replace(&mut now, subject.get(world).await.map_err(failed)?);
        if uid(&before) != uid(&now) {
            return Err(refused(replaced(subject)));
        }
        if !again {
            // What became of a request without an answer shows in the object.
            return made_before(turn, &now, session).ok_or_else(|| failed(error));
        }
    }
    Err(refused(format!("{subject} keeps changing")))
}

fn replaced(subject: &Subject) -> String {
    format!("{subject} was replaced by another one of this name meanwhile")
}

impl Turned {
    fn new(from: Value, to: Value, object: Value, state: Made) -> Self {
        Self {
            from,
            to,
            object,
            state,
        }
    }
}

impl Note {
    pub(super) fn new(session: &Session, from: &Value, to: &Value, undone: Option<Why>) -> Self {
        Self {
            by: mark(&session.context),
            from: from.clone(),
            to: to.clone(),
            undone,
            vain: Vec::new(),
        }
    }

    /// The same, with what the note that it replaces knows to have been in vain. What runs now, and what is tried now, is no longer.
    pub(super) fn remembering<T: Turn>(mut self, object: &Value) -> Self {
        if T::REMEMBERS {
            let known = put_back(T::NOTE, object).into_iter();
            self.vain = known
                .filter(|one| *one != self.from && *one != self.to)
                .collect();
            let over = self.vain.len().saturating_sub(REMEMBERED);
            self.vain.drain(..over);
        }
        self
    }

    /// This step's note on an object.
    pub(super) fn found(name: &str, object: &Value, context: &StepContext) -> Option<Self> {
        let text = annotation(object, "/metadata/annotations", name);
        let note: Self = serde_json::from_str(text).ok()?;
        (note.by == mark(context)).then_some(note)
    }
}

/// What steps have given these fields of an object and put back, the last one last.
pub(super) fn put_back(name: &str, object: &Value) -> Vec<Value> {
    let text = annotation(object, "/metadata/annotations", name);
    let Ok(mut note) = serde_json::from_str::<Note>(text) else {
        return Vec::new();
    };
    if note.undone.is_some() {
        note.vain.retain(|known| *known != note.to);
        note.vain.push(note.to);
    }
    note.vain
}

fn made_before<T: Turn>(turn: &T, now: &Value, session: &Session) -> Option<Turned> {
    let note = Note::found(T::NOTE, now, &session.context)?;
    let state = match note.undone {
        None => Made::Here,
        Some(Why::Failed) => Made::PutBack,
        Some(Why::Stopped) => return None,
    };
    let mut object = now.clone();
    if state == Made::Here && turn.read(now) != note.to {
        // Somebody else has changed it since: there is nothing of ours left that could be put back.
        object = Value::Null;
    }
    Some(Turned::new(note.from, note.to, object, state))
}

pub(super) fn noted(name: &str, mut patch: Value, note: &Note) -> Value {
    let text = serde_json::to_string(note).unwrap_or_default();
    patch["metadata"]["annotations"][name] = json!(text);
    patch
}

pub(super) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}
