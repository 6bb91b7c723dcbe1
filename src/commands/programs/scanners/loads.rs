//! Programs of which values of flags or words say what they do: fio, sysbench, syft, inspec.

use crate::commands::{
    found::Found,
    programs::{files::paths::printed, manual::Does},
    word::{Call, Word},
};

/// fio reads or writes a file, or a whole disk.
pub(super) fn fio(call: &Call<'_>, found: &mut Found) {
    let Some(program) = super::MANUAL.program(call.program) else {
        return;
    };
    let form = program.form(call.arguments);
    let reading = |word: &Word| matches!(word.text(), "read" | "randread");
    let mut kinds = form.parsed.values(&["rw", "readwrite"]).peekable();
    let reads = form.parsed.has(&["readonly"]) || kinds.peek().is_some() && kinds.all(reading);
    let device = |name: &str| name.starts_with("/dev/") && !name.starts_with("/dev/shm/");
    let mut disks = form.parsed.values(&["filename"]);
    let disk = disks.any(|name| name.text().split(':').any(device));
    let unknown = |word: &Word| word.known().is_none();
    if form
        .parsed
        .values(&["filename", "rw", "readwrite"])
        .any(unknown)
    {
        return form.effects_of(Does::Unknown, call, found);
    }
    let job = !form.parsed.words.is_empty();
    match () {
        () if job => form.effects(call, found),
        () if disk && reads => form.effects_of(Does::Read, call, found),
        () if disk => form.effects_of(Does::Lose, call, found),
        () => form.effects_of(Does::Change, call, found),
    }
}

/// `sysbench TEST run`: some tests touch a database.
pub(super) fn sysbench(call: &Call<'_>, found: &mut Found) {
    let Some(program) = super::MANUAL.program(call.program) else {
        return;
    };
    let form = program.form(call.arguments);
    let words: Vec<&str> = form.parsed.words.iter().map(Word::text).collect();
    let does = match words.as_slice() {
        [] | [.., "help"] => Does::Read,
        ["cpu" | "memory" | "threads" | "mutex", "run"] => Does::Undo("it ends by itself"),
        [.., "cleanup"] => Does::Delete,
        ["fileio", "prepare" | "run"] => Does::Change,
        _ => Does::Code,
    };
    form.effects_of(does, call, found);
}

/// `syft -o format=file` writes a file.
pub(super) fn syft(call: &Call<'_>, found: &mut Found) {
    let Some(program) = super::MANUAL.program(call.program) else {
        return;
    };
    let form = program.form(call.arguments);
    form.effects(call, found);
    if form
        .parsed
        .values(&["o", "output"])
        .any(|value| value.text().contains('='))
    {
        form.effects_of(Does::Change, call, found);
    }
}

/// `inspec exec` runs a profile, which is code; from another host it is anybody's.
pub(super) fn inspec(call: &Call<'_>, found: &mut Found) {
    let Some(program) = super::MANUAL.program(call.program) else {
        return;
    };
    let form = program.form(call.arguments);
    let remote = |word: &Word| {
        word.text().contains("://")
            || word.text().strip_suffix(".git").is_some()
            || word.known().is_none()
    };
    if form.is(&["exec"]) && form.parsed.words.iter().any(remote) {
        return form.effects_of(Does::Unknown, call, found);
    }
    form.effects(call, found);
}

/// trivy and its like print by a form, which may stand in a file; what is no form is printed as it is.
pub(super) fn formed(call: &Call<'_>, found: &mut Found) {
    let Some(program) = super::MANUAL.program(call.program) else {
        return;
    };
    let form = program.form(call.arguments);
    form.effects(call, found);
    for value in form.parsed.values(&["t", "template"]) {
        let file = value.text().strip_prefix('@');
        match (call.program, file) {
            (_, Some(file)) => printed(&value.with_text(file), &call.setting.place, found),
            ("trivy", None) => {}
            _ => printed(value, &call.setting.place, found),
        }
    }
}

/// A load ends by itself only where it is told when.
pub(super) fn stress(call: &Call<'_>, found: &mut Found) {
    let Some(program) = super::MANUAL.program(call.program) else {
        return;
    };
    let form = program.form(call.arguments);
    match form.parsed.value(&["t", "timeout"]) {
        Some(_) => form.effects(call, found),
        None => form.effects_of(Does::Change, call, found),
    }
}
