//! stub
use crate::domain::{
    calendar::Calendar,
    digest::Digest,
    name::*,
    policy::Tightening,
    runbook::{Environment, Runbook, Trigger},
};
use std::sync::Arc;
/// x
#[derive(Debug, Clone)]
pub struct ActiveRunbook {
    pub runbook: Arc<Runbook>,
    pub definition: Digest,
    pub revision: Arc<str>,
    pub author: Arc<str>,
    pub file: Arc<str>,
    pub line: usize,
    pub problem: Option<String>,
}
/// x
#[derive(Debug, Default)]
pub struct ActiveSet {}
impl ActiveSet {
    pub fn runbook(&self, _: &RunbookName) -> Option<&ActiveRunbook> {
        None
    }
    pub fn runbooks(&self) -> impl Iterator<Item = &ActiveRunbook> {
        [].iter()
    }
    pub fn calendar(&self, _: &CalendarName) -> Option<&Calendar> {
        None
    }
    pub fn environment(&self, _: &EnvironmentName) -> Option<&Environment> {
        None
    }
    pub fn policies(&self) -> impl Iterator<Item = &Tightening> {
        [].iter()
    }
    pub fn after(&self, _: &RunbookName) -> Vec<(RunbookName, Trigger)> {
        vec![]
    }
    pub fn hint(&self, _: &RunbookName) -> String {
        String::new()
    }
}
