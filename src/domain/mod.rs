//! What is true: the words of the project as types, and every rule that pen and paper could decide.
//!
//! Invariants
//! - No I/O, no async, no clock, no randomness: time and ids come in as arguments.
//! - A value of these types is valid; text becomes such a value in `runbooks` and `config` only.
//! - State is a fold of recorded events ([`run::RunState::apply`]); recovery is the same fold.
//! - Only [`gate::settle`] makes a [`gate::Permit`].

pub mod access;
pub mod active;
pub mod approval;
pub mod artifact;
pub mod audit;
pub mod calendar;
pub mod check;
pub mod circuit;
pub mod consented;
pub mod digest;
pub mod effect;
pub mod expression;
pub mod gate;
pub mod halt;
pub mod id;
pub mod inputs;
pub mod jump;
pub mod likeness;
pub mod lineage;
pub mod lock;
pub mod mask;
pub mod name;
pub mod occurrence;
pub mod outlived;
pub mod pace;
pub mod pinned;
pub mod pipeline;
pub mod plan;
pub mod pointer;
pub mod policy;
pub mod quoted;
pub mod right;
pub mod rotation;
pub mod run;
pub mod runbook;
pub mod schedule;
pub mod secret;
pub mod span;
pub mod spending;
pub mod strangers;
pub mod trial;
