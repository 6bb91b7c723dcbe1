//! The end of the audit log, told outside of it: an older copy of the history that is put in its place knows nothing of what came after,
//! and is found out by this.

use crate::{
    flow::world::World,
    history::{AuditHead, HistoryError},
};

/// Tells it beside the history, and where the configuration says.
pub async fn tell(world: &World) -> Result<AuditHead, HistoryError> {
    match &world.settings().audit_head {
        Some(file) => {
            let told = world
                .history
                .export_audit_head_to(file.clone(), world.now());
            told.await
        }
        None => world.history.export_audit_head().await,
    }
}

/// Says that it could not be told. A log that does not follow from what was told before is an alarm of its own.
pub fn not_told(world: &World, error: &HistoryError) {
    if let HistoryError::AuditBroken(broken) = error {
        world.events.audit_broken(&broken.to_string());
    }
    world.events.audit_not_exported(&error.to_string());
}
