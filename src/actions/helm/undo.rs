//! The way back from what failed or was broken off: to the last revision that was good, or, of a first installation, to nothing.

use crate::{
    actions::helm::{
        history::{History, Revision, Status},
        marks,
        program::{Call, Fault, Helm},
    },
    domain::span::Span,
};

/// How long it goes on after the step was told to stop.
const PATIENCE_SECONDS: u64 = 16;
/// How long helm waits for objects then.
const HURRIED_SECONDS: u64 = 12;
/// How long helm waits where the step does not say.
const WAIT_SECONDS: u64 = 300;

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Undone {
    /// It is as it was with this revision.
    Back {
        /// The revision that was good.
        to: u32,
        /// The revision that is the same again.
        now: Revision,
    },
    /// It is not there any more.
    Removed,
    /// It stays as it is, and why.
    InVain(String),
}

/// Undoes a revision and what it has changed so far. Nothing else is undone: where it is not the latest any more, it stays.
pub(super) async fn undo(
    helm: &Helm<'_>,
    history: &History,
    failed: u32,
    wait: Option<Span>,
) -> Undone {
    let helm = helm.patient(Span::from_secs(PATIENCE_SECONDS));
    let (done, doing) = match history.good_before(failed) {
        Some(good) => {
            let to = good.revision;
            let done = back(&helm, to, wait).await;
            (done, format!("rolling back to revision {to}"))
        }
        None if failed == 1 => (removed(&helm, wait).await, "removing it".to_owned()),
        None => return Undone::InVain("no revision before it was good".to_owned()),
    };
    done.unwrap_or_else(|fault| Undone::InVain(format!("{doing}: {fault}{}", fault.hint())))
}

async fn back(helm: &Helm<'_>, to: u32, wait: Option<Span>) -> Result<Undone, Fault> {
    let before = helm.history().await?.number();
    rolled_back(helm, to, wait).await?;
    let history = helm.history().await?;
    Ok(match history.last() {
        Some(now) if now.revision > before && now.status == Status::Deployed => Undone::Back {
            to,
            now: now.clone(),
        },
        Some(_) | None => Undone::InVain(format!(
            "helm does not say that it is rolled back to revision {to}"
        )),
    })
}

/// Rolls back, and waits.
pub(super) async fn rolled_back(helm: &Helm<'_>, to: u32, wait: Option<Span>) -> Result<(), Fault> {
    let call = Call::new(&["rollback", helm.release.name, &to.to_string()])
        .and(&["--description", &marks::description(helm.context)]);
    helm.run(waiting(call, helm, wait)).await.map(drop)
}

async fn removed(helm: &Helm<'_>, wait: Option<Span>) -> Result<Undone, Fault> {
    let call = Call::new(&["uninstall", helm.release.name]);
    helm.run(waiting(call, helm, wait)).await?;
    let history = helm.history().await?;
    Ok(match history.last() {
        None => Undone::Removed,
        Some(last) => Undone::InVain(format!("it is still {}", last.status.word())),
    })
}

/// Waited for in any case: what was undone is told only when it is.
fn waiting(call: Call, helm: &Helm<'_>, wait: Option<Span>) -> Call {
    let limit = if helm.is_stopped() {
        Span::from_secs(HURRIED_SECONDS)
    } else {
        wait.unwrap_or(Span::from_secs(WAIT_SECONDS))
    };
    call.and(&["--wait", "--timeout", &duration(limit)])
}

/// As Go reads it; it knows no days.
pub(super) fn duration(span: Span) -> String {
    format!("{}ms", span.millis())
}
