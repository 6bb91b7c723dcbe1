//! Steps that speak HTTP.

mod check;
mod expectation;
mod request;
mod status;

use crate::actions::framework::AnyAction;
pub(in crate::actions) use status::WantedStatus;

/// The actions of this folder.
pub(crate) fn actions() -> Vec<Box<dyn AnyAction>> {
    vec![Box::new(check::Check), Box::new(request::Request)]
}
