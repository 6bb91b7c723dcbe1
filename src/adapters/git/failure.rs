//! libgit2's errors as the core knows them, without credentials.

use super::refusal::Refusal;
use crate::{domain::secret::SecretValue, ports::source::SourceError};
use git2::ErrorCode;

/// What a failure is about.
#[derive(Debug, Clone)]
pub(super) struct Blame {
    /// The source, for people.
    pub(super) url: String,
    /// A text that must never be shown.
    pub(super) secret: Option<SecretValue>,
}

/// Why a blocking piece of work ended early.
#[derive(Debug)]
pub(super) enum Failure {
    /// The other side: the transport, the server, the credentials.
    Transport(git2::Error),
    /// The branch, tag or path: what, and a way out.
    Missing(String, String),
    /// What is here: the copy, the objects, the disk.
    Objects(git2::Error),
    /// Anything else that makes the source unusable.
    Unusable(String),
}

impl Blame {
    /// The error that the core sees; `refusal` knows the reason better than libgit2, if it knows one.
    pub(super) fn error(&self, failure: Failure, refusal: &Refusal) -> SourceError {
        let known = refusal.take();
        match failure {
            Failure::Missing(what, hint) => SourceError::Missing {
                url: self.url.clone(),
                what,
                hint,
            },
            Failure::Transport(error) => {
                self.unreachable(known.unwrap_or_else(|| transport_reason(&error)))
            }
            Failure::Objects(error) => self.unusable(objects_reason(&error)),
            Failure::Unusable(reason) => self.unusable(reason),
        }
    }

    pub(super) fn unreachable(&self, reason: impl Into<String>) -> SourceError {
        SourceError::Unreachable {
            url: self.url.clone(),
            reason: self.without_secret(reason.into()),
        }
    }

    pub(super) fn unusable(&self, reason: impl Into<String>) -> SourceError {
        SourceError::Unusable {
            url: self.url.clone(),
            reason: self.without_secret(reason.into()),
        }
    }

    fn without_secret(&self, text: String) -> String {
        match self.secret.as_ref().map(SecretValue::expose) {
            Some(secret) if !secret.is_empty() => text.replace(secret, "***"),
            Some(_) | None => text,
        }
    }
}

fn transport_reason(error: &git2::Error) -> String {
    let message = error.message();
    if error.code() == ErrorCode::Auth {
        return format!(
            "{message}\nhint: give the source a token or an ssh key that may read the repository"
        );
    }
    if message.contains("unexpected http status code: 404") {
        return format!("{message}\nhint: check the address, and whether the token may read it");
    }
    message.to_owned()
}

fn objects_reason(error: &git2::Error) -> String {
    if error.code() == ErrorCode::Owner {
        return format!(
            "{}\nhint: run the agent as the owner of the repository, or trust it: git config --system --add safe.directory <path>",
            error.message()
        );
    }
    error.message().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Blame, Failure};
    use crate::{adapters::git::refusal::Refusal, domain::secret::SecretValue};
    use git2::{Error, ErrorClass, ErrorCode};

    #[test]
    fn a_secret_never_appears_and_the_better_reason_wins() {
        let blame = Blame {
            url: "https://h/a".into(),
            secret: Some(SecretValue::new("hunter2".into())),
        };
        let refusal = Refusal::default();
        let failed = || Failure::Transport(Error::from_str("bad hunter2"));
        let text = blame.error(failed(), &refusal).to_string();
        assert_eq!(text, "fetching https://h/a: bad ***");
        refusal.note("the port is closed");
        let text = blame.error(failed(), &refusal).to_string();
        assert_eq!(text, "fetching https://h/a: the port is closed");
    }

    #[test]
    fn a_foreign_owner_and_a_refused_login_come_with_a_hint() {
        let blame = Blame {
            url: "/srv/a".into(),
            secret: None,
        };
        let text = |failure| blame.error(failure, &Refusal::default()).to_string();
        let owner = Error::new(ErrorCode::Owner, ErrorClass::Config, "not owned");
        assert!(text(Failure::Objects(owner)).contains("safe.directory"));
        let auth = Error::new(ErrorCode::Auth, ErrorClass::Http, "401");
        assert!(text(Failure::Transport(auth)).contains("hint: give the source a token"));
    }
}
