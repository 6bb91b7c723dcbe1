//! The AI reviewer's place in the chain: after policy, before people. It can only tighten, because its say is joined.
//!
//! What stands here is pure: what the reviewer is shown ([`document`]), what it may answer ([`answer`]), what follows from that or
//! from its silence ([`verdict`]), when it is asked at all ([`ask`]), what of its answers is kept ([`cache`]), how it is itself
//! tested ([`canary`]), and when it is left alone ([`breaker`], [`retry`]). Time and randomness come in as arguments.
//!
//! Invariants
//! - No answer, and no lack of one, lowers what policy has decided.
//! - The reviewer sees effects and short, escaped texts; never outputs, logs, arguments or secrets.
//! - What is not exactly the answer asked for is no answer.

pub mod answer;
pub mod ask;
pub mod breaker;
pub mod cache;
pub mod canary;
pub mod document;
pub mod retry;
pub mod text;
pub mod verdict;

use crate::{
    domain::{gate::Contribution, plan::PlannedStep},
    ports::BoxFuture,
};

/// What is reviewed.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The step.
    pub step: &'a PlannedStep,
    /// What its runbook is for, in the words of whoever wrote it.
    pub purpose: &'a str,
    /// What came out of earlier steps, or from outside, and went into the step. What holds a word of it is not shown.
    pub foreign: &'a [String],
    /// What the other stages say.
    pub so_far: &'a [Contribution],
}

/// Looks at a step that policy has not denied.
pub trait Reviewer: Send + Sync + std::fmt::Debug {
    /// Its say; nothing means no objection. Whatever it returns is joined, so it cannot loosen.
    fn review<'a>(&'a self, case: Case<'a>) -> BoxFuture<'a, Vec<Contribution>>;
    /// One line for `status` and `doctor`: who reviews.
    fn describe(&self) -> String;
    /// Whether it would answer now, as far as it knows.
    fn is_well(&self) -> bool {
        true
    }
    /// Does what is due without anybody asking: a canary at the start.
    fn look_after(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// No provider is configured: the gate works on policy alone, and says so.
#[derive(Debug, Clone, Copy)]
pub struct NoReviewer;

impl Reviewer for NoReviewer {
    fn review<'a>(&'a self, _: Case<'a>) -> BoxFuture<'a, Vec<Contribution>> {
        Box::pin(std::future::ready(Vec::new()))
    }
    fn describe(&self) -> String {
        "no AI provider is configured: the gate works on policy alone".to_owned()
    }
}

#[cfg(test)]
mod tests;
