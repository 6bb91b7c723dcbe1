//! Credentials that runbooks keep fresh. No value of any of them is known here.

use crate::{
    domain::{
        name::{CredentialName, RunbookName},
        rotation::Credential,
    },
    history::{CredentialFilter, RotationRow},
    http::{
        Front,
        access::Caller,
        api::{limit, runbooks::bounded},
        extract::{Body, Nothing, Params, Segment},
        link::{Address, Page},
        problem::Problem,
    },
};
use axum::{Extension, Json, extract::State, http::StatusCode, response::IntoResponse};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How many rotations one credential is shown with.
const ROTATIONS: usize = 10;

/// Which credentials.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Which {
    runbook: Option<RunbookName>,
    after: Option<CredentialName>,
    limit: Option<usize>,
}

/// `GET /credentials`, by name.
pub(in crate::http) async fn list(
    State(front): State<Arc<Front>>,
    Params(which): Params<Which>,
) -> Result<Page<Credential>, Problem> {
    let limit = limit(which.limit);
    let filter = CredentialFilter {
        runbook: which.runbook.clone(),
        after: which.after.clone(),
        limit,
    };
    let rows = front.history.credentials(filter).await;
    let rows = rows.map_err(|error| front.unreadable(&error))?;
    Ok(Page::of(rows, limit, |last| {
        Address::new("/api/v1/credentials")
            .with("runbook", which.runbook.as_ref())
            .with("after", Some(&last.name))
            .with("limit", Some(&limit))
            .finish()
    }))
}

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    credential: Credential,
    /// Newest first.
    rotations: Vec<RotationRow>,
}

/// `GET /credentials/{name}`.
pub(in crate::http) async fn show(
    State(front): State<Arc<Front>>,
    Segment(name): Segment,
    _: Params<Nothing>,
) -> Result<impl IntoResponse, Problem> {
    let unknown = || Problem::not_found(format!("credential `{name}`"));
    let known = CredentialName::new(&name).map_err(|_| unknown())?;
    let credential = front.history.credential(known.clone()).await;
    let credential = credential.map_err(|error| front.unreadable(&error))?;
    let credential = credential.ok_or_else(unknown)?;
    let rotations = front.history.rotations(known, ROTATIONS).await;
    let rotations = rotations.map_err(|error| front.unreadable(&error))?;
    Ok(Json(Shown {
        credential,
        rotations,
    }))
}

/// Why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Why {
    reason: String,
}

/// `POST /credentials/{name}/forget`: no runbook keeps it any more.
pub(in crate::http) async fn forget(
    State(front): State<Arc<Front>>,
    Extension(caller): Extension<Caller>,
    Segment(name): Segment,
    Body(why): Body<Why>,
) -> Result<StatusCode, Problem> {
    bounded("reason", &why.reason)?;
    let name = CredentialName::new(&name)
        .map_err(|_| Problem::not_found(format!("credential `{name}`")))?;
    front
        .agent
        .forget_credential(&name, caller.person()?, &why.reason)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
