//! Programs that every shell also has inside: they print, compare, and do nothing.

use super::{Call, Found, Grammar, Word};
use crate::commands::word::runs_in_subscript;

pub(super) fn grammar(program: &str) -> Option<Grammar> {
    match program {
        "echo" | "printf" | "true" | "false" | ":" | "pwd" | "yes" | "seq" | "sleep" | "usleep" => {
            Some(nothing)
        }
        "test" | "[" | "expr" => Some(compares),
        _ => None,
    }
}

fn nothing(_: &Call<'_>, _: &mut Found) {}

/// `test -v 'a[$(reboot)]'` and `[ 1 -eq 'a[$(reboot)]' ]` run what stands in the brackets.
fn compares(call: &Call<'_>, found: &mut Found) {
    let runs = |word: &&Word| word.known().is_some_and(runs_in_subscript);
    if let Some(word) = call.arguments.iter().find(runs) {
        found.unknown_code(
            &call.setting.place,
            call.program,
            format!("`{}` may run a command", word.text()),
        );
    }
}
