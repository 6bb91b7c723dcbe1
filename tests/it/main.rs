//! Tests through the outside: HTTP, the command line, real things.
mod http;
