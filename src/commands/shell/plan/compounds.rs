//! Compound commands of a plan: groups, branches, loops.

use super::{Planner, names};
use crate::domain::pipeline::{Branch, PlannedCommand, PlannedWord, PlannedWork, Until};
use brush_parser::ast::{
    CompoundCommand, ForClauseCommand, IfClauseCommand, RedirectList, WhileOrUntilClauseCommand,
};

impl Planner {
    pub(super) fn compound(
        &mut self,
        compound: &CompoundCommand,
        redirects: Option<&RedirectList>,
    ) -> Option<PlannedCommand> {
        let work = match compound {
            CompoundCommand::BraceGroup(group) => PlannedWork::Group(self.list(&group.list)?),
            CompoundCommand::Subshell(subshell) => {
                PlannedWork::Subshell(self.list(&subshell.list)?)
            }
            CompoundCommand::ForClause(clause) => self.each(clause)?,
            CompoundCommand::IfClause(clause) => self.branches(clause)?,
            CompoundCommand::WhileClause(clause) => self.repeat(clause, Until::Failure)?,
            CompoundCommand::UntilClause(clause) => self.repeat(clause, Until::Success)?,
            CompoundCommand::Arithmetic(_)
            | CompoundCommand::ArithmeticForClause(_)
            | CompoundCommand::CaseClause(_)
            | CompoundCommand::Coprocess(_) => return None,
        };
        let redirects = redirects.iter().flat_map(|list| &list.0);
        Some(PlannedCommand {
            work,
            redirections: redirects
                .map(super::redirections::redirection)
                .collect::<Option<_>>()?,
        })
    }

    fn each(&mut self, clause: &ForClauseCommand) -> Option<PlannedWork> {
        let mut values: Vec<PlannedWord> = Vec::new();
        for value in clause.values.as_ref()? {
            values.extend(super::unmatched(&value.value)?);
        }
        if !names::is_assignable(&clause.variable_name) {
            return None;
        }
        let body = self.list(&clause.body.list)?;
        Some(PlannedWork::Each(
            clause.variable_name.clone(),
            values,
            body,
        ))
    }

    fn branches(&mut self, clause: &IfClauseCommand) -> Option<PlannedWork> {
        let mut branches = vec![Branch {
            condition: self.list(&clause.condition)?,
            body: self.list(&clause.then)?,
        }];
        let mut otherwise = Vec::new();
        for part in clause.elses.iter().flatten() {
            let body = self.list(&part.body)?;
            match &part.condition {
                Some(condition) => branches.push(Branch {
                    condition: self.list(condition)?,
                    body,
                }),
                None => otherwise = body,
            }
        }
        Some(PlannedWork::Branches(branches, otherwise))
    }

    fn repeat(&mut self, clause: &WhileOrUntilClauseCommand, until: Until) -> Option<PlannedWork> {
        let branch = Branch {
            condition: self.list(&clause.0)?,
            body: self.list(&clause.1.list)?,
        };
        Some(PlannedWork::Repeat(branch, until))
    }
}
