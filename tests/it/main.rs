//! Everything that needs more than one room.

mod few_actions;
mod samples;
