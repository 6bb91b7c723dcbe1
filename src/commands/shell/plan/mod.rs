//! Texts that are carried out without any shell: programs and their words, pipes, branches, loops over words, and the few builtins that
//! these need.
//!
//! What depends on more than the text (values of variables, names of files) is put in when its turn comes, by the same rules as in
//! bash(1); where shells differ, or a builtin does more than can be said here, there is no plan.

mod compounds;
mod moments;
mod names;
mod redirections;
mod simple;
mod words;

use crate::domain::pipeline::{
    Matching, Plan, PlannedCommand, PlannedPipeline, PlannedWord, PlannedWork, When,
};
use brush_parser::ast::{
    AndOr, AndOrList, Command, CompoundList, Pipeline, Program, SeparatorOperator,
};

/// The plan of a program that gets variables of these names, if there is one.
pub(super) fn of(program: &Program, environment: &[&str]) -> Option<Plan> {
    let plain = |name: &&str| names::is_plain_variable(name) && *name != "PWD";
    if !environment.iter().all(plain) {
        return None;
    }
    let mut planner = Planner::default();
    let mut pipelines = Vec::new();
    for list in &program.complete_commands {
        pipelines.extend(planner.list(list)?);
    }
    // The program of that name shows where a folder really is, the builtin how it was entered.
    let differs = planner.moves && planner.prints_folder;
    (!differs).then_some(Plan { pipelines })
}

/// Whether a variable of this name holds what the step gave it, and nothing else.
pub(super) fn is_plain_variable(name: &str) -> bool {
    names::is_plain_variable(name)
}

/// What was seen so far.
#[derive(Debug, Default)]
struct Planner {
    /// Whether another folder is entered.
    moves: bool,
    /// Whether the folder is printed.
    prints_folder: bool,
}

impl Planner {
    fn list(&mut self, list: &CompoundList) -> Option<Vec<PlannedPipeline>> {
        let mut pipelines = Vec::new();
        for item in &list.0 {
            if matches!(item.1, SeparatorOperator::Async) {
                return None;
            }
            self.and_or(&item.0, &mut pipelines)?;
        }
        Some(pipelines)
    }

    fn and_or(&mut self, list: &AndOrList, pipelines: &mut Vec<PlannedPipeline>) -> Option<()> {
        pipelines.push(self.pipeline(&list.first, When::Always)?);
        for next in &list.additional {
            pipelines.push(match next {
                AndOr::And(next) => self.pipeline(next, When::AfterSuccess)?,
                AndOr::Or(next) => self.pipeline(next, When::AfterFailure)?,
            });
        }
        Some(())
    }

    fn pipeline(&mut self, pipeline: &Pipeline, when: When) -> Option<PlannedPipeline> {
        if pipeline.timed.is_some() {
            return None;
        }
        let commands: Option<Vec<_>> = pipeline
            .seq
            .iter()
            .map(|command| self.command(command))
            .collect();
        let commands =
            commands.filter(|commands| commands.len() == 1 || !commands.iter().any(only_redirects));
        Some(PlannedPipeline {
            when,
            negated: pipeline.bang,
            commands: commands.filter(|commands| !commands.is_empty())?,
        })
    }

    fn command(&mut self, command: &Command) -> Option<PlannedCommand> {
        match command {
            Command::Simple(simple) => self.simple(simple),
            Command::Compound(compound, redirects) => self.compound(compound, redirects.as_ref()),
            Command::Function(_) | Command::ExtendedTest(..) => None,
        }
    }
}

/// Whether it is a redirection of nothing, of which shells say different things where it is a part of a pipeline.
fn only_redirects(command: &PlannedCommand) -> bool {
    matches!(command.work, PlannedWork::Variables(..)) && !command.redirections.is_empty()
}

/// The words that an argument is written as, where no file may be put in for any.
fn unmatched(raw: &str) -> Option<Vec<PlannedWord>> {
    words::arguments(raw).filter(|words| words.iter().all(|word| word.matching == Matching::No))
}

#[cfg(test)]
mod tests {
    use crate::{
        commands::{NoFiles, of_script},
        domain::pipeline::{
            Matching, Open, Part, Plan, PlannedWord, PlannedWork, Redirection, Stream, When,
        },
    };

    fn plan(text: &str) -> Option<Plan> {
        of_script(text, &NoFiles).plan
    }

    fn words(plan: &Plan, pipeline: usize, command: usize) -> Vec<PlannedWord> {
        match &plan.pipelines[pipeline].commands[command].work {
            PlannedWork::Program { words, .. } => words.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn known(words: &[PlannedWord]) -> Vec<String> {
        words.iter().map(|word| word.known().unwrap()).collect()
    }

    #[test]
    fn words_pipes_and_connectors_make_a_plan() {
        let plan =
            plan("echo 'a b' c\\ d | wc -l && true 2>&1 >/dev/null || false; ls -la\nid").unwrap();
        let whens: Vec<When> = plan
            .pipelines
            .iter()
            .map(|pipeline| pipeline.when)
            .collect();
        assert_eq!(
            whens,
            [
                When::Always,
                When::AfterSuccess,
                When::AfterFailure,
                When::Always,
                When::Always
            ]
        );
        assert_eq!(known(&words(&plan, 0, 0)), ["echo", "a b", "c d"]);
        assert_eq!(known(&words(&plan, 0, 1)), ["wc", "-l"]);
        assert_eq!(
            plan.pipelines[1].commands[0].redirections,
            [
                Redirection::Joined(Stream::Errors, Stream::Output),
                Redirection::File(
                    vec![Stream::Output],
                    Open::Replace,
                    PlannedWord::text("/dev/null")
                )
            ]
        );
    }

    #[test]
    fn what_depends_on_more_than_the_text_is_put_in_later() {
        let variables = plan("ls \"$A/b\" $A").unwrap();
        let [_, quoted, split] = &words(&variables, 0, 0)[..] else {
            panic!();
        };
        assert_eq!(
            quoted.parts,
            [
                Part::Text(String::new()),
                Part::Variable("A".to_owned()),
                Part::Text("/b".to_owned())
            ]
        );
        assert_eq!(split.parts, [Part::Split("A".to_owned())]);
        for (text, matching) in [
            ("ls /var/log/*.log", Matching::Files),
            ("awk '{print}' *.log", Matching::Files),
            ("grep -rn --include=*.py token src", Matching::Itself),
            ("curl http://localhost/x?y", Matching::Itself),
            (
                "kubectl get pods -o jsonpath={.items[0].x}",
                Matching::Itself,
            ),
            ("ls '*'", Matching::No),
            ("git stash show stash@{0}", Matching::No),
        ] {
            let plan = plan(text).unwrap_or_else(|| panic!("{text}"));
            let most = words(&plan, 0, 0)
                .iter()
                .map(|word| word.matching)
                .find(|found| *found != Matching::No);
            assert_eq!(most.unwrap_or(Matching::No), matching, "{text}");
        }
    }

    #[test]
    fn branches_loops_and_groups_make_a_plan() {
        for text in [
            "ls > x",
            "ls < x",
            "ls 2> x",
            "ls &>> x",
            "! ls",
            "(ls)",
            "{ ls; }",
            "if ls; then ls; elif id; then id; else w; fi",
            "for a in x 'y z'; do echo $a; done",
            "while false; do id; done",
            "until true; do id; done",
            "cat <<E\nx $A\nE",
            "cat <<'E'\n$x\nE",
            "cat <<< \"x $A\"",
            "X=1 ls",
            "X=1; echo $X",
            "cd /tmp && ls",
            "export A=b; id",
            "set -eu; ls",
            "exit 3",
            "ls {a,b}",
            "ls ~/x",
            "echo $?",
            "command -v kubectl",
            "command ls",
            "# nothing",
            "(echo ruok; sleep 1) | nc h 1",
            "[ -f /etc/hosts ] && echo yes",
            ": x",
            "cat <<-E\n\tx\n\tE",
        ] {
            assert!(plan(text).is_some(), "{text}");
        }
    }

    #[test]
    fn what_only_a_shell_can_do_makes_none() {
        for text in [
            "echo `id`",
            "echo $(id)",
            "dd if=~/x",
            "dd of=a:~/x",
            "ls ~root",
            "$A",
            "l? x",
            "{ls,-l}",
            "X+=1",
            "X=(a b)",
            "ls &",
            "time ls",
            "f() { ls; }",
            "diff <(ls) x",
            "[[ a ]]",
            "echo $'a'",
            "exec ls",
            "ls 3>&1",
            "ls 2>&3",
            "ls 2>&-",
            ". x",
            "case a in a) ls;; esac",
            "((1))",
            "for ((;;)); do ls; done",
            "for a; do ls; done",
            "for a in *; do ls \"$a\"; done",
            "echo ${A:-b}",
            "echo $1",
            "echo $@",
            "echo $RANDOM",
            "echo $UID",
            "IFS=: ls",
            "PATH=/x ls",
            "HOME=/x; ls ~",
            "rm *.log",
            "touch *.log",
            "sh *.sh",
            "awk *",
            "find . -name *.log",
            "ls .*",
            "ls [^a]",
            "ls [[:alpha:]]",
            "cat *.log > x",
            "ls *; systemctl restart x",
            "cd -",
            "cd \"$A\"",
            "cd a; pwd",
            "X=1 cd x",
            "A=1 B=$A ls",
            "export A",
            "export A=$B",
            "set -x",
            "set -- a",
            "ls > /dev/stdout",
            "ls > *",
            "ls > $A",
            "ls > /dev/tcp/h/1",
            "ls <> x",
            "cat <&0",
            "printf -v A x",
            "[ -v A ]",
            "test -o errexit",
            "kill %1",
            "command -v cd",
            "command -v echo",
            "command cd /",
            "exit $A",
            "while read a; do id; done",
            "select a in b; do id; done",
            "coproc ls",
            "cat 3<<< x",
        ] {
            assert_eq!(plan(text), None, "{text}");
        }
    }
}
