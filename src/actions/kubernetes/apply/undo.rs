//! Puts back what an apply has done: what is new is deleted, what was changed gets its former fields, and whoever managed them.
//!
//! Only what is still as this step left it: what somebody has changed since stays, and is named.

use super::report::{Applied, Outcome, Undone, UndoneObject};
use crate::{
    actions::{
        framework::World,
        kubernetes::{
            differences::{is_untouched, only_of, patch, wanted},
            object::text,
            ready::Awaited,
        },
    },
    domain::span::Span,
    ports::{
        cluster::{Change, ClusterError, Deletion},
        executor::Session,
    },
};
use serde_json::{Value, json};
use std::time::Duration;

/// What the cluster notes down meanwhile is no reason to give up.
const ATTEMPTS: u32 = 5;
/// Within this it is done, or was not done.
const WITHIN: Duration = Duration::from_secs(25);

/// Undoes it, the last one first, and waits until what was changed is ready again; gives what became of each, and the words for it.
pub(super) async fn undo(
    applied: &[Applied],
    wait: Option<Span>,
    session: &Session,
    world: &World,
) -> (Vec<UndoneObject>, String) {
    let mut undone = Vec::new();
    let mut restored = Vec::new();
    let until = world.clock.elapsed() + WITHIN;
    let changed = applied.iter().rev();
    for one in changed.filter(|one| one.outcome != Outcome::Unchanged) {
        let left = until.saturating_sub(world.clock.elapsed());
        let done = tokio::select! {
            biased;
            done = put_back(one, world) => done,
            () = world.clock.sleep(left) => Err("there was no time left for it".to_owned()),
        };
        if let Ok((Undone::Restored, Some(now))) = &done {
            restored.push((&one.located, now.clone()));
        }
        undone.push(told(one, done.map(|(done, _)| done)));
    }
    let mut words = in_words(&undone);
    if let Some(limit) = wait.filter(|_| !restored.is_empty() && !session.stop.is_cancelled()) {
        let objects = restored.iter().map(|(located, now)| (*located, now));
        words.push_str(
            &match Awaited::new(objects).all(limit, session, world).await {
                Ok(took) => format!("; ready again after {took}"),
                Err(in_vain) => format!("; after that {}", in_vain.words),
            },
        );
    }
    (undone, words)
}

fn told(one: &Applied, done: Result<Undone, String>) -> UndoneObject {
    let (done, reason) = match done {
        Ok(done) => (done, String::new()),
        Err(reason) => (Undone::Left, reason),
    };
    UndoneObject {
        object: one.located.to_string(),
        done,
        reason,
    }
}

fn in_words(undone: &[UndoneObject]) -> String {
    if undone.is_empty() {
        return "; there was nothing to undo".to_owned();
    }
    let each = undone.iter().map(|one| match one.done {
        Undone::Restored => format!("; undone: {} has its former fields", one.object),
        Undone::Deleted => format!("; undone: {} is deleted again", one.object),
        Undone::Left => format!("; NOT undone: {}: {}", one.object, one.reason),
    });
    each.collect::<Vec<_>>().concat()
}

/// What became of it, and the object as it is now; or why it stays.
async fn put_back(one: &Applied, world: &World) -> Result<(Undone, Option<Value>), String> {
    match &one.before {
        None => delete(one, world).await.map(|()| (Undone::Deleted, None)),
        Some(before) => {
            let now = restore(one, before, world).await?;
            Ok((Undone::Restored, Some(now)))
        }
    }
}

async fn delete(one: &Applied, world: &World) -> Result<(), String> {
    if ["namespace", DEFINITION].contains(&one.located.kind.as_str()) {
        return Err("what others have put into it meanwhile would go with it".to_owned());
    }
    for _ in 0..ATTEMPTS {
        let Some(now) = one
            .located
            .find(world)
            .await
            .map_err(|error| error.to_string())?
        else {
            return Ok(());
        };
        still_ours(one, &one.written, &now)?;
        let deletion = Deletion {
            uid: Some(text(&now, "/metadata/uid")),
            resource_version: Some(text(&now, "/metadata/resourceVersion")),
            ..Deletion::default()
        };
        let deleted = one
            .located
            .change(world, None, Change::Delete(deletion), false);
        match deleted.await {
            Ok(_) | Err(ClusterError::NotFound(_)) => return Ok(()),
            Err(ClusterError::Conflict { .. }) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Err(RESTLESS.to_owned())
}

/// As effects name it.
const DEFINITION: &str = "customresourcedefinition.apiextensions.k8s.io";
const RESTLESS: &str = "it changes all the time";

async fn restore(one: &Applied, before: &Value, world: &World) -> Result<Value, String> {
    let Some(back) = patch(&wanted(&one.after), &wanted(before)) else {
        return manage(one, before, one.after.clone(), world).await;
    };
    for _ in 0..ATTEMPTS {
        let now = one
            .located
            .get(world)
            .await
            .map_err(|error| error.to_string())?;
        still_ours(one, &back, &now)?;
        let back = only_of(back.clone(), &now);
        let answer = one
            .located
            .change(world, None, Change::Replace(&back), false);
        match answer.await {
            Ok(now) => return manage(one, before, now, world).await,
            Err(ClusterError::Conflict { .. }) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Err(RESTLESS.to_owned())
}

/// Whether it is the very object, and the places of `patch` are as this step left them.
fn still_ours(one: &Applied, patch: &Value, now: &Value) -> Result<(), String> {
    if text(now, "/metadata/uid") != text(&one.after, "/metadata/uid") {
        return Err("another one of this name has taken its place".to_owned());
    }
    if is_untouched(&wanted(patch), &one.after, now) {
        return Ok(());
    }
    Err("somebody else has changed it since".to_owned())
}

/// Who managed which field is put back, too: otherwise these fields would be the agent's from now on, and the next one who applies them
/// would meet a conflict.
async fn manage(
    one: &Applied,
    before: &Value,
    mut now: Value,
    world: &World,
) -> Result<Value, String> {
    for _ in 0..ATTEMPTS {
        let managed = json!({ "metadata": { "managedFields": managers(before, &now) } });
        let managed = only_of(managed, &now);
        let answer = one
            .located
            .change(world, None, Change::Replace(&managed), false);
        match answer.await {
            Ok(object) => return Ok(object),
            Err(ClusterError::Conflict { .. }) => {
                now = one
                    .located
                    .get(world)
                    .await
                    .map_err(|error| error.to_string())?;
            }
            Err(error) => {
                return Err(format!(
                    "its former fields are back, but not who managed them: {error}"
                ));
            }
        }
    }
    Err(format!(
        "its former fields are back, but not who managed them: {RESTLESS}"
    ))
}

/// Those of before, and of what only controllers write, such as the status, those of now.
fn managers(before: &Value, now: &Value) -> Vec<Value> {
    let of = |object: &Value, parts: bool| {
        let all = object.pointer("/metadata/managedFields");
        let all = all.and_then(Value::as_array).cloned().unwrap_or_default();
        let wanted = move |entry: &Value| text(entry, "/subresource").is_empty() != parts;
        all.into_iter().filter(wanted).collect::<Vec<_>>()
    };
    [of(before, false), of(now, true)].concat()
}
