//! How much is done in a period: what of a step counts, for whom, and how much room is left.
//!
//! Objects are counted, not steps: a step that touches ten counts ten. What it touches is told by its effects, so a number that is
//! not known counts as one, the least that it can be.

mod lately;

pub use lately::{Lately, Ticket};

use crate::domain::{
    effect::{Class, Effect, Effects, Place, Reach, Scope},
    name::RunbookName,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// The name under which everything is counted whose namespace is not known, or that touches all of them.
const ANY_NAMESPACE: &str = "*";

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Everything that changes something, by the minute.
    Changes,
    /// What is destructive, by the hour.
    Destructive,
}

impl Measure {
    const ALL: [Self; 2] = [Self::Changes, Self::Destructive];

    /// How far back it looks.
    pub fn period(self) -> SignedDuration {
        match self {
            Self::Changes => SignedDuration::from_mins(1),
            Self::Destructive => SignedDuration::from_hours(1),
        }
    }
    fn counts(self, class: Class) -> bool {
        match self {
            Self::Changes => class > Class::Read,
            Self::Destructive => class == Class::Destructive,
        }
    }
}

/// For whom is counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// Everything that the agent does.
    Agent,
    /// Of this runbook.
    Runbook(RunbookName),
    /// On this target.
    Target(String),
    /// In this namespace of a target.
    Namespace {
        /// The target.
        target: String,
        /// The namespace.
        name: String,
    },
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent => f.write_str("everywhere"),
            Self::Runbook(name) => write!(f, "by runbook {name}"),
            Self::Target(target) => write!(f, "on {target}"),
            Self::Namespace { target, name } if name == ANY_NAMESPACE => {
                write!(f, "across namespaces of {target}")
            }
            Self::Namespace { target, name } => write!(f, "in namespace {name} of {target}"),
        }
    }
}

/// The most that may be touched, for one of whom is counted. Nothing stands for no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Most {
    /// Objects changed per minute.
    pub changes_per_minute: Option<u32>,
    /// Objects destroyed per hour.
    pub destructive_per_hour: Option<u32>,
}

impl Most {
    /// The smaller of both, each.
    #[must_use]
    pub fn tightened(self, by: Self) -> Self {
        let smaller = |one: Option<u32>, two: Option<u32>| match (one, two) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        Self {
            changes_per_minute: smaller(self.changes_per_minute, by.changes_per_minute),
            destructive_per_hour: smaller(self.destructive_per_hour, by.destructive_per_hour),
        }
    }
    fn of(self, measure: Measure) -> Option<u32> {
        match measure {
            Measure::Changes => self.changes_per_minute,
            Measure::Destructive => self.destructive_per_hour,
        }
    }
}

/// All limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// For everything that the agent does.
    pub agent: Most,
    /// For each runbook.
    pub per_runbook: Most,
    /// For each target: a cluster, the host, the agent itself, a host of the network.
    pub per_target: Most,
    /// For each namespace.
    pub per_namespace: Most,
}

impl Limits {
    /// The smaller of both, each.
    #[must_use]
    pub fn tightened(self, by: Self) -> Self {
        Self {
            agent: self.agent.tightened(by.agent),
            per_runbook: self.per_runbook.tightened(by.per_runbook),
            per_target: self.per_target.tightened(by.per_target),
            per_namespace: self.per_namespace.tightened(by.per_namespace),
        }
    }
    fn most(&self, measure: Measure, whose: &Whose) -> Option<u32> {
        let most = match whose {
            Whose::Agent => self.agent,
            Whose::Runbook(_) => self.per_runbook,
            Whose::Target(_) => self.per_target,
            Whose::Namespace { .. } => self.per_namespace,
        };
        most.of(measure)
    }
}

/// Objects of one class in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touched {
    /// How grave.
    pub class: Class,
    /// `cluster default`, `host`, `agent`, or a host of the network.
    pub target: String,
    /// In which namespace, where there are any; `*` where it is not known, or all of them.
    pub namespace: Option<String>,
    /// How many; at least one.
    pub objects: u32,
}

/// What of these effects counts.
pub fn touched(effects: &Effects) -> Vec<Touched> {
    let mut sums: BTreeMap<(Class, String, Option<String>), u32> = BTreeMap::new();
    let counted = effects.items.iter();
    for effect in counted.filter(|effect| effect.class() > Class::Read) {
        let (target, namespace) = (target(&effect.object.place), namespace(effect));
        let sum = sums.entry((effect.class(), target, namespace)).or_default();
        *sum = sum.saturating_add(objects(effect.reach));
    }
    let touched = sums
        .into_iter()
        .map(|((class, target, namespace), objects)| Touched {
            class,
            target,
            namespace,
            objects,
        });
    touched.collect()
}

fn objects(reach: Reach) -> u32 {
    match reach {
        Reach::Exactly(count) | Reach::AtMost(count) => count.max(1),
        Reach::Unknown => 1,
    }
}

fn target(place: &Place) -> String {
    match place {
        Place::Agent => "the agent".to_owned(),
        Place::Host => "the host".to_owned(),
        Place::Cluster(name) => format!("cluster {name}"),
        Place::Network(host) => host.clone(),
    }
}

fn namespace(effect: &Effect) -> Option<String> {
    match &effect.object.scope {
        Scope::Namespace(name) => Some(name.clone()),
        Scope::AllNamespaces | Scope::Unknown => Some(ANY_NAMESPACE.to_owned()),
        Scope::NotApplicable | Scope::ClusterScoped => None,
    }
}

/// One limit. One that was lowered or raised is another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// What is counted.
    pub measure: Measure,
    /// For whom.
    pub whose: Whose,
    /// The limit.
    pub most: u32,
}

/// How full one limit is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What is counted.
    pub measure: Measure,
    /// For whom.
    pub whose: Whose,
    /// The limit.
    pub most: u32,
    /// What was done in the period.
    pub done: u64,
    /// What the step would add.
    pub adds: u64,
    /// When there is room again, if waiting makes room.
    pub free_at: Option<Timestamp>,
}

/// How much room a step finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// It fits.
    Enough,
    /// Some is left, but less than the step needs.
    TooLittle,
    /// None is left.
    None,
}

impl Standing {
    /// Which limit it is.
    pub fn limit(&self) -> Limit {
        Limit {
            measure: self.measure,
            whose: self.whose.clone(),
            most: self.most,
        }
    }
    /// How much room the step finds.
    pub fn room(&self) -> Room {
        let most = u64::from(self.most);
        if self.done >= most {
            Room::None
        } else if self.done + self.adds > most {
            Room::TooLittle
        } else {
            Room::Enough
        }
    }
}

#[cfg(test)]
mod tests;
