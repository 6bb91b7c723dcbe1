//! The old credential when a rotation begins: taken from where it stands, and tried while it must still be good.
//!
//! Only a value that let in then can be proven refused at the end. What was refused before already, such as a value of an earlier
//! rotation, would prove nothing.

use crate::{
    actions::rotate::{
        delivery::{self, Standing, Target},
        proof::{Proof, Shown},
        scene::{Feed, Scene, failed, not_needed, unproven},
    },
    domain::{
        rotation::{Credential, Outcome},
        secret::SecretValue,
    },
    ports::vault::{Kept, Parts},
};
use std::{collections::BTreeMap, fmt};

/// The fact under which is kept what was found out of the old one.
pub(super) const BEFORE: &str = "before";
/// The fact that the old one was found only in what a rotation that was given up has left.
pub(super) const ONLY_HERE: &str = "only_here";
/// It let in when the rotation began.
const GOOD: &str = "good";
/// There was none.
const NONE: &str = "none";
const UNKNOWN: &str = "the agent does not know its value (hint: name it with `current`)";

/// A value that may be the old one.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) value: SecretValue,
    origin: Origin,
}

impl Candidate {
    /// Whether nothing but the agent's own file has it.
    pub(super) fn was_given_up(&self) -> bool {
        self.origin == Origin::GivenUp
    }
}

/// Takes note that nothing but the agent's own file has the old one.
pub(super) fn mark_given_up(former: &mut BTreeMap<String, String>) {
    former.insert(ONLY_HERE.to_owned(), "yes".to_owned());
}

/// Whether nothing but the agent's own file has the old one.
pub(super) fn is_only_here(kept: &Kept) -> bool {
    kept.former.contains_key(ONLY_HERE)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// It stands where consumers find it.
    Place,
    /// The step names it.
    Current,
    /// A rotation that was given up has left it.
    GivenUp,
}

impl fmt::Display for Candidate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self.origin {
            Origin::Place => "what stands in its place",
            Origin::Current => "what `current` names",
            Origin::GivenUp => "what a rotation that was given up has left",
        })
    }
}

/// What a rotation of this credential that was given up has left in the vault: either may be the one that counts.
pub(super) async fn given_up(main: &str, scene: &Scene<'_>) -> Vec<Candidate> {
    let vault = &scene.world.rotations.vault;
    // What cannot be read is of no use; the next that is kept takes its place.
    let kept = vault.look(scene.name).await.ok().flatten();
    let left = kept.filter(|kept| kept.rotation != scene.rotation);
    let parts = left.into_iter().flat_map(|kept| [kept.new, kept.old]);
    parts
        .filter_map(|mut parts| parts.remove(main))
        .map(|value| {
            vault.hide(&value);
            Candidate {
                value,
                origin: Origin::GivenUp,
            }
        })
        .collect()
}

/// Values that may be the old one, the likeliest first.
#[derive(Debug)]
pub(super) struct Candidates {
    pub(super) all: Vec<Candidate>,
    /// What is so where there are none.
    otherwise: &'static str,
}

impl Candidates {
    /// What stands in the first place that can be read, and what the step names as `current`.
    pub(super) async fn look(
        targets: &[Target],
        current: Option<&String>,
        main: &str,
        known: &Credential,
        scene: &Scene<'_>,
    ) -> Result<Self, Outcome> {
        let standing = delivery::standing(targets, main, scene).await;
        let standing = standing.map_err(|why| failed(format!("reading the old value: {why}")))?;
        let candidates = Self::of(standing, current, known);
        for candidate in &candidates.all {
            scene.world.rotations.vault.hide(&candidate.value);
        }
        Ok(candidates)
    }

    fn of(standing: Standing, current: Option<&String>, known: &Credential) -> Self {
        let was_ever_made = known.issued_at.is_some() || current.is_some();
        let (found, otherwise) = match standing {
            Standing::Held(value) => (Some(value), UNKNOWN),
            Standing::Nothing if !was_ever_made => (None, NONE),
            Standing::Nothing | Standing::Unknown => (None, UNKNOWN),
        };
        let is_another = |current: &&String| {
            let found = found.as_ref().map(SecretValue::expose);
            found != Some(current.as_str())
        };
        let named = current.filter(is_another).map(|current| Candidate {
            value: SecretValue::new(current.clone()),
            origin: Origin::Current,
        });
        let found = found.map(|value| Candidate {
            value,
            origin: Origin::Place,
        });
        Self {
            all: found.into_iter().chain(named).collect(),
            otherwise,
        }
    }

    /// The old one, by what the trials of the candidates have shown, in their order as far as it was needed.
    pub(super) fn judged(self, main: &str, shown: &[Shown]) -> Former {
        let of = |value: SecretValue| Parts::from([(main.to_owned(), value)]);
        let good = shown
            .iter()
            .position(|shown| matches!(shown, Shown::Good(_)));
        let likeliest = good.unwrap_or_default();
        let Some(candidate) = self.all.into_iter().nth(likeliest) else {
            return Former {
                old: Parts::new(),
                before: self.otherwise.to_owned(),
            };
        };
        let (old, before) = match (candidate.origin, shown.get(likeliest)) {
            (_, Some(Shown::Good(_))) => (of(candidate.value), GOOD.to_owned()),
            (Origin::Place, Some(Shown::Refused(note))) => (
                of(candidate.value),
                format!("it was refused already before anything was changed ({note})"),
            ),
            // Whoever puts this back would put back what does not count.
            (Origin::Current | Origin::GivenUp, Some(Shown::Refused(note))) => (
                Parts::new(),
                format!(
                    "what `current` names was refused already before anything was changed ({note}), so it is not the one that counted (hint: let `current` follow each rotation, or leave it away)"
                ),
            ),
            (_, Some(Shown::Unclear(note))) => (
                of(candidate.value),
                format!("whether it was good before anything was changed is not known ({note})"),
            ),
            (_, None) => (of(candidate.value), "it was not tried before".to_owned()),
        };
        Former { old, before }
    }
}

/// The old one, and what was found out of it.
#[derive(Debug)]
pub(super) struct Former {
    pub(super) old: Parts,
    before: String,
}

impl Former {
    /// Looks for it, and tries it as this proof says.
    pub(super) async fn look(
        (targets, current): (&[Target], Option<&String>),
        (proof, main): (&Proof, &str),
        known: &Credential,
        scene: &Scene<'_>,
    ) -> Result<Self, Outcome> {
        let candidates = Candidates::look(targets, current, main, known, scene).await?;
        let mut shown = Vec::new();
        for candidate in &candidates.all {
            let parts = Parts::from([(main.to_owned(), candidate.value.clone())]);
            let feed = Feed {
                parts: &parts,
                main,
                facts: &known.facts,
            };
            let found = proof.show(&feed, scene).await;
            let is_good = matches!(found, Shown::Good(_));
            shown.push(found);
            if is_good {
                break;
            }
        }
        Ok(candidates.judged(main, &shown))
    }

    /// That there is none.
    pub(super) fn none() -> Self {
        Self {
            old: Parts::new(),
            before: NONE.to_owned(),
        }
    }

    /// With what was found out of it.
    pub(super) fn kept_in(self, kept: Kept) -> Kept {
        let mut kept = Kept {
            old: self.old,
            ..kept
        };
        kept.former.insert(BEFORE.to_owned(), self.before);
        kept
    }
}

/// Whether there was no old one when the rotation began.
pub(super) fn was_none(kept: &Kept) -> bool {
    kept.former.get(BEFORE).is_some_and(|before| before == NONE)
}

/// Whether a value was named or found that was not good when the rotation began, so that its refusal would prove nothing.
pub(super) fn is_doubtful(kept: &Kept) -> bool {
    let before = kept.former.get(BEFORE);
    before.is_some_and(|before| ![GOOD, NONE, UNKNOWN].contains(&before.as_str()))
}

/// Why the old one is not tried at the end, if so.
pub(super) fn not_tried(kept: &Kept) -> Option<Outcome> {
    let why = match kept.former.get(BEFORE).map(String::as_str) {
        Some(GOOD) => return None,
        Some(NONE) => return Some(not_needed("there was no old one")),
        Some(why) => why,
        None => "whether it was good when the rotation began is not known",
    };
    Some(unproven(format!("the old one was not tried: {why}")))
}

#[cfg(test)]
mod tests {
    use super::{Candidates, Former, is_doubtful, not_tried, was_none};
    use crate::{
        actions::rotate::{delivery::Standing, proof::Shown},
        domain::{
            id::RotationId,
            name::{CredentialName, RunbookName},
            rotation::{Credential, CredentialKind, CredentialState, Outcome},
            secret::SecretValue,
        },
        ports::vault::{Kept, Parts},
    };
    use jiff::Timestamp;

    fn known(issued_at: Option<Timestamp>) -> Credential {
        Credential {
            name: CredentialName::new("web").unwrap(),
            runbook: RunbookName::new("rotate").unwrap(),
            kind: CredentialKind::Secret,
            place: String::new(),
            state: CredentialState::Current,
            rotation: None,
            issued_at,
            proven_at: None,
            next_at: None,
            expires_at: None,
            facts: [].into(),
            note: String::new(),
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn held(value: &str) -> Standing {
        Standing::Held(SecretValue::new(value.to_owned()))
    }

    fn candidates(standing: Standing, current: Option<&str>) -> Candidates {
        let current = current.map(str::to_owned);
        Candidates::of(standing, current.as_ref(), &known(None))
    }

    fn kept(former: Former) -> Kept {
        former.kept_in(Kept {
            rotation: RotationId::new(Timestamp::UNIX_EPOCH, [3; 10]),
            new: Parts::new(),
            old: Parts::new(),
            facts: [].into(),
            former: [].into(),
            expires_at: None,
        })
    }

    fn value(kept: &Kept) -> Option<&str> {
        kept.old.get("value").map(SecretValue::expose)
    }

    fn good() -> Shown {
        Shown::Good(String::new())
    }
    fn refused() -> Shown {
        Shown::Refused("401".to_owned())
    }

    #[test]
    fn what_stands_in_its_place_and_lets_in_is_the_old_one() {
        let all = candidates(held("standing"), Some("stale"));
        let kept = kept(all.judged("value", &[good()]));
        assert_eq!(value(&kept), Some("standing"));
        assert_eq!(not_tried(&kept), None);
        assert!(!is_doubtful(&kept));
    }

    #[test]
    fn what_the_step_names_is_the_old_one_where_it_lets_in_and_what_stands_there_does_not() {
        let all = candidates(held("rubbish"), Some("right"));
        let kept = kept(all.judged("value", &[refused(), good()]));
        assert_eq!(value(&kept), Some("right"));
        assert_eq!(not_tried(&kept), None);
    }

    #[test]
    fn what_was_refused_before_proves_nothing_and_what_does_not_count_is_not_put_back() {
        let all = candidates(Standing::Unknown, Some("stale"));
        let kept_one = kept(all.judged("value", &[refused()]));
        assert_eq!(value(&kept_one), None);
        let Some(Outcome::Unproven { note }) = not_tried(&kept_one) else {
            panic!("{:?}", not_tried(&kept_one));
        };
        assert!(
            note.contains("the old one was not tried: what `current` names"),
            "{note}"
        );
        assert!(is_doubtful(&kept_one));

        let all = candidates(held("dead"), None);
        let kept = kept(all.judged("value", &[refused()]));
        assert_eq!(value(&kept), Some("dead"));
        assert!(matches!(not_tried(&kept), Some(Outcome::Unproven { .. })));
    }

    #[test]
    fn a_first_one_has_none_before_it_and_one_whose_place_cannot_be_read_is_not_known() {
        let none = kept(candidates(Standing::Nothing, None).judged("value", &[]));
        assert!(was_none(&none) && !is_doubtful(&none));
        assert!(matches!(not_tried(&none), Some(Outcome::NotNeeded { .. })));

        let known = known(Some(Timestamp::UNIX_EPOCH));
        for standing in [Standing::Nothing, Standing::Unknown] {
            let all = Candidates::of(standing, None, &known);
            let unknown = kept(all.judged("value", &[]));
            assert!(!was_none(&unknown) && !is_doubtful(&unknown));
            assert!(matches!(
                not_tried(&unknown),
                Some(Outcome::Unproven { .. })
            ));
        }
    }
}
