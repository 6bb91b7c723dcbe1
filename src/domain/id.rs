//! Ids: made from the time and random bytes that the caller brings.

use jiff::Timestamp;
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// Ten random bytes, for one id.
pub type Entropy = [u8; 10];

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A UUID version 7 (RFC 9562): sorts by the time it was made.
            pub fn new(at: Timestamp, entropy: Entropy) -> Self {
                let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &entropy).into_uuid())
            }
            /// When it was made, to the millisecond; the epoch for a UUID that holds no time.
            pub fn made_at(self) -> Timestamp {
                let (seconds, nanos) = self.0.get_timestamp().map(|at| at.to_unix()).unwrap_or_default();
                let seconds = i64::try_from(seconds).unwrap_or_default();
                let nanos = i32::try_from(nanos).unwrap_or_default();
                Timestamp::new(seconds, nanos).unwrap_or_default()
            }
            /// From the 16 bytes themselves, as the history keeps them.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
            /// The bytes; they sort as the ids do.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

id!(
    /// One execution of a runbook.
    RunId
);
id!(
    /// One question to people.
    ApprovalId
);
id!(
    /// One file a step left behind.
    ArtifactId
);
id!(
    /// One rotation of a credential.
    RotationId
);
id!(
    /// One question to an AI provider.
    CallId
);

#[cfg(test)]
mod tests {
    use super::RunId;
    use jiff::Timestamp;

    #[test]
    fn ids_sort_by_time_and_survive_text() {
        let early = RunId::new(Timestamp::from_second(1).unwrap(), [9; 10]);
        let late = RunId::new(Timestamp::from_second(2).unwrap(), [0; 10]);
        assert!(early < late);
        assert_eq!(early.to_string().parse::<RunId>().unwrap(), early);
        assert_eq!(late.made_at(), Timestamp::from_second(2).unwrap());
        assert_eq!(RunId::from_bytes(*early.as_bytes()), early);
    }
}
