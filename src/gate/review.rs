//! The AI reviewer's place in the chain: after policy, before people. It can only tighten, because its say is joined.

use crate::{
    domain::{gate::Contribution, plan::PlannedStep},
    ports::BoxFuture,
};

/// Looks at a step that policy has not denied.
pub trait Reviewer: Send + Sync + std::fmt::Debug {
    /// Its say; nothing means no objection. Whatever it returns is joined, so it cannot loosen.
    fn review<'a>(
        &'a self,
        step: &'a PlannedStep,
        so_far: &'a [Contribution],
    ) -> BoxFuture<'a, Vec<Contribution>>;
    /// One line for `status` and `doctor`: who reviews.
    fn describe(&self) -> String;
}

/// No provider is configured: the gate works on policy alone, and says so.
#[derive(Debug, Clone, Copy)]
pub struct NoReviewer;

impl Reviewer for NoReviewer {
    fn review<'a>(
        &'a self,
        _: &'a PlannedStep,
        _: &'a [Contribution],
    ) -> BoxFuture<'a, Vec<Contribution>> {
        Box::pin(std::future::ready(Vec::new()))
    }
    fn describe(&self) -> String {
        "no AI provider is configured: the gate works on policy alone".to_owned()
    }
}
