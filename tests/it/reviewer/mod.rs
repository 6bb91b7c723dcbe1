//! The AI reviewer against real servers that speak each provider's wire format.

pub(crate) mod fake;
mod story;
mod wire;
