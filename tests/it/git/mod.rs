//! Following real repositories: on disk, over HTTP and over SSH.

mod fixture;
mod lineage;
mod serving;
mod source;
mod ssh;
mod sync;
mod world;
