use crate::{
    actions::framework::{
        Action, AnyAction, Catalogue, Performer, World,
        scripted::{KnownSecrets, context, perform, session, world},
    },
    domain::{
        effect::{Effect, Effects, Object, Verb},
        name::{ActionName, SecretName},
        run::{StepReport, StepResult},
        secret::{SecretValue, marker},
        span::Span,
    },
    ports::{
        BoxFuture,
        executor::{ActionCatalogue, Executor, Intent, Session, StepContext},
        secrets::{SecretError, Secrets},
    },
};
use serde_json::{Value, json};
use std::sync::Arc;

/// Does what a test asks of it.
struct Demo;

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DemoInputs {
    /// What it does.
    act: DemoAct,
    /// What it says.
    #[serde(default)]
    say: String,
    #[serde(default)]
    changes: bool,
}

#[derive(Clone, Copy, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
enum DemoAct {
    Say,
    Fail,
    Panic,
    PanicWhenPlanned,
    WaitForStop,
    FinishAfterStop,
    Hang,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct DemoOutputs {
    said: String,
}

impl Action for Demo {
    type Inputs = DemoInputs;
    type Outputs = DemoOutputs;
    const NAME: &'static str = "demo/act";
    const SUMMARY: &'static str = "Does what a test asks of it.";

    fn intend(&self, inputs: &DemoInputs, _: &StepContext) -> Result<Intent, String> {
        assert!(inputs.act != DemoAct::PanicWhenPlanned, "planned badly");
        let object = Object::host("thing", "t");
        let effect = if inputs.changes {
            Effect::change(Verb::Update, object, "do it again")
        } else {
            Effect::read(Verb::Read, object)
        };
        Ok(Intent {
            effects: Effects::exact(vec![effect]),
            idempotent: true,
            wants_approval: None,
            pinned: crate::domain::pinned::Pinned::default(),
        })
    }

    fn execute<'a>(
        &'a self,
        inputs: DemoInputs,
        session: &'a Session,
        _: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            match inputs.act {
                DemoAct::Say => {
                    let said = json!({ "said": inputs.say.clone(), inputs.say.clone(): [inputs.say.clone()] });
                    StepReport::succeeded(inputs.say, said)
                }
                DemoAct::Fail => StepReport::failed(inputs.say, true),
                DemoAct::Panic | DemoAct::PanicWhenPlanned => panic!("broken: {}", inputs.say),
                DemoAct::WaitForStop => {
                    session.stop.cancelled().await;
                    StepReport::failed("half done", true)
                }
                DemoAct::FinishAfterStop => {
                    session.stop.cancelled().await;
                    StepReport::succeeded("done all the same", Value::Null)
                }
                DemoAct::Hang => std::future::pending().await,
            }
        })
    }
}

fn performer(world: World) -> Performer {
    let demo: Box<dyn AnyAction> = Box::new(Demo);
    Performer::new(Arc::new(Catalogue::of(vec![vec![demo]])), Arc::new(world))
}

async fn demo(arguments: Value) -> StepReport {
    let session = session(context()).0;
    perform(
        &performer(world()),
        "demo/act",
        arguments,
        session,
        Span::from_secs(10),
    )
    .await
}

fn error(report: &StepReport) -> &str {
    match &report.result {
        StepResult::Failed { error, .. } => error,
        other @ (StepResult::Succeeded | StepResult::TimedOut | StepResult::Canceled) => {
            panic!("not failed but {other:?}")
        }
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_arguments_are_named() {
    let unknown = demo(json!({ "act": "say", "sya": "x" })).await;
    insta::assert_snapshot!(error(&unknown), @"in `with`, at `sya`: unknown field `sya`, expected one of `act`, `say`, `changes`");
    let wrong = demo(json!({ "act": "say", "changes": "yes" })).await;
    insta::assert_snapshot!(error(&wrong), @r#"in `with`, at `changes`: invalid type: string "yes", expected a boolean"#);
    let missing = demo(json!(null)).await;
    insta::assert_snapshot!(error(&missing), @"in `with`: missing field `act`");
    let hostile = demo(json!({ "act": "say", "say": "a\u{202E}b" })).await;
    insta::assert_snapshot!(error(&hostile), @"in `with`, at `say`: an invisible or direction-changing character, U+202E");
    let name = ActionName::new("demo/atc").unwrap();
    let stranger = performer(world())
        .catalogue
        .check(&name, &json!({}))
        .unwrap_err();
    assert_eq!(
        stranger,
        "there is no action `demo/atc`\nhint: did you mean `demo/act`?"
    );
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_a_value_for_the_action_and_masked_for_everybody_else() {
    let mark = marker(&SecretName::new("db").unwrap());
    let secrets = KnownSecrets::of(&[("db", "s3cr3t")]);
    let performer = performer(World { secrets, ..world() });
    for act in ["say", "fail", "panic"] {
        let arguments = json!({ "act": act, "say": format!("<{mark}>") });
        let session = session(context()).0;
        let report = perform(
            &performer,
            "demo/act",
            arguments,
            session,
            Span::from_secs(10),
        )
        .await;
        assert!(report.summary.contains("<***>"), "{report:?}");
        assert!(!format!("{report:?}").contains("s3cr3t"), "{report:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_secret_fails_the_step_without_its_mark() {
    let mark = marker(&SecretName::new("db").unwrap());
    let report = demo(json!({ "act": "say", "say": mark })).await;
    assert!(error(&report).contains("`db`"), "{report:?}");
    assert!(!report.summary.contains('\u{F0000}'), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_reads_and_changes_nothing() {
    let mut dry = context();
    dry.dry_run = true;
    let dry_run = async |arguments| {
        let session = session(dry.clone()).0;
        perform(
            &performer(world()),
            "demo/act",
            arguments,
            session,
            Span::from_secs(10),
        )
        .await
    };
    let read = dry_run(json!({ "act": "say", "say": "read" })).await;
    assert_eq!(read.summary, "read");
    let change = dry_run(json!({ "act": "say", "say": "changed", "changes": true })).await;
    assert_eq!(change.result, StepResult::Succeeded);
    assert_eq!(change.summary, "would update thing t on the host");
}

#[tokio::test(start_paused = true)]
async fn a_panic_fails_the_step_and_nothing_else() {
    let report = demo(json!({ "act": "panic", "say": "x" })).await;
    assert_eq!(
        error(&report),
        "the action has a fault and broke off: broken: x"
    );
    let arguments = json!({ "act": "panicWhenPlanned" });
    let name = ActionName::new("demo/act").unwrap();
    let planned = performer(world())
        .intend(&name, &arguments, &context())
        .await
        .unwrap_err();
    assert_eq!(
        planned,
        "the action has a fault and broke off: planned badly"
    );
}

#[tokio::test(start_paused = true)]
async fn a_timeout_stops_the_action_and_keeps_its_words() {
    let (session, log) = session(context());
    let arguments = json!({ "act": "waitForStop" });
    let report = perform(
        &performer(world()),
        "demo/act",
        arguments,
        session,
        Span::from_secs(10),
    )
    .await;
    assert_eq!(report.result, StepResult::TimedOut);
    assert_eq!(report.summary, "not done within 10s: half done");
    assert_eq!(log.text(), "not done within 10s; told to stop\n");
}

#[tokio::test(start_paused = true)]
async fn an_action_that_does_not_stop_is_given_up_after_its_grace() {
    let begin = tokio::time::Instant::now();
    let report = demo(json!({ "act": "hang" })).await;
    assert_eq!(report.result, StepResult::TimedOut);
    assert_eq!(
        report.summary,
        "not done within 10s, and did not stop within 7s"
    );
    assert_eq!(begin.elapsed().as_secs(), 17);
}

#[tokio::test(start_paused = true)]
async fn what_succeeded_after_its_timeout_has_happened() {
    let report = demo(json!({ "act": "finishAfterStop" })).await;
    assert_eq!(report.result, StepResult::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_request_to_stop_is_not_a_timeout() {
    for (act, words) in [
        ("waitForStop", "stopped by request: half done"),
        ("hang", "stopped by request, and did not stop within 7s"),
    ] {
        let performer = performer(world());
        let session = session(context()).0;
        let stop = session.stop.clone();
        let timeout = Span::from_secs(10);
        let acting = perform(
            &performer,
            "demo/act",
            json!({ "act": act }),
            session,
            timeout,
        );
        let stopping = async {
            tokio::time::sleep(std::time::Duration::from_secs(3)).await;
            stop.cancel();
        };
        let (report, ()) = tokio::join!(acting, stopping);
        assert_eq!(report.result, StepResult::Canceled);
        assert_eq!(report.summary, words);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_stopped_before_it_began_does_not_begin() {
    let session = session(context()).0;
    session.stop.cancel();
    let performer = performer(world());
    let arguments = json!({ "act": "panic" });
    let report = perform(
        &performer,
        "demo/act",
        arguments,
        session,
        Span::from_secs(1),
    )
    .await;
    assert_eq!(report.result, StepResult::Canceled);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_does_not_stop_the_run() {
    let session = session(context()).0;
    let stop = session.stop.clone();
    let performer = performer(world());
    let arguments = json!({ "act": "waitForStop" });
    let report = perform(
        &performer,
        "demo/act",
        arguments,
        session,
        Span::from_secs(1),
    )
    .await;
    assert_eq!(report.result, StepResult::TimedOut);
    assert!(!stop.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_was_rotated_meanwhile_is_masked_all_the_same() {
    /// Gives a value once, and knows another one afterwards.
    #[derive(Debug)]
    struct Rotated;
    impl Secrets for Rotated {
        fn get(&self, _: &SecretName) -> Result<SecretValue, SecretError> {
            Ok(SecretValue::new("old-s3cr3t".to_owned()))
        }
        fn all_values(&self) -> Vec<SecretValue> {
            vec![SecretValue::new("new-s3cr3t".to_owned())]
        }
    }
    let secrets = Arc::new(Rotated);
    let performer = performer(World { secrets, ..world() });
    let mark = marker(&SecretName::new("db").unwrap());
    let arguments = json!({ "act": "say", "say": format!("<{mark}> new-s3cr3t") });
    let session = session(context()).0;
    let report = perform(
        &performer,
        "demo/act",
        arguments,
        session,
        Span::from_secs(1),
    )
    .await;
    assert_eq!(report.summary, "<***> ***");
}

#[tokio::test(start_paused = true)]
async fn a_long_summary_is_cut() {
    let report = demo(json!({ "act": "say", "say": "é".repeat(9000) })).await;
    assert_eq!(
        report.summary.chars().count(),
        4000 + "… (cut)".chars().count()
    );
}

#[tokio::test(start_paused = true)]
async fn outputs_that_are_too_large_are_left_out() {
    let report = demo(json!({ "act": "say", "say": "x".repeat(1 << 20) })).await;
    assert_eq!(report.result, StepResult::Succeeded);
    assert_eq!(report.outputs, Value::Null);
}
