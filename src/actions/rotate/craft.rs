//! What the sorts of credentials do each in their own way; all else is the same for all of them.

use crate::{
    actions::rotate::scene::{Scene, not_needed},
    domain::{
        rotation::{Credential, CredentialKind, Outcome},
        span::Span,
    },
    ports::{BoxFuture, vault::Kept},
};
use jiff::Timestamp;

/// A new credential in the making, and what is known of the old one.
pub(super) type Prepared = Result<Kept, Outcome>;

/// One sort of credential.
pub(super) trait Craft: Send + Sync {
    /// Which.
    fn kind(&self) -> CredentialKind;
    /// The part that is meant where none is named.
    fn main(&self) -> &'static str;
    /// Where it is, beside the places that it is brought to: a server, a provider. Empty where it is nowhere else.
    fn place(&self) -> String {
        String::new()
    }
    /// The last moment of the one that counts, and how long before that it is replaced; where that is known, and matters.
    fn ends<'a>(
        &'a self,
        _known: Option<&'a Credential>,
        _scene: Scene<'a>,
    ) -> BoxFuture<'a, Result<Option<(Timestamp, Span)>, String>> {
        Box::pin(std::future::ready(Ok(None)))
    }
    /// What shows, before anything is done, that it can only fail.
    fn hindered<'a>(&'a self, _scene: Scene<'a>) -> BoxFuture<'a, Option<String>> {
        Box::pin(std::future::ready(None))
    }
    /// What may be so while a rotation that was cut off before its switch stands still.
    fn half_way(&self) -> &'static str {
        "its places may hold the one or the other"
    }
    /// Makes as much of the new one as can be made without telling anybody, and gathers what is known of the old one. It is kept before
    /// anybody is told.
    fn prepare<'a>(&'a self, known: &'a Credential, scene: Scene<'a>) -> BoxFuture<'a, Prepared>;
    /// Makes it known to the one who will accept it, and takes from there what only that one can give.
    fn issue<'a>(&'a self, kept: &'a mut Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome>;
    /// The new one goes where it was made known; where it was not, nothing is changed.
    fn discard<'a>(&'a self, kept: &'a Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome>;
    /// Where issuing it has brought it to its place as well, that place gets the former one back, before consumers take that up.
    fn withdraw<'a>(&'a self, _: &'a Kept, _: Scene<'a>) -> BoxFuture<'a, Outcome> {
        Box::pin(std::future::ready(not_needed("")))
    }
    /// Tries the new one.
    fn test<'a>(&'a self, kept: &'a Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome>;
    /// The old one goes.
    fn revoke<'a>(&'a self, kept: &'a Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome>;
    /// Tries the old one, which must be refused.
    fn refuse<'a>(&'a self, kept: &'a Kept, scene: Scene<'a>) -> BoxFuture<'a, Outcome>;
}
