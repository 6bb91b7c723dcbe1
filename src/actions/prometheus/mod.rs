//! Steps that ask Prometheus.

mod answer;
mod comparison;
mod query;

use crate::actions::framework::AnyAction;

/// The actions of this folder.
pub(crate) fn actions() -> Vec<Box<dyn AnyAction>> {
    vec![Box::new(query::Query)]
}
