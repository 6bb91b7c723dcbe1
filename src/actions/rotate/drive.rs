//! Carries a rotation out: asks what comes next, records that it begins, does it, records how it ended.
//!
//! If the record cannot be written, nothing more is touched.

use crate::{
    actions::{
        framework::{World, said::unheard},
        rotate::{
            craft::Craft,
            intending::resting,
            report,
            scene::Scene,
            terms::Terms,
            work::{Went, Work},
        },
    },
    domain::{
        check::CheckStatus,
        effect::{Class, Effects},
        id::RotationId,
        rotation::{
            Credential, CredentialState, Due, End, Next, Outcome, RotationState, Stage, due, next,
        },
        run::{StepReport, StepResult},
    },
    ports::{
        executor::{Intent, LogStream, Session, StepContext},
        ledger::{Known, LedgerError},
    },
};
use jiff::Timestamp;

/// What this step would do now.
#[derive(Debug)]
enum Task {
    /// Nothing: it is not due, or in its overlap.
    Rest(String),
    /// It goes on with a rotation, which stands like this.
    GoOn(String),
    /// Nothing: only a person can help, for this reason.
    Stuck(String),
    /// It begins one, for this reason.
    Begin(String),
}

/// The intent as it is now: a credential that is not due is only looked at. Where that cannot be found out, it is as if it were due;
/// what can only fail touches nothing, and nobody is asked about it.
pub(super) async fn foresee(
    craft: &dyn Craft,
    terms: &Terms,
    (context, world): (&StepContext, &World),
    intent: Intent,
) -> Intent {
    let session = unheard(context);
    let job = Job {
        craft,
        terms,
        session: &session,
        world,
    };
    match job.look().await {
        Ok((_, Task::Rest(_) | Task::Stuck(_))) => resting(&terms.name),
        Err(StepReport {
            result: StepResult::Failed {
                retryable: false, ..
            },
            ..
        }) => resting(&terms.name),
        Ok((_, Task::GoOn(standing))) => Intent {
            effects: Effects {
                standing: vec![standing],
                ..intent.effects
            },
            ..intent
        },
        Ok((_, Task::Begin(_))) | Err(_) => intent,
    }
}

/// Carries out what is due now, as far as it was judged.
pub(super) async fn rotate(
    craft: &dyn Craft,
    terms: &Terms,
    judged: &Effects,
    (session, world): (&Session, &World),
) -> StepReport {
    let Some(_claim) = world.rotations.claims.claim(&terms.name) else {
        let busy = format!("another step is at work on the credential `{}`", terms.name);
        return StepReport::failed(busy, true);
    };
    let job = Job {
        craft,
        terms,
        session,
        world,
    };
    match job.carry_out(judged).await {
        Ok(report) | Err(report) => report,
    }
}

/// One step's work on one credential.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) craft: &'a dyn Craft,
    pub(super) terms: &'a Terms,
    pub(super) session: &'a Session,
    pub(super) world: &'a World,
}

/// What is known, and the credential as it is or begins to be.
struct Looked {
    known: Known,
    credential: Credential,
    state: RotationState,
}

impl<'a> Job<'a> {
    pub(super) fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    pub(super) fn scene(&self, rotation: RotationId, session: &'a Session) -> Scene<'a> {
        Scene {
            name: &self.terms.name,
            rotation,
            session,
            world: self.world,
        }
    }

    /// What is known, and what there is to do.
    async fn look(&self) -> Result<(Looked, Task), StepReport> {
        let known = self.world.rotations.ledger.look(&self.terms.name).await;
        let known = known.map_err(|error| unrecorded(&error))?;
        let credential = self
            .credential(&known)
            .map_err(|error| StepReport::failed(error, false))?;
        let state = RotationState::of(&known.events);
        let looked = Looked {
            known,
            credential,
            state,
        };
        self.check_give_up(looked.credential.rotation).await?;
        let task = match looked.credential.rotation {
            Some(id) => self.going_on(id, &looked),
            None => self.due(&looked).await?,
        };
        if matches!(task, Task::Begin(_)) {
            self.check_hindered().await?;
        }
        Ok((looked, task))
    }

    /// A later attempt must see for itself what has come about since.
    async fn check_hindered(&self) -> Result<(), StepReport> {
        if self.session.context.attempt > 1 {
            return Ok(());
        }
        let scene = self.scene(self.new_id(), self.session);
        match self.craft.hindered(scene).await {
            Some(why) => Err(StepReport::failed(why, false)),
            None => Ok(()),
        }
    }

    fn going_on(&self, id: RotationId, looked: &Looked) -> Task {
        let (name, now) = (&self.terms.name, self.now());
        if self.gives_up(id) {
            let words = "what there is of both credentials stays as it is";
            return Task::GoOn(format!(
                "the rotation {id} of `{name}` is given up: {words}"
            ));
        }
        let state = &looked.state;
        match next(state, now) {
            Next::Stuck(reason) => Task::Stuck(reason),
            Next::Wait(until) => Task::Rest(format!(
                "`{name}` is in its overlap until {until:.0}: both are good, and the old one is revoked after that"
            )),
            _ if state.may_go_back() => {
                let at = state.stage().map_or("its beginning", Stage::as_str);
                Task::GoOn(format!(
                    "the rotation {id} of `{name}` was cut off at {at}: it is rolled back, and begun anew where it is still due; until then {}",
                    self.craft.half_way()
                ))
            }
            Next::Do(stage) => Task::GoOn(format!(
                "the rotation {id} of `{name}` goes on at {stage}: the new one counts already; until then the old one may still let in"
            )),
            Next::Undo(_) | Next::End(..) | Next::Over => Task::GoOn(format!(
                "the rotation {id} of `{name}` is brought to its end"
            )),
        }
    }

    pub(super) fn gives_up(&self, id: RotationId) -> bool {
        self.terms.give_up.as_deref() == Some(id.to_string().as_str())
    }

    async fn due(&self, looked: &Looked) -> Result<Task, StepReport> {
        if self.terms.force {
            return Ok(Task::Begin("it is forced".to_owned()));
        }
        let scene = self.scene(self.new_id(), self.session);
        let known = looked.known.credential.as_ref();
        let was_issued = known.is_some_and(|known| known.issued_at.is_some());
        if was_issued && looked.credential.issued_at.is_none() {
            return Ok(Task::Begin("its places are others than before".to_owned()));
        }
        let ends = self.craft.ends(known, scene).await;
        let ends = ends.map_err(|error| StepReport::failed(error, true))?;
        Ok(match due(known, self.terms.every, ends, self.now()) {
            Due::Now(why) => Task::Begin(why),
            Due::At(at) => Task::Rest(format!("`{}` is not due until {at:.0}", self.terms.name)),
        })
    }

    pub(super) fn new_id(&self) -> RotationId {
        RotationId::new(self.now(), self.world.clock.entropy())
    }

    /// The credential as it was recorded last, or as it is when it was never heard of. One name is one credential.
    fn credential(&self, known: &Known) -> Result<Credential, String> {
        let (name, runbook) = (&self.terms.name, &self.session.context.runbook);
        let (kind, place) = (self.craft.kind(), self.terms.place(self.craft));
        let Some(found) = &known.credential else {
            return Ok(Credential {
                name: name.clone(),
                runbook: runbook.clone(),
                kind,
                place,
                state: CredentialState::Current,
                rotation: None,
                issued_at: None,
                proven_at: None,
                next_at: None,
                expires_at: None,
                facts: [].into(),
                note: String::new(),
                updated_at: self.now(),
            });
        };
        let is_same = found.kind == kind && found.place == place;
        if found.runbook != *runbook && (found.rotation.is_some() || !is_same) {
            return Err(format!(
                "the credential `{name}` is kept by the runbook `{}`\nhint: give this one another name",
                found.runbook
            ));
        }
        if let Some(id) = found.rotation.filter(|id| !is_same && !self.gives_up(*id)) {
            return Err(format!(
                "the rotation {id} of `{name}` goes on, and began elsewhere: {}\nhint: let the step name these places again until it is over, or give it up with `giveUp: {id}`",
                found.place
            ));
        }
        // A credential that is somewhere else now was never rotated there.
        let issued_at = found.issued_at.filter(|_| is_same);
        Ok(Credential {
            runbook: runbook.clone(),
            kind,
            place,
            issued_at,
            ..found.clone()
        })
    }

    async fn carry_out(&self, judged: &Effects) -> Result<StepReport, StepReport> {
        let (looked, task) = self.look().await?;
        let may_act = judged.class() > Class::Read && !self.session.context.dry_run;
        match task {
            Task::Rest(words) => self.rest(looked, words).await,
            Task::Stuck(reason) => Err(self.stuck(&looked, &reason)),
            Task::GoOn(_) | Task::Begin(_) if !may_act => {
                let words = format!(
                    "`{}` has become due since this step was judged; the next run of it goes on",
                    self.terms.name
                );
                let report = StepReport::succeeded(words, serde_json::Value::Null);
                Ok(report::with(report, &looked.credential, None))
            }
            Task::GoOn(_) => self.go_on(looked).await,
            Task::Begin(why) => self.begin(looked.credential, why, String::new()).await,
        }
    }

    fn stuck(&self, looked: &Looked, reason: &str) -> StepReport {
        let credential = &looked.credential;
        let id = credential.rotation.map(|id| id.to_string());
        let rotation = id.as_deref().map(|id| (id, &looked.state));
        let report = report::stuck(&self.terms.name, id.as_deref().unwrap_or_default(), reason);
        report::with(report, credential, rotation)
    }

    /// Says what is known, and records it where it is news.
    async fn rest(&self, looked: Looked, words: String) -> Result<StepReport, StepReport> {
        let mut credential = looked.credential;
        if credential.rotation.is_none() {
            self.say_next(&mut credential).await?;
            let before = looked.known.credential.as_ref();
            let is_news = before.is_none_or(|before| {
                let same_time = Credential {
                    updated_at: before.updated_at,
                    ..credential.clone()
                };
                same_time != *before
            });
            if is_news && !self.session.context.dry_run {
                let noted = self.world.rotations.ledger.note(credential.clone());
                noted.await.map_err(|error| unrecorded(&error))?;
            }
        }
        let id = credential.rotation.map(|id| id.to_string());
        let rotation = id.as_deref().map(|id| (id, &looked.state));
        let report = StepReport::succeeded(words, serde_json::Value::Null);
        Ok(report::with(report, &credential, rotation))
    }

    /// When a credential that no rotation goes on for is due.
    async fn say_next(&self, credential: &mut Credential) -> Result<(), StepReport> {
        let scene = self.scene(self.new_id(), self.session);
        let ends = self.craft.ends(Some(credential), scene).await;
        let ends = ends.map_err(|error| StepReport::failed(error, true))?;
        if let Some((end, _)) = ends {
            credential.expires_at = Some(end);
        }
        credential.next_at = match due(Some(credential), self.terms.every, ends, self.now()) {
            Due::At(at) => Some(at),
            Due::Now(_) if self.terms.every.is_none() && ends.is_none() => None,
            Due::Now(_) => Some(self.now()),
        };
        Ok(())
    }

    /// The same, and records it.
    async fn note_next(&self, credential: &mut Credential) -> Result<(), StepReport> {
        self.say_next(credential).await?;
        let noted = self.world.rotations.ledger.note(credential.clone());
        noted.await.map_err(|error| unrecorded(&error))
    }

    /// Goes on with the rotation that was found. One that leads back because it was cut off leaves the credential due, and begins anew.
    async fn go_on(&self, looked: Looked) -> Result<StepReport, StepReport> {
        let id = looked.credential.rotation.unwrap_or_else(|| self.new_id());
        let gives_up = self.gives_up(id);
        let mut work = Work::resumed(*self, id, looked.credential, looked.state).await?;
        if gives_up {
            let why = "given up by `giveUp`".to_owned();
            let left = work.left();
            work.end(End::GivenUp, why).await?;
            self.note_next(&mut work.credential).await?;
            let words = format!(
                "the rotation {id} of `{}` is given up; what there is of both credentials stays as it is: {left}",
                self.terms.name
            );
            return Ok(work.report(StepReport::succeeded(words, serde_json::Value::Null)));
        }
        match work.go().await? {
            Went::Back(why) => {
                let left = report::left_behind(&work.state);
                // A key that may be left at its provider is for a person to look after.
                let check = left.map(|_| CheckStatus::Warning);
                let left = left.map(|left| format!(", and {left}"));
                let left = left.unwrap_or_default();
                let told = format!("the rotation {id} was rolled back ({why}){left}; ");
                let begun = self.begin(work.credential, "it is still due".to_owned(), told);
                let report = begun.await?;
                Ok(StepReport {
                    check: report.check.or(check),
                    ..report
                })
            }
            other => self.ended(work, other, String::new()).await,
        }
    }

    async fn begin(
        &self,
        credential: Credential,
        why: String,
        told: String,
    ) -> Result<StepReport, StepReport> {
        let note = format!("{} is rotated: {why}\n", self.terms.name);
        self.session.log.append(LogStream::Note, note.as_bytes());
        let mut work = Work::begun(*self, self.new_id(), credential).await?;
        let went = work.go().await?;
        self.ended(work, went, told).await
    }

    async fn ended(
        &self,
        mut work: Work<'a>,
        went: Went,
        told: String,
    ) -> Result<StepReport, StepReport> {
        let name = &self.terms.name;
        let words = match went {
            Went::Completed => {
                self.note_next(&mut work.credential).await?;
                format!("{told}`{name}` was rotated: {}", report::story(&work.state))
            }
            Went::Waits(until) => format!(
                "{told}`{name}` was rotated, and both are good until {until:.0}: {}",
                report::story(&work.state)
            ),
            Went::Back(why) => {
                let stands = match work.credential.state {
                    CredentialState::Missing => "there is none, as before",
                    _ => report::after_going_back(&work.state),
                };
                let words = format!("{told}`{name}` was not rotated, and {stands}: {why}");
                return Err(work.report(StepReport::failed(words, true)));
            }
            Went::Wrong(report) => {
                let summary = format!("{told}{}", report.summary);
                return Err(work.report(StepReport { summary, ..report }));
            }
        };
        let report = StepReport::succeeded(words, serde_json::Value::Null);
        // An old one that stays good, or may, is for a person to look after.
        let is_unproven = |stage: Stage| {
            let outcome = work.state.stages.get(&stage);
            matches!(outcome, Some(Some(Outcome::Unproven { .. })))
        };
        let is_left =
            is_unproven(Stage::Revoke) || (is_unproven(Stage::Refuse) && work.doubts_the_old_one());
        Ok(StepReport {
            check: is_left.then_some(CheckStatus::Warning),
            ..work.report(report)
        })
    }
}

pub(super) fn unrecorded(error: &LedgerError) -> StepReport {
    StepReport::failed(
        format!(
            "{error}\nhint: nothing more was touched; the next run goes on from what is recorded"
        ),
        true,
    )
}
