//! The parts of the daemon, made and joined. Nothing goes on yet.

use crate::{
    actions::framework::Performer,
    config::{Config, Loaded},
    daemon::{
        force::Programs,
        life::{Daemon, DaemonError, Plan},
        reviewer::{self, SwappedReviewer},
        state,
        tasks::{Runs, Tasks},
        wiring::{self, SwappedSecrets},
    },
    flow::{
        agent::Agent,
        approve,
        child::ChildRuns,
        circuit, halt,
        review::Desk,
        suspend,
        sync::Sync as SyncStory,
        world::{Parts, World},
    },
    history::{History, Options},
    http::Access,
    ports::executor::ActionCatalogue as _,
    telemetry::{Build, Events},
};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

pub(super) async fn assemble(
    plan: Plan,
    loaded: Loaded,
    programs: &Programs,
) -> Result<Daemon, DaemonError> {
    let config = &loaded.config;
    state::prepare(&config.state_dir)?;
    let clock = wiring::clock();
    let events = Events::new(Build {
        version: env!("CARGO_PKG_VERSION"),
        revision: option_env!("ORDERLY_REVISION").unwrap_or(""),
    });
    let secrets = Arc::new(SwappedSecrets::new(config, &plan.inputs.environment));
    for concern in secrets.concerns() {
        tracing::warn!("{concern}");
    }
    let access = wiring::access(
        config,
        secrets.as_ref(),
        state::admin_token(&config.state_dir)?,
    )?;
    let history = history(config)?;
    let source = Arc::new(wiring::source(config, secrets.as_ref(), &plan.from)?);
    let seen = (clock.clone(), events.clone(), history.clone());
    let hands = wiring::hands(config, seen, secrets.clone(), source.clone())?;
    let (children, archive) = (hands.children.clone(), hands.archive.clone());
    programs.are(hands.processes.clone());
    let catalogue = Arc::new(wiring::catalogue());
    let channels = config.channels.keys();
    events.set_channels(channels.map(crate::domain::name::ChannelName::as_str));
    events.set_actions(catalogue.specs().iter().map(|spec| spec.name));
    let performer = Arc::new(Performer::new(catalogue.clone(), Arc::new(hands)));
    let logs = Arc::new(wiring::logs(config, clock.clone(), secrets.clone())?);
    let runs = Arc::new(Runs::default());
    let desk = Desk {
        history: history.clone(),
        events: events.clone(),
        clock: clock.clone(),
        secrets: secrets.clone(),
    };
    let reviewer = Arc::new(SwappedReviewer::new(reviewer::reviewer(config, desk)?));
    let world = Arc::new(World::new(Parts {
        history,
        events,
        clock,
        executor: performer,
        reviewer: reviewer.clone(),
        logs: logs.clone(),
        secrets: secrets.clone(),
        launcher: runs.clone(),
        settings: wiring::settings(config),
        concurrency: config.runs.concurrency as usize,
    }));
    remember(&world).await?;
    let sync = Arc::new(SyncStory::open(&world, source, catalogue).await?);
    let tasks = Tasks::default();
    let agent = Arc::new(Agent {
        world: world.clone(),
        sync,
        tasks: tasks.board(),
    });
    let child_runs = Arc::new(ChildRuns::new(world.clone()));
    let weak: std::sync::Weak<ChildRuns> = Arc::downgrade(&child_runs);
    children.connect(weak);
    Ok(Daemon {
        archive,
        plan,
        loaded,
        world,
        agent,
        child_runs,
        secrets,
        access: Arc::new(Access::new(access)),
        reviewer,
        logs,
        runs,
        tasks,
        announcement: None,
        last: CancellationToken::new(),
    })
}

/// What people and failures have stopped stays stopped over a restart.
async fn remember(world: &World) -> Result<(), DaemonError> {
    halt::load(world).await?;
    circuit::load(world).await?;
    approve::load(world).await?;
    Ok(suspend::load(world).await?)
}

fn history(config: &Config) -> Result<History, DaemonError> {
    let key = state::audit_key(&config.state_dir)?;
    let path = config.state_dir.join("history.db");
    let history = History::open(Options { path, key })?;
    history.stamp_with(wiring::stamps());
    Ok(history)
}
