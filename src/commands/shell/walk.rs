//! The walk through a text: lists, pipelines, branches, loops, functions.

use super::{
    super::{
        found::Found,
        word::{Setting, Stdin, Word},
    },
    MOST_STEPS, TOO_MUCH,
    state::State,
    streams::{Output, displays, takes_objects},
};
use brush_parser::ast::{
    AndOr, AndOrList, Command, CompoundCommand, CompoundList, FunctionBody, Pipeline, Program,
    RedirectList, SeparatorOperator, SimpleCommand,
};

/// Builtins that a function of the same name does not hide in every shell.
pub(super) const SPECIAL: [&str; 14] = [
    ".", ":", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set",
    "shift", "trap", "unset",
];

/// `${NAME:-value}` where nothing is known of `NAME`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StandIn {
    NotSeen,
    Seen,
    Assumed,
}

/// One shell that runs a text.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says another thing of the command at hand"
)]
pub(super) struct Walker<'w, 's> {
    pub(super) state: State,
    /// What commands read that get nothing else.
    pub(super) stdin: Stdin,
    pub(super) setting: &'w Setting<'s>,
    pub(super) found: &'w mut Found,
    /// Files that the current command's output goes to, and whether it is added to them.
    pub(super) overwritten: Vec<(Word, bool)>,
    /// Whether streams were joined for the current command, so that errors may go where its output went.
    pub(super) mixed: bool,
    /// What is known of an input that is not known as a whole.
    pub(super) partly: Option<String>,
    /// Whether values are taken for those that stand in for variables of which nothing is known, and whether there are any.
    pub(super) stand_in: StandIn,
    /// Whether the current command prints its words.
    pub(super) prints: bool,
    /// Whether the current command shows what it reads.
    pub(super) repeats: bool,
    /// Whether somebody sees what the current command prints.
    pub(super) shows: bool,
    /// Whether all that the current command prints goes to a program that puts it into a cluster, or seals it.
    pub(super) handed_on: bool,
    /// What was known wherever `break` and `continue` leave the loop at hand.
    pub(super) left: Option<State>,
    /// What was known wherever more than that is left: `return`, `break 2`.
    pub(super) left_far: Option<State>,
}

impl<'w, 's> Walker<'w, 's> {
    pub(super) fn new(
        state: State,
        stdin: Stdin,
        setting: &'w Setting<'s>,
        found: &'w mut Found,
    ) -> Self {
        Self {
            state,
            stdin,
            setting,
            found,
            overwritten: Vec::new(),
            mixed: false,
            handed_on: false,
            partly: None,
            stand_in: StandIn::NotSeen,
            prints: false,
            repeats: true,
            shows: true,
            left: None,
            left_far: None,
        }
    }

    /// The rest of a loop, or of more, is not carried out.
    pub(super) fn leave(&mut self, far: bool) {
        let left = if far {
            &mut self.left_far
        } else {
            &mut self.left
        };
        match left {
            Some(left) => left.or(&self.state),
            None => *left = Some(self.state.clone()),
        }
    }

    /// The end of what may have been left before.
    pub(super) fn arrive(&mut self) {
        for left in [&self.left, &self.left_far].into_iter().flatten() {
            self.state.or(left);
        }
    }

    /// Everything in a text.
    pub(super) fn program(&mut self, program: &Program) -> Output {
        let mut output = Output::Known(String::new());
        for list in &program.complete_commands {
            output = output.then(self.list(list));
        }
        output
    }

    pub(super) fn list(&mut self, list: &CompoundList) -> Output {
        let mut output = Output::Known(String::new());
        for item in &list.0 {
            if matches!(item.1, SeparatorOperator::Async) {
                self.aside(|shell| shell.and_or(&item.0));
                output = output.then(Output::Unknown);
            } else {
                output = output.then(self.and_or(&item.0));
            }
        }
        output
    }

    fn and_or(&mut self, list: &AndOrList) -> Output {
        let mut output = self.pipeline(&list.first);
        if list.additional.is_empty() {
            return output;
        }
        // What is known wherever the list stops.
        let mut either = self.state.clone();
        let mut operator = None;
        for next in &list.additional {
            let (AndOr::And(pipeline) | AndOr::Or(pipeline)) = next;
            // In `a && b || c` the last runs whether the second did or not.
            let own = std::mem::discriminant(next);
            if operator.replace(own).is_some_and(|before| before != own) {
                self.state = either.clone();
            }
            let printed = self.pipeline(pipeline);
            either.or(&self.state);
            // What follows `&&` may not run: only what is printed either way is known.
            output = match printed {
                Output::Known(text) if text.is_empty() => output,
                Output::Downloaded => Output::Downloaded,
                printed => Output::Unknown.then(output.then(printed)),
            };
        }
        self.state = either;
        output
    }

    /// In a shell of its own: what it does to variables is lost.
    fn aside<T>(&mut self, what: impl FnOnce(&mut Self) -> T) -> T {
        let (state, stdin) = (self.state.clone(), self.stdin.clone());
        let result = what(self);
        let written = std::mem::take(&mut self.state.written);
        (self.state, self.stdin) = (state, stdin);
        self.state.written = written;
        result
    }

    fn pipeline(&mut self, pipeline: &Pipeline) -> Output {
        let mut output = if let [only] = &pipeline.seq[..] {
            let shows = self.shows;
            let output = self.command(only);
            self.shows = shows;
            output
        } else {
            self.aside(|shell| {
                let mut output = Output::Known(String::new());
                for (place, command) in pipeline.seq.iter().enumerate() {
                    if place > 0 {
                        shell.stdin = output.clone().into_stdin();
                    }
                    let (state, shows) = (shell.state.clone(), shell.shows);
                    shell.shows &= pipeline.seq.get(place + 1).is_none_or(displays);
                    shell.partly = output.partly();
                    let handed_on = pipeline.seq.get(place + 1).is_some_and(takes_objects);
                    let outside = std::mem::replace(&mut shell.handed_on, handed_on);
                    output = shell.command(command);
                    shell.handed_on = outside;
                    let written = std::mem::take(&mut shell.state.written);
                    (shell.state, shell.shows) = (state, shows);
                    shell.state.written = written;
                }
                output
            })
        };
        if pipeline.timed.is_some() && output != Output::Downloaded {
            output = Output::Unknown;
        }
        output
    }

    fn command(&mut self, command: &Command) -> Output {
        if self.found.step() > MOST_STEPS {
            self.found
                .unknown_code(&self.setting.place, "shell", TOO_MUCH);
            return Output::Unknown;
        }
        match command {
            Command::Simple(simple) => self.simple_either_way(simple),
            Command::Compound(compound, redirects) => {
                self.redirected(redirects.as_ref(), |shell| shell.compound(compound))
            }
            Command::Function(function) => {
                let name = self.expand_whole(&function.fname.value);
                match name.known() {
                    Some(name) => {
                        // Some shells look for these before they look for functions.
                        if SPECIAL.contains(&name) {
                            self.state.change(name);
                        }
                        self.state.define(name, &function.body);
                    }
                    None => self.found.opaque("a function whose name is not known"),
                }
                Output::Known(String::new())
            }
            Command::ExtendedTest(test, redirects) => {
                self.redirected(redirects.as_ref(), |shell| {
                    shell.extended_test(&test.expr);
                    Output::Known(String::new())
                })
            }
        }
    }

    /// A simple command, and if values stand in for variables of which nothing is known, the same with those values.
    fn simple_either_way(&mut self, simple: &SimpleCommand) -> Output {
        let before = self.state.clone();
        let stand_in = std::mem::replace(&mut self.stand_in, StandIn::NotSeen);
        let output = self.simple(simple);
        if std::mem::replace(&mut self.stand_in, StandIn::Assumed) == StandIn::Seen {
            let after = std::mem::replace(&mut self.state, before);
            self.simple(simple);
            self.state = after;
        }
        self.stand_in = stand_in;
        output
    }

    /// A compound command between its redirections.
    fn redirected(
        &mut self,
        redirects: Option<&RedirectList>,
        what: impl FnOnce(&mut Self) -> Output,
    ) -> Output {
        let Some(redirects) = redirects else {
            return what(self);
        };
        let (before, overwritten) = (self.stdin.clone(), std::mem::take(&mut self.overwritten));
        let mut shown = true;
        (self.mixed, self.repeats) = (false, true);
        for redirect in &redirects.0 {
            shown &= self.redirect(redirect);
        }
        let mixed = std::mem::take(&mut self.mixed);
        let targets = std::mem::take(&mut self.overwritten);
        let output = what(self);
        self.overwritten = targets;
        self.filled(&output);
        (self.stdin, self.overwritten) = (before, overwritten);
        match output.redirected(shown, mixed) {
            Output::Known(_) if mixed => Output::Unknown,
            output => output,
        }
    }

    pub(super) fn compound(&mut self, compound: &CompoundCommand) -> Output {
        match compound {
            CompoundCommand::Arithmetic(command) => {
                self.calculation(&command.expr.value);
                Output::Known(String::new())
            }
            CompoundCommand::ArithmeticForClause(clause) => {
                for part in [&clause.initializer, &clause.condition, &clause.updater]
                    .into_iter()
                    .flatten()
                {
                    self.calculation(&part.value);
                }
                self.looping(|shell| shell.repeatedly(|shell| shell.list(&clause.body.list)))
            }
            CompoundCommand::BraceGroup(group) => self.list(&group.list),
            CompoundCommand::Subshell(subshell) => self.aside(|shell| shell.list(&subshell.list)),
            CompoundCommand::ForClause(clause) => self.looping(|shell| shell.for_clause(clause)),
            CompoundCommand::CaseClause(clause) => self.case_clause(clause),
            CompoundCommand::IfClause(clause) => self.if_clause(clause),
            CompoundCommand::WhileClause(clause) | CompoundCommand::UntilClause(clause) => self
                .looping(|shell| {
                    shell.repeatedly(|shell| {
                        let output = shell.list(&clause.0);
                        output.then(shell.perhaps(|shell| shell.list(&clause.1.list)))
                    })
                }),
            CompoundCommand::Coprocess(coprocess) => {
                self.found.opaque("a coprocess");
                self.aside(|shell| shell.command(&coprocess.body));
                self.state.forget("COPROC");
                Output::Unknown
            }
        }
    }

    /// A command substitution, a process substitution: commands in a shell of their own.
    pub(super) fn substitution(&mut self, text: &str) -> Output {
        let Some(setting) = self.setting.deeper() else {
            self.too_deep();
            return Output::Unknown;
        };
        let (state, output) = super::text_with(
            text,
            self.state.clone(),
            &self.stdin,
            &setting,
            self.found,
            self.shows,
        );
        self.state.written = state.written;
        output
    }

    /// Commands in a shell of their own that are parsed already.
    pub(super) fn subshell(&mut self, list: &CompoundList) -> Output {
        self.aside(|shell| shell.list(list))
    }

    /// A function's commands, with its words.
    pub(super) fn call(&mut self, body: &FunctionBody, words: &[Word]) -> Output {
        let Some(setting) = self.setting.deeper() else {
            self.too_deep();
            return Output::Unknown;
        };
        let mut state = self.state.clone().with_positional(Some(words.to_vec()));
        let outside = std::mem::take(&mut state.locals);
        let mut inner = Walker::new(state, self.stdin.clone(), &setting, self.found);
        let output = inner.redirected(body.1.as_ref(), |shell| shell.compound(&body.0));
        inner.arrive();
        let mut after = inner.state;
        for name in std::mem::replace(&mut after.locals, outside) {
            after.forget(&name);
        }
        let positional = self.state.positional.take();
        self.state = after.with_positional(positional);
        output
    }

    pub(super) fn too_deep(&mut self) {
        self.found.unknown_code(
            &self.setting.place,
            "shell",
            "commands stand too deep in each other",
        );
    }
}
