//! A reviewer with everything around it, and the steps that it looks at.

use super::fake::{KEY, OneKey, QuickClock, Wire};
use jiff::Timestamp;
use orderly::{
    domain::{
        audit::Record,
        calendar::WindowState,
        digest::Digest,
        effect::{Effect, Effects, Object, Verb},
        gate::{Contribution, Decision, Quorum},
        id::RunId,
        plan::PlannedStep,
        policy::Policy,
        runbook::Phase,
        span::Span,
        spending::{Budget, Cost, Spending},
    },
    flow::review::{AiReviewer, Desk, Provider, Rules},
    gate::{Circumstances, Judgement, judge, review::verdict::OnBlock},
    history::{AuditFilter, History},
    ports::clock::Clock as _,
    telemetry::{Build, Events},
};
use serde_json::json;
use std::{collections::BTreeSet, sync::Arc};

pub(super) fn change() -> Effects {
    let file = Object::host("file", "/srv/banner");
    Effects::exact(vec![Effect::change(
        Verb::FileWrite,
        file,
        "write the old one back",
    )])
}

pub(super) fn destruction() -> Effects {
    Effects::exact(vec![Effect::destructive(
        Verb::FileDelete,
        Object::host("file", "/srv/data"),
    )])
}

pub(super) fn step(effects: Effects) -> PlannedStep {
    PlannedStep {
        runbook: "book".parse().unwrap(),
        revision: "0".repeat(40),
        definition: Digest::of_bytes(b""),
        run: RunId::new(Timestamp::UNIX_EPOCH, [0; 10]),
        phase: Phase::Main,
        step: "one".parse().unwrap(),
        attempt: 1,
        uses: "command".parse().unwrap(),
        arguments: json!({ "argv": ["secret-argument"] }),
        timeout: Span::from_secs(60),
        effects,
        idempotent: false,
        policy: Policy::default().digest(),
        pinned: orderly::domain::pinned::Pinned::default(),
    }
}

pub(super) fn facts(clock: &QuickClock) -> Circumstances {
    Circumstances {
        halted: None,
        circuit: None,
        trial: None,
        now: clock.now(),
        window: WindowState::Open { closes: None },
        window_override: None,
        standings: Vec::new(),
        consented: None,
        jumped: None,
        backups: Vec::new(),
        manual: false,
        uncertain: false,
        wish: None,
        purpose: format!("Say hello. The key is {KEY}."),
        foreign: Vec::new(),
        reviewed: None,
    }
}

pub(super) fn rules() -> Rules {
    Rules {
        budget: Budget {
            limit: Spending {
                tokens: 1_000_000,
                cost: Cost::from_dollars(100.0).unwrap(),
            },
            warn_percent: 75,
            share_percent: 100,
        },
        canary_every: 0,
        cache_ttl: Span::from_secs(86_400),
        on_block: OnBlock::Ask,
        proceed_if_exact: BTreeSet::new(),
    }
}

/// A reviewer, and everything that can be seen of it.
pub(super) struct Stage {
    pub(super) reviewer: AiReviewer,
    pub(super) history: History,
    pub(super) events: Events,
    pub(super) clock: Arc<QuickClock>,
}

impl Stage {
    pub(super) fn new(providers: Vec<Provider>) -> Self {
        Self::by(rules(), providers)
    }

    pub(super) fn by(rules: Rules, providers: Vec<Provider>) -> Self {
        let (history, clock) = (History::temporary().unwrap(), QuickClock::new());
        let events = Events::new(Build {
            version: "0",
            revision: "",
        });
        let desk = Desk {
            history: history.clone(),
            events: events.clone(),
            clock: clock.clone(),
            secrets: Arc::new(OneKey),
        };
        let reviewer = AiReviewer::new(desk, rules, providers);
        Self {
            reviewer,
            history,
            events,
            clock,
        }
    }

    pub(super) async fn judge(&self, effects: Effects) -> Judgement {
        let facts = facts(&self.clock);
        judge(&step(effects), &Policy::default(), &facts, &self.reviewer).await
    }

    pub(super) async fn decides(&self, effects: Effects) -> Decision {
        self.judge(effects).await.decision
    }

    /// What the reviewer said.
    pub(super) async fn says(&self, effects: Effects) -> Contribution {
        let judged = self.judge(effects).await;
        let mut said = judged
            .contributions
            .into_iter()
            .filter(|said| said.stage == Self::REVIEW);
        let one = said.next().unwrap();
        assert_eq!(said.next(), None);
        one
    }

    pub(super) const REVIEW: orderly::domain::gate::Stage = orderly::domain::gate::Stage::Review;

    /// The audit log, oldest first, canaries left out.
    pub(super) async fn audit(&self) -> Vec<Record> {
        let mut records = self.history.audit(AuditFilter::default()).await.unwrap();
        records.retain(|record| record.entry.details.get("canary").is_none());
        records.reverse();
        records
    }

    pub(super) async fn tokens(&self) -> u64 {
        let month = self.history.ai_spending(self.clock.now()).await.unwrap();
        month.spent.tokens
    }

    /// The value of a series, as it is written.
    pub(super) fn metric(&self, series: &str) -> String {
        let text = self.events.render(self.clock.now());
        let line = text.lines().find(|line| line.starts_with(series));
        let value = line.and_then(|line| line.rsplit(' ').next());
        value.unwrap_or_default().to_owned()
    }
}

pub(super) fn asks(people: u32) -> Decision {
    Decision::Approve(Quorum::of(people))
}

/// A provider that nobody answers for.
pub(super) fn unreachable() -> orderly::config::ProviderConfig {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = format!("http://{}", listener.local_addr().unwrap());
    serde_json::from_value(Wire::OpenAi.config(&closed)).unwrap()
}
