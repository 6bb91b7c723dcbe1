//! The way back of a release: from its latest revision to one that was good and holds something else.

use crate::actions::helm::{
    Untold,
    history::{History, Revision, Status},
    program::Helm,
    rendered::Rendered,
};

/// From where to where.
pub(super) struct Way<'h> {
    pub(super) from: &'h Revision,
    pub(super) to: &'h Revision,
    /// What was considered before, and why it was not chosen.
    passed: Vec<String>,
}

impl Way<'_> {
    /// `; passed over: revision 2 (failed)`, or nothing.
    pub(super) fn passed_over(&self) -> String {
        match self.passed.as_slice() {
            [] => String::new(),
            passed => format!("; passed over: {}", passed.join(", ")),
        }
    }
}

/// The way to the revision of this number; where none is named, to the last one that was good and is not the same as what is there now.
pub(super) async fn way<'h>(
    number: Option<u32>,
    helm: &Helm<'_>,
    history: &'h History,
) -> Result<Way<'h>, Untold> {
    let release = helm.release;
    let Some(from) = history.last() else {
        return Err(Untold::Doomed(format!("{release} is not there")));
    };
    let Some(number) = number else {
        return back(helm, history, from).await;
    };
    match history.of(number) {
        Some(to) => Ok(Way {
            from,
            to,
            passed: Vec::new(),
        }),
        None => {
            let kept: Vec<String> = history
                .before(u32::MAX)
                .map(|known| known.revision.to_string())
                .collect();
            Err(Untold::Doomed(format!(
                "{release} has no revision {number}\nhint: helm keeps only the latest ones: {}",
                kept.join(", ")
            )))
        }
    }
}

async fn back<'h>(
    helm: &Helm<'_>,
    history: &'h History,
    from: &'h Revision,
) -> Result<Way<'h>, Untold> {
    let mut passed = Vec::new();
    let mut now = None;
    let deployed = history.deployed_before(from.revision);
    for to in history.before(from.revision) {
        let number = to.revision;
        if !to.was_good() {
            passed.push(format!("revision {number} ({})", to.state()));
        } else if let Some(later) = deployed.filter(|known| known.revision < number) {
            let state = to.state();
            let why = format!("{state}, while revision {} is deployed", later.revision);
            passed.push(format!("revision {number} ({why})"));
        } else if is_same(helm, history, (from, &mut now), to).await? {
            passed.push(format!("revision {number} (the same as now)"));
        } else {
            return Ok(Way { from, to, passed });
        }
    }
    let way = format!(
        "{} has no revision before {} that was good and holds something else",
        helm.release, from.revision
    );
    Err(Untold::Doomed(match passed.as_slice() {
        [] => way,
        passed => format!("{way}: {}", passed.join(", ")),
    }))
}

/// Whether a revision holds the same as the latest, where that is in force. What has failed may be half done, so the way back from it leads
/// to what was good, be it the same.
async fn is_same(
    helm: &Helm<'_>,
    history: &History,
    (from, now): (&Revision, &mut Option<Rendered>),
    to: &Revision,
) -> Result<bool, Untold> {
    if from.status != Status::Deployed {
        return Ok(false);
    }
    if history.origin(from) == history.origin(to) {
        return Ok(true);
    }
    let held = helm.held(to.revision).await.map_err(Untold::Unseen)?;
    let now = match now {
        Some(now) => now,
        None => now.insert(helm.held(from.revision).await.map_err(Untold::Unseen)?),
    };
    Ok(held == *now)
}
