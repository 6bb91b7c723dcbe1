//! What all actions share: the trait, the catalogue, and the one way to carry a step out.

mod action;
pub(crate) mod address;
pub(crate) mod answers;
mod at_hand;
mod catalogue;
mod documentation;
mod given;
pub(crate) mod host;
mod masking;
mod perform;
pub(crate) mod program;
mod revealing;
pub(crate) mod rights;
pub(crate) mod said;
#[cfg(test)]
pub(crate) mod scripted;
pub(crate) mod size;
mod still;
mod text;
mod world;

pub use action::{Action, AnyAction, NOTHING_JUDGED, nothing, outputs};
pub use catalogue::Catalogue;
pub use documentation::markdown;
pub use given::Given;
pub use perform::Performer;
pub use world::{Channel, ChannelAddress, Children, Rotations, World};
