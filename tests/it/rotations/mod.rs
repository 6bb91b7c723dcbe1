//! Rotations on real files, programs, servers and a real history, cut off at every record that they make.

mod place;
mod secret;
