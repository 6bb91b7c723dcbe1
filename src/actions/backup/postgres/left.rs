//! Databases that earlier trials have left on a server, for their agent was killed and did not go on.
//!
//! Invariants
//! - Only a database whose run this agent knows, and knows to have ended, is dropped: it may be the one of another agent's trial else.
//! - What cannot be found out or dropped fails no trial.

use super::{
    client::Client,
    trial::{MAINTENANCE, TRIALS, remove},
};
use crate::{
    actions::framework::program::{Fault, note},
    domain::{id::RunId, span::Span},
    ports::runs::Standing,
};
use jiff::Timestamp;

/// Runs are younger than this, whoever's they are.
const OLD: u64 = 24 * 3600;
/// So many are looked at, the oldest first.
const MOST: usize = 50;

/// Drops those of runs that have ended. What is said of others that are old, and that this agent does not know, is for people.
pub(super) async fn clear(client: &Client<'_>) -> Option<String> {
    let session = client.session;
    let length = TRIALS.len();
    let asked = format!(
        "select datname from pg_database where left(datname, {length}) = '{TRIALS}' order by datname limit {MOST}"
    );
    let listed = match client.ask(&asked, MAINTENANCE, &session.stop).await {
        Ok(listed) => listed,
        Err(fault) => {
            let why = fault.why();
            note(session, &format!("what trials have left is unknown: {why}"));
            return None;
        }
    };
    let mut unknown = Vec::new();
    for database in listed.lines() {
        let Some(run) = run_of(database) else {
            continue;
        };
        match standing(client, run).await {
            Standing::Ended => drop_one(client, database).await,
            Standing::Unknown if is_old(run, client.world.clock.now()) => unknown.push(database),
            Standing::Unknown | Standing::Going => {}
        }
    }
    (!unknown.is_empty()).then(|| {
        format!(
            "older than a day on the server, and of a trial that this agent does not know: {}\nhint: drop it by hand where no other agent has a trial there",
            unknown.join(", ")
        )
    })
}

/// What nobody can tell is left alone.
async fn standing(client: &Client<'_>, run: RunId) -> Standing {
    match client.world.children.get() {
        Some(runs) => runs.standing(run).await.unwrap_or(Standing::Unknown),
        None => Standing::Unknown,
    }
}

async fn drop_one(client: &Client<'_>, database: &str) {
    let session = client.session;
    let told = match remove(client, database, &session.stop)
        .await
        .map_err(Fault::why)
    {
        Ok(()) => {
            format!("dropped the database {database}, which a trial of a run that has ended left")
        }
        Err(why) => format!("the database {database} of a trial is left, and not dropped: {why}"),
    };
    note(session, &told);
}

/// The run that a trial's database belongs to.
fn run_of(database: &str) -> Option<RunId> {
    let (run, step) = database.strip_prefix(TRIALS)?.split_once('_')?;
    let is_ours = |text: &str, length: usize| {
        let digits = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        text.len() == length && text.bytes().all(digits)
    };
    (is_ours(run, 32) && is_ours(step, 8)).then(|| run.parse().ok())?
}

fn is_old(run: RunId, now: Timestamp) -> bool {
    now.duration_since(run.made_at()) > Span::from_secs(OLD).signed()
}

#[cfg(test)]
mod tests {
    use super::{is_old, run_of};
    use crate::actions::{backup::postgres::trial::database, framework::scripted::context};

    #[test]
    fn the_run_of_a_trial_is_read_from_its_database() {
        let context = context();
        assert_eq!(run_of(&database(&context)), Some(context.run));
        for other in [
            "shop",
            "orderly_trial_",
            "orderly_trial_1_2",
            "orderly_trial_0194fdc2fa2f7cc081d3ff1200fbbdd_a0b1c2d3",
            "orderly_trial_0194fdc2fa2f7cc081d3ff1200fbbddx_a0b1c2d3",
            "orderly_trial_0194fdc2fa2f7cc081d3ff1200fbbddf_a0b1c2d3\"",
        ] {
            assert_eq!(run_of(other), None, "{other}");
        }
    }

    #[test]
    fn a_run_is_old_after_a_day() {
        let run = context().run;
        let later = |hours| run.made_at() + jiff::SignedDuration::from_hours(hours);
        assert!(!is_old(run, later(24)));
        assert!(is_old(run, later(25)));
    }
}
