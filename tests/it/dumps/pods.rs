//! Dumps through a container. The fake nodes run programs right here, so the container's server is that of the test.

use super::{Desk, PASSWORD, password, succeeded};
use crate::{
    cluster::{plane::Space, postgres::Postgres},
    steps::Run,
};
use orderly::actions::framework::World;
use serde_json::json;
use std::fs;

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_through_a_pod_is_verified_and_restored_there_with_a_password_that_nobody_sees() {
    let (Some(space), Some(postgres)) = (Space::new(), Postgres::start()) else {
        return;
    };
    let container = json!({ "name": "app", "image": "registry.example.org/tools:1" });
    space.apply(&json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "db-0", "labels": { "app": "db" } },
        "spec": { "containers": [container] }
    }));
    space.wait("pod/db-0", "condition=Ready");
    let quoted = PASSWORD.replace('\'', "''");
    postgres.query(&format!(
        "create role keeper login createdb password '{quoted}'"
    ));
    postgres.query("create database shop owner keeper");
    let rules = "local all keeper scram-sha-256\nlocal all all trust\n";
    fs::write(postgres.socket().join("data/pg_hba.conf"), rules).unwrap();
    postgres.query("select pg_reload_conf()");
    let fill = "set role keeper; create table orders as select n, repeat('x', 100) as note from generate_series(1, 20000) n";
    postgres.query_in("shop", fill);

    let desk = Desk::new();
    let there = space.world_of(space.plane().kubeconfig());
    let recipient = [desk.key.to_public().to_string()];
    let run = Run::new(World {
        clusters: there.clusters,
        ..desk.world(&desk.state(), &recipient)
    });
    let inside = json!({ "namespace": space.name, "selector": "app=db" });
    let server = json!({
        "host": postgres.socket(), "user": "keeper", "password": password(), "inside": inside
    });
    let dump = json!({ "name": "shop", "database": "shop", "server": server });
    let report = succeeded(run.step("backup/postgres", dump).await);
    let artifact = &report.outputs["artifact"];
    assert!(
        artifact["rawSize"].as_u64().unwrap() > 2_000_000,
        "{artifact}"
    );

    let verify = json!({
        "artifact": artifact, "into": server,
        "expect": { "tables": { "orders": 20000 }, "query": "select count(*) = 20000 from orders" }
    });
    let verified = succeeded(run.step("backup/verify", verify).await);
    assert_eq!(
        verified.outputs["verified"]["content"],
        json!({ "orders": 20000 })
    );
    let trials = "select count(*) from pg_database where datname like 'orderly%'";
    assert_eq!(postgres.query(trials).trim(), "0");

    postgres.query_in("shop", "delete from orders where n > 3");
    let restore = json!({ "artifact": artifact, "into": { "database": "shop", "server": server } });
    succeeded(run.step("backup/restore", restore).await);
    let count = postgres.query_in("shop", "select count(*) from orders");
    assert_eq!(count.trim(), "20000");
    assert!(!run.heard().contains("quoted"), "{}", run.heard());
}
