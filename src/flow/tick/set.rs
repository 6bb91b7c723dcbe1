//! Another set in use → its triggers are looked for, those of the one before are not.
//!
//! Only the runbooks that changed are looked at: one among ten thousand costs one.

use super::{
    Key, Known, Next, Scheduler, Timed, missed_arrivals, publish,
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
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// After so many changes what they left in memory is tidied.
const MANY: usize = 1000;

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
                        next: Next::Unknown(None),
                    }
                });
                let alive = match &mut known.next {
                    // Only timing may differ: the key is the trigger's meaning.
                    Next::Entry(entry) => {
                        entry.timed = timed;
                        continue;
                    }
                    Next::Unknown(settled) => settled.map_or(alive, |settled| alive.max(settled)),
                };
                let active_since = known.active_since;
                arrivals.extend(self.enter(world, &key, timed, active_since, alive));
            }
        }
        if !writes.is_empty() {
            world.write("the triggers in use", writes).await?;
        }
        settle_all(world, arrivals, now).await?;
        if changed.len() >= MANY {
            self.tidy(world).await;
        }
        Ok(changed)
    }

    /// Takes less room after many changes.
    async fn tidy(&mut self, world: &World) {
        pack(&mut self.triggers);
        pack(&mut held(&world.upcoming));
        // Where it cannot give anything back, it only takes more room.
        let _kept = world.history.shrink().await;
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
        let next = known.map(|known| std::mem::replace(&mut known.next, Next::Unknown(None)));
        if let Some(Next::Entry(entry)) = next {
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
        let from = alive.max(active_since);
        let arrivals = missed_arrivals(world, (&timed, active_since), key, from, now);
        self.set_next(world, key, timed, now);
        arrivals
    }
}

/// A tree that was filled in order is half empty; collected anew, it is full.
fn pack<K: Ord, V>(tree: &mut BTreeMap<K, V>) {
    *tree = std::mem::take(tree).into_iter().collect();
}

/// Every timed trigger of a runbook, if it is in use here.
fn wanted(world: &World, runbook: &RunbookName) -> Vec<(Key, Timed)> {
    let in_use = world.in_use();
    let environment = world.settings().environment.clone();
    let found = in_use.set.runbook(runbook);
    let Some(found) = found.filter(|found| found.runbook.applies_in(&environment)) else {
        return Vec::new();
    };
    let timed = |(place, trigger): (usize, &Trigger)| {
        trigger.timing()?;
        let timed = Timed {
            runbook: Arc::clone(&found.runbook),
            place,
        };
        Some(((runbook.clone(), trigger.key().into()), timed))
    };
    let triggers = found.runbook.triggers.iter().enumerate();
    triggers.filter_map(timed).collect()
}
