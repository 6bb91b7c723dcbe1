//! The whole agent under load, beside floors of the same run. Prints a table; asserts nothing about time.

#![expect(
    clippy::disallowed_methods,
    reason = "a measuring program starts processes and reads clocks"
)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::too_many_lines,
    clippy::cast_precision_loss,
    reason = "a measuring program may fail loudly, and needs few digits"
)]
#![expect(clippy::print_stdout, reason = "its output is its purpose")]

mod backups;
#[path = "../it/cluster/postgres.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod postgres;

use std::{
    fs,
    io::{ErrorKind, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let all = wanted.is_empty();
    let has = |name: &str| all || wanted.iter().any(|part| part == name);
    if has("due") {
        due();
    }
    if has("scale") {
        scale();
    }
    if has("history") {
        history();
    }
    if has("backups") {
        backups::backups();
    }
}

fn line(what: &str, value: &str) {
    println!("{what:<58} {value}");
}

/// A repository with these files, committed.
fn commit(repository: &Path, files: &[(String, String)]) {
    for (name, text) in files {
        let path = repository.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    if !repository.join(".git").exists() {
        git(repository, &["init", "-q", "-b", "main"]);
    }
    git(repository, &["add", "-A"]);
    let who = ["-c", "user.name=b", "-c", "user.email=b@b"];
    git(repository, &[&who[..], &["commit", "-qm", "x"]].concat());
}

fn git(repository: &Path, arguments: &[&str]) {
    let done = Command::new("git")
        .args(arguments)
        .current_dir(repository)
        .status()
        .unwrap();
    assert!(done.success());
}

fn runbook(name: &str, schedule: &str) -> String {
    format!(
        "apiVersion: orderly.dev/v1\nkind: Runbook\nmetadata:\n  name: {name}\n  labels: {{ system: bench }}\nspec:\n  description: A trivial job.\n  owner: bench@example.org\n  triggers:\n    - schedule: \"{schedule}\"\n      timeZone: Europe/Berlin\n  inputs:\n    namespace: {{ type: string, default: shop }}\n  deadline: 5m\n  steps:\n    - name: go\n      uses: command\n      with: {{ argv: [\"true\"] }}\n      timeout: 1m\n"
    )
}

/// Nothing is waited for longer: a bench that hangs says at what.
const LONGEST: Duration = Duration::from_mins(2);

/// A running agent.
struct Agent {
    child: Child,
    state: PathBuf,
    port: u16,
}

impl Agent {
    fn start(repository: &Path, state: &Path) -> Self {
        Self::start_with(repository, state, &[])
    }

    fn start_with(repository: &Path, state: &Path, more: &[&str]) -> Self {
        let port = free_port();
        let child = Command::new(env!("CARGO_BIN_EXE_orderly"))
            .args(["serve", "--source"])
            .arg(repository)
            .arg("--state-dir")
            .arg(state)
            .args([
                "--listen",
                &format!("127.0.0.1:{port}"),
                "--set",
                "source.path=runbooks",
                "--set",
                "log.filter=error",
                "--set",
                "source.poll=1h",
            ])
            .args(more)
            .stdout(Stdio::null())
            .env_clear()
            .spawn()
            .unwrap();
        let mut agent = Self {
            child,
            state: state.to_owned(),
            port,
        };
        let began = Instant::now();
        while agent.get("/readyz").is_none_or(|(status, _)| status != 200) {
            if let Some(ended) = agent.child.try_wait().unwrap() {
                panic!("the agent ended before it was ready: {ended}");
            }
            assert!(
                began.elapsed() < LONGEST,
                "the agent is not ready after {LONGEST:?}"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        agent
    }

    /// A plain HTTP request; the status and the body. Nothing where nobody listens yet.
    fn get(&self, path: &str) -> Option<(u16, Vec<u8>)> {
        self.ask("GET", path, "")
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Option<(u16, Vec<u8>)> {
        let token = fs::read_to_string(self.state.join("admin.token")).unwrap_or_default();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let mut stream = TcpStream::connect_timeout(&address, LONGEST).ok()?;
        assert_ne!(
            stream.local_addr().unwrap(),
            address,
            "the bench's connection goes to itself: its port must lie outside net.ipv4.ip_local_port_range"
        );
        stream.set_write_timeout(Some(LONGEST)).unwrap();
        stream.set_read_timeout(Some(LONGEST)).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}",
            token.trim()
        )
        .ok()?;
        let mut answer = Vec::new();
        if let Err(error) = stream.read_to_end(&mut answer) {
            assert!(
                !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
                "{method} {path}: {} bytes of an answer, then nothing for {LONGEST:?}",
                answer.len()
            );
            return None;
        }
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
        let status = std::str::from_utf8(&answer[9..12]).ok()?.parse().ok()?;
        Some((status, answer[end + 4..].to_vec()))
    }

    /// Processor time so far, in seconds, of the agent itself and of the children it waited for.
    fn cpu(&self) -> (f64, f64) {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<f64> = stat
            .rsplit(") ")
            .next()
            .unwrap()
            .split(' ')
            .filter_map(|field| field.parse().ok())
            .collect();
        // Without the state letter, utime is the 11th number (proc(5): fields 14 to 17 count from pid).
        (
            (fields[10] + fields[11]) / 100.0,
            (fields[12] + fields[13]) / 100.0,
        )
    }

    /// Megabytes of a line of proc(5)'s status: `VmRSS`, and of it `RssFile`, which is the program's own text.
    fn megabytes(&self, what: &str) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| {
                line.strip_prefix(what)
                    .is_some_and(|rest| rest.starts_with(':'))
            })
            .unwrap();
        let kilobytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kilobytes / 1024.0
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _told = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        let began = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            if began.elapsed() > LONGEST {
                let _killed = self.child.kill();
                let _ended = self.child.wait();
                println!("!! the agent had not stopped {LONGEST:?} after it was told to");
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Below the range that outgoing connections take theirs from: asking again and again whether somebody listens there would else connect
/// to itself one day, and wait for its own answer.
fn free_port() -> u16 {
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    (first..32_000)
        .find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .unwrap()
}

fn own_children_cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<f64> = stat
        .rsplit(") ")
        .next()
        .unwrap()
        .split(' ')
        .filter_map(|field| field.parse().ok())
        .collect();
    (fields[10] + fields[11] + fields[12] + fields[13]) / 100.0
}

const DUE: usize = 1000;

/// 1000 runs due in one second, beside a bare loop of spawns and one with a grouped commit for each step of a run's life.
fn due() {
    println!("\n1000 runs of a trivial job, due in one second");
    let (bare, bare_cpu) = spawn_loop(None);
    line(
        "floor: 1000 spawns, two at a time",
        &format!("{bare:.2} s, {bare_cpu:.2} CPU s"),
    );
    let folder = tempfile::tempdir().unwrap();
    let (recorded, recorded_cpu) = spawn_loop(Some(&folder.path().join("floor.db")));
    line(
        "floor: the same, intents and outcomes in a commit each",
        &format!("{recorded:.2} s, {recorded_cpu:.2} CPU s"),
    );
    let repository = folder.path().join("repository");
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    // The next full minute that leaves twenty seconds to start.
    let minute = (now + 20) / 60 + 1;
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    let at = jiff::Timestamp::from_second(i64::try_from(minute * 60).unwrap())
        .unwrap()
        .to_zoned(zone);
    let schedule = format!(
        "{} {} {} {} *",
        at.minute(),
        at.hour(),
        at.day(),
        at.month()
    );
    let files: Vec<_> = (0..DUE)
        .map(|i| {
            (
                format!("runbooks/r{i}.yaml"),
                runbook(&format!("r{i}"), &schedule),
            )
        })
        .collect();
    commit(&repository, &files);
    let agent = Agent::start(&repository, &folder.path().join("state"));
    let before = agent.cpu();
    let at = at.timestamp();
    loop {
        std::thread::sleep(Duration::from_millis(500));
        let late = jiff::Timestamp::now().duration_since(at).as_secs();
        let (_, body) = agent.get("/metrics").unwrap();
        if late > 0 && total(&body, "orderly_runs_total") >= 1000.0 || late > 60 {
            break;
        }
    }
    let after = agent.cpu();
    let (last_start, last_end) = last_times(&agent, at);
    line(
        "agent: last start after the due time",
        &format!(
            "{last_start:.2} s = {:.2} × the grouped floor",
            last_start / recorded
        ),
    );
    line(
        "agent: last end after the due time",
        &format!("{last_end:.2} s"),
    );
    line(
        "agent: CPU, its own and its children's",
        &format!(
            "{:.2} s and {:.2} s",
            after.0 - before.0,
            after.1 - before.1
        ),
    );
}

/// Starts `true` a thousand times from two threads. With a database, one commit holds every intent before the first start, and another
/// every outcome after the last: the least that "recorded before touched" can cost.
fn spawn_loop(database: Option<&Path>) -> (f64, f64) {
    let cpu = own_children_cpu();
    let began = Instant::now();
    let mut recorded = database.map(records);
    if let Some(connection) = &mut recorded {
        grouped_commit(connection, "intent");
    }
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..DUE / 2 {
                    assert!(
                        Command::new("/bin/true")
                            .env_clear()
                            .stdin(Stdio::null())
                            .status()
                            .unwrap()
                            .success()
                    );
                }
            });
        }
    });
    if let Some(connection) = &mut recorded {
        grouped_commit(connection, "outcome");
    }
    (began.elapsed().as_secs_f64(), own_children_cpu() - cpu)
}

/// A database that keeps what it is told as the history does: WAL, synced at each commit.
fn records(path: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE record (run INTEGER, what TEXT, text TEXT);",
        )
        .unwrap();
    connection
}

/// A thousand rows in one commit.
fn grouped_commit(connection: &mut rusqlite::Connection, what: &str) {
    let transaction = connection.transaction().unwrap();
    for run in 0..DUE {
        transaction
            .prepare_cached("INSERT INTO record VALUES (?1, ?2, ?3)")
            .unwrap()
            .execute((i64::try_from(run).unwrap(), what, "x".repeat(200)))
            .unwrap();
    }
    transaction.commit().unwrap();
}

fn total(metrics: &[u8], family: &str) -> f64 {
    let text = String::from_utf8_lossy(metrics);
    let lines = text
        .lines()
        .filter(|line| line.starts_with(family) && !line.starts_with('#'));
    lines
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

/// Seconds from the due time to the last start of a step and to the last end of a run.
fn last_times(agent: &Agent, at: jiff::Timestamp) -> (f64, f64) {
    let mut next = Some("/api/v1/runs?limit=1000".to_owned());
    let (mut start, mut end) = (0.0f64, 0.0f64);
    let mut ids = Vec::new();
    while let Some(path) = next {
        let (_, body) = agent.get(&path).unwrap();
        let page: serde_json::Value = serde_json::from_slice(&body).unwrap();
        for run in page["items"].as_array().unwrap() {
            ids.push(run["id"].as_str().unwrap().to_owned());
            end = end.max(since(&run["ended_at"], at));
        }
        next = page["next"].as_str().map(str::to_owned);
    }
    for id in ids {
        let (_, body) = agent.get(&format!("/api/v1/runs/{id}/steps")).unwrap();
        let page: serde_json::Value = serde_json::from_slice(&body).unwrap();
        for step in page["items"].as_array().unwrap() {
            start = start.max(since(&step["started_at"], at));
        }
    }
    (start, end)
}

fn since(value: &serde_json::Value, at: jiff::Timestamp) -> f64 {
    let then: Option<jiff::Timestamp> = value.as_str().and_then(|text| text.parse().ok());
    then.map_or(f64::NAN, |then| then.duration_since(at).as_secs_f64())
}

/// Memory, cold load, one-file commits and scrapes by the number of runbooks.
fn scale() {
    println!("\nby the number of runbooks");
    for count in [0usize, 1000, 10_000] {
        let folder = tempfile::tempdir().unwrap();
        let repository = folder.path().join("repository");
        let mut files = vec![("runbooks/keep.txt".to_owned(), String::new())];
        files.extend((0..count).map(|i| {
            let name = format!("r{i}");
            let schedule = format!("{} {} 1 1 *", i % 60, i % 24);
            (
                format!("runbooks/group{}/{name}.yaml", i % 100),
                runbook(&name, &schedule),
            )
        }));
        commit(&repository, &files);
        let began = Instant::now();
        let agent = Agent::start(&repository, &folder.path().join("state"));
        let (cpu, _) = agent.cpu();
        let ready = began.elapsed().as_secs_f64();
        std::thread::sleep(Duration::from_secs(3));
        line(
            &format!("{count} runbooks: cold load until ready"),
            &format!("{cpu:.2} CPU s, {ready:.2} s"),
        );
        line(
            &format!("{count} runbooks: resident, idle"),
            &format!(
                "{:.1} MB, of it {:.1} MB the program's own text",
                agent.megabytes("VmRSS"),
                agent.megabytes("RssFile")
            ),
        );
        scrape(&agent, count);
        if count > 0 {
            one_file(&agent, &repository, count);
        }
    }
}

fn scrape(agent: &Agent, count: usize) {
    let (before, _) = agent.cpu();
    let mut bytes = 0;
    for _ in 0..20 {
        bytes = agent.get("/metrics").unwrap().1.len();
    }
    let (after, _) = agent.cpu();
    let each = (after - before) / 20.0 * 1000.0;
    line(
        &format!("{count} runbooks: /metrics"),
        &format!("{:.0} kB, {each:.1} CPU ms", bytes as f64 / 1000.0),
    );
}

/// From the request to sync until the answer, for a commit of one file and for none: the difference is what the change costs.
fn one_file(agent: &Agent, repository: &Path, count: usize) {
    let sync = || {
        let began = Instant::now();
        let (status, _) = agent.ask("POST", "/api/v1/sync", "{}").unwrap();
        assert_eq!(status, 200);
        began.elapsed().as_secs_f64() * 1000.0
    };
    let mut changed = Vec::new();
    let mut unchanged = Vec::new();
    for i in 0..5 {
        unchanged.push(sync());
        let text = runbook("r1", &format!("{i} 5 1 1 *"));
        commit(repository, &[("runbooks/group1/r1.yaml".to_owned(), text)]);
        changed.push(sync());
    }
    let median = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let (with, without) = (median(&mut changed), median(&mut unchanged));
    line(
        &format!("{count} runbooks: sync of a one-file commit, and of none"),
        &format!("{with:.1} ms and {without:.1} ms"),
    );
}

/// Queries over a million runs.
fn history() {
    println!("\na history of 1,000,000 runs");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(history_queries());
}

async fn history_queries() {
    use orderly::{
        domain::{
            digest::Digest,
            id::RunId,
            run::{Cause, RunEvent, RunHeader, RunOutcome},
        },
        history::{History, Options, OutcomeFilter, RunFilter, Write},
    };
    let folder = tempfile::tempdir().unwrap();
    let history = History::open(Options {
        path: folder.path().join("history.db"),
        key: vec![1; 32],
    })
    .unwrap();
    let text = runbook("r1", "0 0 1 1 *");
    let loaded = orderly::runbooks::load_file(
        "x.yaml",
        text.as_bytes(),
        &orderly::daemon::wiring::catalogue(),
    );
    let Some(orderly::domain::runbook::Document::Runbook(book)) =
        loaded.documents.into_iter().next().map(|found| found.value)
    else {
        panic!("the bench's runbook loads")
    };
    let definition = Digest::of_bytes(b"x");
    history
        .write(vec![Write::Definition {
            digest: definition,
            runbook: book,
        }])
        .await
        .unwrap();
    let began = Instant::now();
    let start: jiff::Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    for chunk in 0..1000u64 {
        let mut writes = Vec::with_capacity(3000);
        for i in 0..1000u64 {
            let number = chunk * 1000 + i;
            let at =
                start + jiff::SignedDuration::from_millis(i64::try_from(number).unwrap() * 10_000);
            let mut entropy = [0; 10];
            entropy[2..].copy_from_slice(&number.to_be_bytes());
            let run = RunId::new(at, entropy);
            let name = format!("r{}", number % 500);
            writes.push(Write::Run(RunHeader {
                id: run,
                runbook: name.parse().unwrap(),
                revision: "0".repeat(40),
                author: String::new(),
                definition,
                cause: Cause::Person {
                    subject: "bench".to_owned(),
                },
                inputs: std::collections::BTreeMap::new(),
                created_at: at,
                dry_run: false,
                window_override: None,
            }));
            writes.push(Write::Event {
                run,
                event: RunEvent::Started,
                at,
            });
            let outcome = if number % 97 == 0 {
                RunOutcome::Failed
            } else {
                RunOutcome::Succeeded
            };
            writes.push(Write::Event {
                run,
                event: RunEvent::Ended {
                    outcome,
                    reason: String::new(),
                },
                at,
            });
        }
        history.write(writes).await.unwrap();
    }
    line(
        "writing them, three records each",
        &format!("{:.0} s", began.elapsed().as_secs_f64()),
    );
    let filters = [
        (
            "last 50 runs",
            RunFilter {
                limit: 50,
                ..RunFilter::default()
            },
        ),
        (
            "last 50 runs of one runbook",
            RunFilter {
                limit: 50,
                runbook: Some("r7".parse().unwrap()),
                ..RunFilter::default()
            },
        ),
        (
            "last 50 failures",
            RunFilter {
                limit: 50,
                outcome: Some(OutcomeFilter::Failures),
                ..RunFilter::default()
            },
        ),
    ];
    for (what, filter) in filters {
        let _warm = history.runs(filter.clone()).await.unwrap();
        let began = Instant::now();
        for _ in 0..100 {
            assert_eq!(history.runs(filter.clone()).await.unwrap().len(), 50);
        }
        line(
            what,
            &format!("{:.3} ms", began.elapsed().as_secs_f64() * 10.0),
        );
    }
    history.close().await.unwrap();
}
