//! Some time before a due time → people are asked about it, and asked anew when what they were asked about changes.

use super::{Key, Known, Scheduler, settle::occurrence};
use crate::{
    domain::{approval::Ahead, name::RunbookName, runbook::Runbook, span::Span},
    flow::{
        FlowError,
        approve::ahead::{ask, opens, take_back},
        start::is_in_the_way,
        world::{AskedAhead, InUse, World, held},
    },
    history::ApprovalFilter,
};
use jiff::Timestamp;
use std::sync::Arc;

/// What the last look at a due time was based on; another look is needed only when one of it has changed.
#[derive(Debug)]
pub(super) struct Looked {
    nominal: Timestamp,
    in_use: Arc<InUse>,
    suspended: bool,
    /// Whether another run was in its way.
    busy: bool,
    jumps: u64,
    /// When the next of the runbook's steps is asked about.
    next: Option<Timestamp>,
}

impl Scheduler {
    /// The triggers of whose due times people were asked before this start: should nobody be asked about them any more, that is noticed.
    pub(super) async fn load_ahead(&mut self, world: &World) -> Result<(), FlowError> {
        let filter = ApprovalFilter {
            open_at: Some(world.now()),
            limit: usize::MAX,
            ..ApprovalFilter::default()
        };
        let open = world.history.approvals(filter).await;
        let open = open
            .map_err(|error| FlowError::unreadable("looking for questions asked ahead", &error))?;
        for ahead in open.into_iter().filter_map(|case| case.request.ahead) {
            let due = ahead.occurrence;
            self.early
                .insert((due.runbook, due.trigger.into()), Span::default());
        }
        Ok(())
    }

    /// Notes whether people are asked ahead of this trigger's due times.
    pub(super) async fn note_ahead(&mut self, world: &World, key: &Key) -> Result<(), FlowError> {
        let in_use = world.in_use();
        let found = in_use.set.runbook(&key.0);
        match found.and_then(|found| longest(&found.runbook)) {
            Some(early) => {
                self.early.insert(key.clone(), early);
            }
            None if self.early.contains_key(key) => self.end_ahead(world, key).await?,
            None => {}
        }
        Ok(())
    }

    /// Forgets a trigger; whatever was asked ahead of its due times is moot.
    pub(super) async fn end_ahead(&mut self, world: &World, key: &Key) -> Result<(), FlowError> {
        self.early.remove(key);
        self.looked.remove(key);
        held(&world.ahead).remove(key);
        let reason = "the runbook does not ask ahead of this time any more";
        take_back(world, &key.0, &key.1, Timestamp::MAX, reason).await
    }

    /// Asks people about the due times whose time to be asked about has come.
    pub(super) async fn ask_ahead(
        &mut self,
        world: &Arc<World>,
        now: Timestamp,
    ) -> Result<(), FlowError> {
        for (key, early) in self.early.clone() {
            let known = self.triggers.get(&key);
            let Some(entry) = known.and_then(Known::entry) else {
                continue;
            };
            let ahead = Ahead {
                occurrence: occurrence(&key, entry.nominal),
                due: entry.due,
            };
            let from = opens(ahead.due, early);
            if from > now || ahead.due <= now {
                show(world, &key, from, &ahead, Vec::new());
            } else if !self.is_settled(world, &key, &ahead, now) {
                self.look_ahead(world, &key, &ahead).await?;
            }
        }
        Ok(())
    }

    fn is_settled(&self, world: &World, key: &Key, ahead: &Ahead, now: Timestamp) -> bool {
        self.looked.get(key).is_some_and(|looked| {
            looked.nominal == ahead.occurrence.nominal
                && Arc::ptr_eq(&looked.in_use, &world.in_use())
                && looked.suspended == world.suspended(&key.0, ahead.due).is_some()
                && looked.busy == is_busy(world, key)
                && looked.jumps == held(&world.clock_watch).jumps()
                && looked.next.is_none_or(|next| now < next)
        })
    }

    async fn look_ahead(
        &mut self,
        world: &Arc<World>,
        key: &Key,
        ahead: &Ahead,
    ) -> Result<(), FlowError> {
        let in_use = world.in_use();
        let suspended = world.suspended(&key.0, ahead.due);
        let jumps = held(&world.clock_watch).jumps();
        let busy = is_busy(world, key);
        let Some(found) = in_use.set.runbook(&key.0) else {
            return Ok(());
        };
        let asked = match &suspended {
            Some(reason) => {
                take_back(world, &key.0, &key.1, ahead.occurrence.nominal, reason).await?;
                Vec::new()
            }
            None => ask(world, found, ahead).await?,
        };
        let asked: Vec<_> = asked
            .iter()
            .map(|request| (request.step.step.clone(), request.id))
            .collect();
        let from = longest(&found.runbook).map_or(ahead.due, |early| opens(ahead.due, early));
        show(world, key, from, ahead, asked);
        let now = world.now();
        let times = found.runbook.steps.iter().filter_map(|step| step.ahead);
        let next = times
            .map(|early| opens(ahead.due, early))
            .filter(|at| *at > now)
            .min();
        let looked = Looked {
            nominal: ahead.occurrence.nominal,
            suspended: suspended.is_some(),
            busy,
            in_use,
            jumps,
            next,
        };
        self.looked.insert(key.clone(), looked);
        Ok(())
    }
}

/// Whether a run that is going on would keep the next one from starting.
fn is_busy(world: &World, key: &Key) -> bool {
    let in_use = world.in_use();
    let found = in_use.set.runbook(&key.0);
    found.is_some_and(|found| is_in_the_way(world, &found.runbook))
}

/// How long before a due time people are first asked about one of its steps.
fn longest(runbook: &Runbook) -> Option<Span> {
    runbook.steps.iter().filter_map(|step| step.ahead).max()
}

fn show(
    world: &World,
    key: &(RunbookName, Arc<str>),
    from: Timestamp,
    ahead: &Ahead,
    questions: Vec<(crate::domain::name::StepName, crate::domain::id::ApprovalId)>,
) {
    let asked = AskedAhead {
        nominal: ahead.occurrence.nominal,
        from,
        questions,
    };
    held(&world.ahead).insert(key.clone(), asked);
}
