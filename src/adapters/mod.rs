//! adapters

pub mod archive;
pub mod clock;
pub mod host;
pub mod kubernetes;
pub mod secrets;
