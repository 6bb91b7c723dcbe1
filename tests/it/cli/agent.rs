//! An agent that follows a git repository of its own, started as people start it.

use super::{Home, Running, Said};
use git2::{IndexAddOption, Repository, Signature};
use rustix::process::Signal;

/// Runbooks that show what an agent does: one that only looks, one that people are asked about, one that fails, one that waits.
const RUNBOOKS: [(&str, &str); 4] = [
    (
        "greet",
        "
spec:
  description: Says hello.
  triggers: [ { schedule: \"0 4 1 1 *\" } ]
  inputs:
    name: { type: string, default: world }
    times: { type: integer, default: 1 }
  steps:
    - { name: hello, uses: command, with: { argv: [echo, \"hello ${{ inputs.name }}\"] } }
    - { name: count, uses: assert, with: { that: \"${{ inputs.times < 5 }}\", message: too often } }
",
    ),
    (
        "remove",
        "
spec:
  steps:
    - { name: drop, uses: command, with: { argv: [rm, -f, /nonexistent/file] } }
",
    ),
    (
        "fail",
        "
spec:
  steps:
    - { name: never, uses: assert, with: { that: false, message: as it must } }
",
    ),
    (
        "wait",
        "
spec:
  steps:
    - { name: long, uses: sleep, with: { duration: 9m } }
",
    ),
];

/// A running agent, and the folder that it and its people work in.
pub(super) struct Agent {
    pub(super) home: Home,
    pub(super) serve: Running,
    pub(super) greeting: Vec<String>,
}

impl Agent {
    /// Starts one; the token that it makes for its administrator is found by itself in the state folder.
    pub(super) fn start() -> Self {
        Self::with("policy: { triggerMayApprove: true }\n")
    }

    /// The same with more configuration.
    pub(super) fn with(configuration: &str) -> Self {
        let home = Home::new();
        home.write(
            "orderly.yaml",
            format!("source: {{ url: repository }}\nhttp: {{ listen: \"127.0.0.1:0\" }}\nlog: {{ filter: warn }}\n{configuration}"),
        );
        for (name, spec) in RUNBOOKS {
            home.write(
                &format!("repository/runbooks/{name}.yaml"),
                runbook(name, spec),
            );
        }
        Repository::init(home.at("repository")).unwrap();
        commit(&home);
        let (serve, greeting) = serve(&home);
        Self {
            home,
            serve,
            greeting,
        }
    }

    pub(super) fn orderly(&self, words: &[&str]) -> Said {
        self.home.orderly(words)
    }
}

fn serve(home: &Home) -> (Running, Vec<String>) {
    let mut serve = Running::start(&mut home.command(&["serve"]));
    let mut greeting = vec![serve.line_with(" is up")];
    for part in [
        "follows",
        "runbooks",
        "page",
        "next",
        "approvals",
        "state",
        "review",
        "stop",
    ] {
        greeting.push(serve.line_with(part));
    }
    (serve, greeting)
}

/// The page's address in a greeting.
fn address(greeting: &[String]) -> String {
    let page = greeting.iter().find(|line| line.contains("page")).unwrap();
    page.split_whitespace()
        .last()
        .unwrap()
        .trim_end_matches('/')
        .to_owned()
}

fn runbook(name: &str, spec: &str) -> String {
    format!("apiVersion: orderly.dev/v1\nkind: Runbook\nmetadata: {{ name: {name} }}{spec}")
}

/// Commits the repository as it stands.
pub(super) fn commit(home: &Home) -> String {
    let repository = Repository::open(home.at("repository")).unwrap();
    let mut index = repository.index().unwrap();
    index.add_all(["."], IndexAddOption::DEFAULT, None).unwrap();
    index.update_all(["."], None).unwrap();
    index.write().unwrap();
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    let author = Signature::new(
        "An author",
        "author@example.org",
        &git2::Time::new(1_700_000_000, 0),
    )
    .unwrap();
    let parent = repository
        .head()
        .ok()
        .map(|head| head.peel_to_commit().unwrap());
    let parents: Vec<_> = parent.iter().collect();
    let id = repository
        .commit(Some("HEAD"), &author, &author, "a change", &tree, &parents)
        .unwrap();
    id.to_string()
}

#[test]
fn an_agent_greets_answers_and_stops_cleanly() {
    let mut agent = Agent::start();
    let next = agent
        .greeting
        .iter()
        .find(|line| line.contains("next"))
        .unwrap();
    assert!(
        next.contains("greet  ") && next.contains("-01-01 04:00:00  in "),
        "{next}"
    );

    let status = agent.orderly(&["status"]);
    assert_eq!(status.code, 0, "{}{}", status.out, status.err);
    assert!(status.out.starts_with("ok  orderly "), "{}", status.out);
    assert!(
        status.out.contains("4 in use, 0 invalid, 0 suspended"),
        "{}",
        status.out
    );
    let status = agent.orderly(&["status", "-o", "json"]).json();
    assert_eq!(status["health"]["status"], "ok");
    assert_eq!(status["next"][0]["runbook"], "greet");

    let next = agent.orderly(&["next"]).done();
    assert!(next.contains("schedule 0 4 1 1 * UTC"), "{next}");
    assert_eq!(
        agent.orderly(&["next", "greet", "-o", "json"]).json()["items"][0]["trigger"],
        "schedule 0 4 1 1 * UTC"
    );

    agent.serve.signal(Signal::TERM);
    assert_eq!(agent.serve.end().0, 0);
    assert!(
        agent
            .orderly(&["audit", "verify", "--database"])
            .done()
            .starts_with("the audit log is whole")
    );
    agent.orderly(&["status"]).failed(3);
}

#[test]
fn a_run_is_followed_to_its_end_and_its_output_is_kept() {
    let agent = Agent::start();
    let said = agent.orderly(&["run", "greet", "-i", "name=you", "-i", "times=2", "--logs"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("out| hello you\n"), "{}", said.out);
    let last = said.out.lines().last().unwrap();
    assert!(
        last.starts_with("run ") && last.contains(" succeeded in "),
        "{last}"
    );
    let id = last.split_whitespace().nth(1).unwrap();

    let shown = agent.orderly(&["runs", "show", id]).done();
    assert!(
        shown.contains("inputs    name = \"you\"\n          times = 2\n"),
        "{shown}"
    );
    let logs = agent.orderly(&["logs", id]).done();
    assert!(logs.ends_with(" hello out| hello you\n"), "{logs}");
    let items = agent.orderly(&["logs", id, "-o", "json"]).json();
    let last = items["items"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["step"], &last["stream"], &last["text"]),
        (&"hello".into(), &"out".into(), &"hello you".into())
    );
    let silent = agent.orderly(&["logs", id, "--step", "count"]);
    assert_eq!(
        (silent.code, silent.err.as_str()),
        (0, "nothing was printed\n")
    );
    assert_eq!(
        agent
            .orderly(&["logs", id, "--follow", "--step", "hello"])
            .done(),
        logs
    );
    let row = &agent.orderly(&["runs", "-o", "json"]).json()["items"][0];
    assert_eq!(
        (&row["outcome"], &row["runbook"]),
        (&"succeeded".into(), &"greet".into())
    );
    assert!(row["id"].as_str().unwrap().ends_with(id));
}

#[test]
fn how_a_run_ends_is_the_exit_code() {
    let agent = Agent::start();
    let said = agent.orderly(&["run", "fail"]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(said.out.contains("as it must"), "{}", said.out);
    assert!(
        agent
            .orderly(&["runs", "--outcome", "failures"])
            .done()
            .contains("fail")
    );
    assert_eq!(
        agent
            .orderly(&["runs", "--outcome", "failures", "--since", "0s"])
            .done(),
        ""
    );

    let dry = agent
        .orderly(&["run", "remove", "--dry-run", "-o", "json"])
        .json();
    assert_eq!(
        (&dry["outcome"], &dry["dry_run"]),
        (&"succeeded".into(), &true.into())
    );
    let listed = agent.orderly(&["runs", "-n", "1"]).done();
    assert!(listed.contains("succeeded, dry"), "{listed}");

    let err = agent.orderly(&["run", "nothing"]).failed(4);
    assert!(
        err.starts_with("error: there is no runbook nothing"),
        "{err}"
    );
    let err = agent
        .orderly(&["run", "greet", "-i", "times=many", "-i", "nmae=x"])
        .failed(4);
    for part in [
        "there is no input `nmae`",
        "the input `times` must be a whole number, not \"many\"",
        "hint: it takes name, times",
    ] {
        assert!(err.contains(part), "{part} in {err}");
    }
    agent.home.write("inputs.yaml", "name: file\ntimes: 9\n");
    let said = agent
        .orderly(&[
            "run",
            "greet",
            "--inputs-file",
            "inputs.yaml",
            "-i",
            "times=3",
            "-o",
            "json",
        ])
        .json();
    assert_eq!(
        said["inputs"],
        serde_json::json!({"name": "file", "times": 3})
    );
}

#[test]
fn the_same_key_starts_one_run() {
    let agent = Agent::start();
    let words = ["run", "greet", "--no-wait", "--idempotency-key", "once"];
    let (first, second) = (agent.orderly(&words), agent.orderly(&words));
    assert!(first.err.ends_with(" of greet started\n"), "{}", first.err);
    assert!(
        second
            .err
            .ends_with(" of greet was started before with this key; no other one is\n"),
        "{}",
        second.err
    );
    assert_eq!(first.done(), second.done());
    let err = agent
        .orderly(&["run", "fail", "--idempotency-key", "once"])
        .failed(4);
    assert!(err.contains("of runbook greet\nhint: "), "{err}");
    assert_eq!(
        agent.orderly(&["runs", "-o", "json"]).json()["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_runbook_is_suspended_and_resumed() {
    let agent = Agent::start();
    let err = agent
        .orderly(&["suspend", "greet", "--for", "2h", "--reason", "a test"])
        .err;
    assert!(
        err.starts_with("greet is suspended until ") && err.contains("(in 2h)"),
        "{err}"
    );
    let view = agent.orderly(&["status", "-o", "json"]).json();
    assert_eq!(view["runbooks"][1]["state"], "suspended");
    assert_eq!(
        agent.orderly(&["resume", "greet"]).err,
        "greet is resumed\n"
    );
    agent.orderly(&["resume", "greet"]).failed(4);
    agent
        .orderly(&["suspend", "greet", "--until", "soon"])
        .failed(2);
    let audit = agent
        .orderly(&["audit", "query", "--action", "runbook.", "-o", "json"])
        .json();
    assert_eq!(audit["items"][0]["action"], "runbook.resumed");
    assert_eq!(audit["items"][1]["details"]["reason"], "a test");
    let table = agent
        .orderly(&["audit", "query", "--action", "runbook."])
        .done();
    let lines: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines[0], ["TIME", "WHO", "ACTION", "RESOURCE", "OUTCOME"]);
    assert_eq!(
        lines[1][1..],
        ["admin", "runbook.resumed", "runbook/greet", "ok"]
    );
    assert_eq!(
        lines[2][1..],
        [
            "admin",
            "runbook.suspended",
            "runbook/greet",
            "ok,",
            "a",
            "test"
        ]
    );
}

#[test]
fn a_commit_is_in_use_at_once_and_its_problems_are_told() {
    let agent = Agent::start();
    agent.home.write(
        "repository/runbooks/more.yaml",
        runbook("more", RUNBOOKS[2].1),
    );
    let revision = commit(&agent.home);
    let out = agent.orderly(&["sync"]).done();
    assert!(out.contains(&revision[..12]), "{out}");
    agent.home.write(
        "repository/runbooks/more.yaml",
        runbook("more", "\nspec: { stepps: [] }\n"),
    );
    commit(&agent.home);
    let said = agent.orderly(&["sync"]);
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.out.contains("more.yaml:4:"), "{}", said.out);
    let said = agent.orderly(&["run", "more"]);
    assert_eq!(
        said.code, 1,
        "the last good version is in use: {}{}",
        said.out, said.err
    );
    for words in [
        "warning: the newest version of more cannot be used: runbooks/more.yaml:4:",
        &format!("the last good one is started, of {}\n", &revision[..12]),
    ] {
        assert!(said.err.contains(words), "{}", said.err);
    }
}

#[test]
fn a_runbook_that_never_was_good_is_shown_with_its_problem() {
    let agent = Agent::start();
    agent.home.write(
        "repository/runbooks/more.yaml",
        runbook("more", "\nspec: { stepps: [] }\n"),
    );
    commit(&agent.home);
    assert_eq!(agent.orderly(&["sync"]).code, 1);
    let status = agent.orderly(&["status"]).done();
    assert!(
        status.contains("4 in use, 1 invalid, 0 suspended"),
        "{status}"
    );
    let problem = "runbooks/more.yaml:4:9: unknown key `stepps`";
    assert!(status.contains(problem), "{status}");
    let status = agent.orderly(&["status", "-o", "json"]).json();
    let view = &status["runbooks"][2];
    assert_eq!(
        (&view["name"], &view["state"]),
        (&"more".into(), &"invalid".into())
    );
    assert!(view["problem"].as_str().unwrap().starts_with(problem));
    assert!(view["revision"].is_null());
    assert_eq!(agent.orderly(&["next", "more"]).done(), "");
    let err = agent.orderly(&["run", "more"]).failed(4);
    assert!(err.contains(problem), "{err}");
}

#[test]
fn who_has_no_token_may_look_but_not_change() {
    let agent = Agent::start();
    let elsewhere = Home::new().with("ORDERLY_SERVER", &address(&agent.greeting));
    elsewhere.orderly(&["runs"]).done();
    let err = elsewhere.orderly(&["run", "greet"]).failed(4);
    assert!(
        err.starts_with("error: this needs a token\nhint: "),
        "{err}"
    );
    elsewhere.write("token", "wrong\n");
    let err = elsewhere
        .orderly(&["--token-file", "token", "sync"])
        .failed(4);
    assert!(
        err.starts_with("error: the token is not known\nhint: name another token"),
        "{err}"
    );
    let token = std::fs::read_to_string(agent.home.at("orderly-state/admin.token")).unwrap();
    elsewhere
        .with("ORDERLY_TOKEN", token.trim())
        .orderly(&["sync"])
        .done();
}

#[test]
fn a_token_of_this_host_is_not_sent_to_an_address_that_somebody_names() {
    let agent = Agent::start();
    let server = address(&agent.greeting);
    let named = ["--server", server.as_str(), "sync"];
    let err = agent.orderly(&named).failed(4);
    assert!(err.starts_with("error: this needs a token\n"), "{err}");
    assert!(err.contains("no --server is named"), "{err}");
    let token = ["--token-file", "orderly-state/admin.token"];
    agent.orderly(&[&token[..], &named[..]].concat()).done();
    agent.orderly(&["sync"]).done();
}

#[test]
fn an_agent_is_found_on_whatever_port_it_has() {
    let mut agent = Agent::start();
    let server = address(&agent.greeting);
    let status = agent.orderly(&["status"]).done();
    assert!(
        status.contains(&format!(" at {server}, up for")),
        "{status}"
    );
    let err = agent
        .orderly(&["--set", "http.listen=127.0.0.1:1", "status"])
        .failed(3);
    assert!(
        err.contains("no agent answers at http://127.0.0.1:1"),
        "{err}"
    );
    let findings = agent.orderly(&["doctor"]).done();
    let process = agent.serve.child.id();
    assert!(
        findings.contains(&format!(
            "process {process} runs with this state folder and answers at {server}"
        )),
        "{findings}"
    );

    agent.serve.signal(Signal::KILL);
    agent.serve.end();
    assert!(agent.home.at("orderly-state/agent.address").exists());
    let err = agent.orderly(&["status"]).failed(3);
    assert!(
        err.contains("no agent runs with the state folder orderly-state"),
        "{err}"
    );
    let findings = agent.orderly(&["doctor"]).done();
    assert!(
        findings.contains("none runs with this state folder"),
        "{findings}"
    );

    let (serve, greeting) = serve(&agent.home);
    agent.serve = serve;
    let status = agent.orderly(&["status"]).done();
    assert!(status.contains(&address(&greeting)), "{status}");
    agent.serve.signal(Signal::TERM);
    assert_eq!(agent.serve.end().0, 0);
    assert!(!agent.home.at("orderly-state/agent.address").exists());
}

#[test]
fn doctor_tells_of_accounts_for_runbooks_that_are_not_there() {
    let agent =
        Agent::with("clusters: { east: { accounts: { nobodys: { serviceAccount: ops/x } } } }\n");
    let findings = agent.orderly(&["doctor"]).done();
    let told = "clusters.east.accounts: there is no runbook `nobodys`";
    assert!(findings.contains(told), "{findings}");
}

#[test]
fn the_greeting_names_a_source_that_cannot_be_fetched() {
    let home = Home::new();
    let listen = ["serve", "--source", "/nope", "--listen", "127.0.0.1:0"];
    let mut serve = Running::start(&mut home.command(&listen));
    serve.line_with(" is up");
    let failing = serve.line_with("failing");
    assert!(failing.contains("/nope"), "{failing}");
    serve.signal(Signal::TERM);
    assert_eq!(serve.end().0, 0);
}

#[test]
fn a_closed_window_is_refused_with_the_way_around_it() {
    let agent = Agent::start();
    let calendar = "apiVersion: orderly.dev/v1\nkind: Calendar\nmetadata: { name: never }\nspec: { windows: [ { deny: \"* * * * *\", for: 2m } ] }\n";
    agent.home.write("repository/runbooks/never.yaml", calendar);
    let spec = "\nspec: { windows: [never], steps: [ { name: a, uses: assert, with: { that: true } } ] }\n";
    agent
        .home
        .write("repository/runbooks/closed.yaml", runbook("closed", spec));
    commit(&agent.home);
    agent.orderly(&["sync"]).done();
    let err = agent.orderly(&["run", "closed"]).failed(4);
    assert!(err.starts_with("error: the window is closed: "), "{err}");
    assert!(
        err.contains("hint: `orderly run --override-window`"),
        "{err}"
    );
    agent
        .orderly(&["run", "closed", "--override-window"])
        .done();
}

#[test]
fn a_second_agent_in_the_same_folder_is_refused() {
    let agent = Agent::start();
    let err = agent.orderly(&["serve"]).failed(6);
    assert!(err.contains("is in use by process"), "{err}");
    let there = address(&agent.greeting).replace("http://", "");
    let err = agent.orderly(&["serve", "--listen", &there]).failed(1);
    assert!(
        err.contains("hint: the agent of this state folder answers there already"),
        "{err}"
    );
}

/// Due each minute, and asked about well before.
const ASKED_AHEAD: &str = "
spec:
  triggers: [ { every: 1h } ]
  inputs:
    file: { default: /nonexistent/file }
  steps:
    - name: drop
      uses: command
      with: { argv: [rm, -f, \"${{ inputs.file }}\"] }
      approval: { ahead: 3h }
";

#[test]
fn what_is_asked_ahead_is_shown_and_can_be_taken_back() {
    let agent = Agent::start();
    agent.home.write(
        "repository/runbooks/early.yaml",
        runbook("early", ASKED_AHEAD),
    );
    commit(&agent.home);
    agent.orderly(&["sync"]).done();
    let asked = || agent.orderly(&["approvals", "-o", "json"]).json()["items"].clone();
    let question = (0..100)
        .find_map(|_| asked().get(0).cloned())
        .expect("people are asked as soon as it is time");
    let id = question["id"].as_str().unwrap();
    assert_eq!(question["ahead"]["occurrence"]["runbook"], "early");
    let next = agent.orderly(&["next", "early"]).done();
    assert!(
        next.contains("ASKS") && next.contains("(pending)"),
        "{next}"
    );
    let shown = agent.orderly(&["approvals", "show", id]).done();
    for part in [
        "asked ahead of",
        "to be used",
        "within 15m of its time",
        "argv.2: ${{ inputs.file }}",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let told = agent.orderly(&["approvals", "cancel", id, "-m", "not today"]);
    assert_eq!(
        told.done(),
        "drop of early: cancelled; the step does not run\n"
    );
    agent.orderly(&["approvals", "cancel", id]).failed(4);
    agent.orderly(&["approve", id, "--yes"]).failed(4);
    let shown = agent.orderly(&["approvals", "show", id]).done();
    assert!(shown.contains("cancelled by admin: not today"), "{shown}");
    let audit = agent
        .orderly(&["audit", "query", "--action", "approval.", "-o", "json"])
        .json();
    assert_eq!(audit["items"][0]["action"], "approval.cancelled");
    let next = agent.orderly(&["next", "early"]).done();
    assert!(next.contains("(cancelled)"), "{next}");
}

/// A script of several lines, and a text that a person gives.
const ASKED: &str = "
spec:
  inputs:
    word: { default: x }
  steps:
    - name: script
      uses: command
      with:
        script: |
          set -u
          for file in $WORD; do rm -rf \"$file\"; done
        env: { WORD: \"${{ inputs.word }}\" }
";

#[test]
fn a_question_is_shown_whole_and_nothing_hides_in_it() {
    let agent = Agent::start();
    agent
        .home
        .write("repository/runbooks/ask.yaml", runbook("ask", ASKED));
    commit(&agent.home);
    agent.orderly(&["sync"]).done();
    let hidden = "word=\u{1b}[2K\u{202e}x";
    agent
        .orderly(&["run", "ask", "-i", hidden, "--no-wait"])
        .done();
    let long = format!("word={}", "y".repeat(500));
    agent.orderly(&["run", "ask", "-i", &long, "--no-wait"]);
    let question = (0..100).find_map(|_| {
        let list = agent.orderly(&["approvals", "-o", "json"]).json();
        list["items"].get(0).cloned()
    });
    let question = question.expect("the second run asks");
    let shown = agent
        .orderly(&["approvals", "show", question["id"].as_str().unwrap()])
        .done();
    let long = "y".repeat(500);
    for part in [
        "set -u",
        "for file in $WORD; do rm -rf \"$file\"; done",
        "env.WORD: ${{ inputs.word }}",
        &long,
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    // What hides is refused before anybody is asked, and told in visible letters.
    let runs = agent.orderly(&["runs"]).done();
    assert!(runs.contains("U+001B"), "{runs}");
    for raw in ['\u{1b}', '\u{202e}'] {
        assert!(!runs.contains(raw) && !shown.contains(raw), "{raw:?}");
    }
}
