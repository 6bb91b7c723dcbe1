//! Following real repositories: on disk, over HTTP and over SSH.

mod fixture;
mod serving;
mod source;
mod sync;
mod world;
