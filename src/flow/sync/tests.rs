//! The rules of what replaces what, on texts.

use super::{
    keep,
    materials::Materials,
    merge::{Files, Merged, Newest, merge},
    newest::{Commit, NewestFile},
    poll_delay, set_of,
};
use crate::{
    domain::{active::ActiveSet, name::RunbookName, span::Span},
    history::{ActiveChange, ActiveFile},
    ports::{
        executor::{ActionCatalogue, ActionSpec},
        source::Refused,
    },
    runbooks::Loader,
};
use proptest::prelude::*;
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

/// One action that takes anything.
struct OneAction;
impl ActionCatalogue for OneAction {
    fn specs(&self) -> &[ActionSpec] {
        static SPECS: LazyLock<[ActionSpec; 1]> = LazyLock::new(|| {
            [ActionSpec {
                name: "play",
                summary: "",
                inputs: json!({"type": "object"}),
                outputs: json!({"type": "object"}),
            }]
        });
        &*SPECS
    }
    fn check(
        &self,
        _: &crate::domain::name::ActionName,
        _: &serde_json::Value,
    ) -> Result<(), String> {
        Ok(())
    }
}

/// A source that is followed commit by commit, with the rows that a history would have.
#[derive(Default)]
struct Followed {
    set: Arc<ActiveSet>,
    files: Files,
    rows: BTreeMap<String, ActiveFile>,
    commits: usize,
    accept: bool,
    refused: Vec<Refused>,
    loads: usize,
}

impl Followed {
    /// The next commit holds exactly these files.
    fn commit(&mut self, texts: &[(&str, &str)]) -> Merged {
        self.commits += 1;
        let commit = Commit {
            revision: format!("r{}", self.commits).into(),
            author: "Ada".into(),
        };
        let mut files = Files::new();
        for (path, text) in texts {
            let blob = crate::domain::digest::Digest::of_bytes(text.as_bytes()).to_string();
            let known = self
                .files
                .get_key_value(*path)
                .filter(|(_, file)| *file.blob == *blob);
            if let Some((path, file)) = known {
                files.insert(path.clone(), file.clone());
                continue;
            }
            self.loads += 1;
            let path: Arc<str> = (*path).into();
            let loader = Loader::new(&OneAction);
            let file = NewestFile::load(&loader, &path, &blob, text.as_bytes(), &commit);
            files.insert(path, Arc::new(file));
        }
        let read = texts
            .iter()
            .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
        let read = read.collect();
        let newest = Newest {
            files: &files,
            refused: &self.refused,
            accepted: self.accept,
            folder: "runbooks",
            materials: &Materials::new(),
            texts: &read,
        };
        let mut merged = merge(&self.set, &newest);
        let state = |files, set| keep::State { files, set };
        for change in keep::changes(state(&self.files, &self.set), state(&files, &merged.set)) {
            match change {
                ActiveChange::Put(row) => drop(self.rows.insert(row.path.clone(), row)),
                ActiveChange::Remove { path } => drop(self.rows.remove(&path)),
                ActiveChange::Clear => self.rows.clear(),
            }
        }
        self.files = files;
        self.set = Arc::new(std::mem::take(&mut merged.set));
        merged
    }

    /// As after a start: only the rows are known.
    fn restart(&mut self) {
        self.files = self
            .rows
            .values()
            .filter_map(keep::restore)
            .map(|(path, file)| (path, Arc::new(file)))
            .collect();
        self.set = Arc::new(set_of(&self.files));
    }

    /// `name=description@revision`, with `!` where the newest version is broken.
    fn shown(&self) -> String {
        let all = self.set.runbooks().map(|found| {
            let mark = if found.problem.is_some() { "!" } else { "" };
            format!(
                "{}={}@{}{mark}",
                found.runbook.name, found.runbook.description, found.revision
            )
        });
        all.collect::<Vec<_>>().join(" ")
    }

    fn problem(&self, name: &str) -> String {
        let name = RunbookName::new(name).unwrap();
        self.set
            .runbook(&name)
            .unwrap()
            .problem
            .as_deref()
            .unwrap_or_default()
            .to_owned()
    }
}

fn good(name: &str, description: &str) -> String {
    with(name, description, "")
}

fn with(name: &str, description: &str, more: &str) -> String {
    format!(
        "apiVersion: orderly.dev/v1\nkind: Runbook\nmetadata: {{ name: {name} }}\nspec:\n  description: {description}\n{more}  steps:\n    - {{ name: one, uses: play }}\n"
    )
}

fn broken(name: &str) -> String {
    with(name, "x", "  nonsense: true\n")
}

const UNREADABLE: &str = "a: [\n";

fn names(names: &[RunbookName]) -> Vec<&str> {
    names.iter().map(RunbookName::as_str).collect()
}

#[test]
fn a_change_replaces_and_the_rest_is_neither_read_nor_touched() {
    let mut followed = Followed::default();
    let (a, b) = (good("a", "one"), good("b", "one"));
    let first = followed.commit(&[("a.yaml", &a), ("b.yaml", &b)]);
    assert_eq!(names(&first.changed), ["a", "b"]);
    let before = followed.set.clone();
    let second = followed.commit(&[("a.yaml", &good("a", "two")), ("b.yaml", &b)]);
    assert_eq!(followed.shown(), "a=two@r2 b=one@r1");
    assert_eq!((names(&second.changed), followed.loads), (vec!["a"], 3));
    let b = RunbookName::new("b").unwrap();
    assert!(std::ptr::eq(
        before.runbook(&b).unwrap(),
        followed.set.runbook(&b).unwrap()
    ));
}

#[test]
fn a_broken_version_leaves_the_last_good_one_in_use_and_says_where() {
    let mut followed = Followed::default();
    followed.commit(&[("a.yaml", &good("a", "one"))]);
    for text in [broken("a"), UNREADABLE.to_owned()] {
        let merged = followed.commit(&[("a.yaml", &text)]);
        assert_eq!(followed.shown(), "a=one@r1!");
        assert!(
            followed.problem("a").starts_with("runbooks/a.yaml:"),
            "{}",
            followed.problem("a")
        );
        assert_eq!(merged.problems.len(), 1, "{:?}", merged.problems);
        assert!(merged.changed.is_empty() && merged.removed.is_empty());
        // A restart does not lose it either.
        followed.restart();
        assert_eq!(followed.shown(), "a=one@r1");
        followed.commit(&[("a.yaml", &text)]);
        assert_eq!(followed.shown(), "a=one@r1!");
    }
    followed.commit(&[("a.yaml", &good("a", "two"))]);
    assert_eq!(followed.shown(), "a=two@r6");
}

#[test]
fn one_broken_document_or_file_never_stops_the_others() {
    let mut followed = Followed::default();
    let two = |one: &str, other: &str| format!("{one}---\n{other}");
    followed.commit(&[("ab.yaml", &two(&good("a", "one"), &good("b", "one")))]);
    let text = two(&broken("a"), &good("b", "two"));
    followed.commit(&[
        ("ab.yaml", &text),
        ("c.yaml", &good("c", "one")),
        ("d.yaml", UNREADABLE),
    ]);
    assert_eq!(followed.shown(), "a=one@r1! b=two@r2 c=one@r2");
    followed.restart();
    assert_eq!(followed.shown(), "a=one@r1 b=two@r2 c=one@r2");
}

#[test]
fn a_broken_newcomer_is_not_used_and_is_known_by_name() {
    let mut followed = Followed::default();
    followed.commit(&[("a.yaml", &good("a", "one")), ("b.yaml", &broken("b"))]);
    assert_eq!(followed.shown(), "a=one@r1");
    let name = RunbookName::new("b").unwrap();
    assert!(
        followed.set.broken()[&name]
            .problem
            .starts_with("runbooks/b.yaml:6:")
    );
    assert_eq!(followed.set.invalid_count(), 1);
}

#[test]
fn a_moved_runbook_is_the_same_runbook() {
    let mut followed = Followed::default();
    followed.commit(&[("a.yaml", &good("a", "one"))]);
    let merged = followed.commit(&[("ops/b.yaml", &good("a", "one"))]);
    assert_eq!(followed.shown(), "a=one@r1");
    assert!(merged.changed.is_empty() && merged.removed.is_empty() && merged.problems.is_empty());
    let name = RunbookName::new("a").unwrap();
    assert_eq!(
        followed.set.runbook(&name).unwrap().file.as_ref(),
        "ops/b.yaml"
    );
    assert_eq!(followed.rows.keys().collect::<Vec<_>>(), ["ops/b.yaml"]);
}

#[test]
fn of_two_with_one_name_the_one_in_use_stays_and_both_are_told() {
    let mut followed = Followed::default();
    followed.commit(&[("m.yaml", &good("a", "mine"))]);
    let merged = followed.commit(&[
        ("b.yaml", &good("a", "other")),
        ("m.yaml", &good("a", "mine")),
    ]);
    assert_eq!(followed.shown(), "a=mine@r1");
    assert_eq!(merged.problems.len(), 2);
    assert!(
        merged.problems.iter().any(|text| text.starts_with(
            "runbooks/b.yaml:3:19: the runbook `a` stands already in runbooks/m.yaml:1"
        )),
        "{:?}",
        merged.problems
    );
    assert!(
        merged
            .problems
            .iter()
            .any(|text| text.starts_with("runbooks/m.yaml:3:19:"))
    );
    // Changed in the meantime, its own file still goes first; without it, the first by path.
    followed.commit(&[
        ("b.yaml", &good("a", "other")),
        ("m.yaml", &good("a", "newer")),
    ]);
    assert_eq!(followed.shown(), "a=newer@r3");
    followed.commit(&[
        ("b.yaml", &good("a", "other")),
        ("c.yaml", &good("a", "third")),
    ]);
    assert_eq!(followed.shown(), "a=other@r2");
}

#[test]
fn what_is_refused_stays_in_use() {
    let mut followed = Followed::default();
    let (a, b) = (good("a", "one"), good("b", "one"));
    followed.commit(&[("ops/a.yaml", &a), ("b.yaml", &b)]);
    for path in ["ops/a.yaml", "ops", ""] {
        followed.refused = vec![Refused {
            path: path.into(),
            reason: "it is a symbolic link".into(),
        }];
        followed.commit(&[("b.yaml", &b)]);
        assert_eq!(followed.shown(), "a=one@r1! b=one@r1", "{path}");
    }
    followed.refused[0].path = "op".into();
    followed.commit(&[("b.yaml", &b)]);
    assert_eq!(followed.shown(), "b=one@r1");
}

#[test]
fn a_deletion_of_most_waits_for_a_person_and_the_rest_of_the_commit_does_not() {
    let mut followed = Followed::default();
    let texts: Vec<_> = ["a", "b", "c", "d", "e"]
        .map(|name| (format!("{name}.yaml"), good(name, "one")))
        .into();
    let all: Vec<_> = texts
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    followed.commit(&all);
    let newer = good("e", "two");
    let few = [all[3], ("e.yaml", newer.as_str())];
    let merged = followed.commit(&few);
    assert_eq!(names(&merged.held), ["a", "b", "c"]);
    assert_eq!(
        followed.shown(),
        "a=one@r1 b=one@r1 c=one@r1 d=one@r1 e=two@r2"
    );
    assert!(merged.removed.is_empty());
    // It is held again after a restart, and carried out once accepted.
    followed.restart();
    assert_eq!(names(&followed.commit(&few).held), ["a", "b", "c"]);
    followed.accept = true;
    let merged = followed.commit(&few);
    assert_eq!(
        (followed.shown().as_str(), names(&merged.removed)),
        ("d=one@r1 e=two@r2", vec!["a", "b", "c"])
    );
    assert_eq!(followed.rows.len(), 2);
}

#[test]
fn a_deletion_of_half_or_of_two_goes_through_and_of_everything_does_not() {
    let mut followed = Followed::default();
    let texts = ["a", "b", "c", "d"].map(|name| good(name, "one"));
    let file = |index: usize| {
        (
            ["a.yaml", "b.yaml", "c.yaml", "d.yaml"][index],
            texts[index].as_str(),
        )
    };
    followed.commit(&[file(0), file(1), file(2), file(3)]);
    assert!(followed.commit(&[file(2), file(3)]).held.is_empty());
    assert_eq!(followed.shown(), "c=one@r1 d=one@r1");
    let emptied = followed.commit(&[]);
    assert_eq!(names(&emptied.held), ["c", "d"]);
    assert_eq!(followed.shown(), "c=one@r1 d=one@r1");
}

#[test]
fn calendars_stay_with_the_runbooks_whose_deletion_is_held() {
    let mut followed = Followed::default();
    let calendar = "apiVersion: orderly.dev/v1\nkind: Calendar\nmetadata: { name: day }\nspec:\n  windows:\n    - { allow: \"0 8 * * *\", for: 8h }\n";
    let windows = |name| with(name, "one", "  windows: [day]\n");
    followed.commit(&[
        ("a.yaml", &windows("a")),
        ("b.yaml", &windows("b")),
        ("c.yaml", &windows("c")),
        ("day.yaml", calendar),
    ]);
    let merged = followed.commit(&[("x.yaml", &good("x", "one"))]);
    assert_eq!(merged.held.len(), 3);
    assert!(merged.problems.is_empty(), "{:?}", merged.problems);
    assert!(
        followed
            .set
            .calendar(&crate::domain::name::CalendarName::new("day").unwrap())
            .is_some()
    );
}

#[test]
fn a_version_that_does_not_fit_with_the_rest_is_put_back() {
    let mut followed = Followed::default();
    let after = |name, target: &str| {
        with(
            name,
            "new",
            &format!("  triggers:\n    - after: {{ runbook: {target}, on: success }}\n"),
        )
    };
    let b = good("b", "one");
    followed.commit(&[("a.yaml", &good("a", "one")), ("b.yaml", &b)]);
    followed.commit(&[("a.yaml", &after("a", "nobody")), ("b.yaml", &b)]);
    assert_eq!(followed.shown(), "a=one@r1! b=one@r1");
    assert!(
        followed
            .problem("a")
            .contains("there is no runbook `nobody`")
    );
    followed.commit(&[("a.yaml", &after("a", "b")), ("b.yaml", &b)]);
    assert_eq!(followed.shown(), "a=new@r3 b=one@r1");
    // The target goes: the follower says the same as before, so it stays, marked.
    followed.commit(&[("a.yaml", &after("a", "b"))]);
    assert_eq!(followed.shown(), "a=new@r3!");
    followed.commit(&[("a.yaml", &after("a", "b")), ("b.yaml", &b)]);
    assert_eq!(followed.shown(), "a=new@r3 b=one@r5");
}

#[test]
fn a_newcomer_without_its_target_is_not_used_nor_who_waits_for_it() {
    let mut followed = Followed::default();
    let after = |name, target: &str| {
        with(
            name,
            "new",
            &format!("  triggers:\n    - after: {{ runbook: {target}, on: success }}\n"),
        )
    };
    followed.commit(&[
        ("a.yaml", &after("a", "nobody")),
        ("b.yaml", &after("b", "a")),
        ("c.yaml", &good("c", "one")),
    ]);
    assert_eq!(followed.shown(), "c=one@r1");
    assert_eq!(followed.set.broken().len(), 2);
}

#[test]
fn rows_that_cannot_be_understood_are_left_out() {
    let row = |documents: &str| ActiveFile {
        path: "a.yaml".into(),
        blob: "b".into(),
        revision: "r".into(),
        author: "Ada".into(),
        documents: documents.into(),
    };
    assert!(keep::restore(&row("{")).is_none());
    assert!(
        keep::restore(&row(
            r#"{"by":"0","documents":[{"line":1,"document":{"other":{}}}]}"#
        ))
        .is_none()
    );
    let (_, older) = keep::restore(&row(r#"{"by":"0","documents":[]}"#)).unwrap();
    assert_eq!(&*older.blob, "", "another version's reading is read again");
}

#[test]
fn the_pause_is_a_tenth_more_or_less() {
    let pause = |byte| poll_delay(Span::from_secs(60), [byte; 10]).as_millis();
    assert_eq!((pause(0), pause(255)), (54_000, 66_000));
    assert!((59_000..61_000).contains(&pause(127)));
}

#[derive(Debug, Clone, Copy)]
enum Written {
    Absent,
    Good(u8),
    Broken,
    Unreadable,
}

fn written() -> impl Strategy<Value = Written> {
    prop_oneof![
        Just(Written::Absent),
        (0..3_u8).prop_map(Written::Good),
        Just(Written::Broken),
        Just(Written::Unreadable),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    /// Against the obvious model: a good version is used, a broken one keeps the last, an absent one deletes, unless it is held.
    #[test]
    fn every_history_of_files_leads_where_the_rules_say(
        commits in proptest::collection::vec((proptest::collection::vec(written(), 5), any::<bool>()), 1..6)
    ) {
        let names = ["a", "b", "c", "d", "e"];
        let mut followed = Followed::default();
        let mut model: BTreeMap<&str, String> = BTreeMap::new();
        for (files, restart) in commits {
            let texts: Vec<(String, String)> = names.iter().zip(&files).filter_map(|(name, written)| {
                let text = match written {
                    Written::Absent => return None,
                    Written::Good(version) => good(name, &format!("v{version}")),
                    Written::Broken => broken(name),
                    Written::Unreadable => UNREADABLE.to_owned(),
                };
                Some((format!("{name}.yaml"), text))
            }).collect();
            let texts: Vec<_> = texts.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
            let merged = followed.commit(&texts);
            let gone: Vec<&str> = names.iter().zip(&files)
                .filter(|(name, written)| matches!(written, Written::Absent) && model.contains_key(*name))
                .map(|(name, _)| *name).collect();
            let is_held = (gone.len() >= 3 && gone.len() * 2 > model.len()) || (texts.is_empty() && !gone.is_empty());
            for (name, written) in names.iter().zip(&files) {
                match written {
                    Written::Good(version) => drop(model.insert(name, format!("v{version}"))),
                    Written::Absent if !is_held => drop(model.remove(name)),
                    Written::Absent | Written::Broken | Written::Unreadable => {}
                }
            }
            prop_assert_eq!(merged.held.len(), if is_held { gone.len() } else { 0 });
            if restart {
                followed.restart();
            }
            let shown: BTreeMap<&str, String> = followed.set.runbooks()
                .map(|found| (found.runbook.name.as_str(), found.runbook.description.to_string()))
                .map(|(name, text)| (*names.iter().find(|known| **known == name).unwrap(), text))
                .collect();
            prop_assert_eq!(shown, model.clone());
        }
    }
}
