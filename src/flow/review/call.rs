//! One question to a provider: paid for at its worst → asked → read strictly → settled and recorded.

use super::{AiReviewer, Desk, Provider};
use crate::{
    domain::{
        audit::Entry,
        digest::Digest,
        id::CallId,
        mask::Masker,
        name::RunbookName,
        plan::PlannedStep,
        span::Span,
        spending::{BudgetState, Overrun, Spending, Usage},
    },
    gate::review::{
        answer::{self, Answer, NoAnswer, Verdict},
        document::{Document, INSTRUCTIONS, PROMPT_VERSION},
        text,
    },
    history::{Refused, Reservation, Write, WriteError},
    ports::completion::{Charged, Completion, CompletionError, CompletionRequest},
    telemetry::{CallOf, CallOutcome},
};
use serde_json::json;
use std::time::Duration;

/// A token is hardly ever shorter than two bytes of JSON or English.
const BYTES_PER_TOKEN: u64 = 2;
/// What a provider adds of its own, such as the instructions for a tool.
const OVERHEAD: u64 = 600;

/// What a question is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject<'a> {
    /// A step.
    Step(&'a PlannedStep),
    /// A case whose answer is known.
    Canary(&'static str),
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The call failed.
    #[error("{0}")]
    Call(CompletionError),
    /// What came back is no answer.
    #[error("{0}")]
    NoAnswer(NoAnswer),
    /// It does not fit the budget; nobody was asked.
    #[error("{0}")]
    OverBudget(String),
    /// It cannot be paid for or recorded.
    #[error("it cannot be recorded: {0}")]
    NotRecorded(String),
}

impl Subject<'_> {
    fn runbook(self) -> Option<RunbookName> {
        match self {
            Self::Step(step) => Some(step.runbook.clone()),
            Self::Canary(_) => None,
        }
    }

    /// A line of the audit log about it.
    pub(super) fn entry(self, desk: &Desk, action: &str) -> Entry {
        let now = desk.clock.now();
        match self {
            Self::Step(step) => Entry::of_step(now, "system", action, step),
            Self::Canary(name) => {
                Entry::new(now, "system", action, format!("canary/{name}")).and("canary", name)
            }
        }
    }
}

/// Writes to the history; the reason where that failed.
pub(super) async fn record(desk: &Desk, writes: Vec<Write>) -> Result<(), String> {
    desk.history
        .write(writes)
        .await
        .map_err(|error| error.to_string())
}

/// What is asked.
pub(super) fn request(document: &Document, timeout: Span) -> CompletionRequest {
    CompletionRequest {
        instructions: INSTRUCTIONS.to_owned(),
        message: document.message(),
        schema: answer::schema(),
        schema_name: answer::SCHEMA_NAME,
        timeout,
    }
}

/// The most that a question can cost: it is estimated high, and the longest answer is counted.
fn worst(provider: &Provider, request: &CompletionRequest) -> Spending {
    let bytes =
        request.instructions.len() + request.message.len() + request.schema.to_string().len();
    let usage = Usage {
        input_tokens: (bytes as u64).div_ceil(BYTES_PER_TOKEN) + OVERHEAD,
        output_tokens: u64::from(provider.max_output_tokens),
    };
    Spending::of(usage, provider.price)
}

/// Asks once.
pub(super) async fn call(
    reviewer: &AiReviewer,
    provider: &Provider,
    subject: Subject<'_>,
    (document, masker): (&Document, &Masker),
    left: Duration,
) -> Result<Answer, Failure> {
    let desk = &reviewer.desk;
    let timeout = Span::from_millis(u64::try_from(left.as_millis()).unwrap_or(u64::MAX).max(1));
    let request = request(document, timeout);
    let prompt = Digest::of(&(&request.instructions, &request.message));
    let worst = worst(provider, &request);
    let call = reserve(reviewer, provider, subject, worst).await?;
    let began = desk.clock.elapsed();
    let came = provider.model.complete(request).await;
    let took = desk.clock.elapsed().saturating_sub(began);
    let came = came.map(|completion| Came {
        read: answer::read(&completion.text, &document.digest8(), document.effects()),
        completion,
    });
    let returned = Returned {
        call,
        worst,
        took,
        prompt,
        came,
    };
    tell(reviewer, provider, &returned);
    let kept = returned.keep(desk, provider, subject, masker).await;
    reviewer.look_at_budget(BudgetState::Ok).await;
    kept.map_err(Failure::NotRecorded)?;
    let came = returned.came.map_err(Failure::Call)?;
    came.read.map_err(Failure::NoAnswer)
}

/// Sets the worst aside before anything is sent.
async fn reserve(
    reviewer: &AiReviewer,
    provider: &Provider,
    subject: Subject<'_>,
    worst: Spending,
) -> Result<CallId, Failure> {
    let desk = &reviewer.desk;
    let now = desk.clock.now();
    let call = CallId::new(now, desk.clock.entropy());
    let reservation = Reservation {
        call,
        at: now,
        runbook: subject.runbook(),
        provider: provider.name.clone(),
        model: provider.model_name.clone(),
        worst,
        budget: reviewer.rules.budget,
    };
    match desk.history.write(vec![Write::Reserve(reservation)]).await {
        Ok(()) => Ok(call),
        Err(WriteError::Refused(Refused::OverBudget(overrun))) => {
            if !matches!(overrun, Overrun::Share { .. }) {
                reviewer.look_at_budget(BudgetState::Spent).await;
            }
            Err(Failure::OverBudget(overrun.to_string()))
        }
        Err(other) => Err(Failure::NotRecorded(other.to_string())),
    }
}

/// What came back, and how it reads.
struct Came {
    completion: Completion,
    read: Result<Answer, NoAnswer>,
}

/// What came of a question, before it is recorded.
struct Returned {
    call: CallId,
    worst: Spending,
    took: Duration,
    prompt: Digest,
    came: Result<Came, CompletionError>,
}

impl Returned {
    fn charged(&self) -> Charged {
        match &self.came {
            Ok(came) => {
                let usage = came.completion.usage;
                usage.map_or(Charged::Unknown, Charged::Exactly)
            }
            Err(error) => error.charged(),
        }
    }

    fn usage(&self) -> Option<Usage> {
        match self.charged() {
            Charged::Exactly(usage) => Some(usage),
            Charged::Nothing | Charged::Unknown => None,
        }
    }

    /// What it cost; the worst where nobody can say.
    fn spent(&self, provider: &Provider) -> Spending {
        match self.charged() {
            Charged::Nothing => Spending::default(),
            Charged::Exactly(usage) => Spending::of(usage, provider.price),
            Charged::Unknown => self.worst,
        }
    }

    fn outcome(&self) -> CallOutcome {
        let verdict = match &self.came {
            Ok(came) => came.read.as_ref().map(|answer| answer.verdict),
            Err(error) => return failed(error),
        };
        match verdict {
            Ok(Verdict::NoObjection) => CallOutcome::NoObjection,
            Ok(Verdict::NeedsHuman) => CallOutcome::NeedsHuman,
            Ok(Verdict::Block) => CallOutcome::Block,
            Err(_) => CallOutcome::NoAnswer,
        }
    }

    /// Settles and records in one transaction. What nobody can tell the price of stays as it was reserved.
    async fn keep(
        &self,
        desk: &Desk,
        provider: &Provider,
        subject: Subject<'_>,
        masker: &Masker,
    ) -> Result<(), String> {
        let mut writes = vec![Write::Audit(self.entry(desk, provider, subject, masker))];
        if self.charged() != Charged::Unknown {
            writes.push(Write::Settle {
                call: self.call,
                at: desk.clock.now(),
                actual: self.spent(provider),
                took: Span::from_millis(millis(self.took)),
            });
        }
        record(desk, writes).await
    }

    fn entry(
        &self,
        desk: &Desk,
        provider: &Provider,
        subject: Subject<'_>,
        masker: &Masker,
    ) -> Entry {
        let mut entry = subject.entry(desk, "review.asked");
        let spent = self.spent(provider);
        let came = self.came.as_ref();
        let response = came.map(|came| Digest::of_bytes(came.completion.text.as_bytes()));
        let (answer, fault) = match came.map(|came| came.read.as_ref()) {
            Ok(Ok(answer)) => (Some(answer), String::new()),
            Ok(Err(no_answer)) => (None, no_answer.to_string()),
            Err(error) => (None, error.to_string()),
        };
        entry.details["review"] = json!({
            "call": self.call,
            "provider": provider.name,
            "model": provider.model_name,
            "promptVersion": PROMPT_VERSION,
            "prompt": self.prompt,
            "response": response.ok(),
            "usage": self.usage(),
            "settled": self.charged() != Charged::Unknown,
            "tokens": spent.tokens,
            "costNanoDollars": spent.cost,
            "latencyMs": millis(self.took),
            "outcome": self.outcome().as_str(),
            "verdict": answer.map(|answer| answer.verdict),
            "codes": answer.map(|answer| &answer.codes),
            "effectRefs": answer.map(|answer| &answer.effect_refs),
            "note": answer.map(|answer| text::shown(&answer.note, masker)),
        });
        entry.success = answer.is_some();
        entry.error_msg = text::shown(&fault, masker);
        entry
    }
}

fn failed(error: &CompletionError) -> CallOutcome {
    match error {
        CompletionError::Busy { .. } => CallOutcome::Busy,
        CompletionError::Rejected { .. } => CallOutcome::Rejected,
        CompletionError::Unreachable { .. } => CallOutcome::Unreachable,
        CompletionError::TimedOut { .. } => CallOutcome::TimedOut,
        CompletionError::Declined { .. } => CallOutcome::Declined,
        CompletionError::Truncated { .. } => CallOutcome::Truncated,
        CompletionError::Malformed { .. } => CallOutcome::Malformed,
    }
}

fn tell(reviewer: &AiReviewer, provider: &Provider, returned: &Returned) {
    reviewer.desk.events.reviewer_asked(CallOf {
        provider: provider.name.as_str(),
        model: &provider.model_name,
        outcome: returned.outcome(),
        usage: returned.usage(),
        cost: returned.spent(provider).cost,
        took: returned.took,
    });
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
