//! Every file under `tests/samples`: the valid ones have no problem, and each invalid one has a snapshot of what is said about it.
//! The trees are folders of files that are checked together.

use crate::few_actions::FewActions;
use insta::Settings;
use orderly::runbooks::{Beside, Loaded, ReportFormat, Severity, load_file, render, validate_tree};
use std::{
    fs,
    path::{Path, PathBuf},
};

fn samples(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/samples")
        .join(folder);
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        })
        .collect()
}

fn load(name: &str, bytes: &[u8]) -> Loaded {
    load_file(name, bytes, &FewActions::new())
}

#[test]
fn valid_samples_have_no_problem() {
    let samples = samples("valid");
    assert!(samples.len() >= 12);
    for (name, bytes) in samples {
        let loaded = load(&name, &bytes);
        let said = render(&loaded.problems, ReportFormat::Text);
        assert_eq!(said, "", "{name}");
        assert!(!loaded.documents.is_empty(), "{name}");
        assert!(loaded.broken.is_empty(), "{name}");
    }
}

#[test]
fn a_document_with_warnings_is_used() {
    let text = "apiVersion: orderly.dev/v1
kind: Runbook
metadata: { name: a }
spec:
  triggers:
    - schedule: 0 8 */2 * MON
  deadline: 5m
  steps:
    - { name: a, uses: sleep, with: { for: 1s }, timeout: 6m }
    - { name: b, uses: sleep, with: { for: 1s } }
";
    let loaded = load("a.yaml", text.as_bytes());
    assert_eq!((loaded.documents.len(), loaded.broken.len()), (1, 0));
    let said: Vec<_> = loaded
        .problems
        .iter()
        .map(|problem| (problem.line, problem.severity))
        .collect();
    assert_eq!(said, [(6, Severity::Warning), (9, Severity::Warning)]);
}

#[test]
fn invalid_samples_say_what_is_wrong() {
    let samples = samples("invalid");
    assert!(samples.len() >= 40);
    settings().bind(|| {
        for (name, bytes) in samples {
            let loaded = load(&name, &bytes);
            let is_error = |severity| severity == Severity::Error;
            assert!(
                loaded
                    .problems
                    .iter()
                    .any(|problem| is_error(problem.severity)),
                "{name}"
            );
            let said = render(&loaded.problems, ReportFormat::Text);
            insta::assert_snapshot!(name.trim_end_matches(".yaml"), said);
        }
    });
}

fn settings() -> Settings {
    let mut settings = Settings::clone_current();
    settings.set_snapshot_path("../samples/snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

#[test]
fn trees_say_everything_that_is_wrong_and_nothing_twice() {
    let trees = ["faults_do_not_hide_each_other", "a_fault_is_told_once"];
    let trees = trees.into_iter().chain(["names_taken_twice", "circles"]);
    settings().bind(|| {
        for tree in trees {
            let files = samples(&format!("trees/{tree}"));
            let report = validate_tree(files.into_iter(), &FewActions::new(), Beside::default());
            let said = render(&report.problems, ReportFormat::Text);
            insta::assert_snapshot!(tree, said);
        }
    });
}
