//! What the gate would say of a runbook's steps, before anything runs.

use super::{Home, Said};
use serde_json::Value;

const RESTART: &str = r#"apiVersion: orderly.dev/v1
kind: Runbook
metadata: { name: restart }
spec:
  description: Restarts what a step finds.
  inputs:
    namespace: { type: string, required: true }
    replicas: { type: integer, default: 2 }
  steps:
    - name: find
      uses: command
      with: { argv: [kubectl, get, pods, -n, "${{ inputs.namespace }}"], outputs: text }
    - name: restart
      uses: command
      with: { argv: [kubectl, rollout, restart, "deployment/${{ steps.find.outputs.stdout }}", -n, shop] }
    - name: scale
      uses: kubernetes/scale
      with: { deployment: web, namespace: "${{ inputs.namespace }}", replicas: "${{ inputs.replicas }}" }
    - name: apply
      uses: command
      with: { argv: [kubectl, apply, -f, k8s/web.yaml], files: [k8s] }
"#;

const BESIDE: &str = "apiVersion: orderly.dev/v1
kind: Policy
metadata: { name: strict }
spec: { autonomy: 1 }
";

fn repository() -> Home {
    let home = Home::new();
    home.write("runbooks/restart.yaml", RESTART);
    home.write(
        "k8s/web.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web, namespace: shop }\n",
    );
    std::fs::create_dir(home.at(".git")).unwrap();
    home
}

fn explained(home: &Home, more: &[&str]) -> Value {
    let asked = [
        "gate",
        "explain",
        "--runbook",
        "runbooks/restart.yaml",
        "-o",
        "json",
    ];
    home.orderly(&[&asked[..], more].concat()).json()["runbooks"][0].clone()
}

fn step<'a>(told: &'a Value, name: &str) -> &'a Value {
    let steps = told["steps"].as_array().unwrap();
    steps.iter().find(|step| step["step"] == name).unwrap()
}

#[test]
fn each_step_is_explained_with_what_is_known_before_a_run() {
    let home = repository();
    let told = explained(&home, &["-i", "namespace=shop"]);
    assert_eq!(step(&told, "find")["decision"], "allow");
    assert_eq!(step(&told, "scale")["decision"], "allow");
    assert_eq!(step(&told, "apply")["confidence"], "exact", "{told:#}");
    let restart = step(&told, "restart");
    assert_eq!(restart["decision"], "approve");
    assert_eq!(restart["confidence"], "opaque");
    let unknown = &restart["unknown"][0];
    assert_eq!(unknown["expression"], "steps.find.outputs.stdout");
    assert_eq!(unknown["line"], 15);
    // Scaled to nothing, and in a namespace that nobody named.
    let none = explained(&home, &["-i", "replicas=0", "--step", "scale"]);
    assert_eq!(none["missing_inputs"][0], "namespace");
    assert_eq!(step(&none, "scale")["decision"], "deny");
}

#[test]
fn the_policy_of_the_repository_counts_in_an_explanation() {
    let home = repository();
    home.write("runbooks/policy.yaml", BESIDE);
    let told = explained(&home, &["-i", "namespace=shop"]);
    assert_eq!(told["autonomy"], 1);
    assert_eq!(step(&told, "scale")["decision"], "approve");
    // One that lies where the agent does not look does not.
    home.write("runbooks/policy.yaml", "");
    home.write("policy.yaml", BESIDE);
    assert_eq!(explained(&home, &["-i", "namespace=shop"])["autonomy"], 2);
}

#[test]
fn what_cannot_be_explained_says_why_and_where() {
    let home = repository();
    let ask = |more: &[&str]| {
        let asked = ["gate", "explain", "--runbook", "runbooks/restart.yaml"];
        home.orderly(&[&asked[..], more].concat())
    };
    let said = ask(&["--step", "scal"]).failed(2);
    assert!(said.contains("hint: did you mean scale?"), "{said}");
    let said = ask(&["-i", "namespac=x"]).failed(2);
    assert!(said.contains("hint: did you mean namespace?"), "{said}");
    home.write(
        "runbooks/restart.yaml",
        RESTART.replace("files: [k8s]", "files: [absent]"),
    );
    let said = ask(&["--step", "apply"]);
    assert_eq!(said.code, 1);
    let place = "runbooks/restart.yaml:21:13: error: the step cannot be planned: `absent`";
    assert!(said.out.contains(place), "{}", said.out);
    home.write("runbooks/restart.yaml", "kind: Runbook\n");
    let said = ask(&[]);
    assert_eq!(said.code, 1);
    assert!(
        said.out.contains("runbooks/restart.yaml:1:1"),
        "{}",
        said.out
    );
}

const ROUND: &str = r#"apiVersion: orderly.dev/v1
kind: Runbook
metadata: { name: round }
spec:
  description: Restarts in two namespaces.
  steps:
    - name: look
      uses: command
      with: { argv: [hostname], outputs: text }
    - name: shop
      uses: runbook
      with: { runbook: restart, inputs: { namespace: shop, replicas: 0 } }
    - name: found
      uses: runbook
      with: { runbook: restart, inputs: { namespace: "${{ steps.look.outputs.stdout }}" } }
    - name: again
      uses: runbook
      with: { runbook: round }
    - name: elsewhere
      uses: runbook
      with: { runbook: not-here }
"#;

#[test]
fn a_step_that_runs_another_runbook_shows_what_that_one_would_do() {
    let home = repository();
    home.write("runbooks/round.yaml", ROUND);
    let asked = ["gate", "explain", "--runbook", "runbooks/round.yaml"];
    let said = home.orderly(&[&asked[..], &["-o", "json"]].concat());
    assert_eq!(said.code, 1, "a run would end at the circle: {}", said.err);
    let told: Value = serde_json::from_str(&said.out).unwrap();
    let told = &told["runbooks"][0];
    let shop = &step(told, "shop")["runs"];
    assert_eq!(shop["runbook"], "restart");
    let scale = step(shop, "scale");
    assert_eq!(scale["class"], "destructive", "{scale:#}");
    assert_eq!(scale["decision"], "approve");
    let found = &step(told, "found")["runs"];
    assert_eq!(found["missing_inputs"][0], "namespace");
    assert_eq!(step(found, "scale")["decision"], "deny", "{found:#}");
    let why = |name: &str| {
        step(told, name)["runs"]["not_shown"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(why("again").contains("run each other in a circle"));
    assert!(why("elsewhere").contains("not-here, which is not among the runbooks around it"));
    let text = home.orderly(&asked).out;
    assert!(
        text.contains("  it runs restart, whose steps are judged each by itself\n"),
        "{text}"
    );
    assert!(
        text.contains("    main: scale (kubernetes/scale)\n"),
        "{text}"
    );
}

#[test]
fn what_is_about_steps_is_not_passed_over_where_no_runbook_is_named() {
    let home = repository();
    for (flag, value) in [
        ("--step", "scale"),
        ("--input", "a=b"),
        ("--environment", "x"),
    ] {
        let err = home
            .orderly(&["gate", "explain", flag, value, "kubectl get pods"])
            .failed(2);
        assert!(err.contains("hint: add --runbook FILE"), "{err}");
    }
}

fn lines(home: &Home, text: &str) -> Said {
    home.write("lines", text);
    let mut command = home.command(&["gate", "explain", "--jsonl"]);
    command.stdin(std::fs::File::open(home.at("lines")).unwrap());
    home.ended(&mut command)
}

#[test]
fn a_line_that_is_no_object_is_answered_in_its_place_and_told() {
    let home = Home::new();
    let said = lines(&home, "{\"command\": \"ls\"}\n[\"ls\"]\n");
    let answers: Vec<Value> = said
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers[0]["decision"], "allow");
    assert_eq!(answers[1]["decision"], "deny");
    assert_eq!(
        answers[1]["error"],
        "line 2 of standard input: a list is no object"
    );
    let err = said.failed(2);
    assert!(err.contains("1 line was not understood"), "{err}");
    let err = lines(&home, "[]\n{}\n").failed(2);
    assert!(err.contains("2 lines were not understood"), "{err}");
}

#[test]
fn an_empty_command_is_none() {
    let home = Home::new();
    for empty in ["", "  ", "\n"] {
        let err = home.orderly(&["gate", "explain", empty]).failed(2);
        assert!(err.contains("there is no command to explain"), "{err}");
    }
}

#[test]
fn people_read_how_many_of_them_must_consent() {
    let home = Home::new();
    home.write(
        "orderly.yaml",
        "policy: { protectedMode: approval, protectedQuorum: 3 }\n",
    );
    let first = |line: &str| {
        let text = home.orderly(&["gate", "explain", line]).done();
        text.lines().next().unwrap().to_owned()
    };
    assert_eq!(
        first("kubectl delete configmap web -n shop"),
        "approve by 1 person at level 2 (destructive, exact)"
    );
    assert_eq!(
        first("kubectl delete configmap web -n kube-system"),
        "approve by 3 people at level 2 (destructive, exact)"
    );
    assert_eq!(first("kubectl get pods"), "allow at level 2 (read, exact)");
}
