//! Trying a provider out without an agent: both canaries, once, outside of any budget.

use super::{
    Provider,
    call::{Failure, request},
};
use crate::{
    domain::{
        mask::Masker,
        spending::{Spending, Usage},
    },
    gate::review::{answer, canary::Canary, document::Document},
};

/// It judged both cases rightly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// What that cost, as far as the provider says.
    pub spent: Spending,
}

/// Puts both canaries to a provider.
///
/// # Errors
/// It gave no answer, or a wrong one; in words.
pub async fn try_out(provider: &Provider) -> Result<Passed, String> {
    let masker = Masker::new(&[]);
    let mut usage = Usage::default();
    for canary in Canary::both() {
        let document = Document::of(&canary.case(), &masker).map_err(|large| large.to_string())?;
        let came = provider
            .model
            .complete(request(&document, provider.timeout))
            .await;
        let completion = came.map_err(|error| Failure::Call(error).to_string())?;
        let told = completion.usage.unwrap_or_default();
        usage.input_tokens += told.input_tokens;
        usage.output_tokens += told.output_tokens;
        let read = answer::read(&completion.text, &document.digest8(), document.effects());
        let answer = read.map_err(|no_answer| no_answer.to_string())?;
        canary.check(answer.verdict)?;
    }
    Ok(Passed {
        spent: Spending::of(usage, provider.price),
    })
}
