use crate::{
    actions::framework::{
        Catalogue, Performer, World,
        scripted::{KnownSecrets, act, context, intend, permit, session, world},
    },
    domain::{
        check::CheckStatus,
        digest::Digest,
        effect::{Class, Confidence},
        name::{ActionName, SecretName},
        pinned::FoundProgram,
        run::{StepReport, StepResult},
        secret::marker,
    },
    ports::{
        BoxFuture,
        executor::{ActionCatalogue, Executor as _, Intent, StepLog},
        materials::{Looked, Materials, RevisionFile},
        processes::{Ended, How, ProcessError, Processes, Program, Work},
    },
};
use serde_json::{Value, json};
use std::{
    path::Path,
    sync::{Arc, Mutex},
};
use tokio_util::sync::CancellationToken;

/// Ends every program in the same way, and remembers what it was asked.
#[derive(Debug)]
struct OneEnd {
    end: Ended,
    asked: Mutex<Vec<Program>>,
}

impl Processes for OneEnd {
    fn run(
        &self,
        program: Program,
        _: Arc<dyn StepLog>,
        _: CancellationToken,
    ) -> BoxFuture<'_, Result<Ended, ProcessError>> {
        self.asked.lock().unwrap().push(program);
        Box::pin(std::future::ready(Ok(self.end.clone())))
    }
    fn kill_all(&self) {}
}

fn ending(how: How, output: &[u8], error_tail: &[u8]) -> Arc<OneEnd> {
    Arc::new(OneEnd {
        end: Ended {
            how,
            output: output.to_vec(),
            error_tail: error_tail.to_vec(),
            leftovers_killed: false,
        },
        asked: Mutex::default(),
    })
}

async fn run(processes: Arc<OneEnd>, with: Value) -> StepReport {
    let world = World {
        processes,
        ..world()
    };
    act(world, "command", with).await
}

async fn refused(with: Value) -> String {
    intend("command", with).await.unwrap_err()
}

fn words(program: &Program) -> Vec<String> {
    match &program.work {
        Work::Words(words) => words.clone(),
        Work::Pipelines(asked) => panic!("{asked:?}"),
    }
}

fn retryable(report: &StepReport) -> bool {
    matches!(
        report.result,
        StepResult::Failed {
            retryable: true,
            ..
        }
    )
}

#[tokio::test]
async fn what_a_command_would_do_is_known_before_it_runs() {
    let of = |with: Value| async move { intend("command", with).await.unwrap() };
    for with in [
        json!({ "argv": ["df", "-h"] }),
        json!({ "script": "df -h | sort" }),
        json!({ "argv": ["kubectl", "get", "pods"], "env": { "LANG": "C" } }),
    ] {
        let reads = of(with).await;
        assert_eq!(reads.effects.class(), Class::Read);
        assert_eq!(reads.effects.confidence, Confidence::Exact);
        assert!(reads.idempotent && !reads.effects.needs_shell);
    }
    let gone = of(json!({ "argv": ["rm", "-rf", "/"] })).await;
    assert_eq!(gone.effects.class(), Class::Destructive);
    assert!(!gone.idempotent);
    let unknown = of(json!({ "argv": ["df"], "env": { "LD_PRELOAD": "/tmp/x.so" } })).await;
    assert_eq!(unknown.effects.confidence, Confidence::Opaque);
    assert!(!unknown.idempotent);
    assert!(
        of(json!({ "script": "echo \"$(id)\"" }))
            .await
            .effects
            .needs_shell
    );
    let fed = of(json!({ "argv": ["psql"], "stdin": "DROP TABLE x" })).await;
    assert_eq!(fed.effects.class(), Class::Destructive);
}

/// One file of the host, one of the repository, and programs that a test can change.
#[derive(Debug, Default)]
struct Shelf {
    host: Mutex<String>,
    repository: Mutex<String>,
    kubectl: Mutex<String>,
}

impl Materials for Shelf {
    fn file(&self, path: &Path) -> Option<Vec<u8>> {
        let is_it = path == Path::new("/srv/web.yaml");
        is_it.then(|| self.host.lock().unwrap().clone().into_bytes())
    }
    fn program(&self, name: &str) -> Looked {
        if name == "absent" {
            return Looked::Missing;
        }
        let bytes = self.kubectl.lock().unwrap().clone();
        Looked::Found(FoundProgram {
            path: format!("/usr/bin/{name}"),
            sha256: Digest::of_bytes(bytes.as_bytes()),
        })
    }
    fn repository<'a>(
        &'a self,
        _: &'a str,
        paths: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<RevisionFile>, String>> {
        let file = |path: &String| RevisionFile {
            path: path.clone(),
            bytes: self.repository.lock().unwrap().clone().into_bytes(),
            executable: false,
        };
        Box::pin(std::future::ready(Ok(paths.iter().map(file).collect())))
    }
}

const CONFIG: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\ndata: {a: b}\n";
const BINDING: &str =
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: all}\n";

fn shelf() -> Arc<Shelf> {
    let shelf = Shelf::default();
    *shelf.host.lock().unwrap() = CONFIG.to_owned();
    *shelf.repository.lock().unwrap() = CONFIG.to_owned();
    Arc::new(shelf)
}

async fn intend_beside(shelf: &Arc<Shelf>, with: Value) -> Result<Intent, String> {
    let world = World {
        materials: shelf.clone(),
        ..world()
    };
    let performer = Performer::new(Arc::new(Catalogue::new()), Arc::new(world));
    let command = ActionName::new("command").unwrap();
    performer.intend(&command, &with, &context()).await
}

#[tokio::test]
async fn a_file_that_a_command_applies_is_judged_by_what_it_says_and_pinned() {
    let shelf = shelf();
    for with in [
        json!({ "argv": ["kubectl", "apply", "-f", "/srv/web.yaml"] }),
        json!({ "script": "kubectl apply -f /srv/web.yaml" }),
        json!({ "argv": ["kubectl", "apply", "-f", "web.yaml"], "workingDirectory": "/srv" }),
        json!({ "argv": ["kubectl", "apply", "-f", "./k8s/web.yaml"], "files": ["k8s/web.yaml"] }),
    ] {
        *shelf.host.lock().unwrap() = CONFIG.to_owned();
        *shelf.repository.lock().unwrap() = CONFIG.to_owned();
        let intent = intend_beside(&shelf, with.clone()).await.unwrap();
        let effects = &intent.effects;
        assert_eq!(effects.confidence, Confidence::Exact, "{with} {effects:?}");
        assert_eq!(effects.class(), Class::Change, "{with}");
        assert_eq!(
            intent.pinned.files[0].sha256,
            Digest::of_bytes(CONFIG.as_bytes())
        );
        assert_eq!(intent.pinned.programs[0].name, "kubectl");
        *shelf.host.lock().unwrap() = BINDING.to_owned();
        *shelf.repository.lock().unwrap() = BINDING.to_owned();
        let intent = intend_beside(&shelf, with.clone()).await.unwrap();
        assert_eq!(intent.effects.class(), Class::Destructive, "{with}");
    }
}

#[tokio::test]
async fn a_file_that_may_be_another_when_it_is_read_is_not_known() {
    let shelf = shelf();
    for script in [
        "cp /tmp/x /srv/web.yaml; kubectl apply -f /srv/web.yaml",
        "cd /tmp && kubectl apply -f web.yaml",
        "kubectl apply -f ../web.yaml",
        "env -C /tmp kubectl apply -f web.yaml",
        "kubectl apply -f $FILE",
    ] {
        let with = json!({ "script": script, "files": ["web.yaml"] });
        let intent = intend_beside(&shelf, with).await.unwrap();
        let effects = &intent.effects;
        assert_eq!(effects.confidence, Confidence::Opaque, "{script}");
    }
    // A shell reads a script as it stands there; a person reads it first.
    *shelf.host.lock().unwrap() = "uptime\n".to_owned();
    let with = json!({ "argv": ["sh", "/srv/web.yaml"] });
    let intent = intend_beside(&shelf, with).await.unwrap();
    assert!(intent.effects.needs_shell);
    assert_eq!(intent.pinned.files.len(), 1);
}

#[tokio::test]
async fn what_changed_after_it_was_judged_is_not_carried_out() {
    type Change = fn(&Shelf);
    let changes: [Change; 3] = [
        |shelf| *shelf.host.lock().unwrap() = BINDING.to_owned(),
        |shelf| *shelf.repository.lock().unwrap() = BINDING.to_owned(),
        |shelf| *shelf.kubectl.lock().unwrap() = "another".to_owned(),
    ];
    for change in changes {
        let (shelf, processes) = (shelf(), ending(How::Exited(0), b"", b""));
        let world = World {
            materials: shelf.clone(),
            processes: processes.clone(),
            ..world()
        };
        let performer = Performer::new(Arc::new(Catalogue::new()), Arc::new(world));
        let command = ActionName::new("command").unwrap();
        let with =
            json!({ "argv": ["kubectl", "apply", "-f", "/srv/web.yaml"], "files": ["web.yaml"] });
        let intent = performer.intend(&command, &with, &context()).await.unwrap();
        change(&shelf);
        let timeout = crate::domain::span::Span::from_secs(60);
        let permit = permit(command, with, intent, timeout);
        let report = performer.execute(permit, session(context()).0).await;
        assert!(
            report.summary.contains("when the step was judged"),
            "{report:?}"
        );
        assert!(
            processes.asked.lock().unwrap().is_empty(),
            "it was not started"
        );
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_is_told_when_the_step_is_planned() {
    let shelf = shelf();
    let error = intend_beside(&shelf, json!({ "argv": ["absent"] }))
        .await
        .unwrap_err();
    assert!(error.contains("there is no program `absent`"), "{error}");
    // A script may install it first, or do without.
    let script = json!({ "script": "absent || uptime" });
    let intent = intend_beside(&shelf, script).await.unwrap();
    assert_eq!(intent.pinned.programs[0].found, None);
}

#[tokio::test]
async fn files_of_the_repository_never_lead_out_of_it() {
    for path in [
        "",
        "/etc/passwd",
        "../x",
        "a/../../x",
        "a//b",
        "./a",
        "-f",
        "a\\b",
    ] {
        let with = json!({ "argv": ["cat", "x"], "files": [path] });
        let error = refused(with).await;
        assert!(
            error.contains("is no path in the repository"),
            "{path}: {error}"
        );
    }
    let with = json!({ "argv": ["cat", "x"], "files": ["x"], "workingDirectory": "/srv" });
    assert!(refused(with).await.contains("exclude each other"));
}

#[test]
fn a_script_holds_no_expression() {
    let catalogue = Catalogue::new();
    let check = |with: Value| catalogue.check_template(&ActionName::new("command").unwrap(), &with);
    let error = check(json!({ "script": "echo ${{ inputs.name }}" })).unwrap_err();
    insta::assert_snapshot!(error, @r#"
    in `with`, at `script`: a value in a script would be read as shell text
    hint: pass it by `env:` and write "$NAME" in the script
    "#);
    assert!(check(json!({ "argv": ["x"], "user": "${{ inputs.user }}" })).is_err());
    let fine = json!({ "script": "echo \"$NAME\"", "env": { "NAME": "${{ inputs.name }}" } });
    assert_eq!(check(fine), Ok(()));
    assert_eq!(
        check(json!({ "argv": ["echo", "${{ inputs.name }}"] })),
        Ok(())
    );
}

#[test]
fn what_nobody_filled_in_is_refused_as_it_is_written() {
    let catalogue = Catalogue::new();
    let check = |with: Value| catalogue.check_template(&ActionName::new("command").unwrap(), &with);
    for (with, words) in [
        (
            json!({ "argv": ["rm", "<file>"] }),
            "at `argv[1]`: `<file>` was not filled in",
        ),
        (
            json!({ "argv": ["rm", "${{ inputs.a }}-<file>"] }),
            "at `argv[1]`: `<file>` was not filled in",
        ),
        (
            json!({ "script": "kubectl get -n {{ ns }} pods" }),
            "at `script`: `{{ ns }}` was not filled in",
        ),
        (json!({ "script": "x".repeat(20_000) }), "at `script`: "),
    ] {
        let error = check(with.clone()).unwrap_err();
        assert!(error.contains(words), "{with}: {error}");
    }
    for fine in [
        json!({ "argv": ["grep", "<html>", "page"] }),
        json!({ "argv": ["echo", "${{ inputs.a }}", "<${{ inputs.b }}>", 5] }),
        json!({ "argv": ["docker", "ps", "--format", "{{.Names}}"] }),
        json!({ "script": "cat <<EOF >/tmp/x\n<config>\nEOF\nsort <in >out 2>err\ndiff <(ls a) <(ls b)" }),
    ] {
        assert_eq!(check(fine.clone()), Ok(()), "{fine}");
    }
}

#[tokio::test]
async fn wrong_inputs_are_refused_with_their_place() {
    let secret = marker(&SecretName::new("db").unwrap());
    for (with, words) in [
        (json!({}), "either `argv` or `script`"),
        (
            json!({ "argv": ["x"], "script": "y" }),
            "exclude each other",
        ),
        (json!({ "argv": [] }), "name is missing"),
        (json!({ "argv": ["df -h"] }), "hint: each argument"),
        (
            json!({ "argv": ["echo", secret] }),
            "hint: pass it by `env` or `stdin`",
        ),
        (json!({ "script": " \n" }), "at `script`: is empty"),
        (
            json!({ "script": format!("x {secret}") }),
            "hint: pass it by `env`",
        ),
        (
            json!({ "argv": ["x"], "env": { "A-B": "1" } }),
            "`A-B` cannot name a variable",
        ),
        (
            json!({ "argv": ["x"], "env": { "1A": "1" } }),
            "`1A` cannot name a variable",
        ),
        (
            json!({ "argv": ["x"], "workingDirectory": "here" }),
            "an absolute path",
        ),
        (
            json!({ "argv": ["x"], "user": secret }),
            "at `user`: must not hold a secret",
        ),
        (
            json!({ "argv": ["x"], "grace": "31s" }),
            "at `grace`: at most 30s",
        ),
        (
            json!({ "argv": ["x"], "limits": { "openFiles": 2 } }),
            "at least 8",
        ),
        (
            json!({ "argv": ["x"], "limits": { "memory": "much" } }),
            "limits.memory",
        ),
        (
            json!({ "argv": ["x"], "warningCodes": [0] }),
            "under `successCodes` too",
        ),
        (
            json!({ "argv": ["x"], "successCodes": [256] }),
            "successCodes",
        ),
        (json!({ "argv": ["a\u{202e}b"] }), "U+202E"),
        (json!({ "argv": ["a\0b"] }), "control character"),
        (json!({ "argv": ["x"], "sell": "bash" }), "sell"),
    ] {
        let error = refused(with.clone()).await;
        assert!(error.contains(words), "{with}: {error}");
    }
}

#[tokio::test]
async fn the_program_gets_its_words_and_only_its_environment() {
    let processes = ending(How::Exited(0), b"", b"");
    let with = json!({
        "argv": ["printf", "%s", 5, true],
        "env": { "LANG": "C", "COUNT": 3 },
        "stdin": "fed",
        "limits": { "memory": "1MiB", "cpu": "1500ms", "openFiles": 16 },
        "user": "nobody",
        "workingDirectory": "/tmp",
        "grace": "2s"
    });
    let report = run(processes.clone(), with).await;
    assert_eq!(report.result, StepResult::Succeeded);
    let program = processes.asked.lock().unwrap().remove(0);
    assert_eq!(words(&program), ["printf", "%s", "5", "true"]);
    let shown: Vec<_> = program
        .environment
        .iter()
        .map(|(name, value)| format!("{name}={}", value.expose()))
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    COUNT=3
    LANG=C
    ORDERLY_ATTEMPT=1
    ORDERLY_RUN=019cebab-8748-7707-8707-070707070707
    ORDERLY_RUNBOOK=demo
    ORDERLY_STEP=act
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    ");
    assert_eq!(program.input.unwrap().expose(), "fed");
    assert_eq!(program.user.as_deref(), Some("nobody"));
    assert_eq!(program.grace.millis(), 2000);
    assert_eq!(program.limits.memory, Some(1 << 20));
    assert_eq!(program.limits.cpu_seconds, Some(2));
    assert_eq!(program.limits.open_files, Some(16));
    assert_eq!(program.capture, 0);
}

#[tokio::test]
async fn a_script_that_needs_no_shell_gets_none() {
    let processes = ending(How::Exited(0), b"", b"");
    run(
        processes.clone(),
        json!({ "script": "true | false && true", "shell": "bash" }),
    )
    .await;
    let program = processes.asked.lock().unwrap().remove(0);
    let Work::Pipelines(asked) = program.work else {
        panic!("{program:?}");
    };
    assert!(asked.pipefail);
    assert_eq!(asked.plan.pipelines.len(), 2);
}

#[tokio::test]
async fn variables_are_judged_by_their_values_and_put_in_when_it_runs() {
    let restart = |name: &str| json!({ "script": "systemctl restart \"$SERVICE\"", "env": { "SERVICE": name } });
    let known = intend("command", restart("nginx")).await.unwrap().effects;
    assert_eq!(known.class(), Class::Change);
    assert_eq!(known.confidence, Confidence::Exact);
    assert!(!known.needs_shell);
    let secret = marker(&SecretName::new("db").unwrap());
    let hidden = intend("command", restart(&secret)).await.unwrap().effects;
    assert_ne!(hidden.confidence, Confidence::Exact);
    let many = json!({ "script": "systemctl restart $A", "env": { "A": "nginx; reboot" } });
    let many = intend("command", many).await.unwrap().effects;
    assert_eq!(many.calls, [["systemctl", "restart", "nginx;", "reboot"]]);
}

#[tokio::test]
async fn no_value_stands_in_the_orders_for_a_script() {
    let processes = ending(How::Exited(0), b"", b"");
    let world = World {
        processes: processes.clone(),
        secrets: KnownSecrets::of(&[("db", "hunter2-x")]),
        ..world()
    };
    let secret = marker(&SecretName::new("db").unwrap());
    let with = json!({ "script": "psql \"$URL\" -c 'select 1'", "env": { "URL": secret } });
    act(world, "command", with).await;
    let program = processes.asked.lock().unwrap().remove(0);
    let Work::Pipelines(asked) = program.work else {
        panic!("{program:?}");
    };
    assert!(!format!("{asked:?}").contains("hunter2"));
    assert_eq!(program.environment["URL"].expose(), "hunter2-x");
}

#[tokio::test]
async fn a_script_is_one_word_for_its_shell() {
    for (shell, words) in [
        ("sh", vec!["sh", "-e", "-c", "echo \"$(id)\"", "script"]),
        (
            "bash",
            vec![
                "bash",
                "--noprofile",
                "--norc",
                "-e",
                "-o",
                "pipefail",
                "-c",
                "echo \"$(id)\"",
                "script",
            ],
        ),
    ] {
        let processes = ending(How::Exited(0), b"", b"");
        run(
            processes.clone(),
            json!({ "script": "echo \"$(id)\"", "shell": shell }),
        )
        .await;
        assert_eq!(
            self::words(&processes.asked.lock().unwrap().remove(0)),
            words
        );
    }
}

#[tokio::test]
async fn the_exit_code_decides() {
    let with = json!({ "argv": ["x"], "successCodes": [0, 3], "warningCodes": [4] });
    let of = async |code| {
        run(
            ending(How::Exited(code), b"", b"first\nwhy\n\n"),
            with.clone(),
        )
        .await
    };
    let good = of(3).await;
    assert_eq!((good.result, good.check), (StepResult::Succeeded, None));
    assert_eq!(good.outputs, json!({ "exitCode": 3 }));
    let warned = of(4).await;
    assert_eq!(warned.result, StepResult::Succeeded);
    assert_eq!(warned.check, Some(CheckStatus::Warning));
    let bad = of(5).await;
    assert_eq!(bad.summary, "`x` exited with 5: why");
    assert_eq!(bad.outputs, json!({ "exitCode": 5 }));
}

#[tokio::test]
async fn only_what_reads_or_is_declared_idempotent_may_be_done_twice() {
    let idempotent = |with: Value| async move { intend("command", with).await.unwrap().idempotent };
    assert!(!idempotent(json!({ "argv": ["x"] })).await);
    assert!(idempotent(json!({ "argv": ["x"], "idempotent": true })).await);
    assert!(idempotent(json!({ "argv": ["false"] })).await);
    let absent = act(world(), "command", json!({ "argv": ["x"] })).await;
    assert!(absent.summary.contains("there is no program `x`") && !retryable(&absent));
}

#[tokio::test]
async fn the_end_by_a_signal_is_told() {
    let by_signal = run(
        ending(How::Signaled(11), b"", b""),
        json!({ "argv": ["x"] }),
    )
    .await;
    assert_eq!(by_signal.summary, "`x` was ended by signal 11");
    let killed = run(ending(How::Killed, b"", b""), json!({ "argv": ["x"] })).await;
    assert_eq!(killed.result, StepResult::Canceled);
    assert_eq!(
        killed.summary,
        "`x` did not end on TERM within 10s and was killed"
    );
}

#[tokio::test]
async fn output_is_kept_as_wished() {
    let of = async |outputs: &str, output: &[u8]| {
        let with = json!({ "argv": ["x"], "outputs": outputs });
        run(ending(How::Exited(0), output, b""), with).await
    };
    let text = of("text", b"one\ntwo\n").await;
    assert_eq!(text.outputs, json!({ "exitCode": 0, "stdout": "one\ntwo" }));
    let lines = of("lines", b"one\r\ntwo\n").await;
    assert_eq!(
        lines.outputs,
        json!({ "exitCode": 0, "lines": ["one", "two"] })
    );
    let json = of("json", b" { \"a\": [1] }\n").await;
    assert_eq!(json.outputs, json!({ "exitCode": 0, "json": { "a": [1] } }));
    let broken = of("json", b"{").await;
    assert!(
        broken
            .summary
            .starts_with("`x` exited with 0, but its output is not JSON")
    );
    let long = of("text", &b"0123456789abcde\n".repeat(5000)).await;
    assert_eq!(long.outputs["truncated"], true);
    assert_eq!(long.outputs["stdout"].as_str().unwrap().len(), 65_535);
    let endless = of("text", &vec![b'x'; 70_000]).await;
    assert_eq!(endless.outputs["stdout"], "");
}

#[tokio::test]
async fn a_secret_goes_in_by_the_environment_and_does_not_come_out() {
    let processes = ending(
        How::Exited(1),
        b"it is hunter2-x\n",
        b"bad password hunter2-x\n",
    );
    let world = World {
        processes: processes.clone(),
        secrets: KnownSecrets::of(&[("db", "hunter2-x")]),
        ..world()
    };
    let secret = marker(&SecretName::new("db").unwrap());
    let with = json!({ "argv": ["x"], "env": { "PASSWORD": secret }, "outputs": "text" });
    let report = act(world, "command", with).await;
    let program = processes.asked.lock().unwrap().remove(0);
    assert_eq!(program.environment["PASSWORD"].expose(), "hunter2-x");
    assert_eq!(report.summary, "`x` exited with 1: bad password ***");
    assert_eq!(report.outputs["stdout"], "it is ***");
}
