//! Tests from outside: real servers, real files, the program itself.

mod api_server;
mod architecture;
mod backup;
mod deployment;
mod few_actions;
mod git;
mod history;
mod http;
mod kubernetes;
mod network;
mod process;
mod readme;
mod samples;
mod servers;
mod steps;
