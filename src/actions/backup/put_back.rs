//! Restores for good by the programs of an artifact's kind.

use super::{Found, Member, PostgresTarget, etcd, lost::settled, postgres};
use crate::{
    actions::framework::{World, program::Fault},
    ports::{
        archive::{ArchiveError, Placed},
        executor::Session,
    },
};

/// Where to.
pub(super) enum Put<'a> {
    /// Into a database that is there.
    Database(&'a PostgresTarget),
    /// Into a data folder of etcd that is not there yet.
    DataFolder {
        /// The folder.
        to: &'a str,
        /// Whose.
        member: Option<&'a Member>,
    },
}

/// Why it was not restored.
pub(super) enum Miss {
    /// It could not be unpacked.
    Archive(ArchiveError),
    /// Its program did not restore it.
    Program(Fault),
}

/// Restores it; what came of that, and words for people. Its digest is compared before anything is touched.
pub(super) async fn put_back(
    found: &Found,
    put: Put<'_>,
    session: &Session,
    world: &World,
) -> Result<(Placed, String), Miss> {
    let (form, stop) = (found.kind.form(), session.stop.clone());
    let unpacked = world
        .archive
        .unpack(form, &found.location, found.expected, stop);
    let unpacked = settled(unpacked.await, found, world).await;
    let unpacked = unpacked.map_err(Miss::Archive)?;
    let restored = match put {
        Put::Database(target) => postgres::restore(&*unpacked, target, session, world).await,
        Put::DataFolder { to, member } => {
            etcd::restore(&*unpacked, to, member, session, world).await
        }
    };
    let said = restored.map_err(Miss::Program)?;
    let placed = Placed {
        inspection: unpacked.inspection().clone(),
        former: None,
        unlike: Vec::new(),
    };
    Ok((placed, format!("{} {said}", found.location)))
}
