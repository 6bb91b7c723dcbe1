//! `rotate/secret`: a value in a file, a program that loads it, and a trial that compares.

use super::place::{Cut, Place, error, succeeded};
use orderly::domain::{
    effect::Class,
    rotation::{CredentialState, Event, Stage},
    run::StepResult,
};
use serde_json::{Value, json};

const USES: &str = "rotate/secret";
const OLD: &str = "the-old-value-of-the-app";

/// The app's password is in `password`; it has taken up what is in `loaded`, and lets in who knows that.
fn place() -> Place {
    let place = Place::new();
    place.write("password", OLD);
    place.write("loaded", OLD);
    place
}

fn step(place: &Place, more: Value) -> Value {
    let path = |name: &str| place.path(name).display().to_string();
    let mut step = json!({
        "name": "app",
        "every": "90d",
        "distribute": [{ "file": { "path": path("password"), "mode": "0640" } }],
        "consumers": [{ "command": { "argv": ["cp", path("password"), path("loaded")] } }],
        "test": {
            "command": { "argv": ["cmp", "-s", "-", path("loaded")] },
            "refusedCodes": [1],
        },
    });
    let more = more.as_object().unwrap().clone();
    step.as_object_mut().unwrap().extend(more);
    step
}

/// The app lets in who knows what the file says, before or after a restart.
fn works(place: &Place) {
    let (password, loaded) = (place.read("password"), place.read("loaded"));
    assert!(!password.is_empty() && !loaded.is_empty());
    let previous = place.read("password.previous");
    assert!(loaded == password || loaded == previous || password == OLD);
}

#[tokio::test]
async fn a_value_is_replaced_tried_and_the_old_one_refused() {
    let place = place();
    let report = succeeded(place.agent(USES, step(&place, json!({})), Cut::Never).await);
    let new = place.read("password");
    assert_eq!(place.read("loaded"), new);
    assert_ne!(new, OLD);
    assert_eq!(new.len(), 32);
    assert!(!place.path("password.previous").exists());
    assert!(
        report.summary.contains("the old one was refused"),
        "{}",
        report.summary
    );
    assert_eq!(report.outputs["state"], "current");
    assert_eq!(report.outputs["proofs"].as_array().unwrap().len(), 3);
    place.is_at_rest("app").await;

    let report = succeeded(place.agent(USES, step(&place, json!({})), Cut::Never).await);
    assert!(
        report.summary.contains("is not due until"),
        "{}",
        report.summary
    );
    assert_eq!(place.read("password"), new);
}

#[tokio::test]
async fn both_are_good_during_the_overlap_and_then_the_old_one_goes() {
    let place = place();
    let step = |overlap: &str| step(&place, json!({ "overlap": overlap }));
    let report = succeeded(place.agent(USES, step("1h"), Cut::Never).await);
    assert!(
        report.summary.contains("both are good until"),
        "{}",
        report.summary
    );
    // To the second.
    let until = report.summary.split_once("both are good until ").unwrap().1;
    let until = until.split_once('Z').unwrap().0;
    assert!(!until.contains('.'), "{until}");
    assert_eq!(place.read("password.previous"), OLD);
    assert_eq!(
        place.credential("app").await.state,
        CredentialState::Overlap
    );
    assert_eq!(place.kept(), 1);
    let report = succeeded(place.agent(USES, step("1h"), Cut::Never).await);
    assert!(
        report.summary.contains("in its overlap until"),
        "{}",
        report.summary
    );
    assert_eq!(place.read("password.previous"), OLD);
}

/// The heart of it. Whenever the agent is killed, the app goes on; and the next run ends what was begun.
#[tokio::test]
async fn killed_at_any_moment_the_app_goes_on_and_the_next_run_ends_the_rotation() {
    let whole = place();
    succeeded(whole.agent(USES, step(&whole, json!({})), Cut::Never).await);
    let events = whole.events.lock().unwrap().clone();
    assert_eq!(events.len(), 2 + 2 * Stage::ALL.len());
    let switched = |event: &Event| {
        matches!(
            event,
            Event::StageEnded {
                stage: Stage::Switch,
                ..
            }
        )
    };
    let switch = events.iter().position(switched).unwrap();
    for number in 0..events.len() {
        for cut in [Cut::Before(number), Cut::After(number)] {
            let place = place();
            let killed = place.agent(USES, step(&place, json!({})), cut).await;
            assert!(killed.is_none(), "{cut:?}");
            works(&place);
            let first = place.read("password");
            let counts = cut == Cut::After(switch) || number > switch;
            let report = succeeded(place.agent(USES, step(&place, json!({})), Cut::Never).await);
            let new = place.read("password");
            assert_ne!(new, OLD, "{cut:?}");
            // After the switch the new one counts; before it, another new one is made.
            assert_eq!(first == new, counts, "{cut:?}: {}", report.summary);
            assert_eq!(place.read("loaded"), new, "{cut:?}");
            assert!(!place.path("password.previous").exists(), "{cut:?}");
            place.is_at_rest("app").await;
        }
    }
}

/// The same where the next run cannot rotate either: all is as before, or the new one counts.
#[tokio::test]
async fn killed_before_the_switch_all_is_put_back_even_where_nothing_new_can_be_tried() {
    let broken = |place: &Place| {
        let mut broken = step(place, json!({}));
        broken["test"]["command"]["argv"] = json!(["false"]);
        broken
    };
    // The last one is the end of the trial.
    for number in 0..11 {
        let place = place();
        let killed = place
            .agent(USES, step(&place, json!({})), Cut::After(number))
            .await;
        assert!(killed.is_none());
        let report = place.agent(USES, broken(&place), Cut::Never).await.unwrap();
        assert!(
            error(&report).contains("was not rotated"),
            "{}",
            report.summary
        );
        assert_eq!(place.read("password"), OLD, "{number}");
        assert_eq!(place.read("loaded"), OLD, "{number}");
        place.is_at_rest("app").await;
    }
}

#[tokio::test]
async fn a_stage_that_fails_puts_the_former_value_back_and_says_so() {
    for (field, words) in [
        (
            json!({ "test": { "command": { "argv": ["false"] } } }),
            "test:",
        ),
        (
            json!({ "consumers": [{ "command": { "argv": ["false"] } }] }),
            "restart:",
        ),
        (
            json!({ "distribute": [
                { "file": { "path": "PASSWORD" } },
                { "file": { "path": "/not/there/password" } },
            ] }),
            "distribute:",
        ),
    ] {
        let place = place();
        let mut step = step(&place, field);
        if step["distribute"][0]["file"]["path"] == "PASSWORD" {
            step["distribute"][0]["file"]["path"] = json!(place.path("password"));
        }
        let report = place.agent(USES, step, Cut::Never).await.unwrap();
        if words == "restart:" {
            // The consumer cannot take the old one up again either, so nothing is claimed.
            assert!(
                error(&report).contains("could not be taken back"),
                "{}",
                report.summary
            );
            assert_eq!(
                place.credential("app").await.state,
                CredentialState::RollingBack
            );
        } else {
            assert!(error(&report).contains(words), "{}", report.summary);
            assert!(error(&report).contains("the former one counts again"));
            place.is_at_rest("app").await;
        }
        assert_eq!(place.read("password"), OLD, "{words}");
        assert_eq!(place.read("loaded"), OLD, "{words}");
    }
}

#[tokio::test]
async fn an_old_value_that_is_still_good_is_no_success() {
    let place = place();
    let mut step = step(&place, json!({}));
    step["test"]["command"]["argv"] = json!(["cat"]);
    let report = place.agent(USES, step, Cut::Never).await.unwrap();
    assert!(
        error(&report).contains("the old one is still good"),
        "{}",
        report.summary
    );
    // Nothing is amiss in the words, and there is a way out.
    assert!(!report.summary.contains("  "), "{}", report.summary);
    let id = report.outputs["rotation"].as_str().unwrap();
    let out = format!("give the rotation up with `giveUp: {id}`");
    assert!(report.summary.contains(&out), "{}", report.summary);
    assert_eq!(
        place.credential("app").await.state,
        CredentialState::Retiring
    );
}

#[tokio::test]
async fn what_cannot_be_proven_is_not_claimed() {
    let place = place();
    let mut step = step(&place, json!({}));
    step["test"]["refusedCodes"] = json!([]);
    let report = succeeded(place.agent(USES, step, Cut::Never).await);
    assert!(
        report.summary.contains("the old one was not tried"),
        "{}",
        report.summary
    );
}

#[tokio::test]
async fn values_that_were_lost_after_the_switch_need_a_person() {
    let place = place();
    let arguments = step(&place, json!({ "overlap": "1ms" }));
    // The end of the switch.
    let killed = place.agent(USES, arguments.clone(), Cut::After(12)).await;
    assert!(killed.is_none());
    std::fs::remove_file(place.state().join("rotations/app.json")).unwrap();
    let report = place
        .agent(USES, arguments.clone(), Cut::Never)
        .await
        .unwrap();
    assert!(
        error(&report).contains("cannot go on without a person"),
        "{}",
        report.summary
    );
    let id = report.outputs["rotation"].as_str().unwrap().to_owned();
    assert_eq!(place.credential("app").await.state, CredentialState::Stuck);
    // Nobody is asked about what can only fail, and it fails the same each time.
    let again = place
        .agent(USES, arguments.clone(), Cut::Never)
        .await
        .unwrap();
    assert_eq!(error(&again), error(&report));
    assert_eq!(class(&place, &arguments).await, Class::Read);
    let report = succeeded(
        place
            .agent(USES, step(&place, json!({ "giveUp": id })), Cut::Never)
            .await,
    );
    assert!(report.summary.contains("is given up"), "{}", report.summary);
    for left in ["the new one may let in", "the old one may let in"] {
        assert!(report.summary.contains(left), "{}", report.summary);
    }
    assert_eq!(place.credential("app").await.rotation, None);
}

/// As how grave the step is judged now.
async fn class(place: &Place, arguments: &Value) -> Class {
    use crate::steps::{Run, rotations, world};
    use std::sync::Arc;
    let state = place.state();
    let world = orderly::actions::framework::World {
        rotations: rotations(&state, place.history(), Arc::default()),
        ..world(&state)
    };
    let run = Run::new(world);
    run.effects(USES, arguments).await.class()
}

#[tokio::test]
async fn a_rotation_is_judged_as_grave_and_a_look_as_a_look() {
    let place = place();
    let arguments = step(&place, json!({}));
    assert_eq!(class(&place, &arguments).await, Class::Destructive);
    succeeded(place.agent(USES, arguments.clone(), Cut::Never).await);
    assert_eq!(class(&place, &arguments).await, Class::Read);
}

#[tokio::test]
async fn inputs_that_make_no_sense_are_refused() {
    let place = place();
    for (more, words) in [
        (json!({ "every": null }), "nothing says when it is due"),
        (json!({ "overlap": "90d" }), "not shorter than `every`"),
        (json!({ "distribute": [] }), "at least one place"),
        (
            json!({ "policy": { "length": 8 } }),
            "at least 80 are needed",
        ),
        (json!({ "test": {} }), "exactly one of `command` and `http`"),
        (
            json!({ "test": { "http": { "url": "https://h/?key={value}" } } }),
            "would be written into logs",
        ),
        (
            json!({ "distribute": [{ "file": { "path": "x" } }] }),
            "must be the absolute path",
        ),
        (
            json!({ "distribute": [{ "file": { "path": "/x", "part": "key" } }] }),
            "has no part `key`",
        ),
    ] {
        let report = crate::steps::Run::new(crate::steps::world(&place.state()));
        let uses = orderly::domain::name::ActionName::new(USES).unwrap();
        let refused = report.intent(&uses, &step(&place, more.clone())).await;
        let error = refused.unwrap_err();
        assert!(error.contains(words), "{more}: {error}");
    }
}

#[tokio::test]
async fn two_steps_do_not_rotate_one_credential_at_once() {
    let place = place();
    let killed = place
        .agent(USES, step(&place, json!({})), Cut::After(7))
        .await;
    assert!(killed.is_none());
    // Another runbook's step of the same name, while the rotation goes on.
    let mut other = step(&place, json!({}));
    other["distribute"][0]["file"]["path"] = json!(place.path("elsewhere"));
    let report = place.agent(USES, other, Cut::Never).await.unwrap();
    assert!(
        error(&report).contains("began elsewhere"),
        "{}",
        report.summary
    );
    assert!(matches!(
        report.result,
        StepResult::Failed {
            retryable: false,
            ..
        }
    ));
}

/// What cannot be recorded is not done; what was done and could not be recorded is done once more, or taken back.
#[tokio::test]
async fn a_record_that_cannot_be_written_stops_everything_and_the_next_run_ends_the_rotation() {
    for number in 0..2 + 2 * Stage::ALL.len() {
        let place = place();
        let cut = Cut::Fails(number);
        let report = place
            .agent(USES, step(&place, json!({})), cut)
            .await
            .unwrap();
        assert!(
            error(&report).contains("nothing more was touched"),
            "{}",
            report.summary
        );
        works(&place);
        let records = place.events.lock().unwrap().len();
        assert_eq!(records, number);
        succeeded(place.agent(USES, step(&place, json!({})), Cut::Never).await);
        assert_ne!(place.read("password"), OLD);
        assert_eq!(place.read("loaded"), place.read("password"));
        assert!(!place.path("password.previous").exists());
        place.is_at_rest("app").await;
    }
}

#[tokio::test]
async fn a_rotation_that_never_was_is_not_given_up_and_nothing_else_is_done() {
    let place = place();
    let of = |id: &str| step(&place, json!({ "giveUp": id, "force": true }));
    let unknown = "0199b1c2-7d3e-7a00-8000-000000000000";
    for id in [unknown, "the-last-one"] {
        let report = place.agent(USES, of(id), Cut::Never).await.unwrap();
        let why = error(&report);
        assert!(why.contains(&format!("no rotation `{id}`")), "{why}");
        assert!(why.contains("none goes on"), "{why}");
    }
    assert_eq!(place.read("password"), OLD);

    // One that goes on is named.
    let overlapping = step(&place, json!({ "overlap": "1h" }));
    succeeded(place.agent(USES, overlapping, Cut::Never).await);
    let open = place.credential("app").await.rotation.unwrap().to_string();
    let report = place.agent(USES, of(unknown), Cut::Never).await.unwrap();
    let hint = format!("the one that goes on is {open}");
    assert!(error(&report).contains(&hint), "{}", report.summary);
    assert_eq!(
        place.credential("app").await.state,
        CredentialState::Overlap
    );

    // One that was given up may stand there still.
    succeeded(place.agent(USES, of(&open), Cut::Never).await);
    assert_eq!(place.credential("app").await.rotation, None);
    let report = succeeded(place.agent(USES, of(&open), Cut::Never).await);
    assert!(report.summary.contains("was rotated"), "{}", report.summary);
}

#[tokio::test]
async fn a_first_one_that_fails_leaves_none_and_says_so() {
    let place = place();
    std::fs::remove_file(place.path("password")).unwrap();
    let broken = step(
        &place,
        json!({ "consumers": [], "test": { "command": { "argv": ["false"] } } }),
    );
    let report = place.agent(USES, broken, Cut::Never).await.unwrap();
    let why = error(&report);
    assert!(
        why.contains("was not rotated, and there is none, as before"),
        "{why}"
    );
    let credential = place.credential("app").await;
    assert_eq!(credential.state, CredentialState::Missing);
    assert!(credential.issued_at.is_none() && credential.next_at.is_some());
    assert!(!place.path("password").exists());
    let report = succeeded(place.agent(USES, step(&place, json!({})), Cut::Never).await);
    assert!(
        report.summary.contains("there was no old one"),
        "{}",
        report.summary
    );
    assert_eq!(report.check, None);
    place.is_at_rest("app").await;
}

/// Mode, owner and group.
fn access(place: &Place, name: &str) -> (u32, u32, u32) {
    use std::os::unix::fs::MetadataExt as _;
    let found = std::fs::metadata(place.path(name)).unwrap();
    (found.mode() & 0o7777, found.uid(), found.gid())
}

/// A password that a service reads by its group; and whose it is. Only root can give files away.
fn of_a_service() -> (Place, (u32, u32, u32)) {
    use std::os::unix::fs::PermissionsExt as _;
    let place = place();
    let path = place.path("password");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    if access(&place, "password").1 == 0 {
        std::os::unix::fs::chown(&path, Some(12345), Some(12346)).unwrap();
    }
    let before = access(&place, "password");
    (place, before)
}

#[tokio::test]
async fn a_file_keeps_its_owner_group_and_mode_where_the_step_names_none() {
    let (place, before) = of_a_service();
    let mut step = step(&place, json!({ "overlap": "1h" }));
    step["distribute"] = json!([
        { "file": { "path": place.path("password") } },
        { "file": { "path": place.path("new") } },
    ]);
    succeeded(place.agent(USES, step, Cut::Never).await);
    assert_ne!(place.read("password"), OLD);
    assert_eq!(access(&place, "password"), before);
    assert_eq!(access(&place, "password.previous"), before);
    assert_eq!(access(&place, "new").0, 0o600);
}

#[tokio::test]
async fn a_file_that_gets_its_former_content_back_is_whose_it_was_even_after_a_kill() {
    for cut in [Cut::Never, Cut::Before(6), Cut::After(6), Cut::Before(8)] {
        let (place, before) = of_a_service();
        let mut step = step(&place, json!({}));
        step["distribute"][0]["file"]["mode"] = json!("0604");
        step["test"] = json!({ "command": { "argv": ["false"] } });
        let killed = place.agent(USES, step.clone(), cut).await;
        assert_eq!(killed.is_none(), cut != Cut::Never);
        let report = place.agent(USES, step, Cut::Never).await.unwrap();
        assert!(error(&report).contains("was not rotated"), "{cut:?}");
        assert_eq!(place.read("password"), OLD, "{cut:?}");
        assert_eq!(access(&place, "password"), before, "{cut:?}");
    }
}

#[tokio::test]
async fn what_goes_on_after_a_failure_was_not_cut_off() {
    let place = place();
    // The old one lets in, too: it is tried, and is not refused.
    let lax = json!({ "command": { "argv": ["true"] }, "refusedCodes": [1] });
    let step = step(&place, json!({ "test": lax }));
    for _ in 0..2 {
        let report = place.agent(USES, step.clone(), Cut::Never).await.unwrap();
        assert!(error(&report).contains("still good"), "{}", report.summary);
    }
    let events = place.events.lock().unwrap();
    let is_resumed = |event: &Event| matches!(event, Event::Resumed { .. });
    assert!(!events.iter().any(is_resumed), "{events:?}");
    let went_on = |event: &Event| matches!(event, Event::WentOn { .. });
    assert!(events.iter().any(went_on), "{events:?}");
}
