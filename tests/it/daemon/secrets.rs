//! A secret's value is written nowhere.

use super::harness::{Place, runbook, text, until};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustix::process::Signal;
use std::{fs, path::Path};

const VALUE: &str = "correct-horse-battery-staple-1234";
const SCRIPT: &str = r#"[{ name: tell, uses: command, with: { script: 'echo "plain $WORD"; printf %s "$WORD" | base64; echo "$WORD" >&2; echo "$(echo done)"', outputs: text, env: { WORD: "${{ secret(''word'') }}" } } }]"#;

fn files_with(folder: &Path, needle: &[u8], found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_with(&path, needle, found);
        } else if let Ok(bytes) = fs::read(&path)
            && bytes.windows(needle.len()).any(|window| window == needle)
        {
            found.push(path.display().to_string());
        }
    }
}

fn assert_clean(place: &Place) {
    for form in [VALUE.to_owned(), STANDARD.encode(VALUE)] {
        let mut found = Vec::new();
        files_with(place.state(), form.as_bytes(), &mut found);
        assert!(found.is_empty(), "{form} is in {found:?}");
    }
}

#[test]
fn a_secret_that_a_command_prints_is_kept_nowhere() {
    let place = Place::new();
    let file = place.write("word", VALUE);
    let config = format!("secrets:\n  word: {{ file: {} }}\n", file.display());
    place.write("orderly.yaml", &config);
    let steps = SCRIPT.replace("''", "\\\"");
    place.commit(&[runbook("talk", "[{ agent: started }]", &steps)]);
    let agent = place.start(&[]);
    let question = agent.question("talk");
    assert!(!question.to_string().contains(VALUE));
    assert_eq!(agent.approve(&question).status, 200);
    let run = agent.run_ended("talk", "succeeded");
    agent.printed(&run, "done");
    let log = agent.get(&format!(
        "/api/v1/runs/{}/logs",
        run["id"].as_str().unwrap()
    ));
    assert!(log.body.contains("plain ") && !log.body.contains(VALUE));
    assert_clean(&place);
    let errors = agent.errors();
    assert!(!errors.contains(VALUE), "{errors}");
    assert_eq!(agent.stop(), Some(0));
    assert_clean(&place);
    // The search itself finds what is there.
    fs::write(place.state().join("leak"), VALUE).unwrap();
    let mut found = Vec::new();
    files_with(place.state(), VALUE.as_bytes(), &mut found);
    assert_eq!(found.len(), 1);
}

#[test]
fn a_secret_that_nobody_configured_is_told_before_the_runbook_runs_and_hup_mends_it() {
    let place = Place::new();
    place.write("orderly.yaml", "policy: { autonomy: 3 }\n");
    let steps = r#"[{ name: look, uses: command, with: { argv: [echo, seen] } }, { name: tell, uses: http/check, with: { url: "http://127.0.0.1:1/${{ secret(\"word\") }}" } }]"#;
    place.commit(&[runbook("talk", "[]", steps)]);
    let agent = place.start(&[]);
    let problem = "talk.yaml:1:1: the runbook `talk` needs secrets that are not in the agent's configuration: `word`";
    let view = agent.sync();
    let told = view["problems"].as_array().unwrap();
    assert!(
        told.iter()
            .any(|one| one.as_str().unwrap().starts_with(problem)),
        "{view}"
    );
    assert!(agent.errors().contains(problem), "{}", agent.errors());
    let status = text(&place.cli(&agent, &["status"]).stdout);
    assert!(status.contains("needs secrets"), "{status}");
    let id = agent.start("talk");
    let run = agent.run_ended("talk", "failed");
    assert_eq!(run["id"], id.as_str());
    assert!(run["reason"].as_str().unwrap().contains("hint: "), "{run}");
    assert_eq!(agent.list(&format!("/api/v1/runs/{id}/steps")).len(), 0);

    let file = place.write("word", VALUE);
    let config = format!("secrets:\n  word: {{ file: {} }}\n", file.display());
    place.write("orderly.yaml", &config);
    agent.signal(Signal::HUP);
    until("the problem's end", || {
        let view = agent.read("/api/v1/sync");
        (view["problems"].as_array().unwrap().is_empty()).then_some(())
    });
    assert!(agent.metric("orderly_runbooks_lacking_configuration", "") < 1.0);
    assert_eq!(agent.stop(), Some(0));
}
