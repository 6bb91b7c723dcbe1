//! A JSON patch that the server refuses because one of its tests is not true: it says that something does not fit, and not what.

use super::PatchInputs;
use crate::{
    actions::kubernetes::{located::SECRET, object::text},
    ports::cluster::ClusterError,
};
use serde_json::Value;

/// What the server answers then.
const UNPROCESSABLE: u16 = 422;

/// The same error, with a hint where the object is not as an operation `test` has it.
pub(super) fn explained(error: ClusterError, inputs: &PatchInputs, object: &Value) -> ClusterError {
    let ClusterError::Refused {
        code: UNPROCESSABLE,
        message,
    } = error
    else {
        return error;
    };
    // Of a Secret, the agent sees metadata only.
    let is_seen = inputs.subject().is_ok_and(|of| of.kind != SECRET);
    let operations = inputs.json.as_deref().filter(|_| is_seen);
    let hint = operations.and_then(|all| untrue(all, object));
    ClusterError::Refused {
        code: UNPROCESSABLE,
        message: match hint {
            Some(hint) => format!("{message}\nhint: {hint}"),
            None => message,
        },
    }
}

/// The first test that does not hold. Only those before any change can be weighed by what is there.
fn untrue(operations: &[Value], object: &Value) -> Option<String> {
    let tests = operations
        .iter()
        .take_while(|operation| text(operation, "/op") == "test");
    tests.into_iter().find_map(|operation| {
        let (path, wanted) = (text(operation, "/path"), operation.get("value")?);
        match object.pointer(path) {
            Some(found) if found == wanted => None,
            Some(Value::Array(_) | Value::Object(_)) => Some(format!(
                "the operation `test` of `{path}` does not hold: it is another value"
            )),
            Some(found) => Some(format!(
                "the operation `test` of `{path}` does not hold: it is {found}, not {wanted}"
            )),
            None => Some(format!(
                "the operation `test` of `{path}` does not hold: there is no such field"
            )),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::untrue;
    use serde_json::json;

    #[test]
    fn the_test_that_does_not_hold_is_named() {
        let object = json!({ "spec": { "replicas": 2 } });
        let test = |path: &str, value: u32| json!({ "op": "test", "path": path, "value": value });
        let told = |operations: &[_]| untrue(operations, &object);
        assert_eq!(told(&[test("/spec/replicas", 2)]), None);
        let words = told(&[test("/spec/replicas", 3)]).unwrap();
        assert!(words.contains("it is 2, not 3"), "{words}");
        let words = told(&[test("/spec/size", 3)]).unwrap();
        assert!(words.contains("there is no such field"), "{words}");
        let change = json!({ "op": "replace", "path": "/spec/replicas", "value": 3 });
        assert_eq!(told(&[change, test("/spec/replicas", 3)]), None);
    }
}
