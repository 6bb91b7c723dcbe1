//! One request and its answer, redirects followed by hand.
//!
//! By hand, because the library's own policy is one for all requests and lets headers of the caller's own naming, which may hold a
//! credential, go with a redirect to another server.

use crate::{
    adapters::network::{
        fault::{from_client, origin, origin_of},
        since,
    },
    domain::secret::SecretValue,
    ports::network::{HttpRequest, HttpResponse, NetworkError},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, USER_AGENT},
};
use reqwest::{Client, Response};
use tokio::time::Instant;
use url::Url;

/// Headers that may go to another server than the one they were meant for.
const HARMLESS: [HeaderName; 3] = [ACCEPT, ACCEPT_LANGUAGE, USER_AGENT];

/// What is sent next.
#[derive(Debug)]
pub(super) struct Hop {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<SecretValue>,
}

/// What an answer asks for.
enum Turn {
    /// Nothing more: it is the last one.
    Stay(Hop),
    /// Another request.
    Follow(Hop),
}

impl Hop {
    /// The request as the caller has it.
    pub(super) fn first(request: &HttpRequest) -> Result<Self, NetworkError> {
        let text = request.url.expose();
        let refuse =
            |reason: &str| NetworkError::InvalidAddress(origin_of(text), reason.to_owned());
        let url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refuse("only http and https are spoken"));
        }
        let method = Method::from_bytes(request.method.as_bytes());
        let method = method.map_err(|_| {
            NetworkError::NotAsked(
                origin(&url),
                format!("`{}` is not a method", request.method),
            )
        })?;
        Ok(Self {
            method,
            headers: headers(request, &url)?,
            url,
            body: request.body.clone(),
        })
    }

    /// Who is asked.
    pub(super) fn target(&self) -> String {
        origin(&self.url)
    }

    async fn send(&self, client: &Client) -> Result<Response, NetworkError> {
        let mut request = client
            .request(self.method.clone(), self.url.clone())
            .headers(self.headers.clone());
        if let Some(body) = &self.body {
            request = request.body(body.expose().to_owned());
        }
        let sent = request.send().await;
        sent.map_err(|error| from_client(&self.target(), error))
    }

    /// The request that an answer redirects to, if it does (RFC 9110, section 15.4; Fetch standard, HTTP-redirect
    /// fetch).
    fn after(mut self, answer: &Response) -> Result<Turn, NetworkError> {
        let status = answer.status().as_u16();
        let location = answer.headers().get(LOCATION);
        let (Some(location), 301 | 302 | 303 | 307 | 308) = (location, status) else {
            return Ok(Turn::Stay(self));
        };
        let next = self.resolve(location)?;
        let becomes_get = match status {
            303 => self.method != Method::HEAD,
            301 | 302 => self.method == Method::POST,
            _ => false,
        };
        if next.origin() != self.url.origin() {
            self.cross(&next)?;
        }
        if becomes_get {
            self.method = Method::GET;
            self.body = None;
            self.headers.remove(CONTENT_TYPE);
            self.headers.remove(CONTENT_LENGTH);
        }
        self.url = next;
        Ok(Turn::Follow(self))
    }

    fn resolve(&self, location: &HeaderValue) -> Result<Url, NetworkError> {
        let text = String::from_utf8_lossy(location.as_bytes());
        let next = self.url.join(&text).ok();
        let next = next.filter(|url| matches!(url.scheme(), "http" | "https"));
        let next = next.ok_or_else(|| self.refused("to what is not an http address"))?;
        if self.url.scheme() == "https" && next.scheme() == "http" {
            return Err(self.refused("from https to http, where anybody may listen"));
        }
        Ok(next)
    }

    /// Another server gets nothing that was meant for this one.
    fn cross(&mut self, next: &Url) -> Result<(), NetworkError> {
        if !self.method.is_safe() {
            let words = format!(
                "to {}, another server, which a change does not follow",
                origin(next)
            );
            return Err(self.refused(&words));
        }
        self.body = None;
        let headers = std::mem::take(&mut self.headers);
        let harmless = headers
            .into_iter()
            .filter_map(|(name, value)| Some((name?, value)));
        self.headers = harmless
            .filter(|(name, _)| HARMLESS.contains(name))
            .collect();
        Ok(())
    }

    fn refused(&self, words: &str) -> NetworkError {
        NetworkError::Unreachable {
            target: self.target(),
            reason: format!("it redirects {words}"),
            sent: true,
        }
    }
}

fn headers(request: &HttpRequest, url: &Url) -> Result<HeaderMap, NetworkError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let refuse =
            |what: &str| NetworkError::NotAsked(origin(url), format!("the header `{name}` {what}"));
        let name =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| refuse("has no valid name"))?;
        let mut value = HeaderValue::from_str(value.expose())
            .map_err(|_| refuse("has a value that cannot be sent (a line break, or not ASCII)"))?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

/// Sends a request, follows as many redirects as asked for, and reads the last answer.
pub(super) async fn follow(
    client: &Client,
    request: &HttpRequest,
    first: Hop,
) -> Result<HttpResponse, NetworkError> {
    let begin = Instant::now();
    let mut hop = first;
    let mut followed = 0;
    loop {
        let answer = hop.send(client).await?;
        if request.redirects == 0 {
            return read(answer, &hop, request.max_body, begin).await;
        }
        hop = match hop.after(&answer)? {
            Turn::Stay(last) => return read(answer, &last, request.max_body, begin).await,
            Turn::Follow(next) => next,
        };
        followed += 1;
        if followed > request.redirects {
            let words = format!("more than {} times", request.redirects);
            return Err(hop.refused(&words));
        }
    }
}

async fn read(
    mut answer: Response,
    hop: &Hop,
    max_body: usize,
    begin: Instant,
) -> Result<HttpResponse, NetworkError> {
    let status = answer.status().as_u16();
    let headers = answer
        .headers()
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect();
    let mut body = Vec::new();
    let mut cut = false;
    loop {
        let chunk = answer.chunk().await;
        let Some(chunk) = chunk.map_err(|error| from_client(&hop.target(), error))? else {
            break;
        };
        let room = max_body - body.len();
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if chunk.len() > room {
            cut = true;
            break;
        }
    }
    Ok(HttpResponse {
        status,
        headers,
        body,
        cut,
        took: since(begin),
    })
}
