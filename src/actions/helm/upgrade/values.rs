//! The values of an upgrade: files of the repository, and what stands in the step.

use super::{UpgradeInputs, has_unknown};
use crate::{
    actions::{
        command::is_inner_path,
        helm::program::{Call, Helm},
    },
    domain::secret::{self, SecretValue},
    ports::materials::RevisionFile,
};
use serde_json::Value;

/// The step's own values in helm's folder.
const OWN: &str = "values.json";
/// Those that the release was given before.
const FORMER: &str = "former-values.json";

pub(super) fn check(inputs: &UpgradeInputs) -> Result<(), String> {
    match inputs.values_files.iter().find(|path| !is_inner_path(path)) {
        Some(path) => Err(format!(
            "in `with`, at `valuesFiles`: `{path}` is no path in the repository\nhint: write it from the repository's top on"
        )),
        None => Ok(()),
    }
}

/// The call with all values; later files win. They lie under names of their own, because helm takes a comma for the end of a path.
pub(super) fn given(
    call: Call,
    inputs: &UpgradeInputs,
    repository: &[RevisionFile],
    own: SecretValue,
) -> Result<Call, String> {
    let mut call = call;
    for (index, path) in inputs.values_files.iter().enumerate() {
        let found = repository.iter().find(|file| file.path == *path);
        let found = found.ok_or_else(|| format!("{path} is a folder, not a file of values"))?;
        let name = format!("values-{index}.yaml");
        call = call.and(&["--values", &name]).with(&[RevisionFile {
            path: name.clone(),
            bytes: found.bytes.clone(),
            executable: false,
        }]);
    }
    Ok(call.and(&["--values", OWN]).with_secret(OWN, own))
}

/// The step's own values.
pub(super) fn own(inputs: &UpgradeInputs) -> SecretValue {
    SecretValue::new(serde_json::to_string(&inputs.values).unwrap_or_default())
}

/// The same with a word in the place of each secret, for what is rendered before the secrets are known.
pub(super) fn stand_ins(inputs: &UpgradeInputs) -> Result<SecretValue, String> {
    if inputs.values.values().any(has_unknown) {
        return Err("its values are known once earlier steps have run".to_owned());
    }
    let values = inputs.values.iter();
    let values: serde_json::Map<String, Value> = values
        .map(|(name, value)| (name.clone(), stand_in(value)))
        .collect();
    Ok(SecretValue::new(Value::Object(values).to_string()))
}

fn stand_in(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            let word = secret::reveal(text, |name| Some(format!("secret-{name}")));
            Value::String(word.unwrap_or_else(|| text.clone()))
        }
        Value::Array(items) => items.iter().map(stand_in).collect(),
        Value::Object(map) => {
            let map = map.iter().map(|(key, item)| (key.clone(), stand_in(item)));
            Value::Object(map.collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// The call with what the release was given before, as helm would reuse it.
pub(super) async fn former(call: Call, helm: &Helm<'_>) -> Result<Call, String> {
    let asked = Call::new(&["get", "values", helm.release.name]);
    let values: Value = helm.json(asked).await.map_err(|fault| fault.to_string())?;
    let values = SecretValue::new(match values {
        Value::Null => "{}".to_owned(),
        values => values.to_string(),
    });
    Ok(call.and(&["--values", FORMER]).with_secret(FORMER, values))
}
