//! One question to a language model.

use crate::{
    domain::{span::Span, spending::Usage},
    ports::BoxFuture,
};
use serde_json::Value;

/// What is asked. The same for every provider.
#[derive(Debug, Clone)]
pub struct CompletionRequest {
    /// What the model is told to do.
    pub instructions: String,
    /// What it is shown.
    pub message: String,
    /// The JSON Schema that its answer must have.
    pub schema: Value,
    /// The schema's name.
    pub schema_name: &'static str,
    /// From the first packet to the last byte.
    pub timeout: Span,
}

/// What it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The answer's text, as the model wrote it.
    pub text: String,
    /// What the provider says it was.
    pub usage: Option<Usage>,
}

/// Why there is no answer. Texts of the provider are in it as it sent them; whoever shows them makes them fit to be seen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompletionError {
    /// It has no time for this now: 408, 429, 529 and other 5xx. Nothing was charged.
    #[error("it is busy (status {status}): {reason}")]
    Busy {
        /// The status code.
        status: u16,
        /// When it wants to be asked again.
        retry_after: Option<Span>,
        /// What it says.
        reason: String,
    },
    /// It will not take this question: a wrong key, model or parameter, a used-up account, a redirect. Nothing was charged.
    #[error("it refuses the request (status {status}): {reason}")]
    Rejected {
        /// The status code; 0 where nothing was sent.
        status: u16,
        /// What it says.
        reason: String,
    },
    /// It cannot be reached, or the connection broke.
    #[error("{reason}")]
    Unreachable {
        /// What went wrong.
        reason: String,
        /// Whether the question may have reached it.
        sent: bool,
    },
    /// It took too long. What it charges is not known.
    #[error("no answer within {after}")]
    TimedOut {
        /// So long was waited.
        after: Span,
    },
    /// The model, or a filter before or behind it, declined to answer.
    #[error("the model declines to answer: {reason}")]
    Declined {
        /// What it says.
        reason: String,
        /// What the provider says it was.
        usage: Option<Usage>,
    },
    /// The answer was cut at the limit of tokens.
    #[error(
        "the answer was cut at the limit of output tokens\nhint: a model that thinks before it answers needs a higher `maxOutputTokens`"
    )]
    Truncated {
        /// What the provider says it was.
        usage: Option<Usage>,
    },
    /// What came back is not the provider's own format.
    #[error("it answers with something else: {reason}")]
    Malformed {
        /// What.
        reason: String,
        /// What the provider says it was.
        usage: Option<Usage>,
    },
}

/// What is known of a failed call's price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charged {
    /// Nothing.
    Nothing,
    /// This.
    Exactly(Usage),
    /// Nobody can say: it counts at its worst.
    Unknown,
}

impl CompletionError {
    /// What the call has cost.
    pub fn charged(&self) -> Charged {
        match self {
            Self::Busy { .. } | Self::Rejected { .. } | Self::Unreachable { sent: false, .. } => {
                Charged::Nothing
            }
            Self::Unreachable { sent: true, .. } | Self::TimedOut { .. } => Charged::Unknown,
            Self::Declined { usage, .. }
            | Self::Truncated { usage }
            | Self::Malformed { usage, .. } => usage.map_or(Charged::Unknown, Charged::Exactly),
        }
    }
}

/// A model at a provider. It makes one call each time it is asked; whether to ask again is for the caller to say.
pub trait Model: Send + Sync + std::fmt::Debug {
    /// Asks once.
    fn complete(
        &self,
        request: CompletionRequest,
    ) -> BoxFuture<'_, Result<Completion, CompletionError>>;
}
