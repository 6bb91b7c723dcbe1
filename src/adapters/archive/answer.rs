//! What a store answers where it does not do what it was asked, in words for people: its own code and message, and a way out.
//!
//! Invariants
//! - A code that the store gave is told, for it says more than the status; the XML around it never is.
//! - What is no answer of S3 is told as that: nothing that it says of an object is to be relied on.

use object_store::{
    Error,
    client::{HttpClient, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService},
};
use std::{io, pin::Pin};

/// A message of a store that is longer is cut.
const MOST: usize = 300;

/// How the client speaks of an answer that says no, and of one that says yes and holds an error. Its own types for both are private.
const REFUSED: &str = "Server returned non-2xx status code: ";
const FAULTY: &str = "Server returned error response: ";

/// What right a request takes, as S3 names it.
pub(super) const READ: &str = "s3:GetObject";
pub(super) const LOOK: &str = "s3:GetObject, and s3:ListBucket of the bucket";
pub(super) const LIST: &str = "s3:ListBucket of the bucket";
pub(super) const WRITE: &str = "s3:PutObject";
pub(super) const DELETE: &str = "s3:DeleteObject";
pub(super) const ABORT: &str = "s3:AbortMultipartUpload";

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The status of its answer, if one came.
    status: Option<u16>,
    /// Its own code, if it answers as S3 does.
    code: Option<String>,
    /// What it says besides.
    message: Option<String>,
    /// The region that it names.
    region: Option<String>,
    /// What answered is no S3.
    stranger: bool,
    /// What happened on the way: the deepest cause tells most, and its client's own words nothing.
    cause: String,
}

impl Refusal {
    pub(super) fn of(error: &Error) -> Self {
        let causes = || {
            std::iter::successors(Some(error as &dyn std::error::Error), |error| {
                error.source()
            })
        };
        let cause = causes().last().map(ToString::to_string).unwrap_or_default();
        Self {
            stranger: causes().any(<dyn std::error::Error>::is::<Stranger>),
            ..Self::read(cause)
        }
    }

    /// Of the client's words about an answer, its status and the parts of its XML body that are of use.
    fn read(cause: String) -> Self {
        let (status, body) = if let Some(answer) = cause.strip_prefix(REFUSED) {
            let (status, body) = answer.split_once(": ").unwrap_or((answer, ""));
            (status.get(..3).and_then(|digits| digits.parse().ok()), body)
        } else if let Some(body) = cause.strip_prefix(FAULTY) {
            (Some(200), body)
        } else {
            (None, "")
        };
        Self {
            status,
            code: part(body, "Code"),
            message: part(body, "Message"),
            region: part(body, "Region"),
            stranger: false,
            cause,
        }
    }

    /// Whether it says that there is no such thing.
    pub(super) fn is_absence(&self) -> bool {
        self.status == Some(404)
    }

    /// Whether the request itself was refused, and not only carried out with a fault.
    pub(super) fn is_of_the_request(&self) -> bool {
        let refused = self
            .status
            .is_some_and(|status| (400..500).contains(&status));
        refused || self.stranger
    }

    /// Whether it was S3 that answered.
    pub(super) fn is_of_s3(&self) -> bool {
        self.code.is_some()
    }

    /// Whether only a right is missing.
    pub(super) fn lacks_right(&self) -> bool {
        matches!(
            self.code.as_deref(),
            Some("AccessDenied" | "AllAccessDisabled")
        )
    }

    /// What happened, and what to do; `right` is what the request takes, `region` the configured one.
    pub(super) fn said(&self, right: &str, region: &str) -> (String, String) {
        (self.what(), self.hint(right, region))
    }

    fn what(&self) -> String {
        let Some(status) = self.status else {
            return self.cause.clone();
        };
        let own = match (&self.code, &self.message) {
            (Some(code), Some(message)) => format!("{code}: {}", message.trim_end_matches('.')),
            (Some(code), None) => code.clone(),
            (None, _) => String::new(),
        };
        match (status, own.as_str()) {
            (403, "") => "the store does not allow it (403)".to_owned(),
            (403, own) if self.lacks_right() => {
                format!("the store does not allow it (403 {own})")
            }
            (401, "") => "the store does not know the access key (401)".to_owned(),
            (status, "") => format!("the store answers {}", in_words(status)),
            (status, own) => format!("the store answers {} ({own})", in_words(status)),
        }
    }

    fn hint(&self, right: &str, region: &str) -> String {
        if self.stranger {
            return "see `endpoint`: what answers there does not speak S3".to_owned();
        }
        if let Some(hint) = self
            .code
            .as_deref()
            .and_then(|code| self.by_code(code, region))
        {
            return hint;
        }
        match self.status {
            Some(403) => format!(
                "see what the access key may do with this bucket and prefix: this takes {right}"
            ),
            Some(401) => "see the secrets that `accessKey` and `secretKey` name".to_owned(),
            Some(404) if self.code.is_none() => {
                "see `endpoint` and `bucket`: what answers there does not speak S3".to_owned()
            }
            Some(404) => "see that `bucket` and `prefix` name where it was kept".to_owned(),
            Some(500..) => "the fault is the store's: see its own log, then try again".to_owned(),
            // An answer that was taken for good at first, with a fault in it.
            Some(200..300) => "the fault is the store's: see its own log, then try again".to_owned(),
            Some(_) => "see the store's settings under `artifacts.stores`".to_owned(),
            None if self.cause.contains("without LOCATION") => of_region(region, None),
            None => "see that the store runs and can be reached from here without a break, then try again".to_owned(),
        }
    }

    fn by_code(&self, code: &str, region: &str) -> Option<String> {
        Some(match code {
            "SignatureDoesNotMatch" => {
                "the secret key is not that of this access key: see the secrets that `secretKey` and `accessKey` name".to_owned()
            }
            "InvalidAccessKeyId" | "XAdminUserNotFound" | "NotSignedUp" | "InvalidToken" => {
                "the server does not know the access key: see the secret that `accessKey` names, and that `endpoint` is the server that it is for".to_owned()
            }
            "NoSuchBucket" => "see that the bucket is there, and that `bucket` names it".to_owned(),
            "AuthorizationHeaderMalformed"
            | "AuthorizationQueryParametersError"
            | "PermanentRedirect"
            | "IllegalLocationConstraintException"
            | "InvalidRegion" => of_region(region, self.region.as_deref()),
            "RequestTimeTooSkewed" => "see the clock of this host, and that of the store".to_owned(),
            _ => return None,
        })
    }
}

fn of_region(configured: &str, named: Option<&str>) -> String {
    match named {
        Some(named) => {
            format!("see `region`: it is {configured} here, and the server names {named}")
        }
        None => format!("see `region`: it is {configured} here, and the server may want another"),
    }
}

fn in_words(status: u16) -> String {
    let known = http::StatusCode::from_u16(status).ok();
    let reason = known.and_then(|status| status.canonical_reason());
    reason.map_or(status.to_string(), |reason| format!("{status} {reason}"))
}

/// The text of an element, in one line; none where it is no text.
fn part(body: &str, name: &str) -> Option<String> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty() && !text.contains('<')).then(|| {
        let text = text.replace("&quot;", "\"").replace("&apos;", "'");
        let text = text
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&");
        text.chars().take(MOST).collect()
    })
}

/// What was to list a bucket answered with something else.
#[derive(Debug, thiserror::Error)]
#[error("what answers there does not list the bucket as S3 does")]
struct Stranger;

/// The way to a store. A list of a bucket is taken for one only where it is: whatever a web server shows instead, read leniently, would
/// be a bucket with nothing in it.
#[derive(Debug)]
pub(super) struct Way(pub(super) HttpClient);

impl HttpService for Way {
    fn call<'life0, 'async_trait>(
        &'life0 self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            let query = request.uri().query().unwrap_or_default();
            let lists = query.contains("list-type=2");
            let answer = self.0.execute(request).await?;
            if !lists || !answer.status().is_success() {
                return Ok(answer);
            }
            let (head, body) = answer.into_parts();
            let body = body.bytes().await?;
            if !String::from_utf8_lossy(&body).contains("<ListBucketResult") {
                return Err(HttpError::new(HttpErrorKind::Decode, Stranger));
            }
            Ok(HttpResponse::from_parts(head, body.into()))
        })
    }
}

/// An error of a store, with its way out.
pub(super) fn told(place: &str, (what, hint): (String, String)) -> io::Error {
    io::Error::other(format!("{place}: {what}\nhint: {hint}"))
}

#[cfg(test)]
mod tests {
    use super::Refusal;

    fn of(status: u16, body: &str) -> (String, String) {
        let cause = match status {
            200 => format!("Server returned error response: {body}"),
            status => format!("Server returned non-2xx status code: {status} Reason: {body}"),
        };
        Refusal::read(cause).said("s3:DeleteObject", "us-east-1")
    }

    #[test]
    fn of_an_answer_the_status_the_code_and_the_message_are_told() {
        let xml = "<?xml version=\"1.0\"?><Error><Code>EntityTooSmall</Code><Message>Too\n small.</Message></Error>";
        assert_eq!(
            of(400, xml).0,
            "the store answers 400 Bad Request (EntityTooSmall: Too small)"
        );
        assert_eq!(
            of(502, "<html>x</html>").0,
            "the store answers 502 Bad Gateway"
        );
        assert_eq!(of(500, "").0, "the store answers 500 Internal Server Error");
        let internal =
            "<Error><Code>InternalError</Code><Message>Please try again.</Message></Error>";
        assert_eq!(
            of(200, internal).0,
            "the store answers 200 OK (InternalError: Please try again)"
        );
    }

    #[test]
    fn what_to_do_is_told_by_the_code() {
        for (status, code, hint) in [
            (403, "SignatureDoesNotMatch", "the secret key is not that"),
            (403, "InvalidAccessKeyId", "does not know the access key"),
            (404, "XAdminUserNotFound", "does not know the access key"),
            (403, "AccessDenied", "this takes s3:DeleteObject"),
            (404, "NoSuchBucket", "`bucket` names it"),
            (503, "SlowDown", "the fault is the store's"),
        ] {
            let body = format!("<Error><Code>{code}</Code></Error>");
            let said = of(status, &body);
            assert!(said.0.contains(code) && said.1.contains(hint), "{said:?}");
        }
        let region =
            "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-central-1</Region></Error>";
        assert_eq!(
            of(400, region).1,
            "see `region`: it is us-east-1 here, and the server names eu-central-1"
        );
        assert!(of(404, "<html>").1.contains("does not speak S3"));
    }

    #[test]
    fn where_no_answer_came_the_way_is_told() {
        let refusal = Refusal::read("connection refused".to_owned());
        let (what, hint) = refusal.said("s3:GetObject", "us-east-1");
        assert_eq!(what, "connection refused");
        assert!(hint.contains("can be reached"), "{hint}");
    }
}
