//! Tests from outside: real servers, real files, the program itself.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice,
    reason = "in tests a surprise is a failure, and a failure should say where"
)]

mod api_server;
mod architecture;
mod backup;
mod clear;
mod cli;
mod cluster;
mod daemon;
mod deployment;
mod dumps;
mod few_actions;
mod futile;
mod git;
mod history;
mod hostile;
mod http;
mod kubernetes;
mod mounts;
mod network;
mod pipelines;
mod policy;
mod process;
mod readme;
mod reviewer;
mod rotations;
mod s3;
mod samples;
mod schemas;
mod servers;
mod services;
mod small_disk;
mod steps;
mod stores;
mod survey;
