use super::StepLogs;
use crate::{
    adapters::clock::SystemClock,
    domain::{
        id::RunId,
        name::{SecretName, StepName},
        run::StepKey,
        runbook::Phase,
        secret::SecretValue,
    },
    ports::{
        executor::{LogStream, StepLog},
        logs::{LogStore, Losses},
        output::{OutputLine, OutputOf, OutputPage, StepOutput},
        secrets::{SecretError, Secrets},
    },
};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::{Arc, Mutex},
};
use tempfile::TempDir;

#[derive(Debug, Default)]
struct Values(Mutex<Vec<&'static str>>);

impl Secrets for Values {
    fn get(&self, name: &SecretName) -> Result<SecretValue, SecretError> {
        Err(SecretError::Unknown(name.clone()))
    }
    fn all_values(&self) -> Vec<SecretValue> {
        let values = self.0.lock().unwrap();
        values
            .iter()
            .map(|value| SecretValue::new((*value).to_owned()))
            .collect()
    }
}

struct Stage {
    folder: TempDir,
    logs: StepLogs,
    secrets: Arc<Values>,
}

fn stage(cap: u64) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let secrets = Arc::new(Values::default());
    let clock = Arc::new(SystemClock::new());
    let logs = StepLogs::open(&folder.path().join("logs"), clock, secrets.clone(), cap).unwrap();
    Stage {
        folder,
        logs,
        secrets,
    }
}

fn of(attempt: u32) -> OutputOf {
    OutputOf {
        run: RunId::new("2026-03-14T09:26:53Z".parse().unwrap(), [7; 10]),
        key: StepKey {
            phase: Phase::Main,
            step: StepName::new("act").unwrap(),
        },
        attempt,
    }
}

impl Stage {
    fn open(&self) -> Arc<dyn StepLog> {
        let of = of(1);
        self.logs.open(of.run, &of.key, of.attempt)
    }
    fn day(&self) -> PathBuf {
        self.folder.path().join("logs/2026-03-14")
    }
    fn file(&self) -> PathBuf {
        self.day()
            .join(of(1).run.to_string())
            .join("main-act-1.log")
    }
    async fn read(&self, from: u64, most: usize) -> OutputPage {
        self.logs.read(&of(1), from, most).await.unwrap()
    }
    async fn texts(&self) -> Vec<String> {
        let page = self.read(0, usize::MAX).await;
        page.lines.into_iter().map(|line| line.text).collect()
    }
}

fn shown(lines: &[OutputLine]) -> Vec<(LogStream, &str)> {
    lines
        .iter()
        .map(|line| (line.stream, line.text.as_str()))
        .collect()
}

#[tokio::test]
async fn a_silent_attempt_costs_no_file() {
    let stage = stage(1 << 20);
    drop(stage.open());
    assert!(!stage.day().exists());
    let page = stage.read(0, 1000).await;
    assert_eq!((page.lines, page.next, page.end), (vec![], 0, true));
}

#[tokio::test]
async fn lines_keep_their_stream_and_order() {
    let stage = stage(1 << 20);
    let log = stage.open();
    log.append(LogStream::Out, b"one\ntwo");
    log.append(LogStream::Err, b"bad\r\n");
    log.append(LogStream::Out, b" halves\n\nlast");
    log.append(LogStream::Note, b"noted");
    drop(log);
    let page = stage.read(0, 1000).await;
    assert_eq!(
        shown(&page.lines),
        [
            (LogStream::Out, "one"),
            (LogStream::Err, "bad"),
            (LogStream::Out, "two halves"),
            (LogStream::Out, ""),
            (LogStream::Out, "last"),
            (LogStream::Note, "noted"),
        ]
    );
    assert!(page.end);
}

#[tokio::test]
async fn whole_lines_can_be_followed_while_the_step_runs() {
    let stage = stage(1 << 20);
    let log = stage.open();
    log.append(LogStream::Out, b"one\ntw");
    let first = stage.read(0, 1000).await;
    assert_eq!(shown(&first.lines), [(LogStream::Out, "one")]);
    log.append(LogStream::Out, b"o\n");
    let second = stage.read(first.next, 1000).await;
    assert_eq!(shown(&second.lines), [(LogStream::Out, "two")]);
    assert!(stage.read(second.next, 1000).await.lines.is_empty());
}

#[tokio::test]
async fn a_long_file_is_read_in_stretches() {
    let stage = stage(1 << 20);
    let log = stage.open();
    for number in 0..5000 {
        log.append(LogStream::Out, format!("line {number}\n").as_bytes());
    }
    drop(log);
    let (mut next, mut all) = (0, Vec::new());
    loop {
        let page = stage.read(next, 1).await;
        all.extend(page.lines.into_iter().map(|line| line.text));
        next = page.next;
        if page.end {
            break;
        }
    }
    let expected: Vec<_> = (0..5000).map(|number| format!("line {number}")).collect();
    assert_eq!(all, expected);
}

#[tokio::test]
async fn secrets_never_reach_the_disk_however_they_are_cut() {
    let stage = stage(1 << 20);
    stage
        .secrets
        .0
        .lock()
        .unwrap()
        .extend(["hunter2-hunter2", "abc"]);
    let log = stage.open();
    for byte in b"password=hunter2-hunter2;\nabc\nxabc\n" {
        log.append(LogStream::Out, &[*byte]);
    }
    log.append(LogStream::Note, b"hunter2-hunter2 and hunter2-hunter");
    drop(log);
    assert_eq!(
        stage.texts().await,
        ["password=***;", "***", "xabc", "*** and hunter2-hunter"]
    );
    let disk = fs::read_to_string(stage.file()).unwrap();
    assert!(!disk.contains("hunter2-hunter2"));
}

#[tokio::test]
async fn a_rotated_secret_is_masked_and_its_old_value_stays_masked() {
    let stage = stage(1 << 20);
    let text = b"first-value second-value\n";
    stage.secrets.0.lock().unwrap().push("first-value");
    stage.open().append(LogStream::Out, text);
    *stage.secrets.0.lock().unwrap() = vec!["second-value"];
    stage.open().append(LogStream::Out, text);
    assert_eq!(stage.texts().await, ["*** second-value", "*** ***"]);
}

#[tokio::test]
async fn a_flood_keeps_its_beginning_and_its_end() {
    let cap = 256 * 1024;
    let stage = stage(cap);
    let log = stage.open();
    for number in 0..50_000 {
        log.append(LogStream::Out, format!("line {number}\n").as_bytes());
    }
    drop(log);
    let size = fs::metadata(stage.file()).unwrap().len();
    assert!(size > cap / 2 && size < cap + 1024, "{size}");
    let texts = stage.texts().await;
    assert_eq!(texts[0], "line 0");
    assert_eq!(texts.last().unwrap(), "line 49999");
    let cut = texts
        .iter()
        .position(|text| text.contains("is cut"))
        .unwrap();
    let (before, after) = (&texts[cut - 1], &texts[cut + 2]);
    let number = |text: &str| text.strip_prefix("line ").unwrap().parse::<u32>().unwrap();
    let gap = number(after) - number(before) - 1;
    assert!(
        texts[cut + 1].starts_with(&format!("{gap} lines (")),
        "{}",
        texts[cut + 1]
    );
}

#[tokio::test]
async fn a_line_without_an_end_comes_in_pieces() {
    let stage = stage(1 << 20);
    let log = stage.open();
    let long = "ä".repeat(20_000);
    log.append(LogStream::Out, b"x");
    log.append(LogStream::Out, long.as_bytes());
    drop(log);
    let texts = stage.texts().await;
    assert!(texts.len() > 4);
    assert_eq!(texts.concat(), format!("x{long}"));
}

#[tokio::test]
async fn files_are_for_the_agent_alone() {
    let stage = stage(1 << 20);
    stage.open().append(LogStream::Out, b"x\n");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&stage.file()), 0o600);
    assert_eq!(mode(stage.file().parent().unwrap()), 0o700);
    assert_eq!(mode(&stage.day()), 0o700);
}

#[tokio::test]
async fn a_disk_that_takes_nothing_loses_output_and_says_so() {
    let stage = stage(1 << 20);
    // A file where the day's folder would be.
    fs::write(stage.day(), b"").unwrap();
    let log = stage.open();
    log.append(LogStream::Out, b"lost\n");
    assert_eq!(stage.logs.losses().bytes, 34);
    assert!(stage.logs.losses().reason.is_some());
    fs::remove_file(stage.day()).unwrap();
    log.append(LogStream::Out, b"kept\n");
    let own = log.end();
    assert_eq!((own.bytes, own.reason.is_some()), (34, true));
    let all = stage.logs.losses();
    assert_eq!((all.bytes, all.reason), (34, None), "it goes on");
    assert_eq!(
        stage.texts().await,
        ["", "34 bytes could not be written here", "kept"]
    );
}

#[tokio::test]
async fn an_ended_log_is_whole_and_another_attempt_has_losses_of_its_own() {
    let stage = stage(1 << 20);
    let log = stage.open();
    log.append(LogStream::Out, b"no line's end");
    assert_eq!(log.end(), Losses::default());
    assert_eq!(stage.texts().await, ["no line's end"]);
    assert_eq!(log.end(), Losses::default());
    drop(log);
    assert_eq!(stage.texts().await, ["no line's end"], "written once");
}

#[tokio::test]
async fn a_link_is_not_followed() {
    let stage = stage(1 << 20);
    let target = stage.folder.path().join("target");
    fs::write(&target, "untouched").unwrap();
    fs::create_dir_all(stage.file().parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&target, stage.file()).unwrap();
    stage.open().append(LogStream::Out, b"x\n");
    assert_eq!(fs::read_to_string(&target).unwrap(), "untouched");
    assert!(stage.logs.read(&of(1), 0, 1000).await.is_err());
}

#[tokio::test]
async fn old_days_are_removed_and_nothing_else() {
    let stage = stage(1 << 20);
    stage.open().append(LogStream::Out, b"x\n");
    let other = stage.folder.path().join("logs/0000-other");
    fs::create_dir(&other).unwrap();
    let prune = async |before: &str| stage.logs.prune(before.parse().unwrap()).await.unwrap();
    assert_eq!(prune("2026-03-14T23:00:00Z").await, 0);
    assert_eq!(prune("2026-03-15T00:00:00Z").await, 1);
    assert!(other.exists() && !stage.day().exists());
}
