//! The roles that runbooks need, without any cluster.

use super::Home;
use serde_json::{Value, json};

const SHOP: &str = r#"apiVersion: orderly.dev/v1
kind: Runbook
metadata: { name: shop }
spec:
  description: Looks and restarts.
  inputs:
    namespace: { type: string, enum: [shop, todo], required: true }
    deployment: { type: string, default: web }
  steps:
    - name: look
      uses: kubernetes/check
      with: { what: deployments, namespace: "${{ inputs.namespace }}", name: "${{ inputs.deployment }}" }
    - name: restart
      uses: kubernetes/rollout-restart
      with: { namespace: "${{ inputs.namespace }}", deployment: "${{ inputs.deployment }}", wait: 1m }
  finally:
    - { name: nodes, uses: kubernetes/check, with: { what: nodes } }
---
apiVersion: orderly.dev/v1
kind: Runbook
metadata: { name: back }
spec:
  description: Scales to what a step says.
  inputs:
    namespace: { type: string, required: true }
  steps:
    - name: find
      uses: kubernetes/scale
      with: { namespace: shop, deployment: web, replicas: 1 }
    - name: scale
      uses: kubernetes/scale
      with: { namespace: "${{ inputs.namespace }}", deployment: web, replicas: "${{ steps.find.outputs.previous }}" }
---
apiVersion: orderly.dev/v1
kind: Runbook
metadata: { name: caller }
spec:
  description: Runs another one.
  steps:
    - { name: call, uses: runbook, with: { runbook: back, inputs: { namespace: shop } } }
"#;

fn home() -> Home {
    let home = Home::new();
    home.write("runbooks/shop.yaml", SHOP);
    home
}

fn objects(home: &Home, more: &[&str]) -> Vec<Value> {
    let asked = ["rbac", "--runbooks", "runbooks", "--output", "json"];
    let list = home.orderly(&[&asked[..], more].concat()).json();
    assert_eq!(list["kind"], "List");
    list["items"].as_array().unwrap().clone()
}

fn named(objects: &[Value]) -> Vec<String> {
    let name = |object: &Value| {
        let metadata = &object["metadata"];
        let place = metadata["namespace"].as_str().unwrap_or("*");
        format!(
            "{} {place}/{}",
            object["kind"].as_str().unwrap(),
            metadata["name"].as_str().unwrap()
        )
    };
    objects.iter().map(name).collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "the whole answer is shown")]
fn a_runbook_needs_what_its_steps_do_and_no_more() {
    let home = home();
    let said = home.orderly(&[
        "rbac",
        "--runbooks",
        "runbooks",
        "--service-account",
        "ops/agent",
    ]);
    insta::assert_snapshot!(said.err, @r"
    warning: back: step scale: `${{ inputs.namespace }}` is only known in a run, so the right is not narrowed to it
    ");
    insta::assert_snapshot!(said.done(), @r"
    # back: step scale: `${{ inputs.namespace }}` is only known in a run, so the right is not narrowed to it
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRole
    metadata:
      name: orderly-runbooks
    rules:
    - apiGroups:
      - ''
      resources:
      - nodes
      verbs:
      - list
    - apiGroups:
      - apps
      resources:
      - deployments
      verbs:
      - get
      - patch
      resourceNames:
      - web
    - apiGroups:
      - autoscaling
      resources:
      - horizontalpodautoscalers
      verbs:
      - list
    - apiGroups:
      - events.k8s.io
      resources:
      - events
      verbs:
      - create
    ---
    apiVersion: rbac.authorization.k8s.io/v1
    kind: ClusterRoleBinding
    metadata:
      name: orderly-runbooks
    roleRef:
      apiGroup: rbac.authorization.k8s.io
      kind: ClusterRole
      name: orderly-runbooks
    subjects:
    - kind: ServiceAccount
      name: agent
      namespace: ops
    ---
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata:
      name: orderly-runbooks
      namespace: shop
    rules:
    - apiGroups:
      - ''
      resources:
      - events
      - pods
      verbs:
      - list
    ---
    apiVersion: rbac.authorization.k8s.io/v1
    kind: RoleBinding
    metadata:
      name: orderly-runbooks
      namespace: shop
    roleRef:
      apiGroup: rbac.authorization.k8s.io
      kind: Role
      name: orderly-runbooks
    subjects:
    - kind: ServiceAccount
      name: agent
      namespace: ops
    ---
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata:
      name: orderly-runbooks
      namespace: todo
    rules:
    - apiGroups:
      - ''
      resources:
      - events
      - pods
      verbs:
      - list
    ---
    apiVersion: rbac.authorization.k8s.io/v1
    kind: RoleBinding
    metadata:
      name: orderly-runbooks
      namespace: todo
    roleRef:
      apiGroup: rbac.authorization.k8s.io
      kind: Role
      name: orderly-runbooks
    subjects:
    - kind: ServiceAccount
      name: agent
      namespace: ops
    ");
}

#[test]
fn each_runbook_gets_roles_for_its_own_account() {
    let home = home();
    let config = json!({
        "source": { "url": "." },
        "clusters": { "default": {
            "account": { "serviceAccount": "ops/reader" },
            "accounts": { "shop": { "serviceAccount": "shop/restarter" } }
        } }
    });
    home.write("orderly.yaml", config.to_string());
    let config = ["--config", "orderly.yaml"];
    let asked = [
        "--per-runbook",
        "--service-account",
        "ops/agent",
        "--input",
        "namespace=shop",
    ];
    let objects = objects(&home, &[&asked[..], &config].concat());
    assert_eq!(
        named(&objects),
        [
            "Role shop/orderly-back",
            "RoleBinding shop/orderly-back",
            "ClusterRole */orderly-shop",
            "ClusterRoleBinding */orderly-shop",
            "Role shop/orderly-shop",
            "RoleBinding shop/orderly-shop",
            "Role ops/orderly-impersonates",
            "RoleBinding ops/orderly-impersonates",
            "Role shop/orderly-impersonates",
            "RoleBinding shop/orderly-impersonates",
        ]
    );
    let subject = |place: usize| &objects[place]["subjects"][0];
    assert_eq!(subject(1)["name"], "reader");
    assert_eq!(
        subject(5),
        &json!({ "kind": "ServiceAccount", "namespace": "shop", "name": "restarter" })
    );
    assert_eq!(subject(9)["name"], "agent");
    assert_eq!(
        objects[8]["rules"],
        json!([{ "apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"], "resourceNames": ["restarter"] }])
    );
}

#[test]
fn roles_of_who_holds_a_token_are_bound_to_nobody_and_that_is_said() {
    let home = home();
    let config = json!({
        "source": { "url": "." },
        "secrets": { "restarter": { "file": "/run/secrets/restarter" } },
        "clusters": { "default": { "accounts": { "shop": { "token": "restarter" } } } }
    });
    home.write("orderly.yaml", config.to_string());
    let said = home.orderly(&[
        "rbac",
        "--runbooks",
        "runbooks",
        "--config",
        "orderly.yaml",
        "--per-runbook",
        "--service-account",
        "ops/agent",
    ]);
    let told = "shop: it acts by the token `restarter`, and whose that is is not known here";
    assert!(
        said.err.contains(&format!("warning: {told}")),
        "{}",
        said.err
    );
    let text = said.done();
    assert!(text.contains(&format!("# {told}")), "{text}");
    let of_shop = text
        .split("---\n")
        .filter(|one| one.contains("name: orderly-shop"));
    for document in of_shop {
        assert!(!document.contains("Binding"), "{document}");
    }
}

#[test]
fn a_rotation_of_tokens_says_that_its_right_is_over_all_secrets() {
    let home = Home::new();
    home.write("runbooks/token.yaml", TOKEN);
    let said = home.orderly(&["rbac", "--runbooks", "runbooks"]);
    let told = "token: step rotate: a token is bound to a Secret whose name is new in each rotation, so the right to create and delete Secrets is over all of namespace shop";
    assert!(
        said.err.contains(&format!("warning: {told}")),
        "{}",
        said.err
    );
    assert!(said.done().contains(&format!("# {told}")));
}

const TOKEN: &str = r"apiVersion: orderly.dev/v1
kind: Runbook
metadata: { name: token }
spec:
  description: Renews a token.
  steps:
    - name: rotate
      uses: rotate/service-account-token
      with:
        name: deployer
        namespace: shop
        serviceAccount: deployer
        expiration: 24h
        renewBefore: 8h
        distribute: [{ secret: { namespace: ci, name: deployer, keys: { token: token } } }]
";

#[test]
fn no_account_means_no_bindings_and_the_same_question_has_the_same_answer() {
    let home = home();
    let first = objects(&home, &["--input", "namespace=shop"]);
    assert_eq!(
        named(&first),
        [
            "ClusterRole */orderly-runbooks",
            "Role shop/orderly-runbooks"
        ]
    );
    assert_eq!(first, objects(&home, &["--input", "namespace=shop"]));
    let more = objects(
        &home,
        &[
            "--input",
            "namespace=shop",
            "--input",
            "namespace=todo",
            "--name",
            "x",
        ],
    );
    assert_eq!(
        named(&more),
        [
            "ClusterRole */x-runbooks",
            "Role shop/x-runbooks",
            "Role todo/x-runbooks"
        ]
    );
}

#[test]
fn what_makes_no_sense_is_told() {
    let home = home();
    let asked = |more: &[&str]| home.orderly(&[&["rbac", "--runbooks", "runbooks"], more].concat());
    let error = asked(&["--input", "colour=red"]).failed(2);
    assert!(
        error.contains("none of the runbooks has an input colour"),
        "{error}"
    );
    let error = asked(&["--cluster", "defualt"]).failed(2);
    assert!(
        error.contains("there is no cluster defualt") && error.contains("there are default"),
        "{error}"
    );
    let error = asked(&["--service-account", "agent"]).failed(2);
    assert!(error.contains("is not `namespace/name`"), "{error}");
    home.write(
        "runbooks/two.yaml",
        SHOP.replace("what: nodes", "what: nodes, cluster: east")
            .replace("name: shop }", "name: east }")
            .replace("name: back }", "name: b }")
            .replace("name: caller }", "name: c }"),
    );
    let error = asked(&[]).failed(2);
    assert!(
        error.contains("more than one cluster: default, east"),
        "{error}"
    );
    assert!(
        asked(&["--cluster", "east"])
            .done()
            .contains("resources:\n  - nodes")
    );
    home.write(
        "runbooks/wrong.yaml",
        "apiVersion: orderly.dev/v1\nkind: Runbook\n",
    );
    let error = asked(&[]).failed(1);
    assert!(
        error.contains("wrong.yaml") && error.contains("hint: `orderly validate`"),
        "{error}"
    );
}

const UNSURE: &str = r"apiVersion: orderly.dev/v1
kind: Runbook
metadata: { name: unsure }
spec:
  description: Does what only a server knows the rights of.
  steps:
    - name: apply
      uses: kubernetes/apply
      with:
        namespace: shop
        manifest: { apiVersion: example.org/v1, kind: Policy, metadata: { name: web } }
    - name: grant
      uses: kubernetes/apply
      with:
        namespace: shop
        manifest: { apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: { name: web }, rules: [] }
    - name: release
      uses: helm/rollback
      with: { namespace: shop, release: web }
";

#[test]
fn what_is_not_known_of_rights_is_told() {
    let home = Home::new();
    home.write("runbooks/unsure.yaml", UNSURE);
    let said = home.orderly(&["rbac", "--runbooks", "runbooks", "--output", "json"]);
    for words in [
        "step apply: `policies` is taken for what the API calls policy.example.org",
        "step grant: `update role.rbac.authorization.k8s.io web in namespace shop on cluster default` also takes the rights that it gives",
        "step release: what the objects of release shop/web take is not among the rights",
    ] {
        assert!(said.err.contains(words), "{words} in {}", said.err);
    }
    assert_eq!(said.err.lines().count(), 3, "{}", said.err);
    let role = &said.json()["items"][0];
    let rule = |resource: &str, group: &str, verbs: &[&str]| json!({ "apiGroups": [group], "resources": [resource], "verbs": verbs });
    let rules = role["rules"].as_array().unwrap();
    for rule in [
        rule(
            "secrets",
            "",
            &["create", "delete", "get", "list", "update"],
        ),
        rule("events", "events.k8s.io", &["create"]),
    ] {
        assert!(rules.contains(&rule), "{rules:?}");
    }
    assert!(
        rules
            .iter()
            .any(|rule| rule["resources"] == json!(["policies"])),
        "{rules:?}"
    );
}

#[test]
fn where_no_notes_are_left_none_are_granted() {
    let home = home();
    let granted = objects(&home, &[]);
    assert!(json!(granted).to_string().contains("events.k8s.io"));
    let config =
        json!({ "source": { "url": "." }, "clusters": { "default": { "events": false } } });
    home.write("orderly.yaml", config.to_string());
    let granted = objects(&home, &["--config", "orderly.yaml"]);
    assert!(!json!(granted).to_string().contains("events.k8s.io"));
}

/// None of the shipped runbooks is about a cluster; one that is must be tried with its rights on the control plane, too.
#[test]
fn shipped_runbooks_need_nothing_of_a_cluster() {
    let home = Home::new();
    let shipped = super::ours("runbooks");
    let said = home.orderly(&["rbac", "--runbooks", shipped.to_str().unwrap()]);
    assert!(
        said.err.contains("need nothing of a cluster"),
        "{}",
        said.err
    );
    assert_eq!(said.done(), "");
}
