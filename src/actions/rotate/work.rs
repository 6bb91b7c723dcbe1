//! A rotation at work: its record, its values, and the stages as they are done.

use crate::{
    actions::rotate::{
        consumers::Turn,
        delivery,
        drive::{Job, unrecorded},
        former, giving_up, report,
        scene::{Feed, Scene, done, failed, hopeless, not_needed},
    },
    domain::{
        id::RotationId,
        rotation::{Credential, End, Event, Fresh, Next, Outcome, RotationState, Stage, next},
        run::StepReport,
    },
    ports::{
        executor::Session,
        ledger::Record,
        vault::{Kept, VaultError},
    },
};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

/// How far it went.
pub(super) enum Went {
    /// To its end.
    Completed,
    /// Back to where it began, for this reason.
    Back(String),
    /// To its overlap, which lasts until then.
    Waits(Timestamp),
    /// Not further, and the report says why.
    Wrong(StepReport),
}

/// A rotation that goes on.
pub(super) struct Work<'a> {
    job: Job<'a>,
    id: RotationId,
    pub(super) credential: Credential,
    pub(super) state: RotationState,
    /// Both credentials, as far as the agent has them.
    kept: Option<Kept>,
}

impl<'a> Work<'a> {
    /// A new one, whose beginning is recorded.
    pub(super) async fn begun(
        job: Job<'a>,
        id: RotationId,
        credential: Credential,
    ) -> Result<Self, StepReport> {
        let mut work = Self {
            job,
            id,
            credential: Credential {
                rotation: Some(id),
                ..credential
            },
            state: RotationState::default(),
            kept: None,
        };
        let began = Event::Began {
            run: job.session.context.run,
            overlap: job.terms.overlap,
        };
        work.record(began).await?;
        Ok(work)
    }

    /// One that was found going on. Nobody else is at it, so whoever was is gone.
    pub(super) async fn resumed(
        job: Job<'a>,
        id: RotationId,
        credential: Credential,
        state: RotationState,
    ) -> Result<Self, StepReport> {
        let kept = job.world.rotations.vault.look(&job.terms.name).await;
        // Who gives it up is not kept from that by a file that is damaged.
        let kept = match kept {
            Err(_) if job.gives_up(id) => None,
            kept => kept.map_err(|error| not_kept(&error))?,
        };
        let mut work = Self {
            job,
            id,
            credential,
            state,
            kept: kept.filter(|kept| kept.rotation == id),
        };
        let run = job.session.context.run;
        let event = if work.state.is_between_stages() {
            Event::WentOn { run }
        } else {
            Event::Resumed { run }
        };
        work.record(event).await?;
        Ok(work)
    }

    /// Goes on as far as it goes.
    pub(super) async fn go(&mut self) -> Result<Went, StepReport> {
        loop {
            match next(&self.state, self.job.now()) {
                Next::Do(stage) => {
                    if let Some(wrong) = self.forward(stage).await? {
                        return Ok(Went::Wrong(wrong));
                    }
                }
                Next::Undo(stage) => {
                    if let Some(wrong) = self.backward(stage).await? {
                        return Ok(Went::Wrong(wrong));
                    }
                }
                Next::Wait(until) => return Ok(Went::Waits(until)),
                Next::End(end, reason) => {
                    self.end(end, reason.clone()).await?;
                    return Ok(match end {
                        End::Completed => Went::Completed,
                        End::RolledBack | End::GivenUp => Went::Back(reason),
                    });
                }
                Next::Stuck(reason) => {
                    let id = self.id.to_string();
                    let stuck = report::stuck(&self.job.terms.name, &id, &reason);
                    return Ok(Went::Wrong(stuck));
                }
                Next::Over => return Ok(Went::Completed),
            }
        }
    }

    /// Carries out a stage. A report is why it goes no further.
    async fn forward(&mut self, stage: Stage) -> Result<Option<StepReport>, StepReport> {
        if self.job.session.stop.is_cancelled() {
            if !self.state.may_go_back() {
                let words = format!("stopped before `{stage}`; the next run goes on there");
                return Ok(Some(StepReport::canceled(words)));
            }
            let outcome = failed("stopped by request");
            self.record(Event::StageEnded { stage, outcome }).await?;
            return Ok(None);
        }
        let former = self.state.stages.get(&stage).and_then(Option::as_ref);
        let has_failed = former.is_some_and(|outcome| !outcome.is_over());
        self.record(Event::StageBegan { stage }).await?;
        let outcome = self.carry_out(stage, has_failed).await;
        let note = outcome.note().to_owned();
        let is_over = outcome.is_over();
        self.record(Event::StageEnded { stage, outcome }).await?;
        if is_over || self.state.back.is_some() || self.state.stuck.is_some() {
            return Ok(None);
        }
        let name = &self.job.terms.name;
        let id = self.id;
        let old = if stage > Stage::Overlap {
            ""
        } else {
            "the old one was not revoked before, and "
        };
        let words = format!(
            "the new `{name}` counts, but `{stage}` failed; {old}the next run goes on there: {note}\nhint: where it cannot be put right, give the rotation up with `giveUp: {id}`, and rotate anew with `force: true`"
        );
        Ok(Some(StepReport::failed(words, true)))
    }

    /// Takes a stage back, even where the step was stopped meanwhile.
    async fn backward(&mut self, stage: Stage) -> Result<Option<StepReport>, StepReport> {
        self.record(Event::UndoBegan { stage }).await?;
        let session = Session {
            stop: CancellationToken::new(),
            ..self.job.session.clone()
        };
        let outcome = self.take_back(stage, &session).await;
        let (note, is_over) = (outcome.note().to_owned(), outcome.is_over());
        self.record(Event::UndoEnded { stage, outcome }).await?;
        if is_over || self.state.stuck.is_some() {
            return Ok(None);
        }
        let why = self.state.back.as_deref().unwrap_or_default();
        let words = format!(
            "`{}` was not rotated ({why}), and `{stage}` could not be taken back; the next run tries again: {note}",
            self.job.terms.name
        );
        Ok(Some(StepReport::failed(words, true)))
    }

    async fn carry_out(&mut self, stage: Stage, has_failed: bool) -> Outcome {
        let (craft, session) = (self.job.craft, self.job.session);
        let scene = self.job.scene(self.id, session);
        match stage {
            Stage::Issue => return self.issue(scene).await,
            Stage::Switch => return done("it counts from now on"),
            Stage::Store
            | Stage::Distribute
            | Stage::Restart
            | Stage::Test
            | Stage::Overlap
            | Stage::Revoke
            | Stage::Refuse => {}
        }
        let Some(kept) = &self.kept else {
            return hopeless("what the agent kept of it is gone from its state folder");
        };
        match stage {
            Stage::Store => {
                self.keep(kept.clone(), "kept in the agent's state folder")
                    .await
            }
            Stage::Distribute => {
                let targets = &self.job.terms.distribute;
                delivery::bring(targets, kept, craft.main(), &scene).await
            }
            Stage::Restart => {
                let feed = Feed::new(kept, craft.main());
                self.restart(Turn::New, &feed, &scene).await
            }
            // A trial with what the agent keeps says nothing of what consumers find.
            Stage::Test | Stage::Overlap => match self.overwritten(kept, &scene).await {
                Some(why) => failed(why),
                None => craft.test(kept, scene).await,
            },
            Stage::Revoke => match self.overwritten(kept, &scene).await {
                Some(why) => failed(why),
                None => self.revoke(kept, scene).await,
            },
            Stage::Refuse => {
                // It still let in when it was tried before, so it may not have gone: to revoke it once more does no harm.
                if has_failed {
                    let again = self.revoke(kept, scene).await;
                    if !again.is_over() {
                        return again;
                    }
                }
                craft.refuse(kept, scene).await
            }
            Stage::Issue | Stage::Switch => done(""),
        }
    }

    /// What is made here is kept before anybody is told, so that a kill in between leaves nothing that is known elsewhere alone.
    async fn issue(&mut self, scene: Scene<'_>) -> Outcome {
        let mut kept = match self.job.craft.prepare(&self.credential, scene).await {
            Ok(kept) => kept,
            Err(outcome) => return outcome,
        };
        let outcome = self.keep(kept.clone(), "").await;
        if !outcome.is_over() {
            return outcome;
        }
        let outcome = self.job.craft.issue(&mut kept, scene).await;
        for value in kept.new.values() {
            self.job.world.rotations.vault.hide(value);
        }
        self.kept = Some(kept);
        outcome
    }

    async fn keep(&self, kept: Kept, note: &str) -> Outcome {
        let vault = &self.job.world.rotations.vault;
        match vault.keep(&self.job.terms.name, kept).await {
            Ok(()) => done(note),
            Err(error) => failed(error.to_string()),
        }
    }

    async fn restart(&self, turn: Turn, feed: &Feed<'_>, scene: &Scene<'_>) -> Outcome {
        let mut notes = Vec::new();
        for consumer in &self.job.terms.consumers {
            match consumer.take_up(turn, feed, scene).await {
                Ok(note) => notes.push(note),
                Err(why) => return failed(why),
            }
        }
        if notes.is_empty() {
            return not_needed("");
        }
        done(notes.join("; "))
    }

    async fn overwritten(&self, kept: &Kept, scene: &Scene<'_>) -> Option<String> {
        let (targets, main) = (&self.job.terms.distribute, self.job.craft.main());
        match delivery::overwritten(targets, kept, main, scene).await {
            Ok(None) => None,
            Ok(Some(place)) => Some(format!(
                "{place} does not hold the new one any more: somebody else has written there (hint: let GitOps or whatever writes there leave these keys alone)"
            )),
            Err(why) => Some(format!("whether places hold the new one: {why}")),
        }
    }

    async fn revoke(&self, kept: &Kept, scene: Scene<'_>) -> Outcome {
        let outcome = self.job.craft.revoke(kept, scene).await;
        if !outcome.is_over() {
            return outcome;
        }
        match delivery::settle(&self.job.terms.distribute, &scene).await {
            Ok(()) => outcome,
            Err(why) => failed(why),
        }
    }

    async fn take_back(&self, stage: Stage, session: &Session) -> Outcome {
        let (craft, name) = (self.job.craft, &self.job.terms.name);
        let scene = Scene {
            name,
            rotation: self.id,
            session,
            world: self.job.world,
        };
        let Some(kept) = &self.kept else {
            return match stage {
                // Nobody was told before it was kept.
                Stage::Issue | Stage::Store => not_needed("nothing was made yet"),
                _ => hopeless("what the agent kept of it is gone from its state folder"),
            };
        };
        match stage {
            Stage::Distribute => {
                let own = craft.withdraw(kept, scene).await;
                let targets = &self.job.terms.distribute;
                if targets.is_empty() || !own.is_over() {
                    return own;
                }
                delivery::take_back(targets, kept, craft.main(), &scene).await
            }
            Stage::Restart => {
                let feed = Feed::old(kept, craft.main());
                self.restart(Turn::Old, &feed, &scene).await
            }
            Stage::Issue => craft.discard(kept, scene).await,
            Stage::Store
            | Stage::Test
            | Stage::Switch
            | Stage::Overlap
            | Stage::Revoke
            | Stage::Refuse => not_needed(""),
        }
    }

    /// Forgets the values, then records the end: a kill in between finds nothing left to forget, and records it. Of a rotation that is
    /// given up one of them may be the only one that lets in, so they stay until the next
    /// rotation keeps its own.
    pub(super) async fn end(&mut self, end: End, reason: String) -> Result<(), StepReport> {
        let is_needed = |kept: &Kept| match end {
            End::Completed => false,
            End::RolledBack => former::is_only_here(kept),
            End::GivenUp => true,
        };
        if self.kept.as_ref().is_some_and(|kept| !is_needed(kept)) {
            let vault = &self.job.world.rotations.vault;
            let forgotten = vault.forget(&self.job.terms.name).await;
            forgotten.map_err(|error| not_kept(&error))?;
        }
        self.record(Event::Ended { end, reason }).await
    }

    async fn record(&mut self, event: Event) -> Result<(), StepReport> {
        let at = self.job.now();
        let mut state = self.state.clone();
        state.apply(&event, at);
        let mut credential = self.credential.clone();
        let fresh = self.kept.as_ref().map(|kept| Fresh {
            facts: kept.facts.clone(),
            expires_at: kept.expires_at,
            first: former::was_none(kept),
        });
        credential.take_in(&event, at, &state, &fresh.unwrap_or_default());
        let record = Record {
            rotation: self.id,
            event,
            at,
            credential: credential.clone(),
        };
        let recorded = self.job.world.rotations.ledger.record(record).await;
        recorded.map_err(|error| unrecorded(&error))?;
        (self.state, self.credential) = (state, credential);
        Ok(())
    }

    /// What a rotation that is given up leaves behind, for people.
    pub(super) fn left(&self) -> String {
        giving_up::left(self.kept.as_ref(), &self.credential, &self.state)
    }

    /// Whether an old one was named or found that was not good before, so that nothing is proven of it.
    pub(super) fn doubts_the_old_one(&self) -> bool {
        self.kept.as_ref().is_some_and(former::is_doubtful)
    }

    /// With what is known of the credential.
    pub(super) fn report(&self, report: StepReport) -> StepReport {
        let id = self.id.to_string();
        report::with(report, &self.credential, Some((&id, &self.state)))
    }
}

fn not_kept(error: &VaultError) -> StepReport {
    let hint = "put that file back from a backup of the state folder; or give the rotation up with `giveUp`, and see by hand which credential counts";
    StepReport::failed(format!("{error}\nhint: {hint}"), true)
}
