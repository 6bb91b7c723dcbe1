//! What the AI reviewer has spent.

use crate::{
    domain::{
        span::Span,
        spending::{Cost, Month, Spending},
    },
    history::{columns::Count, rows::MonthRow},
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, types::FromSqlError};

/// The newest month that something was spent in.
pub(in crate::history) fn latest(connection: &Connection) -> rusqlite::Result<Option<Month>> {
    connection
        .prepare_cached("SELECT month FROM ai_months ORDER BY month DESC LIMIT 1")?
        .query_row([], |row| {
            let text: String = row.get(0)?;
            text.parse().map_err(|error| {
                let reason = FromSqlError::other(error);
                rusqlite::Error::FromSqlConversionFailure(
                    0,
                    rusqlite::types::Type::Text,
                    Box::new(reason),
                )
            })
        })
        .optional()
}

/// The sums of a month, of one runbook or of all.
pub(in crate::history) fn in_month(
    connection: &Connection,
    month: Month,
    runbook: Option<&str>,
) -> rusqlite::Result<MonthRow> {
    connection
        .prepare_cached(
            "SELECT coalesce(sum(calls), 0), coalesce(sum(tokens), 0), coalesce(sum(cost), 0), coalesce(sum(millis), 0)
             FROM ai_months WHERE month = ?1 AND (?2 IS NULL OR runbook = ?2)",
        )?
        .query_row((month.to_string(), runbook), |row| {
            let (Count(calls), Count(tokens)) = (row.get(0)?, row.get(1)?);
            let (Count(cost), Count(millis)) = (row.get(2)?, row.get(3)?);
            Ok(MonthRow {
                month,
                calls,
                spent: Spending {
                    tokens,
                    cost: Cost::from_nanos(cost),
                },
                took: Span::from_millis(millis),
            })
        })
}

/// The month that counts at a time.
pub(in crate::history) fn current(
    connection: &Connection,
    at: Timestamp,
) -> rusqlite::Result<MonthRow> {
    let month = Month::of(at).not_before(latest(connection)?);
    in_month(connection, month, None)
}
