//! What the AI reviewer spends.

use super::{Applied, execute, new_or_duplicate, unknown};
use crate::{
    domain::{
        id::CallId,
        span::Span,
        spending::{Cost, Month, Spending},
    },
    history::{
        columns::{Count, Millis},
        error::Refused,
        read::spending::{self, in_month},
        write::Reservation,
    },
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

/// Looks and counts in the writer's transaction, so that two calls together cannot break a limit that each of them keeps.
pub(super) fn reserve(to: &Connection, wanted: &Reservation) -> Applied {
    let month = Month::of(wanted.at).not_before(spending::latest(to)?);
    let runbook = wanted.runbook.as_ref().map_or("", |name| name.as_str());
    let total = in_month(to, month, None)?.spent;
    let own = in_month(to, month, Some(runbook))?.spent;
    wanted
        .budget
        .admit(total, own, wanted.worst)
        .map_err(Refused::OverBudget)?;
    let inserted = execute(
        to,
        "INSERT INTO ai_calls (id, at, month, runbook, provider, model, tokens, cost) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            wanted.call,
            Millis(wanted.at),
            month.to_string(),
            runbook,
            wanted.provider.as_str(),
            wanted.model,
            Count(wanted.worst.tokens),
            Count(wanted.worst.cost.nanos()),
        ],
    );
    new_or_duplicate(inserted, "call", &wanted.call)?;
    execute(
        to,
        "INSERT INTO ai_months (month, runbook, calls, tokens, cost, millis) VALUES (?1, ?2, 1, ?3, ?4, 0)
         ON CONFLICT DO UPDATE SET calls = calls + 1, tokens = tokens + excluded.tokens, cost = cost + excluded.cost",
        params![
            month.to_string(),
            runbook,
            Count(wanted.worst.tokens),
            Count(wanted.worst.cost.nanos()),
        ],
    )?;
    Ok(())
}

/// Corrects the month that the call was reserved in. A call is settled once.
pub(super) fn settle(
    to: &Connection,
    call: CallId,
    at: Timestamp,
    actual: Spending,
    took: Span,
) -> Applied {
    let Some((month, runbook, worst)) = unsettled(to, call)? else {
        return Err(unknown("unsettled call", &call));
    };
    let (tokens, cost) = (Count(actual.tokens), Count(actual.cost.nanos()));
    execute(
        to,
        "UPDATE ai_calls SET tokens = ?2, cost = ?3, settled_at = ?4 WHERE id = ?1",
        params![call, tokens, cost, Millis(at)],
    )?;
    execute(
        to,
        "UPDATE ai_months SET tokens = tokens - ?3 + ?4, cost = cost - ?5 + ?6, millis = millis + ?7
         WHERE month = ?1 AND runbook = ?2",
        params![
            month,
            runbook,
            Count(worst.tokens),
            tokens,
            Count(worst.cost.nanos()),
            cost,
            Count(took.millis())
        ],
    )?;
    Ok(())
}

fn unsettled(
    to: &Connection,
    call: CallId,
) -> rusqlite::Result<Option<(String, String, Spending)>> {
    to.prepare_cached(
        "SELECT month, runbook, tokens, cost FROM ai_calls WHERE id = ?1 AND settled_at IS NULL",
    )?
    .query_row([call], |row| {
        let (Count(tokens), Count(cost)) = (row.get(2)?, row.get(3)?);
        let cost = Cost::from_nanos(cost);
        Ok((row.get(0)?, row.get(1)?, Spending { tokens, cost }))
    })
    .optional()
}
