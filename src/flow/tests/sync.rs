//! Commits come into use, with a source that plays by script and a real history.

use super::stage::{AnyAction, Stage};
use crate::{
    domain::{
        digest::Digest,
        lineage::{Authors, Descent, Lineage},
        name::RunbookName,
    },
    flow::sync::{Sync, SyncOutcome},
    history::{AuditFilter, History},
    ports::{
        BoxFuture,
        source::{File, Revision, Source, SourceError, Tree},
    },
};
use jiff::Timestamp;
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// A source that holds what a test puts there.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    tree: Mutex<Option<Tree>>,
    contents: Mutex<BTreeMap<String, Vec<u8>>>,
    reads: AtomicUsize,
    folder: String,
    away: Mutex<bool>,
    place: Mutex<String>,
    lineage: Mutex<Option<Lineage>>,
}

impl Shelf {
    pub(super) fn put(&self, revision: &str, texts: &[(&str, String)]) {
        let mut contents = self.contents.lock().unwrap();
        let mut files: Vec<File> = Vec::new();
        for (path, text) in texts {
            let blob = Digest::of_bytes(text.as_bytes()).to_string();
            contents.insert(blob.clone(), text.clone().into_bytes());
            let path = (*path).to_owned();
            files.push(File { path, blob });
        }
        *self.tree.lock().unwrap() = Some(Tree {
            revision: Revision {
                id: revision.to_owned(),
                author: "Ada <ada@example.org>".to_owned(),
                summary: String::new(),
                at: Timestamp::UNIX_EPOCH,
            },
            files,
            refused: Vec::new(),
        });
    }

    fn go_away(&self, away: bool) {
        *self.away.lock().unwrap() = away;
    }

    fn check(&self) -> Result<(), SourceError> {
        if *self.away.lock().unwrap() {
            return Err(SourceError::Unreachable {
                url: "shelf".to_owned(),
                reason: "it is away".to_owned(),
            });
        }
        Ok(())
    }
}

impl Source for Shelf {
    fn files<'a>(
        &'a self,
        _: &'a str,
        _: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<crate::ports::materials::RevisionFile>, SourceError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    fn fetch<'a>(
        &'a self,
        known: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Option<Tree>, SourceError>> {
        Box::pin(async move {
            self.check()?;
            let tree = self.tree.lock().unwrap().clone();
            Ok(tree.filter(|tree| known != Some(tree.revision.id.as_str())))
        })
    }
    fn lineage<'a>(&'a self, _: &'a str, revision: &'a Revision) -> BoxFuture<'a, Lineage> {
        let told = self.lineage.lock().unwrap().clone();
        Box::pin(
            async move { told.unwrap_or_else(|| Lineage::none(Authors::one(&revision.author))) },
        )
    }
    fn read<'a>(&'a self, blobs: &'a [String]) -> BoxFuture<'a, Result<Vec<Vec<u8>>, SourceError>> {
        Box::pin(async move {
            self.check()?;
            self.reads.fetch_add(blobs.len(), Ordering::Relaxed);
            let contents = self.contents.lock().unwrap();
            Ok(blobs.iter().map(|blob| contents[blob].clone()).collect())
        })
    }
    fn objects<'a>(
        &'a self,
        _: &'a str,
        paths: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Result<String, String>>, SourceError>> {
        let found = paths.iter().map(|_| Err("it is not there".to_owned()));
        let found = found.collect();
        Box::pin(async { Ok(found) })
    }
    fn folder(&self) -> &str {
        &self.folder
    }
    fn describe(&self) -> String {
        format!("shelf{}", self.place.lock().unwrap())
    }
}

fn text(name: &str, description: &str) -> String {
    format!(
        "apiVersion: orderly.dev/v1\nkind: Runbook\nmetadata: {{ name: {name} }}\nspec:\n  description: {description}\n  steps:\n    - {{ name: one, uses: play/read }}\n"
    )
}

fn many(names: std::ops::Range<usize>) -> Vec<(&'static str, String)> {
    const PATHS: [&str; 6] = ["a.yaml", "b.yaml", "c.yaml", "d.yaml", "e.yaml", "f.yaml"];
    names
        .map(|index| (PATHS[index], text(&format!("r{index}"), "one")))
        .collect()
}

pub(super) async fn open(stage: &Stage, shelf: &Arc<Shelf>) -> Sync {
    Sync::open(&stage.world, shelf.clone(), Arc::new(AnyAction))
        .await
        .unwrap()
}

fn in_use(stage: &Stage) -> Vec<String> {
    let set = stage.world.in_use().set.clone();
    set.runbooks()
        .map(|found| format!("{}@{}", found.runbook.name, found.revision))
        .collect()
}

#[tokio::test]
async fn a_commit_comes_into_use_and_only_changed_files_are_read() {
    let stage = Stage::new("");
    let shelf = Arc::new(Shelf::default());
    let sync = open(&stage, &shelf).await;
    shelf.put("1", &many(0..5));
    assert!(matches!(
        sync.sync_once(&stage.world, None).await,
        SyncOutcome::Applied { .. }
    ));
    assert_eq!(shelf.reads.load(Ordering::Relaxed), 5);
    let mut files = many(0..5);
    files[1].1 = text("r1", "two");
    shelf.put("2", &files);
    let outcome = sync.sync_once(&stage.world, None).await;
    let changed = vec![RunbookName::new("r1").unwrap()];
    assert_eq!(
        outcome,
        SyncOutcome::Applied {
            descent: Descent::None,
            changed,
            removed: vec![]
        }
    );
    assert_eq!(shelf.reads.load(Ordering::Relaxed), 6);
    assert_eq!(in_use(&stage), ["r0@1", "r1@2", "r2@1", "r3@1", "r4@1"]);
    assert_eq!(
        sync.sync_once(&stage.world, None).await,
        SyncOutcome::Unchanged
    );
    let view = sync.view();
    assert_eq!(
        (view.attempted.as_deref(), view.applied.as_deref()),
        (Some("2"), Some("2"))
    );
    assert_eq!((view.runbooks, view.error), (5, None));
}

#[tokio::test]
async fn a_start_without_the_source_begins_with_what_was_in_use() {
    let history = History::temporary().unwrap();
    let stage = Stage::with_history("", history.clone());
    let shelf = Arc::new(Shelf::default());
    shelf.put("1", &many(0..3));
    open(&stage, &shelf)
        .await
        .sync_once(&stage.world, None)
        .await;

    let stage = Stage::with_history("", history);
    shelf.go_away(true);
    let sync = open(&stage, &shelf).await;
    assert_eq!(in_use(&stage), ["r0@1", "r1@1", "r2@1"]);
    assert_eq!(sync.view().applied.as_deref(), Some("1"));
    let SyncOutcome::Failed(reason) = sync.sync_once(&stage.world, None).await else {
        panic!("not failed");
    };
    assert_eq!(reason, "fetching shelf: it is away");
    assert_eq!(sync.view().error.as_deref(), Some(reason.as_str()));
    assert_eq!(in_use(&stage).len(), 3);

    shelf.go_away(false);
    let reads = shelf.reads.load(Ordering::Relaxed);
    sync.sync_once(&stage.world, None).await;
    assert_eq!(sync.view().error, None);
    assert_eq!(
        shelf.reads.load(Ordering::Relaxed),
        reads,
        "nothing is read again"
    );
    assert_eq!(in_use(&stage), ["r0@1", "r1@1", "r2@1"]);
}

#[tokio::test]
async fn a_mass_deletion_waits_until_a_person_names_its_revision() {
    let history = History::temporary().unwrap();
    let stage = Stage::with_history("", history.clone());
    let shelf = Arc::new(Shelf::default());
    let sync = open(&stage, &shelf).await;
    shelf.put("1", &many(0..5));
    sync.sync_once(&stage.world, None).await;
    shelf.put("2", &many(4..6));
    let outcome = sync.sync_once(&stage.world, None).await;
    assert!(matches!(&outcome, SyncOutcome::Held(names) if names.len() == 4));
    assert_eq!(
        in_use(&stage),
        ["r0@1", "r1@1", "r2@1", "r3@1", "r4@1", "r5@2"]
    );
    assert_eq!(
        sync.sync_once(&stage.world, None).await,
        SyncOutcome::Unchanged
    );
    assert_eq!(sync.view().held.unwrap().revision, "2");

    // The question survives a restart, and another revision's name does not answer it.
    let stage = Stage::with_history("", history);
    let sync = open(&stage, &shelf).await;
    assert_eq!(sync.view().held.unwrap().runbooks.len(), 4);
    assert!(matches!(
        sync.sync_once(&stage.world, Some("1")).await,
        SyncOutcome::Held(_)
    ));
    assert_eq!(in_use(&stage).len(), 6);
    let outcome = sync.sync_once(&stage.world, Some("2")).await;
    assert!(matches!(&outcome, SyncOutcome::Applied { removed, .. } if removed.len() == 4));
    assert_eq!(in_use(&stage), ["r4@1", "r5@2"]);
    assert_eq!(sync.view().held, None);
}

#[tokio::test]
async fn an_empty_revision_removes_nothing() {
    let stage = Stage::new("");
    let shelf = Arc::new(Shelf::default());
    let sync = open(&stage, &shelf).await;
    shelf.put("1", &many(0..2));
    sync.sync_once(&stage.world, None).await;
    shelf.put("2", &[]);
    assert!(matches!(
        sync.sync_once(&stage.world, None).await,
        SyncOutcome::Held(_)
    ));
    assert_eq!(in_use(&stage), ["r0@1", "r1@1"]);
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_used_and_tried_again() {
    let history = History::temporary().unwrap();
    let stage = Stage::with_history("", history.clone());
    let shelf = Arc::new(Shelf::default());
    let sync = open(&stage, &shelf).await;
    shelf.put("1", &many(0..1));
    sync.sync_once(&stage.world, None).await;
    shelf.put("2", &many(0..2));
    history.close().await.unwrap();
    assert!(matches!(
        sync.sync_once(&stage.world, None).await,
        SyncOutcome::Failed(_)
    ));
    assert!(matches!(
        sync.sync_once(&stage.world, None).await,
        SyncOutcome::Failed(_)
    ));
    assert_eq!(in_use(&stage), ["r0@1"]);
    assert_eq!(sync.view().applied.as_deref(), Some("1"));
}

#[tokio::test]
async fn another_source_starts_afresh() {
    let history = History::temporary().unwrap();
    let stage = Stage::with_history("", history.clone());
    let shelf = Arc::new(Shelf::default());
    shelf.put("1", &many(0..5));
    open(&stage, &shelf)
        .await
        .sync_once(&stage.world, None)
        .await;

    *shelf.place.lock().unwrap() = " elsewhere".to_owned();
    shelf.put("9", &many(5..6));
    let stage = Stage::with_history("", history.clone());
    let sync = open(&stage, &shelf).await;
    assert_eq!(in_use(&stage), [""; 0]);
    sync.sync_once(&stage.world, None).await;
    assert_eq!(in_use(&stage), ["r5@9"]);
    let stage = Stage::with_history("", history);
    open(&stage, &shelf).await;
    assert_eq!(
        in_use(&stage),
        ["r5@9"],
        "nothing of the other source was kept"
    );
}

#[tokio::test]
async fn problems_are_seen_until_they_are_mended() {
    let stage = Stage::new("");
    let shelf = Arc::new(Shelf::default());
    let sync = open(&stage, &shelf).await;
    let mut files = many(0..2);
    files[0].1.push_str("  nonsense: true\n");
    shelf.put("1", &files);
    sync.sync_once(&stage.world, None).await;
    let problems = sync.view().problems;
    assert!(problems[0].starts_with("a.yaml:8:3: "), "{problems:?}");
    assert_eq!(in_use(&stage), ["r1@1"]);
    shelf.put("2", &many(0..2));
    sync.sync_once(&stage.world, None).await;
    assert_eq!(sync.view().problems, [""; 0]);
    assert_eq!(in_use(&stage), ["r0@2", "r1@1"]);
}

/// Who may not consent to `r0`, by line.
fn author(stage: &Stage) -> String {
    let name = RunbookName::new("r0").unwrap();
    let in_use = stage.world.in_use();
    in_use
        .set
        .runbook(&name)
        .unwrap()
        .author
        .replace('\n', ", ")
}

fn changed_by(descent: Descent, people: &[(&str, &str)]) -> Lineage {
    Lineage {
        descent,
        authors: people
            .iter()
            .map(|(path, person)| ((*path).to_owned(), Authors::one(person)))
            .collect(),
        anywhere: Authors::default(),
        everyone: Authors::one("Eve <e>"),
    }
}

#[tokio::test]
async fn the_authors_of_a_change_that_never_came_into_use_count_for_the_one_that_does() {
    let history = History::temporary().unwrap();
    let stage = Stage::with_history("", history.clone());
    let shelf = Arc::new(Shelf::default());
    let sync = open(&stage, &shelf).await;
    let tell = |people: &[(&str, &str)]| {
        *shelf.lineage.lock().unwrap() = Some(changed_by(Descent::Follows, people));
    };
    shelf.put("1", &many(0..2));
    sync.sync_once(&stage.world, None).await;
    assert_eq!(author(&stage), "Ada <ada@example.org>");

    // Bob breaks it; Ada's stays in use, also over a restart.
    let mut files = many(0..2);
    files[0].1.push_str("  nonsense: true\n");
    shelf.put("2", &files);
    tell(&[("a.yaml", "Bob <b>")]);
    sync.sync_once(&stage.world, None).await;
    assert_eq!(in_use(&stage), ["r0@1", "r1@1"]);
    assert_eq!(author(&stage), "Ada <ada@example.org>");
    let stage = Stage::with_history("", history);
    let sync = open(&stage, &shelf).await;
    tell(&[]);
    sync.sync_once(&stage.world, None).await;

    // Cid mends it: what is used now is Bob's as well.
    files[0].1 = text("r0", "two");
    shelf.put("3", &files);
    tell(&[("a.yaml", "Cid <c>")]);
    sync.sync_once(&stage.world, None).await;
    assert_eq!(in_use(&stage), ["r0@3", "r1@1"]);
    assert_eq!(author(&stage), "Bob <b>, Cid <c>");

    // And the next change is its author's alone.
    files[0].1 = text("r0", "three");
    shelf.put("4", &files);
    tell(&[("a.yaml", "Dan <d>")]);
    sync.sync_once(&stage.world, None).await;
    assert_eq!(author(&stage), "Dan <d>");
}

#[tokio::test]
async fn a_broken_newcomer_that_is_moved_and_mended_is_still_its_authors() {
    let stage = Stage::new("");
    let shelf = Arc::new(Shelf::default());
    let sync = open(&stage, &shelf).await;
    shelf.put("1", &many(1..2));
    sync.sync_once(&stage.world, None).await;
    let mut files = many(1..2);
    files.push(("x.yaml", format!("{}  nonsense: true\n", text("r0", "one"))));
    shelf.put("2", &files);
    *shelf.lineage.lock().unwrap() = Some(changed_by(Descent::Follows, &[("x.yaml", "Bob <b>")]));
    sync.sync_once(&stage.world, None).await;
    files[1] = ("y.yaml", text("r0", "one"));
    shelf.put("3", &files);
    *shelf.lineage.lock().unwrap() = Some(changed_by(Descent::Follows, &[("y.yaml", "Cid <c>")]));
    sync.sync_once(&stage.world, None).await;
    assert_eq!(author(&stage), "Bob <b>, Cid <c>");
}

#[tokio::test]
async fn rewritten_history_is_told_audited_and_shown_until_the_next_commit() {
    let stage = Stage::new("");
    let shelf = Arc::new(Shelf::default());
    let sync = open(&stage, &shelf).await;
    let rewrites = || stage.metric("orderly_source_rewrites_total");
    shelf.put("1", &many(0..2));
    sync.sync_once(&stage.world, None).await;
    shelf.put("2", &many(0..3));
    *shelf.lineage.lock().unwrap() = Some(changed_by(Descent::Rewritten, &[]));
    let outcome = sync.sync_once(&stage.world, None).await;
    let told =
        matches!(outcome, SyncOutcome::Applied { descent, .. } if descent == Descent::Rewritten);
    assert!(told, "{outcome:?}");
    assert_eq!(sync.view().rewritten.as_deref(), Some("1"));
    assert!((rewrites() - 1.0).abs() < 0.1);
    let filter = AuditFilter {
        action: Some("source.rewritten".to_owned()),
        ..AuditFilter::default()
    };
    let lines = stage.world.history.audit(filter).await.unwrap();
    let details = &lines[0].entry.details;
    assert_eq!(
        (&details["from"], &details["to"]),
        (&json!("1"), &json!("2"))
    );
    sync.sync_once(&stage.world, None).await;
    assert_eq!(sync.view().rewritten.as_deref(), Some("1"));
    shelf.put("3", &many(0..2));
    *shelf.lineage.lock().unwrap() = Some(changed_by(Descent::Follows, &[]));
    sync.sync_once(&stage.world, None).await;
    assert_eq!(sync.view().rewritten, None);
    assert!((rewrites() - 1.0).abs() < 0.1);
}
