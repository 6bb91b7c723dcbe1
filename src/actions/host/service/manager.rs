//! Asking systemd, and telling it.

use super::{ServiceInputs, inputs::SYSTEMCTL, state::State};
use crate::{
    actions::framework::{
        World,
        program::{Call, Fault},
        said::Said,
    },
    domain::secret::SecretValue,
    ports::executor::{LogStream, Session},
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Far more than the properties of a unit.
const MOST: usize = 64 * 1024;
/// A manager that hangs is not waited for.
const DEADLINE: Duration = Duration::from_secs(20);

/// One unit's manager.
pub(super) struct Manager<'a> {
    pub(super) unit: String,
    pub(super) session: &'a Session,
    pub(super) world: &'a World,
}

impl<'a> Manager<'a> {
    pub(super) fn of(inputs: &ServiceInputs, session: &'a Session, world: &'a World) -> Self {
        Self {
            unit: inputs.name(),
            session,
            world,
        }
    }

    /// The unit as it is now.
    pub(super) async fn look(&self) -> Result<State, Fault> {
        let properties = format!("--property={}", State::PROPERTIES.join(","));
        let call = self.call(&["show", &properties, "--", &self.unit]);
        let mut said = Said::kept(MOST);
        self.within(DEADLINE, |stop| async move {
            let running = call.run(None, &mut said, (self.session, self.world), &stop);
            running.await?;
            Ok(State::read(&self.unit, &said.beginning().0))
        })
        .await
        .unwrap_or_else(|| {
            let late = format!("systemd did not answer within {} s", DEADLINE.as_secs());
            Err(Fault::Failed(late))
        })
    }

    /// Has something done, and waits until systemd says that it is; nothing where that takes longer.
    pub(super) async fn tell(&self, verb: &str, most: Duration) -> Option<Result<(), Fault>> {
        let call = self.call(&[verb, "--", &self.unit]);
        let log = self.session.log.clone();
        self.within(most, |stop| async move {
            let mut said = Said::to(log, LogStream::Out, 0);
            call.run(None, &mut said, (self.session, self.world), &stop)
                .await
        })
        .await
    }

    /// The program is ended with the step, and when its time is over.
    async fn within<T, F: Future<Output = T>>(
        &self,
        most: Duration,
        doing: impl FnOnce(CancellationToken) -> F,
    ) -> Option<T> {
        let stop = self.session.stop.child_token();
        let mut doing = std::pin::pin!(doing(stop.clone()));
        tokio::select! {
            done = &mut doing => Some(done),
            () = self.world.clock.sleep(most) => {
                stop.cancel();
                let _ended = doing.await;
                None
            }
        }
    }

    fn call(&self, words: &[&str]) -> Call {
        // By this, times are shown in UTC.
        let zone = ("TZ", SecretValue::new("UTC".to_owned()));
        Call {
            environment: vec![zone],
            ..Call::new(&[&SYSTEMCTL, words].concat())
        }
    }
}
