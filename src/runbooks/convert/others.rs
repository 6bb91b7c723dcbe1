//! Environments, calendars and policies.

use crate::{
    domain::{
        calendar::{Calendar, Window, WindowKind},
        pace::{Limits, Most},
        policy::{Tightening, namespaces::fault_in},
        runbook::Environment,
    },
    runbooks::{
        convert::Draft,
        raw::{CalendarFile, EnvironmentFile, LimitSpec, PolicyFile, WindowSpec},
    },
};

/// An environment as it is meant.
pub(in crate::runbooks) fn environment(
    draft: &mut Draft<'_>,
    file: EnvironmentFile,
) -> Environment {
    namespaces(
        draft,
        "/spec/protectedNamespaces",
        &file.spec.protected_namespaces,
    );
    Environment {
        name: file.metadata.name,
        values: file.spec.values,
        autonomy: file.spec.autonomy,
        protected_namespaces: file.spec.protected_namespaces,
    }
}

/// A policy as it is meant.
pub(in crate::runbooks) fn policy(draft: &mut Draft<'_>, file: PolicyFile) -> Tightening {
    let spec = file.spec;
    for (index, words) in spec.dangerous_commands.iter().enumerate() {
        if words.trim().is_empty() {
            let pointer = format!("/spec/dangerousCommands/{index}");
            draft.fault(&pointer, "an empty text would forbid every command");
        }
    }
    namespaces(
        draft,
        "/spec/protectedNamespaces",
        &spec.protected_namespaces,
    );
    for (index, rule) in spec.fresh_backup.iter().enumerate() {
        let pointer = format!("/spec/freshBackup/{index}/namespaces");
        namespaces(draft, &pointer, &rule.namespaces);
    }
    let policy = Tightening {
        name: file.metadata.name,
        autonomy: spec.autonomy,
        protected_namespaces: spec.protected_namespaces.into_iter().collect(),
        forbidden_operations: spec.forbidden_operations.into_iter().collect(),
        require_approval: spec.require_approval.into_iter().collect(),
        dangerous_commands: spec.dangerous_commands,
        max_reach: spec.max_reach,
        quorum: spec.quorum,
        limits: Limits {
            agent: Most {
                changes_per_minute: spec.changes_per_minute,
                destructive_per_hour: spec.destructive_per_hour,
            },
            per_runbook: most(&spec.limits.per_runbook),
            per_target: most(&spec.limits.per_target),
            per_namespace: most(&spec.limits.per_namespace),
        },
        fresh_backup: spec.fresh_backup,
        examples: spec.examples,
    };
    check_examples(draft, &policy);
    policy
}

/// What can be no namespace protects nothing.
fn namespaces<'a>(
    draft: &mut Draft<'_>,
    pointer: &str,
    listed: impl IntoIterator<Item = &'a String>,
) {
    for listed in listed {
        if let Some((problem, hint)) = fault_in(listed) {
            draft.fault(pointer, problem).hint = Some(hint);
        }
    }
}

/// Where a rule was refused, nothing can be said of what the rules do together.
fn check_examples(draft: &mut Draft<'_>, policy: &Tightening) {
    if !draft.gaps.is_empty() || !draft.faults.is_empty() {
        return;
    }
    for failed in draft.actions.failed_examples(policy) {
        let list = failed.list.as_str();
        let pointer = format!("/spec/examples/{list}/{}", failed.index);
        draft.fault(&pointer, failed.problem).hint = Some(failed.hint);
    }
}

fn most(limit: &LimitSpec) -> Most {
    Most {
        changes_per_minute: limit.changes_per_minute,
        destructive_per_hour: limit.destructive_per_hour,
    }
}

/// A calendar as it is meant.
pub(in crate::runbooks) fn calendar(draft: &mut Draft<'_>, file: CalendarFile) -> Option<Calendar> {
    let zone = draft.zone(file.spec.time_zone.as_deref(), "/spec/timeZone");
    if file.spec.windows.is_empty() && !draft.may_lack("windows") {
        draft.fault("/spec/windows", "a calendar needs at least one window");
    }
    // Every window is looked at, also after a faulty one.
    let windows: Vec<Option<Window>> = file
        .spec
        .windows
        .iter()
        .enumerate()
        .map(|(index, spec)| window(draft, spec, &format!("/spec/windows/{index}")))
        .collect();
    Some(Calendar {
        name: file.metadata.name,
        zone: zone?,
        windows: windows.into_iter().collect::<Option<_>>()?,
    })
}

fn window(draft: &mut Draft<'_>, spec: &WindowSpec, pointer: &str) -> Option<Window> {
    let (kind, key, written, lasts) = match spec {
        WindowSpec::Allow(allow) => (WindowKind::Allow, "allow", &allow.allow, allow.lasts),
        WindowSpec::Deny(deny) => (WindowKind::Deny, "deny", &deny.deny, deny.lasts),
    };
    if lasts.is_zero() {
        draft.fault(&format!("{pointer}/for"), "a window must last some time");
    }
    let opens = draft.cron(written, &format!("{pointer}/{key}"))?;
    Some(Window { kind, opens, lasts })
}
