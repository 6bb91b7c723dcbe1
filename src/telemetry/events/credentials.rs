//! Credentials and their rotations.

use crate::{
    domain::rotation::{Credential, Event},
    telemetry::Events,
};
use tracing::{info, warn};

impl Events {
    /// Something happened in a rotation, and is recorded.
    pub fn rotation(&self, credential: &Credential, event: &Event) {
        self.credential_known(credential);
        let (name, runbook) = (&credential.name, &credential.runbook);
        let runs = &self.metrics().runs;
        match event {
            Event::Began { run, .. } => {
                info!(credential = %name, %runbook, run.id = %run, "rotation began");
            }
            Event::Resumed { run } => {
                warn!(credential = %name, %runbook, run.id = %run, "rotation found cut off");
            }
            Event::WentOn { run } => {
                info!(credential = %name, %runbook, run.id = %run, "rotation goes on");
            }
            Event::StageBegan { .. } | Event::UndoBegan { .. } => {}
            Event::StageEnded { stage, outcome } => {
                let labels = [stage.as_str(), outcome.as_str()];
                runs.rotation_stages.with_label_values(&labels).inc();
                let (stage, note) = (stage.as_str(), outcome.note());
                if outcome.is_over() {
                    info!(credential = %name, %runbook, stage, note, "rotation stage ended");
                } else {
                    warn!(credential = %name, %runbook, stage, note, "rotation stage failed");
                }
            }
            Event::UndoEnded { stage, outcome } => {
                let labels = [stage.as_str(), outcome.as_str()];
                runs.rotation_undos.with_label_values(&labels).inc();
                let (stage, note) = (stage.as_str(), outcome.note());
                warn!(credential = %name, %runbook, stage, note, "rotation stage taken back");
            }
            Event::Ended { end, reason } => {
                runs.rotations.with_label_values(&[end.as_str()]).inc();
                info!(credential = %name, %runbook, end = end.as_str(), reason, "rotation ended");
            }
        }
    }

    /// A person says that no runbook keeps a credential any more.
    pub fn credential_forgotten(&self, credential: &Credential, by: &str) {
        self.inner.credentials.forget(&credential.name);
        let (name, runbook) = (&credential.name, &credential.runbook);
        info!(credential = %name, %runbook, by, "credential forgotten");
    }

    /// What is known of a credential. No log line, and nothing is counted.
    pub fn credential_known(&self, credential: &Credential) {
        self.kept(self.inner.credentials.set(credential));
    }
}
