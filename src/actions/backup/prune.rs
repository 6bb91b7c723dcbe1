//! `backup/prune`.

use crate::{
    actions::{
        backup::{
            Removed, lost, report_error,
            retention::{Fate, Retention, blocked},
        },
        framework::{Action, NOTHING_JUDGED, World, nothing, outputs},
    },
    domain::{
        check::CheckStatus,
        effect::{Class, Effect, Effects, Object, Reversible, Tri, Verb},
        id::ArtifactId,
        name::{ArtifactName, RunbookName, StoreName},
        run::StepReport,
        span::Span,
    },
    ports::{
        BoxFuture,
        executor::{Intent, LogStream, Session, StepContext},
        shelf::Known,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Removes artifacts of a series that no rule keeps.
#[derive(Debug, Clone, Copy)]
pub struct BackupPrune;

/// What `backup/prune` is told.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PruneInputs {
    /// The name of the backup.
    #[schemars(
        with = "String",
        regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
    )]
    pub name: ArtifactName,
    /// The runbook that makes it; this one where none is named.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub runbook: Option<RunbookName>,
    /// What stays.
    pub retain: Retention,
    /// Nothing is removed unless the newest is younger than this, and neither unsound nor doubted.
    pub within: Span,
    /// So many of the last verified stay, whatever `retain` says.
    #[serde(default = "one")]
    pub keep_verified: u32,
    /// No more than this many are removed at a time, the oldest first; for where policy limits how much may be destroyed in an hour.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub at_most: Option<u32>,
}

fn one() -> u32 {
    1
}

/// What `backup/prune` leaves for later steps.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PruneOutputs {
    /// What was removed.
    pub removed: Vec<Removed>,
    /// How many are still there.
    pub kept: u64,
    /// Bytes that are free now.
    pub freed_bytes: u64,
    /// Why nothing was removed, where something stood in the way.
    pub blocked: Option<String>,
}

/// What becomes of a series.
#[derive(Debug)]
struct Plan {
    /// Newest first.
    series: Vec<(Known, Fate)>,
    blocked: Option<String>,
    /// Those that were recorded as lost and are there again.
    again: Vec<ArtifactId>,
}

impl PruneInputs {
    async fn plan(&self, context: &StepContext, world: &World) -> Result<Plan, String> {
        let runbook = self.runbook.as_ref().unwrap_or(&context.runbook);
        let series = world.shelf.series(runbook, &self.name).await?;
        let now = world.clock.now();
        // A misspelt name would else let a disk fill up in silence.
        let blocked = if series.is_empty() {
            Some(format!(
                "the runbook `{runbook}` has made no artifact `{}`\nhint: `orderly artifacts` lists what there is; `runbook` names the one that makes it",
                self.name
            ))
        } else {
            blocked(&series, self.within, now)
        };
        let fates = self.retain.fates(&series, self.keep_verified, now);
        let mut plan = Plan {
            series: series.into_iter().zip(fates).collect(),
            blocked,
            again: Vec::new(),
        };
        plan.look_again(world).await;
        plan.bound(self.at_most);
        if !plan.going().is_empty() {
            plan.blocked = plan.lost(self.keep_verified, world).await;
        }
        Ok(plan)
    }
}

impl Plan {
    /// What goes because it was recorded as lost is looked for once more: where it was looked for may have been another place then.
    async fn look_again(&mut self, world: &World) {
        for (known, fate) in &mut self.series {
            if matches!(fate, Fate::Stays(_)) || !lost::is_recorded(known) {
                continue;
            }
            let why = match world.archive.size(&known.location).await {
                Ok(Some(size)) if size == known.size => {
                    self.again.push(known.id);
                    format!(
                        "recorded as lost, and there again with its size\nhint: `orderly artifacts verify {}` finds out whether it is good",
                        known.id
                    )
                }
                // Gone, or another file in its place.
                Ok(_) => continue,
                Err(error) => {
                    format!(
                        "recorded as lost, and whether it is there again cannot be told: {error}"
                    )
                }
            };
            *fate = Fate::Stays(vec![why]);
        }
    }

    /// That some are there again, for the end of the step.
    fn told_again(&self) -> Option<String> {
        let first = self.again.first()?;
        let count = self.again.len();
        Some(format!(
            "{count} recorded as lost, and there again: not removed\nhint: see whether it is good with `orderly artifacts verify {first}`, and so for each; the step's log names them"
        ))
    }

    /// The oldest go first.
    fn bound(&mut self, most: Option<u32>) {
        let mut left = most.unwrap_or(u32::MAX);
        for (_, fate) in self.series.iter_mut().rev() {
            if matches!(fate, Fate::Stays(_)) {
                continue;
            }
            match left.checked_sub(1) {
                Some(fewer) => left = fewer,
                None => *fate = Fate::Stays(vec!["of the next time, by `atMost`".to_owned()]),
            }
        }
    }

    /// Which of those that must stay is not where it was kept: the others may be all there is then.
    async fn lost(&self, verified: u32, world: &World) -> Option<String> {
        for known in self.needed(verified) {
            let why = match world.archive.size(&known.location).await {
                Ok(Some(size)) if size == known.size => continue,
                Ok(Some(size)) => format!("has {size} bytes instead of {}", known.size),
                Ok(None) => "is not there".to_owned(),
                Err(error) => return Some(format!("whether {} is there: {error}", known.location)),
            };
            return Some(format!(
                "{} {why}, and it is one that is to stay\nhint: bring it back, or have it recorded as lost by `orderly artifacts verify {}`: it counts for no rule then",
                known.location, known.id
            ));
        }
        None
    }

    /// Those that the removal of others relies on: the newest of all, and of each store that loses any, its newest and so many of its last
    /// verified ones, at least one. One that is recorded as unsound is relied on by nobody.
    fn needed(&self, verified: u32) -> Vec<&Known> {
        let goes = |(known, fate): &(Known, Fate)| {
            matches!(fate, Fate::Goes(_)).then(|| known.location.store().cloned())
        };
        let losing: BTreeSet<Option<StoreName>> = self.series.iter().filter_map(goes).collect();
        let mut left: BTreeMap<Option<&StoreName>, u32> = BTreeMap::new();
        let mut needed = Vec::new();
        for (known, fate) in &self.series {
            let store = known.location.store();
            let is_first = left.is_empty();
            if known.unsound.is_some() || !(is_first || losing.contains(&store.cloned())) {
                continue;
            }
            let is_newest = !left.contains_key(&store);
            let left = left.entry(store).or_insert(verified.max(1));
            let is_verified = *left > 0 && is_good_and_verified(known, fate);
            *left -= u32::from(is_verified);
            if is_verified || is_newest {
                needed.push(known);
            }
        }
        needed
    }

    /// What goes, the oldest first.
    fn going(&self) -> Vec<(&Known, &str)> {
        if self.blocked.is_some() {
            return Vec::new();
        }
        let oldest_first = self.series.iter().rev();
        oldest_first
            .filter_map(|(known, fate)| match fate {
                Fate::Goes(why) => Some((known, why.as_str())),
                Fate::Stays(_) => None,
            })
            .collect()
    }

    fn effects(&self) -> Effects {
        let stores_with_a_verified_one: BTreeSet<Option<&StoreName>> = (self.series.iter())
            .filter(|(known, fate)| is_good_and_verified(known, fate))
            .map(|(known, _)| known.location.store())
            .collect();
        let going = self.going();
        let told = |(known, why): &(&Known, &str)| format!("{} goes: {why}", known.location);
        let standing = going.iter().map(told).collect();
        let effects = going.into_iter().map(|(known, _)| {
            let effect = removal(known);
            if stores_with_a_verified_one.contains(&known.location.store()) {
                // The data is where it was, a verified copy of it stays in the same store, and the next backup makes another: so policy may let it go by itself.
                Effect {
                    reversible: Reversible::Recreated,
                    data_loss: Tri::No,
                    ..effect
                }
            } else {
                effect
            }
        });
        Effects {
            standing,
            ..Effects::exact(effects.collect())
        }
    }

    /// Something stands in the way.
    fn in_vain(&self, words: &str) -> StepReport {
        let why = self.blocked.as_deref().unwrap_or_default();
        StepReport {
            check: Some(CheckStatus::Warning),
            ..StepReport::succeeded(format!("{words}: {why}"), serde_json::Value::Null)
        }
    }

    /// What becomes of each, and why.
    fn told(&self) -> String {
        let mut text = String::new();
        for (known, fate) in &self.series {
            let (word, why) = match (fate, &self.blocked) {
                (Fate::Stays(why), _) => ("stays", why.join(", ")),
                (Fate::Goes(why), None) => ("goes ", why.clone()),
                (Fate::Goes(why), Some(_)) => ("would go", why.clone()),
            };
            text.push_str(&format!("{word} {} {}: {why}\n", known.at, known.location));
        }
        if let Some(why) = &self.blocked {
            text.push_str(&format!("nothing is removed: {why}\n"));
        }
        text
    }
}

/// Whether it stays, and can be relied on: it was restored on trial, and nothing has spoken against it since.
fn is_good_and_verified(known: &Known, fate: &Fate) -> bool {
    let is_good = known.unsound.is_none() && known.doubt.is_none();
    is_good && known.verified.is_some() && matches!(fate, Fate::Stays(_))
}

fn removal(known: &Known) -> Effect {
    let artifact = Object::agent("artifact", &known.location.to_string());
    Effect::destructive(Verb::Delete, artifact)
}

impl Action for BackupPrune {
    type Inputs = PruneInputs;
    type Outputs = PruneOutputs;
    const NAME: &'static str = "backup/prune";
    const SUMMARY: &'static str = "Removes artifacts of a series that no rule keeps, never the newest or the last verified ones, and only after a fresh sound one.";

    fn validate(&self, inputs: &PruneInputs) -> Result<(), String> {
        inputs.retain.check()?;
        if inputs.within.is_zero() {
            return Err("in `with`, at `within`: must be more than 0".to_owned());
        }
        if inputs.at_most == Some(0) {
            return Err("in `with`, at `atMost`: must be at least 1".to_owned());
        }
        Ok(())
    }

    fn intend(&self, inputs: &PruneInputs, _: &StepContext) -> Result<Intent, String> {
        let series = Object::agent("artifacts", inputs.name.as_str());
        let reason = "which of them would go is known only to the history";
        Ok(Intent {
            effects: Effects::opaque(series, reason),
            // Whatever is gone already is recorded as removed.
            idempotent: true,
            ..nothing()
        })
    }

    fn foresee<'a>(
        &'a self,
        inputs: PruneInputs,
        context: &'a StepContext,
        world: &'a World,
        intent: Intent,
    ) -> BoxFuture<'a, Result<Intent, String>> {
        Box::pin(async move {
            let effects = match inputs.plan(context, world).await {
                Ok(plan) => plan.effects(),
                Err(why) => Effects::opaque(Object::agent("artifacts", inputs.name.as_str()), &why),
            };
            Ok(Intent { effects, ..intent })
        })
    }

    fn runs_dry(&self, _: Class) -> bool {
        true
    }

    fn execute<'a>(
        &'a self,
        inputs: PruneInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        self.execute_judged(inputs, &NOTHING_JUDGED, session, world)
    }

    fn execute_judged<'a>(
        &'a self,
        inputs: PruneInputs,
        judged: &'a Effects,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            match inputs.plan(&session.context, world).await {
                Ok(plan) if session.context.dry_run => would(plan, session),
                Ok(plan) => prune(&plan, judged, session, world).await,
                Err(why) => StepReport::failed(why, true),
            }
        })
    }
}

/// A dry run tells what becomes of each, and touches nothing.
fn would(plan: Plan, session: &Session) -> StepReport {
    if plan.blocked.is_some() {
        session.log.append(LogStream::Note, plan.told().as_bytes());
        let report = plan.in_vain("would remove nothing");
        return Done::default().under(&plan, report);
    }
    let going = plan.going().len();
    let plan = Plan {
        blocked: Some("this is a dry run".to_owned()),
        ..plan
    };
    session.log.append(LogStream::Note, plan.told().as_bytes());
    let report = StepReport::succeeded(format!("would remove {going}"), serde_json::Value::Null);
    Done::default().under(&plan, report)
}

async fn prune(plan: &Plan, judged: &Effects, session: &Session, world: &World) -> StepReport {
    session.log.append(LogStream::Note, plan.told().as_bytes());
    let was_judged = |known: &Known| {
        let object = removal(known).object;
        judged.items.iter().any(|effect| effect.object == object)
    };
    let mut done = Done::default();
    for (known, why) in plan.going() {
        if !was_judged(known) {
            continue;
        }
        if session.stop.is_cancelled() {
            let stopped = StepReport::canceled(format!("stopped; {}", done.in_words()));
            return done.under(plan, stopped);
        }
        match world.archive.remove(&known.location).await {
            Ok(was_there) => done.add(known, why, was_there),
            Err(error) => {
                let failed = report_error(&error);
                let summary = format!("{}; {}", failed.summary, done.in_words());
                return done.under(plan, StepReport { summary, ..failed });
            }
        }
    }
    let report = if plan.blocked.is_some() {
        plan.in_vain("nothing is removed")
    } else {
        StepReport::succeeded(done.in_words(), serde_json::Value::Null)
    };
    let report = match plan.told_again() {
        Some(again) => StepReport {
            check: Some(CheckStatus::Warning),
            summary: format!("{}; {again}", report.summary),
            ..report
        },
        None => report,
    };
    done.under(plan, report)
}

/// What was done so far.
#[derive(Debug, Default)]
struct Done {
    removed: Vec<Removed>,
    /// Bytes that are free by it: of what was still there.
    freed: u64,
}

impl Done {
    fn add(&mut self, known: &Known, why: &str, was_there: bool) {
        let why = if was_there {
            self.freed += known.size;
            why.to_owned()
        } else {
            format!("{why}; it was gone already")
        };
        self.removed.push(Removed {
            id: known.id,
            path: known.location.to_string(),
            size: known.size,
            why,
        });
    }

    fn in_words(&self) -> String {
        format!("{} removed, {} bytes freed", self.removed.len(), self.freed)
    }

    /// The report, with what was removed: also where it failed.
    fn under(self, plan: &Plan, report: StepReport) -> StepReport {
        let kept = plan.series.len().saturating_sub(self.removed.len());
        let outputs = outputs(&PruneOutputs {
            freed_bytes: self.freed,
            kept: u64::try_from(kept).unwrap_or(u64::MAX),
            removed: self.removed,
            blocked: plan.blocked.clone(),
        });
        StepReport { outputs, ..report }
    }
}

#[cfg(test)]
mod tests {
    use super::{BackupPrune, Fate, Plan, PruneInputs};
    use crate::{
        actions::{backup::retention::tests::known, framework::Action as _},
        domain::{
            artifact::Location,
            effect::{Class, Reversible, Tri},
        },
    };
    use serde_json::json;

    fn plan(verified: bool) -> Plan {
        let mut newest = known("2026-03-14T02:00:00Z");
        newest.verified = verified.then_some(newest.at);
        let goes = || Fate::Goes("no rule keeps it".into());
        Plan {
            series: vec![
                (newest, Fate::Stays(vec!["the newest".into()])),
                (known("2026-03-13T02:00:00Z"), goes()),
                (known("2026-03-12T02:00:00Z"), goes()),
            ],
            blocked: None,
            again: Vec::new(),
        }
    }

    /// On disk: the newest, a verified one, and one that goes. In a store: a newer one, verified where this says so.
    fn in_two_places(offsite_verified: bool, disk_verified: bool) -> Plan {
        let verified = |at: &str, verified: bool| {
            let mut one = known(at);
            one.verified = verified.then_some(one.at);
            one
        };
        let mut offsite = verified("2026-03-14T03:00:00Z", offsite_verified);
        offsite.location = Location::parse("offsite:nightly/x");
        let stays = || Fate::Stays(vec!["a rule".into()]);
        Plan {
            series: vec![
                (offsite, stays()),
                (known("2026-03-14T02:00:00Z"), stays()),
                (verified("2026-03-13T02:00:00Z", disk_verified), stays()),
                (known("2026-03-12T02:00:00Z"), Fate::Goes("no rule".into())),
            ],
            blocked: None,
            again: Vec::new(),
        }
    }

    #[test]
    fn those_of_each_store_are_looked_for_that_its_others_go_because_of() {
        let looked_for = |plan: &Plan, verified| -> Vec<String> {
            let needed = plan.needed(verified).into_iter();
            needed.map(|known| known.at.to_string()).collect()
        };
        let all = [
            "2026-03-14T03:00:00Z",
            "2026-03-14T02:00:00Z",
            "2026-03-13T02:00:00Z",
        ];
        for keep_verified in [0, 1, 2] {
            assert_eq!(looked_for(&in_two_places(true, true), keep_verified), all);
        }
        let mut lost = in_two_places(true, true);
        lost.series[1].0.unsound = Some("gone".into());
        assert_eq!(looked_for(&lost, 1), [all[0], all[2]]);
    }

    #[test]
    fn a_verified_one_of_another_store_preapproves_nothing() {
        for disk_verified in [true, false] {
            let effects = in_two_places(true, disk_verified).effects();
            let undoable = effects.items[0].reversible == Reversible::Recreated;
            assert_eq!(undoable, disk_verified);
        }
    }

    #[test]
    fn each_removal_is_an_effect_and_may_be_preapproved_only_where_a_verified_one_stays() {
        for verified in [true, false] {
            let effects = plan(verified).effects();
            assert_eq!(effects.items.len(), 2);
            assert_eq!(effects.class(), Class::Destructive);
            let lost = effects.items[0].data_loss;
            assert_eq!(lost, if verified { Tri::No } else { Tri::Yes });
            let oldest = &plan(verified).series[2].0.location;
            let goes = format!("{oldest} goes: no rule keeps it");
            assert_eq!(effects.standing[0], goes);
            let undoable = effects.items[0].reversible == Reversible::Recreated;
            assert_eq!(undoable, verified);
        }
    }

    #[test]
    fn the_oldest_go_first_and_no_more_than_are_wanted_at_a_time() {
        let mut plan = plan(true);
        plan.bound(Some(1));
        let going = plan.going();
        assert_eq!(going.len(), 1);
        assert_eq!(going[0].0.at.to_string(), "2026-03-12T02:00:00Z");
    }

    #[test]
    fn what_is_in_the_way_leaves_everything_where_it_is_and_is_told() {
        let blocked = Plan {
            blocked: Some("the newest is doubted: it shrank".into()),
            ..plan(true)
        };
        assert!(blocked.effects().items.is_empty());
        let told = blocked.told();
        assert!(told.contains("would go 2026-03-12"), "{told}");
        assert!(told.ends_with("nothing is removed: the newest is doubted: it shrank\n"));
    }

    #[test]
    fn rules_that_make_no_sense_are_refused() {
        for (value, words) in [
            (
                json!({ "name": "db", "retain": {}, "within": "26h" }),
                "name at least one",
            ),
            (
                json!({ "name": "db", "retain": { "last": 1 }, "within": "0s" }),
                "`within`",
            ),
            (
                json!({ "name": "db", "retain": { "last": 1 }, "within": "1d", "atMost": 0 }),
                "`atMost`",
            ),
        ] {
            let inputs: PruneInputs = serde_json::from_value(value).unwrap();
            let error = BackupPrune.validate(&inputs).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
