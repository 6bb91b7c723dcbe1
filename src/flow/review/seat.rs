//! One provider: whether it may be asked, whether it has shown itself, and its attempts at an answer.

use super::{
    AiReviewer, Provider,
    call::{self, Failure, Subject},
};
use crate::{
    domain::mask::Masker,
    flow::world::held,
    gate::review::{
        answer::Answer,
        breaker::{Admission, Breaker},
        canary::{Canary, Rounds},
        document::Document,
        retry::{self, Fault, Next},
    },
};
use std::{sync::Mutex, time::Duration};
use tokio::sync::Semaphore;

/// Why a provider gave no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Silence {
    /// The next one may.
    Other(String),
    /// Nobody else is asked.
    Nobody(String),
}

/// One provider and what is known of it.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) provider: Provider,
    breaker: Mutex<Breaker>,
    rounds: Mutex<Rounds>,
    /// One at a time puts it to the test; the others wait for what comes of it.
    testing: Semaphore,
}

impl Seat {
    pub(super) fn new(provider: Provider) -> Self {
        Self {
            provider,
            breaker: Mutex::default(),
            rounds: Mutex::default(),
            testing: Semaphore::new(1),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        held(&self.breaker).is_open()
    }

    /// Who it is, and why it is left alone, if it is.
    pub(super) fn describe(&self) -> String {
        match &*held(&self.breaker) {
            Breaker::Closed { .. } => self.provider.describe(),
            Breaker::Open { reason, .. } => {
                format!("{}, left alone: {reason}", self.provider.describe())
            }
        }
    }

    /// Puts it to the test at the start, so that a wrong key or model shows before it is needed.
    pub(super) async fn begin(&self, reviewer: &AiReviewer) {
        let untested = *held(&self.rounds) == Rounds::default();
        if untested && !self.is_open() {
            // What came of it is told and remembered.
            let _told = self.pass_canaries(reviewer).await;
        }
    }

    /// Asks it about a document, if it may be asked.
    pub(super) async fn ask(
        &self,
        reviewer: &AiReviewer,
        subject: Subject<'_>,
        document: &Document,
        masker: &Masker,
    ) -> Result<Answer, Silence> {
        if self.must_pass(reviewer)? {
            self.pass_canaries(reviewer).await?;
        }
        held(&self.rounds).called();
        let answer = self.attempts(reviewer, subject, document, masker).await;
        if answer.is_ok() {
            held(&self.breaker).answered();
        }
        answer
    }

    /// Whether canaries come first.
    fn must_pass(&self, reviewer: &AiReviewer) -> Result<bool, Silence> {
        let now = reviewer.desk.clock.elapsed();
        let admission = held(&self.breaker).admit(now);
        match admission {
            Admission::Go => Ok(held(&self.rounds).due(reviewer.rules.canary_every)),
            Admission::Probe => Ok(true),
            Admission::Wait { left, reason } => Err(Silence::Other(format!(
                "it is left alone for another {} s: {reason}",
                left.as_secs().max(1)
            ))),
        }
    }

    /// Puts both canaries to it. One that is judged wrongly opens the breaker.
    async fn pass_canaries(&self, reviewer: &AiReviewer) -> Result<(), Silence> {
        let gone = || Silence::Nobody("the reviewer is gone".to_owned());
        let _turn = self.testing.acquire().await.map_err(|_| gone())?;
        // Somebody else may have done it meanwhile.
        if !self.must_pass(reviewer)? {
            return Ok(());
        }
        let masker = Masker::new(&reviewer.desk.secrets.all_values());
        for canary in Canary::both() {
            let document = Document::of(&canary.case(), &masker)
                .map_err(|large| Silence::Nobody(large.to_string()))?;
            let subject = Subject::Canary(canary.name);
            let answer = self.attempts(reviewer, subject, &document, &masker).await;
            let answer = answer.map_err(|silence| self.untested(reviewer, silence))?;
            if let Err(wrong) = canary.check(answer.verdict) {
                let events = &reviewer.desk.events;
                events.reviewer_tested(self.provider.name.as_str(), Err(&wrong));
                self.change(reviewer, |breaker, now| breaker.trip(now, &wrong));
                return Err(Silence::Other(wrong));
            }
        }
        let events = &reviewer.desk.events;
        events.reviewer_tested(self.provider.name.as_str(), Ok(()));
        self.change(reviewer, |breaker, _| breaker.passed());
        held(&self.rounds).passed();
        Ok(())
    }

    /// Asks until there is an answer, or no more attempt is worth it.
    async fn attempts(
        &self,
        reviewer: &AiReviewer,
        subject: Subject<'_>,
        document: &Document,
        masker: &Masker,
    ) -> Result<Answer, Silence> {
        let clock = &reviewer.desk.clock;
        let began = clock.elapsed();
        let whole = self.provider.timeout.duration();
        let left = || whole.saturating_sub(clock.elapsed().saturating_sub(began));
        let mut attempt = 1;
        loop {
            let called = call::call(
                reviewer,
                &self.provider,
                subject,
                (document, masker),
                left(),
            )
            .await;
            let failure = match called {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let next = next(&failure, attempt, left(), clock.entropy());
            match next {
                Next::Again(pause) => clock.sleep(pause).await,
                Next::Other => return Err(self.silent(reviewer, &failure)),
                Next::Nobody => return Err(Silence::Nobody(failure.to_string())),
            }
            attempt += 1;
        }
    }

    /// The provider has given no answer; unless that is not its fault, its breaker counts.
    fn silent(&self, reviewer: &AiReviewer, failure: &Failure) -> Silence {
        let reason = failure.to_string();
        match failure {
            Failure::Call(_) | Failure::NoAnswer(_) => {
                self.change(reviewer, |breaker, now| breaker.failed(now, &reason));
            }
            Failure::OverBudget(_) | Failure::NotRecorded(_) => {}
        }
        Silence::Other(reason)
    }

    /// A model that declines to look at a canary is of no use, and the next one may be.
    fn untested(&self, reviewer: &AiReviewer, silence: Silence) -> Silence {
        match silence {
            Silence::Other(reason) => Silence::Other(reason),
            Silence::Nobody(reason) => {
                self.change(reviewer, |breaker, now| breaker.failed(now, &reason));
                Silence::Other(reason)
            }
        }
    }

    fn change(&self, reviewer: &AiReviewer, change: impl FnOnce(&mut Breaker, Duration)) {
        let now = reviewer.desk.clock.elapsed();
        let (was_open, is_open, reason) = {
            let mut breaker = held(&self.breaker);
            let was_open = breaker.is_open();
            change(&mut breaker, now);
            let reason = match &*breaker {
                Breaker::Closed { .. } => String::new(),
                Breaker::Open { reason, .. } => reason.clone(),
            };
            (was_open, breaker.is_open(), reason)
        };
        if was_open != is_open {
            let open = is_open.then_some(reason.as_str());
            reviewer
                .desk
                .events
                .reviewer_breaker(self.provider.name.as_str(), open);
        }
    }
}

fn next(
    failure: &Failure,
    attempt: u32,
    left: Duration,
    entropy: crate::domain::id::Entropy,
) -> Next {
    match failure {
        Failure::Call(error) => retry::next(&Fault::Call(error), attempt, left, entropy),
        Failure::NoAnswer(_) => retry::next(&Fault::NoAnswer, attempt, left, entropy),
        Failure::OverBudget(_) => Next::Other,
        // Without a record nobody is asked.
        Failure::NotRecorded(_) => Next::Nobody,
    }
}
