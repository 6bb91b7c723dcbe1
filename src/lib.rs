//! Orderly turns a team's day-2 operations into GitOps: runbooks in git, carried out by an agent behind a safety gate.
//!
//! # The rooms
//!
//! A room imports only rooms with a lower number, and itself. `tests/it/architecture.rs` holds this.
//!
//! | room | | what it is for |
//! |---|---|---|
//! | [`domain`] | 1 | what is true: names, schedules, effects, decisions, events and the state they fold to |
//! | [`ports`] | 2 | what the core asks of the outside world |
//! | [`runbooks`] | 2 | YAML text to domain values, with every problem at its place |
//! | [`config`] | 2 | the agent's own configuration; every value knows its origin |
//! | [`history`] | 2 | the only SQL: one writer, many readers |
//! | [`commands`] | 2 | what operators type, and what it would do: shell text and arguments to effects |
//! | [`telemetry`] | 2 | the only log setup and metric registry |
//! | [`gate`] | 3 | the stages that lead to one permit |
//! | [`actions`] | 3 | the catalogue of what steps can do |
//! | [`adapters`] | 3 | the outside world, one folder per thing; only [`daemon`] may enter |
//! | [`flow`] | 4 | the stories, each read top to bottom: sync, tick, run, approve, recover |
//! | [`http`] | 5 | router, health, metrics, API, page |
//! | [`daemon`] | 6 | lifetime and wiring |
//! | [`cli`] | 7 | the command line |
//!
//! `flow` stands above `gate` and `actions`: a story asks the gate and then the executor. `gate` and `actions` do not know each
//! other; what passes between them is a [`domain::plan::PlannedStep`] on the way in and a [`domain::gate::Permit`] on the way out.
//!
//! # Three laws
//!
//! 1. No permit, no execution: [`domain::gate::settle`] alone makes a permit, and an executor consumes it.
//! 2. Recorded before touched: the start of a step is committed before the world is touched; if history cannot be written, nothing
//!    more is touched.
//! 3. State is a fold of recorded events ([`domain::run::RunState`]); recovery is the same fold.
pub mod actions;
pub mod adapters;
pub mod cli;
pub mod commands;
pub mod config;
pub mod daemon;
pub mod domain;
pub mod flow;
pub mod gate;
pub mod history;
pub mod http;
pub mod ports;
pub mod runbooks;
pub mod telemetry;
