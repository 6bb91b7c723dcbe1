//! Names: what people call things, checked once.

use std::{fmt, str::FromStr};

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a valid {what}: {rule}")]
pub struct InvalidName {
    /// The text as written.
    pub text: String,
    /// Which sort of name was wanted.
    pub what: &'static str,
    /// The rule it breaks.
    pub rule: &'static str,
}

const LABEL_RULE: &str =
    "use 1 to 63 lower-case letters, digits and `-`, starting and ending with a letter or digit";
const IDENTIFIER_RULE: &str = "use 1 to 63 letters, digits and `_`, starting with a letter (names appear in expressions, where `-` means minus)";
const PATH_RULE: &str = "use lower-case words joined by `-` and `/`, as in `kubernetes/scale`";

const LABEL_PATTERN: &str = "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$";
const IDENTIFIER_PATTERN: &str = "^[A-Za-z][A-Za-z0-9_]{0,62}$";
const PATH_PATTERN: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(/[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

fn is_label(text: &str) -> bool {
    let alphanumeric = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|&c| alphanumeric(c) || c == b'-')
        && bytes.first().is_some_and(|&c| alphanumeric(c))
        && bytes.last().is_some_and(|&c| alphanumeric(c))
}

fn is_identifier(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes
            .iter()
            .all(|&c| c.is_ascii_alphanumeric() || c == b'_')
        && bytes.first().is_some_and(u8::is_ascii_alphabetic)
}

fn is_path(text: &str) -> bool {
    text.len() <= 63 && text.split('/').all(is_label)
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $test:ident, $rule:ident, $pattern:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// Checks the text.
            ///
            /// # Errors
            /// The text breaks the rule for this sort of name.
            pub fn new(text: &str) -> Result<Self, InvalidName> {
                if $test(text) {
                    return Ok(Self(text.into()));
                }
                Err(InvalidName { text: text.to_owned(), what: $what, rule: $rule })
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }
        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(&text)
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().to_owned()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.as_str())
            }
        }
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "maxLength": 63,
                    "pattern": $pattern,
                    "patternErrorMessage": format!("not a valid {}: {}", $what, $rule),
                })
            }
            fn inline_schema() -> bool {
                true
            }
        }
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// A runbook's `metadata.name`: an RFC 1123 label, unique in the repository.
    RunbookName, "runbook name", is_label, LABEL_RULE, LABEL_PATTERN
);
name!(
    /// A calendar's `metadata.name`.
    CalendarName, "calendar name", is_label, LABEL_RULE, LABEL_PATTERN
);
name!(
    /// An environment's `metadata.name`.
    EnvironmentName, "environment name", is_label, LABEL_RULE, LABEL_PATTERN
);
name!(
    /// A policy's `metadata.name`.
    PolicyName, "policy name", is_label, LABEL_RULE, LABEL_PATTERN
);
name!(
    /// A lock that runbooks share.
    LockName, "lock name", is_label, LABEL_RULE, LABEL_PATTERN
);
name!(
    /// A secret's name in the agent's configuration.
    SecretName, "secret name", is_label, LABEL_RULE, LABEL_PATTERN
);
name!(
    /// A notification channel's name in the agent's configuration.
    ChannelName, "channel name", is_label, LABEL_RULE, LABEL_PATTERN
);
name!(
    /// A webhook's name in the agent's configuration and in its address.
    WebhookName, "webhook name", is_label, LABEL_RULE, LABEL_PATTERN
);
name!(
    /// An AI provider's name in the agent's configuration.
    ProviderName, "provider name", is_label, LABEL_RULE, LABEL_PATTERN
);
name!(
    /// A backup's name: the first part of its artifacts' file names.
    ArtifactName, "artifact name", is_label, LABEL_RULE, LABEL_PATTERN
);
name!(
    /// The name of a place for artifacts in the agent's configuration; `disk` is its own state folder.
    StoreName, "store name", is_label, LABEL_RULE, LABEL_PATTERN
);
name!(
    /// A credential's name: unique in the agent.
    CredentialName, "credential name", is_label, LABEL_RULE, LABEL_PATTERN
);
name!(
    /// A step's name: an identifier, because expressions say `steps.<name>`.
    StepName, "step name", is_identifier, IDENTIFIER_RULE, IDENTIFIER_PATTERN
);
name!(
    /// An input's name: an identifier, because expressions say `inputs.<name>`.
    InputName, "input name", is_identifier, IDENTIFIER_RULE, IDENTIFIER_PATTERN
);
name!(
    /// What a step does: the text of `uses:`.
    ActionName, "action name", is_path, PATH_RULE, PATH_PATTERN
);

#[cfg(test)]
mod tests {
    use super::{ActionName, RunbookName, StepName};
    use proptest::prelude::*;

    #[test]
    fn a_runbook_name_is_a_dns_label() {
        for good in ["a", "todo-update", "9lives", &"a".repeat(63)] {
            assert!(RunbookName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a.b", "a b", "ä", &"a".repeat(64)] {
            assert!(RunbookName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_step_name_is_an_identifier() {
        assert!(StepName::new("keep_it2").is_ok());
        assert!(StepName::new("keep-it").is_err());
        assert!(StepName::new("2nd").is_err());
    }

    #[test]
    fn an_action_name_is_a_path_of_labels() {
        assert!(ActionName::new("kubernetes/rollout-restart").is_ok());
        assert!(ActionName::new("kubernetes//x").is_err());
        assert!(ActionName::new("/x").is_err());
    }

    proptest! {
        #[test]
        fn a_name_survives_json(text in "[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?") {
            let name = RunbookName::new(&text).unwrap();
            let json = serde_json::to_string(&name).unwrap();
            prop_assert_eq!(serde_json::from_str::<RunbookName>(&json).unwrap(), name);
        }
    }
}
