//! The labelled corpus: what the gate says of real command lines. One JSON object a line in `tests/gate/*.jsonl`.

use super::{NoFiles, of_script};
use crate::domain::effect::{Class, Confidence, Reach};
use serde::Deserialize;
use std::{fs, path::PathBuf};

/// One line of the corpus.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    pub(super) command: String,
    /// `read`, `change`, `destructive`, or `refused`.
    class: String,
    /// The least that is known of it; none: any.
    confidence: Option<String>,
    /// `plain`, `lookalike`, or the mechanism that hides it.
    #[serde(default)]
    kind: String,
}

pub(super) fn corpus() -> Vec<(String, Line)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/gate");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let files = files.iter().filter(|file| {
        file.extension()
            .is_some_and(|extension| extension == "jsonl")
    });
    let mut lines = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        for (number, text) in fs::read_to_string(file).unwrap().lines().enumerate() {
            let place = format!("{name}:{}", number + 1);
            if text.trim().is_empty() {
                continue;
            }
            lines.push((
                place.clone(),
                serde_json::from_str(text).unwrap_or_else(|error| panic!("{place}: {error}")),
            ));
        }
    }
    lines
}

fn word(class: Class) -> &'static str {
    class.as_str()
}

#[test]
fn a_change_on_hosts_that_a_pattern_means_reaches_nobody_knows_how_many() {
    let reach = |text: &str| {
        let judged = of_script(text, &NoFiles).effects;
        judged
            .items
            .iter()
            .map(|effect| effect.reach)
            .collect::<Vec<_>>()
    };
    for text in [
        "ansible all -m service -a 'name=nginx state=restarted'",
        "ansible 'web*' -m service -a 'name=nginx state=restarted'",
        "salt '*' service.restart nginx",
    ] {
        assert!(reach(text).contains(&Reach::Unknown), "{text}");
    }
    let one = "ansible web-1 -m service -a 'name=nginx state=restarted'";
    assert!(!reach(one).contains(&Reach::Unknown));
}

#[test]
fn every_line_of_the_corpus_gets_its_class() {
    let mut wrong = Vec::new();
    for (place, line) in corpus() {
        let analysis = of_script(&line.command, &NoFiles);
        let class = if analysis.effects.refusals.is_empty() {
            word(analysis.effects.class())
        } else {
            "refused"
        };
        let confidence = match analysis.effects.confidence {
            Confidence::Exact => "exact",
            Confidence::Bounded => "bounded",
            Confidence::Opaque => "opaque",
        };
        let surer = line
            .confidence
            .as_deref()
            .is_none_or(|wanted| wanted == confidence);
        if class != line.class || !surer {
            wrong.push(format!(
                "{place}: {} [{}]\n    wanted {} {}, found {class} {confidence}: {:?} {:?}",
                line.command,
                line.kind,
                line.class,
                line.confidence.as_deref().unwrap_or(""),
                analysis.effects.reasons,
                analysis.effects.refusals
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} lines:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
