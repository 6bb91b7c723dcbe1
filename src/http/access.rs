//! Who may do what: bearer tokens with roles, reads that are open on loopback, and a bound on wrong tokens.
//!
//! - Every change needs a bearer token. A token is known by its SHA-256 alone, and compared with every entry in constant time.
//! - Looking needs a token too, unless the agent listens on loopback and is configured so. An open read must name the agent by a loopback
//!   name or a configured one in `Host`, or else a page of somebody else could read it through a name that points here (DNS rebinding).
//! - The metrics can be opened to everybody who reaches the address: scrapers rarely have a token, and call a pod by its address.
//! - Looking also takes the token as a password (RFC 7617), which is what a browser can send. Changing does not: a browser would send it
//!   by itself.
//! - A wrong token costs: after [`MOST_FAILURES`] in a minute the address is told to wait. A right one is never held up.

use crate::{
    domain::{
        access::{Right, Role, TokenEntry},
        approval::Person,
        audit::Entry,
        digest::Digest,
    },
    history::Write,
    http::{Front, problem::Problem, server::Peer},
};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

/// Wrong tokens an address may send in a minute.
const MOST_FAILURES: u32 = 20;
/// Addresses whose failures are counted; when there are more, they share one count.
const MOST_ADDRESSES: usize = 1024;
const MINUTE: Duration = Duration::from_mins(1);
/// The longest token that is looked at, in bytes.
const LONGEST_TOKEN: usize = 1024;

/// What the configuration says about access.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessRules {
    /// Known tokens.
    pub tokens: Vec<TokenEntry>,
    /// Whether looking needs none where the agent listens on a loopback address.
    pub open_reads: bool,
    /// Whether the metrics need none, wherever the agent listens and whatever it is called.
    pub open_metrics: bool,
    /// Names by which an open read may call the agent, beside those of the loopback.
    pub host_names: Vec<String>,
}

/// The rules in force, and wrong tokens lately seen.
#[derive(Debug, Default)]
pub struct Access {
    rules: RwLock<Arc<AccessRules>>,
    failures: Mutex<Failures>,
}

#[derive(Debug, Default)]
struct Failures {
    since: Duration,
    by_address: BTreeMap<Option<IpAddr>, u32>,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Caller {
    /// Nobody known, on an open read.
    Anonymous,
    /// The holder of a token.
    Known(Person, Role),
}

impl Caller {
    /// The person behind a change. Changes are never anonymous; should one be, it is refused.
    pub(super) fn person(&self) -> Result<&Person, Problem> {
        match self {
            Self::Known(person, _) => Ok(person),
            Self::Anonymous => Err(Refusal::Missing.problem()),
        }
    }
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Refusal {
    Missing,
    Unknown,
    /// Whose token it is, what it may, and what was asked.
    Role(String, Role, Right),
    Host(String),
    Rate,
}

/// What decides about a request.
#[derive(Debug)]
struct Asked<'a> {
    right: Right,
    metrics: bool,
    authorization: Option<&'a str>,
    host: Option<&'a str>,
    loopback: bool,
}

impl Access {
    /// With these rules.
    pub fn new(rules: AccessRules) -> Self {
        Self {
            rules: RwLock::new(Arc::new(rules)),
            failures: Mutex::default(),
        }
    }

    /// Other rules from now on.
    pub fn replace(&self, rules: AccessRules) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }

    pub(super) fn rules(&self) -> Arc<AccessRules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts a wrong token; whether the address has sent too many.
    fn failed(&self, address: Option<IpAddr>, now: Duration) -> bool {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_sub(failures.since) >= MINUTE {
            *failures = Failures {
                since: now,
                by_address: BTreeMap::new(),
            };
        }
        let full = failures.by_address.len() >= MOST_ADDRESSES
            && !failures.by_address.contains_key(&address);
        let count = failures
            .by_address
            .entry(if full { None } else { address })
            .or_default();
        *count = count.saturating_add(1);
        *count > MOST_FAILURES
    }
}

impl AccessRules {
    fn decide(&self, asked: &Asked<'_>) -> Result<Caller, Refusal> {
        if asked.metrics && self.open_metrics {
            return Ok(Caller::Anonymous);
        }
        match asked.authorization {
            Some(authorization) => self.known(authorization, asked.right),
            None if asked.right == Right::Read && asked.loopback && self.open_reads => {
                self.named(asked.host.unwrap_or_default())
            }
            None => Err(Refusal::Missing),
        }
    }

    fn known(&self, authorization: &str, right: Right) -> Result<Caller, Refusal> {
        let token = presented(authorization, right)
            .filter(|token| token.len() <= LONGEST_TOKEN)
            .ok_or(Refusal::Unknown)?;
        let digest = Digest::of_bytes(token.as_bytes());
        let mut found: Option<&TokenEntry> = None;
        for entry in &self.tokens {
            // Every entry is compared, whichever fits.
            if same(&entry.sha256, &digest) {
                found = found.or(Some(entry));
            }
        }
        let entry = found.ok_or(Refusal::Unknown)?;
        if entry.role.may(right) {
            Ok(Caller::Known(entry.person(), entry.role))
        } else {
            Err(Refusal::Role(entry.person().subject, entry.role, right))
        }
    }

    fn named(&self, host: &str) -> Result<Caller, Refusal> {
        let name = without_port(host);
        let loopback = name.eq_ignore_ascii_case("localhost")
            || name
                .trim_matches(['[', ']'])
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        if loopback
            || self
                .host_names
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name))
        {
            Ok(Caller::Anonymous)
        } else {
            Err(Refusal::Host(name.chars().take(100).collect()))
        }
    }
}

/// The token in an `Authorization` header.
fn presented(authorization: &str, right: Right) -> Option<String> {
    let (scheme, rest) = authorization.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.to_owned());
    }
    if scheme.eq_ignore_ascii_case("basic") && right == Right::Read {
        let text = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
        return text
            .split_once(':')
            .map(|(_, password)| password.to_owned());
    }
    None
}

/// Compares two digests in a time that does not depend on where they differ.
fn same(one: &Digest, other: &Digest) -> bool {
    let differing = one
        .as_bytes()
        .iter()
        .zip(other.as_bytes())
        .fold(0u8, |sum, (a, b)| sum | (a ^ b));
    std::hint::black_box(differing) == 0
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty() =>
        {
            if name.contains(':') && !name.ends_with(']') {
                host
            } else {
                name
            }
        }
        Some(_) | None => host,
    }
}

impl Refusal {
    fn reason(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unknown => "unknown",
            Self::Role(..) => "role",
            Self::Host(_) => "host",
            Self::Rate => "rate",
        }
    }

    fn problem(&self) -> Problem {
        let status = match self {
            Self::Missing | Self::Unknown => StatusCode::UNAUTHORIZED,
            Self::Role(..) | Self::Host(_) => StatusCode::FORBIDDEN,
            Self::Rate => StatusCode::TOO_MANY_REQUESTS,
        };
        match self {
            Self::Missing => Problem::new(status, "token-missing", "this needs a token")
                .hint("send `Authorization: Bearer <token>`; the command line takes it from ORDERLY_TOKEN")
                .header(header::WWW_AUTHENTICATE, "Bearer realm=\"orderly\""),
            Self::Unknown => Problem::new(status, "token-unknown", "the token is not known")
                .header(header::WWW_AUTHENTICATE, "Bearer realm=\"orderly\", error=\"invalid_token\""),
            Self::Role(_, has, needs) => {
                let needs = needs.role().as_str();
                let detail = format!("this needs the role {needs} or admin; the token has the role {}", has.as_str());
                Problem::new(status, "role", detail)
                    .header(header::WWW_AUTHENTICATE, "Bearer realm=\"orderly\", error=\"insufficient_scope\"")
            }
            Self::Host(name) => Problem::new(status, "host", format!("`{}` is not a name of this agent", crate::http::visible::line(name)))
                .hint("call it by a loopback address, add the name to `http.allowedHosts`, or send a token"),
            Self::Rate => Problem::new(status, "too-many-wrong-tokens", "too many wrong tokens came from this address")
                .header(header::RETRY_AFTER, "60"),
        }
    }
}

/// What a route needs.
#[derive(Debug, Clone)]
pub(super) struct Needs {
    pub(super) front: Arc<Front>,
    pub(super) right: Right,
    /// Whether it is the metrics, which have a rule of their own.
    pub(super) metrics: bool,
}

/// Lets a request through to a route that needs a right, with its [`Caller`], or refuses it.
pub(super) async fn require(
    State(needs): State<Needs>,
    mut request: Request,
    next: Next,
) -> Response {
    let front = &needs.front;
    let peer = request.extensions().get::<Peer>().copied();
    let asked = Asked {
        right: needs.right,
        metrics: needs.metrics,
        authorization: authorization(request.headers()),
        host: host(request.uri(), request.headers()),
        loopback: peer.is_some_and(|peer| peer.loopback),
    };
    let mut decided = front.access.rules().decide(&asked);
    if decided == Err(Refusal::Unknown) {
        let too_many = front
            .access
            .failed(peer.map(|peer| peer.address.ip()), front.clock.elapsed());
        decided = Err(if too_many {
            Refusal::Rate
        } else {
            Refusal::Unknown
        });
    }
    match decided {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refusal) => {
            let route = request
                .extensions()
                .get::<MatchedPath>()
                .map_or("unmatched", MatchedPath::as_str);
            front.events.http_refused(refusal.reason(), route);
            note(&needs, &refusal, route, peer).await;
            let mut response = refusal.problem().into_response();
            if needs.right == Right::Read
                && response.status() == StatusCode::UNAUTHORIZED
                && !route.starts_with("/api/")
            {
                // A browser asks its user for a password only for this scheme.
                let basic = axum::http::HeaderValue::from_static(
                    "Basic realm=\"orderly: any name, and a token as the password\"",
                );
                response
                    .headers_mut()
                    .append(header::WWW_AUTHENTICATE, basic);
            }
            response
        }
    }
}

/// A change that was refused is recorded, but for a flood of wrong tokens.
async fn note(needs: &Needs, refusal: &Refusal, route: &str, peer: Option<Peer>) {
    if needs.right == Right::Read || matches!(refusal, Refusal::Missing | Refusal::Rate) {
        return;
    }
    let front = &needs.front;
    let user = match refusal {
        Refusal::Role(subject, ..) => subject.as_str(),
        Refusal::Missing | Refusal::Unknown | Refusal::Host(_) | Refusal::Rate => "unknown",
    };
    let address = peer.map(|peer| peer.address.ip().to_string());
    let entry = Entry::new(front.clock.now(), user, "access.refused", route)
        .with(json!({"from": address}))
        .failed(refusal.reason());
    if let Err(error) = front.history.write(vec![Write::Audit(entry)]).await {
        let doing = "a change that was refused";
        front
            .events
            .history_commit_failed(doing, &error.to_string());
    }
}

/// A header that is there but is no text counts as a wrong one.
fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(header::AUTHORIZATION)
        .map(|value| value.to_str().unwrap_or_default())
}

fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    uri.host()
        .or_else(|| headers.get(header::HOST)?.to_str().ok())
}
