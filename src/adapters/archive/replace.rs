//! A restore for good: the digest first, then all of it beside its destination, then in its place.

use super::{
    holders::holder,
    members::{self, Dress, Onto},
    place::{Staging, Target, There},
    places::Places,
    restore::{self, Fault},
    trial::{Restored, most_bytes, said, unmade},
    work::Work,
};
use crate::{
    domain::artifact::Location,
    history,
    ports::archive::{ArchiveError, Destination, Expected, Form, Placed, Standing},
};
use std::{io::Read, path::Path};

impl Places {
    /// What a restore would find, as far as that can be said beforehand.
    pub(super) fn standing(
        &self,
        form: Form,
        destination: &Destination,
        work: &Work,
    ) -> Result<Standing, ArchiveError> {
        let target = Target::look(form, destination, self.state());
        let target = target.map_err(|why| work.unfit(why))?;
        Ok(match target.there {
            There::Nothing | There::EmptyFolder(_) => Standing::Nothing,
            There::Something(_) => Standing::Something,
        })
    }

    pub(super) fn restore(
        &self,
        form: Form,
        location: &Location,
        expected: Expected,
        destination: &Destination,
        work: &Work,
    ) -> Result<Placed, ArchiveError> {
        let target = Target::look(form, destination, self.state());
        let target = target.map_err(|why| work.unfit(why))?;
        if form == Form::Sqlite && matches!(target.there, There::Something(_)) {
            free(&target.path).map_err(|fault| work.fault(location, fault))?;
        }
        let most =
            most_bytes(target.folder(), expected.raw_size).map_err(|why| work.failed(why))?;
        let mut staging = None;
        let inspection = self.look(location, expected, work, |content| {
            let staging = staging.insert(Staging::beside(&target)?);
            let only = destination.only.as_deref();
            stage(form, content, staging, (&target, only), (most, work))
        })?;
        let Some(mut staging) = staging else {
            return Err(work.failed("nothing was restored"));
        };
        if form == Form::Sqlite && matches!(target.there, There::Something(_)) {
            // Somebody may have opened it meanwhile.
            free(&target.path).map_err(|fault| work.fault(location, fault))?;
        }
        if work.stop.is_cancelled() {
            return Err(ArchiveError::Stopped(work.doing.clone()));
        }
        let unlike = std::mem::take(&mut staging.unlike).listed();
        let former = target
            .take(staging, form, self.now())
            .map_err(|error| work.failed(format!("{}: {error}", target.path.display())))?;
        Ok(Placed {
            inspection,
            former,
            unlike,
        })
    }
}

/// Writes all of it beside its destination, and looks into it.
fn stage(
    form: Form,
    content: &mut dyn Read,
    staging: &mut Staging,
    (target, only): (&Target, Option<&Path>),
    (most, work): (u64, &Work),
) -> Result<Restored, Fault> {
    let path = staging.content();
    let like = target.metadata().map(Dress::like);
    let found = match form {
        Form::Files => {
            let inside = only.map(|only| only.strip_prefix("/").unwrap_or(only));
            let onto = Onto {
                content: &path,
                only: inside,
                most,
                stop: &work.stop,
            };
            let (contents, unlike) = members::unpack(content, onto)?;
            staging.unlike = unlike;
            let found = (contents.entries(), contents.by_name());
            // A member that becomes the destination itself brings its own owner and mode.
            if only.is_some() {
                return Ok(found);
            }
            found
        }
        Form::Tar => {
            let why = "the files of a volume go into a volume, by tar in a container";
            return Err(Fault::Unfit(why.to_owned()));
        }
        Form::Sqlite => {
            restore::inflate(content, &path, most, &work.stop)?;
            let stop = || work.stop.is_cancelled();
            let whole = history::integrity(&path, &stop).map_err(|error| said(&error))?;
            (whole.tables.len() as u64, whole.tables)
        }
        Form::Stream => {
            let bytes = restore::inflate(content, &path, most, &work.stop)?;
            (1, [("bytes".to_owned(), bytes)].into())
        }
    };
    if let Some(like) = like {
        like.put_on(&path, &mut staging.unlike)?;
    }
    Ok(found)
}

/// An error where a program holds the database.
fn free(database: &Path) -> Result<(), Fault> {
    let held = |by: &str| {
        Fault::Unfit(format!(
            "{} is in use by {by}\nhint: stop the service first, and start it again after the restore",
            database.display()
        ))
    };
    if let Some(program) = holder(database) {
        return Err(held(&program));
    }
    match history::settle(database) {
        Ok(history::Settled::Free) => Ok(()),
        Ok(history::Settled::Held) => Err(held("another program")),
        Err(error) => Err(Fault::Failed(unmade(&error))),
    }
}
