//! The AI reviewer against real servers that speak each provider's wire format.

mod budget;
pub(crate) mod fake;
mod fuzz;
mod patience;
mod stage;
mod story;
mod wire;

use orderly::{
    config::{self, Inputs, ProviderConfig},
    telemetry::{Build, Events},
};
use std::{fs, path::Path};

fn guide() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reviewer.md");
    fs::read_to_string(path).unwrap()
}

#[test]
fn its_guide_shows_configurations_that_load() {
    let guide = guide();
    let blocks: Vec<&str> = guide.split("```yaml\n").skip(1).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orderly.yaml");
        fs::write(&path, block.split("```").next().unwrap()).unwrap();
        let inputs = Inputs {
            file: Some(path),
            ..Inputs::default()
        };
        let loaded = config::load(&inputs).unwrap();
        assert!(loaded.config.ai.providers.len() >= 2);
    }
}

#[test]
fn its_guide_names_every_key_of_a_provider_and_every_metric() {
    let guide = guide();
    let schema = schemars::schema_for!(ProviderConfig);
    let keys = schema.as_value()["properties"].as_object().unwrap().keys();
    for key in keys {
        assert!(guide.contains(&format!("| `{key}` |")), "{key}");
    }
    let events = Events::new(Build {
        version: "0",
        revision: "",
    });
    events.set_reviewers(["main"]);
    let text = events.render(jiff::Timestamp::UNIX_EPOCH);
    let names = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter_map(|line| line.split(' ').next())
        .filter(|name| name.starts_with("orderly_review"));
    for name in names {
        assert!(guide.contains(&format!("`{name}`")), "{name}");
    }
}
