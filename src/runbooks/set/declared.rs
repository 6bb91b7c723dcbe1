//! Names that the agent's configuration declares, not the repository.

use crate::{
    domain::{
        expression::{self, Root},
        runbook::{Runbook, Step, Trigger},
    },
    runbooks::set::{Set, Spot, Teller, all_steps},
};
use serde_json::Value;
use std::collections::BTreeSet;

/// The argument in which steps of any action name a cluster.
const CLUSTER: &str = "cluster";
/// Where steps of any action name a store of artifacts.
const STORE: &str = "/keep/store";
/// The action that tells people, and the argument that names the channel.
const NOTIFY: (&str, &str) = ("notify", "channel");

/// What the agent's configuration declares, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declared {
    /// `secrets`
    pub secrets: BTreeSet<String>,
    /// `channels`
    pub channels: BTreeSet<String>,
    /// `webhooks`
    pub webhooks: BTreeSet<String>,
    /// `clusters`
    pub clusters: BTreeSet<String>,
    /// `artifacts.stores`
    pub stores: BTreeSet<String>,
    /// Whether `artifacts.recipients` names anybody.
    pub recipients: bool,
}

impl Declared {
    pub(super) fn check(&self, set: &Set<'_>, runbook: &Runbook, tell: &mut Teller<'_>) {
        for trigger in &runbook.triggers {
            if let Trigger::Webhook { name } = trigger {
                let spot = || Spot::Webhook(name.as_str().to_owned());
                look_up(set, "webhook", name.as_str(), &self.webhooks, spot, tell);
            }
        }
        for step in all_steps(runbook) {
            self.check_step(set, step, tell);
        }
    }

    fn check_step(&self, set: &Set<'_>, step: &Step, tell: &mut Teller<'_>) {
        let arguments = step.with.value();
        let literal = |key: &str| {
            let text = arguments.get(key).and_then(Value::as_str);
            text.filter(|text| !expression::has_expression(text))
        };
        if let Some(name) = literal(NOTIFY.1).filter(|_| step.uses.as_str() == NOTIFY.0) {
            let spot = || Spot::argument(step, NOTIFY.1);
            look_up(set, "channel", name, &self.channels, spot, tell);
        }
        // The one of this name is there without being declared.
        if let Some(name) = literal(CLUSTER).filter(|name| *name != "default") {
            let spot = || Spot::argument(step, CLUSTER);
            look_up(set, "cluster", name, &self.clusters, spot, tell);
        }
        let store = arguments.pointer(STORE).and_then(Value::as_str);
        let store = store.filter(|text| !expression::has_expression(text));
        // The disk is there without being declared.
        if let Some(name) = store.filter(|name| *name != "disk") {
            let spot = || Spot::argument(step, STORE.trim_start_matches('/'));
            look_up(set, "store", name, &self.stores, spot, tell);
        }
        let seals = set.beside.seals.filter(|_| !self.recipients);
        if seals.is_some_and(|seals| seals(&step.uses, &arguments)) {
            let hint = "name public keys of age under `artifacts.recipients:`".to_owned();
            let what = "its artifact is always encrypted, and the agent's configuration names nobody to encrypt it for";
            tell.error(Spot::used(step), what.to_owned(), Some(hint));
        }
        for reference in expression::references(&arguments).unwrap_or_default() {
            if let (Root::Secret, Some(name)) = (reference.root, reference.path.first()) {
                let spot = || Spot::reference(step, "with", &reference);
                look_up(set, "secret", name, &self.secrets, spot, tell);
            }
        }
    }
}

fn look_up(
    set: &Set<'_>,
    what: &str,
    name: &str,
    known: &BTreeSet<String>,
    spot: impl FnOnce() -> Spot,
    tell: &mut Teller<'_>,
) {
    if known.contains(name) {
        return;
    }
    let hint = set.hint(name, known.iter().map(String::as_str));
    let hint = hint.unwrap_or_else(|| match what {
        "store" => "declare it under `artifacts.stores:`".to_owned(),
        what => format!("declare it under `{what}s:`"),
    });
    let what = format!("the agent's configuration has no {what} `{name}`");
    tell.error(spot(), what, Some(hint));
}
