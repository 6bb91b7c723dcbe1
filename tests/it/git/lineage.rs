//! Who made the changes between two revisions, as far as it can be seen.

use super::{fixture::Fixture, serving::HttpServer, source::newest};
use orderly::{
    adapters::git::GitSource,
    domain::lineage::{Descent, Lineage},
    ports::source::Source as _,
};
use std::fmt::Write as _;

/// The same repository where it stands, and behind a network.
fn both(fixture: &Fixture) -> [GitSource; 2] {
    let server = HttpServer::start(fixture.folder.path());
    let remote = GitSource::new(fixture.options(server.url())).unwrap();
    [fixture.source(), remote]
}

/// The way from what each source has seen to what `main` is now.
async fn ways(fixture: &Fixture, since: &str, newer: &str) -> Vec<Lineage> {
    let sources = both(fixture);
    let mut ways = Vec::new();
    for source in sources {
        fixture.push(since);
        assert_eq!(newest(&source).await.revision.id, since);
        fixture.push(newer);
        let tree = newest(&source).await;
        assert_eq!(tree.revision.id, newer);
        ways.push(source.lineage(since, &tree.revision).await);
    }
    ways
}

/// `path: authors` of these files.
fn told(way: &Lineage, paths: &[&str]) -> String {
    let mut text = String::new();
    for path in paths {
        let names = way.authors_of(path).to_string().replace(" <a@b>", "");
        writeln!(text, "{path}: {}", names.replace('\n', ", ")).unwrap();
    }
    text
}

#[tokio::test]
async fn every_commit_between_two_looks_counts_for_the_files_it_changed() {
    let fixture = Fixture::new();
    let files = [
        ("a.yaml", Some("1")),
        ("d/b.yaml", Some("1")),
        ("c.yaml", Some("1")),
    ];
    let first = fixture.commit_by("Ada", &[], &files);
    let second = fixture.commit_by("Bob", &[&first], &[("a.yaml", Some("2"))]);
    let third = fixture.commit_by("Cid", &[&second], &[("d/b.yaml", Some("2"))]);
    let fourth = fixture.commit_by("Dan", &[&third], &[("a.yaml", Some("3"))]);
    for way in ways(&fixture, &first, &fourth).await {
        assert_eq!(way.descent, Descent::Follows);
        let told = told(&way, &["a.yaml", "c.yaml", "d/b.yaml"]);
        assert_eq!(told, "a.yaml: Bob, Dan\nc.yaml: \nd/b.yaml: Cid\n");
    }
    for way in ways(&fixture, &third, &fourth).await {
        assert_eq!(
            told(&way, &["a.yaml", "d/b.yaml"]),
            "a.yaml: Dan\nd/b.yaml: \n"
        );
    }
}

#[tokio::test]
async fn a_merge_is_the_work_of_those_whose_commits_it_brings() {
    let fixture = Fixture::new();
    let files = [("a.yaml", Some("1")), ("b.yaml", Some("1"))];
    let root = fixture.commit_by("Ada", &[], &files);
    let branch = fixture.commit_by("Bob", &[&root], &[("a.yaml", Some("2"))]);
    let main = fixture.commit_by("Cid", &[&root], &[("b.yaml", Some("2"))]);
    let merged = [("a.yaml", Some("2"))];
    let merge = fixture.commit_by("Merger", &[&main, &branch], &merged);
    for way in ways(&fixture, &main, &merge).await {
        assert_eq!(way.descent, Descent::Follows);
        assert_eq!(told(&way, &["a.yaml", "b.yaml"]), "a.yaml: Bob\nb.yaml: \n");
    }
    // What a merge says that none of its parents said is the merger's.
    let other = [("a.yaml", Some("else"))];
    let merge = fixture.commit_by("Merger", &[&main, &branch], &other);
    for way in ways(&fixture, &main, &merge).await {
        assert_eq!(told(&way, &["a.yaml"]), "a.yaml: Bob, Merger\n");
    }
}

#[tokio::test]
async fn whoever_committed_it_and_whoever_its_message_names_had_a_hand_in_it_too() {
    let fixture = Fixture::new();
    let first = fixture.commit_by("Ada", &[], &[("a.yaml", Some("1"))]);
    let message =
        "change\n\nCo-authored-by: Dan <a@b>\nco-authored-by : Eve <a@b>\nReviewed-by: Fay <a@b>\n";
    let second = fixture.commit_of(["Bob", "Cid"], message, &[&first], &[("a.yaml", Some("2"))]);
    for way in ways(&fixture, &first, &second).await {
        assert_eq!(told(&way, &["a.yaml"]), "a.yaml: Bob, Cid, Dan, Eve\n");
    }
}

#[tokio::test]
async fn a_moved_file_may_be_anybodys_of_those_on_the_way() {
    let fixture = Fixture::new();
    let first = fixture.commit_by("Ada", &[], &[("a.yaml", Some("1"))]);
    let second = fixture.commit_by("Bob", &[&first], &[("a.yaml", Some("2"))]);
    let moved = [("a.yaml", None), ("b.yaml", Some("2"))];
    let third = fixture.commit_by("Cid", &[&second], &moved);
    for way in ways(&fixture, &first, &third).await {
        assert_eq!(told(&way, &["b.yaml"]), "b.yaml: Bob, Cid\n");
    }
}

#[tokio::test]
async fn a_force_push_is_told_from_a_push() {
    let fixture = Fixture::new();
    let root = fixture.commit_by("Ada", &[], &[("a.yaml", Some("1"))]);
    let before = fixture.commit_by("Bob", &[&root], &[("a.yaml", Some("2"))]);
    let amended = fixture.commit_by("Cid", &[&root], &[("a.yaml", Some("3"))]);
    for way in ways(&fixture, &before, &amended).await {
        assert_eq!(way.descent, Descent::Rewritten);
        assert_eq!(told(&way, &["a.yaml"]), "a.yaml: Cid\n");
    }
    let afresh = fixture.commit_by("Dan", &[], &[("a.yaml", Some("4"))]);
    for way in ways(&fixture, &before, &afresh).await {
        assert_eq!(way.descent, Descent::Rewritten);
        assert_eq!(told(&way, &["a.yaml"]), "a.yaml: Dan\n");
    }
}

#[tokio::test]
async fn behind_a_long_history_others_may_have_had_a_hand_and_that_is_said() {
    let fixture = Fixture::new();
    let first = fixture.commit_by("Ada", &[], &[("a.yaml", Some("0"))]);
    let mut last = first.clone();
    for number in 1..120 {
        let text = number.to_string();
        last = fixture.commit_by("Bob", &[&last], &[("a.yaml", Some(&text))]);
    }
    let [local, remote] = ways(&fixture, &first, &last).await.try_into().unwrap();
    assert_eq!(local.descent, Descent::Follows);
    assert_eq!(told(&local, &["a.yaml"]), "a.yaml: Bob\n");
    assert_eq!(remote.descent, Descent::Unknown);
    let authors = remote.authors_of("a.yaml");
    assert!(authors.has_unknown() && authors.people().eq(["Bob <a@b>"]));
    // What is not there at all is not known either.
    let source = fixture.source();
    let tree = newest(&source).await;
    let gone = source.lineage(&"0".repeat(40), &tree.revision).await;
    assert_eq!(gone.descent, Descent::Rewritten);
}
