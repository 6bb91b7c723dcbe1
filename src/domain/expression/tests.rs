use super::{Root, Scope, Secrets, condition_references, references, render, truth};
use crate::domain::{name::SecretName, secret};
use proptest::prelude::*;
use serde_json::{Value, json};

struct World {
    inputs: Value,
    values: Value,
    steps: Value,
    run: Value,
}

fn world() -> World {
    World {
        inputs: json!({"namespace": "todo", "count": 3, "list": ["a", "b"], "on": true, "evil": "\u{F0000}secret:db\u{F0001}"}),
        values: json!({"registry": "example.org"}),
        steps: json!({"keep": {"outputs": {"artifact": "a-1", "pages": 7}, "outcome": "succeeded"}}),
        run: json!({"id": "r1"}),
    }
}

impl World {
    fn scope(&self, secrets: Secrets) -> Scope<'_> {
        Scope {
            inputs: &self.inputs,
            values: &self.values,
            steps: &self.steps,
            run: &self.run,
            secrets,
        }
    }
}

fn rendered(text: &str) -> Result<Value, String> {
    render(&json!(text), &world().scope(Secrets::Allowed)).map_err(|error| error.to_string())
}

#[test]
fn a_whole_expression_keeps_its_type() {
    assert_eq!(rendered("${{ inputs.count }}").unwrap(), json!(3));
    assert_eq!(rendered("${{ inputs.list }}").unwrap(), json!(["a", "b"]));
    assert_eq!(
        rendered("${{ inputs.count | times(2) }}").unwrap(),
        json!(6)
    );
    assert_eq!(
        rendered("${{ {\"a\": {\"b\": 1}} }}").unwrap(),
        json!({"a": {"b": 1}})
    );
}

#[test]
fn inside_a_longer_text_it_gives_text() {
    assert_eq!(
        rendered("n=${{ inputs.count }}/${{ steps.keep.outputs[\"artifact\"] }}").unwrap(),
        json!("n=3/a-1")
    );
    assert!(
        rendered("x ${{ inputs.list }}")
            .unwrap_err()
            .contains("a list")
    );
}

#[test]
fn a_doubled_dollar_writes_the_characters_themselves() {
    assert_eq!(
        rendered("a $${{ b }} ${{ inputs.on }}").unwrap(),
        json!("a ${{ b }} true")
    );
}

#[test]
fn quotes_and_braces_inside_an_expression_do_not_close_it() {
    assert_eq!(rendered("${{ '}}' ~ \"{\" }}").unwrap(), json!("}}{"));
}

#[test]
fn an_unknown_name_is_an_error_with_what_is_known() {
    let error = render(
        &json!({"a": ["x${{ inputs.nmespace }}"]}),
        &world().scope(Secrets::Refused),
    )
    .unwrap_err();
    assert_eq!(error.what, "there is no `inputs.nmespace`");
    assert!(error.hint.unwrap().contains("namespace"));
    assert_eq!(
        (error.place.pointer.as_str(), error.place.offset),
        ("/a/0", 5)
    );
    for bad in [
        "${{ steps.keep.outputs.nothing.x }}",
        "${{ wrong }}",
        "${{ }}",
        "${{ inputs.count",
        "${{ 1 + }}",
    ] {
        assert!(rendered(bad).is_err(), "{bad}");
    }
    assert_eq!(
        rendered("${{ inputs.nothing | default('x') }}").unwrap(),
        json!("x")
    );
}

#[test]
fn a_secret_becomes_its_marker_and_nothing_can_forge_one() {
    let marker = secret::marker(&SecretName::new("db").unwrap());
    assert_eq!(
        rendered("pg://${{ secret(\"db\") }}").unwrap(),
        json!(format!("pg://{marker}"))
    );
    for bad in [
        "${{ inputs.evil }}",
        "${{ inputs.evil ~ secret('db') }}",
        "${{ inputs[\"ev\" ~ \"il\"] }}",
        "${{ \"\\udb80\\udc00secret:db\\udb80\\udc01\" }}",
        "${{ secret(inputs.namespace) }}",
        "\u{F0000}secret:db\u{F0001}",
    ] {
        assert!(rendered(bad).is_err(), "{bad}");
    }
    assert!(
        render(
            &json!("${{ secret('db') }}"),
            &world().scope(Secrets::Refused)
        )
        .is_err()
    );
}

#[test]
fn nothing_multiplies_memory() {
    for bad in [
        "${{ 'a' * 100000000 }}",
        "${{ [1] * 9 }}",
        "${{ 'a' | times(9) }}",
        "${{ 2 ** 9 }}",
        "${{ range(9) }}",
    ] {
        assert!(rendered(bad).is_err(), "{bad}");
    }
    let long = "a".repeat(2000);
    let world = World {
        inputs: json!({"long": long}),
        ..world()
    };
    let bomb = json!("${{ inputs.long | replace('a', inputs.long) }}");
    assert!(render(&bomb, &world.scope(Secrets::Refused)).is_err());
}

#[test]
fn hostile_expressions_are_refused_without_exhausting_the_stack() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("-", ""),
        ("not ", ""),
        ("{1:", "}"),
        ("1+", ""),
        ("1 if 1 else ", ""),
    ] {
        let text = format!("${{{{ {}1{} }}}}", open.repeat(5000), close.repeat(5000));
        assert!(rendered(&text).is_err());
        let short = format!("${{{{ {}1{} }}}}", open.repeat(90), close.repeat(90));
        let _either = rendered(&short);
    }
}

#[test]
fn a_condition_gives_true_or_false_and_nothing_else() {
    let world = world();
    let scope = world.scope(Secrets::Refused);
    assert_eq!(truth("inputs.count > 2", &scope), Ok(true));
    assert_eq!(
        truth("${{ steps.keep.outcome == 'failed' }}", &scope),
        Ok(false)
    );
    assert_eq!(truth("inputs.missing is defined", &scope), Ok(false));
    assert!(truth("inputs.namespace", &scope).is_err());
    assert!(truth("x ${{ inputs.on }}", &scope).is_err());
}

#[test]
fn references_are_found_without_evaluating() {
    let value = json!({"a": "${{ inputs.x | default(values['y']) }} ${{ steps.keep.outputs.z if run.id is not none else secret('db') }}"});
    let found: Vec<_> = references(&value)
        .unwrap()
        .into_iter()
        .map(|reference| (reference.root, reference.path.join(".")))
        .collect();
    assert_eq!(
        found,
        [
            (Root::Inputs, "x".to_owned()),
            (Root::Values, "y".to_owned()),
            (Root::Steps, "keep.outputs.z".to_owned()),
            (Root::Run, "id".to_owned()),
            (Root::Secret, "db".to_owned()),
        ]
    );
    assert_eq!(
        references(&json!("${{ inputs.a | uper }}"))
            .unwrap_err()
            .len(),
        1
    );
    assert_eq!(condition_references("inputs.a").unwrap().len(), 1);
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,40}") {
        let _either = rendered(&format!("${{{{ {text} }}}}"));
        let _either = references(&json!(text));
    }

    #[test]
    fn a_text_without_an_expression_stays_as_it_is(text in "[^$]{0,40}") {
        prop_assume!(!secret::is_marked(&text));
        prop_assert_eq!(rendered(&text).unwrap(), json!(text));
    }

    #[test]
    fn no_name_escapes_the_scan(words in proptest::collection::vec(
        prop_oneof!["inputs", "steps", "\\.", "x", "\\[", "\\]", "'k'", "\\(", "\\)", "\\|", "upper", "==", "and", "not", "is", "none", "if", "else", "~"], 1..12)) {
        let source = words.join(" ");
        let environment = minijinja::Environment::empty();
        let Ok(expression) = environment.compile_expression(&source) else { return Ok(()) };
        if let Ok(found) = condition_references(&source) {
            let names: std::collections::BTreeSet<String> = expression.undeclared_variables(false).into_iter().collect();
            for name in names {
                // A keyword that the engine takes for a name is in no scope.
                if !Root::ALL.iter().any(|root| root.as_str() == name) {
                    continue;
                }
                prop_assert!(found.iter().any(|reference| reference.root.as_str() == name), "{} in {}", name, source);
            }
        }
    }
}
