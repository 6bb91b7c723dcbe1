//! Putting back what a step has changed in vain.

use crate::{
    actions::kubernetes::{
        kinds::STATEFUL_SETS,
        poll::Vain,
        progress::Progress,
        turn::{Made, Note, Patience, Scene, Turn, Turned, Why, noted, settle, uid},
    },
    domain::{run::StepReport, span::Span},
    ports::cluster::ClusterError,
};
use serde_json::Value;
use std::time::Duration;

/// How long a step that was stopped may take to put back what there was.
const TO_PUT_BACK: Duration = Duration::from_secs(12);
/// Between two tries to put it back.
const PAUSE: Duration = Duration::from_millis(500);

/// After a wait in vain: puts the former state back where that is wanted and possible. Gives the step's report, which says both, and
/// whether it was put back.
pub(super) async fn in_vain<T: Turn>(
    turn: &T,
    scene: Scene<'_>,
    turned: &Turned,
    patience: Patience,
    (vain, words): (&Vain, String),
) -> (StepReport, bool) {
    if !patience.undo || turned.state == Made::Already {
        return (vain.report(words), false);
    }
    let (why, bound) = match vain {
        Vain::Stopped => (Why::Stopped, TO_PUT_BACK),
        Vain::NotReady(..) | Vain::Refused(_) => {
            (Why::Failed, patience.undo_wait.duration().max(TO_PUT_BACK))
        }
    };
    if let Err(not) = put_back(turn, scene, turned, why, bound).await {
        let words = format!("{words}; it was not {}: {not}", T::UNDONE);
        return (vain.report(words), false);
    }
    let report = match vain {
        Vain::Stopped => {
            let waiting = turn.workload().map_or("", |_| ", without waiting for it");
            StepReport::canceled(format!("{words}; {}{waiting}", T::UNDONE))
        }
        // Trying again would begin anew what was in vain just now.
        Vain::NotReady(..) | Vain::Refused(_) => {
            let again = settle_back(turn, scene, &turned.from, patience.undo_wait).await;
            StepReport::failed(format!("{words}{again}"), false)
        }
    };
    (report, true)
}

/// What is to say of a change that an earlier attempt has put back, before its end could be recorded.
pub(super) async fn put_back_before<T: Turn>(
    turn: &T,
    scene: Scene<'_>,
    turned: &Turned,
    patience: Patience,
) -> StepReport {
    let done = turn.done(&turned.from, &turned.to);
    let again = settle_back(turn, scene, &turned.from, patience.undo_wait).await;
    let words = format!(
        "{} {done} by an earlier attempt of this step, in vain{again}",
        scene.subject
    );
    StepReport::failed(words, false)
}

/// Waits until what was put back stands there again, whatever a controller still says of what there was in between.
async fn settle_back<T: Turn>(turn: &T, scene: Scene<'_>, from: &Value, limit: Span) -> String {
    let undone = T::UNDONE;
    if turn.workload().is_none() {
        return format!("; {undone}");
    }
    let progress = |object: &Value| match turn.progress(from, object) {
        Progress::Stuck(why) => Progress::Waiting(why),
        other => other,
    };
    match settle(turn, scene, limit, progress).await {
        Ok(took) => format!("; {undone}, and ready again after {took}"),
        Err(vain) => format!("; {}{}", vain.words(undone), way_on(turn)),
    }
}

/// A stateful set whose pods follow each other waits for a broken one before it replaces it, also by a good one.
fn way_on<T: Turn>(turn: &T) -> &'static str {
    match turn.workload().map(|workload| workload.kind) {
        Some(STATEFUL_SETS) => "; hint: a stateful set waits for its broken pod: delete that pod",
        _ => "",
    }
}

/// Puts it back, within a bound; says why not.
async fn put_back<T: Turn>(
    turn: &T,
    scene: Scene<'_>,
    turned: &Turned,
    why: Why,
    bound: Duration,
) -> Result<(), String> {
    let clock = &scene.world.clock;
    let trying = async {
        loop {
            match put_back_once(turn, scene, turned, why).await {
                Ok(()) => return Ok(()),
                Err(Not::Ever(words)) => return Err(words),
                Err(Not::Now) => clock.sleep(PAUSE).await,
            }
        }
    };
    tokio::select! {
        done = trying => done,
        () = clock.sleep(bound) => Err("the API server did not take it in time".to_owned()),
    }
}

/// Why it was not put back.
enum Not {
    /// It changed between the look and the change, or the server is away for a moment.
    Now,
    Ever(String),
}

impl From<ClusterError> for Not {
    fn from(error: ClusterError) -> Self {
        if error.retryable() {
            return Self::Now;
        }
        Self::Ever(error.to_string())
    }
}

async fn put_back_once<T: Turn>(
    turn: &T,
    scene: Scene<'_>,
    turned: &Turned,
    why: Why,
) -> Result<(), Not> {
    let now = scene.subject.get(scene.world).await?;
    let note = Note::found(T::NOTE, &now, &scene.session.context);
    if note.is_some_and(|note| note.undone.is_some()) {
        return Ok(());
    }
    is_ours::<T>(&now, turned).map_err(|words| Not::Ever(words.to_owned()))?;
    let note = Note::new(scene.session, &turned.from, &turned.to, Some(why));
    let note = note.remembering::<T>(&now);
    let patch = noted(T::NOTE, turn.patch(&turned.from), &note);
    scene.subject.patch(scene.world, &now, patch, false).await?;
    Ok(())
}

fn is_ours<T: Turn>(now: &Value, turned: &Turned) -> Result<(), &'static str> {
    let changed = "something else has changed it since";
    if turned.object.is_null() {
        return Err(changed);
    }
    if uid(now) != uid(&turned.object) {
        return Err("it was replaced by another one of this name");
    }
    if now.pointer(T::PART) != turned.object.pointer(T::PART) {
        return Err(changed);
    }
    Ok(())
}
