//! Code that ansible runs beside its module: templates that look something up, inventories that are programs, playbooks.

use crate::commands::{
    found::Found,
    programs::manual::Form,
    word::{Call, Word},
};

/// Ends of names of inventories that are texts.
const TEXTS: [&str; 6] = ["ini", "yml", "yaml", "toml", "json", "cfg"];
/// Functions of templates that run plugins, one of which runs commands.
const LOOKUPS: [&str; 3] = ["lookup", "query", "q"];
/// Variables that name programs, or their arguments.
const RUNS: [&str; 7] = [
    "interpreter",
    "executable",
    "_exe",
    "_args",
    "_flags",
    "_command",
    "ansible_connection",
];
/// Words of a playbook behind which there is more than it says.
const MORE: [&str; 7] = [
    "check_mode",
    "import_",
    "include",
    "roles",
    "vars_files",
    "lookup",
    "query",
];

/// Says what stands in templates, variables, inventories and files with passwords.
pub(super) fn judge(form: &Form<'_>, call: &Call<'_>, found: &mut Found) {
    let parsed = &form.parsed;
    if parsed.shows(&["h", "help", "version"]) && parsed.unknown.is_empty() {
        return;
    }
    let variables = parsed.values(&["e", "extra-vars"]);
    let runs = variables
        .chain(parsed.values(&["a", "args"]))
        .any(|word| looks_up(word.text()));
    let names = parsed
        .values(&["e", "extra-vars"])
        .any(|word| names_program(word.text()));
    if runs || names {
        runs_code(form, call, found);
    }
    for word in parsed.values(&["e", "extra-vars"]) {
        if let Some(path) = word.text().strip_prefix('@') {
            text_of(form, path, call, found);
        }
    }
    for word in parsed.values(&["i", "inventory", "inventory-file"]) {
        inventory(form, word, call, found);
    }
    let passwords = [
        "vault-password-file",
        "vault-pass-file",
        "become-password-file",
        "become-pass-file",
        "connection-password-file",
        "conn-pass-file",
    ];
    for word in parsed.values(&passwords) {
        if is_program(word) {
            runs_code(form, call, found);
        }
    }
}

/// It runs whatever else is only looked at or tried out.
fn runs_code(form: &Form<'_>, call: &Call<'_>, found: &mut Found) {
    let title = form.title(call);
    let reason = format!("`{title}`: what stands in its variables, hosts or files is code");
    found.unknown_code(&call.setting.place, &title, reason);
}

/// What a playbook that is only tried out does all the same is not seen unless all of it was read.
pub(super) fn tried_out(form: &Form<'_>, call: &Call<'_>, found: &mut Found) {
    let whole = |word: &Word| {
        let text = word.known().and_then(|path| read(path, call));
        text.is_some_and(|text| !MORE.iter().any(|part| text.contains(part)) && !looks_up(&text))
    };
    if !form.parsed.words.iter().all(whole) {
        found.opaque("what a playbook does although it is only tried out stands in files");
    }
}

fn inventory(form: &Form<'_>, word: &Word, call: &Call<'_>, found: &mut Found) {
    let Some(path) = word.known() else {
        return runs_code(form, call, found);
    };
    match path.contains(',') {
        true => {}
        false if is_program(word) && read(path, call).is_none() => {
            runs_code(form, call, found);
        }
        false => text_of(form, path, call, found),
    }
}

/// A file of hosts or variables: a program, and templates that run one, are code; what was not read may be either.
fn text_of(form: &Form<'_>, path: &str, call: &Call<'_>, found: &mut Found) {
    match read(path, call) {
        Some(text) if text.starts_with("#!") || looks_up(&text) || names_program(&text) => {
            runs_code(form, call, found);
        }
        Some(_) => {}
        None => found.bounded(format!("`{path}`: what stands in it is not known")),
    }
}

fn read(path: &str, call: &Call<'_>) -> Option<String> {
    let bytes = call.setting.files.read(&call.setting.resolve(path))?;
    String::from_utf8(bytes).ok()
}

/// Whether a file that was not read is rather a program than a text: ansible runs whatever may be run.
fn is_program(word: &Word) -> bool {
    let Some(path) = word.known() else {
        return true;
    };
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or("");
    let end = name.rsplit_once('.').map(|(_, end)| end);
    let anybodys = ["/tmp", "/var/tmp", "/dev/", "/run/", "/proc/"]
        .iter()
        .any(|folder| path.starts_with(folder));
    let elsewhere = path.starts_with(['/', '~']) && !path.starts_with("/etc/ansible");
    anybodys
        || path.contains("..")
        || match end {
            Some(end) => !TEXTS.contains(&end) && !matches!(end, "txt" | "hosts" | "inventory"),
            None => elsewhere,
        }
}

fn names_program(text: &str) -> bool {
    text.contains("ansible_") && RUNS.iter().any(|part| text.contains(part))
}

/// Whether a template in a text calls what runs plugins. Some arguments are templates without braces.
fn looks_up(text: &str) -> bool {
    let template = text.contains("{{") || text.contains("{%");
    // Escapes can spell any of this.
    let escaped = text.contains("\\u00") || text.contains("\\x");
    escaped || named(text, template)
}

fn named(text: &str, template: bool) -> bool {
    let part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut rest = text;
    while let Some(start) = rest.find(part) {
        let word = rest.get(start..).unwrap_or_default();
        let end = word.find(|letter| !part(letter)).unwrap_or(word.len());
        let (name, after) = word.split_at(end);
        let called = after.trim_start().starts_with('(');
        if LOOKUPS.contains(&name) && (called || template) || template && name.starts_with("__") {
            return true;
        }
        rest = after;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::looks_up;

    #[test]
    fn a_template_that_looks_something_up_is_code() {
        assert!(looks_up("msg={{ lookup('pipe','reboot') }}"));
        assert!(looks_up("var=query ('pipe', 'reboot')"));
        assert!(looks_up("{% set l = lookup %}{{ l('pipe', 'x') }}"));
        assert!(!looks_up("msg={{ inventory_hostname | upper }}"));
        assert!(!looks_up("name=lookup state=present"));
    }
}
