//! Tests from outside: real servers, real files, the program itself.

mod few_actions;
mod network;
mod samples;
mod servers;
