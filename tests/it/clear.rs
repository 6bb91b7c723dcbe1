//! What must stay secret and would not, told before any run: by the real catalogue, with its place.

use orderly::{
    actions::framework::Catalogue,
    runbooks::{ReportFormat, load_file, render},
};

fn said(steps: &str) -> String {
    let head = "apiVersion: orderly.dev/v1\nkind: Runbook\nmetadata: { name: a }\nspec:\n  description: Tries.\n  inputs: { open: { type: string, default: x } }\n  steps:\n";
    let text = format!("{head}{steps}");
    let loaded = load_file("a.yaml", text.as_bytes(), &Catalogue::new());
    render(&loaded.problems, ReportFormat::Text)
}

const ROTATION: &str = r"    - name: rotate
      uses: rotate/postgres-password
      with:
        name: web
        server: { host: db }
        admin: { role: admin, password: ADMIN }
        role: web
        current: CURRENT
        distribute: [{ secret: { namespace: shop, name: web, keys: { password: password } } }]
        every: 90d
";

#[test]
fn a_password_in_the_clear_is_no_runbook() {
    let of = |admin: &str, current: &str| {
        said(&ROTATION.replace("ADMIN", admin).replace("CURRENT", current))
    };
    let secret = r#"'${{ secret("db") }}'"#;
    assert_eq!(of(secret, secret), "");
    let both = of("hunter2", "hunter2");
    for place in ["a.yaml:13:41: ", "a.yaml:15:18: "] {
        assert!(both.contains(place), "{both}");
    }
    assert!(
        both.contains("hint: write it as `${{ secret(\"…\") }}`"),
        "{both}"
    );
    let given = of(secret, "'${{ inputs.open }}'");
    assert!(given.contains("a.yaml:15:18: "), "{given}");
    assert!(!given.contains("a.yaml:13:"), "{given}");
}

#[test]
fn a_secret_on_a_command_line_is_told_before_a_run() {
    let command = r#"    - { name: a, uses: command, with: { argv: [sh, -c, 'exit 0', '${{ secret("web") }}'] } }
"#;
    let told = said(command);
    assert!(told.contains("a.yaml:8:"), "{told}");
    assert!(
        told.contains("a secret on a command line can be read by every user of the host"),
        "{told}"
    );
    let beside = r#"    - { name: a, uses: command, with: { argv: [psql, 'pg://u:${{ secret("web") }}@${{ inputs.open }}'] } }
"#;
    assert!(
        said(beside).contains("a secret on a command line"),
        "{}",
        said(beside)
    );
    let exec = r#"    - { name: a, uses: kubernetes/exec, with: { namespace: shop, pod: web, command: [app, '${{ secret("web") }}'] } }
"#;
    assert!(
        said(exec).contains("a secret on a command line"),
        "{}",
        said(exec)
    );
    let fine = r#"    - { name: a, uses: command, with: { argv: [env], env: { PASSWORD: '${{ secret("web") }}' } } }
"#;
    assert_eq!(said(fine), "");
}

#[test]
fn the_programs_of_a_rotation_are_told_of_too() {
    let rotation = r#"    - name: rotate
      uses: rotate/secret
      with:
        name: web
        test: { command: { argv: [sh, -c, 'exit 0', '${{ secret("web") }}'] } }
        distribute: [{ file: { path: /etc/web } }]
        every: 90d
"#;
    let told = said(rotation);
    assert!(told.contains("a.yaml:12:53: "), "{told}");
    assert!(told.contains("a secret on a command line"), "{told}");
}
