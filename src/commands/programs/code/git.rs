//! git.

use super::git_shown;
use crate::commands::{
    found::Found,
    programs::{
        files::{guard::guard_of, paths::is_shared},
        manual::{Does, Form},
        names,
    },
    word::{Call, Word},
};
use crate::domain::effect::{Effect, Verb};

/// What `-c` and `git config` may set without making anything run later. What stands before the first dot, or the whole name.
const HARMLESS: &str = "advice branch color column commit.gpgsign commit.verbose core.abbrev core.autocrlf core.bare core.compression \
    core.eol core.filemode core.ignorecase core.longpaths core.preloadindex core.quotepath core.safecrlf \
    core.symlinks fetch format.pretty grep http.lowspeedlimit http.lowspeedtime http.postbuffer \
    init.defaultbranch log merge.ff pack pull push rebase tag.gpgsign user";

/// What makes git run a program, now or later, or gives away or takes in credentials.
const RUNNING: &str = "alias browser core.askpass core.editor core.fsmonitor core.gitproxy core.hookspath core.pager core.sshcommand \
    core.attributesfile core.worktree credential diff.external difftool filter gpg include includeif \
    init.templatedir interactive man mergetool pager protocol remote sendemail sequence trailer uploadpack url";

/// Says what a call of git would do.
pub(super) fn judge(call: &Call<'_>, found: &mut Found) {
    let Some(program) = super::MANUAL.program(call.program) else {
        return;
    };
    let form = program.form(call.arguments);
    settings(&form, call, found);
    transports(&form, call, found);
    repository(&form, call, found);
    lands(&form, call, found);
    match form.path.as_slice() {
        ["checkout"] => checkout(&form, call, found),
        ["push"] => push(&form, call, found),
        ["branch"] if form.parsed.has(&["m", "move"]) => {
            form.effects_of(Does::Undo("git branch -m the other way"), call, found);
        }
        ["restore"] if only_staged(&form) => {
            form.effects_of(Does::Undo("git add it again"), call, found);
        }
        ["rm"] if form.parsed.has(&["cached"]) => form.effects_of(Does::Change, call, found),
        _ => form.effects(call, found),
    }
    git_shown::judge(&form, call, found);
}

fn only_staged(form: &Form<'_>) -> bool {
    form.parsed.has(&["S", "staged"])
        && !form.parsed.has(&["W", "worktree"])
        && form.parsed.unknown.is_empty()
}

fn grave(call: &Call<'_>, form: &Form<'_>, found: &mut Found) {
    found.effect(Effect::destructive(Verb::Update, form.object(call)));
}

/// `-c name=value` and `git config name value`: some settings make git run programs.
fn settings(form: &Form<'_>, call: &Call<'_>, found: &mut Found) {
    let clone = form.is(&["clone"]);
    for (place, flag) in form.parsed.flags.iter().enumerate() {
        let sets = place < form.before && flag.name == "c"
            || clone && matches!(flag.name.as_str(), "c" | "config");
        if let Some(value) = flag.value.as_ref().filter(|_| sets) {
            setting(value, call, found);
        }
    }
    let words = &form.parsed.words;
    let name = match form.path.as_slice() {
        ["config"] if words.len() > 1 => words.first(),
        ["config", "set"] => words.first(),
        _ => None,
    };
    if let Some(name) = name {
        setting(name, call, found);
    }
}

fn setting(word: &Word, call: &Call<'_>, found: &mut Found) {
    let text = word.text();
    let name = text.split('=').next().unwrap_or(text).to_ascii_lowercase();
    let section = name.split('.').next().unwrap_or(&name);
    let listed = |list: &str| names::listed(list, section) || names::listed(list, &name);
    let last = name.rsplit('.').next().unwrap_or(&name);
    let merges = matches!(
        section,
        "diff" | "merge" | "submodule" | "tar" | "http" | "ssh"
    ) && !listed(HARMLESS);
    if word.known().is_none() && !text.starts_with(|first: char| first.is_ascii_alphabetic()) {
        let reason = format!("git: which setting `{text}` is, is not known");
        found.unknown_code(&call.setting.place, "git", reason);
    } else if listed(RUNNING) || matches!(last, "command" | "driver" | "textconv" | "program") {
        let reason = format!("git: `{name}` can make it run a program");
        found.unknown_code(&call.setting.place, "git", reason);
    } else if merges || !listed(HARMLESS) && name != "safe.directory" {
        found.opaque(format!("git: what the setting `{name}` does is not known"));
    }
}

/// Addresses that name a program: `ext::sh -c …`.
fn transports(form: &Form<'_>, call: &Call<'_>, found: &mut Found) {
    let values = form
        .parsed
        .flags
        .iter()
        .filter_map(|flag| flag.value.as_ref());
    let program = |word: &&Word| {
        let scheme = word.text().split("::").next().unwrap_or_default();
        word.text().len() > scheme.len()
            && !scheme.is_empty()
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let remote = matches!(
        form.path.first(),
        Some(
            &("clone"
                | "fetch"
                | "pull"
                | "push"
                | "ls-remote"
                | "remote"
                | "submodule"
                | "archive"
                | "fetch-pack")
        )
    );
    if let Some(word) = form
        .parsed
        .words
        .iter()
        .chain(values)
        .find(program)
        .filter(|_| remote)
    {
        let reason = format!("git: `{}` names a program to run", word.text());
        found.unknown_code(&call.setting.place, "git", reason);
    }
}

/// A repository where everybody may write says itself what git runs when it is only looked at.
fn repository(form: &Form<'_>, call: &Call<'_>, found: &mut Found) {
    if form
        .path
        .first()
        .is_some_and(|verb| matches!(*verb, "clone" | "init" | "ls-remote" | "version"))
    {
        return;
    }
    let first = form.parsed.flags.iter().take(form.before);
    let named = first.filter(|flag| matches!(flag.name.as_str(), "C" | "work-tree" | "git-dir"));
    let named = named.filter_map(|flag| flag.value.as_ref()).map(Word::text);
    let stands = call.setting.folder.all().map(String::as_str);
    let foreign = |folder: &&str| {
        let whole = format!("{folder}/");
        is_shared(&whole)
    };
    if let Some(folder) = named.chain(stands).find(foreign) {
        found.opaque(format!(
            "git: the settings of the repository in `{folder}` say what it runs"
        ));
    }
}

/// Commands that put files of a repository into the folder it is checked out in.
const LANDING: [&str; 12] = [
    "am",
    "apply",
    "checkout",
    "cherry-pick",
    "clone",
    "merge",
    "pull",
    "rebase",
    "reset",
    "restore",
    "stash",
    "switch",
];

/// A repository that is checked out where the host looks for what it runs or obeys.
fn lands(form: &Form<'_>, call: &Call<'_>, found: &mut Found) {
    let lands = form.path.first().is_some_and(|verb| LANDING.contains(verb));
    if !lands || form.is_dry() {
        return;
    }
    let first = form.parsed.flags.iter().take(form.before);
    let named = first.filter(|flag| matches!(flag.name.as_str(), "C" | "work-tree"));
    let named = named.filter_map(|flag| flag.value.clone());
    let into = form.parsed.words.get(1).filter(|_| form.is(&["clone"]));
    let stands = call.setting.folder.all();
    let stands = stands.map(|folder| Word::Known(folder.clone()));
    for folder in named.chain(into.cloned()).chain(stands) {
        let inside = folder.with_text(&format!("{}/x", folder.text().trim_end_matches('/')));
        if guard_of(&inside).is_some() {
            let reason = format!(
                "git: what comes into `{}` is obeyed by the host",
                folder.text()
            );
            found.unknown_code(&call.setting.place, "git", reason);
        }
    }
}

/// `checkout` goes to a branch, or throws away what was changed in files.
fn checkout(form: &Form<'_>, call: &Call<'_>, found: &mut Found) {
    let words = &form.parsed.words;
    let starts = form
        .parsed
        .has(&["b", "B", "orphan", "detach", "d", "t", "track"]);
    let paths = form.parsed.before_dashes.is_some()
        || words.len() > 1 && !starts
        || words.iter().any(is_path);
    if paths && !form.is_dry() {
        grave(call, form, found);
    }
    if words.is_empty() && starts {
        form.effects_of(Does::Undo("git checkout -"), call, found);
    } else {
        form.effects(call, found);
    }
}

/// Whether a word looks like a file rather than a branch.
fn is_path(word: &Word) -> bool {
    let text = word.text();
    let name = text.rsplit('/').next().unwrap_or(text);
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let begins =
        |text: &str, test: fn(&char) -> bool| text.chars().next().as_ref().is_some_and(test);
    let ended = (2..=10).contains(&ending.len())
        && begins(ending, char::is_ascii_alphabetic)
        && ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
    // `Makefile` and the like; names of branches are small, `HEAD` and its kin are all capitals.
    let titled = name.len() > 1
        && begins(name, char::is_ascii_uppercase)
        && name.bytes().any(|byte| byte.is_ascii_lowercase())
        && !text.contains('/');
    matches!(word, Word::Glob(_))
        || matches!(text, "." | "..")
        || text.starts_with(['.', '/', ':'])
        || text.ends_with('/')
        || ended
        || titled
        || matches!(
            text,
            "README" | "LICENSE" | "CODEOWNERS" | "VERSION" | "CHANGELOG" | "NOTICE"
        )
}

/// `push`: what a refspec says.
fn push(form: &Form<'_>, call: &Call<'_>, found: &mut Found) {
    let refspecs = form
        .parsed
        .words
        .iter()
        .skip(usize::from(!form.parsed.has(&["repo"])));
    let forced = |word: &Word| {
        let text = word.text();
        text.starts_with(['+', ':']) && text != ":"
    };
    if refspecs.into_iter().any(forced) && !form.is_dry() {
        grave(call, form, found);
    }
    form.effects(call, found);
}
