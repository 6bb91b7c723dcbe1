//! Helm: releases of charts, by the program `helm` (version 4) alone.
//!
//! Invariants
//! - helm is found and pinned as any program of a `command` step is. It gets words, a home of its own that goes when it ends, and nothing
//!   of the host's configuration: no repositories, no plugins, no variables.
//! - It reaches the cluster that the step names, as the step's own identity, by a kubeconfig that holds this cluster alone. That file and
//!   the values are readable for the agent only, and never on a command line.
//! - What helm prints on standard output is read here and not logged: releases hold values. What it says on standard error is logged.
//! - What a chart would change is known before, by rendering it; right before it is changed it is rendered again against the cluster, and
//!   what was not judged is not done.
//! - How something ended is read from the release's history, not from helm's words.
//!
//! Releases hold manifests, Secrets among them. Of these, only what is needed to name objects is kept; all of it (`whole`) is for
//! `backup/helm`, whose artifact is encrypted.

mod chart;
mod history;
mod inputs;
mod list;
mod marks;
mod needed;
mod program;
mod rendered;
mod rollback;
mod undo;
mod upgrade;
mod values;
mod way;
mod whole;

pub use list::{HelmList, ListInputs, ListOutputs, ListedRelease};
pub use rollback::{HelmRollback, RollbackInputs, RollbackOutputs};
pub use upgrade::{HelmUpgrade, UpgradeInputs, UpgradeOutputs};
pub use values::{HelmValues, ValuesInputs, ValuesOutputs};
pub(in crate::actions) use whole::{Releases, WholeRelease};

use crate::{
    actions::framework::AnyAction,
    domain::{
        effect::{Effect, Effects, Verb},
        run::StepReport,
    },
};
use inputs::Release;

/// Why what a step would do is not told when it is planned.
enum Untold {
    /// It can only fail.
    Doomed(String),
    /// The cluster is away, which may pass.
    Away(String),
    /// It cannot be seen.
    Unseen(String),
}

impl From<String> for Untold {
    fn from(why: String) -> Self {
        Self::Unseen(why)
    }
}

impl Untold {
    /// For people.
    fn into_words(self) -> String {
        match self {
            Self::Doomed(why) | Self::Away(why) | Self::Unseen(why) => why,
        }
    }

    /// What a step does of which this is all that is told. While the cluster is away, it can do nothing but look whether it is back.
    fn effects(self, release: &Release<'_>) -> Result<Effects, String> {
        match self {
            Self::Doomed(why) => Err(why),
            Self::Unseen(why) => Ok(Effects::opaque(release.object(), &why)),
            Self::Away(why) => {
                let looked = Effect::read(Verb::Read, release.object());
                Ok(Effects {
                    reasons: vec![why],
                    ..Effects::exact(vec![looked])
                })
            }
        }
    }
}

/// What ends a step that was judged while the cluster was away: a next attempt is judged by what it then finds.
fn was_away(judged: &Effects) -> Option<StepReport> {
    let only_looks = |effect: &Effect| effect.verb == Verb::Read;
    let was_away = !judged.items.is_empty() && judged.items.iter().all(only_looks);
    let why = "not carried out: the cluster was away when the step was judged, so that nothing was allowed but to look; the next attempt is judged anew";
    was_away.then(|| StepReport::failed(why.to_owned(), true).untouched())
}

/// Every action of this folder.
pub fn actions() -> Vec<Box<dyn AnyAction>> {
    vec![
        Box::new(HelmUpgrade),
        Box::new(HelmRollback),
        Box::new(HelmValues),
        Box::new(HelmList),
    ]
}
