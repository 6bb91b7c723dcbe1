//! Texts so plain that no shell is needed to carry them out: words, `|`, `&&`, `||`, `;`, and output thrown away or joined.
//!
//! Free of expansion by construction: a word that any shell could change is in no plan.

use super::quotes::{expands, stretches};
use crate::domain::pipeline::{Goes, Plan, PlannedCommand, PlannedPipeline, When};
use brush_parser::ast::{
    AndOr, AndOrList, Command, CommandPrefixOrSuffixItem as Item, CompoundList,
    IoFileRedirectKind as Kind, IoFileRedirectTarget as Target, IoRedirect, Pipeline, Program,
    SeparatorOperator, SimpleCommand,
};

/// What only a shell can carry out, because it changes the shell, or because it is no program everywhere.
#[rustfmt::skip]
const BUILTINS: &[&str] = &[
    ".", ":", "alias", "bg", "bind", "break", "builtin", "caller", "cd", "command", "compgen", "complete", "compopt", "continue",
    "coproc", "declare", "dirs", "disown", "enable", "eval", "exec", "exit", "export", "fc", "fg", "getopts", "hash", "help",
    "history", "jobs", "let", "local", "logout", "mapfile", "popd", "pushd", "read", "readarray", "readonly", "return", "set",
    "shift", "shopt", "source", "suspend", "time", "times", "trap", "type", "typeset", "ulimit", "umask", "unalias", "unset",
    "wait",
];

/// The plan of a program, if it is plain enough.
pub(super) fn of(program: &Program) -> Option<Plan> {
    let mut pipelines = Vec::new();
    for list in &program.complete_commands {
        add(list, &mut pipelines)?;
    }
    (!pipelines.is_empty()).then_some(Plan { pipelines })
}

fn add(list: &CompoundList, pipelines: &mut Vec<PlannedPipeline>) -> Option<()> {
    for item in &list.0 {
        if matches!(item.1, SeparatorOperator::Async) {
            return None;
        }
        and_or(&item.0, pipelines)?;
    }
    Some(())
}

fn and_or(list: &AndOrList, pipelines: &mut Vec<PlannedPipeline>) -> Option<()> {
    pipelines.push(pipeline(&list.first, When::Always)?);
    for next in &list.additional {
        pipelines.push(match next {
            AndOr::And(next) => pipeline(next, When::AfterSuccess)?,
            AndOr::Or(next) => pipeline(next, When::AfterFailure)?,
        });
    }
    Some(())
}

fn pipeline(pipeline: &Pipeline, when: When) -> Option<PlannedPipeline> {
    if pipeline.timed.is_some() || pipeline.bang {
        return None;
    }
    let commands: Option<Vec<_>> = pipeline
        .seq
        .iter()
        .map(|command| match command {
            Command::Simple(simple) => self::command(simple),
            Command::Compound(..) | Command::Function(_) | Command::ExtendedTest(..) => None,
        })
        .collect();
    Some(PlannedPipeline {
        when,
        commands: commands.filter(|commands| !commands.is_empty())?,
    })
}

fn command(simple: &SimpleCommand) -> Option<PlannedCommand> {
    let name = plain(&simple.word_or_name.as_ref()?.value)?;
    if name.is_empty() || BUILTINS.binary_search(&name.as_str()).is_ok() {
        return None;
    }
    let mut command = PlannedCommand {
        argv: vec![name],
        stdout: Goes::On,
        stderr: Goes::Errors,
    };
    let prefix = simple.prefix.iter().flat_map(|prefix| &prefix.0);
    for item in prefix.chain(simple.suffix.iter().flat_map(|suffix| &suffix.0)) {
        match item {
            Item::Word(word) | Item::AssignmentWord(_, word) => {
                command.argv.push(plain(&word.value)?);
            }
            Item::IoRedirect(redirect) => redirected(redirect, &mut command)?,
            Item::ProcessSubstitution(..) => return None,
        }
    }
    let assigns = simple.prefix.iter().flat_map(|prefix| &prefix.0);
    let assigns = assigns
        .filter(|item| matches!(item, Item::AssignmentWord(..)))
        .count();
    (assigns == 0).then_some(command)
}

/// `>/dev/null`, `2>&1`, `&>/dev/null`, in the order in which they stand.
fn redirected(redirect: &IoRedirect, command: &mut PlannedCommand) -> Option<()> {
    match redirect {
        IoRedirect::OutputAndError(word, _) if plain(&word.value)? == "/dev/null" => {
            (command.stdout, command.stderr) = (Goes::Nowhere, Goes::Nowhere);
        }
        IoRedirect::File(
            descriptor,
            Kind::Write | Kind::Append | Kind::Clobber,
            Target::Filename(word),
        ) if plain(&word.value)? == "/dev/null" => {
            *stream(*descriptor, command)? = Goes::Nowhere;
        }
        IoRedirect::File(descriptor, Kind::DuplicateOutput, target) => {
            let from = match target {
                Target::Fd(number) => *number,
                Target::Duplicate(word) => plain(&word.value)?.parse().ok()?,
                Target::Filename(_) | Target::ProcessSubstitution(..) => return None,
            };
            let goes = *stream(Some(from), command)?;
            *stream(*descriptor, command)? = goes;
        }
        _ => return None,
    }
    Some(())
}

fn stream(descriptor: Option<i32>, command: &mut PlannedCommand) -> Option<&mut Goes> {
    match descriptor {
        None | Some(1) => Some(&mut command.stdout),
        Some(2) => Some(&mut command.stderr),
        Some(_) => None,
    }
}

/// The text of a word that no shell would change beyond taking its quotation marks away.
fn plain(raw: &str) -> Option<String> {
    if expands(raw) {
        return None;
    }
    let mut text = String::new();
    for (place, stretch) in stretches(raw).iter().enumerate() {
        let tilde = stretch.text.starts_with('~') && (place == 0 || text.ends_with(['=', ':']));
        let changes = tilde
            || stretch
                .text
                .contains(['*', '?', '[', ']', '(', ')', '!', '^'])
            || stretch.text.contains("=~")
            || stretch.text.contains(":~")
            || stretch.text.contains(['{', '}']) && stretch.text != "{}";
        if changes && !stretch.quoted {
            return None;
        }
        text.push_str(&stretch.text);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::{Goes, When};
    use crate::{
        commands::{NoFiles, of_script},
        domain::pipeline::Plan,
    };

    fn plan(text: &str) -> Option<Plan> {
        of_script(text, &NoFiles).plan
    }

    #[test]
    fn the_names_of_builtins_are_sorted() {
        assert!(super::BUILTINS.is_sorted());
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
        assert_eq!(plan.pipelines[0].commands[0].argv, ["echo", "a b", "c d"]);
        assert_eq!(plan.pipelines[0].commands[1].argv, ["wc", "-l"]);
        let quiet = &plan.pipelines[1].commands[0];
        assert_eq!((quiet.stdout, quiet.stderr), (Goes::Nowhere, Goes::On));
    }

    #[test]
    fn what_a_shell_would_change_makes_none() {
        for text in [
            "echo $X",
            "echo `id`",
            "ls *",
            "ls ~",
            "ls ~/x",
            "dd if=~/x",
            "ls {a,b}",
            "ls a?",
            "ls [a]",
            "X=1 ls",
            "X=1",
            "cd /tmp",
            "ls > x",
            "ls < x",
            "ls &",
            "! ls",
            "time ls",
            "(ls)",
            "{ ls; }",
            "if ls; then ls; fi",
            "f() { ls; }",
            "cat <<E\nx\nE",
            "cat <<< x",
            "diff <(ls) x",
            "[[ a ]]",
            "echo $'a'",
            "exec ls",
            "",
            "ls 3>&1",
            "ls 2>&3",
            ". x",
        ] {
            assert_eq!(plan(text), None, "{text}");
        }
    }
}
