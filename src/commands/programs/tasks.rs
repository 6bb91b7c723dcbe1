//! Tasks of frameworks that empty or drop a database, however they are run: `bin/rails db:drop`, `python manage.py flush`.

use crate::commands::{
    found::{Found, object},
    word::{Setting, Word},
};
use crate::domain::effect::{Effect, Reversible, Tri, Verb};

/// Programs, and the tasks of each that lose what a database holds.
const TASKS: [(&str, &[&str]); 8] = [
    ("artisan", &ARTISAN),
    ("manage.py", &["flush", "reset_db"]),
    ("mix", &["ecto.drop", "ecto.reset"]),
    ("prisma", &["reset"]),
    ("rails", &RAKE),
    ("rake", &RAKE),
    ("sequelize", &["db:drop"]),
    ("sequelize-cli", &["db:drop"]),
];

const ARTISAN: [&str; 4] = [
    "db:wipe",
    "migrate:fresh",
    "migrate:refresh",
    "migrate:reset",
];

const RAKE: [&str; 8] = [
    "db:drop",
    "db:drop:all",
    "db:migrate:reset",
    "db:purge",
    "db:reset",
    "db:schema:load",
    "db:seed:replant",
    "db:truncate_all",
];

/// Programs that start such a program, which one of their first words names.
const STARTERS: [&str; 9] = [
    "bundle", "npx", "php", "pipenv", "poetry", "python", "python3", "ruby", "uv",
];

/// Flags with which tasks are only listed, described or walked through.
const DRY: [&str; 9] = [
    "-T",
    "--tasks",
    "-D",
    "--describe",
    "-P",
    "--prereqs",
    "-n",
    "--dry-run",
    "--help",
];

/// How many words a program that starts another may have before it.
const MOST_BEFORE: usize = 4;

/// Adds what such a task loses.
pub(super) fn judge(name: &str, arguments: &[Word], setting: &Setting<'_>, found: &mut Found) {
    let Some((tasks, rest)) = runner(name, arguments) else {
        return;
    };
    let told = rest.iter().any(|word| DRY.contains(&word.text()));
    let task = rest.iter().find(|word| tasks.contains(&word.text()));
    let Some(task) = task.filter(|_| !told && !asks_for_help(rest)) else {
        return;
    };
    found.effect(Effect {
        data_loss: Tri::Yes,
        reversible: Reversible::No,
        ..Effect::read(
            Verb::DatabaseSchema,
            object(&setting.place, "database", task.text()),
        )
    });
}

/// The tasks to fear of the program that runs, and the words after its name.
fn runner<'w>(name: &str, arguments: &'w [Word]) -> Option<(&'static [&'static str], &'w [Word])> {
    if let Some(tasks) = tasks_of(name) {
        return Some((tasks, arguments));
    }
    if !STARTERS.contains(&last(name)) {
        return None;
    }
    let (at, tasks) = arguments
        .iter()
        .take(MOST_BEFORE)
        .enumerate()
        .find_map(|(at, word)| Some((at, tasks_of(word.text())?)))?;
    Some((tasks, arguments.get(at + 1..).unwrap_or_default()))
}

fn tasks_of(path: &str) -> Option<&'static [&'static str]> {
    let name = last(path);
    let (_, tasks) = TASKS.iter().find(|(program, _)| *program == name)?;
    Some(tasks)
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// `manage.py help flush`.
fn asks_for_help(words: &[Word]) -> bool {
    words.first().is_some_and(|word| word.text() == "help")
}
