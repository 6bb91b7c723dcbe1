//! A small server that speaks the Kubernetes API's JSON over real HTTP: each path gives its answers in turn, the last one for ever.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

/// One answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) delay: Duration,
}

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// `GET /api/v1/…`, with its query.
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

#[derive(Debug, Default)]
struct Script {
    answers: Mutex<BTreeMap<String, VecDeque<Answer>>>,
    seen: Mutex<Vec<Seen>>,
}

/// The server; it goes with the runtime of its test.
#[derive(Debug)]
pub(crate) struct ApiServer {
    script: Arc<Script>,
    pub(crate) address: String,
}

pub(crate) fn ok(body: &Value) -> Answer {
    answer(200, &body.to_string())
}
pub(crate) fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status,
        body: body.to_owned(),
        delay: Duration::ZERO,
    }
}
/// A `Status`, as the API server writes errors.
pub(crate) fn status(code: u16, message: &str) -> Answer {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message
    });
    answer(code, &status.to_string())
}

impl ApiServer {
    #[expect(
        clippy::disallowed_methods,
        reason = "the server belongs to its test, and goes with it"
    )]
    pub(crate) async fn start() -> Self {
        let script = Arc::new(Script::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .fallback(reply)
            .with_state(Arc::clone(&script));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { script, address }
    }

    /// What `GET /path` (without query) is answered, in turn.
    pub(crate) fn script(&self, request: &str, answers: impl IntoIterator<Item = Answer>) {
        let answers = answers.into_iter().collect();
        let mut all = self.script.answers.lock().unwrap();
        all.insert(request.to_owned(), answers);
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.script.seen.lock().unwrap().clone()
    }

    /// The requests that change something.
    pub(crate) fn changes(&self) -> Vec<Seen> {
        let mut seen = self.seen();
        seen.retain(|seen| !seen.line.starts_with("GET"));
        seen
    }

    /// A kubeconfig that leads here.
    pub(crate) fn kubeconfig(&self, folder: &Path, token: &str) -> PathBuf {
        kubeconfig(folder, &self.address, token)
    }
}

/// A kubeconfig that leads to this address.
pub(crate) fn kubeconfig(folder: &Path, address: &str, token: &str) -> PathBuf {
    let path = folder.join("kubeconfig");
    let text = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "clusters": [{ "name": "here", "cluster": { "server": address } }],
        "users": [{ "name": "me", "user": { "token": token } }],
        "contexts": [{ "name": "here", "context": { "cluster": "here", "user": "me" } }]
    });
    std::fs::write(&path, text.to_string()).unwrap();
    path
}

async fn reply(
    State(script): State<Arc<Script>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    script.seen.lock().unwrap().push(Seen {
        line: format!("{method} {uri}"),
        headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    });
    let answer = next(&script, &format!("{method} {}", uri.path()));
    tokio::time::sleep(answer.delay).await;
    (StatusCode::from_u16(answer.status).unwrap(), answer.body)
}

fn next(script: &Script, request: &str) -> Answer {
    let mut all = script.answers.lock().unwrap();
    match all.get_mut(request) {
        None => status(404, "the server could not find the requested resource"),
        Some(answers) if answers.len() > 1 => answers.pop_front().unwrap(),
        Some(answers) => answers.front().unwrap().clone(),
    }
}
