//! The fold of a rotation's events.

use crate::domain::{
    rotation::{End, Event, Outcome, Recorded, Stage},
    span::Span,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Where a rotation stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RotationState {
    /// When it began.
    pub began_at: Option<Timestamp>,
    /// How long both credentials are to be good.
    pub overlap: Span,
    /// Each stage that has begun, with its outcome where that is known.
    pub stages: BTreeMap<Stage, Option<Outcome>>,
    /// Each stage whose taking back has begun, with its outcome where that is known.
    pub undone: BTreeMap<Stage, Option<Outcome>>,
    /// Why the way leads back.
    pub back: Option<String>,
    /// When the new one was last proven before the switch.
    pub tested_at: Option<Timestamp>,
    /// When the switch ended.
    pub switched_at: Option<Timestamp>,
    /// When the new one was last proven since.
    pub proven_at: Option<Timestamp>,
    /// Why only a person can go on.
    pub stuck: Option<String>,
    /// How it ended.
    pub ended: Option<(End, String)>,
}

impl RotationState {
    /// All of them, in order.
    pub fn of(events: &[Recorded]) -> Self {
        let mut state = Self::default();
        for recorded in events {
            state.apply(&recorded.event, recorded.at);
        }
        state
    }

    /// Takes in one event. Any event in any state gives a state.
    pub fn apply(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::Began { overlap, .. } => {
                self.began_at = Some(at);
                self.overlap = *overlap;
            }
            Event::StageBegan { stage } => {
                self.stages.insert(*stage, None);
            }
            Event::StageEnded { stage, outcome } => self.stage_ended(*stage, outcome, at),
            Event::UndoBegan { stage } => {
                self.undone.insert(*stage, None);
            }
            Event::UndoEnded { stage, outcome } => {
                if let Outcome::Hopeless { note } = outcome {
                    self.stuck = Some(note.clone());
                }
                self.undone.insert(*stage, Some(outcome.clone()));
            }
            Event::Resumed { .. } => self.resumed(),
            Event::WentOn { .. } => {}
            Event::Ended { end, reason } => self.ended = Some((*end, reason.clone())),
        }
    }

    fn stage_ended(&mut self, stage: Stage, outcome: &Outcome, at: Timestamp) {
        self.stages.insert(stage, Some(outcome.clone()));
        match outcome {
            Outcome::Failed { note } | Outcome::Hopeless { note } if self.may_go_back() => {
                self.back = Some(format!("{stage}: {note}"));
            }
            Outcome::Hopeless { note } => self.stuck = Some(note.clone()),
            Outcome::Failed { .. } => {}
            Outcome::Proven { .. } if stage == Stage::Overlap && self.switched_at.is_some() => {
                self.proven_at = Some(at);
            }
            Outcome::Proven { .. } if stage == Stage::Test => self.tested_at = Some(at),
            Outcome::Done { .. }
            | Outcome::NotNeeded { .. }
            | Outcome::Proven { .. }
            | Outcome::Unproven { .. } => {
                if stage == Stage::Switch {
                    // What was proven before counts for nothing.
                    (self.switched_at, self.proven_at) = (Some(at), None);
                }
            }
        }
    }

    fn resumed(&mut self) {
        if !self.may_go_back() || self.back.is_some() {
            return;
        }
        let last = self.stages.keys().next_back();
        self.back = Some(match last {
            Some(stage) => format!("it was cut off at `{stage}`"),
            None => "it was cut off before it had begun".to_owned(),
        });
    }

    /// Whether the switch is not recorded yet.
    pub fn may_go_back(&self) -> bool {
        self.switched_at.is_none()
    }

    /// Whether it waits for its next run: what began has ended, and whoever was at it was not cut off.
    pub fn is_between_stages(&self) -> bool {
        let mut all = self.stages.values().chain(self.undone.values());
        all.all(Option::is_some) && (!self.may_go_back() || self.back.is_some())
    }

    /// Whether a stage is over.
    pub fn is_over(&self, stage: Stage) -> bool {
        let outcome = self.stages.get(&stage);
        outcome.is_some_and(|outcome| outcome.as_ref().is_some_and(Outcome::is_over))
    }

    /// Whether a stage was taken back.
    pub fn is_undone(&self, stage: Stage) -> bool {
        let outcome = self.undone.get(&stage);
        outcome.is_some_and(|outcome| outcome.as_ref().is_some_and(Outcome::is_over))
    }

    /// When the overlap is over; nothing before the switch.
    pub fn overlap_until(&self) -> Option<Timestamp> {
        let switched = self.switched_at?;
        Some(
            switched
                .checked_add(self.overlap.signed())
                .unwrap_or(Timestamp::MAX),
        )
    }

    /// The last stage that was spoken of.
    pub fn stage(&self) -> Option<Stage> {
        self.stages.keys().next_back().copied()
    }
}
