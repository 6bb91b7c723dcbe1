//! Another set in use → its triggers are looked for, those of the one before are not.
//!
//! Only the runbooks that changed are looked at: one among ten thousand costs one.

use super::{
    Entry, Key, Scheduler, missed_arrivals, publish,
    settle::{Arrival, settle_all},
};
use crate::{
    domain::{
        name::RunbookName,
        runbook::{Timing, Trigger},
    },
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
            for (key, trigger, timing) in wanted {
                let known = self.known.get(&key).copied();
                if known.is_none() {
                    self.known.insert(key.clone(), (now, None));
                    writes.push(Write::Trigger {
                        runbook: key.0.clone(),
                        key: key.1.to_string(),
                        active_since: now,
                    });
                }
                let (active_since, settled) = known.unwrap_or((now, None));
                let alive = settled.map_or(alive, |settled| alive.max(settled));
                self.note_ahead(world, &key).await?;
                arrivals.extend(self.enter(world, &key, (trigger, timing), active_since, alive));
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
            changed.extend(self.known.keys().map(|key| key.0.clone()));
            changed.extend(held(&world.upcoming).keys().map(|key| key.0.clone()));
        }
        changed
    }

    /// Forgets the runbook's triggers that are not wanted any more.
    fn forget_all_but(
        &mut self,
        world: &World,
        runbook: &RunbookName,
        wanted: &[(Key, Trigger, Timing)],
    ) -> Vec<Write> {
        let is_gone = |key: &&Key| !wanted.iter().any(|(wanted, ..)| wanted == *key);
        let shown: Vec<Key> = triggers_of(&held(&world.upcoming), runbook)
            .map(|(key, _)| key)
            .filter(is_gone)
            .cloned()
            .collect();
        for key in shown {
            self.forget(world, &key);
        }
        let known: Vec<Key> = triggers_of(&self.known, runbook)
            .map(|(key, _)| key)
            .filter(is_gone)
            .cloned()
            .collect();
        let mut writes = Vec::new();
        for key in known {
            self.known.remove(&key);
            writes.push(Write::TriggerGone {
                runbook: key.0,
                key: key.1.to_string(),
            });
        }
        writes
    }

    pub(super) fn forget(&mut self, world: &World, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.queue.remove(&(entry.due, key.clone()));
        }
        publish(world, key, None);
    }

    /// A trigger that is new to this process. What it missed between `alive` and now is decided about at once.
    fn enter(
        &mut self,
        world: &World,
        key: &Key,
        (trigger, timing): (Trigger, Timing),
        active_since: Timestamp,
        alive: Timestamp,
    ) -> Vec<Arrival> {
        if let Some(entry) = self.entries.get_mut(key) {
            // Only timing may differ: the key is the trigger's meaning.
            entry.timing = timing;
            return Vec::new();
        }
        let now = world.now();
        let entry = Entry {
            trigger,
            timing,
            active_since,
            nominal: active_since,
            due: active_since,
        };
        let arrivals = missed_arrivals(&entry, key, alive.max(active_since), now);
        self.set_next(world, key, entry, now);
        arrivals
    }
}

/// Every timed trigger of a runbook, if it is in use here.
fn wanted(world: &World, runbook: &RunbookName) -> Vec<(Key, Trigger, Timing)> {
    let in_use = world.in_use();
    let environment = world.settings().environment.clone();
    let found = in_use.set.runbook(runbook);
    let here = found.filter(|found| found.runbook.applies_in(&environment));
    let triggers = here.into_iter().flat_map(|found| &found.runbook.triggers);
    let timed = |trigger: &Trigger| match trigger {
        Trigger::Schedule { timing, .. } | Trigger::Every { timing, .. } => {
            let key = (runbook.clone(), trigger.key().into());
            Some((key, trigger.clone(), *timing))
        }
        Trigger::Webhook { .. }
        | Trigger::Alert { .. }
        | Trigger::Agent { .. }
        | Trigger::After { .. } => None,
    };
    triggers.filter_map(timed).collect()
}
