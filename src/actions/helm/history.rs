//! The revisions of a release, as helm tells them.

use crate::actions::helm::{
    inputs::Release,
    marks,
    program::{Call, Fault, Helm},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many revisions are asked for; helm itself keeps ten unless told otherwise.
const MOST: &str = "256";
/// The states that a release can be in that is there; `helm list` shows what it is asked for.
pub(super) const STATES: [&str; 5] = [
    "--deployed",
    "--failed",
    "--pending",
    "--uninstalling",
    "--uninstalled",
];

/// The state of a revision, in helm's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// In force.
    Deployed,
    /// Was in force before another one was.
    Superseded,
    /// Was not carried out to its end.
    Failed,
    /// Is being installed, or was when its helm was killed.
    PendingInstall,
    /// Is being upgraded to, or was.
    PendingUpgrade,
    /// Is being rolled back to, or was.
    PendingRollback,
    /// Is being removed, or was.
    Uninstalling,
    /// Was removed; only its history is left.
    Uninstalled,
    /// helm says another word.
    #[serde(other)]
    Unknown,
}

impl Status {
    /// Whether helm is at it, or was killed at it.
    pub(super) fn is_pending(self) -> bool {
        match self {
            Self::PendingInstall
            | Self::PendingUpgrade
            | Self::PendingRollback
            | Self::Uninstalling => true,
            Self::Deployed
            | Self::Superseded
            | Self::Failed
            | Self::Uninstalled
            | Self::Unknown => false,
        }
    }
    /// helm's word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Deployed => "deployed",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
            Self::PendingInstall => "pending-install",
            Self::PendingUpgrade => "pending-upgrade",
            Self::PendingRollback => "pending-rollback",
            Self::Uninstalling => "uninstalling",
            Self::Uninstalled => "uninstalled",
            Self::Unknown => "in an unknown state",
        }
    }
}

/// One revision.
#[expect(clippy::struct_field_names, reason = "as helm names them")]
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Revision {
    pub(super) revision: u32,
    /// When its state last changed (RFC 3339).
    pub(super) updated: String,
    pub(super) status: Status,
    /// `name-version`
    pub(super) chart: String,
    #[serde(default)]
    pub(super) app_version: String,
    #[serde(default)]
    pub(super) description: String,
    /// To which revision it rolled back, if it did.
    #[serde(default)]
    pub(super) rollback_revision: Option<u32>,
}

/// What helm writes of a revision that it did not carry out to its end. A rollback from there that fails marks it superseded all the same.
const UNDERWAY: [&str; 2] = ["Preparing upgrade", "Initial install underway"];
const FAILED: [&str; 3] = ["Upgrade \"", "Rollback \"", "Release \""];

impl Revision {
    /// Whether it was carried out to its end once.
    pub(super) fn was_good(&self) -> bool {
        match self.status {
            Status::Deployed => true,
            Status::Superseded => !self.had_failed(),
            Status::Failed
            | Status::PendingInstall
            | Status::PendingUpgrade
            | Status::PendingRollback
            | Status::Uninstalling
            | Status::Uninstalled
            | Status::Unknown => false,
        }
    }
    fn had_failed(&self) -> bool {
        let said = self.description.as_str();
        let failed = |begin: &&str| said.starts_with(*begin) && said.contains("\" failed");
        UNDERWAY.contains(&said) || FAILED.iter().any(failed)
    }
    /// Its state, for people.
    pub(super) fn state(&self) -> &'static str {
        match self.status {
            Status::Superseded if self.had_failed() => "superseded after it had failed",
            status => status.word(),
        }
    }
}

/// All revisions that helm has kept, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct History(Vec<Revision>);

impl History {
    /// The latest.
    pub(super) fn last(&self) -> Option<&Revision> {
        self.0.last()
    }
    /// What is in force before a revision of this number; otherwise the latest that was carried out to its end.
    pub(super) fn good_before(&self, number: u32) -> Option<&Revision> {
        self.deployed_before(number)
            .or_else(|| self.before(number).find(|known| known.was_good()))
    }
    /// What is in force before a revision of this number.
    pub(super) fn deployed_before(&self, number: u32) -> Option<&Revision> {
        let mut all = self.before(number);
        all.find(|known| known.status == Status::Deployed)
    }
    /// Those before a revision of this number, the latest first.
    pub(super) fn before(&self, number: u32) -> impl Iterator<Item = &Revision> {
        let all = self.0.iter().rev();
        all.filter(move |known| known.revision < number)
    }
    /// The revision that this one is a copy of; itself where nobody has rolled back to it.
    pub(super) fn origin(&self, known: &Revision) -> u32 {
        let mut origin = known;
        while let Some(earlier) = origin.rollback_revision.and_then(|number| self.of(number)) {
            if earlier.revision >= origin.revision {
                break;
            }
            origin = earlier;
        }
        origin.revision
    }
    /// The revision of this number.
    pub(super) fn of(&self, number: u32) -> Option<&Revision> {
        self.0.iter().find(|known| known.revision == number)
    }
    /// What is in force; where nothing is, the latest. That is what helm compares an upgrade with.
    pub(super) fn in_force(&self) -> Option<&Revision> {
        let mut latest = self.0.iter().rev();
        latest
            .find(|known| known.status == Status::Deployed)
            .or(self.last())
    }
    /// The number of the latest; 0 where there is none.
    pub(super) fn number(&self) -> u32 {
        self.last().map_or(0, |last| last.revision)
    }
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

impl Helm<'_> {
    /// The release's revisions; none where it is not there. Asked for by list first: of a release that is not there, helm only says so in
    /// words.
    pub(super) async fn history(&self) -> Result<History, Fault> {
        let Release { name, .. } = self.release;
        let filter = format!("^{}$", name.replace('.', "\\."));
        let list = Call::new(&["list", "--filter", &filter]).and(&STATES);
        let found: Vec<Name> = self.json(list).await?;
        if !found.iter().any(|found| found.name == name) {
            return Ok(History::default());
        }
        let all = Call::new(&["history", name, "--max", MOST]);
        let mut all: Vec<Revision> = self.json(all).await?;
        all.sort_by_key(|known| known.revision);
        Ok(History(all))
    }

    /// Whether a revision was made by this very step.
    pub(super) async fn is_ours(&self, known: &Revision) -> Result<bool, Fault> {
        if known.rollback_revision.is_some() {
            // Its labels are those of the revision that it goes back to.
            return Ok(marks::is_ours(&known.description, self.context));
        }
        let number = known.revision.to_string();
        let call = Call::new(&["get", "metadata", self.release.name, "--revision", &number]);
        let metadata: Metadata = self.json(call).await?;
        let label = metadata.labels.unwrap_or_default().remove(marks::LABEL);
        Ok(label.is_some_and(|label| label == marks::label(self.context)))
    }
}

#[cfg(test)]
mod tests {
    use super::{History, Revision, Status};
    use serde_json::json;

    fn history(states: &[&str]) -> History {
        let revision = |(index, status): (usize, &&str)| -> Revision {
            let known =
                json!({ "revision": index + 1, "updated": "", "status": status, "chart": "web-1" });
            serde_json::from_value(known).unwrap()
        };
        History(states.iter().enumerate().map(revision).collect())
    }

    fn number(found: Option<&Revision>) -> Option<u32> {
        found.map(|found| found.revision)
    }

    #[test]
    fn the_way_back_leads_to_what_was_good() {
        let known = history(&["superseded", "deployed", "failed", "pending-upgrade"]);
        assert_eq!(number(known.last()), Some(4));
        assert_eq!(number(known.good_before(4)), Some(2));
        assert_eq!(number(known.good_before(2)), Some(1));
        assert_eq!(number(known.good_before(1)), None);
        assert_eq!(number(known.in_force()), Some(2));
        let failed = history(&["failed", "failed"]);
        assert_eq!(number(failed.in_force()), Some(2));
        assert_eq!(number(failed.good_before(9)), None);
        assert_eq!(history(&[]).number(), 0);
    }

    #[test]
    fn a_revision_that_had_failed_is_not_good_because_it_is_superseded() {
        let mut known = history(&["deployed", "superseded", "superseded", "failed"]);
        assert_eq!(number(known.good_before(4)), Some(1));
        known.0[0].status = Status::Superseded;
        assert_eq!(number(known.good_before(4)), Some(3));
        for (said, good) in [
            ("Upgrade \"web\" failed: not ready", 2),
            ("Rollback \"web\" failed: not ready", 2),
            ("Preparing upgrade", 2),
            ("Upgrade complete", 3),
            ("the upgrade \"web\" failed", 3),
        ] {
            said.clone_into(&mut known.0[2].description);
            assert_eq!(number(known.good_before(4)), Some(good), "{said}");
        }
    }

    #[test]
    fn a_word_that_is_not_known_is_no_good_state() {
        let known = history(&["petrified"]);
        assert_eq!(known.last().unwrap().status, Status::Unknown);
        assert!(!known.last().unwrap().was_good());
    }
}
