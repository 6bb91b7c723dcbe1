//! A world of two credentials, an agent that fails and is killed, and what must hold at every moment.

use super::{End, Event, Next, Outcome, RotationState, Stage, next};
use crate::domain::{id::RunId, span::Span};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

/// What befalls one stage.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// It is done, and recorded.
    Well,
    /// It is not done, and that is recorded.
    FailsBefore,
    /// It is done, and recorded as failed: the answer was lost.
    FailsAfter,
    /// The agent is killed when it had recorded the beginning.
    KilledBefore,
    /// The agent is killed when it was done.
    KilledAfter,
    /// It is not done, and never will be.
    Hopeless,
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct World {
    new_exists: bool,
    new_was_proven: bool,
    old_is_revoked: bool,
    consumers_have_new: bool,
}

impl World {
    fn carry_out(&mut self, stage: Stage) {
        match stage {
            Stage::Issue => self.new_exists = true,
            Stage::Distribute => self.consumers_have_new = true,
            Stage::Test | Stage::Overlap => self.new_was_proven = self.new_exists,
            Stage::Revoke => self.old_is_revoked = true,
            Stage::Store | Stage::Restart | Stage::Switch | Stage::Refuse => {}
        }
    }
    fn take_back(&mut self, stage: Stage) {
        match stage {
            Stage::Issue => {
                assert!(!self.consumers_have_new, "consumers are left without any");
                (self.new_exists, self.new_was_proven) = (false, false);
            }
            Stage::Distribute => self.consumers_have_new = false,
            Stage::Store
            | Stage::Restart
            | Stage::Test
            | Stage::Switch
            | Stage::Overlap
            | Stage::Revoke
            | Stage::Refuse => {}
        }
    }
    /// The old one was good from the start.
    fn has_a_proven_one(&self) -> bool {
        !self.old_is_revoked || (self.new_exists && self.new_was_proven)
    }
}

struct Story {
    world: World,
    state: RotationState,
    now: Timestamp,
    fates: Vec<Fate>,
    run: RunId,
}

impl Story {
    fn new(fates: Vec<Fate>, overlap: u64) -> Self {
        let (now, run) = (
            Timestamp::UNIX_EPOCH,
            RunId::new(Timestamp::UNIX_EPOCH, [0; 10]),
        );
        let mut state = RotationState::default();
        let overlap = Span::from_secs(overlap);
        state.apply(&Event::Began { run, overlap }, now);
        Self {
            world: World::default(),
            state,
            now,
            fates,
            run,
        }
    }

    fn record(&mut self, event: Event) {
        self.now += SignedDuration::from_secs(1);
        self.state.apply(&event, self.now);
    }

    fn fate(&mut self) -> Fate {
        self.fates.pop().unwrap_or(Fate::Well)
    }

    /// Carries out or takes back; whether the agent goes on.
    fn act(&mut self, stage: Stage, undo: bool) {
        let end = |outcome| {
            if undo {
                Event::UndoEnded { stage, outcome }
            } else {
                Event::StageEnded { stage, outcome }
            }
        };
        let note = String::new();
        self.record(if undo {
            Event::UndoBegan { stage }
        } else {
            Event::StageBegan { stage }
        });
        let fate = self.fate();
        if matches!(fate, Fate::Well | Fate::FailsAfter | Fate::KilledAfter) {
            if undo {
                self.world.take_back(stage);
            } else {
                self.world.carry_out(stage);
            }
            assert!(self.world.has_a_proven_one(), "{:?}", self.state);
        }
        match fate {
            Fate::Well if !undo && matches!(stage, Stage::Test | Stage::Overlap) => {
                self.record(end(Outcome::Proven { note }));
            }
            Fate::Well => self.record(end(Outcome::Done { note })),
            Fate::FailsBefore | Fate::FailsAfter => self.record(end(Outcome::Failed { note })),
            Fate::Hopeless => self.record(end(Outcome::Hopeless { note })),
            Fate::KilledBefore | Fate::KilledAfter => {
                let run = self.run;
                self.record(Event::Resumed { run });
            }
        }
    }

    /// How it ends, and that it does.
    fn tell(mut self) -> (World, Next) {
        for _ in 0..1000 {
            match next(&self.state, self.now) {
                Next::Do(stage) => self.act(stage, false),
                Next::Undo(stage) => self.act(stage, true),
                Next::Wait(until) => {
                    assert!(until > self.now, "waits for the past");
                    self.now = until;
                }
                Next::End(end, reason) => {
                    let ended = Next::End(end, reason.clone());
                    self.record(Event::Ended { end, reason });
                    assert_eq!(next(&self.state, self.now), Next::Over);
                    return (self.world, ended);
                }
                Next::Stuck(reason) => return (self.world, Next::Stuck(reason)),
                Next::Over => unreachable!("its end was recorded before"),
            }
        }
        panic!("it does not end: {:?}", self.state);
    }
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Well),
        2 => Just(Fate::FailsBefore),
        2 => Just(Fate::FailsAfter),
        2 => Just(Fate::KilledBefore),
        2 => Just(Fate::KilledAfter),
        1 => Just(Fate::Hopeless),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn whatever_happens_a_proven_credential_is_left_and_the_rotation_ends(
        fates in proptest::collection::vec(fate(), 0..40), overlap in 0u64..10_000
    ) {
        let (world, end) = Story::new(fates, overlap).tell();
        match end {
            Next::End(End::Completed, _) => {
                prop_assert!(world.new_exists && world.new_was_proven && world.old_is_revoked);
            }
            Next::End(End::RolledBack, _) => {
                prop_assert!(!world.new_exists && !world.old_is_revoked && !world.consumers_have_new);
            }
            Next::Stuck(_) => prop_assert!(world.has_a_proven_one()),
            other => prop_assert!(false, "{other:?}"),
        }
    }

    /// Any events in any order: the fold takes them, and the old one is revoked by none of them without a proof after the switch.
    #[test]
    fn any_events_give_a_state_that_revokes_nothing_unproven(
        picks in proptest::collection::vec((0usize..9, 0usize..5, fate()), 0..40)
    ) {
        let mut state = RotationState::default();
        let run = RunId::new(Timestamp::UNIX_EPOCH, [0; 10]);
        let mut now = Timestamp::UNIX_EPOCH;
        for (stage, sort, fate) in picks {
            let stage = Stage::ALL[stage];
            let note = String::new();
            let outcome = match fate {
                Fate::Well => Outcome::Done { note },
                Fate::FailsBefore | Fate::FailsAfter => Outcome::Failed { note },
                Fate::KilledBefore => Outcome::Proven { note },
                Fate::KilledAfter => Outcome::Unproven { note },
                Fate::Hopeless => Outcome::Hopeless { note },
            };
            let event = match sort {
                0 => Event::StageBegan { stage },
                1 | 2 => Event::StageEnded { stage, outcome },
                3 => Event::UndoEnded { stage, outcome },
                _ => Event::Resumed { run },
            };
            now += SignedDuration::from_secs(1);
            state.apply(&event, now);
            if next(&state, now) == Next::Do(Stage::Revoke) {
                prop_assert!(state.proven_at >= state.switched_at && state.switched_at.is_some());
            }
        }
    }
}

fn done(stage: Stage) -> Event {
    let note = String::new();
    let outcome = match stage {
        Stage::Test | Stage::Overlap => Outcome::Proven { note },
        _ => Outcome::Done { note },
    };
    Event::StageEnded { stage, outcome }
}

/// Up to this stage, all well; the epoch is when each ended.
fn until(last: Stage) -> RotationState {
    let mut state = RotationState::default();
    let run = RunId::new(Timestamp::UNIX_EPOCH, [0; 10]);
    let overlap = Span::from_secs(3600);
    state.apply(&Event::Began { run, overlap }, Timestamp::UNIX_EPOCH);
    for stage in Stage::ALL.into_iter().filter(|stage| *stage <= last) {
        state.apply(&done(stage), Timestamp::UNIX_EPOCH);
    }
    state
}

fn after(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

#[test]
fn an_overlap_is_waited_for_and_ends_with_a_trial() {
    let state = until(Stage::Switch);
    assert_eq!(next(&state, after(1)), Next::Wait(after(3600)));
    assert_eq!(next(&state, after(3600)), Next::Do(Stage::Overlap));
    let state = until(Stage::Overlap);
    assert_eq!(next(&state, after(1)), Next::Do(Stage::Revoke));
}

#[test]
fn a_trial_of_long_ago_or_of_another_clock_counts_for_nothing() {
    let state = until(Stage::Overlap);
    assert_eq!(next(&state, after(3601)), Next::Do(Stage::Overlap));
    assert_eq!(next(&state, after(-1)), Next::Do(Stage::Overlap));
}

#[test]
fn a_kill_leads_back_until_the_switch_has_ended_and_forward_after_it() {
    let run = RunId::new(Timestamp::UNIX_EPOCH, [0; 10]);
    for last in Stage::ALL {
        let mut state = until(last);
        state.apply(&Event::Resumed { run }, after(1));
        let goes_back = matches!(
            next(&state, after(1)),
            Next::Undo(Stage::Distribute | Stage::Issue)
        );
        assert_eq!(goes_back, last < Stage::Switch, "{last}");
    }
}

#[test]
fn the_end_of_an_overlap_is_no_cut() {
    let stage = Stage::Overlap;
    let mut state = until(Stage::Switch);
    assert!(state.is_between_stages());
    state.apply(&Event::StageBegan { stage }, after(1));
    assert!(!state.is_between_stages());
    // Whoever was at it before the switch would not have waited.
    assert!(!until(Stage::Test).is_between_stages());
}

#[test]
fn a_failure_after_the_switch_is_tried_again() {
    let mut state = until(Stage::Overlap);
    let note = "it is not there".to_owned();
    let outcome = Outcome::Failed { note };
    let stage = Stage::Revoke;
    state.apply(&Event::StageEnded { stage, outcome }, after(1));
    assert_eq!(next(&state, after(2)), Next::Do(Stage::Revoke));
}
