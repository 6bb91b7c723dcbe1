//! Lists, pipelines, groups, branches and loops, as `bash -e` carries them out.

use super::{
    NOT_STARTED, complain,
    start::{Start, wait},
    streams::{Failed, Streams},
    variables::Variables,
    words::{Refused, Values},
};
use crate::domain::pipeline::{
    Plan, PlannedCommand, PlannedPipeline, PlannedWord, PlannedWork, Redirection, When,
};
use std::{env, fs::File, io, ops::ControlFlow, path::PathBuf, process::Child, sync::Arc, thread};

/// Whether the script goes on.
pub(super) type Flow = ControlFlow<()>;

/// The statuses of a script that a variable without a value ended, with `-e` and without.
const UNSET: (u8, u8) = (1, 127);

/// Whether a failure here may end the script, or somebody asks for the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watch {
    Ends,
    Asked,
}

/// What a script knows at one point.
#[derive(Debug, Clone)]
pub(super) struct Script {
    pub(super) variables: Variables,
    pub(super) folder: PathBuf,
    pub(super) streams: Streams,
    pub(super) status: u8,
    pub(super) exit_on_failure: bool,
    pub(super) unset_fails: bool,
    pub(super) pipe_fails: bool,
}

/// A part of a pipeline that runs.
enum Running<'scope> {
    Program(Result<Child, (u8, Flow)>),
    Part(thread::ScopedJoinHandle<'scope, u8>),
}

impl Running<'_> {
    fn ended(self) -> u8 {
        match self {
            Self::Program(started) => wait(started.map_err(|(status, _)| status)),
            Self::Part(part) => part.join().unwrap_or(NOT_STARTED),
        }
    }
}

impl Script {
    pub(super) fn new(pipe_fails: bool) -> io::Result<Self> {
        Ok(Self {
            variables: Variables::given(),
            folder: env::current_dir()?,
            streams: Streams::given()?,
            status: 0,
            exit_on_failure: true,
            unset_fails: false,
            pipe_fails,
        })
    }

    /// Carries it out; its status.
    pub(super) fn run(&mut self, plan: &Plan) -> u8 {
        let _ended = self.list(&plan.pipelines, Watch::Ends);
        self.status
    }

    /// The first pipeline that fails ends it, unless something asks for its status.
    pub(super) fn list(&mut self, pipelines: &[PlannedPipeline], watch: Watch) -> Flow {
        for (number, pipeline) in pipelines.iter().enumerate() {
            let runs = match pipeline.when {
                When::Always => true,
                When::AfterSuccess => self.status == 0,
                When::AfterFailure => self.status != 0,
            };
            if !runs {
                continue;
            }
            let next = pipelines.get(number + 1);
            let ends_its_list = next.is_none_or(|next| next.when == When::Always);
            let watch = if ends_its_list && !pipeline.negated {
                watch
            } else {
                Watch::Asked
            };
            self.pipeline(pipeline, watch)?;
            if pipeline.negated {
                self.status = u8::from(self.status == 0);
            }
            let fails = self.status != 0 && watch == Watch::Ends && self.exit_on_failure;
            if fails && decides(pipeline) {
                return Flow::Break(());
            }
        }
        Flow::Continue(())
    }

    fn pipeline(&mut self, pipeline: &PlannedPipeline, watch: Watch) -> Flow {
        if let [only] = &pipeline.commands[..] {
            return self.command(only, watch);
        }
        match self.at_once(&pipeline.commands, watch) {
            Ok(ended) => {
                let last = ended.last().copied().unwrap_or(0);
                let failed = ended.into_iter().rev().find(|status| *status != 0);
                self.status = failed.filter(|_| self.pipe_fails).unwrap_or(last);
            }
            Err(error) => {
                complain(None, "orderly", &error.to_string());
                self.status = NOT_STARTED;
            }
        }
        Flow::Continue(())
    }

    /// Starts the parts of a pipeline from left to right, then waits for each.
    fn at_once(&self, commands: &[PlannedCommand], watch: Watch) -> io::Result<Vec<u8>> {
        thread::scope(|scope| {
            let mut running = Vec::with_capacity(commands.len());
            let mut input = Arc::clone(&self.streams.input);
            for (number, command) in commands.iter().enumerate() {
                let mut part = self.clone();
                part.streams.input = input;
                input = Arc::clone(&self.streams.input);
                if number + 1 < commands.len() {
                    let (reader, writer) = io::pipe()?;
                    part.streams.output = Arc::new(File::from(std::os::fd::OwnedFd::from(writer)));
                    input = Arc::new(File::from(std::os::fd::OwnedFd::from(reader)));
                }
                running.push(match &command.work {
                    PlannedWork::Program { variables, words } => {
                        Running::Program(part.start(variables, words, &command.redirections))
                    }
                    _ => Running::Part(scope.spawn(move || {
                        let _ended = part.command(command, watch);
                        part.status
                    })),
                });
            }
            Ok(running.into_iter().map(Running::ended).collect())
        })
    }

    fn command(&mut self, command: &PlannedCommand, watch: Watch) -> Flow {
        if let PlannedWork::Program { variables, words } = &command.work {
            let started = self.start(variables, words, &command.redirections);
            let (status, flow) = match started {
                Ok(child) => (wait(Ok(child)), Flow::Continue(())),
                Err((status, flow)) => (status, flow),
            };
            self.status = status;
            return flow;
        }
        let streams = match self
            .streams
            .redirected(&command.redirections, &self.values())
        {
            Ok(streams) => streams,
            Err(failed) => {
                let (status, flow) = self.failed(failed);
                self.status = status;
                let ends = watch == Watch::Ends && self.exit_on_failure;
                return if ends { Flow::Break(()) } else { flow };
            }
        };
        let before = std::mem::replace(&mut self.streams, streams);
        let flow = self.work(&command.work, watch);
        self.streams = before;
        flow
    }

    pub(super) fn values(&self) -> Values<'_> {
        Values {
            variables: &self.variables,
            folder: &self.folder,
            status: self.status,
            unset_fails: self.unset_fails,
        }
    }

    /// Words first, then streams, then variables, then the program; where that fails, its status, and whether the script goes on.
    fn start(
        &self,
        variables: &[(String, PlannedWord)],
        words: &[PlannedWord],
        redirections: &[Redirection],
    ) -> Result<Child, (u8, Flow)> {
        let words = self
            .values()
            .all(words)
            .map_err(|refused| self.refused(&refused))?;
        let streams = self.streams.redirected(redirections, &self.values());
        let streams = streams.map_err(|failed| self.failed(failed))?;
        let mut own = self.variables.clone();
        for (name, word) in variables {
            let value = self
                .values()
                .whole(word)
                .map_err(|refused| self.refused(&refused))?;
            own.export(name, value);
        }
        let start = Start {
            words,
            variables: &own,
            folder: &self.folder,
            streams,
        };
        start.start().map_err(|status| (status, Flow::Continue(())))
    }

    pub(super) fn refused(&self, refused: &Refused) -> (u8, Flow) {
        let errors = Some(&*self.streams.errors);
        match refused {
            Refused::Unset(name) => {
                complain(errors, "orderly", &format!("`{name}` has no value"));
                let status = if self.exit_on_failure {
                    UNSET.0
                } else {
                    UNSET.1
                };
                (status, Flow::Break(()))
            }
            Refused::Unjudged(why) => {
                complain(errors, "orderly", why);
                (NOT_STARTED, Flow::Break(()))
            }
        }
    }

    fn failed(&self, failed: Failed) -> (u8, Flow) {
        match failed {
            Failed::Word(refused) => self.refused(&refused),
            Failed::File(path, error, errors) => {
                let path = path.display().to_string();
                complain(Some(&errors), &path, &error.to_string());
                (1, Flow::Continue(()))
            }
        }
    }
}

/// Whether a failure of it ends the script by itself: what fails inside a group has ended it already, or was asked for there.
fn decides(pipeline: &PlannedPipeline) -> bool {
    match &pipeline.commands[..] {
        [only] => match only.work {
            PlannedWork::Group(_)
            | PlannedWork::Branches(..)
            | PlannedWork::Each(..)
            | PlannedWork::Repeat(..) => false,
            PlannedWork::Program { .. }
            | PlannedWork::Variables(..)
            | PlannedWork::Enter(_)
            | PlannedWork::Locate(_)
            | PlannedWork::Options(_)
            | PlannedWork::Exit(_)
            | PlannedWork::Subshell(_) => true,
        },
        _ => !pipeline.negated,
    }
}
