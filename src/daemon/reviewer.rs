//! Which models stand behind the AI reviewer, and the task that looks after it.

use crate::{
    adapters::ai::ProviderModel,
    config::{AiConfig, Config, OnUnavailable, ProviderConfig},
    daemon::{
        life::Daemon,
        wiring::{self, WiringError, fault},
    },
    domain::gate::Contribution,
    flow::review::{AiReviewer, Desk, Provider, Rules},
    gate::review::{Case, NoReviewer, Reviewer, verdict::OnBlock},
    ports::{BoxFuture, network::Network, secrets::Secrets},
};
use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::sync::Notify;

/// How often the reviewer is looked after.
const ROUND: Duration = Duration::from_mins(1);

/// The models that the configuration names, in order.
///
/// # Errors
/// One of them is described wrongly.
pub fn providers(
    config: &AiConfig,
    secrets: &Arc<dyn Secrets>,
) -> Result<Vec<Provider>, WiringError> {
    let network = wiring::network();
    let each = config.providers.iter();
    each.map(|one| provider(one, &network, secrets)).collect()
}

fn provider(
    config: &ProviderConfig,
    network: &Arc<dyn Network>,
    secrets: &Arc<dyn Secrets>,
) -> Result<Provider, WiringError> {
    let model = ProviderModel::new(config, network.clone(), secrets.clone());
    let price = config.price().ok_or("it needs `prices`");
    Ok(Provider {
        name: config.called(),
        model_name: config.model_name().to_owned(),
        model: Arc::new(model.map_err(fault("ai.providers"))?),
        price: price.map_err(fault("ai.providers"))?,
        timeout: config.timeout,
        max_output_tokens: config.max_output_tokens,
    })
}

/// The reviewer that the configuration describes; without providers, none.
///
/// # Errors
/// A provider is described wrongly.
pub(super) fn reviewer(config: &Config, desk: Desk) -> Result<Arc<dyn Reviewer>, WiringError> {
    let ai = &config.ai;
    if ai.providers.is_empty() {
        return Ok(Arc::new(NoReviewer));
    }
    let providers = providers(ai, &desk.secrets)?;
    Ok(Arc::new(AiReviewer::new(desk, rules(ai), providers)))
}

fn rules(ai: &AiConfig) -> Rules {
    let exceptions = ai.on_unavailable.iter();
    Rules {
        budget: ai.budget.budget(),
        canary_every: ai.canary_every,
        cache_ttl: ai.cache_ttl,
        on_block: if ai.block_is_deny {
            OnBlock::Deny
        } else {
            OnBlock::Ask
        },
        proceed_if_exact: exceptions
            .filter(|(_, what)| **what == OnUnavailable::ProceedIfExact)
            .map(|(runbook, _)| runbook.clone())
            .collect(),
    }
}

/// A reviewer that a reload can swap whole.
#[derive(Debug)]
pub struct SwappedReviewer {
    now: RwLock<Arc<dyn Reviewer>>,
    swapped: Notify,
}

impl SwappedReviewer {
    /// This one for now.
    pub fn new(reviewer: Arc<dyn Reviewer>) -> Self {
        Self {
            now: RwLock::new(reviewer),
            swapped: Notify::new(),
        }
    }
    /// Another one from now on; what the former is asked already it still answers.
    pub fn replace(&self, reviewer: Arc<dyn Reviewer>) {
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = reviewer;
        self.swapped.notify_one();
    }
    fn now(&self) -> Arc<dyn Reviewer> {
        self.now
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Reviewer for SwappedReviewer {
    fn review<'a>(&'a self, case: Case<'a>) -> BoxFuture<'a, Vec<Contribution>> {
        let now = self.now();
        Box::pin(async move { now.review(case).await })
    }
    fn describe(&self) -> String {
        self.now().describe()
    }
    fn is_well(&self) -> bool {
        self.now().is_well()
    }
    fn look_after(&self) -> BoxFuture<'_, ()> {
        let now = self.now();
        Box::pin(async move { now.look_after().await })
    }
}

/// Puts the reviewer to the test at the start and after it was swapped, and looks after it now and then.
pub(super) fn spawn(daemon: &mut Daemon) {
    let (world, reviewer) = (daemon.world.clone(), daemon.reviewer.clone());
    let note = daemon.tasks.note("reviewer");
    daemon.tasks.spawn("reviewer", async move {
        let look = async {
            loop {
                reviewer.look_after().await;
                note.say(format!("looked after at {}", world.now()));
                tokio::select! {
                    () = world.clock.sleep(ROUND) => {}
                    () = reviewer.swapped.notified() => {}
                }
            }
        };
        // A canary that is dropped half-way stays paid for.
        tokio::select! {
            () = look => {}
            () = world.draining.cancelled() => {}
        }
    });
}
