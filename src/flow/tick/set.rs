//! Another set in use → its triggers are looked for, those of the one before are not.
//!
//! Only the runbooks that changed are looked at: one among ten thousand costs one.

use super::{
    Entry, Key, Known, Scheduler, Timed, missed_arrivals, publish,
    settle::{Arrival, settle_all},
};
use crate::{
    domain::{name::RunbookName, runbook::Trigger},
    flow::{
        FlowError, view,
        world::{World, held, triggers_of},
    },
    history::Write,
};
use jiff::Timestamp;
use std::{collections::BTreeSet, sync::Arc};

impl Scheduler {
    /// Takes over the set in use: new triggers count from now, gone ones are forgotten, unchanged ones keep their times. Gives the
    /// runbooks that were looked at.
    ///
    /// # Errors
    /// The history cannot be written.
    pub async fn take_set(
        &mut self,
        world: &Arc<World>,
    ) -> Result<BTreeSet<RunbookName>, FlowError> {
        let now = world.now();
        let changed = self.changed(world);
        view::tell_runbooks(world, &changed).await?;
        let alive = self.alive_before.take().unwrap_or(now);
        let (mut writes, mut arrivals) = (Vec::new(), Vec::new());
        for runbook in &changed {
            let wanted = wanted(world, runbook);
            let gone = self.forget_all_but(world, runbook, &wanted);
            for write in &gone {
                if let Write::TriggerGone { runbook, key } = write {
                    let key = (runbook.clone(), key.as_str().into());
                    self.end_ahead(world, &key).await?;
                }
            }
            writes.extend(gone);
            for (key, timed) in wanted {
                self.note_ahead(world, &key).await?;
                let known = self.triggers.entry(key.clone()).or_insert_with(|| {
                    writes.push(Write::Trigger {
                        runbook: key.0.clone(),
                        key: key.1.to_string(),
                        active_since: now,
                    });
                    Known {
                        active_since: now,
                        settled: None,
                        entry: None,
                    }
                });
                if let Some(entry) = &mut known.entry {
                    // Only timing may differ: the key is the trigger's meaning.
                    entry.timed = timed;
                    continue;
                }
                let alive = known.settled.map_or(alive, |settled| alive.max(settled));
                let active_since = known.active_since;
                arrivals.extend(self.enter(world, &key, timed, active_since, alive));
            }
        }
        if !writes.is_empty() {
            world.write("the triggers in use", writes).await?;
        }
        settle_all(world, arrivals, now).await?;
        Ok(changed)
    }

    /// The runbooks to look at: those that changed since the last time; at first, all there are and all that were.
    fn changed(&mut self, world: &World) -> BTreeSet<RunbookName> {
        let mut changed = std::mem::take(&mut *held(&world.changed));
        if !std::mem::replace(&mut self.has_set, true) {
            let in_use = world.in_use();
            changed.extend(
                in_use
                    .set
                    .runbooks()
                    .map(|found| found.runbook.name.clone()),
            );
            changed.extend(self.triggers.keys().map(|key| key.0.clone()));
            changed.extend(held(&world.upcoming).keys().map(|key| key.0.clone()));
        }
        changed
    }

    /// Forgets the runbook's triggers that are not wanted any more.
    fn forget_all_but(
        &mut self,
        world: &World,
        runbook: &RunbookName,
        wanted: &[(Key, Timed)],
    ) -> Vec<Write> {
        let is_gone = |key: &&Key| !wanted.iter().any(|(wanted, _)| wanted == *key);
        let shown: Vec<Key> = triggers_of(&held(&world.upcoming), runbook)
            .map(|(key, _)| key)
            .filter(is_gone)
            .cloned()
            .collect();
        for key in shown {
            self.forget(world, &key);
        }
        let known: Vec<Key> = triggers_of(&self.triggers, runbook)
            .map(|(key, _)| key)
            .filter(is_gone)
            .cloned()
            .collect();
        let mut writes = Vec::new();
        for key in known {
            self.triggers.remove(&key);
            writes.push(Write::TriggerGone {
                runbook: key.0,
                key: key.1.to_string(),
            });
        }
        writes
    }

    pub(super) fn forget(&mut self, world: &World, key: &Key) {
        let known = self.triggers.get_mut(key);
        if let Some(entry) = known.and_then(|known| known.entry.take()) {
            self.queue.remove(&(entry.due, key.clone()));
        }
        publish(world, key, None);
    }

    /// A trigger that is new to this process. What it missed between `alive` and now is decided about at once.
    fn enter(
        &mut self,
        world: &World,
        key: &Key,
        timed: Timed,
        active_since: Timestamp,
        alive: Timestamp,
    ) -> Vec<Arrival> {
        let now = world.now();
        let entry = Entry {
            timed,
            active_since,
            nominal: active_since,
            due: active_since,
        };
        let arrivals = missed_arrivals(world, &entry, key, alive.max(active_since), now);
        self.set_next(world, key, entry, now);
        arrivals
    }
}

/// Every timed trigger of a runbook, if it is in use here.
fn wanted(world: &World, runbook: &RunbookName) -> Vec<(Key, Timed)> {
    let in_use = world.in_use();
    let environment = world.settings().environment.clone();
    let found = in_use.set.runbook(runbook);
    let Some(found) = found.filter(|found| found.runbook.applies_in(&environment)) else {
        return Vec::new();
    };
    let timed = |(place, trigger): (usize, &Trigger)| match trigger {
        Trigger::Schedule { timing, .. } | Trigger::Every { timing, .. } => {
            let key = (runbook.clone(), trigger.key().into());
            let timed = Timed {
                runbook: Arc::clone(&found.runbook),
                place,
                timing: *timing,
            };
            Some((key, timed))
        }
        Trigger::Webhook { .. }
        | Trigger::Alert { .. }
        | Trigger::Agent { .. }
        | Trigger::After { .. } => None,
    };
    found
        .runbook
        .triggers
        .iter()
        .enumerate()
        .filter_map(timed)
        .collect()
}
