//! `rotate/postgres-password` on a real PostgreSQL that asks for passwords.

use super::place::{Cut, Place, error, succeeded};
use crate::cluster::postgres::Postgres;
use orderly::{
    adapters::{certificates::MadeHere, postgres::HostPostgres},
    domain::{
        rotation::{Event, Stage},
        secret::SecretValue,
        span::Span,
    },
    ports::{
        certificates::{Certificates as _, Order},
        postgres::{Login, Postgres as _, PostgresError, Protection, Server},
    },
};
use serde_json::{Value, json};
use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt as _, time::Duration};

const USES: &str = "rotate/postgres-password";
const OLD: &str = "the-old-password-of-web";

/// Two roles, of which the first one has a password; `username` and `password` are what the app uses.
fn place(postgres: &Postgres) -> Place {
    for role in ["web_a", "web_b"] {
        postgres.query(&format!(
            "DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN"
        ));
    }
    postgres.query(&format!("ALTER ROLE web_a PASSWORD '{OLD}'"));
    let place = Place::new();
    place.write("username", "web_a");
    place.write("password", OLD);
    place
}

fn step(place: &Place, postgres: &Postgres, more: Value) -> Value {
    let file = |name: &str| json!({ "file": { "path": place.path(name), "part": name } });
    let mut step = json!({
        "name": "web-db",
        "every": "90d",
        "server": { "host": postgres.socket(), "tls": "none" },
        "admin": { "role": "admin" },
        "roles": ["web_a", "web_b"],
        "current": OLD,
        "distribute": [file("username"), file("password")],
    });
    let more = more.as_object().unwrap().clone();
    step.as_object_mut().unwrap().extend(more);
    step
}

async fn logs_in(server: &Server, role: &str, password: &str) -> Result<(), PostgresError> {
    let login = Login {
        role: role.to_owned(),
        password: Some(SecretValue::new(password.to_owned())),
    };
    HostPostgres.log_in(server, &login).await
}

fn server(postgres: &Postgres) -> Server {
    Server {
        host: postgres.socket().display().to_string(),
        port: 5432,
        database: "postgres".to_owned(),
        tls: Protection::None,
        timeout: Span::from_secs(10),
    }
}

#[tokio::test]
async fn two_roles_change_places_and_the_old_password_is_refused() {
    let Some(postgres) = Postgres::with_passwords() else {
        return;
    };
    postgres.query("ALTER SYSTEM SET log_statement = 'all'; ");
    postgres.query("SELECT pg_reload_conf()");
    let place = place(&postgres);
    let server = server(&postgres);
    logs_in(&server, "web_a", OLD).await.unwrap();
    let report = succeeded(
        place
            .agent(USES, step(&place, &postgres, json!({})), Cut::Never)
            .await,
    );
    let summary = &report.summary;
    assert!(
        summary.contains("was refused with the old password (28P01)"),
        "{summary}"
    );
    let new = place.read("password");
    assert_eq!(place.read("username"), "web_b");
    logs_in(&server, "web_b", &new).await.unwrap();
    assert!(matches!(
        logs_in(&server, "web_a", OLD).await,
        Err(PostgresError::LoginRefused { .. })
    ));
    place.is_at_rest("web-db").await;
    // The server has seen a verifier only.
    let log = postgres.log();
    assert!(
        log.contains("ALTER ROLE \"web_b\" PASSWORD 'SCRAM-SHA-256$"),
        "{log}"
    );
    assert!(!log.contains(&new), "{log}");

    let again = json!({ "force": true, "current": new });
    succeeded(
        place
            .agent(USES, step(&place, &postgres, again), Cut::Never)
            .await,
    );
    assert_eq!(place.read("username"), "web_a");
    logs_in(&server, "web_a", &place.read("password"))
        .await
        .unwrap();
    assert!(logs_in(&server, "web_b", &new).await.is_err());
}

/// Whenever the agent is killed, what the app has lets it in; and the next run ends what was begun.
#[tokio::test]
async fn killed_at_any_moment_the_app_can_log_in_and_the_next_run_ends_the_rotation() {
    let Some(postgres) = Postgres::with_passwords() else {
        return;
    };
    let server = server(&postgres);
    let records = 2 + 2 * Stage::ALL.len();
    for number in 0..records {
        for cut in [Cut::Before(number), Cut::After(number)] {
            let place = place(&postgres);
            let killed = place.agent(USES, step(&place, &postgres, json!({})), cut);
            assert!(killed.await.is_none(), "{cut:?}");
            let can = logs_in(&server, &place.read("username"), &place.read("password")).await;
            assert!(can.is_ok(), "{cut:?}: {can:?}");
            let is_switched = {
                let events = place.events.lock().unwrap();
                let revoked = |event: &Event| {
                    matches!(
                        event,
                        Event::StageBegan {
                            stage: Stage::Revoke
                        }
                    )
                };
                events.iter().any(revoked)
            };
            if !is_switched {
                logs_in(&server, "web_a", OLD).await.unwrap();
            }
            let step = step(&place, &postgres, json!({}));
            let report = succeeded(place.agent(USES, step, Cut::Never).await);
            assert_eq!(
                place.read("username"),
                "web_b",
                "{cut:?}: {}",
                report.summary
            );
            logs_in(&server, "web_b", &place.read("password"))
                .await
                .unwrap();
            assert!(logs_in(&server, "web_a", OLD).await.is_err(), "{cut:?}");
            place.is_at_rest("web-db").await;
        }
    }
}

#[tokio::test]
async fn one_role_gets_its_former_password_back_where_the_rotation_fails() {
    let Some(postgres) = Postgres::with_passwords() else {
        return;
    };
    let place = place(&postgres);
    let server = server(&postgres);
    let one = json!({ "roles": [], "role": "web_a" });
    let mut broken = step(&place, &postgres, one.clone());
    broken["consumers"] =
        json!([{ "command": { "argv": ["cp", place.path("nothing"), place.path("x")] } }]);
    let report = place.agent(USES, broken.clone(), Cut::Never).await.unwrap();
    assert!(
        error(&report).contains("could not be taken back"),
        "{}",
        report.summary
    );
    // The consumer can be helped now, and the next run ends the way back before it begins anew.
    place.write("nothing", "");
    let report = succeeded(place.agent(USES, broken, Cut::After(99)).await);
    assert!(
        report.summary.contains("was rolled back"),
        "{}",
        report.summary
    );
    logs_in(&server, "web_a", &place.read("password"))
        .await
        .unwrap();
    assert!(logs_in(&server, "web_a", OLD).await.is_err());
    place.is_at_rest("web-db").await;
}

#[tokio::test]
async fn a_server_that_lets_everybody_in_proves_nothing() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let place = place(&postgres);
    let step = step(&place, &postgres, json!({}));
    let report = place.agent(USES, step, Cut::Never).await.unwrap();
    assert!(
        error(&report).contains("with any password"),
        "{}",
        report.summary
    );
    assert_eq!(place.read("password"), OLD);
    place.is_at_rest("web-db").await;
}

#[tokio::test]
async fn a_server_is_reached_over_tls_where_its_certificate_is_trusted() {
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let order = Order {
        names: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        lifetime: Span::from_secs(3650 * 86_400),
        now,
        signer: None,
    };
    let made = MadeHere.make(&order).unwrap();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let Some(postgres) = Postgres::with_tls(port, &made.chain, made.key.expose()) else {
        return;
    };
    let query = |statement: &str| {
        let (host, port) = (postgres.socket().display().to_string(), port.to_string());
        postgres.run(
            "psql",
            &[
                "-h", &host, "-p", &port, "-U", "admin", "-d", "postgres", "-qtAc", statement,
            ],
        )
    };
    query(&format!("CREATE ROLE web LOGIN PASSWORD '{OLD}'"));
    let place = Place::new();
    place.write("authority", &made.chain);
    let server = |tls| Server {
        host: "127.0.0.1".to_owned(),
        port,
        tls,
        ..server(&postgres)
    };
    let trusting = server(Protection::Verified(Some(place.path("authority"))));
    logs_in(&trusting, "web", OLD).await.unwrap();
    assert!(matches!(
        logs_in(&trusting, "web", "wrong").await,
        Err(PostgresError::LoginRefused { code, .. }) if code == "28P01"
    ));
    for other in [Protection::Verified(None), Protection::None] {
        assert!(logs_in(&server(other), "web", OLD).await.is_err());
    }
}

#[tokio::test]
async fn the_role_in_use_is_found_by_its_password_and_never_guessed() {
    let Some(postgres) = Postgres::with_passwords() else {
        return;
    };
    let server = server(&postgres);
    // The record is gone, and the second role is in use.
    let place = place(&postgres);
    postgres.query(&format!(
        "ALTER ROLE web_a PASSWORD NULL; ALTER ROLE web_b PASSWORD '{OLD}'"
    ));
    for (standing, current, words) in [
        ("", json!(null), "which of the roles is in use"),
        ("", json!("not-its-password"), "what `current` names"),
        ("another", json!(null), "what stands in its place"),
    ] {
        place.write("password", standing);
        let step = step(&place, &postgres, json!({ "current": current }));
        let report = place.agent(USES, step, Cut::Never).await.unwrap();
        assert!(error(&report).contains(words), "{}", report.summary);
        place.is_at_rest("web-db").await;
    }
    logs_in(&server, "web_b", OLD).await.unwrap();
    let step = step(&place, &postgres, json!({}));
    succeeded(place.agent(USES, step, Cut::Never).await);
    assert_eq!(place.read("username"), "web_a");
    assert!(logs_in(&server, "web_b", OLD).await.is_err());
}

#[tokio::test]
async fn the_old_password_is_taken_from_where_it_stands_rotation_after_rotation() {
    let Some(postgres) = Postgres::with_passwords() else {
        return;
    };
    let (server, place) = (server(&postgres), place(&postgres));
    // Nothing follows the rotations by itself: neither a value that is named once, nor one that is not.
    for current in [json!(OLD), json!(OLD), json!(null)] {
        let (role, password) = (place.read("username"), place.read("password"));
        logs_in(&server, &role, &password).await.unwrap();
        let more = json!({ "current": current, "force": true });
        let done = succeeded(
            place
                .agent(USES, step(&place, &postgres, more), Cut::Never)
                .await,
        );
        assert!(
            done.summary.contains("with the old password (28P01)"),
            "{}",
            done.summary
        );
        assert_ne!(place.read("username"), role);
        assert!(logs_in(&server, &role, &password).await.is_err());
    }
}

#[tokio::test]
async fn the_password_of_one_role_is_put_back_from_where_it_stands() {
    let Some(postgres) = Postgres::with_passwords() else {
        return;
    };
    let (server, place) = (server(&postgres), place(&postgres));
    let failing = json!({ "file": { "path": "/proc/no/such/folder", "part": "password" } });
    let mut step = step(
        &place,
        &postgres,
        json!({ "roles": [], "role": "web_a", "current": null }),
    );
    step["distribute"].as_array_mut().unwrap().push(failing);
    let report = place.agent(USES, step, Cut::Never).await.unwrap();
    let _told = error(&report);
    assert_eq!(place.read("password"), OLD);
    logs_in(&server, "web_a", OLD).await.unwrap();
}

/// One role, with a consumer that logs in with what it finds, as most do when they start, and that fails by itself the first time.
fn one_role(place: &Place, postgres: &Postgres) -> Value {
    let script = format!(
        "#!/bin/sh\n[ -e {tried} ] || {{ : > {tried}; exit 1; }}\nPGPASSWORD=$(cat {password}) exec psql -qh {socket} -U web_a -d postgres -c 'select 1'\n",
        tried = place.path("tried").display(),
        password = place.path("password").display(),
        socket = postgres.socket().display(),
    );
    place.write("app", &script);
    let app = place.path("app");
    fs::set_permissions(&app, fs::Permissions::from_mode(0o755)).unwrap();
    let mut step = step(
        place,
        postgres,
        json!({ "roles": [], "role": "web_a", "current": null }),
    );
    step["consumers"] = json!([{ "command": { "argv": [app] } }]);
    step
}

#[tokio::test]
async fn consumers_of_one_role_that_start_on_the_way_back_find_its_former_password_good() {
    let Some(postgres) = Postgres::with_passwords() else {
        return;
    };
    let (server, place) = (server(&postgres), place(&postgres));
    let step = one_role(&place, &postgres);
    let report = place.agent(USES, step, Cut::Never).await.unwrap();
    let told = error(&report);
    assert!(told.contains("the former one counts again"), "{told}");
    assert_eq!(place.read("password"), OLD);
    logs_in(&server, "web_a", OLD).await.unwrap();
    place.is_at_rest("web-db").await;
}

#[tokio::test]
async fn what_a_rotation_that_was_given_up_has_left_may_be_the_only_one_that_lets_in() {
    let Some(postgres) = Postgres::with_passwords() else {
        return;
    };
    let (server, place) = (server(&postgres), place(&postgres));
    let mut step = one_role(&place, &postgres);
    // Killed when the role had its new password, and the file too; and then somebody has written into the file.
    let killed = place.agent(USES, step.clone(), Cut::After(7)).await;
    assert!(killed.is_none());
    let new = place.read("password");
    logs_in(&server, "web_a", &new).await.unwrap();
    place.write("password", "rubbish");
    let rotation = place.credential("web-db").await.rotation.unwrap();
    step["giveUp"] = json!(rotation.to_string());
    succeeded(place.agent(USES, step.clone(), Cut::Never).await);
    assert_eq!(place.kept(), 1);
    step["force"] = json!(true);
    place.write("tried", "");
    // It stays the only one where the next rotation fails as well.
    let mut failing = step.clone();
    let nowhere = json!({ "file": { "path": "/proc/no/such/folder", "part": "password" } });
    failing["consumers"] = json!([]);
    failing["distribute"].as_array_mut().unwrap().push(nowhere);
    let report = place.agent(USES, failing, Cut::Never).await.unwrap();
    let _told = error(&report);
    assert_eq!(place.kept(), 1);
    logs_in(&server, "web_a", &new).await.unwrap();
    succeeded(place.agent(USES, step, Cut::Never).await);
    logs_in(&server, "web_a", &place.read("password"))
        .await
        .unwrap();
    assert!(logs_in(&server, "web_a", &new).await.is_err());
    place.is_at_rest("web-db").await;
}

#[tokio::test]
async fn while_a_place_does_not_hold_the_new_one_the_old_one_is_not_revoked() {
    let Some(postgres) = Postgres::with_passwords() else {
        return;
    };
    let (server, place) = (server(&postgres), place(&postgres));
    let mut step = step(&place, &postgres, json!({ "overlap": "1s" }));
    succeeded(place.agent(USES, step.clone(), Cut::Never).await);
    assert_eq!(place.read("username"), "web_b");
    // Whoever keeps files as they are in git puts the old ones back.
    place.write("username", "web_a");
    place.write("password", OLD);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let report = place.agent(USES, step.clone(), Cut::Never).await.unwrap();
    let told = error(&report);
    assert!(told.contains("does not hold the new one"), "{told}");
    assert!(told.contains("the old one was not revoked"), "{told}");
    logs_in(&server, "web_a", OLD).await.unwrap();
    let rotation = place.credential("web-db").await.rotation.unwrap();
    step["giveUp"] = json!(rotation.to_string());
    succeeded(place.agent(USES, step.clone(), Cut::Never).await);
    step["force"] = json!(true);
    succeeded(place.agent(USES, step.clone(), Cut::Never).await);
    assert_eq!(place.read("username"), "web_b");
    logs_in(&server, "web_b", &place.read("password"))
        .await
        .unwrap();
}

#[tokio::test]
async fn consumers_that_never_learn_the_role_are_refused() {
    let Some(postgres) = Postgres::with_passwords() else {
        return;
    };
    let place = place(&postgres);
    let mut step = step(&place, &postgres, json!({}));
    step["distribute"].as_array_mut().unwrap().remove(0);
    let report = place.agent(USES, step, Cut::Never).await.unwrap();
    let told = error(&report);
    assert!(told.contains("which of the two roles"), "{told}");
}
