//! How domain values stand in columns, both ways.

use crate::{
    domain::{
        check::CheckStatus,
        digest::Digest,
        effect::Class,
        id::{ApprovalId, ArtifactId, CallId, RotationId, RunId},
        name::{CredentialName, LockName, RunbookName, StepName},
        occurrence::NotRun,
        rotation::{CredentialKind, CredentialState},
        run::RunOutcome,
        runbook::Phase,
    },
    history::rows::{RunStatus, StepStatus},
};
use jiff::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, IntoDeserializer as _, value::StrDeserializer},
};

/// A time as whole milliseconds since 1970 in UTC.
#[derive(Debug, Clone, Copy)]
pub(in crate::history) struct Millis(pub(in crate::history) Timestamp);

impl ToSql for Millis {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.as_millisecond().into())
    }
}
impl FromSql for Millis {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let millis = value.as_i64()?;
        Timestamp::from_millisecond(millis)
            .map(Self)
            .map_err(FromSqlError::other)
    }
}

/// A value as JSON text.
#[derive(Debug, Clone, Copy)]
pub(in crate::history) struct Json<T>(pub(in crate::history) T);

impl<T: Serialize> ToSql for Json<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        serde_json::to_string(&self.0)
            .map(ToSqlOutput::from)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
    }
}
impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?)
            .map(Self)
            .map_err(FromSqlError::other)
    }
}

/// A count; SQLite's integers end at 2^63 - 1.
#[derive(Debug, Clone, Copy)]
pub(in crate::history) struct Count(pub(in crate::history) u64);

impl ToSql for Count {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(i64::try_from(self.0).unwrap_or(i64::MAX).into())
    }
}
impl FromSql for Count {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let count = value.as_i64()?;
        u64::try_from(count)
            .map(Self)
            .map_err(|_| FromSqlError::OutOfRange(count))
    }
}

macro_rules! as_bytes {
    ($($name:ident),*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.as_bytes())))
            }
        }
        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let bytes = value.as_blob()?;
                bytes.try_into().map(Self::from_bytes).map_err(FromSqlError::other)
            }
        }
    )*};
}
as_bytes!(RunId, ApprovalId, ArtifactId, CallId, RotationId, Digest);

macro_rules! as_name {
    ($($name:ident),*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.as_str().into())
            }
        }
        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                Self::new(value.as_str()?).map_err(FromSqlError::other)
            }
        }
    )*};
}
as_name!(RunbookName, StepName, LockName, CredentialName);

macro_rules! as_word {
    ($($name:ident),*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.as_str().into())
            }
        }
        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let word: StrDeserializer<'_, serde::de::value::Error> =
                    value.as_str()?.into_deserializer();
                Self::deserialize(word).map_err(FromSqlError::other)
            }
        }
    )*};
}
as_word!(
    RunStatus,
    StepStatus,
    RunOutcome,
    CheckStatus,
    Class,
    Phase,
    NotRun,
    CredentialKind,
    CredentialState
);

#[cfg(test)]
mod tests {
    use super::{Count, Json, Millis};
    use crate::{
        domain::{
            check::CheckStatus, effect::Class, occurrence::NotRun, run::RunOutcome, runbook::Phase,
        },
        history::rows::{RunStatus, StepStatus},
    };
    use jiff::Timestamp;
    use proptest::prelude::*;
    use rusqlite::{
        Connection,
        types::{FromSql, ToSql},
    };
    use serde_json::json;

    fn round<T: ToSql, U: FromSql>(value: T) -> U {
        let memory = Connection::open_in_memory().unwrap();
        memory
            .query_row("SELECT ?1", [value], |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn every_word_comes_back() {
        for outcome in RunOutcome::ALL {
            assert_eq!(round::<_, RunOutcome>(outcome), outcome);
        }
        for reason in NotRun::ALL {
            assert_eq!(round::<_, NotRun>(reason), reason);
        }
        for check in CheckStatus::ALL {
            assert_eq!(round::<_, CheckStatus>(check), check);
        }
        for phase in [Phase::Main, Phase::Rollback, Phase::Finally] {
            assert_eq!(round::<_, Phase>(phase), phase);
        }
        for class in [Class::Read, Class::Change, Class::Destructive] {
            assert_eq!(round::<_, Class>(class), class);
        }
        for status in [
            RunStatus::Queued,
            RunStatus::Running,
            RunStatus::Waiting,
            RunStatus::Ended,
        ] {
            assert_eq!(round::<_, RunStatus>(status), status);
        }
        for status in [
            StepStatus::Skipped,
            StepStatus::Gated,
            StepStatus::Waiting,
            StepStatus::Running,
            StepStatus::Succeeded,
            StepStatus::Failed,
            StepStatus::TimedOut,
            StepStatus::Canceled,
            StepStatus::Denied,
            StepStatus::Invalid,
            StepStatus::Interrupted,
        ] {
            assert_eq!(round::<_, StepStatus>(status), status);
        }
    }

    #[test]
    fn a_count_beyond_sqlite_is_cut() {
        assert_eq!(round::<_, Count>(Count(u64::MAX)).0, u64::MAX >> 1);
    }

    proptest! {
        #[test]
        fn a_time_comes_back_cut_to_the_millisecond(nanos in -1_000_000_000_000_000_000i64..4_000_000_000_000_000_000) {
            let at = Timestamp::from_nanosecond(i128::from(nanos)).unwrap();
            prop_assert_eq!(round::<_, Millis>(Millis(at)).0, crate::history::stored(at));
        }
        #[test]
        fn a_number_in_json_comes_back_exactly(number in any::<f64>()) {
            let value = json!({ "x": number });
            prop_assert_eq!(round::<_, Json<serde_json::Value>>(Json(value.clone())).0, value);
        }
    }
}
