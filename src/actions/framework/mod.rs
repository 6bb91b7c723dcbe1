//! What all actions share: the trait, the catalogue, and the one way to carry a step out.

mod action;
mod catalogue;
mod documentation;
mod masking;
mod perform;
mod revealing;
#[cfg(test)]
pub(crate) mod scripted;
mod text;
mod world;

pub use action::{Action, AnyAction, outputs};
pub use catalogue::Catalogue;
pub use documentation::markdown;
pub use perform::Performer;
pub use world::{Channel, ChannelAddress, Children, World};
