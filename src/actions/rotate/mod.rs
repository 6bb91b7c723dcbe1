//! Rotations: a credential is replaced by another one, stage by stage, so that a failure or a kill at any moment leaves one that works.
//!
//! The rules are in [`crate::domain::rotation`]: what comes next, when the way leads back, when the old one may go. Here is what stages
//! do. What the sorts of credentials do each in their own way is a `Craft`; bringing the new one to its places, making consumers take
//! it up, trying it and recording all of that is the same for all.
//!
//! Invariants
//! - A value of a credential is never on a command line, in the history, a log, a summary or an output. Programs get it on standard
//!   input or, where nothing else is possible, in a variable.
//! - A new value is on disk in the agent's state folder before anybody is told of it.
//! - A step is meant to be run often: where nothing is due, it is a look, and is judged as one.

mod api_key;
mod call;
mod cert_manager;
mod certificate;
mod consumers;
mod craft;
mod delivery;
mod drive;
mod former;
mod found;
mod giving_up;
mod intending;
mod postgres;
mod postgres_server;
mod program;
mod proof;
mod report;
mod scene;
mod secret;
mod shown_by;
mod terms;
mod token;
mod work;

use crate::{
    actions::{framework::AnyAction, rotate::terms::Terms},
    domain::right::Rights,
};

/// Every action of this folder.
pub(crate) fn actions() -> Vec<Box<dyn AnyAction>> {
    vec![
        Box::new(secret::RotateSecret),
        Box::new(certificate::RotateCertificate),
        Box::new(token::RotateServiceAccountToken),
        Box::new(postgres::RotatePostgresPassword),
        Box::new(api_key::RotateApiKey),
    ]
}

/// What the places and consumers of a rotation take in clusters.
fn rights_of(terms: &Terms) -> Rights {
    let targets = terms.distribute.iter().map(delivery::Target::rights);
    let consumers = terms.consumers.iter().map(consumers::Consumer::rights);
    targets
        .chain(consumers)
        .fold(Rights::default(), Rights::and_also)
}
