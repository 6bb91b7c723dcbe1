//! Commands that need no agent.

use super::{Home, Said, ours};
use crate::api_server::{ApiServer, answer, ok, status};
use age::secrecy::ExposeSecret as _;
use orderly::history::{History, Options};
use serde_json::json;
use std::io::{BufRead as _, Write as _};

const GOOD: &str = "\
apiVersion: orderly.dev/v1
kind: Runbook
metadata: { name: good }
spec:
  steps:
    - { name: wait, uses: sleep, with: { duration: 1s } }
";

const BAD: &str = "\
apiVersion: orderly.dev/v1
kind: Runbook
metadata: { name: bad }
spec:
  stepps: []
  triggers:
    - schedule: \"99 * * * *\"
";

fn with_runbooks() -> Home {
    let home = Home::new();
    home.write("runbooks/good.yaml", GOOD);
    home.write("runbooks/sub/bad.yaml", BAD);
    home
}

fn with_history() -> Home {
    let home = Home::new();
    home.write("orderly-state/audit.key", format!("{}\n", "07".repeat(32)));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let options = Options {
            path: home.at("orderly-state/history.db"),
            key: vec![7; 32],
        };
        History::open(options).unwrap().close().await.unwrap();
    });
    home
}

#[test]
fn help_lists_every_command_with_a_line() {
    let out = Home::new().orderly(&["-h"]).done();
    insta::assert_snapshot!(out, @"
    Runbooks in git, carried out by an agent behind a safety gate

    Usage: orderly [OPTIONS] <COMMAND>

    Commands:
      serve        Be the agent: follow a repository and run what is due
      validate     Check runbooks, and tell every problem at its place
      run          Start a runbook now, and follow it to its end
      status       Show on one screen how the agent is and what goes on
      runs         List runs, newest first; show one, or stop one
      logs         Print what the steps of a run printed
      artifacts    List backups and other artifacts; show, fetch, verify or restore one
      next         Show what is due next, soonest first
      approvals    List what waits for people; show one question whole
      approve      Consent to exactly one step, after looking at it
      deny         Say no to a step; one no is enough
      credentials  List credentials that runbooks keep fresh; show or forget one
      suspend      Stop a runbook's triggers for a while
      resume       Let a suspended runbook's triggers count again
      reset        Close a runbook's circuit, or trust the clock again
      halt         Stop all effects at once, until `orderly unhalt`
      unhalt       Let effects be again after `orderly halt`
      sync         Look for a new commit now
      audit        Look through the audit log, check that nobody has changed it, or write it to a file
      gate         Ask the safety gate what it would decide, and why
      rbac         Print the least roles that runbooks need in a cluster
      config       Show every setting, its value, and where the value comes from
      schema       Print the JSON Schema of runbooks, or the documentation of actions
      doctor       Look for what would keep an agent from working here
      db           Look after the history's database
      completions  Print a script that completes orderly's command line in a shell
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version

    Exit codes: `orderly help exit-codes`. Settings: `orderly config`. Data goes to standard output,
    talk to standard error.
    ");
}

#[test]
fn help_of_a_command_teaches_with_an_example() {
    let out = Home::new().orderly(&["help", "suspend"]).done();
    assert!(
        out.starts_with("Stop a runbook's triggers: until a time"),
        "{out}"
    );
    assert!(
        out.contains("orderly suspend nightly-backup --for 2h"),
        "{out}"
    );
    let codes = Home::new().orderly(&["help", "exit-codes"]).done();
    assert!(codes.contains("  130  Ctrl-C while following"), "{codes}");
}

#[test]
fn the_version_is_that_of_the_package() {
    let out = Home::new().orderly(&["--version"]).done();
    assert!(
        out.starts_with(concat!("orderly ", env!("CARGO_PKG_VERSION"))),
        "{out}"
    );
}

#[test]
fn a_command_line_without_sense_ends_with_2() {
    let home = Home::new();
    for words in [
        &["frobnicate"][..],
        &[],
        &["run"],
        &["--set", "x", "config"],
        &["validate", "missing"],
        &["--server", "here", "status"],
        &["runs", "show", "zz"],
    ] {
        assert_eq!(home.orderly(words).code, 2, "{words:?}");
    }
}

#[test]
fn validate_tells_every_problem_at_its_place() {
    let Said { code, out, err } = with_runbooks().orderly(&["validate"]);
    assert_eq!(code, 1);
    insta::assert_snapshot!(out, @r#"
    runbooks/sub/bad.yaml:5:3: error: unknown key `stepps`
     5 |   stepps: []
       |   ^
    hint: did you mean `steps`?

    runbooks/sub/bad.yaml:5:11: error: a runbook needs at least one step
     5 |   stepps: []
       |           ^

    runbooks/sub/bad.yaml:7:18: error: minute 99 is out of range: it goes from 0 to 59
     7 |     - schedule: "99 * * * *"
       |                  ^
    "#);
    assert_eq!(err, "2 files, 1 runbook, 3 problems\n");
}

#[test]
fn validate_speaks_to_machines() {
    let home = with_runbooks();
    let json = home.orderly(&["validate", "--format", "json"]);
    assert_eq!(json.code, 1);
    let problems: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(problems[0]["file"], "runbooks/sub/bad.yaml");
    assert_eq!(home.orderly(&["validate", "-o", "json"]).out, json.out);
    let github = home.orderly(&["validate", "--format", "github"]).out;
    assert!(
        github.starts_with("::error file=runbooks/sub/bad.yaml,line="),
        "{github}"
    );
    let sarif = home.orderly(&["validate", "--format", "sarif"]).out;
    let sarif: serde_json::Value = serde_json::from_str(&sarif).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
}

#[test]
fn what_is_good_is_said_and_ends_well() {
    let home = with_runbooks();
    let said = home.orderly(&["validate", "runbooks/good.yaml"]);
    assert_eq!((said.code, said.out.as_str()), (0, ""));
    assert_eq!(said.err, "1 file, 1 runbook, no problems\n");
}

#[test]
fn validate_tells_of_accounts_for_runbooks_that_are_not_there() {
    let home = with_runbooks();
    home.write(
        "agent.yaml",
        "clusters: { east: { accounts: { goood: { serviceAccount: ops/x } } } }\n",
    );
    let told = "warning: clusters.east.accounts: there is no runbook `goood`";
    let words = ["--config", "agent.yaml", "validate"];
    let all = home.orderly(&[&words[..], &["runbooks"]].concat());
    assert!(all.err.contains(told), "{}", all.err);
    // Who looks at one file does not know what there is.
    let one = home.orderly(&[&words[..], &["runbooks/good.yaml"]].concat());
    assert!(!one.err.contains(told), "{}", one.err);
}

#[test]
fn validate_looks_up_what_the_named_configuration_declares() {
    let home = Home::new();
    home.write(
        "runbooks/a.yaml",
        "apiVersion: orderly.dev/v1
kind: Runbook
metadata: { name: a }
spec:
  triggers:
    - webhook: { name: ci }
    - webhook: { name: cj }
  steps:
    - name: tell
      uses: notify
      with: { channel: opps, message: \"${{ secret('db') }} ${{ secret('dc') }}\" }
    - name: scale
      uses: kubernetes/scale
      with: { cluster: prod, namespace: a, deployment: b, replicas: 1 }
    - name: usual
      uses: kubernetes/scale
      with: { cluster: default, namespace: a, deployment: b, replicas: 1 }
    - name: keep
      uses: backup/files
      with: { name: etc, paths: [/etc], keep: { store: offsit } }
    - name: keepHere
      uses: backup/files
      with: { name: hosts, paths: [/etc/hosts], keep: { store: disk } }
    - name: dump
      uses: backup/postgres
      with: { name: shop, database: shop }
    - name: keepClosed
      uses: backup/files
      with: { name: keys, paths: [/etc], keep: { encrypt: true } }
",
    );
    home.write(
        "orderly.yaml",
        "secrets: { db: { env: DB } }\nchannels: { ops: { webhookSecret: db } }\nwebhooks: { ci: { secret: db } }\n\
         artifacts: { stores: { offsite: { s3: { bucket: b } } } }\n",
    );
    // One that merely lies there may be another agent's.
    assert_eq!(home.orderly(&["validate"]).code, 0);
    let said = home.orderly(&["--config", "orderly.yaml", "validate"]);
    assert_eq!(said.code, 1);
    let told: Vec<_> = said
        .out
        .lines()
        .filter(|line| !line.starts_with(' '))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @"
    runbooks/a.yaml:7:24: error: the agent's configuration has no webhook `cj`
    hint: known are ci

    runbooks/a.yaml:11:24: error: the agent's configuration has no channel `opps`
    hint: did you mean `ops`?

    runbooks/a.yaml:11:64: error: the agent's configuration has no secret `dc`
    hint: known are db

    runbooks/a.yaml:14:24: error: the agent's configuration has no cluster `prod`
    hint: declare it under `clusters:`

    runbooks/a.yaml:20:56: error: the agent's configuration has no store `offsit`
    hint: did you mean `offsite`?

    runbooks/a.yaml:25:13: error: its artifact is always encrypted, and the agent's configuration names nobody to encrypt it for
    hint: name public keys of age under `artifacts.recipients:`

    runbooks/a.yaml:28:13: error: its artifact is always encrypted, and the agent's configuration names nobody to encrypt it for
    hint: name public keys of age under `artifacts.recipients:`
    ");
    home.write(
        "orderly.yaml",
        "artifacts: { recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p] }\n",
    );
    let said = home.orderly(&["--config", "orderly.yaml", "validate"]);
    assert!(!said.out.contains("encrypt"), "{}", said.out);
    home.write("orderly.yaml", "secrits: {}\n");
    home.orderly(&["--config", "orderly.yaml", "validate"])
        .failed(5);
}

#[test]
fn validate_says_what_the_agent_would_not_read() {
    let home = with_runbooks();
    std::os::unix::fs::symlink("good.yaml", home.at("runbooks/link.yaml")).unwrap();
    let said = home.orderly(&["validate", "runbooks/link.yaml", "runbooks/good.yaml"]);
    assert_eq!(said.code, 1, "what is named is read, and so is twice there");
    std::fs::remove_file(home.at("runbooks/sub/bad.yaml")).unwrap();
    let said = home.orderly(&["validate"]);
    assert_eq!(said.code, 0, "{}", said.out);
    assert_eq!(
        said.out,
        "runbooks/link.yaml:1:1: warning: the agent does not read this: it is a symbolic link, which is not followed\n"
    );
    assert_eq!(said.err, "1 file, 1 runbook, no problems, 1 warning\n");
    assert_eq!(home.orderly(&["validate", "--strict"]).code, 1);
    std::fs::create_dir(home.at("none")).unwrap();
    let said = home.orderly(&["validate", "none"]);
    assert!(
        said.err
            .starts_with("warning: there is no *.yaml or *.yml in none\n")
    );
}

#[test]
fn validate_reads_standard_input() {
    let home = Home::new();
    let mut child = home
        .command(&["validate", "-"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(BAD.as_bytes())
        .unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let out = String::from_utf8(ended.stdout).unwrap();
    assert!(out.starts_with("<stdin>:5:3: error: "), "{out}");
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let home = Home::new();
    // More than a pipe holds, so that writing goes on after the reader has gone.
    for (words, code) in [(&["schema"][..], 0), (&["completions", "zsh"], 0)] {
        let mut child = home.command(words).spawn().unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(code), "{words:?}");
        assert_eq!(String::from_utf8(ended.stderr).unwrap(), "", "{words:?}");
    }
}

#[test]
fn what_cannot_be_written_is_a_fault_and_a_mistake_stays_one() {
    let home = Home::new();
    let full = || std::fs::File::create("/dev/full").unwrap();
    let code = |command: &mut std::process::Command| command.status().unwrap().code();
    assert_eq!(code(home.command(&["--help"]).stdout(full())), Some(1));
    assert_eq!(code(home.command(&["schema"]).stdout(full())), Some(1));
    assert_eq!(code(home.command(&["bogus"]).stderr(full())), Some(2));
}

#[test]
fn every_setting_says_where_it_comes_from() {
    let home = Home::new()
        .with("ORDERLY_SOURCE_URL", "https://me:s3cret@git.example/x.git")
        .with("ORDERLY_SORCE_URL", "x");
    home.write(
        "orderly.yaml",
        "source: { path: ops }\nhttp: { listen: \"127.0.0.1:1\" }\n",
    );
    let said = home.orderly(&[
        "--set",
        "http.listen=127.0.0.1:2",
        "--state-dir",
        "s",
        "config",
    ]);
    assert_eq!(said.code, 0);
    let about = |name: &str| {
        let line = said.out.lines().find(|line| line.starts_with(name));
        line.unwrap()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(about("source.path"), "source.path orderly.yaml ops");
    assert_eq!(about("http.listen"), "http.listen --set 127.0.0.1:2");
    assert_eq!(about("stateDir"), "stateDir --state-dir s");
    assert_eq!(about("log.filter"), "log.filter default info");
    assert_eq!(
        about("source.url"),
        "source.url $ORDERLY_SOURCE_URL https://me:***@git.example/x.git"
    );
    insta::assert_snapshot!(said.err, @"
    using the configuration in orderly.yaml
    warning: $ORDERLY_SORCE_URL is set but means nothing to orderly
    ");
    let json = home.orderly(&["config", "-o", "json"]).json();
    assert_eq!(json["source.path"]["origin"], "orderly.yaml");
}

#[test]
fn a_configuration_that_cannot_be_used_ends_with_5_and_a_hint() {
    let home = Home::new();
    home.write("broken.yaml", "sorce:\n  url: x\n");
    let err = home
        .orderly(&["--config", "broken.yaml", "config", "check"])
        .failed(5);
    assert!(err.starts_with("error: broken.yaml:1:1: "), "{err}");
    assert!(err.ends_with("hint: did you mean `source`?\n"), "{err}");
    let err = home
        .orderly(&["--config", "missing.yaml", "status"])
        .failed(5);
    assert!(
        err.contains("hint: name another one with --config"),
        "{err}"
    );
    home.orderly(&["--set", "source.poll=soon", "serve"])
        .failed(5);
    assert_eq!(home.orderly(&["config", "check"]).code, 0);
}

#[test]
fn everything_that_is_wrong_with_a_configuration_is_told_at_once() {
    let home = Home::new();
    home.write(
        "broken.yaml",
        "sorce:\n  url: x\nhttp: { listen: 8080 }\nlog: { zzz: 1 }\n",
    );
    let check = ["--config", "broken.yaml", "config", "check"];
    insta::assert_snapshot!(home.orderly(&check).failed(5), @r"
    error: the configuration cannot be used: 3 problems
      broken.yaml:1:1: unknown setting `sorce`
          hint: did you mean `source`?
      broken.yaml:3:17: `http.listen`: must be an address and a port, not integer `8080`
          hint: write an address and a port, as `127.0.0.1:8080`
      broken.yaml:4:8: unknown setting `log.zzz`
          hint: known are format, filter
    ");
    let told = home.orderly(&[&check[..], &["-o", "json"]].concat());
    assert_eq!(told.code, 5);
    let told: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(told["ok"], false);
    assert_eq!(told["problems"][2]["place"], "broken.yaml:4:8");
    let good = home.orderly(&["config", "check", "-o", "json"]).json();
    assert_eq!(good["ok"], true);
    let findings = home.orderly(&["--config", "broken.yaml", "doctor"]);
    assert_eq!(findings.code, 1);
    assert_eq!(findings.out.matches("fail  configuration").count(), 3);
    let err = home.orderly(&["--set", "x=1", "config"]).failed(5);
    assert!(!err.contains("did you mean"), "{err}");
}

#[test]
fn who_waits_for_an_answer_is_told_for_what() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", silent.local_addr().unwrap());
    let home = Home::new();
    let mut asking = home
        .command(&["--server", &server, "-o", "json", "next"])
        .spawn()
        .unwrap();
    let (mut asked, _) = silent.accept().unwrap();
    let mut said = String::new();
    let mut err = std::io::BufReader::new(asking.stderr.take().unwrap());
    err.read_line(&mut said).unwrap();
    assert_eq!(
        said,
        format!("waiting for {server} to answer, for up to 30s\n")
    );
    let answer = r#"{"items":[],"next":null}"#;
    write!(
        asked,
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}",
        answer.len()
    )
    .unwrap();
    assert_eq!(asking.wait().unwrap().code(), Some(0));
}

#[test]
fn the_settings_are_documented_as_a_table() {
    let out = Home::new().orderly(&["config", "--markdown"]).done();
    assert!(
        out.starts_with("| setting | variable | default | what it is for |\n"),
        "{out}"
    );
    assert_eq!(out, orderly::config::markdown_table());
}

#[test]
fn schemas_are_printed_and_written() {
    let home = Home::new();
    let runbook: serde_json::Value =
        serde_json::from_str(&home.orderly(&["schema", "runbook"]).done()).unwrap();
    assert_eq!(runbook["title"], "An Orderly runbook");
    home.orderly(&["schema", "--write", "made/here"]).done();
    let mut names: Vec<String> = std::fs::read_dir(home.at("made/here"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["calendar", "environment", "orderly", "policy", "runbook"]
            .map(|name| format!("{name}.schema.json"))
    );
    let actions = home.orderly(&["schema", "actions"]).done();
    assert!(actions.contains("\n## `http/check`\n"), "{actions}");
}

#[test]
fn shells_are_helped() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let out = Home::new().orderly(&["completions", shell]).done();
        assert!(out.contains("approvals"), "{shell}");
    }
}

#[test]
fn an_agent_that_is_not_there_ends_with_3_and_a_way_out() {
    let home = Home::new();
    for words in [
        &["status"][..],
        &["next"],
        &["run", "x"],
        &["approve", "12345678", "--yes"],
        &["audit", "verify"],
    ] {
        let err = home
            .orderly(&[&["--server", "http://127.0.0.1:1"], words].concat())
            .failed(3);
        assert!(
            err.starts_with("error: no agent answers at http://127.0.0.1:1\n"),
            "{err}"
        );
        assert!(
            err.ends_with(
                "hint: is it running? `orderly serve` starts one; --server names another address\n"
            ),
            "{err}"
        );
    }
}

#[test]
fn the_database_is_looked_after() {
    let home = with_history();
    let status = home.orderly(&["db", "status", "-o", "json"]).json();
    assert_eq!(status["schema"]["found"], status["schema"]["known"]);
    assert!(
        home.orderly(&["db", "status"])
            .done()
            .contains("audit_records")
    );
    assert_eq!(
        home.orderly(&["db", "check"]).done(),
        "orderly-state/history.db is whole\n"
    );
    assert!(home.orderly(&["db", "vacuum"]).done().starts_with("from "));
    assert!(
        home.orderly(&["db", "prune", "--older-than", "1d"])
            .done()
            .starts_with("removed 0 runs")
    );
    assert!(
        home.orderly(&["db", "migrate", "--status"])
            .done()
            .contains("applied")
    );
    let back = home
        .orderly(&["db", "migrate", "--rollback", "-o", "json"])
        .json();
    assert_eq!(back["to"], status["schema"]["known"].as_u64().unwrap() - 1);
    assert!(
        back["backup"]
            .as_str()
            .unwrap()
            .starts_with("orderly-state/history.db.schema-")
    );
    assert!(
        home.orderly(&["db", "migrate", "--status"])
            .done()
            .contains("comes with the next start")
    );
    let up = home.orderly(&["db", "migrate", "-o", "json"]).json();
    assert_eq!(up["to"], status["schema"]["known"]);
    home.orderly(&["db", "migrate", "--to", "9999"]).failed(6);
    // Whoever looks after the database by hand is in its audit log, and the log is whole.
    home.orderly(&["audit", "export", "--out", "log.jsonl.gz"])
        .done();
    home.orderly(&["audit", "verify", "log.jsonl.gz"]).done();
    home.orderly(&["audit", "export", "--out", "log.jsonl"])
        .done();
    let log = std::fs::read_to_string(home.at("log.jsonl")).unwrap();
    let actions: Vec<String> = log
        .lines()
        .filter_map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            Some(line["action"].as_str()?.to_owned())
        })
        .collect();
    assert_eq!(
        actions,
        [
            "history.vacuumed",
            "history.pruned",
            "history.migrated",
            "history.migrated"
        ]
    );
}

#[test]
fn a_database_in_use_is_left_alone() {
    let home = with_history();
    let options = Options {
        path: home.at("orderly-state/history.db"),
        key: vec![7; 32],
    };
    let held = History::open(options).unwrap();
    for words in [
        &["db", "vacuum"][..],
        &["db", "prune"],
        &["db", "migrate", "--rollback"],
    ] {
        let err = home.orderly(words).failed(6);
        assert!(err.contains("is in use by process"), "{err}");
    }
    home.orderly(&["db", "check"]).done();
    drop(held);
}

#[test]
fn the_audit_log_is_checked_without_an_agent() {
    let home = with_history();
    let out = home.orderly(&["audit", "verify", "--database"]).done();
    assert_eq!(
        out,
        "the audit log is whole: 0 records, none changed and none missing\n"
    );
    let err = home
        .orderly(&["audit", "verify", "--database", "--head", "3:00"])
        .failed(2);
    assert!(
        err.contains(
            "`3:00` is no head: a head is the number of a record, `:`, and 64 hexadecimal digits"
        ),
        "{err}"
    );
    std::fs::remove_file(home.at("orderly-state/audit.key")).unwrap();
    let err = home.orderly(&["audit", "verify", "--database"]).failed(6);
    assert!(err.contains("there is no key of the audit log"), "{err}");
    assert!(
        !home.at("orderly-state/audit.key").exists(),
        "a lost key must show, not be made anew"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_says_as_whom_a_cluster_is_asked_or_that_it_is_nobody() {
    let home = Home::new();
    let server = ApiServer::start().await;
    let path = server.kubeconfig(&home.at(""), "t0ken");
    let config =
        json!({ "source": { "url": "." }, "clusters": { "east": { "kubeconfig": path } } });
    home.write("orderly.yaml", config.to_string());
    server.script("GET /version", [ok(&json!({ "gitVersion": "v1.33.0" }))]);
    let said = || home.orderly(&["--config", "orderly.yaml", "doctor"]).out;
    let review = "POST /apis/authentication.k8s.io/v1/selfsubjectreviews";
    let who = json!({ "status": { "userInfo": { "username": "ann" } } });
    server.script(review, [answer(201, &who.to_string())]);
    let findings = said();
    assert!(
        findings.contains("east answers ann with version v1.33.0"),
        "{findings}"
    );
    server.script(
        review,
        [status(
            403,
            r#"selfsubjectreviews.authentication.k8s.io is forbidden: User "system:anonymous" cannot create resource"#,
        )],
    );
    let findings = said();
    assert!(findings.contains("nobody is logged in there"), "{findings}");
}

#[test]
fn doctor_finds_what_is_missing_and_changes_nothing() {
    let home = Home::new();
    home.write("orderly.yaml", "http: { listen: \"127.0.0.1:0\" }\nsecrets: { db: { file: /not/there } }\nsource: { url: /not/there }\n");
    let said = home.orderly(&["doctor", "-o", "json"]);
    assert_eq!(said.code, 1);
    let findings: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let verdict = |name: &str| {
        let all = findings.as_array().unwrap().iter();
        let mut found = all.filter(|finding| finding["name"] == name);
        found.next().unwrap()["verdict"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(verdict("configuration"), "ok");
    assert_eq!(verdict("state folder"), "ok");
    assert_eq!(verdict("secrets"), "fail");
    let about_secrets = said.out.matches("\"name\": \"secrets\"").count();
    assert_eq!(about_secrets, 1, "{}", said.out);
    assert_eq!(verdict("source"), "fail");
    assert_eq!(verdict("http"), "ok");
    assert!(!home.at("orderly-state").exists());
}

#[test]
fn doctor_tries_whether_what_is_encrypted_can_be_opened_again() {
    let home = Home::new();
    let key = || {
        let made = age::x25519::Identity::generate();
        (
            made.to_public().to_string(),
            made.to_string().expose_secret().to_owned(),
        )
    };
    let ((ours, secret), (others, _)) = (key(), key());
    home.write("key", &secret);
    let rest = "http: { listen: \"127.0.0.1:0\" }\nsecrets: { key: { file: key } }\n";
    for (artifacts, verdict, words) in [
        (String::new(), "ok", "nobody is named to encrypt for"),
        (
            format!("recipients: [{ours}], identity: key"),
            "ok",
            "can be opened again here",
        ),
        (
            format!("recipients: [{others}]"),
            "ok",
            "only others can open them",
        ),
        (
            format!("recipients: [{others}], identity: key"),
            "fail",
            "encrypted for others",
        ),
        (
            format!("recipients: [{ours}x]"),
            "fail",
            "is no public key of age",
        ),
    ] {
        home.write(
            "orderly.yaml",
            format!("{rest}artifacts: {{ {artifacts} }}\n"),
        );
        let said = home.orderly(&["doctor", "-o", "json"]).out;
        let findings: serde_json::Value = serde_json::from_str(&said).unwrap();
        let mut all = findings.as_array().unwrap().iter();
        let found = all.find(|finding| finding["name"] == "artifacts").unwrap();
        assert_eq!(found["verdict"], verdict, "{artifacts}: {found}");
        assert!(found.to_string().contains(words), "{artifacts}: {found}");
    }
}

#[test]
fn our_own_runbooks_are_valid() {
    let path = ours("runbooks");
    let said = Home::new().orderly(&["validate", "--strict", path.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
}
