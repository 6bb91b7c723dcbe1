//! The host itself: services, journals, processes, the kernel, packages, users, access, keys.
//!
//! Most grammars are data ([`sheet`]): a table of flags, and what each verb does ([`does`]).

mod access;
mod devices;
pub(in crate::commands::programs) mod does;
mod kernel;
mod keys;
mod language_tables;
mod languages;
mod machine;
mod openssl;
mod package_tables;
mod packages;
mod pinned;
mod processes;
mod services;
pub(in crate::commands::programs) mod sheet;
mod statistics;
mod systemd;
mod units;
mod unsigned;
mod users;
pub(in crate::commands::programs) mod words;

use crate::commands::flags::Parsed;
use crate::commands::found::Found;
use crate::commands::word::{Call, Setting, Stdin, Word};
#[cfg(test)]
mod tests;

use super::Grammar;
use super::files::paths::carried_off;
use sheet::Sheet;

/// The grammar of a program of this family.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    processes::grammar(program)
        .or_else(|| services::grammar(program))
        .or_else(|| kernel::grammar(program))
        .or_else(|| packages::grammar(program))
        .or_else(|| languages::grammar(program))
        .or_else(|| access::grammar(program))
        .or_else(|| keys::grammar(program))
        .or_else(|| (program == "udevadm").then_some(devices::udevadm as Grammar))
        .or_else(|| sheet_of(program).map(|_| by_sheet as Grammar))
}

fn sheet_of(program: &str) -> Option<&'static Sheet> {
    systemd::sheet(program)
        .or_else(|| services::sheet(program))
        .or_else(|| machine::sheet(program))
        .or_else(|| statistics::sheet(program))
        .or_else(|| package_tables::sheet(program))
        .or_else(|| language_tables::sheet(program))
        .or_else(|| users::sheet(program))
        .or_else(|| access::sheet(program))
        .or_else(|| keys::sheet(program))
}

fn by_sheet(call: &Call<'_>, found: &mut Found) {
    if let Some(sheet) = sheet_of(call.program) {
        let parsed = sheet.parse(call.arguments);
        sheet.decide(&parsed, call, found);
        if matches!(call.program, "logger" | "wall" | "write") {
            said_to_all(&parsed, call, found);
        }
    }
}

/// Files whose lines go to the journal or to every terminal.
fn said_to_all(parsed: &Parsed, call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let files = parsed.values(&["f", "file"]);
    for file in files.chain(parsed.words.iter().filter(|_| call.program == "wall")) {
        carried_off(file, place, found);
    }
    if let Stdin::File(file) = call.stdin {
        carried_off(file, place, found);
    }
}

/// The service whose script a path names: `/etc/init.d/nginx`.
pub(super) fn init_script(path: &str) -> Option<&str> {
    let name = path
        .strip_prefix("/etc/init.d/")
        .or_else(|| path.strip_prefix("/etc/rc.d/init.d/"))?;
    (!name.is_empty() && !name.contains('/')).then_some(name)
}

/// `/etc/init.d/nginx restart` is `service nginx restart`.
pub(super) fn run_init_script(
    name: &str,
    arguments: &[Word],
    stdin: &Stdin,
    setting: &Setting<'_>,
    found: &mut Found,
) {
    let mut words = vec![Word::Known(name.to_owned())];
    words.extend(arguments.iter().cloned());
    services::service(
        &Call {
            program: "service",
            arguments: &words,
            stdin,
            setting,
        },
        found,
    );
}
