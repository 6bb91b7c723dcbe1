//! The gate and people.

use crate::{
    domain::{
        approval::{Request, Standing, Verdict, Vote},
        circuit::Tripped,
        effect::Class,
        gate::{Contribution, Decision},
        halt::Halt,
        id::{ApprovalId, RunId},
        jump::Jump,
        name::RunbookName,
    },
    telemetry::{
        Events, StepOf,
        events::{count, trace_id},
    },
};
use tracing::{debug, error, info, warn};

impl Events {
    /// The gate has decided about an attempt.
    pub fn gate_decided(
        &self,
        step: StepOf<'_>,
        decision: &Decision,
        contributions: &[Contribution],
        class: Class,
    ) {
        self.metrics()
            .gate
            .decisions
            .with_label_values(&[decision.as_str(), class.as_str()])
            .inc();
        for said in contributions {
            self.metrics()
                .gate
                .contributions
                .with_label_values(&[said.stage.as_str(), said.decision.as_str()])
                .inc();
        }
        let (trace_id, class, word) = (trace_id(step.run), class.as_str(), decision.as_str());
        match decision {
            Decision::Allow => debug!(
                run.id = %step.run, trace_id, runbook = %step.runbook, step = %step.step, action = %step.action, class,
                decision = word, "gate decided"
            ),
            Decision::Approve(_) | Decision::Deny => info!(
                run.id = %step.run, trace_id, runbook = %step.runbook, step = %step.step, action = %step.action, class,
                decision = word, reasons = reasons(contributions), "gate decided"
            ),
        }
    }

    /// People are asked.
    pub fn approval_requested(&self, request: &Request) {
        self.metrics().gate.approvals_requested.inc();
        let (runbook, step) = (&request.step.runbook, &request.step.step);
        info!(
            run.id = %request.run, trace_id = trace_id(request.run), %runbook, %step, approval = %request.id,
            people = request.quorum.people, approve_by = %request.approve_by, "approval requested"
        );
    }

    /// A person has answered.
    pub fn approval_voted(&self, approval: ApprovalId, run: RunId, vote: &Vote) {
        let verdict = match vote.verdict {
            Verdict::Approve => "approve",
            Verdict::Deny => "deny",
        };
        self.metrics()
            .gate
            .approval_votes
            .with_label_values(&[verdict])
            .inc();
        let (by, comment) = (&vote.person.subject, &vote.comment);
        info!(run.id = %run, trace_id = trace_id(run), %approval, by, verdict, comment, "approval voted");
    }

    /// A question is settled: denied, expired, withdrawn or redeemed.
    pub fn approval_ended(&self, approval: ApprovalId, run: RunId, standing: &Standing) {
        self.metrics()
            .gate
            .approvals_ended
            .with_label_values(&[standing.as_str()])
            .inc();
        info!(run.id = %run, trace_id = trace_id(run), %approval, standing = standing.as_str(), "approval ended");
    }

    /// A person has stopped all effects, and so many steps with them.
    pub fn halted(&self, halt: &Halt, stopped: usize) {
        self.metrics().gate.halted.set(1);
        let (by, reason) = (&halt.by, &halt.reason);
        warn!(by, reason, since = %halt.since, stopped, "all effects halted");
    }

    /// A person lets effects be again.
    pub fn unhalted(&self, by: &str, reason: &str) {
        self.metrics().gate.halted.set(0);
        warn!(by, reason, "effects no longer halted");
    }

    /// The clock on the wall jumped, and so many questions and consents with it.
    pub fn clock_jumped(&self, jump: &Jump, questions: usize) {
        let gate = &self.metrics().gate;
        gate.clock_jumps.with_label_values(&[jump.way()]).inc();
        gate.clock_in_doubt.set(1);
        error!(noticed = %jump.noticed, by = %jump.by, questions, "the clock jumped {}", jump.way());
    }

    /// It jumped before this start, and nobody has looked at it since.
    pub fn clock_in_doubt(&self, jump: &Jump) {
        self.metrics().gate.clock_in_doubt.set(1);
        warn!(noticed = %jump.noticed, by = %jump.by, "the clock is still in doubt");
    }

    /// A person has looked at the clock.
    pub fn clock_trusted(&self, by: &str, reason: &str) {
        self.metrics().gate.clock_in_doubt.set(0);
        info!(by, reason, "the clock is trusted again");
    }

    /// A runbook failed so often in a row that its changes ask people.
    pub fn circuit_opened(&self, runbook: &RunbookName, tripped: &Tripped) {
        self.inner.runbooks.circuit_open(runbook, true);
        self.metrics().gate.circuits_opened.inc();
        let (failures, reason) = (tripped.failures, &tripped.reason);
        warn!(%runbook, failures, reason, "circuit opened");
    }

    /// A person lets it act by itself again.
    pub fn circuit_reset(&self, runbook: &RunbookName, by: &str) {
        self.inner.runbooks.circuit_open(runbook, false);
        self.metrics().gate.circuits_reset.inc();
        info!(%runbook, by, "circuit reset");
    }

    /// A question or a consent no longer counts, and people are asked anew. What it ended as is told beside this.
    pub fn approval_void(&self, approval: ApprovalId, run: RunId, reason: &str) {
        info!(run.id = %run, trace_id = trace_id(run), %approval, reason, "approval void");
    }

    /// A person has taken a question back. What it ended as is told by whoever waited for it.
    pub fn approval_cancelled(&self, approval: ApprovalId, run: RunId, by: &str, reason: &str) {
        info!(run.id = %run, trace_id = trace_id(run), %approval, by, reason, "approval cancelled");
    }

    /// So many questions wait for people. No log line.
    pub fn approvals_waiting(&self, waiting: usize) {
        self.metrics().gate.approvals_waiting.set(count(waiting));
    }
}

/// What made the decision stricter than `allow`, for people.
fn reasons(contributions: &[Contribution]) -> String {
    let strict = contributions
        .iter()
        .filter(|said| said.decision != Decision::Allow);
    let said: Vec<String> = strict
        .map(|said| format!("{}: {}", said.stage.as_str(), said.reason))
        .collect();
    said.join("; ")
}
