//! Credentials that runbooks keep fresh: what metrics show of them, and forgetting one that no runbook keeps any more.

use crate::{
    domain::{approval::Person, audit::Entry, name::CredentialName},
    flow::world::World,
    history::{CredentialFilter, HistoryError, MAX_LIMIT, Write},
    ports::agent::AgentError,
};
use serde_json::json;

/// Gives the metrics the credentials that the history knows.
///
/// # Errors
/// The history cannot be read.
pub async fn tell(world: &World) -> Result<(), HistoryError> {
    let filter = CredentialFilter {
        limit: MAX_LIMIT,
        ..CredentialFilter::default()
    };
    for credential in world.history.credentials(filter).await? {
        world.events.credential_known(&credential);
    }
    Ok(())
}

/// A person says that no runbook keeps a credential any more. What a rotation that goes on has in hand is known by that credential alone,
/// so it is refused until that has ended.
///
/// # Errors
/// There is none, a rotation of it goes on, or the history cannot be read or written.
pub(super) async fn forget(
    world: &World,
    name: &CredentialName,
    by: &Person,
    reason: &str,
) -> Result<(), AgentError> {
    let known = world.history.credential(name.clone()).await;
    let known = known.map_err(|error| AgentError::Unavailable(error.to_string()))?;
    let credential = known.ok_or_else(|| AgentError::NotFound(format!("credential `{name}`")))?;
    if let Some(rotation) = credential.rotation {
        return Err(AgentError::Conflict(format!(
            "the rotation {rotation} of `{name}` goes on: a run of `{}` ends it, or gives it up with `giveUp: {rotation}`",
            credential.runbook
        )));
    }
    let resource = format!("credential/{name}");
    let entry = Entry::new(world.now(), &by.subject, "credential.forgotten", resource)
        .with(json!({"reason": reason, "known": credential}));
    let forgotten = Write::CredentialForgotten { name: name.clone() };
    let writes = vec![forgotten, Write::Audit(entry)];
    world
        .write("that a credential is forgotten", writes)
        .await?;
    world.events.credential_forgotten(&credential, &by.subject);
    Ok(())
}
