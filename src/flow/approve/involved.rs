//! Who had a hand in what a run does, and so may not be the one who lets it happen.

use crate::{
    domain::{
        gate::Quorum,
        lineage::Authors,
        pinned::FileOf,
        plan::PlannedStep,
        policy::ApprovalRules,
        run::{Cause, RunHeader},
    },
    flow::{FlowError, world::World},
};
use std::collections::BTreeSet;

/// The longest way back from a run to what started it all; further back, somebody is not known.
const FAR: usize = 32;

/// Who had a hand in it.
#[derive(Debug, Default)]
pub(super) struct Involved {
    /// The subjects of those who started it.
    pub(super) starters: BTreeSet<String>,
    /// Those who wrote what it does.
    pub(super) authors: BTreeSet<String>,
    /// There may be more, whom nobody can name.
    unknown: bool,
}

impl Involved {
    /// Of this run: who started it, who wrote what it does, and the same of the runs that started it.
    pub(super) async fn of(
        world: &World,
        header: &RunHeader,
        rules: &ApprovalRules,
    ) -> Result<Self, FlowError> {
        let mut involved = Self::default();
        involved.add_author(header, rules);
        involved.add_trigger(header, rules);
        let mut before = came_from(header);
        for _ in 0..FAR {
            let Some((run, chose)) = before else {
                return Ok(involved);
            };
            let found = world.history.run(run).await;
            let found = found
                .map_err(|error| FlowError::unreadable("looking for who started a run", &error))?;
            let Some(found) = found else { break };
            involved.add_trigger(&found.header, rules);
            // Whoever wrote a step that runs another runbook chose that one's inputs.
            if chose {
                involved.add_author(&found.header, rules);
            }
            before = came_from(&found.header);
        }
        involved.unknown = true;
        Ok(involved)
    }

    fn add_trigger(&mut self, header: &RunHeader, rules: &ApprovalRules) {
        if rules.trigger_may_approve {
            return;
        }
        if let Cause::Person { subject } = &header.cause {
            self.starters.insert(subject.clone());
        }
        self.starters.extend(header.window_override.clone());
    }

    fn add_author(&mut self, header: &RunHeader, rules: &ApprovalRules) {
        if rules.author_may_approve {
            return;
        }
        let authors = Authors::read(&header.author);
        self.unknown |= authors.has_unknown();
        self.authors.extend(authors.people().flat_map(subjects));
    }

    /// Somebody who cannot be named cannot be kept from consenting: then one person more must consent, so that at least one had no
    /// hand in it. Of a runbook the authors are followed; of the other files that a step is carried out with they are not.
    pub(super) fn raise(
        &self,
        quorum: Quorum,
        planned: &PlannedStep,
        rules: &ApprovalRules,
    ) -> Quorum {
        let mut files = planned.pinned.files.iter();
        let foreign = !rules.author_may_approve && files.any(|file| file.of == FileOf::Repository);
        Quorum {
            people: quorum
                .people
                .saturating_add(u32::from(self.unknown || foreign)),
            ..quorum
        }
    }
}

/// The run before it, and whether that one chose what this one is told.
fn came_from(header: &RunHeader) -> Option<(crate::domain::id::RunId, bool)> {
    match &header.cause {
        Cause::Step { run, .. } => Some((*run, true)),
        Cause::After { run, .. } => Some((*run, false)),
        Cause::Schedule { .. }
        | Cause::Webhook { .. }
        | Cause::Alert { .. }
        | Cause::Person { .. } => None,
    }
}

/// A commit's author is `name <mail>`; a subject may be either of both, or the whole.
fn subjects(author: &str) -> Vec<String> {
    let author = author.trim();
    let (name, mail) = author.split_once('<').unwrap_or((author, ""));
    let parts = [author, name.trim(), mail.trim_end_matches('>').trim()];
    let parts = parts.iter().filter(|part| !part.is_empty());
    parts.map(|part| (*part).to_owned()).collect()
}
