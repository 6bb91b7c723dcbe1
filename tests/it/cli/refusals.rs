//! What cannot be done ends with the code that `orderly help exit-codes` documents, and with a way out.

use super::{
    Home,
    agent::{Agent, commit},
};

/// Each line is a command line and what its error says.
#[track_caller]
fn each_fails(home: &Home, code: i32, cases: &[(&[&str], &str)]) {
    for (words, said) in cases {
        let err = home.orderly(words).failed(code);
        assert!(err.contains(said), "{words:?}: {err}");
    }
}

#[test]
fn a_state_folder_without_history_ends_with_6() {
    let home = Home::new();
    let missing = "there is no history at /nope/history.db";
    let at = |words: &[&'static str]| [&["--state-dir", "/nope"], words].concat();
    for words in [
        at(&["db", "status"]),
        at(&["db", "check"]),
        at(&["db", "prune"]),
        at(&["db", "vacuum"]),
        at(&["db", "migrate"]),
    ] {
        each_fails(&home, 6, &[(&words, missing)]);
    }
    let key = "there is no key of the audit log at /nope/audit.key";
    each_fails(&home, 6, &[(&at(&["audit", "verify", "--database"]), key)]);
    home.write("state/audit.key", "07".repeat(32));
    home.write("state/history.db", "no database");
    let named = &["--state-dir", "state", "audit", "verify", "--database"][..];
    each_fails(
        &home,
        6,
        &[
            (named, "is not a history of orderly"),
            (&[named, &["/nope"]].concat(), "/nope"),
            (&[named, &["/"]].concat(), "/"),
            (
                &["--state-dir", "state/audit.key", "db", "check"],
                "Not a directory",
            ),
        ],
    );
}

#[test]
fn a_file_that_is_named_and_cannot_be_read_ends_with_2() {
    let home = Home::new();
    home.write("empty", "\n");
    each_fails(
        &home,
        2,
        &[
            (
                &["--token-file", "/nope", "status"],
                "reading the token in /nope",
            ),
            (
                &["--token-file", "empty", "status"],
                "the token file empty is empty",
            ),
            (&["--token-file", "/", "status"], "reading the token in /"),
            (
                &["run", "x", "--inputs-file", "/nope"],
                "reading the inputs in /nope",
            ),
            (
                &["run", "x", "--inputs-file", "/"],
                "reading the inputs in /",
            ),
            (&["validate", "/nope"], "/nope"),
        ],
    );
}

#[test]
fn words_that_are_not_among_the_known_ones_end_with_2() {
    let home = Home::new();
    each_fails(
        &home,
        2,
        &[
            (&["runs", "--outcome", "bogus"], "timed_out"),
            (&["runs", "--status", "bogus"], "waiting"),
            (&["runs", "--since", "bogus"], "`bogus` is not a time"),
            (&["runs", "-n", "0"], "1..=1000"),
            (&["next", "-n", "many"], "many"),
            (&["approvals", "-n", "5000"], "1..=1000"),
            (
                &["audit", "query", "--since", "bogus"],
                "`bogus` is not a time",
            ),
            (&["audit", "query", "-n", "-1"], "-1"),
            (&["runs", "--runbook", "Not A Name"], "lower-case"),
            (&["run", "Not A Name"], "lower-case"),
            (&["run", "x", "-i", "x"], "`x` is not KEY=VALUE"),
            (&["logs", "zz"], "`zz` is not the id of a run"),
            (&["approve", "zz"], "`zz` is not the id of an approval"),
            (&["deny", "12"], "`12` is not the id of an approval"),
            (
                &["suspend", "x", "--for", "soon"],
                "`soon` is not a length of time",
            ),
            (&["suspend", "x", "--until", "soon"], "`soon` is not a time"),
            (
                &["suspend", "x", "--until", "2h", "--for", "2h"],
                "cannot be used with",
            ),
            (
                &["sync", "--show", "--accept", "1234567"],
                "cannot be used with",
            ),
            (&["schema", "bogus"], "environment"),
            (&["completions", "bogus"], "powershell"),
            (&["validate", "--format", "bogus"], "sarif"),
            (&["db", "migrate", "--to", "x"], "invalid digit"),
            (&["db", "prune", "--older-than", "x"], "length of time"),
            (&["-o", "xml", "status"], "json"),
        ],
    );
    let help = home.orderly(&["runs", "--help"]).done();
    assert!(
        help.contains("possible values: failures, succeeded, warning"),
        "{help}"
    );
    assert!(
        help.contains("possible values: queued, running, waiting, ended"),
        "{help}"
    );
    let script = home.orderly(&["completions", "bash"]).done();
    assert!(script.contains("failures succeeded warning"), "{script}");
}

#[test]
fn what_the_agent_does_not_know_ends_with_4_and_the_nearest_name() {
    let agent = Agent::start();
    each_fails(
        &agent.home,
        4,
        &[
            (&["next", "great"], "hint: did you mean `greet`?"),
            (
                &["next", "zzz"],
                "hint: there are fail, greet, remove, wait",
            ),
            (&["run", "great"], "hint: did you mean `greet`?"),
            (&["suspend", "great"], "hint: did you mean `greet`?"),
            (&["resume", "great"], "hint: did you mean `greet`?"),
            (&["run", "greet", "-i", "nam=x"], "`nam`"),
            (
                &["runs", "show", "00000000"],
                "none of the newest 1000 runs",
            ),
            (
                &["runs", "cancel", "00000000"],
                "hint: `orderly runs` shows them",
            ),
            (&["logs", "00000000"], "none of the newest 1000 runs"),
            (
                &["approve", "00000000"],
                "none of the newest 1000 approvals",
            ),
            (&["deny", "00000000"], "none of the newest 1000 approvals"),
            (
                &["approvals", "show", "00000000"],
                "none of the newest 1000 approvals",
            ),
            (
                &["sync", "--accept", "1234567"],
                "no deletion waits to be accepted",
            ),
        ],
    );
    let run = agent.orderly(&["run", "greet", "--no-wait"]).done();
    each_fails(
        &agent.home,
        4,
        &[(
            &["logs", run.trim(), "--step", "helo"],
            "there is no step `helo` in runbook `greet`\nhint: did you mean `hello`?",
        )],
    );
}

#[test]
fn a_deletion_that_waits_is_accepted_by_a_part_of_its_revision_and_no_other() {
    let agent = Agent::start();
    for name in ["greet", "remove", "fail"] {
        std::fs::remove_file(agent.home.at(&format!("repository/runbooks/{name}.yaml"))).unwrap();
    }
    let revision = commit(&agent.home);
    let said = agent.orderly(&["sync"]);
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(
        said.out.contains("would delete fail, greet, remove"),
        "{}",
        said.out
    );
    each_fails(
        &agent.home,
        4,
        &[(
            &["sync", "--accept", "1234567"],
            &format!("`1234567` is not the revision that waits\nhint: that is {revision}"),
        )],
    );
    let accepted = agent.orderly(&["sync", "--accept", &revision[..12]]).done();
    assert!(accepted.contains("runbooks  1"), "{accepted}");
}
