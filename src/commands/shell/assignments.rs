//! Variables that programs obey: what setting them does.

use super::meanings::{
    FOLDERS, Meaning, TAME, is_callback, is_here, is_installed, is_zone, meaning, only_shows,
    steers,
};
use super::quotes::stretches;
use super::state::Value;
use super::walk::Walker;
use crate::commands::What;
use crate::commands::found::{Found, object};
use crate::commands::programs::files::paths::{others_may_write, printed};
use crate::commands::word::{NoFiles, Setting, Stdin, Word};
use crate::domain::effect::{Effect, Verb};

impl Walker<'_, '_> {
    /// `NAME=value command`
    pub(super) fn environment(&mut self, name: &str, value: &Value) {
        match value {
            Value::One(word) => environment(name, word, self.setting, self.found),
            Value::Many(_) => self
                .found
                .opaque(format!("`{name}` is set to a list for one command")),
        }
    }

    /// `export NAME=value`: for every command that follows.
    pub(super) fn exported(&mut self, name: &str, value: &Value) {
        match meaning(name) {
            Meaning::Unknown if steers(name) => self.found.opaque(format!(
                "`{name}` is nowhere described, and programs may do other things because of it"
            )),
            // What a text calls its own things, unless it never does.
            Meaning::Unknown => self.found.export(name),
            _ => self.environment(name, value),
        }
    }

    /// `NAME=value` alone: the shell itself obeys some variables, and others are exported already.
    pub(super) fn set(&mut self, name: &str, value: Value) {
        match meaning(name) {
            Meaning::Path
            | Meaning::Code
            | Meaning::Command
            | Meaning::Prompt
            | Meaning::Pager
            | Meaning::Trust
            | Meaning::Callback
            | Meaning::Address
            | Meaning::Target => self.environment(name, &value),
            Meaning::Harmless | Meaning::Zone | Meaning::Unknown => {}
        }
        self.state.assign(name, value);
    }
}

/// What a variable does to the commands that get it.
pub(in crate::commands) fn environment(
    name: &str,
    value: &Word,
    setting: &Setting<'_>,
    found: &mut Found,
) {
    match meaning(name) {
        Meaning::Harmless => {}
        Meaning::Command if TAME.contains(&value.text()) => {}
        Meaning::Command => match (value.known(), setting.deeper()) {
            (Some(text), Some(setting)) if is_anybodys(text) => {
                let unread = setting.seeing(&NoFiles, setting.folder.clone());
                super::judge(text, &Stdin::Nothing, &unread, found);
            }
            (Some(text), Some(setting)) => super::judge(text, &Stdin::Nothing, &setting, found),
            _ => found.unknown_code(
                &setting.place,
                name,
                format!("`{name}` names a command that is not known"),
            ),
        },
        Meaning::Pager if value.known().is_some_and(only_shows) => {}
        Meaning::Zone if value.known().is_some_and(is_zone) => {}
        Meaning::Zone => printed(value, &setting.place, found),
        Meaning::Address if value.known().is_some_and(is_here) => {}
        Meaning::Trust if value.known().is_some_and(is_installed) => {}
        Meaning::Callback if value.known().is_some_and(is_callback) => {}
        Meaning::Path if harmless_path(value) => {}
        Meaning::Code if only_says_how_hard(name, value) => {}
        Meaning::Prompt if !value.text().contains("$(") && !value.text().contains('`') => {}
        Meaning::Path | Meaning::Code | Meaning::Prompt | Meaning::Pager | Meaning::Callback => {
            found.unknown_code(
                &setting.place,
                name,
                format!("`{name}` decides what code runs"),
            );
        }
        Meaning::Target | Meaning::Address | Meaning::Trust => {
            found.opaque(format!("`{name}` decides what is touched, and as whom"));
        }
        Meaning::Unknown => {
            let variable = object(&setting.place, "environment", name);
            found.effect(Effect::change(
                Verb::Update,
                variable,
                "it lasts no longer than the command",
            ));
            found.opaque(format!("what programs make of `{name}` is not known"));
        }
    }
}

/// Whether a variable decides which code programs run.
pub(in crate::commands) fn decides_code(name: &str) -> bool {
    matches!(meaning(name), Meaning::Path | Meaning::Code)
}

/// What a variable does that a step declares. One that nobody described is there for the command itself if that uses it, and if not,
/// for the programs that it runs.
pub(in crate::commands) fn declared(
    name: &str,
    value: &str,
    what: &What<'_>,
    setting: &Setting<'_>,
    found: &mut Found,
) {
    if meaning(name) != Meaning::Unknown {
        return environment(name, &Word::Known(value.to_owned()), setting, found);
    }
    let used = match what {
        What::Text(text) => uses(text, name),
        What::Words(words) => words.iter().any(|word| {
            let text = word.text();
            text == name || uses(text, name)
        }),
    };
    let reason = format!("what programs make of `{name}` is not known");
    if steers(name) && !used {
        found.opaque(reason);
    } else if !used {
        found.bounded(reason);
    }
}

/// Variables that a text hands to programs and does not use itself are there for those.
pub(super) fn exports(text: &str, found: &mut Found) {
    for name in found.exports() {
        if !uses(text, &name) {
            found.opaque(format!("what programs make of `{name}` is not known"));
        }
    }
}

/// Whether a text uses a variable: `$NAME`, `${NAME…}`.
fn uses(text: &str, name: &str) -> bool {
    text.split('$').skip(1).any(|rest| {
        let rest = rest.trim_start_matches(['{', '#', '!']);
        rest.strip_prefix(name).is_some_and(|after| {
            !after.starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '_')
        })
    })
}

/// Whether a command line names a file that others may write, so that what stands in it now says nothing.
fn is_anybodys(text: &str) -> bool {
    stretches(text)
        .iter()
        .flat_map(|stretch| stretch.text.split_whitespace())
        .any(others_may_write)
}

/// `GZIP=-9`, `MAKEFLAGS=-j4`: how hard and with how many hands.
fn only_says_how_hard(name: &str, value: &Word) -> bool {
    let packs = [
        "GZIP",
        "XZ_OPT",
        "XZ_DEFAULTS",
        "BZIP2",
        "BZIP",
        "ZIPOPT",
        "MAKEFLAGS",
    ];
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let tame = |word: &str| {
        let start = if name == "MAKEFLAGS" { "-j" } else { "-T" };
        let level = word.strip_prefix('-').is_some_and(number) && name != "MAKEFLAGS";
        level || word.strip_prefix(start).is_some_and(number)
    };
    let text = value.known();
    packs.contains(&name) && text.is_some_and(|text| text.split_whitespace().all(tame))
}

/// Whether every folder is one where programs live that were installed.
fn harmless_path(value: &Word) -> bool {
    value.text().split(':').all(|folder| {
        let own = ["$PATH", "${PATH}", "\"$PATH\""].contains(&folder);
        let home = ["$HOME/", "${HOME}/", "~/"]
            .iter()
            .any(|start| folder.starts_with(start));
        let installed = FOLDERS.iter().any(|start| {
            folder
                .strip_prefix(start)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        own || (home || installed)
            && !folder.contains("..")
            && !folder
                .trim_start_matches("${HOME}")
                .trim_start_matches("$HOME")
                .contains('$')
    })
}

/// Whether a variable of this name usually holds a secret.
pub(in crate::commands) fn is_secret(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let part = |wanted: &[&str]| upper.split('_').any(|part| wanted.contains(&part));
    let whole = [
        "PASSWORD",
        "PASSWD",
        "SECRET",
        "TOKEN",
        "CREDENTIAL",
        "APIKEY",
        "API_KEY",
        "ACCESS_KEY",
        "PRIVATE_KEY",
        "ENCRYPTION_KEY",
        "DATABASE_URL",
        "DB_URL",
        "CONNECTION_STRING",
        "MYSQL_PWD",
        "SIGNING_KEY",
        "MASTER_KEY",
    ];
    part(&["PASS", "PW", "DSN", "AUTH", "PASSPHRASE"]) && upper != "SSH_AUTH_SOCK"
        || whole.iter().any(|name| upper.contains(name))
}

/// Whether a word of which not everything is known shows a variable that usually holds a secret.
pub(super) fn shows_secret(word: &Word) -> bool {
    let Word::Unknown(text) = word else {
        return false;
    };
    // What a command substitution prints is not what its words hold.
    let mut depth = 0_usize;
    let outside = |piece: &&str| {
        let own = depth;
        let opens = piece.matches('(').count();
        depth = (depth + opens).saturating_sub(piece.matches(')').count());
        let repeats = piece.starts_with("(echo ") || piece.starts_with("(printf ");
        if repeats {
            depth = depth.saturating_sub(1);
        }
        own == 0 && (!piece.starts_with('(') || repeats)
    };
    text.split('$').skip(1).filter(outside).any(|rest| {
        // `${!name}` may be any variable; `${!list[@]}` and `${!start*}` are only names.
        if let Some(name) = rest.strip_prefix("{!") {
            let name = name.split('}').next().unwrap_or_default();
            return !name.ends_with(['@', '*', ']']);
        }
        let rest = rest.trim_start_matches(['{', '!', '#']);
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        is_secret(rest.get(..end.unwrap_or(rest.len())).unwrap_or_default())
    })
}
