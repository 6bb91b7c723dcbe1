//! A way to a running agent, over HTTP, as anybody else has it.
//!
//! - Every call has a deadline, and reads a bounded answer.
//! - A refusal comes as a problem document (RFC 9457); its hint is kept.
//! - What answers but is no agent is told apart from an agent that refuses.

use crate::{
    cli::{exit::CliError, terminal::Terminal},
    domain::{secret::SecretValue, span::Span},
    ports::network::{HttpRequest, HttpResponse, Network},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use url::Url;

/// How long an answer may take, in seconds.
const PATIENCE: u64 = 30;
/// How long an answer may take where much is read or fetched, in seconds.
const LONG_PATIENCE: u64 = 600;
/// Whoever waits longer than this is told for what.
const A_WHILE: Duration = Duration::from_secs(2);
/// The longest answer that is read, in bytes.
const MOST: usize = 64 * 1024 * 1024;

/// A page of a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Page<T> {
    /// What is on it.
    pub(super) items: Vec<T>,
    /// The address of the next page.
    pub(super) next: Option<String>,
}

/// What to ask for: parts of a path, each on its own, and fields of a query.
#[derive(Debug, Clone)]
pub(super) struct Address {
    parts: Vec<String>,
    query: Vec<(&'static str, String)>,
}

impl Address {
    /// Under the root.
    pub(super) fn root(part: &str) -> Self {
        Self {
            parts: vec![part.to_owned()],
            query: Vec::new(),
        }
    }

    /// Under `/api/v1`.
    pub(super) fn api(parts: &[&str]) -> Self {
        let parts = ["api", "v1"].iter().chain(parts);
        Self {
            parts: parts.map(|part| (*part).to_owned()).collect(),
            query: Vec::new(),
        }
    }

    /// With a field, where there is a value.
    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.query
            .extend(value.map(|value| (name, value.to_string())));
        self
    }

    /// At this server.
    fn at(&self, server: &Url) -> Url {
        let mut url = server.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(&self.parts);
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        url
    }
}

/// What a refusal says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Problem {
    title: String,
    detail: String,
    hint: Option<String>,
}

/// A way to a running agent.
#[derive(Debug, Clone)]
pub(super) struct Client {
    network: Arc<dyn Network>,
    server: Url,
    token: Option<SecretValue>,
    patience: Span,
    /// Who is told that an answer takes long.
    waiting: Option<Terminal>,
    /// The state folder that would have told another address, had it been readable.
    unseen: Option<PathBuf>,
}

impl Client {
    pub(super) fn new(network: Arc<dyn Network>, server: Url, token: Option<SecretValue>) -> Self {
        Self {
            network,
            server,
            token,
            patience: Span::from_secs(PATIENCE),
            waiting: None,
            unseen: None,
        }
    }

    /// The same, for somebody who waits at a terminal.
    pub(super) fn for_somebody_at(self, terminal: Terminal) -> Self {
        Self {
            waiting: Some(terminal),
            ..self
        }
    }

    /// The same, where the address is only that of the configuration because this state folder cannot be read.
    pub(super) fn guessing(self, state: &Path) -> Self {
        Self {
            unseen: Some(state.to_owned()),
            ..self
        }
    }

    /// The same, for what takes long.
    pub(super) fn patient(&self) -> Self {
        self.within(Span::from_secs(LONG_PATIENCE))
    }

    /// The same, with another patience.
    pub(super) fn within(&self, patience: Span) -> Self {
        Self {
            patience,
            ..self.clone()
        }
    }

    /// Where the agent is, for people.
    pub(super) fn server(&self) -> String {
        self.server.as_str().trim_end_matches('/').to_owned()
    }

    /// Asks, and reads the answer as it is.
    pub(super) async fn get(&self, address: &Address) -> Result<Value, CliError> {
        let response = self.ask("GET", address, None).await?;
        self.accept(response).and_then(|body| self.read(&body))
    }

    /// Asks, and reads the answer as a type.
    pub(super) async fn get_as<T: DeserializeOwned>(
        &self,
        address: &Address,
    ) -> Result<T, CliError> {
        self.get(address).await.and_then(typed)
    }

    /// Asks for health, which is told with a refusal's status where the agent is not well.
    pub(super) async fn get_health(&self) -> Result<Value, CliError> {
        let response = self.ask("GET", &Address::root("health"), None).await?;
        match self.read(&response.body) {
            Ok(value) if value.get("dependencies").is_some() => Ok(value),
            Ok(_) | Err(_) => self.accept(response).and_then(|body| self.read(&body)),
        }
    }

    /// Asks, and reads the answer as text.
    pub(super) async fn text(&self, address: &Address) -> Result<String, CliError> {
        let response = self.ask("GET", address, None).await?;
        let cut = response.cut;
        let body = self.accept(response)?;
        if cut {
            return Err(CliError::Strange(format!(
                "the answer is longer than {MOST} bytes"
            )));
        }
        String::from_utf8(body).map_err(|_| self.no_agent("it is not text"))
    }

    /// Asks for a change. The answer is null where there is none.
    pub(super) async fn post(&self, address: &Address, body: &Value) -> Result<Value, CliError> {
        let response = self.ask("POST", address, Some(body)).await?;
        let body = self.accept(response)?;
        if body.is_empty() {
            return Ok(Value::Null);
        }
        self.read(&body)
    }

    async fn ask(
        &self,
        method: &str,
        address: &Address,
        body: Option<&Value>,
    ) -> Result<HttpResponse, CliError> {
        let mut headers = vec![plain("accept", "application/json")];
        if let Some(token) = &self.token {
            let bearer = SecretValue::new(format!("Bearer {}", token.expose()));
            headers.push(("authorization".to_owned(), bearer));
        }
        if body.is_some() {
            headers.push(plain("content-type", "application/json"));
        }
        let request = HttpRequest {
            method: method.to_owned(),
            url: SecretValue::new(address.at(&self.server).to_string()),
            headers,
            body: body.map(|body| SecretValue::new(body.to_string())),
            timeout: self.patience,
            redirects: 0,
            max_body: MOST,
            authority_file: None,
        };
        let unreachable = |source| CliError::NotReachable {
            server: self.server(),
            hint: self.where_else(),
            source,
        };
        let answer = self.network.http(request);
        self.tell_of_waiting(answer).await.map_err(unreachable)
    }

    /// Says what is waited for once that takes a while.
    async fn tell_of_waiting<T>(&self, answer: impl Future<Output = T>) -> T {
        let mut answer = std::pin::pin!(answer);
        if let Ok(soon) = tokio::time::timeout(A_WHILE, &mut answer).await {
            return soon;
        }
        if let Some(terminal) = self.waiting {
            terminal.say(&format!(
                "waiting for {} to answer, for up to {}",
                self.server(),
                self.patience
            ));
        }
        answer.await
    }

    /// What to do where nobody answers.
    fn where_else(&self) -> String {
        match &self.unseen {
            None => "is it running? `orderly serve` starts one; --server names another address"
                .to_owned(),
            Some(state) => format!(
                "this user may not read {}, where the agent of another user would tell its address; --server names it",
                state.display()
            ),
        }
    }

    /// The body of an answer that is no refusal.
    fn accept(&self, response: HttpResponse) -> Result<Vec<u8>, CliError> {
        match response.status {
            200..=299 => Ok(response.body),
            status => Err(self.refusal(status, &response.body)),
        }
    }

    fn refusal(&self, status: u16, body: &[u8]) -> CliError {
        let Ok(problem) = serde_json::from_slice::<Problem>(body) else {
            return self.no_agent(&format!("it answers with status {status}"));
        };
        let detail = if problem.detail.is_empty() {
            problem.title
        } else {
            problem.detail
        };
        // For a missing or wrong token, the command line knows better than the agent where it comes from.
        let way_out = match status {
            401 => self.way_out(status).or(problem.hint),
            _ => problem.hint.or_else(|| self.way_out(status)),
        };
        let hint = way_out
            .map(|hint| format!("\nhint: {hint}"))
            .unwrap_or_default();
        let text = crate::http::visible::lines(&format!("{detail}{hint}"));
        match status {
            500..=599 => CliError::Strange(format!("the agent cannot do that now: {text}")),
            _ => CliError::Refused(text),
        }
    }

    fn way_out(&self, status: u16) -> Option<String> {
        let which = if self.token.is_some() {
            "name another token with --token-file or in ORDERLY_TOKEN"
        } else {
            "name a token with --token-file or in ORDERLY_TOKEN; on the agent's own host, `admin.token` in its state folder is read by itself where its user may and no --server is named"
        };
        match status {
            401 | 403 => Some(which.to_owned()),
            429 => Some("try again in a few seconds".to_owned()),
            _ => None,
        }
    }

    fn read(&self, body: &[u8]) -> Result<Value, CliError> {
        serde_json::from_slice(body).map_err(|_| self.no_agent("it does not answer with JSON"))
    }

    fn no_agent(&self, why: &str) -> CliError {
        CliError::Strange(format!(
            "what answers at {} is not an agent of orderly: {why}\nhint: --server names another address",
            self.server()
        ))
    }
}

fn plain(name: &str, value: &str) -> (String, SecretValue) {
    (name.to_owned(), SecretValue::new(value.to_owned()))
}

/// A value as a type.
pub(super) fn typed<T: DeserializeOwned>(value: Value) -> Result<T, CliError> {
    serde_json::from_value(value).map_err(|error| {
        CliError::Strange(format!(
            "the agent's answer cannot be read: {error}\nhint: is the agent of another version? --output json shows the answer as it is"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::{Address, Client};
    use crate::{cli::exit::Exit, daemon::wiring, domain::secret::SecretValue};
    use url::Url;

    fn client() -> Client {
        let server = Url::parse("http://127.0.0.1:1/orderly/").unwrap();
        Client::new(wiring::network(), server, None)
    }

    #[test]
    fn a_value_stays_in_its_place_of_the_address() {
        let address = Address::api(&["runs", "a/../b", "logs"])
            .with("step", Some("x&y"))
            .with("limit", None::<u8>);
        assert_eq!(
            address.at(&client().server).as_str(),
            "http://127.0.0.1:1/orderly/api/v1/runs/a%2F..%2Fb/logs?step=x%26y"
        );
    }

    #[test]
    fn a_refusal_is_told_with_its_hint_and_its_own_exit_code() {
        let body = br#"{"title":"Conflict","status":409,"detail":"run 1 has ended","hint":"look"}"#;
        let error = client().refusal(409, body);
        assert_eq!(error.exit(), Exit::Refused);
        assert_eq!(
            error.report().unwrap(),
            "error: run 1 has ended\nhint: look\n"
        );
    }

    #[test]
    fn who_has_no_token_is_told_where_it_comes_from() {
        let body = br#"{"title":"Unauthorized","status":401,"detail":"this needs a token"}"#;
        let report = client().refusal(401, body).report().unwrap();
        assert!(
            report.contains("`admin.token` in its state folder"),
            "{report}"
        );
        let known = Client {
            token: Some(SecretValue::new("x".to_owned())),
            ..client()
        };
        let report = known.refusal(401, body).report().unwrap();
        assert!(report.contains("another token"), "{report}");
    }

    #[test]
    fn a_server_of_somebody_else_is_not_taken_for_an_agent() {
        let error = client().refusal(404, b"<html>");
        assert_eq!(error.exit(), Exit::NotReachable);
        assert!(
            error.to_string().contains("is not an agent of orderly"),
            "{error}"
        );
        assert!(client().read(b"<html>").is_err());
    }

    #[test]
    fn whoever_cannot_read_the_state_folder_is_told_that_it_has_the_address() {
        let hint = client().guessing("/var/lib/orderly".as_ref()).where_else();
        assert!(
            hint.starts_with("this user may not read /var/lib/orderly"),
            "{hint}"
        );
    }

    #[tokio::test]
    async fn an_agent_that_is_not_there_is_named_with_a_way_out() {
        let error = client().get(&Address::root("health")).await.unwrap_err();
        assert_eq!(error.exit(), Exit::NotReachable);
        let report = error.report().unwrap();
        assert!(
            report.starts_with("error: no agent answers at http://127.0.0.1:1/orderly\n"),
            "{report}"
        );
        assert!(
            report.contains("hint: is it running? `orderly serve` starts one"),
            "{report}"
        );
    }
}
