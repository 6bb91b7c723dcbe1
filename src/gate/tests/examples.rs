//! Examples that a policy carries.

use crate::{
    domain::policy::{ExampleList, Examples, Policy},
    gate::examples::failed,
};

fn examples(stops: &[&str], leaves: &[&str]) -> Examples {
    let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
    Examples {
        stops: owned(stops),
        leaves: owned(leaves),
    }
}

#[test]
fn a_policy_that_does_what_it_says_keeps_its_examples() {
    let examples = examples(
        &[
            "kubectl delete pod web-1 -n kube-system",
            "kubectl scale deployment/web --replicas=0 -n shop",
            "sudo rm -rf /",
            "kubectl get secret db -n shop -o yaml",
        ],
        &[
            "kubectl get pods -A",
            "kubectl scale deployment/web --replicas=3 -n shop",
            "grep -- --force notes.txt",
        ],
    );
    assert_eq!(failed(&Policy::default(), &examples), []);
}

#[test]
fn each_example_that_is_not_kept_is_told_with_its_place_and_a_way_out() {
    let examples = examples(
        &["kubectl delete pod web-1 -n kube-system", "uptime"],
        &["kubectl delete pod web-1 -n shop"],
    );
    let failed = failed(&Policy::default(), &examples);
    assert_eq!(failed.len(), 2);
    assert_eq!((failed[0].list, failed[0].index), (ExampleList::Stops, 1));
    assert_eq!(failed[0].problem, "no rule of this policy stops `uptime`");
    assert_eq!((failed[1].list, failed[1].index), (ExampleList::Leaves, 0));
    assert!(
        failed[1]
            .problem
            .contains("is stopped by require_approval: delete pod web-1"),
        "{}",
        failed[1].problem
    );
}

#[test]
fn the_level_is_no_rule() {
    let level_one = Policy {
        autonomy: crate::domain::policy::Autonomy::Review,
        ..Policy::default()
    };
    let line = "kubectl scale deployment/web --replicas=3 -n shop";
    assert_eq!(failed(&level_one, &examples(&[], &[line])), []);
    assert_eq!(failed(&level_one, &examples(&[line], &[])).len(), 1);
}
