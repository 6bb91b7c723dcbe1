//! People's consent to exactly one planned step.

use crate::domain::{
    digest::Digest,
    gate::{Contribution, Quorum},
    id::{ApprovalId, RunId},
    occurrence::Occurrence,
    plan::PlannedStep,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Somebody whom the agent has verified.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Person {
    /// The subject that their token belongs to; two tokens of one subject are one person.
    pub subject: String,
    /// Their groups.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
}

/// A question to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its id.
    pub id: ApprovalId,
    /// The run that waits.
    pub run: RunId,
    /// The step, whole, as it will be carried out.
    pub step: PlannedStep,
    /// The digest of that step.
    pub digest: Digest,
    /// Why people are asked.
    pub contributions: Vec<Contribution>,
    /// Who must consent.
    pub quorum: Quorum,
    /// Who may not, since they started the run. (Questions that were stored before there was a list of authors have all of them here.)
    #[serde(alias = "excluded")]
    pub starters: BTreeSet<String>,
    /// Who may not, since they wrote the change.
    #[serde(default)]
    pub authors: BTreeSet<String>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// No vote counts after this; then it is denied.
    pub approve_by: Timestamp,
    /// Once the quorum is reached, it must start within this many seconds; asked ahead, not counted before the due time.
    pub execute_within_secs: u64,
    /// The due time that it was asked ahead of. None: the run asked when it came to the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<Ahead>,
    /// Why people are asked once more about a step that they were asked about before.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub again: String,
}

/// The due time that people are asked ahead of. Their consent is for this one alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ahead {
    /// Which; the consent cannot be used before its nominal time.
    pub occurrence: Occurrence,
    /// When it starts, with spread.
    pub due: Timestamp,
}

/// One person's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// Who.
    pub person: Person,
    /// What.
    pub verdict: Verdict,
    /// About which step; a vote on another digest does not count.
    pub digest: Digest,
    /// When.
    pub at: Timestamp,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// When they had consented before, where this takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consented_before: Option<Timestamp>,
}

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Yes.
    Approve,
    /// No; one is enough.
    Deny,
}

/// Where a request stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Standing {
    /// Not enough people have answered.
    Pending {
        /// How many more are wanted.
        missing: u32,
    },
    /// Enough have consented; it must start by then.
    Approved {
        /// The latest start.
        until: Timestamp,
    },
    /// Somebody said no.
    Denied {
        /// Who.
        by: String,
    },
    /// Nobody, or too few, answered in time.
    Expired,
    /// The agent took it back: the run ended, the step changed, or the clock jumped.
    Withdrawn,
    /// A person took it back.
    Cancelled {
        /// Who.
        by: String,
    },
    /// It was used.
    Redeemed,
}

/// What hand somebody had in a step, that keeps them from consenting to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Hand {
    /// They started the run.
    #[error(
        "they started the run\nhint: somebody else must answer; on a machine of your own, set `policy.triggerMayApprove`"
    )]
    Started,
    /// They wrote the change.
    #[error(
        "they wrote the change\nhint: somebody else must answer; on a machine of your own, set `policy.authorMayApprove`"
    )]
    Wrote,
    /// Both.
    #[error(
        "they started the run and wrote the change\nhint: somebody else must answer; on a machine of your own, set `policy.triggerMayApprove` and `policy.authorMayApprove`"
    )]
    StartedAndWrote,
}

/// Why a vote is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The voter started the run or wrote the commit.
    #[error("{0} may not consent to this step: {1}")]
    Excluded(String, Hand),
    /// The same person again.
    #[error("{0} has answered already")]
    AlreadyVoted(String),
    /// The vote names another step.
    #[error("the step has changed since it was shown; look at it again")]
    OtherDigest,
    /// The request is no longer open.
    #[error("the request is no longer open: it is {0}")]
    NotOpen(&'static str),
}

impl Standing {
    /// The word used in reports and metric labels.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Pending { .. } => "pending",
            Self::Approved { .. } => "approved",
            Self::Denied { .. } => "denied",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Cancelled { .. } => "cancelled",
            Self::Redeemed => "redeemed",
        }
    }
}

impl Request {
    /// Where it stands by its votes and the time alone. (`Withdrawn`, `Cancelled` and `Redeemed` are recorded, not
    /// derived.)
    pub fn standing(&self, votes: &[Vote], now: Timestamp) -> Standing {
        if let Some(no) = votes
            .iter()
            .find(|vote| self.counts(vote) && vote.verdict == Verdict::Deny)
        {
            return Standing::Denied {
                by: no.person.subject.clone(),
            };
        }
        let mut yes: Vec<&Vote> = votes.iter().filter(|vote| self.counts(vote)).collect();
        yes.sort_by_key(|vote| vote.at);
        let mut subjects = BTreeSet::new();
        let mut groups = self.quorum.groups.clone();
        for vote in yes {
            subjects.insert(one_spelling(&vote.person.subject));
            groups.retain(|group| !vote.person.groups.contains(group));
            if subjects.len() >= self.quorum.people as usize && groups.is_empty() {
                return self.reached(vote.at, now);
            }
        }
        if now > self.approve_by {
            return Standing::Expired;
        }
        let missing = self
            .quorum
            .people
            .saturating_sub(u32::try_from(subjects.len()).unwrap_or(u32::MAX));
        Standing::Pending {
            missing: missing.max(u32::from(!groups.is_empty())),
        }
    }

    fn reached(&self, at: Timestamp, now: Timestamp) -> Standing {
        let seconds = i64::try_from(self.execute_within_secs).unwrap_or(i64::MAX);
        let from = self.ahead.as_ref().map_or(at, |ahead| at.max(ahead.due));
        let until = from
            .saturating_add(jiff::SignedDuration::from_secs(seconds))
            .unwrap_or(Timestamp::MAX);
        if now > until {
            Standing::Expired
        } else {
            Standing::Approved { until }
        }
    }

    fn counts(&self, vote: &Vote) -> bool {
        vote.digest == self.digest
            && vote.at <= self.approve_by
            && (vote.verdict == Verdict::Deny || self.hand_of(&vote.person.subject).is_none())
    }

    /// Why this person may not consent; none where they may.
    pub fn hand_of(&self, subject: &str) -> Option<Hand> {
        let subject = one_spelling(subject);
        let is_among = |all: &BTreeSet<String>| all.iter().any(|one| one_spelling(one) == subject);
        match (is_among(&self.starters), is_among(&self.authors)) {
            (true, true) => Some(Hand::StartedAndWrote),
            (true, false) => Some(Hand::Started),
            (false, true) => Some(Hand::Wrote),
            (false, false) => None,
        }
    }

    /// Everybody who may not consent.
    pub fn excluded(&self) -> BTreeSet<&str> {
        let all = self.starters.union(&self.authors);
        all.map(String::as_str).collect()
    }

    /// Whether a vote may be taken now. A no is taken until the consent is used, also from somebody who has said yes.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&self, votes: &[Vote], vote: &Vote) -> Result<(), Refusal> {
        let standing = self.standing(votes, vote.at);
        let is_no = vote.verdict == Verdict::Deny;
        match standing {
            Standing::Pending { .. } => {}
            Standing::Approved { .. } if is_no => {}
            closed => return Err(Refusal::NotOpen(closed.as_str())),
        }
        if vote.digest != self.digest {
            return Err(Refusal::OtherDigest);
        }
        let subject = &vote.person.subject;
        if let Some(hand) = self.hand_of(subject).filter(|_| !is_no) {
            return Err(Refusal::Excluded(subject.clone(), hand));
        }
        let earlier = votes
            .iter()
            .find(|earlier| one_spelling(&earlier.person.subject) == one_spelling(subject));
        match earlier {
            None => Ok(()),
            Some(earlier) if is_no && earlier.verdict == Verdict::Approve => Ok(()),
            Some(_) => Err(Refusal::AlreadyVoted(subject.clone())),
        }
    }
}

/// A subject in the spelling that tells two people apart: who writes `Ann` is nobody else than `ann`.
fn one_spelling(subject: &str) -> String {
    subject.trim().to_lowercase()
}

/// A consent that was taken out of the history to be used now. The history marks it used in the same transaction that starts
/// the step, so it is used once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redeemed {
    /// The request.
    pub id: ApprovalId,
    /// The step consented to.
    pub digest: Digest,
    /// Who had to consent.
    pub quorum: Quorum,
}

impl Redeemed {
    /// Whether this consent is for that step and satisfies that quorum.
    pub fn covers(&self, digest: Digest, wanted: &Quorum) -> bool {
        self.digest == digest
            && self.quorum.people >= wanted.people
            && wanted.groups.is_subset(&self.quorum.groups)
    }
}
