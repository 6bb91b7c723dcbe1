//! Runbooks that start themselves, by `after` triggers and `runbook` steps, over any number of others.

use crate::{
    domain::runbook::{Document, Runbook, Trigger},
    runbooks::set::{CALL, Member, all_steps},
};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque, btree_map::Entry};

/// The most runbooks of a circle that are named.
const NAMED: usize = 12;

/// Every runbook that stands on a circle, by its place among the members, and the shortest circle as text.
pub(super) fn circles(members: &[Member<'_>]) -> Vec<(usize, String)> {
    let starts = Starts::new(members);
    let left = starts.core();
    (0..starts.nodes.len())
        .filter(|node| left[*node])
        .filter_map(|node| {
            let path = starts.shortest_circle(node, &left)?;
            Some((starts.nodes[node].0, starts.text(&path)))
        })
        .collect()
}

/// Which runbook starts which.
struct Starts<'a> {
    nodes: Vec<(usize, &'a Runbook)>,
    next: Vec<Vec<usize>>,
}

impl<'a> Starts<'a> {
    fn new(members: &[Member<'a>]) -> Self {
        let mut nodes = Vec::new();
        let mut by_name: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, member) in members.iter().enumerate() {
            if let Document::Runbook(runbook) = member.document
                && !by_name.contains_key(runbook.name.as_str())
            {
                by_name.insert(runbook.name.as_str(), nodes.len());
                nodes.push((index, runbook.as_ref()));
            }
        }
        let mut next = vec![Vec::new(); nodes.len()];
        for (node, (_, runbook)) in nodes.iter().enumerate() {
            for trigger in &runbook.triggers {
                if let Trigger::After { runbook, .. } = trigger
                    && let Some(&before) = by_name.get(runbook.as_str())
                {
                    next[before].push(node);
                }
            }
            for step in all_steps(runbook).filter(|step| step.uses.as_str() == CALL.0) {
                let arguments = step.with.value();
                let called = arguments.get(CALL.1).and_then(Value::as_str);
                next[node].extend(called.and_then(|name| by_name.get(name)));
            }
        }
        Self { nodes, next }
    }

    /// What is left after everything without a successor was taken away, again and again.
    fn core(&self) -> Vec<bool> {
        let mut before = vec![Vec::new(); self.nodes.len()];
        let mut open: Vec<usize> = self.next.iter().map(Vec::len).collect();
        for (node, next) in self.next.iter().enumerate() {
            for &other in next {
                before[other].push(node);
            }
        }
        let mut left = vec![true; self.nodes.len()];
        let mut ready: Vec<usize> = (0..open.len()).filter(|node| open[*node] == 0).collect();
        while let Some(node) = ready.pop() {
            left[node] = false;
            for &other in &before[node] {
                open[other] -= 1;
                if open[other] == 0 {
                    ready.push(other);
                }
            }
        }
        left
    }

    /// The shortest way from a runbook back to itself.
    fn shortest_circle(&self, start: usize, left: &[bool]) -> Option<Vec<usize>> {
        let mut came_from: BTreeMap<usize, usize> = BTreeMap::new();
        let mut queue = VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            for &other in self.next[node].iter().filter(|other| left[**other]) {
                if other == start {
                    return Some(way_back(&came_from, start, node));
                }
                if let Entry::Vacant(vacant) = came_from.entry(other) {
                    vacant.insert(node);
                    queue.push_back(other);
                }
            }
        }
        None
    }

    fn text(&self, path: &[usize]) -> String {
        let mut names: Vec<&str> = path
            .iter()
            .take(NAMED)
            .map(|node| self.nodes[*node].1.name.as_str())
            .collect();
        if path.len() > NAMED {
            names.push("…");
        }
        names.extend(path.first().map(|node| self.nodes[*node].1.name.as_str()));
        names.join(" → ")
    }
}

/// From the start to the last node of a circle.
fn way_back(came_from: &BTreeMap<usize, usize>, start: usize, last: usize) -> Vec<usize> {
    let mut path = vec![last];
    let mut node = last;
    while node != start {
        let Some(&before) = came_from.get(&node) else {
            break;
        };
        path.push(before);
        node = before;
    }
    path.reverse();
    path
}
