//! Whether a dump is at fault that a trial did not restore, or the server of the trial.
//!
//! Only two things speak against a dump: that it cannot be read to its end, and that the server takes its statements and finds its
//! data at odds with them, as every other server would. All else a server says is about that server: it lacks an extension or a role,
//! its disk is full, it went away. The trial then could not be made, and what is known of the dump stays as it was.

use crate::actions::{backup::miss::Miss, framework::program::Fault};

/// What pg_restore says of a dump that another pg_restore could read.
const TOO_OLD: [&str; 3] = [
    "unsupported version",
    "not supported in this installation",
    "not supported by this build",
];
/// What a server says of data that it read and cannot take: classes 22 and 23 of its errors (PostgreSQL, appendix A), by their words, for
/// pg_restore shows no codes. A server that speaks another language is not understood, which calls nothing unsound.
const AT_ODDS: [&str; 12] = [
    " violates ",
    "is violated by some row",
    "could not create unique index",
    "could not create exclusion constraint",
    "contains null values",
    "invalid input syntax",
    "invalid byte sequence",
    "missing data for column",
    "extra data after last expected column",
    "value too long for type",
    " out of range",
    "division by zero",
];
/// What a server says of what is not there, where trying again does not help.
const LACKS: [&str; 8] = [
    "is not available",
    "extension control file",
    "could not access file",
    "shared_preload_libraries",
    "permission denied",
    "must be superuser",
    "must be owner",
    "does not exist",
];

/// What a server's refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// The dump's data.
    Data,
    /// What the server, or the role, does not have.
    Lacks,
    /// The server's state, or nobody knows.
    Server,
}

impl Refusal {
    /// By the server's own sentence, and not by the details after it, in which data stand.
    fn of(why: &str) -> Self {
        let said = why.split_once("ERROR:").map_or("", |(_, said)| said);
        let said = said.split("; ").next().unwrap_or_default();
        let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
        if says(&["No space left on device"]) {
            Self::Server
        } else if says(&AT_ODDS) {
            Self::Data
        } else if says(&LACKS) {
            Self::Lacks
        } else {
            Self::Server
        }
    }
}

/// Of a dump that was only read.
pub(super) fn of_reading(fault: Fault) -> Miss {
    let Fault::Refused(why) = fault else {
        return Miss::Untried(fault);
    };
    if TOO_OLD.iter().any(|words| why.contains(words)) {
        return Miss::Untried(Fault::Unfit(format!(
            "{}\nhint: use a `pg_restore` that is at least as new as the `pg_dump` that made it",
            not_made(&why)
        )));
    }
    Miss::of_reading(Fault::Refused(why))
}

/// Of a dump that reads to its end, and that the server did not take.
pub(super) fn of_restoring(fault: Fault) -> Miss {
    let Fault::Refused(why) = fault else {
        return Miss::Untried(fault);
    };
    let told = format!("{}; the dump itself reads to its end", not_made(&why));
    match Refusal::of(&why) {
        Refusal::Data => Miss::Unsound(why),
        Refusal::Lacks => Miss::Untried(Fault::Unfit(format!(
            "{told}\nhint: give the server of `into` what it lacks (an extension, a role, a right), or name another one; if the dump should hold it, see what its backup leaves out"
        ))),
        Refusal::Server => Miss::Untried(Fault::Failed(format!(
            "{told}\nhint: see that the server of `into` runs and has room, and verify again"
        ))),
    }
}

/// Of a query about what was restored that got no answer. A query that cannot be answered may be a misspelt one: it says nothing about the
/// dump.
pub(super) fn of_asking(fault: Fault) -> Miss {
    match fault {
        Fault::Refused(why) if ["22", "42"].iter().any(|class| in_class(&why, class)) => {
            Miss::Untried(Fault::Unfit(format!(
                "{}\nhint: correct `expect.query`; if the dump should hold what it asks for, see what its backup leaves out",
                not_made(&why)
            )))
        }
        fault => Miss::Untried(fault),
    }
}

/// Whether an error of psql, told with its code, is of this class, and not about a right.
fn in_class(why: &str, class: &str) -> bool {
    let mut codes = why
        .split([' ', '\n'])
        .filter_map(|word| word.strip_suffix(':'));
    codes.any(|code| {
        code.len() == 5
            && code.starts_with(class)
            && code != "42501"
            && code
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
    })
}

fn not_made(why: &str) -> String {
    format!("the trial could not be made, which says nothing about the artifact: {why}")
}

#[cfg(test)]
mod tests {
    use super::{of_asking, of_reading, of_restoring};
    use crate::actions::{backup::miss::Miss, framework::program::Fault};

    fn refused(why: &str) -> Fault {
        Fault::Refused(format!("`pg_restore` exited with 1: {why}"))
    }

    #[test]
    fn only_data_at_odds_with_itself_speaks_against_a_dump_that_reads_to_its_end() {
        for why in [
            "pg_restore: error: COPY failed for table \"a\": ERROR:  new row for relation \"a\" violates check constraint \"a_check\"",
            "pg_restore: error: could not execute query: ERROR:  could not create unique index \"a_pkey\"; DETAIL:  Key (id)=(7) is duplicated.",
            "pg_restore: error: COPY failed for table \"a\": ERROR:  invalid input syntax for type integer: \"x\"",
        ] {
            assert!(
                matches!(of_restoring(refused(why)), Miss::Unsound(_)),
                "{why}"
            );
        }
        for (why, again) in [
            (
                "pg_restore: error: could not execute query: ERROR:  extension \"postgis\" is not available; HINT:  The extension must first be installed.",
                false,
            ),
            (
                "pg_restore: error: could not execute query: ERROR:  role \"teller\" does not exist; DETAIL:  It violates nothing.",
                false,
            ),
            (
                "pg_restore: error: COPY failed for table \"a\": ERROR:  could not extend file \"base/1/2\": No space left on device",
                true,
            ),
            (
                "pg_restore: error: could not execute query: server closed the connection unexpectedly",
                true,
            ),
            (
                "pg_restore: Fehler: could not execute query: FEHLER:  doppelter Schlüsselwert",
                true,
            ),
        ] {
            match of_restoring(refused(why)) {
                Miss::Untried(fault) => {
                    assert_eq!(matches!(fault, Fault::Failed(_)), again, "{why}");
                    assert!(fault.why().contains("says nothing about the artifact"));
                }
                miss => panic!("{miss:?}"),
            }
        }
    }

    #[test]
    fn a_dump_that_is_too_new_for_its_reader_is_not_unsound() {
        let why = "pg_restore: error: unsupported version (1.99) in file header";
        assert!(matches!(
            of_reading(refused(why)),
            Miss::Untried(Fault::Unfit(why)) if why.contains("as new as")
        ));
        let why = "pg_restore: error: could not read from input file: end of file";
        assert!(matches!(of_reading(refused(why)), Miss::Unsound(_)));
    }

    #[test]
    fn a_query_that_cannot_be_answered_says_nothing_about_the_dump() {
        for (why, again) in [
            ("ERROR:  42703: column \"x\" does not exist", false),
            ("ERROR:  42846: cannot cast type bigint to boolean", false),
            (
                "ERROR:  22P02: invalid input syntax for type boolean: \"x\"",
                false,
            ),
            (
                "ERROR:  57014: canceling statement due to statement timeout",
                true,
            ),
            ("ERROR:  42501: permission denied for table a", true),
            ("connection to server failed", true),
        ] {
            match of_asking(refused(why)) {
                Miss::Untried(fault) => {
                    assert_eq!(!matches!(fault, Fault::Unfit(_)), again, "{why}");
                }
                miss => panic!("{miss:?}"),
            }
        }
    }
}
