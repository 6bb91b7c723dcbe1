//! Rotations on real files, programs, servers and a real history, cut off at every record that they make.

mod api_key;
mod certificate;
mod cluster;
mod issued;
mod kept;
mod place;
mod postgres;
mod secret;
