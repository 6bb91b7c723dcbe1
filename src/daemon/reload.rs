//! HUP: loads first and swaps after. What cannot be swapped is named, and stays as it was.

use crate::{
    config::{Config, Loaded, load},
    daemon::{audit, life::Daemon, reviewer, state, wiring},
    domain::{
        audit::Entry,
        digest::{Digest, canonical_json},
    },
    flow::review::Desk,
    gate::review::Reviewer,
};
use serde_json::json;
use std::sync::Arc;

/// Reads the configuration again and puts into use what can be changed while running.
pub(super) async fn reload(daemon: &mut Daemon) {
    let before = Digest::of(&daemon.loaded.config);
    match reloaded(daemon) {
        Ok(fixed) => {
            daemon.world.events.config_reloaded();
            let (now, policy) = (
                Digest::of(&daemon.loaded.config),
                Digest::of(&*daemon.world.in_use().policy),
            );
            let details =
                json!({"from": before, "to": now, "policy": policy, "fromTheNextStart": fixed});
            audit::note(&daemon.world, "config.reloaded", details).await;
            for concern in daemon.secrets.concerns() {
                tracing::warn!("{concern}");
            }
            for setting in fixed {
                tracing::warn!("`{setting}` has changed, and counts from the next start on");
            }
        }
        Err(reason) => {
            daemon.world.events.config_refused(&reason);
            let at = daemon.world.now();
            let entry = Entry::new(at, "system", "config.refused", "agent").failed(reason);
            audit::record(&daemon.world, entry).await;
        }
    }
}

fn reloaded(daemon: &mut Daemon) -> Result<Vec<&'static str>, String> {
    let loaded = load(&daemon.plan.inputs).map_err(|error| error.to_string())?;
    let reviewer = other_reviewer(daemon, &loaded.config)?;
    let old_secrets = daemon.loaded.config.clone();
    daemon
        .secrets
        .replace(&loaded.config, &daemon.plan.inputs.environment);
    let rules = state::admin_token(&daemon.loaded.config.state_dir)
        .map_err(|error| error.to_string())
        .and_then(|admin| {
            wiring::access(&loaded.config, daemon.secrets.as_ref(), admin)
                .map_err(|error| error.to_string())
        });
    let rules = rules.inspect_err(|_| {
        // Back to what was: a reload is taken whole or not at all.
        daemon
            .secrets
            .replace(&old_secrets, &daemon.plan.inputs.environment);
    })?;
    daemon.access.replace(rules);
    if let Some(reviewer) = reviewer {
        daemon.reviewer.replace(reviewer);
    }
    let fixed = fixed(&daemon.loaded.config, &loaded.config);
    daemon.loaded = keep_fixed(&daemon.loaded, loaded);
    daemon
        .world
        .reconfigure(wiring::settings(&daemon.loaded.config));
    Ok(fixed)
}

/// The reviewer that the new configuration describes, where it describes another one: an unchanged one keeps what it knows.
fn other_reviewer(daemon: &Daemon, new: &Config) -> Result<Option<Arc<dyn Reviewer>>, String> {
    if !differs(&daemon.loaded.config.ai, &new.ai) {
        return Ok(None);
    }
    let world = &daemon.world;
    let desk = Desk {
        history: world.history.clone(),
        events: world.events.clone(),
        clock: world.clock.clone(),
        secrets: world.secrets.clone(),
    };
    let reviewer = reviewer::reviewer(new, desk);
    reviewer.map(Some).map_err(|error| error.to_string())
}

/// Settings that count only from a start on, and that have changed. Each setting of the configuration is named here, so that a new one
/// is either taken by a reload or told.
fn fixed(old: &Config, new: &Config) -> Vec<&'static str> {
    let Config {
        environment,
        state_dir,
        source,
        http,
        log,
        runs,
        channels,
        clusters,
        artifacts,
        audit,
        retention,
        // These are taken.
        policy: _,
        secrets: _,
        webhooks: _,
        ai: _,
    } = old;
    let all = [
        ("environment", *environment != new.environment),
        ("stateDir", *state_dir != new.state_dir),
        ("source", differs(source, &new.source)),
        ("http.listen", http.listen != new.http.listen),
        ("log", differs(log, &new.log)),
        ("runs", differs(runs, &new.runs)),
        ("channels", differs(channels, &new.channels)),
        ("clusters", differs(clusters, &new.clusters)),
        ("artifacts", differs(artifacts, &new.artifacts)),
        ("audit", differs(audit, &new.audit)),
        ("retention", differs(retention, &new.retention)),
    ];
    let changed = all.into_iter().filter(|(_, differs)| *differs);
    changed.map(|(name, _)| name).collect()
}

/// Whether both say something else.
fn differs(one: &impl serde::Serialize, other: &impl serde::Serialize) -> bool {
    canonical_json(one) != canonical_json(other)
}

/// The new configuration, with what cannot change while running as it was.
fn keep_fixed(old: &Loaded, mut new: Loaded) -> Loaded {
    let kept = &old.config;
    new.config.environment = kept.environment.clone();
    new.config.state_dir.clone_from(&kept.state_dir);
    new.config.source = kept.source.clone();
    new.config.http.listen = kept.http.listen;
    new.config.log = kept.log.clone();
    new.config.runs = kept.runs.clone();
    new.config.channels = kept.channels.clone();
    new.config.clusters = kept.clusters.clone();
    new.config.artifacts = kept.artifacts.clone();
    new.config.audit = kept.audit.clone();
    new.config.retention = kept.retention.clone();
    new
}
