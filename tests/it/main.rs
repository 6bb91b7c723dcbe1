//! Tests from outside: real servers, real files, the program itself.

mod network;
mod servers;
