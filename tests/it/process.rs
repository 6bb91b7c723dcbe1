//! Real programs: what the agent starts, it also ends.

use crate::steps::{Run, world};
use orderly::{
    actions::framework::World,
    adapters::{
        clock::SystemClock, logs::StepLogs, process::HostProcesses, secrets::ConfiguredSecrets,
    },
    domain::{
        id::RunId,
        name::{RunbookName, SecretName, StepName},
        outlived::{Behalf, EndedLate},
        run::StepKey,
        runbook::Phase,
        secret::SecretValue,
        span::Span,
    },
    ports::{
        clock::Clock as _,
        executor::{LogStream, StepLog},
        logs::LogStore as _,
        materials::RevisionFile,
        processes::{
            Delivery, Ended, How, Limits, Pipelines, ProcessError, Processes as _, Program,
            Streamed, Streams, Work,
        },
        secrets::{SecretError, Secrets},
    },
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

/// Keeps what was said, and lets a test wait for it.
#[derive(Default)]
struct Heard {
    said: Mutex<BTreeMap<&'static str, Vec<u8>>>,
    news: Notify,
}

impl StepLog for Heard {
    fn append(&self, stream: LogStream, bytes: &[u8]) {
        let name = match stream {
            LogStream::Out => "out",
            LogStream::Err => "err",
            LogStream::Note => "note",
        };
        let mut said = self.said.lock().unwrap();
        said.entry(name).or_default().extend_from_slice(bytes);
        self.news.notify_one();
    }
}

impl Heard {
    fn text(&self, stream: &str) -> String {
        let said = self.said.lock().unwrap();
        let bytes = said.get(stream).cloned().unwrap_or_default();
        String::from_utf8(bytes).unwrap()
    }
    /// Waits until the program has printed this.
    async fn hears(&self, text: &str) {
        while !self.text("out").contains(text) {
            self.news.notified().await;
        }
    }
    /// The numbers that the program printed.
    fn numbers(&self) -> Vec<u32> {
        let text = self.text("out");
        text.split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect()
    }
}

struct Stage {
    folder: TempDir,
    processes: HostProcesses,
    heard: Arc<Heard>,
    stop: CancellationToken,
}

fn stage() -> Stage {
    let folder = tempfile::tempdir().unwrap();
    // A program of another user must be able to pass through.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let scratch = folder.path().join("scratch");
    let helper = PathBuf::from(env!("CARGO_BIN_EXE_orderly"));
    Stage {
        processes: HostProcesses::open(scratch).unwrap().with_helper(helper),
        folder,
        heard: Arc::new(Heard::default()),
        stop: CancellationToken::new(),
    }
}

impl Stage {
    async fn run(&self, program: Program) -> Result<Ended, ProcessError> {
        let running = self
            .processes
            .run(program, self.heard.clone(), self.stop.clone());
        tokio::time::timeout(Duration::from_mins(1), running)
            .await
            .expect("nothing waits for ever")
    }
    /// Runs it, and asks it to stop once it has printed `ready`.
    async fn stopped_when_ready(&self, program: Program) -> (Ended, Duration) {
        let stopping = async {
            self.heard.hears("ready").await;
            self.stop.cancel();
            Instant::now()
        };
        let (ended, asked) = tokio::join!(self.run(program), stopping);
        (ended.unwrap(), asked.elapsed())
    }
}

fn program(argv: &[&str]) -> Program {
    Program {
        work: Work::Words(argv.iter().map(|word| (*word).to_owned()).collect()),
        environment: BTreeMap::new(),
        directory: None,
        files: Vec::new(),
        secret_files: Vec::new(),
        input: None,
        user: None,
        grace: Span::from_millis(300),
        capture: 64 * 1024,
        limits: Limits::default(),
        behalf: None,
    }
}

fn script(text: &str) -> Program {
    program(&["sh", "-c", text])
}

/// The same text, carried out by the agent itself.
fn pipelines(text: &str, pipefail: bool) -> Program {
    let plan = orderly::commands::plan(text, &[]).unwrap_or_else(|| panic!("{text} wants a shell"));
    Program {
        work: Work::Pipelines(Pipelines { plan, pipefail }),
        ..program(&[])
    }
}

fn text(ended: &Ended) -> &str {
    std::str::from_utf8(&ended.output).unwrap()
}

/// Not there any more, but for an entry that its parent has not read yet.
fn is_gone(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_none_or(|(_, state)| state.starts_with(['Z', 'X']))
}

async fn is_gone_soon(process: u32) -> bool {
    for _ in 0..500 {
        if is_gone(process) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[tokio::test]
async fn pipelines_do_what_a_shell_does_with_the_same_text() {
    for text in [
        "echo one two",
        "echo 'a  b' c\\ d",
        "seq 3 | tac | head -n 2",
        "true && echo yes || echo no",
        "false && echo yes || echo no",
        "false || echo rescued; echo on",
        "false; echo never",
        "false && true; echo on",
        "false | true",
        "seq 3 | grep -q 9",
        "ls /nowhere 2>/dev/null || echo gone",
        "ls /nowhere 2>&1 | wc -l",
        "echo loud > /dev/null; echo quiet",
        "nosuchprogram || echo absent",
        "yes | head -n 1",
        "sleep 0 | echo early",
        "wc -c",
    ] {
        let stage = stage();
        for (pipefail, shell) in [
            (false, ["sh", "-e", "-c", text].as_slice()),
            (
                true,
                ["bash", "-e", "-o", "pipefail", "-c", text].as_slice(),
            ),
        ] {
            let wanted = stage.run(program(shell)).await.unwrap();
            let found = stage.run(pipelines(text, pipefail)).await.unwrap();
            assert_eq!(found.how, wanted.how, "{text} with pipefail {pipefail}");
            assert_eq!(
                found.output, wanted.output,
                "{text} with pipefail {pipefail}"
            );
        }
    }
}

#[tokio::test]
async fn a_stopped_pipeline_leaves_nothing_behind() {
    let stage = stage();
    let (ended, _) = stage
        .stopped_when_ready(pipelines("echo ready && sleep 600 | sleep 601", false))
        .await;
    assert_eq!(ended.how, How::Terminated);
}

#[tokio::test]
async fn a_program_ends_with_its_code_and_its_output() {
    let stage = stage();
    let ended = stage
        .run(script("echo out; echo err >&2; exit 7"))
        .await
        .unwrap();
    assert_eq!(ended.how, How::Exited(7));
    assert_eq!(
        (ended.output, ended.error_tail),
        (b"out\n".to_vec(), b"err\n".to_vec())
    );
    assert!(!ended.leftovers_killed);
    assert_eq!(
        (stage.heard.text("out"), stage.heard.text("err")),
        ("out\n".into(), "err\n".into())
    );
}

#[tokio::test]
async fn a_program_that_dies_of_a_signal_says_which() {
    let ended = stage().run(script("kill -SEGV $$")).await.unwrap();
    assert_eq!(ended.how, How::Signaled(11));
}

#[tokio::test]
async fn a_program_ends_within_its_grace_and_may_say_goodbye() {
    let stage = stage();
    let patient = Program {
        grace: Span::from_secs(20),
        ..script("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done")
    };
    let (ended, took) = stage.stopped_when_ready(patient).await;
    assert_eq!(ended.how, How::Terminated);
    assert_eq!(text(&ended), "ready\nbye\n");
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test]
async fn a_program_that_ignores_term_is_killed_after_its_grace() {
    let stage = stage();
    let stubborn = script("trap '' TERM; echo $$ ready; while :; do sleep 0.01; done");
    let (ended, took) = stage.stopped_when_ready(stubborn).await;
    assert_eq!(ended.how, How::Killed);
    assert!(
        took >= Duration::from_millis(300) && took < Duration::from_secs(10),
        "{took:?}"
    );
    assert!(stage.heard.numbers().into_iter().all(is_gone));
}

#[tokio::test]
async fn a_stopped_program_hears_term() {
    let stage = stage();
    let halted = Program {
        grace: Span::from_secs(20),
        ..script("echo ready; kill -STOP $$; echo never")
    };
    let (ended, took) = stage.stopped_when_ready(halted).await;
    assert_eq!(ended.how, How::Terminated);
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test]
async fn many_stubborn_children_are_killed_with_their_parent() {
    let stage = stage();
    let breeding =
        "trap '' TERM; for i in $(seq 40); do sleep 60 & echo $!; done; echo ready; wait";
    let (ended, _) = stage.stopped_when_ready(script(breeding)).await;
    assert_eq!(ended.how, How::Killed);
    let children = stage.heard.numbers();
    assert_eq!(children.len(), 40);
    for child in children {
        assert!(is_gone(child), "{child} is left");
    }
}

#[tokio::test]
async fn children_that_breed_without_end_are_killed_all() {
    let stage = stage();
    let breeding = "trap '' TERM; echo ready; breed() { sleep 0.01; (breed) & (exec sleep 60) & wait; }; breed";
    let limited = Program {
        grace: Span::from_millis(100),
        ..script(breeding)
    };
    let (ended, took) = stage.stopped_when_ready(limited).await;
    assert_eq!(ended.how, How::Killed);
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert!(!stage.heard.text("note").contains("did not go"));
}

#[tokio::test]
async fn what_a_program_leaves_behind_is_ended_and_told() {
    let stage = stage();
    let ended = stage
        .run(script("sleep 60 & echo $!; exit 3"))
        .await
        .unwrap();
    assert_eq!(ended.how, How::Exited(3));
    assert!(ended.leftovers_killed);
    assert!(is_gone(stage.heard.numbers()[0]));
    assert!(stage.heard.text("note").contains("left behind"));
}

#[tokio::test]
async fn a_process_that_left_the_group_does_not_hold_the_step() {
    let stage = stage();
    let directory = stage.folder.path().to_owned();
    let escaping = "setsid sh -c 'echo $$ > escaped; exec sleep 60' & \
                    while [ ! -s escaped ]; do sleep 0.01; done; echo done";
    let begin = Instant::now();
    let ended = stage
        .run(Program {
            directory: Some(directory.clone()),
            ..script(escaping)
        })
        .await
        .unwrap();
    assert_eq!(ended.how, How::Exited(0));
    assert_eq!(text(&ended), "done\n");
    assert!(begin.elapsed() < Duration::from_secs(20));
    assert!(stage.heard.text("note").contains("keeps its output open"));
    let escaped = fs::read_to_string(directory.join("escaped")).unwrap();
    let escaped = rustix::process::Pid::from_raw(escaped.trim().parse().unwrap()).unwrap();
    rustix::process::kill_process(escaped, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_dropped_run_leaves_nothing() {
    let stage = stage();
    {
        let running = stage.run(script("trap '' TERM; sleep 60 & echo $$ $! ready; wait"));
        tokio::select! {
            _ = running => panic!("it does not end by itself"),
            () = stage.heard.hears("ready") => {}
        }
    }
    for process in stage.heard.numbers() {
        assert!(is_gone_soon(process).await, "{process} is left");
    }
}

#[tokio::test]
async fn what_is_stopped_before_it_began_does_not_begin() {
    let stage = stage();
    stage.stop.cancel();
    let ended = stage.run(script("echo begun")).await.unwrap();
    assert_eq!(ended.how, How::Terminated);
    assert_eq!(stage.heard.text("out"), "");
}

#[tokio::test]
async fn a_flood_stays_small_in_memory_and_on_disk() {
    let own = std::env::current_exe().unwrap();
    let alone = program(&[
        own.to_str().unwrap(),
        "--exact",
        "process::flood",
        "--ignored",
    ]);
    let stage = stage();
    let ended = stage.run(alone).await.unwrap();
    assert_eq!(ended.how, How::Exited(0), "{}", text(&ended));
    assert!(text(&ended).contains("1 passed"), "{}", text(&ended));
}

#[tokio::test]
#[ignore = "measures the whole process, so it is run in one of its own by the test above"]
async fn flood() {
    let stage = stage();
    let cap = 1 << 20;
    let (logs, place) = kept(&stage, Vec::new(), cap);
    let before = peak_memory();
    let flood = Program {
        capture: 1000,
        ..script("yes 0123456789abcdef | head -c 50000000; echo; echo end")
    };
    let log = logs.open(place.0, &place.1, 1);
    let ended = stage
        .processes
        .run(flood, log, stage.stop.clone())
        .await
        .unwrap();
    assert_eq!(ended.how, How::Exited(0));
    assert_eq!(ended.output.len(), 1000);
    let grown = peak_memory() - before;
    // Half of it; an agent that kept it would take all of it, and more.
    assert!(grown < 24 << 20, "{grown} bytes");
    let files = files_under(&stage.folder.path().join("logs"));
    let kept = fs::read_to_string(&files[0]).unwrap();
    assert!(kept.len() as u64 <= cap + 1024, "{}", kept.len());
    assert!(kept.contains("are left out here"));
    // The flood is cut in the middle of a line, which `end` completes.
    assert!(kept.ends_with("end\n"));
}

#[tokio::test]
async fn a_flood_without_end_can_be_stopped() {
    let stage = stage();
    let (ended, took) = stage
        .stopped_when_ready(script("echo ready; exec yes"))
        .await;
    assert_eq!(ended.how, How::Terminated);
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[tokio::test]
async fn a_child_writes_to_a_closed_pipe_and_dies_of_it() {
    let ended = stage().run(script("yes | head -n 1")).await.unwrap();
    assert_eq!((ended.how, text(&ended)), (How::Exited(0), "y\n"));
}

#[tokio::test]
async fn standard_input_is_fed_or_empty() {
    let stage = stage();
    let long = "0123456789\n".repeat(100_000);
    let fed = Program {
        input: Some(SecretValue::new(long.clone())),
        capture: 2_000_000,
        ..program(&["cat"])
    };
    assert!(stage.run(fed).await.unwrap().output == long.as_bytes());
    let unread = Program {
        input: Some(SecretValue::new(long)),
        ..program(&["true"])
    };
    assert_eq!(stage.run(unread).await.unwrap().how, How::Exited(0));
    let mute = Program {
        input: Some(SecretValue::new("word\n".repeat(50_000))),
        directory: Some(stage.folder.path().to_owned()),
        ..script("exec >&- 2>&-; wc -l > counted")
    };
    stage.run(mute).await.unwrap();
    let counted = fs::read_to_string(stage.folder.path().join("counted")).unwrap();
    assert_eq!(counted.trim(), "50000");
    assert_eq!(stage.run(program(&["cat"])).await.unwrap().output, b"");
}

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, SecretValue> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), SecretValue::new((*value).to_owned())))
        .collect()
}

#[tokio::test]
async fn the_environment_is_what_was_named_and_nothing_else() {
    let stage = stage();
    let named = environment(&[("A", "1"), ("B", "two words"), ("PATH", "/nowhere")]);
    let plain = Program {
        environment: named.clone(),
        ..program(&["env"])
    };
    let expected = "A=1\nB=two words\nPATH=/nowhere\n";
    assert_eq!(text(&stage.run(plain.clone()).await.unwrap()), expected);
    let by_helper = Program {
        limits: Limits {
            open_files: Some(100),
            ..Limits::default()
        },
        ..plain
    };
    let mut lines: Vec<_> = text(&stage.run(by_helper).await.unwrap())
        .lines()
        .map(str::to_owned)
        .collect();
    lines.sort();
    assert_eq!(lines.join("\n") + "\n", expected);
    assert_eq!(text(&stage.run(program(&["env"])).await.unwrap()), "");
    let broken = Program {
        environment: environment(&[("A=B", "1")]),
        ..program(&["env"])
    };
    assert!(stage.run(broken).await.is_err());
}

#[tokio::test]
async fn a_program_without_a_folder_gets_an_empty_one() {
    let stage = stage();
    let leaving = "pwd; ls -A; mkdir -p a/b; touch a/b/c";
    let first = stage.run(script(leaving)).await.unwrap();
    let second = stage.run(script(leaving)).await.unwrap();
    assert_ne!(text(&first), text(&second));
    assert_eq!(text(&first).lines().count(), 1);
    assert!(!Path::new(text(&first).trim()).exists());
    let named = Program {
        directory: Some("/".into()),
        ..program(&["pwd"])
    };
    assert_eq!(text(&stage.run(named).await.unwrap()), "/\n");
}

#[tokio::test]
async fn secrets_are_masked_on_disk_though_they_are_split_over_writes() {
    let stage = stage();
    let secret = "correct-horse\nbattery-staple";
    let (logs, place) = kept(&stage, vec![SecretValue::new(secret.to_owned())], 1 << 20);
    let writing = "printf 'the correct-h'; sleep 0.05; printf 'orse'; sleep 0.05; printf '\nbattery'; \
                   sleep 0.05; echo '-staple'; printf correct-horse | base64; echo 'a battery-staple' >&2";
    let log = logs.open(place.0, &place.1, 1);
    stage
        .processes
        .run(script(writing), log, stage.stop.clone())
        .await
        .unwrap();
    let disk = fs::read_to_string(&files_under(&stage.folder.path().join("logs"))[0]).unwrap();
    let mut texts: Vec<_> = disk
        .lines()
        .map(|line| line.split_once(' ').unwrap().1)
        .collect();
    texts.sort_unstable();
    assert_eq!(texts, ["err a ***", "out ***", "out the ***"]);
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let stage = stage();
    let folder = stage.folder.path();
    let make = |name: &str, text: &str, mode: u32| {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.display().to_string()
    };
    let no_interpreter = make("no-interpreter", "#!/nowhere/sh\n", 0o755);
    let not_executable = make("not-executable", "#!/bin/sh\n", 0o644);
    let elsewhere = Program {
        directory: Some("/nowhere".into()),
        ..program(&["true"])
    };
    for (program, words) in [
        (
            program(&["no-such-program"]),
            "no program `no-such-program`",
        ),
        (
            program(&["/no/such/program"]),
            "no program `/no/such/program`",
        ),
        (program(&["./true"]), "relative"),
        (program(&[""]), "no name"),
        (program(&[]), "no name"),
        (program(&[&no_interpreter]), "interpreter"),
        (program(&[&not_executable]), "ermission denied"),
        (program(&["echo", "a\0b"]), "nul byte"),
        (elsewhere, "/nowhere is not there"),
    ] {
        let error = stage.run(program).await.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test]
async fn limits_are_set_by_the_helper() {
    let stage = stage();
    let limited = Program {
        limits: Limits {
            memory: Some(512 << 20),
            cpu_seconds: Some(77),
            open_files: Some(123),
        },
        ..program(&[
            "sh",
            "-c",
            "echo $0 $1; ulimit -v; ulimit -t; ulimit -n",
            "name",
            "a word",
        ])
    };
    let ended = stage.run(limited).await.unwrap();
    assert_eq!(text(&ended), "name a word\n524288\n77\n123\n");
    let hungry = Program {
        limits: Limits {
            memory: Some(256 << 20),
            ..Limits::default()
        },
        ..program(&["head", "-c", "1", "--", "/dev/zero"])
    };
    assert_eq!(stage.run(hungry).await.unwrap().how, How::Exited(0));
}

#[tokio::test]
async fn a_helper_that_fails_tells_why_and_is_no_program_that_failed() {
    let stage = stage();
    let too_many = Program {
        limits: Limits {
            open_files: Some(1 << 60),
            ..Limits::default()
        },
        ..program(&["true"])
    };
    let error = stage.run(too_many).await.unwrap_err().to_string();
    assert!(error.contains("`openFiles` cannot be set"), "{error}");
    let pretending = Program {
        limits: Limits {
            open_files: Some(100),
            ..Limits::default()
        },
        ..script("echo 'orderly-0000: not started' >&2; exit 125")
    };
    assert_eq!(stage.run(pretending).await.unwrap().how, How::Exited(125));
}

#[tokio::test]
async fn the_user_is_switched_with_all_groups() {
    let stage = stage();
    let asked = |user: &str| Program {
        user: Some(user.to_owned()),
        ..script("id -u; id -g; id -G; touch x && stat -c %u .")
    };
    if is_root() {
        let ended = stage.run(asked("12345:23456")).await.unwrap();
        assert_eq!(text(&ended), "12345\n23456\n23456\n12345\n");
        let ended = stage.run(asked("nobody")).await.unwrap();
        assert_eq!(ended.how, How::Exited(0), "{}", stage.heard.text("err"));
    } else {
        let error = stage
            .run(asked("12345:23456"))
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("runs as root") || error.contains("cannot be made"),
            "{error}"
        );
    }
    let error = stage
        .run(asked("no-such-user"))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("no user `no-such-user`"), "{error}");
}

#[tokio::test]
async fn many_programs_at_once_do_not_mix() {
    let stage = Arc::new(stage());
    let each = (0..200).map(|number| {
        let stage = stage.clone();
        async move {
            let ended = stage
                .run(program(&["echo", &number.to_string()]))
                .await
                .unwrap();
            assert_eq!(text(&ended), format!("{number}\n"));
        }
    });
    futures_util::future::join_all(each).await;
    let left = files_under(&stage.folder.path().join("scratch"));
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_command_step_passes_values_without_a_shell_reading_them() {
    let stage = stage();
    let state = stage.folder.path();
    let run = Run::new(World {
        processes: Arc::new(
            HostProcesses::open(state.join("scratch"))
                .unwrap()
                .with_helper(PathBuf::from(env!("CARGO_BIN_EXE_orderly"))),
        ),
        ..world(state)
    });
    let hostile = "a b; $(echo c) `echo d` \"' * \\";
    let by_word = json!({ "argv": ["printf", "%s", hostile], "outputs": "text" });
    assert_eq!(
        run.step("command", by_word).await.outputs["stdout"],
        hostile
    );
    let by_variable = json!({
        "script": "printf %s \"$VALUE\"",
        "env": { "VALUE": hostile },
        "outputs": "text"
    });
    assert_eq!(
        run.step("command", by_variable).await.outputs["stdout"],
        hostile
    );
}

#[tokio::test]
async fn a_script_ends_at_its_first_failure() {
    let stage = stage();
    let state = stage.folder.path();
    let run = Run::new(World {
        processes: Arc::new(
            HostProcesses::open(state.join("scratch"))
                .unwrap()
                .with_helper(PathBuf::from(env!("CARGO_BIN_EXE_orderly"))),
        ),
        ..world(state)
    });
    for (shell, text) in [("sh", "false; echo on"), ("bash", "false | true; echo on")] {
        let with = json!({ "script": text, "shell": shell, "outputs": "text" });
        let report = run.step("command", with).await;
        let error = "exited with 1";
        assert!(report.summary.contains(error), "{}", report.summary);
        assert_eq!(report.outputs["stdout"], "");
    }
}

#[derive(Debug)]
struct Values(Vec<SecretValue>);

impl Secrets for Values {
    fn get(&self, name: &SecretName) -> Result<SecretValue, SecretError> {
        ConfiguredSecrets::default().get(name)
    }
    fn all_values(&self) -> Vec<SecretValue> {
        self.0.clone()
    }
}

fn kept(stage: &Stage, values: Vec<SecretValue>, cap: u64) -> (StepLogs, (RunId, StepKey)) {
    let clock = Arc::new(SystemClock::new());
    let run = RunId::new(clock.now(), clock.entropy());
    let key = StepKey {
        phase: Phase::Main,
        step: StepName::new("act").unwrap(),
    };
    let root = stage.folder.path().join("logs");
    let logs = StepLogs::open(&root, clock, Arc::new(Values(values)), cap).unwrap();
    (logs, (run, key))
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files_under(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// The most memory that this process ever held, in bytes.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let kib: u64 = line.trim().trim_end_matches(" kB").trim().parse().unwrap();
    kib * 1024
}

#[tokio::test]
async fn files_are_laid_into_the_folder_for_reading_and_are_gone_afterwards() {
    let stage = stage();
    let file = |path: &str, text: &str, executable| RevisionFile {
        path: path.to_owned(),
        bytes: text.as_bytes().to_vec(),
        executable,
    };
    let files = vec![
        file("k8s/web.yaml", "kind: Pod\n", false),
        file("say", "#!/bin/sh\necho said\n", true),
    ];
    let text = "cat k8s/web.yaml; ./say; stat -c %a k8s/web.yaml say; pwd";
    let ended = stage
        .run(Program {
            files,
            ..script(text)
        })
        .await
        .unwrap();
    let said: Vec<&str> = self::text(&ended).lines().collect();
    assert_eq!(said[..4], ["kind: Pod", "said", "400", "500"]);
    assert!(!Path::new(said[4]).exists(), "{}", said[4]);
    let elsewhere = Program {
        files: vec![file("../x", "", false)],
        ..script("true")
    };
    let refused = stage.run(elsewhere).await.unwrap_err().to_string();
    assert!(refused.contains("leads elsewhere"), "{refused}");
}

fn behalf() -> Behalf {
    Behalf {
        runbook: RunbookName::new("a").unwrap(),
        run: RunId::new(SystemClock::new().now(), [1; 10]),
        phase: Phase::Main,
        step: StepName::new("nap").unwrap(),
        attempt: 1,
    }
}

/// What an agent leaves on its roll that is killed while this program runs.
async fn left_by_a_killed_agent(words: &[&str]) -> (TempDir, PathBuf, tokio::task::JoinHandle<()>) {
    let folder = tempfile::tempdir().unwrap();
    let (roll, kept) = (folder.path().join("children"), folder.path().join("kept"));
    let processes = HostProcesses::open(folder.path().join("work")).unwrap();
    let processes = processes.with_roll(&roll).unwrap();
    let heard = Arc::new(Heard::default());
    let log: Arc<dyn StepLog> = heard.clone();
    let napping = Program {
        behalf: Some(behalf()),
        ..program(words)
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the first agent's program goes on beside the second agent"
    )]
    let first = tokio::spawn(async move {
        let _ended = processes.run(napping, log, CancellationToken::new()).await;
    });
    heard.hears("ready").await;
    fs::copy(&roll, &kept).unwrap();
    (folder, kept, first)
}

#[tokio::test]
async fn what_a_killed_agent_left_is_found_by_the_next_one_and_ended() {
    let words = [
        "sh",
        "-c",
        "trap '' TERM; echo ready; while :; do sleep 0.01; done",
    ];
    let (folder, roll, first) = left_by_a_killed_agent(&words).await;
    let next = HostProcesses::open(folder.path().join("other")).unwrap();
    let next = next.with_roll(&roll).unwrap();
    let found = next.outlived();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].program.as_str(), &found[0].behalf),
        (
            "sh",
            &Behalf {
                run: found[0].behalf.run,
                ..behalf()
            }
        )
    );
    assert_eq!(next.end_outlived(&found[0]).await, Ok(EndedLate::Killed));
    first.await.unwrap();
    assert!(next.outlived().is_empty());
    assert_eq!(fs::read_to_string(&roll).unwrap().trim(), "");
}

#[tokio::test]
async fn a_process_that_only_has_the_number_is_left_alone() {
    let words = ["sh", "-c", "echo ready; exec sleep 60"];
    let (folder, roll, first) = left_by_a_killed_agent(&words).await;
    let kept = fs::read_to_string(&roll).unwrap();
    // Started at another time, or before the machine was started anew.
    for (key, before, after) in [
        ("start", "\"start\":", "\"start\":1"),
        ("host", "\"host\":\"", "\"host\":\"x"),
    ] {
        let forged = folder.path().join(key);
        fs::write(&forged, kept.replacen(before, after, 1)).unwrap();
        let next = HostProcesses::open(folder.path().join(format!("work-{key}"))).unwrap();
        assert!(
            next.with_roll(&forged).unwrap().outlived().is_empty(),
            "{key}"
        );
    }
    first.abort();
}

/// Takes so many bytes at once, with a pause before each, and at most so many in all.
struct Taker {
    taken: Vec<u8>,
    at_once: usize,
    most: usize,
    pause: Pause,
}

enum Pause {
    None,
    Each(std::pin::Pin<Box<tokio::time::Sleep>>, Duration),
}

impl Taker {
    fn of(most: usize) -> Self {
        Self {
            taken: Vec::new(),
            at_once: usize::MAX,
            most,
            pause: Pause::None,
        }
    }
}

impl tokio::io::AsyncWrite for Taker {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        let taker = self.get_mut();
        if let Pause::Each(sleep, pause) = &mut taker.pause {
            std::task::ready!(sleep.as_mut().poll(context));
            *sleep = Box::pin(tokio::time::sleep(*pause));
        }
        if taker.taken.len() >= taker.most {
            return std::task::Poll::Ready(Err(std::io::Error::other("it is full")));
        }
        let count = bytes.len().min(taker.at_once);
        taker.taken.extend_from_slice(&bytes[..count]);
        std::task::Poll::Ready(Ok(count))
    }
    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}

impl Stage {
    async fn stream(&self, program: Program, input: Option<&Path>, taker: &mut Taker) -> Streamed {
        let streams = Streams {
            input,
            output: Some(taker),
        };
        let running =
            self.processes
                .stream(program, streams, self.heard.clone(), self.stop.clone());
        let ended = tokio::time::timeout(Duration::from_mins(1), running).await;
        ended.expect("nothing waits for ever").unwrap()
    }
}

#[tokio::test]
async fn a_streamed_output_comes_whole_and_not_into_the_log() {
    let stage = stage();
    let input = stage.folder.path().join("input");
    let noise: Vec<u8> = (0..3_000_000_u32)
        .map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()[3])
        .collect();
    fs::write(&input, &noise).unwrap();
    let mut taker = Taker::of(usize::MAX);
    let streamed = stage
        .stream(
            script("cat; echo done >&2; exit 4"),
            Some(&input),
            &mut taker,
        )
        .await;
    assert_eq!(streamed.delivery, Delivery::Whole);
    assert_eq!(streamed.ended.how, How::Exited(4));
    assert_eq!(streamed.ended.error_tail, b"done\n");
    assert!(streamed.ended.output.is_empty());
    assert_eq!(taker.taken, noise);
    assert_eq!(stage.heard.text("out"), "");
    assert_eq!(stage.heard.text("err"), "done\n");
}

/// What is in the pipe when the program ends takes longer to be taken than a held pipe would be read.
#[tokio::test]
async fn a_slow_taker_gets_all_of_what_a_program_that_has_ended_left() {
    let stage = stage();
    let pause = Duration::from_millis(300);
    let mut taker = Taker {
        at_once: 8 * 1024,
        pause: Pause::Each(Box::pin(tokio::time::sleep(pause)), pause),
        ..Taker::of(usize::MAX)
    };
    let program = script("head -c 100000 /dev/zero");
    let streamed = stage.stream(program, None, &mut taker).await;
    assert_eq!(streamed.delivery, Delivery::Whole);
    assert_eq!(streamed.ended.how, How::Exited(0));
    assert_eq!(taker.taken.len(), 100_000);
}

#[tokio::test]
async fn a_taker_that_takes_no_more_stops_the_program() {
    let stage = stage();
    let mut taker = Taker::of(200_000);
    let deaf = script("trap '' PIPE; echo $$ >&2; cat /dev/zero; sleep 600");
    let streamed = stage.stream(deaf, None, &mut taker).await;
    assert_eq!(
        streamed.delivery,
        Delivery::Refused("it is full".to_owned())
    );
    let number = stage.heard.text("err");
    let number = number.split_whitespace().next().unwrap().parse().unwrap();
    assert!(is_gone(number));
}

#[tokio::test]
async fn a_stop_is_heard_while_the_taker_holds_everything_up() {
    let stage = stage();
    let ages = Duration::from_hours(1);
    let mut taker = Taker {
        pause: Pause::Each(Box::pin(tokio::time::sleep(ages)), ages),
        ..Taker::of(usize::MAX)
    };
    let stopping = async {
        while stage.heard.text("err").is_empty() {
            stage.heard.news.notified().await;
        }
        stage.stop.cancel();
    };
    let program = script("echo much; echo ready >&2; exec cat /dev/zero");
    let (streamed, ()) = tokio::join!(stage.stream(program, None, &mut taker), stopping);
    assert_eq!(streamed.ended.how, How::Terminated);
    assert_eq!(streamed.delivery, Delivery::Cut);
}

#[tokio::test]
async fn an_output_that_a_stranger_keeps_open_is_not_whole() {
    let stage = stage();
    let mut taker = Taker::of(usize::MAX);
    let program = script("echo half; setsid sh -c 'echo $$ >&2; exec sleep 600' & sleep 0.2");
    let streamed = stage.stream(program, None, &mut taker).await;
    assert_eq!(streamed.ended.how, How::Exited(0));
    assert_eq!(streamed.delivery, Delivery::Cut);
    let stranger = stage.heard.text("err").trim().parse().unwrap();
    let stranger = rustix::process::Pid::from_raw(stranger).unwrap();
    rustix::process::kill_process(stranger, rustix::process::Signal::KILL).unwrap();
}
