//! What a run writes down of itself: always before it goes on by it.

use crate::{
    domain::{
        audit::Entry,
        run::{Next, RunEvent, next},
    },
    flow::{FlowError, run::Journey},
    history::{Write, WriteError},
};
use jiff::Timestamp;

impl Journey {
    /// Records events of this run, with whatever else belongs in the same transaction, then takes them into the state.
    pub async fn record(
        &mut self,
        doing: &str,
        events: Vec<RunEvent>,
        with: Vec<Write>,
    ) -> Result<(), FlowError> {
        let recorded = self.try_record(events, with).await;
        recorded.map_err(|error| self.world.write_failed(doing, &error))
    }

    /// The same, where a refusal may be an answer.
    pub async fn try_record(
        &mut self,
        events: Vec<RunEvent>,
        with: Vec<Write>,
    ) -> Result<(), WriteError> {
        let at = self.world.now();
        let mut writes = std::mem::take(&mut self.unwritten);
        writes.extend(self.writes(at, &events, with));
        self.world.history.write(writes).await?;
        self.apply(at, &events);
        Ok(())
    }

    /// Takes the end of a step into the state. Where the run ends with it, both ends are written down together, so that a run of one
    /// step waits for the disk once less; otherwise it is written down now.
    ///
    /// # Errors
    /// The history cannot be written.
    pub(super) async fn record_end(
        &mut self,
        ended: RunEvent,
        with: Vec<Write>,
    ) -> Result<(), FlowError> {
        let at = self.world.now();
        let events = [ended];
        let writes = self.writes(at, &events, with);
        self.unwritten.extend(writes);
        self.apply(at, &events);
        match next(&self.runbook, &self.state) {
            Next::End { .. } => Ok(()),
            Next::Consider { .. }
            | Next::Retry { .. }
            | Next::Await { .. }
            | Next::Withdraw { .. }
            | Next::Running { .. }
            | Next::Over => self.catch_up().await,
        }
    }

    /// Writes down what the state has taken in already.
    pub(super) async fn catch_up(&mut self) -> Result<(), FlowError> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        self.record("the end of a step", Vec::new(), Vec::new())
            .await
    }

    fn writes(&self, at: Timestamp, events: &[RunEvent], mut with: Vec<Write>) -> Vec<Write> {
        let run = self.header.id;
        let lines = events
            .iter()
            .filter_map(|event| Entry::of_event(at, &self.header, event));
        with.extend(lines.map(Write::Audit));
        with.extend(events.iter().map(|event| Write::Event {
            run,
            event: event.clone(),
            at,
        }));
        with
    }

    fn apply(&mut self, at: Timestamp, events: &[RunEvent]) {
        for event in events {
            self.state.apply(at, event);
        }
    }
}
