//! YAML of others, such as manifests: its values, if all of it can be read without doubt.

use super::compose::{compose, decode};
use serde_json::Value;

/// The documents of a YAML or JSON text; none where it is not plain: anchors, tags, keys given twice, words that YAML 1.1 takes for
/// something else.
pub fn plain_documents(text: &str) -> Option<Vec<Value>> {
    if !decode(text.as_bytes()).faults.is_empty() {
        return None;
    }
    let documents = compose(text);
    let sound = documents.iter().all(|document| document.faults.is_empty());
    sound.then(|| {
        documents
            .iter()
            .map(|document| document.root.json())
            .collect()
    })
}
