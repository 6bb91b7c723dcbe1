//! A large dump through the agent, beside the same pipe by hand: `pg_dump | zstd | age`.

use crate::{Agent, LONGEST, commit, line, postgres::Postgres};
use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

/// What is streamed, in GiB, where `ORDERLY_BENCH_GIB` does not say otherwise.
const SIZE: u64 = 5;
/// A row of the table in COPY's text format: its number and a text of 2,048 hexadecimal digits, which halve under zstd as much other
/// data does.
const ROW: u64 = 2048 + 8;
const ROUNDS: usize = 2;

pub(crate) fn backups() {
    let size = std::env::var("ORDERLY_BENCH_GIB").map_or(SIZE, |text| text.parse().unwrap());
    println!("\na dump of {size} GiB, compressed and encrypted as it comes");
    let Some(postgres) = Postgres::start() else {
        return;
    };
    fill(&postgres, size);
    let folder = tempfile::tempdir().unwrap();
    let recipient = age::x25519::Identity::generate().to_public().to_string();
    let repository = folder.path().join("repository");
    commit(
        &repository,
        &[("runbooks/dump.yaml".to_owned(), dump(&postgres))],
    );
    let config = folder.path().join("orderly.yaml");
    fs::write(
        &config,
        format!("artifacts: {{ recipients: [{recipient}] }}\n"),
    )
    .unwrap();
    let state = folder.path().join("state");
    let agent = Agent::start_with(&repository, &state, &["--config", config.to_str().unwrap()]);
    line(
        "agent: resident before",
        &format!("{:.1} MiB", agent.megabytes("VmRSS")),
    );
    for _ in 0..ROUNDS {
        let (by_hand, kept) = by_hand(&postgres, &recipient, folder.path());
        let (taken, made) = by_agent(&agent);
        line(
            "floor: pg_dump | zstd | age by hand",
            &format!("{by_hand:.1} s, {kept:.2} GiB kept"),
        );
        line(
            "agent: backup/postgres, with its SHA-256, synced to disk",
            &format!(
                "{taken:.1} s, {made:.2} GiB kept = {:.0} % of the floor's throughput",
                100.0 * by_hand / taken
            ),
        );
    }
    line(
        "agent: most resident, of it the program's own text",
        &format!(
            "{:.1} MiB, {:.1} MiB",
            agent.megabytes("VmHWM"),
            agent.megabytes("RssFile")
        ),
    );
}

/// A table of that size, as a dump sees it.
fn fill(postgres: &Postgres, size: u64) {
    postgres.query("create database large");
    let rows = (size << 30) / ROW;
    postgres.query_in(
        "large",
        &format!(
            "create unlogged table much (id bigint, noise text);
             alter table much alter noise set storage plain;
             insert into much select n, (select string_agg(md5((n * 64 + m)::text), '') from generate_series(0, 63) m) from generate_series(1, {rows}) n;
             checkpoint"
        ),
    );
}

fn dump(postgres: &Postgres) -> String {
    let socket = postgres.socket().display();
    format!(
        "apiVersion: orderly.dev/v1\nkind: Runbook\nmetadata:\n  name: dump\nspec:\n  description: Keeps a large database.\n  triggers: []\n  steps:\n    - name: keep\n      uses: backup/postgres\n      with:\n        name: large\n        database: large\n        server: {{ host: {socket}, user: admin }}\n      timeout: 1h\n"
    )
}

/// Seconds, and the GiB of what it left.
fn by_hand(postgres: &Postgres, recipient: &str, folder: &Path) -> (f64, f64) {
    let kept = folder.join("by-hand.age");
    let pipe = format!(
        "set -o pipefail; {} -h {} -U admin --format=custom --compress=0 large | zstd -q -3 | age -r {recipient} -o {}",
        postgres.program("pg_dump"),
        postgres.socket().display(),
        kept.display()
    );
    let began = Instant::now();
    let done = Command::new("bash").args(["-c", &pipe]).status().unwrap();
    let taken = began.elapsed().as_secs_f64();
    assert!(done.success(), "{pipe}");
    let size = gibibytes(fs::metadata(&kept).unwrap().len());
    fs::remove_file(kept).unwrap();
    (taken, size)
}

/// The same of the agent's: of the step, from its start to its recorded end.
fn by_agent(agent: &Agent) -> (f64, f64) {
    let (status, body) = agent
        .ask("POST", "/api/v1/runbooks/dump/runs", "{}")
        .unwrap();
    assert_eq!(status, 202, "{}", String::from_utf8_lossy(&body));
    let began = Instant::now();
    let run = loop {
        let run = first(agent, "/api/v1/runs?runbook=dump&limit=1");
        if run["outcome"].is_string() {
            break run;
        }
        assert!(began.elapsed() < 30 * LONGEST, "{run}");
        std::thread::sleep(Duration::from_millis(200));
    };
    assert_eq!(run["outcome"], "succeeded", "{run}");
    let moment = |name: &str| {
        run[name]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .unwrap()
    };
    let taken = moment("ended_at").duration_since(moment("started_at"));
    let artifact = first(agent, "/api/v1/artifacts?name=large&limit=1");
    let size = gibibytes(artifact["size"].as_u64().unwrap());
    (taken.as_secs_f64(), size)
}

/// The first of a list of the API's.
fn first(agent: &Agent, path: &str) -> serde_json::Value {
    let (status, body) = agent.get(path).unwrap();
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    let mut list: serde_json::Value = serde_json::from_slice(&body).unwrap();
    list["items"][0].take()
}

fn gibibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1u32 << 30)
}
