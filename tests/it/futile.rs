//! Runbooks that can only fail are told of before they run, each fault at its place.

use orderly::{
    daemon::wiring,
    runbooks::{Beside, ReportFormat, ValidationReport, render, validate_tree},
};

const RUNBOOK: &str = r#"apiVersion: orderly.dev/v1
kind: Runbook
metadata: { name: futile }
spec:
  deadline: 10m
  inputs:
    count: { type: integer, default: 3 }
    flag: { type: boolean, default: true }
  steps:
    - name: script
      uses: command
      with:
        script: |
          cat <<EOF >/tmp/x
          <config>
          EOF
          sort <in >out
          kubectl get pod <pod-name>
    - name: argv
      uses: command
      with: { argv: [kubectl, get, pod, "<pod>", "${{ inputs.count }}"] }
    - name: nap
      uses: sleep
      with: { duration: 10m }
    - name: long_nap
      uses: sleep
      timeout: 2h
      with: { duration: 1h }
    - name: files
      uses: command
      with: { argv: [cat, there, gone], files: [there, gone] }
    - name: truth
      uses: assert
      with: { that: "${{ inputs.count }}" }
    - name: beside
      uses: assert
      with: { that: "${{ inputs.flag }} " }
    - name: kept
      uses: assert
      with: { that: "${{ steps.files.outputs.lines | length > 0 }}" }
    - name: answer
      uses: http/check
      timeout: 5s
      with: { url: "https://example.org", timeout: 10s }
    - name: call
      uses: runbook
      with: { runbook: called, inputs: { count: many, flag: "${{ inputs.count }}", size: "${{ inputs.count }}" } }
    - name: patient
      uses: kubernetes/rollout-restart
      timeout: 1m
      with: { namespace: shop, deployment: web, wait: 5m }
    - name: more_patient
      uses: kubernetes/wait
      timeout: 1h
      with: { namespace: shop, object: deploy/web, condition: Available, for: 20m }
    - name: bare
      uses: assert
      with: { that: "1 <= 5" }
    - name: both
      uses: kubernetes/patch
      with: { namespace: "${{ inputs.count }}", object: cm/web, merge: { data: {} }, json: [] }
    - name: either
      uses: kubernetes/scale
      with: { namespace: shop, deployment: "${{ inputs.count }}", statefulset: "${{ inputs.flag }}", replicas: 1 }
    - name: kind
      uses: kubernetes/delete
      with: { namespace: shop, object: deploymint/web }
"#;

const OTHERS: &str = "apiVersion: orderly.dev/v1
kind: Runbook
metadata: { name: called }
spec:
  inputs:
    count: { type: integer }
    flag: { type: boolean }
    size: { type: number }
  steps:
    - { name: fine, uses: sleep, timeout: 6s, with: { duration: 5s } }
---
apiVersion: orderly.dev/v1
kind: Policy
metadata: { name: backups }
spec:
  freshBackup:
    - { backup: db, runbook: caled, youngerThan: 24h }
";

fn report() -> ValidationReport {
    let files = [("futile.yaml", RUNBOOK), ("others.yaml", OTHERS)];
    let files = files.map(|(path, text)| (path, text.as_bytes().to_vec()));
    let lacks = |_: &str, path: &str| (path == "gone").then(|| "it is not there".to_owned());
    let beside = Beside {
        declared: None,
        lacks: Some(&lacks),
        seals: None,
    };
    validate_tree(files.into_iter(), &wiring::catalogue(), beside)
}

#[test]
fn what_can_only_fail_is_told_at_its_place() {
    insta::assert_snapshot!(render(&report().problems, ReportFormat::Text), @r#"
    futile.yaml:18:27: error: in `with`, at `script`: `<pod-name>` was not filled in, and nobody may consent to it
     18 |           kubectl get pod <pod-name>
        |                           ^
    hint: pass the value by `env:` and write "$NAME" in the script

    futile.yaml:21:41: error: in `with`, at `argv[3]`: `<pod>` was not filled in, and nobody may consent to it
     21 |       with: { argv: [kubectl, get, pod, "<pod>", "${{ inputs.count }}"] }
        |                                         ^
    hint: write an expression, as in `${{ inputs.name }}`

    futile.yaml:24:25: error: it sleeps 10m, and its timeout of 10m ends it
     24 |       with: { duration: 10m }
        |                         ^
    hint: give the step a longer `timeout`

    futile.yaml:27:16: warning: the run's deadline of 10m ends this before its timeout of 2h
     27 |       timeout: 2h
        |                ^
    hint: shorten it, or give the runbook a longer `deadline`

    futile.yaml:28:25: error: it sleeps 1h, and the run's deadline of 10m ends it
     28 |       with: { duration: 1h }
        |                         ^
    hint: give the runbook a longer `deadline`

    futile.yaml:31:56: error: `gone`, which the step `files` needs, cannot be had: it is not there
     31 |       with: { argv: [cat, there, gone], files: [there, gone] }
        |                                                        ^
    hint: paths begin at the repository's top, as in `manifests/web.yaml`

    futile.yaml:34:21: error: `that` must be true or false, and the expression gives a number
     34 |       with: { that: "${{ inputs.count }}" }
        |                     ^
    hint: compare it, as in `${{ inputs.mode == 'full' }}`

    futile.yaml:37:21: error: `that` must be true or false, and the expression gives a text
     37 |       with: { that: "${{ inputs.flag }} " }
        |                     ^
    hint: compare it, as in `${{ inputs.mode == 'full' }}`

    futile.yaml:40:26: error: the step `files` does not keep its output as `lines`
     40 |       with: { that: "${{ steps.files.outputs.lines | length > 0 }}" }
        |                          ^
    hint: write `outputs: lines` in its `with`

    futile.yaml:44:52: warning: the step's own timeout of 5s ends it before this one of 10s
     44 |       with: { url: "https://example.org", timeout: 10s }
        |                                                    ^
    hint: shorten it, or give the step a longer `timeout`

    futile.yaml:47:49: error: the input `count` of called, which the step `call` gives, must be a whole number, not `"many"`
     47 |       with: { runbook: called, inputs: { count: many, flag: "${{ inputs.count }}", size: "${{ inputs.count }}" } }
        |                                                 ^

    futile.yaml:47:61: error: the input `flag` of called, which the step `call` gives, must be true or false, and the expression gives a number
     47 |       with: { runbook: called, inputs: { count: many, flag: "${{ inputs.count }}", size: "${{ inputs.count }}" } }
        |                                                             ^

    futile.yaml:51:55: warning: the step's own timeout of 1m ends it before this one of 5m
     51 |       with: { namespace: shop, deployment: web, wait: 5m }
        |                                                       ^
    hint: shorten it, or give the step a longer `timeout`

    futile.yaml:54:16: warning: the run's deadline of 10m ends this before its timeout of 1h
     54 |       timeout: 1h
        |                ^
    hint: shorten it, or give the runbook a longer `deadline`

    futile.yaml:55:79: warning: the run's deadline of 10m ends it before this one of 20m
     55 |       with: { namespace: shop, object: deploy/web, condition: Available, for: 20m }
        |                                                                               ^
    hint: shorten it, or give the runbook a longer `deadline`

    futile.yaml:58:21: error: `that` must be true or false, not text
     58 |       with: { that: "1 <= 5" }
        |                     ^
    hint: an expression stands in `${{ }}` here: `${{ 1 <= 5 }}`

    futile.yaml:61:13: error: in `with`: give exactly one of `merge`, `strategic`, `json`
     61 |       with: { namespace: "${{ inputs.count }}", object: cm/web, merge: { data: {} }, json: [] }
        |             ^

    futile.yaml:67:40: error: in `with`, at `object`: there is no kind `deploymint`
     67 |       with: { namespace: shop, object: deploymint/web }
        |                                        ^
    hint: did you mean `deployment`? a kind that is not built in is written with its group, as in `certificates.cert-manager.io`

    others.yaml:17:30: error: there is no runbook `caled`, which `freshBackup` names
     17 |     - { backup: db, runbook: caled, youngerThan: 24h }
        |                              ^
    hint: did you mean `called`?
    "#);
}

#[test]
fn other_programs_are_told_the_same_places() {
    let problems = report().problems;
    let places: Vec<(usize, usize)> = problems
        .iter()
        .map(|problem| (problem.line, problem.column))
        .collect();
    assert!(places.len() >= 13);
    let json: serde_json::Value =
        serde_json::from_str(&render(&problems, ReportFormat::Json)).unwrap();
    let sarif: serde_json::Value =
        serde_json::from_str(&render(&problems, ReportFormat::Sarif)).unwrap();
    let github = render(&problems, ReportFormat::Github);
    for (index, (line, column)) in places.iter().enumerate() {
        assert_eq!(
            (&json[index]["line"], &json[index]["column"]),
            (&(*line).into(), &(*column).into())
        );
        let region =
            &sarif["runs"][0]["results"][index]["locations"][0]["physicalLocation"]["region"];
        assert_eq!(
            (&region["startLine"], &region["startColumn"]),
            (&(*line).into(), &(*column).into())
        );
        let annotation = github.lines().nth(index).unwrap();
        assert!(
            annotation.contains(&format!("line={line},col={column}::")),
            "{annotation}"
        );
    }
}

#[test]
fn a_chart_and_files_of_values_that_are_not_in_the_repository_are_told() {
    let runbook = "apiVersion: orderly.dev/v1
kind: Runbook
metadata: { name: charts }
spec:
  steps:
    - name: web
      uses: helm/upgrade
      with: { namespace: shop, release: web, chart: gone, valuesFiles: [there, gone] }
    - name: elsewhere
      uses: helm/upgrade
      with: { namespace: shop, release: db, chart: \"oci://gone.example.org/db\", version: 1.2.3 }
";
    let lacks = |_: &str, path: &str| (path != "there").then(|| "it is not there".to_owned());
    let beside = Beside {
        declared: None,
        lacks: Some(&lacks),
        seals: None,
    };
    let files = [("charts.yaml", runbook.as_bytes().to_vec())];
    let report = validate_tree(files.into_iter(), &wiring::catalogue(), beside);
    let places: Vec<(usize, usize)> = report
        .problems
        .iter()
        .map(|problem| (problem.line, problem.column))
        .collect();
    assert_eq!(places, [(8, 53), (8, 80)]);
    let told = render(&report.problems, ReportFormat::Text);
    assert_eq!(
        told.matches("`gone`, which the step `web` needs, cannot be had")
            .count(),
        2
    );
}
