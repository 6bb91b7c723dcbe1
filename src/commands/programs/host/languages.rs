//! Packages and builds of programming languages.

use super::does::{Does, act};
use super::language_tables::{CARGO, GO, NPM, PIP};
use super::pinned::{any_version, conda, gem, is_version, unless_pinned};
use super::sheet::{asks_for_help, has_word, program};
use crate::commands::found::{Found, object};
use crate::commands::programs::Grammar;
use crate::commands::word::{Call, Word};
use crate::domain::effect::Reach;

/// The grammar of a program for languages.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    Some(match program {
        "pip" | "pip3" | "pipx" => pip,
        "npm" | "pnpm" => npm,
        "yarn" => yarn,
        "npx" | "bunx" | "pnpx" | "uvx" => |call, found| fetched(call, found),
        "cargo" => cargo,
        "virtualenv" => virtualenv,
        "go" => go,
        "gem" => gem,
        "conda" | "mamba" | "micromamba" => conda,
        _ => return None,
    })
}

/// Whether what is installed comes from elsewhere than the registry: an address, a repository.
fn from_elsewhere(name: &str) -> bool {
    name.contains("://")
        || name.starts_with("git+")
        || name.starts_with("github:")
        || name.starts_with("git@")
        || name.contains(" @ ")
        || name.starts_with("gitlab:")
}

fn virtualenv(call: &Call<'_>, found: &mut Found) {
    act(
        Does::Undo("remove the new folder"),
        program(&call.setting.place, call),
        Reach::Exactly(1),
        found,
    );
}

fn fetched(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    if call.arguments.is_empty()
        || call.arguments.len() == 1
            && call
                .arguments
                .iter()
                .any(|word| has_word("--help --version -h -v", word.text()))
    {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    act(Does::Fetch, program(place, call), Reach::Exactly(1), found);
}

/// pip: names from elsewhere, and other indexes, run code that nobody pinned.
fn pip(call: &Call<'_>, found: &mut Found) {
    let parsed = PIP.parse(call.arguments);
    PIP.decide(&parsed, call, found);
    let place = &call.setting.place;
    let installs = has_word(
        "install download wheel inject run lock",
        parsed.verb().unwrap_or_default(),
    );
    if !installs
        || asks_for_help(&parsed)
        || parsed.unknown.is_empty() && parsed.shows(&["dry-run"])
    {
        return;
    }
    let index = [
        "i",
        "index-url",
        "index",
        "extra-index-url",
        "f",
        "find-links",
        "trusted-host",
    ];
    let elsewhere = parsed
        .words
        .iter()
        .skip(1)
        .chain(parsed.values(&["e", "editable", "r", "requirement", "spec"]))
        .find(|word| from_elsewhere(word.text()));
    let foreign = parsed.values(&index).find(|word| {
        !word.text().starts_with("https://pypi.org/")
            && !word.text().starts_with('/')
            && !word.text().starts_with("./")
    });
    if let Some(word) = elsewhere.or(foreign) {
        act(
            Does::Fetch,
            object(place, "package", word.text()),
            Reach::Exactly(1),
            found,
        );
    }
    let files = parsed
        .values(&["r", "requirement", "e", "editable", "c"])
        .next()
        .is_some();
    let local = parsed
        .words
        .iter()
        .skip(1)
        .any(|word| word.text().starts_with(['.', '/']));
    let versions = parsed.words.iter().skip(1).all(|word| {
        let text = word.text();
        text.contains("==") && !text.contains('*')
    });
    if !versions {
        found.bounded("which version is installed, and what it runs, is not known");
    }
    if files
        || local
        || !versions
        || parsed.has(&[
            "U",
            "upgrade",
            "force-reinstall",
            "I",
            "break-system-packages",
        ])
    {
        act(
            Does::Install(""),
            program(place, call),
            Reach::Unknown,
            found,
        );
    }
}

/// npm and pnpm.
fn npm(call: &Call<'_>, found: &mut Found) {
    let parsed = NPM.parse(call.arguments);
    if call.program == "pnpm" && parsed.verb() == Some("exec")
        || parsed.verb() == Some("init") && parsed.words.len() == 1
    {
        return act(
            Does::Run,
            program(&call.setting.place, call),
            Reach::Exactly(1),
            found,
        );
    }
    NPM.decide(&parsed, call, found);
    let place = &call.setting.place;
    let installs = has_word(
        "install i add in isntall ci update up link",
        parsed.verb().unwrap_or_default(),
    );
    let elsewhere = |word: &&Word| {
        from_elsewhere(word.text())
            || word.text().matches('/').count() == 1 && !word.text().starts_with(['@', '.', '/'])
    };
    if let Some(word) = parsed
        .words
        .iter()
        .skip(1)
        .find(elsewhere)
        .filter(|_| installs)
    {
        act(
            Does::Fetch,
            object(place, "package", word.text()),
            Reach::Exactly(1),
            found,
        );
    }
    let dry = parsed.unknown.is_empty() && parsed.shows(&["dry-run"]);
    if has_word(
        "install i add in isntall",
        parsed.verb().unwrap_or_default(),
    ) && !dry
        && !asks_for_help(&parsed)
        && !npm_versions(parsed.words.get(1..).unwrap_or_default())
    {
        any_version(call, found);
    }
    if let Some(word) = parsed
        .values(&["registry"])
        .find(|word| !word.text().starts_with("https://registry.npmjs.org"))
        .filter(|_| installs)
    {
        act(
            Does::Fetch,
            object(place, "registry", word.text()),
            Reach::Exactly(1),
            found,
        );
    }
    if parsed
        .values(&["node-options", "script-shell", "userconfig", "globalconfig"])
        .next()
        .is_some()
    {
        found.unknown_code(place, call.program, "its settings name programs to run");
    }
}

/// Whether every name has its version: `express@4.19.2`.
fn npm_versions(names: &[Word]) -> bool {
    let version = |word: &Word| {
        let version = word
            .text()
            .rsplit_once('@')
            .map_or("", |(_, version)| version);
        version.split('.').count() == 3 && version.starts_with(|first: char| first.is_ascii_digit())
    };
    !names.is_empty() && names.iter().all(version)
}

/// yarn: a word that is no command of its own is a script.
fn yarn(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let mut words = call
        .arguments
        .iter()
        .filter(|word| !word.text().starts_with('-'));
    let verb = words.next();
    let does = match verb.map(|word| word.known().unwrap_or("?")) {
        None if call
            .arguments
            .iter()
            .any(|word| has_word("--version -v --help -h", word.text())) =>
        {
            Does::Look
        }
        None | Some("install") => Does::Renew,
        Some(
            "list" | "info" | "why" | "outdated" | "audit" | "licenses" | "help" | "versions"
            | "bin",
        ) => Does::Look,
        Some("config") => Does::Alter,
        Some("add") => Does::Install("yarn remove {}"),
        Some(
            "upgrade" | "up" | "import" | "link" | "pack" | "dedupe" | "set" | "version" | "global"
            | "rebuild",
        ) => Does::Alter,
        Some("remove" | "unlink" | "cache" | "autoclean") => Does::Remove,
        Some("dlx" | "create") => Does::Fetch,
        Some("publish") => Does::Send,
        Some("login" | "logout" | "owner" | "team" | "npm") => Does::Grant,
        Some(_) => Does::Run,
    };
    let name = words.next().map_or("", Word::text);
    act(
        does,
        object(place, "package", name),
        Reach::Exactly(1),
        found,
    );
    if verb.is_some_and(|word| word.known().is_none()) {
        found.unknown_code(place, "yarn", "which command of yarn is meant is not known");
    }
    let adds = does == Does::Install("yarn remove {}");
    let added: Vec<Word> = words_after(call.arguments, "add");
    if adds && !npm_versions(&added) {
        any_version(call, found);
    }
    if adds
        && call
            .arguments
            .iter()
            .any(|word| from_elsewhere(word.text()))
    {
        act(
            Does::Fetch,
            object(place, "package", name),
            Reach::Exactly(1),
            found,
        );
    }
}

/// The words after a verb that are no flags.
fn words_after(arguments: &[Word], verb: &str) -> Vec<Word> {
    let words = arguments
        .iter()
        .filter(|word| !word.text().starts_with('-'));
    words
        .skip_while(|word| word.text() != verb)
        .skip(1)
        .cloned()
        .collect()
}

fn cargo(call: &Call<'_>, found: &mut Found) {
    let toolchain = call
        .arguments
        .first()
        .is_some_and(|word| word.text().starts_with('+'));
    let arguments = call
        .arguments
        .get(usize::from(toolchain)..)
        .unwrap_or_default();
    // What follows `--` belongs to the program that runs.
    let end = arguments
        .iter()
        .position(|word| word.text() == "--")
        .unwrap_or(arguments.len());
    let arguments = arguments.get(..end).unwrap_or_default();
    let bare = Call { arguments, ..*call };
    let parsed = CARGO.parse(arguments);
    if parsed.verb() == Some("fmt") && parsed.shows(&["check"]) && parsed.unknown.is_empty() {
        return act(
            Does::Look,
            program(&call.setting.place, call),
            Reach::Exactly(1),
            found,
        );
    }
    CARGO.decide(&parsed, &bare, found);
    if parsed.verb() == Some("install")
        && parsed
            .values(&["git", "index", "registry"])
            .next()
            .is_some()
    {
        act(
            Does::Fetch,
            program(&call.setting.place, call),
            Reach::Exactly(1),
            found,
        );
    }
    let pinned = parsed.value(&["version"]).is_some_and(is_version);
    let local = parsed.value(&["path"]).is_some();
    if parsed.verb() == Some("install") && !pinned && !local && !asks_for_help(&parsed) {
        unless_pinned(&parsed, &["@"], call, found);
    }
    if parsed.values(&["config", "Z"]).next().is_some() {
        found.unknown_code(
            &call.setting.place,
            "cargo",
            "its settings may name programs to run",
        );
    }
}

/// go: `go run` of a module at a moving version runs what the network sends.
fn go(call: &Call<'_>, found: &mut Found) {
    let parsed = GO.parse(call.arguments);
    let place = &call.setting.place;
    let dry = parsed.shows(&["n"]) && parsed.unknown.is_empty();
    let verb = parsed.verb().unwrap_or_default();
    // What stands behind the package of `go run` are arguments of the program.
    GO.decide(&parsed, call, found);
    let package = parsed.words.get(1).map_or("", Word::text);
    let pinned = package
        .split_once('@')
        .is_some_and(|(_, version)| version.starts_with('v') && version.contains('.'));
    if verb == "run" && package.contains('@') && !pinned {
        act(
            Does::Fetch,
            object(place, "module", package),
            Reach::Exactly(1),
            found,
        );
    }
    let remote = parsed.words.iter().any(|word| word.text().contains('@'));
    if verb == "install" && remote && !dry {
        unless_pinned(&parsed, &["@"], call, found);
    }
    if verb == "env" && (parsed.has(&["w", "u"])) {
        act(Does::Alter, program(place, call), Reach::Exactly(1), found);
    }
    for word in parsed.values(&["toolexec", "exec", "vettool"]) {
        if !dry {
            found.unknown_code(place, word.text(), format!("`{}` runs", word.text()));
        }
    }
}
