//! The audit log from outside: looked through, checked, told elsewhere, moved to files, with the guides' own program and words.

#![expect(
    clippy::disallowed_methods,
    reason = "the guides' queries go through the program that the guides name"
)]

use super::harness::{Agent, Place, resting, runbook, text, until};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Command};

/// One runbook that changes something, one that fails, one that rests.
fn place() -> Place {
    let place = Place::new();
    place.commit(&[
        resting("rest"),
        runbook(
            "fail",
            "[]",
            r#"[{ name: broken, uses: command, with: { argv: ["false"] } }]"#,
        ),
    ]);
    place
}

fn run(place: &Place, agent: &Agent, name: &str) {
    let done = place.cli(agent, &["run", name]);
    assert!(done.status.code().is_some(), "{}", text(&done.stderr));
    agent.run_that(name, "ended", |run| run["status"] == "ended");
}

fn told(place: &Place, agent: &Agent, arguments: &[&str]) -> String {
    let out = place.cli(agent, arguments);
    assert!(out.status.success(), "{arguments:?}: {}", text(&out.stderr));
    text(&out.stdout)
}

/// The guides' program on a database that an agent is using.
fn sqlite3(place: &Place, sql: &str) -> String {
    let database = place.state().join("history.db");
    let out = Command::new("sqlite3")
        .arg("-json")
        .arg(database)
        .arg(sql)
        .output()
        .unwrap();
    assert!(out.status.success(), "{sql}: {}", text(&out.stderr));
    text(&out.stdout)
}

fn rows(place: &Place, sql: &str) -> Vec<Value> {
    let text = sqlite3(place, sql);
    if text.is_empty() {
        return Vec::new();
    }
    serde_json::from_str(&text).unwrap()
}

#[test]
fn what_is_recorded_after_somebody_else_has_looked_outlives_a_kill() {
    let place = place();
    let agent = place.start(&[]);
    run(&place, &agent, "rest");
    let seen = rows(&place, "SELECT count(*) AS n FROM audit_log;");
    assert!(
        place.state().join("history.db-wal").exists(),
        "the log that the agent writes to was removed under it"
    );
    run(&place, &agent, "rest");
    let recorded = rows(&place, "SELECT count(*) AS n FROM audit_log;");
    assert!(recorded[0]["n"].as_u64() > seen[0]["n"].as_u64());
    let halted = place.cli(&agent, &["halt", "--reason", "stay so"]);
    assert!(halted.status.success());
    agent.kill();
    let agent = place.start(&[]);
    assert_eq!(agent.list("/api/v1/runs?runbook=rest").len(), 2);
    assert!(agent.get("/api/v1/halt").body.contains("stay so"));
    agent.kill();
}

#[test]
fn the_guides_queries_run_unchanged_with_sqlite3_while_the_agent_works() {
    let place = place();
    let agent = place.start(&[]);
    run(&place, &agent, "rest");
    run(&place, &agent, "fail");
    let recent = rows(
        &place,
        "SELECT * FROM audit_log ORDER BY timestamp DESC LIMIT 10;",
    );
    assert_eq!(recent.len(), 10);
    let columns: Vec<&String> = recent[0].as_object().unwrap().keys().collect();
    assert_eq!(
        columns,
        [
            "id",
            "timestamp",
            "user",
            "action",
            "resource",
            "namespace",
            "details",
            "success",
            "error_msg"
        ]
    );
    assert_eq!(recent[0]["action"], "run.ended");
    let failed = rows(&place, "SELECT * FROM audit_log WHERE success = 0;");
    assert!(!failed.is_empty());
    assert!(
        failed.iter().all(|row| row["error_msg"] != ""),
        "{failed:?}"
    );
    let own = rows(&place, "SELECT * FROM audit_log WHERE user = 'admin';");
    assert!(
        own.iter().any(|row| row["action"] == "run.created"),
        "{own:?}"
    );
    let grave = rows(
        &place,
        "SELECT * FROM audit_log WHERE action IN ('delete', 'kill');",
    );
    assert_eq!(grave, [json!(null); 0]);
    let hour = "SELECT * FROM audit_log WHERE timestamp > datetime('now', '-1 hour');";
    assert!(rows(&place, hour).len() >= 10);
    assert_eq!(agent.stop(), Some(0));
}

/// What `orderly audit query` prints.
fn queried(place: &Place, agent: &Agent, words: &str) -> String {
    let words: Vec<&str> = ["audit", "query"]
        .into_iter()
        .chain(words.split(' '))
        .collect();
    told(place, agent, &words)
}

#[test]
fn the_log_is_looked_through_by_every_word() {
    let place = place();
    let agent = place.start(&[]);
    run(&place, &agent, "rest");
    run(&place, &agent, "fail");
    let failed = queried(&place, &agent, "--failed --runbook fail");
    for action in ["step.ended", "run.ended"] {
        assert!(failed.contains(action), "{failed}");
    }
    let all = agent.list("/api/v1/audit?limit=1000");
    let paged = agent.read("/api/v1/audit?runbook=rest&limit=2");
    let next = paged["next"].as_str().unwrap();
    assert!(next.contains("runbook=rest"), "{next}");
    assert!(next.contains("before="), "{next}");
    let is_of_rest = |line: &&Value| line["details"]["runbook"] == "rest";
    let of_rest = agent.list("/api/v1/audit?runbook=rest&limit=1000");
    assert_eq!(of_rest.len(), all.iter().filter(is_of_rest).count());
    let ended = all.iter().find(|line| line["action"] == "run.ended");
    let run = ended.unwrap()["details"]["run"].as_str().unwrap();
    let of_run = queried(&place, &agent, &format!("--run {run} -o json"));
    let of_run: Value = serde_json::from_str(&of_run).unwrap();
    assert!(of_run["items"].as_array().unwrap().len() >= 4, "{of_run}");
    let old = queried(&place, &agent, "--until 2020-01-01 -o json");
    let old: Value = serde_json::from_str(&old).unwrap();
    assert_eq!(old["items"], json!([]));
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn the_log_is_told_in_every_form() {
    let place = place();
    let agent = place.start(&[]);
    run(&place, &agent, "rest");
    let lines = queried(&place, &agent, "-n 3 --output jsonl");
    let seqs: Vec<u64> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|record| record["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(seqs.len(), 3);
    assert!(seqs.windows(2).all(|pair| pair[0] > pair[1]), "{seqs:?}");
    let csv = queried(&place, &agent, "--user admin --output csv");
    let columns = "id,timestamp,user,action,resource,namespace,details,success,error_msg\r\n";
    assert!(csv.starts_with(columns), "{csv}");
    let mut rows = csv.lines().skip(1);
    assert!(rows.all(|line| line.contains(",admin,")), "{csv}");
    let table = queried(&place, &agent, "--action agent. --output table");
    assert!(table.contains("agent.started"), "{table}");
    let elsewhere = place.cli(&agent, &["runs", "--output", "csv"]);
    let said = text(&elsewhere.stderr);
    assert_eq!(elsewhere.status.code(), Some(2), "{said}");
    assert_eq!(agent.stop(), Some(0));
}

/// What is recorded of a step, before it and after it.
#[test]
fn a_step_is_recorded_with_all_that_was_known_and_its_end_with_what_it_left() {
    let place = Place::new();
    place.commit(&[runbook(
        "say",
        "[]",
        r#"[{ name: say, uses: command, with: { argv: [echo, "a long word"] } }]"#,
    )]);
    let agent = place.start(&[]);
    run(&place, &agent, "say");
    let one = |action: &str| {
        agent
            .list(&format!("/api/v1/audit?action={action}"))
            .remove(0)
    };
    let started = one("step.started");
    let details = &started["details"];
    for name in [
        "run",
        "runbook",
        "revision",
        "step",
        "attempt",
        "digest",
        "policy",
        "class",
        "verb",
        "effects",
        "arguments",
        "decision",
        "gate",
        "secrets",
        "definition",
    ] {
        assert!(!details[name].is_null(), "{name}: {details}");
    }
    assert_eq!(details["arguments"]["argv"], json!(["echo", "a long word"]));
    assert!(
        started["stamp"]["boot"].as_str().unwrap().len() == 36,
        "{started}"
    );
    let ended = one("step.ended");
    assert_eq!(ended["details"]["exitCode"], 0);
    assert_eq!(ended["details"]["ended"]["result"], "succeeded");
    let output = ended["details"]["output"].as_str().unwrap();
    let file = find(&place.state().join("logs"));
    let kept = orderly::domain::digest::Digest::of_bytes(&fs::read(file).unwrap());
    assert_eq!(
        output,
        kept.to_string(),
        "the kept output is what was printed"
    );
    let refused = place.cli(&agent, &["run", "nothing"]);
    assert!(!refused.status.success());
    assert_eq!(one("run.refused")["user"], "admin");
    assert_eq!(one("source.applied")["details"]["changed"], json!(["say"]));
    let wrong = agent
        .try_ask(
            "POST",
            "/api/v1/sync",
            &[("Authorization", "Bearer wrong")],
            "{}",
        )
        .unwrap();
    assert_eq!(wrong.status, 401);
    assert_eq!(one("access.refused")["resource"], "/api/v1/sync");
    assert_eq!(agent.stop(), Some(0));
}

/// The one file below a folder.
fn find(folder: &Path) -> std::path::PathBuf {
    let entry = fs::read_dir(folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    if entry.is_dir() { find(&entry) } else { entry }
}

#[test]
fn a_head_kept_elsewhere_finds_a_state_folder_that_was_put_back() {
    let place = place();
    let heads = place.path("heads");
    let set = format!("audit.head={}", heads.display());
    let agent = place.start(&["--set", &set]);
    until("the first head", || heads.exists().then_some(()));
    assert_eq!(agent.stop(), Some(0));
    let older = place.path("older");
    copy(place.state(), &older);
    let agent = place.start(&["--set", &set]);
    run(&place, &agent, "rest");
    let whole = told(
        &place,
        &agent,
        &["audit", "verify", "--head", heads.to_str().unwrap()],
    );
    assert!(whole.starts_with("the audit log is whole"), "{whole}");
    assert_eq!(agent.stop(), Some(0));
    assert_eq!(
        fs::read_to_string(&heads).unwrap().lines().count(),
        4,
        "at each start and each stop"
    );

    fs::remove_dir_all(place.state()).unwrap();
    copy(&older, place.state());
    let beside = place.offline(&["audit", "verify", "--database"]);
    assert!(beside.status.success(), "{}", text(&beside.stdout));
    let held = place.offline(&[
        "audit",
        "verify",
        "--database",
        "--head",
        heads.to_str().unwrap(),
    ]);
    assert_eq!(held.status.code(), Some(1));
    let said = text(&held.stdout);
    assert!(
        said.contains("an older database was put back") && said.contains("hint:"),
        "{said}"
    );
    let last = fs::read_to_string(&heads).unwrap();
    let last: Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
    let value = format!("{}:{}", last["seq"], last["chain"].as_str().unwrap());
    let agent = place.start(&[]);
    let held = place.cli(&agent, &["audit", "verify", "--head", &value]);
    assert_eq!(held.status.code(), Some(1), "{}", text(&held.stdout));
    assert_eq!(agent.stop(), Some(0));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn an_export_is_checked_by_itself_and_a_changed_byte_in_it_is_found() {
    let place = place();
    let agent = place.start(&[]);
    run(&place, &agent, "fail");
    for name in ["out.jsonl.zst", "out.jsonl"] {
        let file = place.path(name);
        let path = file.to_str().unwrap();
        let done = place.offline(&["audit", "export", "--since", "1h", "--out", path]);
        assert!(done.status.success(), "{}", text(&done.stderr));
        let again = place.offline(&["audit", "export", "--out", path]);
        assert_eq!(
            again.status.code(),
            Some(2),
            "never over a file that is there"
        );
        let whole = place.offline(&["audit", "verify", path]);
        assert!(
            text(&whole.stdout).starts_with("the file is whole: records 1 to "),
            "{}",
            text(&whole.stdout)
        );
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        fs::write(&file, bytes).unwrap();
        let broken = place.offline(&["audit", "verify", path]);
        assert_eq!(broken.status.code(), Some(1), "{}", text(&broken.stdout));
    }
    let piped = place.offline(&["audit", "export", "--out", "-"]);
    assert!(piped.stdout.starts_with(b"{\"orderly_audit\":1,"));
    assert_eq!(agent.stop(), Some(0));
}

/// What moves records away, killed in the middle of it again and again: every record is in the log or in a file, once.
#[test]
fn records_that_are_old_move_to_files_and_none_is_lost_when_the_agent_is_killed_in_between() {
    let place = Place::new();
    place.commit(&[super::harness::ticking("tick")]);
    let folder = place.path("archive");
    fs::create_dir(&folder).unwrap();
    let export = format!("audit.export={}", folder.display());
    let arguments = ["--set", "audit.keep=1s", "--set", &export];
    for round in 0..4 {
        let agent = place.start(&arguments);
        let before = files(&folder).len();
        until("one more file", || {
            (files(&folder).len() > before).then_some(())
        });
        if round < 3 {
            agent.kill();
            let checked = place.offline(&["audit", "verify", "--database"]);
            assert!(checked.status.success(), "{}", text(&checked.stdout));
        } else {
            until("an archive", || {
                let found = agent.list("/api/v1/audit?action=audit.archived");
                (!found.is_empty()).then_some(())
            });
            assert_eq!(agent.stop(), Some(0));
        }
    }
    let checked = place.offline(&["audit", "verify", "--database"]);
    assert!(
        text(&checked.stdout).contains("lie in archives"),
        "{}",
        text(&checked.stdout)
    );
    let archived = rows(
        &place,
        "SELECT first, last, path FROM audit_archives ORDER BY last;",
    );
    let mut next = 1;
    for archive in &archived {
        assert_eq!(archive["first"], next, "{archived:?}");
        let last = archive["last"].as_u64().unwrap();
        let whole = place.offline(&["audit", "verify", archive["path"].as_str().unwrap()]);
        let said =
            format!("the file is whole: records {next} to {last}, none changed and none missing\n");
        assert_eq!(text(&whole.stdout), said);
        next = last + 1;
    }
    let rest = rows(&place, "SELECT min(id) AS first FROM audit_log;");
    assert_eq!(
        rest[0]["first"], next,
        "the log goes on where the last file ends"
    );
}

fn files(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.ends_with(".jsonl.zst")).collect()
}

#[test]
fn settings_of_the_audit_log_that_cannot_work_are_refused() {
    let place = place();
    let (code, said) = place.refused(&["--set", "audit.keep=400d"]);
    assert_ne!(code, Some(0), "{said}");
    assert!(said.contains("audit.export"), "{said}");
    let inside = format!("audit.head={}", place.state().join("heads").display());
    let (_, said) = place.refused(&["--set", &inside]);
    assert!(said.contains("must lie outside the state folder"), "{said}");
}

fn documentation() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/audit.md");
    fs::read_to_string(path).unwrap()
}

#[test]
fn the_documentation_names_every_action_that_is_recorded() {
    let documented = documentation();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let families =
        "run|step|approvals?|runbook|circuit|source|sync|webhook|alert|access|config|agent|history";
    let action = regex::Regex::new(&format!(r#""((?:{families})\.[a-z_]+)""#)).unwrap();
    let mut seen = 0;
    for place in [
        "flow",
        "domain/audit",
        "http/access.rs",
        "daemon/begin.rs",
        "daemon/audit.rs",
        "daemon/reload.rs",
    ] {
        for file in sources(&root.join(place)) {
            let text = fs::read_to_string(&file).unwrap();
            for found in action.captures_iter(&text) {
                seen += 1;
                let name = &found[1];
                assert!(
                    documented.contains(&format!("`{name}`")),
                    "{name} in {}",
                    file.display()
                );
            }
        }
    }
    assert!(seen > 25, "{seen}");
}

fn sources(path: &Path) -> Vec<std::path::PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).unwrap().flatten();
    let entries =
        entries.filter(|entry| entry.file_name() != "tests" && entry.file_name() != "tests.rs");
    entries.flat_map(|entry| sources(&entry.path())).collect()
}

#[test]
fn the_documentation_shows_commands_that_exist_and_queries_that_run() {
    let text = documentation();
    let commands = text.lines().filter(|line| line.starts_with("orderly "));
    for line in commands {
        let words = line.split_whitespace();
        let read = orderly::cli::command().try_get_matches_from(words);
        assert!(read.is_ok(), "{line}: {}", read.unwrap_err());
    }
    let place = place();
    let agent = place.start(&[]);
    for sql in text.lines().filter(|line| line.starts_with("SELECT ")) {
        sqlite3(&place, sql);
    }
    assert_eq!(agent.stop(), Some(0));
}
