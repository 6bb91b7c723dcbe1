//! The AI reviewer's story: show the step → is the answer known? → ask the providers in turn → say what follows.
//!
//! Every question is paid for before it is asked and recorded after it was answered ([`call`]). A provider that fails, or that judges
//! a case wrongly whose answer is known, is left alone for a while ([`seat`]). Whatever happens, what comes out can only tighten.

mod call;
mod seat;
mod tryout;

pub use tryout::{Passed, try_out};

use crate::{
    domain::{
        effect::Class,
        gate::Contribution,
        mask::Masker,
        name::{ProviderName, RunbookName},
        span::Span,
        spending::{Budget, BudgetState, Month, Price},
    },
    flow::world::held,
    gate::review::{
        Case, Reviewer,
        answer::{Answer, Verdict},
        cache::{Cache, Key},
        document::Document,
        text,
        verdict::{self, Exception, OnBlock},
    },
    history::{History, Write},
    ports::{BoxFuture, clock::Clock, completion::Model, secrets::Secrets},
    telemetry::{BudgetUse, Events, ReviewResult},
};
use call::Subject;
use seat::{Seat, Silence};
use serde_json::json;
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

/// One model that may be asked.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Its name in the configuration.
    pub name: ProviderName,
    /// The model's name, for people and for the audit log.
    pub model_name: String,
    /// The model.
    pub model: Arc<dyn Model>,
    /// What it costs.
    pub price: Price,
    /// How long it may take, retries included.
    pub timeout: Span,
    /// The longest answer, in tokens.
    pub max_output_tokens: u32,
}

impl Provider {
    fn describe(&self) -> String {
        format!("{} ({})", self.name, self.model_name)
    }
}

/// How the reviewer works.
#[derive(Debug, Clone)]
pub struct Rules {
    /// What may be spent.
    pub budget: Budget,
    /// After so many calls a provider is put to the test again; 0: at the start only.
    pub canary_every: u32,
    /// How long a lack of objections to a change counts.
    pub cache_ttl: Span,
    /// What follows from a block.
    pub on_block: OnBlock,
    /// Runbooks whose exact changes go on when nobody answers.
    pub proceed_if_exact: BTreeSet<RunbookName>,
}

/// What the reviewer needs of the agent.
#[derive(Clone)]
pub struct Desk {
    /// Where calls are paid for and recorded.
    pub history: History,
    /// Logs and metrics.
    pub events: Events,
    /// Time and randomness.
    pub clock: Arc<dyn Clock>,
    /// What must never be shown.
    pub secrets: Arc<dyn Secrets>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

/// The AI reviewer.
#[derive(Debug)]
pub struct AiReviewer {
    desk: Desk,
    rules: Rules,
    seats: Vec<Seat>,
    cache: Mutex<Cache>,
    /// How the month's budget stood when it was last looked at.
    budget: Mutex<Option<(Month, BudgetUse)>>,
    /// Its counters exist once it is looked after for the first time: one that is never put to use leaves no mark.
    announced: AtomicBool,
}

impl AiReviewer {
    /// Nobody has been asked yet.
    pub fn new(desk: Desk, rules: Rules, providers: Vec<Provider>) -> Self {
        Self {
            desk,
            rules,
            seats: providers.into_iter().map(Seat::new).collect(),
            cache: Mutex::default(),
            budget: Mutex::default(),
            announced: AtomicBool::new(false),
        }
    }

    fn announce(&self) {
        if !self.announced.swap(true, Ordering::SeqCst) {
            let names = self.seats.iter().map(|seat| seat.provider.name.as_str());
            self.desk.events.set_reviewers(names);
        }
    }

    async fn look_at(&self, case: Case<'_>) -> Vec<Contribution> {
        let masker = Masker::new(&self.desk.secrets.all_values());
        let document = match Document::of(&case, &masker) {
            Ok(document) => document,
            Err(large) => {
                let why = large.to_string();
                self.tell(&case, ReviewResult::TooLarge, &why).await;
                return vec![verdict::too_large(&why)];
            }
        };
        match self.answer(&case, &document, &masker).await {
            Ok((by, answer)) => {
                let on_block = self.rules.on_block;
                vec![verdict::contribution(&answer, &by, on_block, &masker)]
            }
            Err(why) => {
                let why = text::shown(&why, &masker);
                self.tell(&case, ReviewResult::Unavailable, &why).await;
                let exception = self.exception(&case.step.runbook);
                verdict::unavailable(&case, &why, exception)
                    .into_iter()
                    .collect()
            }
        }
    }

    /// The first answer that a provider has given or gives, and whose it is; else why none did.
    async fn answer(
        &self,
        case: &Case<'_>,
        document: &Document,
        masker: &Masker,
    ) -> Result<(String, Answer), String> {
        let class = case.step.effects.class();
        let mut reasons = Vec::new();
        for seat in &self.seats {
            let provider = &seat.provider;
            let (name, model) = (&provider.name, &provider.model_name);
            let key = Key::new(document, case.step.policy, name, model);
            if let Some(known) = self.known(key) {
                let by = format!("{}, asked before,", provider.describe());
                self.tell(case, ReviewResult::Cached, &by).await;
                return Ok((by, known));
            }
            let subject = Subject::Step(case.step);
            match seat.ask(self, subject, document, masker).await {
                Ok(answer) => {
                    self.keep(key, class, &answer);
                    let by = provider.describe();
                    let events = &self.desk.events;
                    events.reviewed(case.step, result_of(answer.verdict), &by);
                    return Ok((by, answer));
                }
                Err(Silence::Other(why)) => reasons.push(format!("{name}: {why}")),
                Err(Silence::Nobody(why)) => {
                    reasons.push(format!("{name}: {why}"));
                    break;
                }
            }
        }
        Err(reasons.join("; "))
    }

    fn known(&self, key: Key) -> Option<Answer> {
        let now = self.desk.clock.elapsed();
        held(&self.cache).get(key, now).cloned()
    }

    fn keep(&self, key: Key, class: Class, answer: &Answer) {
        let (now, keep) = (self.desk.clock.elapsed(), self.rules.cache_ttl.duration());
        held(&self.cache).put(key, class, answer, now, keep);
    }

    fn exception(&self, runbook: &RunbookName) -> Exception {
        if self.rules.proceed_if_exact.contains(runbook) {
            Exception::ProceedIfExact
        } else {
            Exception::None
        }
    }

    /// Tells and records what came of a review in which nobody was asked, or nobody answered.
    async fn tell(&self, case: &Case<'_>, result: ReviewResult, by: &str) {
        self.desk.events.reviewed(case.step, result, by);
        let subject = Subject::Step(case.step);
        let mut entry = subject.entry(&self.desk, &format!("review.{}", result.as_str()));
        entry.success = result != ReviewResult::Unavailable;
        if entry.success {
            entry.details["by"] = json!(by);
        } else {
            by.clone_into(&mut entry.error_msg);
        }
        call::record(&self.desk, vec![Write::Audit(entry)])
            .await
            .unwrap_or_else(|reason| {
                // What the gate decided is recorded with the step, or the step does not start.
                self.desk
                    .events
                    .history_commit_failed("what came of a review", &reason);
            });
    }

    /// Looks at the month's budget anew. It is in no better state than `at_best`.
    async fn look_at_budget(&self, at_best: BudgetState) {
        let Ok(month) = self.desk.history.ai_spending(self.desk.clock.now()).await else {
            return;
        };
        let limit = self.rules.budget.limit;
        let now = BudgetUse {
            state: self.rules.budget.state(month.spent).max(at_best),
            tokens: part(month.spent.tokens, limit.tokens),
            cost: part(month.spent.cost.nanos(), limit.cost.nanos()),
        };
        let before = held(&self.budget).replace((month.month, now));
        self.desk
            .events
            .review_budget(now, before.map(|(_, before)| before.state));
    }

    /// Looks at it now and then. A month in which a call did not fit is not called better until one fits again.
    async fn look_at_budget_by_itself(&self) {
        let this = self.desk.clock.now();
        let known = *held(&self.budget);
        let at_best = match known {
            Some((month, used)) if Month::of(this) <= month => used.state,
            Some(_) | None => BudgetState::Ok,
        };
        self.look_at_budget(at_best).await;
    }
}

/// The part of a limit that is used; all of a limit of nothing as soon as anything is.
#[expect(
    clippy::cast_precision_loss,
    reason = "a metric needs no more than 53 bits"
)]
fn part(used: u64, limit: u64) -> f64 {
    match (used, limit) {
        (0, _) => 0.0,
        (_, 0) => 1.0,
        (used, limit) => used as f64 / limit as f64,
    }
}

fn result_of(verdict: Verdict) -> ReviewResult {
    match verdict {
        Verdict::NoObjection => ReviewResult::NoObjection,
        Verdict::NeedsHuman => ReviewResult::NeedsHuman,
        Verdict::Block => ReviewResult::Block,
    }
}

impl Reviewer for AiReviewer {
    fn review<'a>(&'a self, case: Case<'a>) -> BoxFuture<'a, Vec<Contribution>> {
        Box::pin(self.look_at(case))
    }

    fn describe(&self) -> String {
        let who: Vec<String> = self.seats.iter().map(Seat::describe).collect();
        let budget = match *held(&self.budget) {
            Some((_, used)) => format!(
                "; {:.0} % of the month's budget is used{}",
                used.tokens.max(used.cost) * 100.0,
                if used.state == BudgetState::Spent {
                    " up: changes ask people"
                } else {
                    ""
                }
            ),
            None => String::new(),
        };
        format!("{}{budget}", who.join(", then "))
    }

    fn is_well(&self) -> bool {
        let spent = held(&self.budget).is_some_and(|(_, used)| used.state == BudgetState::Spent);
        !spent && self.seats.iter().all(|seat| !seat.is_open())
    }

    fn look_after(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.announce();
            self.look_at_budget_by_itself().await;
            for seat in &self.seats {
                seat.begin(self).await;
            }
        })
    }
}
