//! Credentials that runbooks keep fresh, as the metrics show them.

use crate::{
    flow::world::World,
    history::{CredentialFilter, HistoryError, MAX_LIMIT},
};

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
