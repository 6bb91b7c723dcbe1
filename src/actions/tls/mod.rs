//! Steps that look at TLS servers.

mod check;

use crate::actions::framework::AnyAction;

/// The actions of this folder.
pub(crate) fn actions() -> Vec<Box<dyn AnyAction>> {
    vec![Box::new(check::Check)]
}
