//! Whether new pods may come to a node.

use crate::actions::kubernetes::{
    check_name,
    kinds::NODES,
    object::{condition, is, text},
    progress::Progress,
    subject::Subject,
    turn::Turn,
};
use serde_json::{Value, json};

/// The node of this name.
pub(super) fn node(cluster: &str, name: &str) -> Result<Subject, String> {
    check_name("cluster", cluster)?;
    check_name("node", name)?;
    Ok(Subject {
        cluster: cluster.to_owned(),
        kind: NODES.effect_kind(),
        namespace: None,
        name: name.to_owned(),
    })
}

fn unschedulable(node: &Value) -> Value {
    json!(node.pointer("/spec/unschedulable") == Some(&Value::Bool(true)))
}

/// What is false is not written.
fn patch(unschedulable: &Value) -> Value {
    let written = (unschedulable == &Value::Bool(true)).then_some(true);
    json!({ "spec": { "unschedulable": written } })
}

/// No new pods.
pub(super) struct Cordon;

impl Turn for Cordon {
    const NOTE: &'static str = "orderly.dev/cordoned";
    const PART: &'static str = "/spec/unschedulable";
    const DOING: &'static str = "cordoning";
    const UNDONE: &'static str = "uncordoned again";

    fn read(&self, node: &Value) -> Value {
        unschedulable(node)
    }
    fn wanted(&self, _: &Value) -> Result<Value, String> {
        Ok(json!(true))
    }
    fn patch(&self, unschedulable: &Value) -> Value {
        patch(unschedulable)
    }
    fn progress(&self, _: &Value, _: &Value) -> Progress {
        Progress::Ready
    }
    fn done(&self, _: &Value, _: &Value) -> String {
        "was cordoned".to_owned()
    }
}

/// New pods again.
pub(super) struct Uncordon;

impl Turn for Uncordon {
    const NOTE: &'static str = "orderly.dev/uncordoned";
    const PART: &'static str = "/spec/unschedulable";
    const DOING: &'static str = "uncordoning";

    fn read(&self, node: &Value) -> Value {
        unschedulable(node)
    }
    fn wanted(&self, _: &Value) -> Result<Value, String> {
        Ok(json!(false))
    }
    fn patch(&self, unschedulable: &Value) -> Value {
        patch(unschedulable)
    }
    fn progress(&self, _: &Value, node: &Value) -> Progress {
        if unschedulable(node) == json!(true) {
            return Progress::Stuck("something else has cordoned it meanwhile".to_owned());
        }
        if is(node, "Ready") {
            return Progress::Ready;
        }
        let said = condition(node, "Ready").map_or("", |ready| text(ready, "/message"));
        Progress::Waiting(format!("the node does not say that it is ready: {said}"))
    }
    fn done(&self, from: &Value, to: &Value) -> String {
        if from == to {
            return "takes pods already".to_owned();
        }
        "was uncordoned".to_owned()
    }
}
