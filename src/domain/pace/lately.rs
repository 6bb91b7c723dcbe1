//! What was done lately, counted for everybody it concerns.

use super::{Limits, Measure, Room, Standing, Touched, Whose};
use crate::domain::name::RunbookName;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What was done lately: as much of the past as the limits look back at. Looking and adding cost the same however much was done;
/// only the time at which there is room again is searched for, once a limit is reached.
#[derive(Debug, Clone, Default)]
pub struct Lately {
    pub(super) changes: Period,
    pub(super) destructive: Period,
    next: u64,
}

/// Something that was added, to be taken back should it not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket(u64);

#[derive(Debug, Clone, Default)]
pub(super) struct Period {
    log: VecDeque<Done>,
    pub(super) sums: BTreeMap<Whose, u64>,
}

#[derive(Debug, Clone)]
struct Done {
    ticket: u64,
    at: Timestamp,
    whose: BTreeSet<Whose>,
    objects: u64,
}

impl Lately {
    /// Counts what a step of this runbook touches from now on.
    pub fn add(&mut self, runbook: &RunbookName, touched: &[Touched], at: Timestamp) -> Ticket {
        self.forget(at);
        let ticket = self.next;
        self.next += 1;
        for measure in Measure::ALL {
            let counted = touched.iter().filter(|one| measure.counts(one.class));
            for one in counted {
                self.period(measure).add(Done {
                    ticket,
                    at,
                    whose: whose(runbook, one),
                    objects: u64::from(one.objects),
                });
            }
        }
        Ticket(ticket)
    }

    /// It did not happen.
    pub fn take_back(&mut self, ticket: Ticket) {
        for measure in Measure::ALL {
            self.period(measure).take_back(ticket.0);
        }
    }

    /// How full each limit is that a step of this runbook would add to.
    pub fn standings(
        &mut self,
        limits: &Limits,
        runbook: &RunbookName,
        touched: &[Touched],
        now: Timestamp,
    ) -> Vec<Standing> {
        self.forget(now);
        let mut standings = Vec::new();
        for measure in Measure::ALL {
            let mut adds: BTreeMap<Whose, u64> = BTreeMap::new();
            for one in touched.iter().filter(|one| measure.counts(one.class)) {
                for whose in whose(runbook, one) {
                    *adds.entry(whose).or_default() += u64::from(one.objects);
                }
            }
            let period = self.period(measure);
            for (whose, adds) in adds {
                let most = limits.most(measure, &whose);
                standings
                    .extend(most.map(|most| period.standing(measure, whose.clone(), most, adds)));
            }
        }
        standings
    }

    fn period(&mut self, measure: Measure) -> &mut Period {
        match measure {
            Measure::Changes => &mut self.changes,
            Measure::Destructive => &mut self.destructive,
        }
    }

    fn forget(&mut self, now: Timestamp) {
        for measure in Measure::ALL {
            let since = now.saturating_sub(measure.period());
            let until = now.saturating_add(measure.period());
            self.period(measure).forget(
                since.unwrap_or(Timestamp::MIN),
                until.unwrap_or(Timestamp::MAX),
            );
        }
    }
}

impl Period {
    fn add(&mut self, done: Done) {
        for whose in &done.whose {
            *self.sums.entry(whose.clone()).or_default() += done.objects;
        }
        self.log.push_back(done);
    }

    fn take_back(&mut self, ticket: u64) {
        while let Some(index) = self.log.iter().rposition(|done| done.ticket == ticket) {
            let done = self.log.remove(index);
            self.subtract(done.as_ref());
        }
    }

    /// What lies far ahead was done by a clock that has been set back since; it must not count for ever.
    fn forget(&mut self, since: Timestamp, until: Timestamp) {
        let is_over = |done: &Done| done.at < since || done.at > until;
        while self.log.front().is_some_and(is_over) {
            let done = self.log.pop_front();
            self.subtract(done.as_ref());
        }
    }

    fn subtract(&mut self, done: Option<&Done>) {
        for whose in done.iter().flat_map(|done| &done.whose) {
            if let Some(sum) = self.sums.get_mut(whose) {
                *sum = sum.saturating_sub(done.map_or(0, |done| done.objects));
                if *sum == 0 {
                    self.sums.remove(whose);
                }
            }
        }
    }

    fn standing(&self, measure: Measure, whose: Whose, most: u32, adds: u64) -> Standing {
        let mut standing = Standing {
            measure,
            most,
            done: self.sums.get(&whose).copied().unwrap_or(0),
            adds,
            whose,
            free_at: None,
        };
        if standing.room() != Room::Enough {
            standing.free_at = self.free_at(&standing);
        }
        standing
    }

    /// When so much is past that the step fits; one that is larger than the limit itself waits until some room is left.
    fn free_at(&self, standing: &Standing) -> Option<Timestamp> {
        let most = u64::from(standing.most);
        let wanted = match most.checked_sub(standing.adds) {
            Some(wanted) => wanted,
            None => most.checked_sub(1)?,
        };
        let mut left = standing.done;
        for done in &self.log {
            if left <= wanted {
                break;
            }
            if done.whose.contains(&standing.whose) {
                left = left.saturating_sub(done.objects);
                if left <= wanted {
                    // Just after it: what is exactly a period old still counts.
                    let past = standing.measure.period() + SignedDuration::from_millis(1);
                    return done.at.checked_add(past).ok();
                }
            }
        }
        None
    }
}

fn whose(runbook: &RunbookName, touched: &Touched) -> BTreeSet<Whose> {
    let target = &touched.target;
    let namespace = touched.namespace.as_ref().map(|name| Whose::Namespace {
        target: target.clone(),
        name: name.clone(),
    });
    let always = [
        Whose::Agent,
        Whose::Runbook(runbook.clone()),
        Whose::Target(target.clone()),
    ];
    always.into_iter().chain(namespace).collect()
}
