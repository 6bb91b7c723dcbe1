//! What runbooks need of the agent's configuration: the secrets that their steps name, and the webhooks that start them. And what the
//! configuration keeps for runbooks that are not there: accounts in clusters.
//!
//! - Another set, or another configuration, is looked at when it comes into use: what is not configured is told as a problem, by an
//!   event, on a gauge, and in the state of the sync, until it is mended.
//! - A run is looked at once more before its first step. One whose secrets cannot all be had fails there, with nothing touched. A run
//!   that a step starts is looked at when it starts.

use crate::{
    domain::{
        active::ActiveRunbook,
        expression,
        name::{RunbookName, SecretName, WebhookName},
        runbook::{Runbook, Trigger},
        strangers::stranger,
    },
    flow::world::{World, held},
    ports::secrets::SecretError,
};
use std::collections::{BTreeMap, BTreeSet};

/// Why a run of this runbook could not do its work: a secret that cannot be had now.
pub(super) fn unmet(world: &World, runbook: &Runbook) -> Option<String> {
    let secrets = secrets_of(runbook);
    let lacking = secrets
        .iter()
        .find_map(|name| world.secrets.get(name).err());
    lacking.map(|error| error.to_string().replace("\nhint: ", "; hint: "))
}

/// Looks at these runbooks of the set in use, and tells what is new. Those that are gone lack nothing.
pub(super) fn look(world: &World, changed: &BTreeSet<RunbookName>) {
    let in_use = world.in_use();
    let environment = world.settings().environment.clone();
    let mut configured = Configured::new(world);
    let mut lacks = held(&world.lacks);
    let strangers = strangers(world);
    lacks.retain(|name, _| in_use.set.runbook(name).is_some() || strangers.contains_key(name));
    let named = strangers.keys().chain(changed);
    for name in named {
        let found = in_use.set.runbook(name);
        let here = found.filter(|found| found.runbook.applies_in(&environment));
        let lack = match strangers.get(name) {
            Some(told) => Some(told.clone()),
            None => here.and_then(|found| configured.lack_of(found)),
        };
        match lack {
            None => drop(lacks.remove(name)),
            Some(lack) => {
                if lacks.get(name) != Some(&lack) {
                    world.events.problem_found(&lack);
                }
                lacks.insert(name.clone(), lack);
            }
        }
    }
    let lacking = lacks.keys().filter(|name| !strangers.contains_key(*name));
    world.events.runbooks_lacking(lacking.count());
}

/// Accounts in clusters for runbooks that are not there, each with what is told of it. Before there is any set, nobody knows.
fn strangers(world: &World) -> BTreeMap<RunbookName, String> {
    let set = &world.in_use().set;
    let settings = world.settings();
    let known = || set.runbooks().map(|found| found.runbook.name.as_str());
    let is_unknown = |name: &RunbookName| {
        let is_there = set.runbook(name).is_some() || set.broken().contains_key(name);
        set.runbook_count() > 0 && !is_there
    };
    let strangers = settings
        .accounts
        .iter()
        .filter(|(_, name)| is_unknown(name));
    let told = |(cluster, name): &(String, RunbookName)| {
        let told = stranger(cluster, name, known()).replace("\nhint: ", "; hint: ");
        (name.clone(), told)
    };
    strangers.map(told).collect()
}

/// Every problem of that kind, each with its place.
pub(super) fn problems(world: &World) -> Vec<String> {
    held(&world.lacks).values().cloned().collect()
}

/// Which secrets the configuration names; each is asked for once.
struct Configured<'a> {
    world: &'a World,
    known: BTreeMap<SecretName, bool>,
}

impl<'a> Configured<'a> {
    fn new(world: &'a World) -> Self {
        Self {
            world,
            known: BTreeMap::new(),
        }
    }

    fn lack_of(&mut self, found: &ActiveRunbook) -> Option<String> {
        let mut secrets = secrets_of(&found.runbook);
        secrets.retain(|name| !self.names(name));
        let settings = self.world.settings();
        let webhooks = webhooks_of(&found.runbook)
            .filter(|name| !settings.webhooks.contains_key(name.as_str()));
        let lacking = [
            (
                listed(secrets.iter()),
                "secrets",
                "its runs fail until then",
            ),
            (
                listed(webhooks),
                "webhooks",
                "nothing starts it by them until then",
            ),
        ];
        let lacking: Vec<String> = lacking
            .into_iter()
            .filter(|(names, ..)| !names.is_empty())
            .map(|(names, what, consequence)| {
                format!("{what} that are not in the agent's configuration: {names} (add them under `{what}:`; {consequence})")
            })
            .collect();
        (!lacking.is_empty()).then(|| {
            let (file, line, name) = (&found.file, found.line, &found.runbook.name);
            let lacking = lacking.join(", and ");
            format!("{file}:{line}:1: the runbook `{name}` needs {lacking}")
        })
    }

    /// One that is named and cannot be read is told at the start, and may be there when it is needed.
    fn names(&mut self, name: &SecretName) -> bool {
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        let known = !matches!(self.world.secrets.get(name), Err(SecretError::Unknown(_)));
        self.known.insert(name.clone(), known);
        known
    }
}

fn listed(names: impl Iterator<Item = impl std::fmt::Display>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn webhooks_of(runbook: &Runbook) -> impl Iterator<Item = &WebhookName> {
    runbook.triggers.iter().filter_map(|trigger| match trigger {
        Trigger::Webhook { name } => Some(name),
        Trigger::Schedule { .. }
        | Trigger::Every { .. }
        | Trigger::Alert { .. }
        | Trigger::Agent { .. }
        | Trigger::After { .. } => None,
    })
}

/// The secrets that the steps name. A condition cannot name one.
fn secrets_of(runbook: &Runbook) -> BTreeSet<SecretName> {
    [&runbook.steps, &runbook.rollback, &runbook.finally]
        .into_iter()
        .flat_map(|steps| steps.iter())
        // Reading the arguments of every step of ten thousand runbooks would cost more than all else.
        .filter(|step| {
            step.with
                .as_str()
                .contains(expression::Root::Secret.as_str())
        })
        .flat_map(|step| expression::references(&step.with.value()).unwrap_or_default())
        .filter_map(|reference| reference.secret())
        .collect()
}
