use super::{Doing, HostService, ServiceInputs, state::State};
use crate::{
    actions::framework::{
        Action as _,
        scripted::{act, intend, world},
    },
    domain::{check::CheckStatus, effect::Class},
};
use serde_json::json;

fn shown(active: &str, sub: &str) -> State {
    let text = format!(
        "Id=web.service\nLoadState=loaded\nActiveState={active}\nSubState={sub}\nResult=exit-code\nNRestarts=2\nMainPID=7\n\
         ActiveEnterTimestamp=Sun 2026-03-15 16:41:22 UTC\nInvocationID=ab\nDescription=A=B\n"
    );
    State::read("web.service", &text)
}

#[test]
fn a_unit_is_graded_by_what_systemd_says_of_it() {
    for (active, sub, status) in [
        ("active", "running", CheckStatus::Ok),
        ("active", "exited", CheckStatus::Ok),
        ("reloading", "reload", CheckStatus::Ok),
        ("activating", "start-pre", CheckStatus::Warning),
        ("activating", "auto-restart", CheckStatus::Critical),
        ("deactivating", "stop-sigterm", CheckStatus::Warning),
        ("inactive", "dead", CheckStatus::Critical),
        ("failed", "failed", CheckStatus::Critical),
        ("", "", CheckStatus::Unknown),
    ] {
        assert_eq!(shown(active, sub).judged().0, status, "{active} {sub}");
    }
    let nothing = State::read("web.service", "");
    assert_eq!(nothing.judged().0, CheckStatus::Unknown);
}

#[test]
fn what_is_told_of_a_unit_is_what_matters() {
    assert_eq!(
        shown("active", "running").to_string(),
        "web.service is active (running) since 2026-03-15T16:41:22Z; systemd has started it again 2 times"
    );
    assert_eq!(
        shown("failed", "failed").to_string(),
        "web.service is failed (failed), and ended the last time with exit-code; systemd has started it again 2 times"
    );
    let outputs = serde_json::to_value(shown("active", "running").outputs(false)).unwrap();
    assert_eq!(
        outputs,
        json!({
            "status": "ok", "unit": "web.service", "active": "active", "sub": "running", "result": "exit-code",
            "since": "2026-03-15T16:41:22Z", "mainPid": 7, "restarts": 2, "changed": false
        })
    );
}

#[tokio::test]
async fn each_verb_is_judged_as_the_same_command_is() {
    for (doing, line) in [
        ("check", "read unit k3s.service on the host"),
        ("start", "service start unit k3s.service on the host"),
        ("stop", "service stop unit k3s.service on the host"),
        ("restart", "restart unit k3s.service on the host"),
        ("reload", "restart unit k3s.service on the host"),
    ] {
        let inputs = json!({ "unit": "k3s", "do": doing });
        let effects = intend("host/service", inputs).await.unwrap().effects;
        let lines: Vec<String> = effects.items.iter().map(ToString::to_string).collect();
        assert_eq!(lines, [line], "{doing}");
        let class = match doing {
            "check" => Class::Read,
            "stop" => Class::Destructive,
            _ => Class::Change,
        };
        assert_eq!(effects.class(), class, "{doing}");
    }
}

#[tokio::test]
async fn where_there_is_no_systemd_nothing_is_known() {
    let report = act(world(), "host/service", json!({ "unit": "k3s" })).await;
    assert_eq!(
        report.check,
        Some(CheckStatus::Unknown),
        "{}",
        report.summary
    );
}

#[test]
fn a_unit_has_a_plain_name() {
    let inputs = |unit: &str| -> ServiceInputs {
        serde_json::from_value(json!({ "unit": unit, "do": "start" })).unwrap()
    };
    for (unit, name) in [
        ("k3s", "k3s.service"),
        ("k3s.service", "k3s.service"),
        ("a.timer", "a.timer"),
        ("getty@tty1", "getty@tty1.service"),
        ("org.example.web", "org.example.web.service"),
    ] {
        assert_eq!(HostService.validate(&inputs(unit)), Ok(()));
        assert_eq!(inputs(unit).name(), name);
    }
    for bad in ["", "-h", "a b", "web*", "/etc/a.service", "a\n"] {
        assert!(HostService.validate(&inputs(bad)).is_err(), "{bad}");
    }
    assert_eq!(inputs("a").doing, Doing::Start);
}
