//! What the steps of a run printed, as text: at once, or followed until the run ends.
//!
//! A line reads `<time> <step> <out|err|note>| <text>`, with `#<attempt>` after the step from the second attempt on. What would hide on a
//! screen is made visible.

use crate::{
    domain::{
        id::RunId,
        likeness::nearest,
        name::StepName,
        run::{RunEvent, RunHeader, StepKey},
    },
    history::RunStatus,
    http::{
        Front,
        api::runs::found,
        extract::{Params, Segment},
        problem::Problem,
        visible,
    },
    ports::{
        BoxFuture,
        executor::LogStream,
        output::{OutputLine, OutputOf},
    },
};
use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper::body::Frame;
use serde::Deserialize;
use std::{
    collections::VecDeque,
    convert::Infallible,
    fmt::Write as _,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::sync::OwnedSemaphorePermit;

/// How often a run that is followed is looked at.
const PAUSE: Duration = Duration::from_millis(500);
/// About how many bytes are read at once.
const MOST_AT_ONCE: usize = 64 * 1024;
/// How many pieces of about that size are read for a page.
const MOST_PIECES: usize = 64;

/// Which output.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Which {
    /// Of this step alone.
    step: Option<StepName>,
    /// Until the run ends.
    #[serde(default)]
    follow: bool,
}

/// `GET /runs/{id}/logs`.
pub(in crate::http) async fn show(
    State(front): State<Arc<Front>>,
    Segment(id): Segment,
    Params(which): Params<Which>,
) -> Result<Response, Problem> {
    let run = found(&front, &id).await?.header;
    if let Some(step) = &which.step {
        known(&front, &run, step).await?;
    }
    let run = run.id;
    let busy = || {
        Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "busy",
            "too many callers read logs at once",
        )
        .header(header::RETRY_AFTER, "5")
    };
    let slot = Arc::clone(&front.followers)
        .try_acquire_owned()
        .map_err(|_| busy())?;
    let tail = Tail {
        run,
        step: which.step,
        follow: which.follow,
        place: 0,
        from: 0,
        front,
        _slot: slot,
    };
    let body = Body::new(Lines {
        next: Some(Box::pin(tail.next())),
    });
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response())
}

/// Whether the run's runbook, as it was when the run began, has such a step.
async fn known(front: &Front, run: &RunHeader, step: &StepName) -> Result<(), Problem> {
    let definition = front.history.definition(run.definition).await;
    let Some(runbook) = definition.map_err(|error| front.unreadable(&error))? else {
        return Ok(());
    };
    let steps = runbook.steps.iter();
    let steps = steps.chain(&runbook.rollback).chain(&runbook.finally);
    let names: Vec<&str> = steps.map(|step| step.name.as_str()).collect();
    if names.contains(&step.as_str()) {
        return Ok(());
    }
    let hint = nearest(step.as_str(), names.iter().copied()).map_or_else(
        || format!("it has {}", names.join(", ")),
        |meant| format!("did you mean `{meant}`?"),
    );
    let what = format!("step `{step}` in runbook `{}`", run.runbook);
    Err(Problem::not_found(what).hint(hint))
}

/// A reader's place in the output of a run.
struct Tail {
    front: Arc<Front>,
    run: RunId,
    step: Option<StepName>,
    follow: bool,
    /// Which attempt.
    place: usize,
    /// Where in it.
    from: u64,
    _slot: OwnedSemaphorePermit,
}

/// What the history knows of a run's attempts at a moment.
struct Known {
    attempts: Vec<Attempt>,
    ended: bool,
}

struct Attempt {
    of: OutputOf,
    ended: bool,
}

impl Tail {
    /// The next piece of text; `None` at the end. The history is asked before the output, so an attempt that it says has ended has
    /// all its output kept.
    async fn next(mut self) -> Option<(Bytes, Self)> {
        loop {
            let Some(known) = self.known().await else {
                return self.last_words("the history cannot be read now");
            };
            let Some(attempt) = known.attempts.get(self.place) else {
                if known.ended || !self.follow || !self.pause().await {
                    return None;
                }
                continue;
            };
            let page = match self
                .front
                .output
                .read(&attempt.of, self.from, MOST_AT_ONCE)
                .await
            {
                Ok(page) => page,
                Err(error) => return self.last_words(&error.to_string()),
            };
            let text = rendered(&attempt.of, &page.lines);
            // A reader that does not move and does not say that it is at the end would be asked for ever.
            let end = page.end || page.next == self.from;
            let complete = attempt.ended || known.ended || !self.follow;
            self.advance(page.next, end && complete);
            if !text.is_empty() {
                return Some((text.into(), self));
            }
            if end && !complete && !self.pause().await {
                return None;
            }
        }
    }

    fn advance(&mut self, next: u64, over: bool) {
        self.from = next;
        if over {
            self.place += 1;
            self.from = 0;
        }
    }

    async fn known(&self) -> Option<Known> {
        // The run first: what it says has ended has all its events.
        let ended = self.front.history.run(self.run).await.ok()??.status == RunStatus::Ended;
        let mut attempts: Vec<Attempt> = Vec::new();
        for recorded in self.front.history.events(self.run).await.ok()? {
            note(&mut attempts, self.run, recorded.event);
        }
        attempts.retain(|attempt| {
            self.step
                .as_ref()
                .is_none_or(|step| *step == attempt.of.key.step)
        });
        Some(Known { attempts, ended })
    }

    /// Waits a moment; `false` when the agent is stopping.
    async fn pause(&self) -> bool {
        tokio::select! {
            () = self.front.stop.cancelled() => false,
            () = self.front.clock.sleep(PAUSE) => true,
        }
    }

    /// The text has begun already, so a failure can only be said in it.
    fn last_words(mut self, reason: &str) -> Option<(Bytes, Self)> {
        if self.place == usize::MAX {
            return None;
        }
        self.place = usize::MAX;
        self.follow = false;
        Some((
            format!("-- the output ends here: {}\n", visible::line(reason)).into(),
            self,
        ))
    }
}

fn note(attempts: &mut Vec<Attempt>, run: RunId, event: RunEvent) {
    let mut end = |key: &StepKey, number: u32| {
        for attempt in attempts
            .iter_mut()
            .filter(|attempt| attempt.of.key == *key && attempt.of.attempt == number)
        {
            attempt.ended = true;
        }
    };
    match event {
        RunEvent::StepEnded { key, attempt, .. } | RunEvent::StepInterrupted { key, attempt } => {
            end(&key, attempt);
        }
        RunEvent::StepStarted { key, attempt, .. } => {
            attempts.push(Attempt {
                of: OutputOf { run, key, attempt },
                ended: false,
            });
        }
        RunEvent::Started
        | RunEvent::StepSkipped { .. }
        | RunEvent::StepGated { .. }
        | RunEvent::ApprovalRequested { .. }
        | RunEvent::ApprovalGranted { .. }
        | RunEvent::ApprovalLapsed { .. }
        | RunEvent::StepDenied { .. }
        | RunEvent::StepInvalid { .. }
        | RunEvent::ProcessOutlived { .. }
        | RunEvent::CancelRequested { .. }
        | RunEvent::DeadlinePassed
        | RunEvent::Ended { .. } => {}
    }
}

fn rendered(of: &OutputOf, lines: &[OutputLine]) -> String {
    let mut text = String::new();
    for line in lines {
        let stream = match line.stream {
            LogStream::Out => "out",
            LogStream::Err => "err",
            LogStream::Note => "note",
        };
        let attempt = if of.attempt > 1 {
            format!("#{}", of.attempt)
        } else {
            String::new()
        };
        // Writing to a string cannot fail.
        let _written = writeln!(
            text,
            "{:.3} {}{attempt} {stream}| {}",
            line.at,
            of.key.step,
            visible::output(&line.text)
        );
    }
    text
}

/// The text as a body, piece by piece.
struct Lines {
    next: Option<BoxFuture<'static, Option<(Bytes, Tail)>>>,
}

impl hyper::body::Body for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(next) = self.next.as_mut() else {
            return Poll::Ready(None);
        };
        let piece = ready!(next.as_mut().poll(context));
        let (bytes, tail) = piece.unzip();
        self.next = tail.map(|tail| Box::pin(tail.next()) as BoxFuture<'static, _>);
        Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// The last lines of a run's output for a page, and whether there are more. Where reading takes long, what was read counts.
pub(in crate::http) async fn last_lines(
    front: &Arc<Front>,
    run: RunId,
    most: usize,
) -> (Vec<String>, bool) {
    let Ok(slot) = Arc::clone(&front.followers).try_acquire_owned() else {
        return (
            vec!["-- too many callers read logs at once".to_owned()],
            false,
        );
    };
    let mut tail = Tail {
        run,
        step: None,
        follow: false,
        place: 0,
        from: 0,
        front: Arc::clone(front),
        _slot: slot,
    };
    let (mut kept, mut cut) = (VecDeque::new(), false);
    for _ in 0..MOST_PIECES {
        let Some((bytes, rest)) = tail.next().await else {
            return (kept.into(), cut);
        };
        kept.extend(String::from_utf8_lossy(&bytes).lines().map(str::to_owned));
        cut |= kept.len() > most;
        kept.drain(..kept.len().saturating_sub(most));
        tail = rest;
    }
    (kept.into(), true)
}
