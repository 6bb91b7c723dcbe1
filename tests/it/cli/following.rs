//! Runs that wait for people while somebody follows them.

use super::{Running, agent::Agent};
use rustix::process::Signal;
use std::io::{BufRead as _, BufReader, Read as _};

/// A run that is followed up to the moment when it waits for people.
struct Waiting {
    run: Running,
    err: BufReader<std::process::ChildStderr>,
    /// As the command line shows it.
    approval: String,
}

impl Waiting {
    fn start(agent: &Agent) -> Self {
        let mut run = Running::start(&mut agent.home.command(&["run", "remove"]));
        let mut err = BufReader::new(run.child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.starts_with("to answer:") {
            line.clear();
            assert_ne!(err.read_line(&mut line).unwrap(), 0, "it does not ask");
        }
        let approval = line.split_whitespace().nth(4).unwrap().to_owned();
        Self { run, err, approval }
    }

    fn end(mut self) -> (i32, String, String) {
        let (code, out) = self.run.end();
        let mut err = String::new();
        self.err.read_to_string(&mut err).unwrap();
        (code, out, err)
    }
}

#[test]
fn a_person_consents_after_seeing_the_step() {
    let agent = Agent::start();
    let waiting = Waiting::start(&agent);
    let listed = agent.orderly(&["approvals"]).done();
    let line = listed.lines().nth(1).unwrap();
    for part in [
        waiting.approval.as_str(),
        "rm -f /nonexistent/file: ",
        "file delete file /nonexistent/file on the host; ",
        "level 2: destructive steps need approval",
    ] {
        assert!(line.contains(part), "{part}: {listed}");
    }
    let shown = agent
        .orderly(&["approvals", "show", &waiting.approval])
        .done();
    assert!(shown.contains("with "), "{shown}");
    assert!(
        shown.contains("argv: [\"rm\",\"-f\",\"/nonexistent/file\"]"),
        "{shown}"
    );

    let err = agent.orderly(&["approve", &waiting.approval]).failed(2);
    assert!(
        err.ends_with(
            "error: nobody is at a terminal to answer\nhint: --yes consents without asking back\n"
        ),
        "{err}"
    );
    let other = "0".repeat(64);
    agent
        .orderly(&["approve", &waiting.approval, "--yes", "--digest", &other])
        .failed(4);
    let said = agent.orderly(&["approve", &waiting.approval, "--yes", "--comment", "seen"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert_eq!(
        said.out,
        "drop of remove: approved; the step starts now, unless something has changed\n"
    );

    let approval = waiting.approval.clone();
    let (code, out, err) = waiting.end();
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("run           approved"), "{out}");
    agent.orderly(&["approve", &approval, "--yes"]).failed(4);
    assert_eq!(agent.orderly(&["approvals"]).done(), "");
    assert!(
        agent
            .orderly(&["approvals", "--all"])
            .done()
            .contains("redeemed")
    );
}

#[test]
fn who_started_a_run_is_told_that_somebody_else_must_consent() {
    let agent = Agent::with("");
    let mut run = Running::start(&mut agent.home.command(&["run", "remove"]));
    let mut err = BufReader::new(run.child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("orderly approve") {
        line.clear();
        assert_ne!(err.read_line(&mut line).unwrap(), 0, "it does not ask");
    }
    assert!(line.starts_with("somebody else must consent"), "{line}");
    let approval = line.split_whitespace().last().unwrap();
    let refused = agent.orderly(&["approve", approval, "--yes"]).failed(4);
    assert!(
        refused.contains("you started its run or wrote its change"),
        "{refused}"
    );
    agent.orderly(&["deny", approval]).done();
    assert_eq!(run.end().0, 11);
}

#[test]
fn one_no_denies_the_run() {
    let agent = Agent::start();
    let waiting = Waiting::start(&agent);
    let said = agent
        .orderly(&["deny", &waiting.approval, "-m", "not today"])
        .done();
    assert_eq!(said, "drop of remove: denied; the step does not run\n");
    let (code, out, _) = waiting.end();
    assert_eq!(code, 11, "{out}");
    let failed = agent.orderly(&["audit", "query", "--failed"]).done();
    assert!(failed.contains("denied by admin"), "{failed}");
}

#[test]
fn ctrl_c_ends_the_following_and_not_the_run() {
    let agent = Agent::start();
    let waiting = Waiting::start(&agent);
    waiting.run.signal(Signal::INT);
    let (code, _, err) = waiting.end();
    assert_eq!(code, 130, "{err}");
    let cancel = err
        .lines()
        .find(|line| line.starts_with("to stop it:"))
        .unwrap();
    let id = cancel.split_whitespace().last().unwrap();
    assert!(
        agent
            .orderly(&["runs", "--status", "waiting"])
            .done()
            .contains(id)
    );
    agent
        .orderly(&["runs", "cancel", id, "--reason", "enough"])
        .done();
    agent.orderly(&["logs", id, "--follow"]).done();
    assert!(
        agent
            .orderly(&["runs", "show", id])
            .done()
            .contains("canceled")
    );
}

#[test]
fn an_agent_that_is_told_to_stop_leaves_a_waiting_run_for_its_next_start() {
    let mut agent = Agent::start();
    let waiting = Waiting::start(&agent);
    agent.serve.signal(Signal::TERM);
    assert_eq!(agent.serve.end().0, 0);
    waiting.run.signal(Signal::INT);
    assert_eq!(waiting.end().0, 130);
}
