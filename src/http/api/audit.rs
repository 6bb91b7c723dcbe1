//! The audit log, and whether its chain holds.

use crate::{
    domain::audit::{Record, check_action},
    history::{AuditFilter, AuditHead, AuditVerdict, InvalidHead},
    http::{
        Front,
        api::limit,
        extract::{LargeBody, Params},
        link::{Address, Page},
        problem::Problem,
    },
};
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Which lines.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Which {
    user: Option<String>,
    /// What; a text that ends with `.` means everything that begins so, one without a dot is what a step did.
    action: Option<String>,
    resource: Option<String>,
    runbook: Option<String>,
    run: Option<String>,
    #[serde(default)]
    failed: bool,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    before: Option<u64>,
    limit: Option<usize>,
}

/// `GET /audit`, newest first.
pub(in crate::http) async fn list(
    State(front): State<Arc<Front>>,
    Params(which): Params<Which>,
) -> Result<Page<Record>, Problem> {
    if let Some(word) = &which.action {
        check_action(word)
            .map_err(|unknown| Problem::invalid(unknown.to_string()).hint(unknown.hint))?;
    }
    let limit = limit(which.limit);
    let filter = AuditFilter {
        user: which.user.clone(),
        action: which.action.clone(),
        resource: which.resource.clone(),
        runbook: which.runbook.clone(),
        run: which.run.clone(),
        failed: which.failed,
        since: which.since,
        until: which.until,
        before: which.before,
        limit,
    };
    let records = front
        .history
        .audit(filter)
        .await
        .map_err(|error| front.unreadable(&error))?;
    Ok(Page::of(records, limit, |last| which.after(last, limit)))
}

impl Which {
    fn after(&self, last: &Record, limit: usize) -> String {
        Address::new("/api/v1/audit")
            .with("user", self.user.as_ref())
            .with("action", self.action.as_ref())
            .with("resource", self.resource.as_ref())
            .with("runbook", self.runbook.as_ref())
            .with("run", self.run.as_ref())
            .with("failed", self.failed.then_some(true))
            .with("since", self.since.as_ref())
            .with("until", self.until.as_ref())
            .with("before", Some(&last.seq))
            .with("limit", Some(&limit))
            .finish()
    }
}

/// What checking the log found.
#[derive(Debug, Serialize)]
pub(in crate::http) struct Verified {
    ok: bool,
    /// Records that are good: all, or those before the first that is not.
    good: u64,
    /// The end of the log, where it is whole.
    head: Option<AuditHead>,
    /// Records up to this one lie in archives, where the log is whole.
    archived: Option<u64>,
    /// Archives that were not checked: they cannot be read where they were put.
    away: Vec<std::path::PathBuf>,
    /// What is wrong first.
    broken: Option<String>,
    /// What to do.
    hint: Option<&'static str>,
    /// The exported end beside the database, which the log was held against.
    exported: Option<AuditHead>,
}

/// What else to hold the log against.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Against {
    /// A head that was kept elsewhere, as `4711:9f86d0…`.
    head: Option<String>,
}

/// Many of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct AgainstAll {
    heads: Vec<String>,
}

/// `GET /audit/verify`: checks the whole log against its key and the exported head. One caller at a time.
pub(in crate::http) async fn verify(
    State(front): State<Arc<Front>>,
    Params(against): Params<Against>,
) -> Result<Json<Verified>, Problem> {
    verified(&front, against.head.as_slice()).await
}

/// `POST /audit/verify`: the same, against a whole file of heads. It changes nothing.
pub(in crate::http) async fn verify_all(
    State(front): State<Arc<Front>>,
    LargeBody(against): LargeBody<AgainstAll>,
) -> Result<Json<Verified>, Problem> {
    verified(&front, &against.heads).await
}

async fn verified(front: &Front, heads: &[String]) -> Result<Json<Verified>, Problem> {
    let heads: Result<Vec<AuditHead>, _> = heads.iter().map(|text| text.parse()).collect();
    let heads = heads.map_err(|error: InvalidHead| Problem::invalid(error.to_string()))?;
    let busy = || {
        Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "busy",
            "the audit log is being checked already",
        )
        .header(header::RETRY_AFTER, "5")
    };
    let _turn = front.verifications.try_acquire().map_err(|_| busy())?;
    let exported = front
        .history
        .exported_audit_head()
        .map_err(|error| front.unreadable(&error))?;
    let verdict = front
        .history
        .verify_audit(exported.clone().into_iter().chain(heads))
        .await
        .map_err(|error| front.unreadable(&error))?;
    Ok(Json(match verdict {
        AuditVerdict::Whole {
            head,
            archived,
            away,
        } => Verified {
            ok: true,
            good: head.seq,
            head: Some(head),
            archived: Some(archived),
            away,
            broken: None,
            hint: None,
            exported,
        },
        AuditVerdict::Broken { good, broken } => {
            front.events.audit_broken(&broken.to_string());
            Verified {
                ok: false,
                good,
                head: None,
                archived: None,
                away: Vec::new(),
                broken: Some(broken.to_string()),
                hint: Some(broken.hint()),
                exported,
            }
        }
    }))
}
