//! Everything that needs more than one room.

mod few_actions;
mod hostile;
mod samples;
mod schemas;
