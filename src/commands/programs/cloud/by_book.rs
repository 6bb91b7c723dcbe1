//! Storage, backups and vaults whose handbooks say nearly all.

use super::aws_files::is_new_object;
use super::{secrets as secret_programs, verbs::Sort};
use crate::{
    commands::{
        found::{Found, object},
        programs::handbook::{Book, Handbook, Page, file_written, guarded_file},
        programs::{
            self,
            files::paths::{carried_off_whole, is_shown},
            files::secrets,
        },
        word::{Call, Word},
    },
    domain::effect::{Effect, Object, Place, Reversible, Secrets, Tri, Verb},
};

macro_rules! book {
    ($name:literal, $own:path) => {
        Book::new($name, include_str!(concat!($name, ".book")), $own)
    };
}

static BOOKS: [Book; 13] = [
    book!("age", secret_programs::age),
    book!("borg", secret_programs::borg),
    book!("gpg", secret_programs::gpg),
    book!("pass", secret_programs::pass),
    book!("sops", secret_programs::sops),
    book!("azcopy", copy),
    book!("gsutil", copy),
    book!("mc", find),
    book!("op", run),
    book!("rclone", copy),
    book!("restic", restic),
    book!("s3cmd", copy),
    book!("vault", vault),
];

fn book(program: &str) -> Option<&'static Book> {
    let name = match program {
        "bao" => "vault",
        "mcli" => "mc",
        "age-keygen" | "rage" => "age",
        "gpg2" => "gpg",
        "gopass" => "pass",
        program => program,
    };
    BOOKS.iter().find(|book| book.name == name)
}

/// Whether there is a handbook of this program.
pub(super) fn is_known(program: &str) -> bool {
    book(program).is_some()
}

/// Judges a call by its program's handbook.
pub(super) fn judge(call: &Call<'_>, found: &mut Found) {
    match book(call.program) {
        Some(book) => book.handbook().judge(call, found, book.own),
        None => found.opaque(format!("`{}` has no handbook", call.program)),
    }
}

/// Copies from one place to another: into a file here, or to where others read it.
fn copy(_: &Handbook, page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let parsed = &page.parsed;
    let to = parsed.words.last().map_or("", Word::text);
    for word in &parsed.words {
        found.doubt(word);
    }
    let remote = object(&Place::Network(call.program.to_owned()), "object", to);
    let rsync = page.path == "rsync";
    let dry = parsed.shows(&["dry-run"])
        || (matches!(call.program, "rclone" | "s3cmd") || rsync) && parsed.shows(&["n"]);
    if page.path == "get" && parsed.words.len() < 2 && !dry {
        return found.effect(file_written(&call.setting.place, "."));
    }
    if dry || is_shown(to) {
        return found.effect(Effect::read(Verb::Read, remote));
    }
    let sources = parsed
        .words
        .split_last()
        .map_or(&[][..], |(_, sources)| sources);
    for from in sources
        .iter()
        .filter(|from| to.contains(':') && !from.text().contains(':'))
    {
        carried_off_whole(from, &call.setting.place, found);
    }
    let mut effect = if to.contains(':') {
        let effect = Sort::Change.effect(remote);
        match parsed.words.as_slice() {
            [.., from, to] if one_file(call.program, page.path) && is_new_object(from, to) => {
                Effect {
                    reversible: Reversible::Undo(format!("remove {}", to.text())),
                    ..effect
                }
            }
            _ => effect,
        }
    } else {
        if let Some(file) = parsed.words.last() {
            guarded_file(file, &call.setting.place, found);
        }
        file_written(&call.setting.place, to)
    };
    if matches!(page.path, "sync" | "move" | "moveto") || rsync && parsed.has(&["d"]) {
        effect.data_loss = Tri::Yes;
        effect.reversible = Reversible::No;
    }
    if parsed
        .value(&["a"])
        .is_some_and(|acl| acl.text().contains("public"))
    {
        effect.access_change = Tri::Yes;
    }
    found.effect(effect);
}

/// Whether a command sends one file under the name that it is given, and not a folder.
fn one_file(program: &str, path: &str) -> bool {
    matches!(
        (program, path),
        ("gsutil", "cp") | ("rclone", "copyto" | "rcat") | ("s3cmd", "put")
    )
}

/// `mc find --exec`.
fn find(handbook: &Handbook, page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let first = page
        .parsed
        .words
        .first()
        .cloned()
        .unwrap_or(Word::Known(String::new()));
    found.effect(Effect::read(
        Verb::List,
        handbook.object(page.deed, page, call, &first),
    ));
    if page.parsed.value(&["exec"]).is_some() {
        found.unknown_code(
            &call.setting.place,
            "mc find",
            "it runs a command for each object found",
        );
    }
}

/// `op run -- COMMAND`: a command with secrets in its environment.
fn run(_: &Handbook, page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    match call.setting.deeper() {
        Some(setting) if !page.parsed.words.is_empty() => {
            programs::judge(&page.parsed.words, call.stdin, &setting, found);
        }
        _ => found.unknown_code(&call.setting.place, "op", "it names no command"),
    }
}

/// `restic cat`, `restic dump` and `restic restore`.
fn restic(_: &Handbook, page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let words = &page.parsed.words;
    let repository = object(
        &call.setting.place,
        "snapshot",
        words.first().map_or("", Word::text),
    );
    let target = page.parsed.value(&["t", "target"]);
    if page.path == "restore" {
        restored(
            page,
            target.map_or(".", Word::text),
            repository,
            call,
            found,
        );
    } else {
        shown(page, target, repository, call, found);
    }
    for word in words {
        found.doubt(word);
    }
}

/// What lies in the target is overwritten; over a running system that cannot be taken back.
fn restored(page: &Page<'_>, target: &str, repository: Object, call: &Call<'_>, found: &mut Found) {
    if page.parsed.shows(&["dry-run"]) {
        return found.effect(Effect::read(Verb::Read, repository));
    }
    let mut effect = file_written(&call.setting.place, target);
    let over_the_system = matches!(
        target,
        "/" | "/etc" | "/usr" | "/var" | "/home" | "/root" | "/boot" | "/opt"
    );
    if over_the_system || page.parsed.has(&["delete"]) {
        effect.data_loss = Tri::Yes;
        effect.reversible = Reversible::No;
    }
    found.effect(effect);
}

fn shown(
    page: &Page<'_>,
    target: Option<&Word>,
    repository: Object,
    call: &Call<'_>,
    found: &mut Found,
) {
    let words = &page.parsed.words;
    let secret = match page.path {
        "cat" => words.first().is_none_or(|word| {
            matches!(word.text(), "masterkey" | "key") || word.known().is_none()
        }),
        _ => words
            .get(1)
            .is_some_and(|word| secrets::discloses(word.text())),
    };
    let mut effect = match target {
        Some(file) => file_written(&call.setting.place, file.text()),
        None => Effect::read(Verb::Read, repository),
    };
    if secret {
        effect.secrets = Secrets::Values;
    }
    found.effect(effect);
}

/// Parts of paths of Vault that say how it is set up, not what it keeps.
const SETUP: [&str; 12] = [
    "sys/",
    "/roles",
    "/role/",
    "/config",
    "/mounts",
    "/policies",
    "identity/",
    "/ca",
    "/crl",
    "/certs",
    "/tune",
    "/public_key",
];

/// `vault token lookup` prints the token itself, unless only its accessor is given, or another field is asked for.
fn token_lookup(page: &Page<'_>, found: &mut Found) {
    let token = object(&Place::Network("vault".to_owned()), "token", "");
    let field = page.parsed.value(&["field"]).and_then(Word::known);
    let hides = page.parsed.has(&["accessor"]) || field.is_some_and(|field| field != "id");
    let mut effect = Effect::read(Verb::Read, token);
    if !hides {
        effect.secrets = Secrets::Values;
    }
    found.effect(effect);
    for word in &page.parsed.words {
        found.doubt(word);
    }
}

/// `vault read` and `vault write`: the path says what they do.
fn vault(_: &Handbook, page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    if page.path == "token lookup" {
        return token_lookup(page, found);
    }
    let path = page.parsed.words.first();
    let thing = object(
        &Place::Network("vault".to_owned()),
        "secret",
        path.map_or("", Word::text),
    );
    let Some(path) = path.and_then(Word::known) else {
        return found.unknown_code(
            &call.setting.place,
            "vault",
            "which path is meant is not known",
        );
    };
    let path = path.trim_start_matches('/');
    let is = |parts: &[&str]| {
        parts
            .iter()
            .any(|part| path.contains(part) || path.starts_with(part.trim_start_matches('/')))
    };
    let sort = match page.path {
        "read"
            if is(&SETUP)
                && !path.contains("/creds/")
                && !path.contains("/role-id")
                && !path.contains("raw/") =>
        {
            Sort::Read
        }
        "read" => Sort::Values,
        _ if path.starts_with("sys/seal") || path.starts_with("sys/step-down") => Sort::Cut,
        _ if is(&[
            "/decrypt/",
            "/issue/",
            "/sign/",
            "/creds/",
            "/secret-id",
            "/login",
            "/export/",
            "/datakey/",
            "wrapping/unwrap",
            "token/create",
            "sys/raw",
        ]) =>
        {
            Sort::Values
        }
        _ if is(&[
            "/encrypt/",
            "/hash",
            "/verify/",
            "/hmac/",
            "sys/tools/",
            "wrapping/lookup",
            "sys/capabilities",
        ]) =>
        {
            Sort::Read
        }
        _ if path.starts_with("auth/")
            || is(&[
                "sys/",
                "identity/",
                "/roles/",
                "/role/",
                "/policy",
                "/policies",
                "/config",
            ]) =>
        {
            Sort::Access
        }
        _ => Sort::Change,
    };
    found.effect(sort.effect(thing));
    for word in &page.parsed.words {
        found.doubt(word);
    }
}

#[cfg(test)]
mod tests {
    use super::{BOOKS, Handbook};
    use crate::commands::programs::handbook::assert_understood;

    #[test]
    fn every_line_of_the_manuals_is_understood() {
        assert_understood(&BOOKS);
        assert_eq!(
            Handbook::checked(include_str!("aws.book")).1,
            Vec::<&str>::new()
        );
    }
}
