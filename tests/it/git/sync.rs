//! From real commits to the runbooks in use.

use super::{
    fixture::{Fixture, runbook},
    serving::HttpServer,
    world::world,
};
use orderly::{
    adapters::git::{GitOptions, GitSource},
    daemon::wiring::catalogue,
    flow::{
        sync::{Sync, SyncOutcome},
        world::World,
    },
    history::History,
};
use std::{fs, sync::Arc};

/// An agent's view of a repository.
struct Follower {
    world: World,
    sync: Sync,
}

impl Follower {
    async fn of(options: GitOptions, history: &History) -> Self {
        let world = world(history.clone());
        let source = Arc::new(GitSource::new(options).unwrap());
        let sync = Sync::open(&world, source, Arc::new(catalogue()))
            .await
            .unwrap();
        Self { world, sync }
    }

    async fn local(fixture: &Fixture) -> Self {
        let options = fixture.options(fixture.path().to_str().unwrap());
        Self::of(options, &History::temporary().unwrap()).await
    }

    async fn sync(&self) -> SyncOutcome {
        self.sync.sync_once(&self.world, None).await
    }

    /// Runbooks in use: `name=description`, with `!` where the newest version is broken.
    fn shown(&self) -> String {
        let in_use = self.world.in_use();
        let all = in_use.set.runbooks().map(|found| {
            let mark = if found.problem.is_some() { "!" } else { "" };
            format!("{}={}{mark}", found.runbook.name, found.runbook.description)
        });
        all.collect::<Vec<_>>().join(" ")
    }
}

#[tokio::test]
async fn commits_change_rename_break_and_delete_runbooks() {
    let fixture = Fixture::new();
    let (a, b) = (runbook("a", "one"), runbook("b", "one"));
    fixture.commit(&[
        ("a.yaml", Some(&a)),
        ("ops/b.yaml", Some(&b)),
        ("README.md", Some("x")),
    ]);
    let follower = Follower::local(&fixture).await;
    assert!(
        matches!(follower.sync().await, SyncOutcome::Applied { changed, .. } if changed.len() == 2)
    );
    assert_eq!(follower.shown(), "a=one b=one");

    fixture.commit(&[("a.yaml", Some(&runbook("a", "two")))]);
    assert!(
        matches!(follower.sync().await, SyncOutcome::Applied { changed, .. } if changed.len() == 1)
    );
    assert_eq!(follower.shown(), "a=two b=one");
    assert_eq!(follower.sync().await, SyncOutcome::Unchanged);

    fixture.commit(&[("ops/b.yaml", None), ("ops/renamed.yaml", Some(&b))]);
    assert!(
        matches!(follower.sync().await, SyncOutcome::Applied { changed, removed, .. } if changed.is_empty() && removed.is_empty())
    );

    let id = fixture.commit(&[(
        "a.yaml",
        Some("kind: Runbook\nmetadata: {name: a}\nspec: [\n"),
    )]);
    follower.sync().await;
    assert_eq!(follower.shown(), "a=two! b=one");
    let view = follower.sync.view();
    assert_eq!(view.applied.as_deref(), Some(id.as_str()));
    assert!(
        view.problems[0].starts_with("a.yaml:"),
        "{:?}",
        view.problems
    );

    fixture.commit(&[("a.yaml", None)]);
    assert!(
        matches!(follower.sync().await, SyncOutcome::Applied { removed, .. } if removed.len() == 1)
    );
    assert_eq!(follower.shown(), "b=one");
}

#[tokio::test]
async fn a_force_push_that_drops_most_waits_for_a_person() {
    let fixture = Fixture::new();
    let server = HttpServer::start(fixture.folder.path());
    let texts: Vec<_> = ["a", "b", "c", "d"]
        .map(|name| (format!("{name}.yaml"), runbook(name, "one")))
        .into();
    let files: Vec<_> = texts
        .iter()
        .map(|(path, text)| (path.as_str(), Some(text.as_str())))
        .collect();
    fixture.commit(&files);
    let follower = Follower::of(
        fixture.options(server.url()),
        &History::temporary().unwrap(),
    )
    .await;
    follower.sync().await;
    let forced = fixture.force(&[("d.yaml", &runbook("d", "two"))]);
    assert!(matches!(follower.sync().await, SyncOutcome::Held(names) if names.len() == 3));
    assert_eq!(follower.shown(), "a=one b=one c=one d=two");
    assert_eq!(follower.sync.view().held.unwrap().revision, forced);
    let accepted = follower
        .sync
        .sync_once(&follower.world, Some(&forced))
        .await;
    assert!(matches!(accepted, SyncOutcome::Applied { removed, .. } if removed.len() == 3));
    assert_eq!(follower.shown(), "d=two");
}

#[tokio::test]
async fn whatever_happens_to_the_source_what_is_in_use_stays() {
    let fixture = Fixture::new();
    fixture.commit(&[
        ("ops/a.yaml", Some(&runbook("a", "one"))),
        ("x.yaml", Some("x")),
    ]);
    let options = GitOptions {
        path: "ops".into(),
        ..fixture.options(fixture.path().to_str().unwrap())
    };
    let history = History::temporary().unwrap();
    let follower = Follower::of(options.clone(), &history).await;
    follower.sync().await;
    let applied = follower.sync.view().applied;

    // The followed folder goes: a failed sync, not an empty set.
    fixture.commit(&[("ops", None)]);
    let SyncOutcome::Failed(reason) = follower.sync().await else {
        panic!("not failed");
    };
    assert!(reason.contains("has no folder `ops`"), "{reason}");
    // The repository goes.
    fs::rename(fixture.path(), fixture.folder.path().join("away")).unwrap();
    assert!(matches!(follower.sync().await, SyncOutcome::Failed(_)));
    assert_eq!(follower.shown(), "a=one");
    assert_eq!(follower.sync.view().applied, applied);
    // And the agent starts again.
    let follower = Follower::of(options, &history).await;
    assert_eq!(follower.shown(), "a=one");
    assert!(matches!(follower.sync().await, SyncOutcome::Failed(_)));
    assert_eq!(follower.shown(), "a=one");
}

#[tokio::test]
async fn hostile_entries_are_told_and_what_they_stood_for_stays_in_use() {
    let fixture = Fixture::new();
    fixture.commit(&[
        ("a.yaml", Some(&runbook("a", "one"))),
        ("b.yaml", Some(&runbook("b", "one"))),
    ]);
    let follower = Follower::local(&fixture).await;
    follower.sync().await;
    let link = fixture.blob("/etc/passwd");
    fixture.commit_entries(&[("a.yaml", Some((0o120_000, link)))]);
    fixture.commit(&[("b.yaml", Some(&"x".repeat(300 * 1024)))]);
    follower.sync().await;
    assert_eq!(follower.shown(), "a=one! b=one!");
    let problems = follower.sync.view().problems;
    assert!(
        problems[0].starts_with("a.yaml: it is not read: it is a symbolic link"),
        "{problems:?}"
    );
    assert!(
        problems[1].starts_with("b.yaml: it is not read: it has 307200 bytes"),
        "{problems:?}"
    );
}

const CARRYING: &str = "apiVersion: orderly.dev/v1
kind: Runbook
metadata: { name: carrying }
spec:
  steps:
    - name: look
      uses: command
      with: { argv: [cat, web.yaml], files: [manifests/web.yaml] }
";

#[tokio::test]
async fn a_commit_that_changes_only_a_file_that_a_step_needs_changes_the_runbook() {
    let fixture = Fixture::new();
    let first = fixture.commit(&[
        ("runbooks/a.yaml", Some(CARRYING)),
        ("runbooks/b.yaml", Some(&runbook("b", "one"))),
        ("manifests/web.yaml", Some("one")),
    ]);
    let mut options = fixture.options(fixture.path().to_str().unwrap());
    options.path = "runbooks".to_owned();
    let history = History::temporary().unwrap();
    let follower = Follower::of(options.clone(), &history).await;
    follower.sync().await;
    let shown = |follower: &Follower| {
        let in_use = follower.world.in_use();
        let found = in_use.set.runbook(&"carrying".parse().unwrap()).unwrap();
        (found.revision.to_string(), found.definition())
    };
    let before = shown(&follower);
    assert_eq!(before.0, first);

    let second = fixture.commit(&[("manifests/web.yaml", Some("two"))]);
    let outcome = follower.sync().await;
    assert!(
        matches!(&outcome, SyncOutcome::Applied { changed, .. } if changed.len() == 1),
        "{outcome:?}"
    );
    let after = shown(&follower);
    assert_eq!(after.0, second, "it is carried out with the new file");
    assert_ne!(after.1, before.1, "it has to prove itself again");

    // Neither another commit nor a start of the agent changes it once more.
    fixture.commit(&[("manifests/other.yaml", Some("three"))]);
    follower.sync().await;
    assert_eq!(shown(&follower), after);
    let follower = Follower::of(options, &history).await;
    assert_eq!(shown(&follower), after);
    fixture.commit(&[("manifests/other.yaml", None)]);
    follower.sync().await;
    assert_eq!(shown(&follower), after);

    // Without the file, the last good version stays, and the place is told.
    fixture.commit(&[("manifests/web.yaml", None)]);
    follower.sync().await;
    assert_eq!(shown(&follower), after);
    let problems = follower.sync.view().problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].starts_with(
            "runbooks/a.yaml:8:46: `manifests/web.yaml`, which the step `look` needs, cannot be had: it is not there"
        ),
        "{problems:?}"
    );
}

#[tokio::test]
async fn problems_between_files_are_told_at_their_places_in_the_repository() {
    let fixture = Fixture::new();
    let calling = CARRYING.replace("carrying", "calling").replace(
        "command\n      with: { argv: [cat, web.yaml], files: [manifests/web.yaml] }",
        "runbook\n      with: { runbook: carying }",
    );
    fixture.commit(&[
        ("ops/runbooks/a.yaml", Some(&runbook("carrying", "one"))),
        ("ops/runbooks/b.yaml", Some(&runbook("carrying", "two"))),
        ("ops/runbooks/c.yaml", Some(&calling)),
    ]);
    let mut options = fixture.options(fixture.path().to_str().unwrap());
    options.path = "ops/runbooks".to_owned();
    let follower = Follower::of(options, &History::temporary().unwrap()).await;
    follower.sync().await;
    let problems = follower.sync.view().problems.join("\n");
    insta::assert_snapshot!(problems, @r"
    ops/runbooks/b.yaml:4:9: the runbook `carrying` stands already in ops/runbooks/a.yaml:1 (names are unique in the repository; that one is used)
    ops/runbooks/a.yaml:4:9: the runbook `carrying` stands in ops/runbooks/b.yaml:1 too (names are unique in the repository; this one is used)
    ops/runbooks/c.yaml:8:24: there is no runbook `carying`, which its step `look` names (did you mean `carrying`?)
    ");
}
