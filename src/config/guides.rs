//! The guides' own words for the policy and the budget, and what they are called here.
//!
//! `safety:` (or `ai_safety:`, `safety_policy:`) and `budget:` of a configuration file may be written as the guides do. Each word is
//! put where ours stands before anything is read, so that there is one meaning of it. What the guides say and is always so here may
//! be said, but not the contrary.

use crate::{
    config::file::{Step, written as dotted},
    domain::likeness::nearest,
};
use serde_json::{Map, Value, json};

/// Sections of the guides, and the words below each with ours.
const SECTIONS: [(&str, &[(&str, &str)]); 4] = [
    ("safety", &POLICY),
    ("ai_safety", &POLICY),
    ("safety_policy", &POLICY),
    ("budget", &BUDGET),
];

const POLICY: [(&str, &str); 13] = [
    ("autonomy_level", "policy.autonomy"),
    ("protected_namespaces", "policy.protectedNamespaces"),
    ("protected_mode", "policy.protectedMode"),
    ("forbidden_operations", "policy.forbiddenOperations"),
    ("require_approval", "policy.requireApproval"),
    ("dangerous_commands", "policy.dangerousCommands"),
    (
        "rate_limit.max_commands_per_minute",
        "policy.changesPerMinute",
    ),
    (
        "rate_limit.destructive_effects_per_hour",
        "policy.destructivePerHour",
    ),
    ("approvals.quorum", "policy.quorum"),
    ("approvals.protected_quorum", "policy.protectedQuorum"),
    ("approvals.approve_by", "policy.approveBy"),
    ("approvals.execute_within", "policy.executeWithin"),
    ("approvals.exclude", EXCLUDE),
];

const BUDGET: [(&str, &str); 3] = [
    ("monthly_limit_usd", "ai.budget.monthlyCost"),
    ("token_limit", "ai.budget.monthlyTokens"),
    ("warning_threshold_percent", "ai.budget.warnPercent"),
];

/// What stands for two settings of ours: who of these may not consent.
const EXCLUDE: &str = "";
const EXCLUDED: [(&str, &str); 2] = [
    ("author", "policy.authorMayApprove"),
    ("trigger", "policy.triggerMayApprove"),
];

/// What is so in any case, and where to look for what else there is.
const ALWAYS: [(&str, &str, &str, &str); 3] = [
    (
        "safety",
        "on_llm_unavailable.change",
        "approval",
        "a runbook whose exact changes go on without a reviewer is named in `ai.onUnavailable`: { nightly-backup: proceedIfExact }",
    ),
    (
        "safety",
        "on_llm_unavailable.destructive",
        "approval+1",
        "what destroys always asks one person more where the reviewer does not answer",
    ),
    (
        "budget",
        "hard_limit",
        "true",
        "a limit always holds: without one, leave out `monthly_limit_usd` and `token_limit`, or set `ai.budget` to more",
    ),
];

/// A value that stands elsewhere in the file than in [`crate::config::Config`].
#[derive(Debug)]
pub(super) struct Moved {
    ours: Vec<Step>,
    written: Vec<Step>,
}

/// What is wrong with the guides' words, and at which of them.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) at: Vec<Step>,
    pub(super) text: String,
}

/// A path as it stands in the file.
pub(super) fn as_written(path: Vec<Step>, moved: &[Moved]) -> Vec<Step> {
    let found = moved
        .iter()
        .find_map(|moved| Some((moved, path.strip_prefix(moved.ours.as_slice())?)));
    match found {
        Some((moved, rest)) => moved.written.iter().chain(rest).cloned().collect(),
        None => path,
    }
}

/// Puts the guides' words where ours stand.
pub(super) fn translate(tree: &mut Value) -> (Vec<Moved>, Vec<Problem>) {
    let mut translator = Translator::default();
    for (section, words) in SECTIONS {
        let found = tree
            .as_object_mut()
            .and_then(|all| all.shift_remove(section));
        if let Some(found) = found {
            translator.section(tree, section, words, found);
        }
    }
    (translator.moved, translator.problems)
}

#[derive(Default)]
struct Translator {
    moved: Vec<Moved>,
    problems: Vec<Problem>,
}

impl Translator {
    fn section(
        &mut self,
        tree: &mut Value,
        section: &str,
        words: &[(&str, &str)],
        mut left: Value,
    ) {
        if left.is_null() {
            return;
        }
        if !left.is_object() {
            let text = format!("`{section}`: must be a mapping");
            return self.problem(vec![Step::Key(section.to_owned())], text);
        }
        for (word, ours) in words {
            let Some(value) = take(&mut left, word) else {
                continue;
            };
            let written = steps(section).into_iter().chain(steps(word)).collect();
            if *ours == EXCLUDE {
                self.exclude(tree, &value, written);
            } else {
                self.put(tree, ours, value, written);
            }
        }
        self.always(section, &mut left);
        self.unknown(section, words, &left);
    }

    fn put(&mut self, tree: &mut Value, ours: &str, value: Value, written: Vec<Step>) {
        match slot(tree, ours) {
            Some(slot) if slot.is_null() => {
                *slot = value;
                let ours = steps(ours);
                self.moved.push(Moved { ours, written });
            }
            Some(_) | None => {
                let text = format!("`{}` says what `{ours}` says already", dotted(&written));
                self.problem(written, format!("{text}\nhint: keep one of them"));
            }
        }
    }

    /// The list names who may not; ours say who may.
    fn exclude(&mut self, tree: &mut Value, value: &Value, written: Vec<Step>) {
        let known = EXCLUDED.map(|(word, _)| word);
        let words: Option<Vec<&str>> = value
            .as_array()
            .and_then(|words| words.iter().map(Value::as_str).collect());
        let is_known = |words: &Vec<&str>| words.iter().all(|word| known.contains(word));
        let Some(words) = words.filter(is_known) else {
            let path = dotted(&written);
            let text = format!("`{path}`: must be a list of {}", known.join(" and "));
            return self.problem(written, text);
        };
        for (word, ours) in EXCLUDED {
            self.put(tree, ours, json!(!words.contains(&word)), written.clone());
        }
    }

    fn always(&mut self, section: &str, left: &mut Value) {
        let of = if section == "budget" {
            section
        } else {
            "safety"
        };
        let here = ALWAYS.iter().filter(|(where_, ..)| *where_ == of);
        for (_, word, only, hint) in here {
            let Some(value) = take(left, word) else {
                continue;
            };
            let said = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            if said != *only {
                let text = format!("`{section}.{word}`: can only be `{only}`, not `{said}`");
                let at = steps(section).into_iter().chain(steps(word)).collect();
                self.problem(at, format!("{text}\nhint: {hint}"));
            }
        }
    }

    fn unknown(&mut self, section: &str, words: &[(&str, &str)], left: &Value) {
        let always = ALWAYS.iter().map(|(_, word, ..)| *word);
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).chain(always).collect();
        for word in leaves(left, "") {
            let below: Vec<&str> = known
                .iter()
                .filter_map(|known| known.strip_prefix(&format!("{word}.")))
                .collect();
            if !below.is_empty() {
                self.no_mapping(section, &word, &below);
                continue;
            }
            let hint = match nearest(&word, known.iter().copied()) {
                Some(known) => format!("did you mean `{section}.{known}`?"),
                None => {
                    "docs/gate.md lists the guides' words; `orderly config` lists ours".to_owned()
                }
            };
            let at = steps(section).into_iter().chain(steps(&word)).collect();
            let text = format!("unknown setting `{section}.{word}`\nhint: {hint}");
            self.problem(at, text);
        }
    }

    /// Words stand below this one, and something else was written there.
    fn no_mapping(&mut self, section: &str, word: &str, below: &[&str]) {
        let mut always = ALWAYS.iter();
        let first = always.find(|(_, always, ..)| always.starts_with(&format!("{word}.")));
        let hint = first.map_or_else(
            || format!("write `{word}: {{ {}: … }}`", below.join(": …, ")),
            |(.., hint)| (*hint).to_owned(),
        );
        let at = steps(section).into_iter().chain(steps(word)).collect();
        let below: Vec<String> = below.iter().map(|word| format!("`{word}`")).collect();
        let text = format!(
            "`{section}.{word}`: must be a mapping of {}\nhint: {hint}",
            below.join(", ")
        );
        self.problem(at, text);
    }

    fn problem(&mut self, at: Vec<Step>, text: String) {
        self.problems.push(Problem { at, text });
    }
}

fn steps(path: &str) -> Vec<Step> {
    path.split('.')
        .map(|key| Step::Key(key.to_owned()))
        .collect()
}

/// Takes a value out; a mapping that holds nothing more goes with it.
fn take(from: &mut Value, path: &str) -> Option<Value> {
    let all = from.as_object_mut()?;
    let Some((first, rest)) = path.split_once('.') else {
        return all.shift_remove(path);
    };
    let below = all.get_mut(first)?;
    let taken = take(below, rest);
    if below.as_object().is_some_and(Map::is_empty) {
        all.shift_remove(first);
    }
    taken
}

/// The place of a setting; null where it is not there. None where something else stands in the way.
fn slot<'t>(tree: &'t mut Value, path: &str) -> Option<&'t mut Value> {
    let mut slot = tree;
    for part in path.split('.') {
        if slot.is_null() {
            *slot = json!({});
        }
        slot = slot.as_object_mut()?.entry(part).or_insert(Value::Null);
    }
    Some(slot)
}

/// Every path that is left, as far as there are words on the way.
fn leaves(left: &Value, path: &str) -> Vec<String> {
    let Some(all) = left.as_object() else {
        return vec![path.to_owned()];
    };
    let below = all.iter().flat_map(|(key, value)| {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        match value {
            Value::Object(below) if !below.is_empty() => leaves(value, &path),
            _ => vec![path],
        }
    });
    below.collect()
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, file::sift};

    fn told(text: &str) -> Vec<String> {
        let (_, faults, _) = sift(text.to_owned(), "f".to_owned());
        let line = |fault: &crate::config::Fault| fault.to_string().replace('\n', " | ");
        faults.iter().map(line).collect()
    }

    fn read(text: &str) -> Config {
        let (tree, faults, _) = sift(text.to_owned(), "f".to_owned());
        assert!(faults.is_empty(), "{faults:?}");
        serde_json::from_value(tree).unwrap()
    }

    #[test]
    fn every_section_of_the_guides_says_the_same() {
        for section in ["safety", "ai_safety", "safety_policy"] {
            let text = format!("{section}: {{ autonomy_level: 1, require_approval: true }}");
            let policy = read(&text).policy;
            assert_eq!(policy.autonomy.level(), 1);
            assert_eq!(policy.require_approval.len(), 6);
        }
    }

    #[test]
    fn a_map_of_operations_changes_what_needs_consent_one_by_one() {
        let text = "safety: { require_approval: { delete_pod: false, delete_secret: true } }";
        let wanted = serde_json::to_value(read(text).policy.require_approval).unwrap();
        let wanted: Vec<&str> = wanted
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|it| it.as_str())
            .collect();
        assert!(!wanted.contains(&"delete_pod") && wanted.contains(&"delete_secret"));
        assert!(
            wanted.contains(&"exec"),
            "what is not named stays as it was"
        );
    }

    #[test]
    fn a_word_that_stands_for_others_is_told_which() {
        let text = "safety: { on_llm_unavailable: proceed_if_exact, approvals: 2 }";
        insta::assert_snapshot!(told(text).join("\n"), @r"
        f:1:11: `safety.on_llm_unavailable`: must be a mapping of `change`, `destructive` | hint: a runbook whose exact changes go on without a reviewer is named in `ai.onUnavailable`: { nightly-backup: proceedIfExact }
        f:1:49: `safety.approvals`: must be a mapping of `quorum`, `protected_quorum`, `approve_by`, `execute_within`, `exclude` | hint: write `approvals: { quorum: …, protected_quorum: …, approve_by: …, execute_within: …, exclude: … }`
        ");
    }

    #[test]
    fn a_word_that_is_not_honoured_is_refused_where_it_stands_with_what_to_write_instead() {
        let text = "\
safety:
  autonomy_levl: 2
  require_approval: { delete_pot: true }
  approvals: { quorum: 0.5, exclude: [autor] }
  rate_limit: { commands_per_minute: 10 }
  on_llm_unavailable: { change: allow, destructive: approval+1 }
  forbidden_operations: [delete_everything]
policy: { protectedMode: deny }
safety_policy: { protected_mode: approval, require_approval: false }
budget: { hard_limit: false, token_limit: many }
";
        insta::assert_snapshot!(told(text).join("\n"), @r#"
        f:4:29: `safety.approvals.exclude`: must be a list of author and trigger
        f:6:25: `safety.on_llm_unavailable.change`: can only be `approval`, not `allow` | hint: a runbook whose exact changes go on without a reviewer is named in `ai.onUnavailable`: { nightly-backup: proceedIfExact }
        f:2:3: unknown setting `safety.autonomy_levl` | hint: did you mean `safety.autonomy_level`?
        f:5:17: unknown setting `safety.rate_limit.commands_per_minute` | hint: did you mean `safety.rate_limit.max_commands_per_minute`?
        f:9:18: `safety_policy.protected_mode` says what `policy.protectedMode` says already | hint: keep one of them
        f:9:44: `safety_policy.require_approval` says what `policy.requireApproval` says already | hint: keep one of them
        f:10:11: `budget.hard_limit`: can only be `true`, not `false` | hint: a limit always holds: without one, leave out `monthly_limit_usd` and `token_limit`, or set `ai.budget` to more
        f:7:26: `safety.forbidden_operations[0]`: `delete_everything` is not one of delete_pod, delete_secret, delete_namespace, delete_persistent_volume_claim, delete_persistent_volume, delete_stateful_set, modify_rbac, modify_rbac_binding, modify_network_policy, disable_network_policy, scale_to_zero, exec, secret_values | hint: did you mean `delete_secret`?
        f:3:21: `safety.require_approval`: `delete_pot` is not one of delete_pod, delete_secret, delete_namespace, delete_persistent_volume_claim, delete_persistent_volume, delete_stateful_set, modify_rbac, modify_rbac_binding, modify_network_policy, disable_network_policy, scale_to_zero, exec, secret_values | hint: did you mean `delete_pod`?
        f:4:24: `safety.approvals.quorum`: must be a whole number of 0 or more, not floating point `0.5`
        f:10:43: `budget.token_limit`: must be a whole number of 0 or more, not string "many"
        "#);
    }
}
