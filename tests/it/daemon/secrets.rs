//! A secret's value is written nowhere.

use super::harness::{Place, runbook};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{fs, path::Path};

const VALUE: &str = "correct-horse-battery-staple-1234";
const SCRIPT: &str = r#"[{ name: tell, uses: command, with: { script: 'echo "plain $WORD"; printf %s "$WORD" | base64; echo "$WORD" >&2; echo done', outputs: text, env: { WORD: "${{ secret(''word'') }}" } } }]"#;

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
