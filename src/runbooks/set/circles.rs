//! Runbooks that start themselves, by `after` triggers and `runbook` steps, over any number of others.

use crate::{
    domain::runbook::{Runbook, Step, Trigger},
    runbooks::set::{CALL, Circles, Entry, all_steps},
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The most runbooks of a circle that are named.
const NAMED: usize = 12;
/// How many starts are followed to find short circles; after that a circle is told without its way.
const MOST_FOLLOWED: usize = 1_000_000;

/// Every runbook that stands on a circle, by its place among the entries, and a short circle as text.
pub(super) fn circles(entries: &[Entry<'_>], told: Circles) -> Vec<(usize, String)> {
    let mut runbooks = entries.iter().filter_map(Entry::runbook);
    if !runbooks.any(|(runbook, _)| starts_another(runbook)) {
        return Vec::new();
    }
    let starts = Starts::new(entries);
    let component = starts.components();
    let mut room = MOST_FOLLOWED;
    let mut known = BTreeSet::new();
    let mut found = Vec::new();
    for node in 0..starts.nodes.len() {
        let is_told = told == Circles::Once && known.contains(&node);
        if is_told || !starts.is_on_circle(node, &component) {
            continue;
        }
        let path = starts.shortest_circle(node, &component, &mut room);
        found.push((starts.nodes[node].0, starts.text(node, path.as_deref())));
        known.extend(path.unwrap_or_default());
    }
    found
}

/// Whether it starts another, or another starts it; most do not, and then there is nothing to look for.
fn starts_another(runbook: &Runbook) -> bool {
    let is_after = |trigger: &Trigger| matches!(trigger, Trigger::After { .. });
    let is_call = |step: &Step| step.uses.as_str() == CALL.0;
    runbook.triggers.iter().any(is_after) || all_steps(runbook).any(is_call)
}

/// Which runbook starts which.
struct Starts<'a> {
    nodes: Vec<(usize, &'a Runbook)>,
    next: Vec<Vec<usize>>,
}

impl<'a> Starts<'a> {
    fn new(entries: &[Entry<'a>]) -> Self {
        let mut nodes = Vec::new();
        let mut by_name: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, entry) in entries.iter().enumerate() {
            if let Some((runbook, _)) = entry.runbook()
                && !by_name.contains_key(entry.name)
            {
                by_name.insert(entry.name, nodes.len());
                nodes.push((index, runbook));
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

    /// The strongly connected component of every runbook, by Kosaraju's algorithm, without recursion.
    fn components(&self) -> Vec<usize> {
        let mut before = vec![Vec::new(); self.next.len()];
        for (node, next) in self.next.iter().enumerate() {
            for &other in next {
                before[other].push(node);
            }
        }
        let mut seen = vec![false; self.next.len()];
        let mut finished = Vec::with_capacity(seen.len());
        for node in 0..self.next.len() {
            walk(node, &self.next, &mut seen, &mut finished);
        }
        let mut component = vec![0; seen.len()];
        seen.fill(false);
        for &root in finished.iter().rev() {
            let mut same = Vec::new();
            walk(root, &before, &mut seen, &mut same);
            for node in same {
                component[node] = root;
            }
        }
        component
    }

    fn is_on_circle(&self, node: usize, component: &[usize]) -> bool {
        let mut next = self.next[node].iter();
        // Its component has others exactly where one of those it starts is among them.
        next.any(|other| component[*other] == component[node])
    }

    /// The shortest way from a runbook back to itself, if there is room to look for it.
    fn shortest_circle(
        &self,
        start: usize,
        component: &[usize],
        room: &mut usize,
    ) -> Option<Vec<usize>> {
        let mut came_from: BTreeMap<usize, usize> = BTreeMap::new();
        let mut queue = VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            *room = room.checked_sub(self.next[node].len())?;
            let inside = |other: &&usize| component[**other] == component[start];
            for &other in self.next[node].iter().filter(inside) {
                if other == start {
                    return Some(way_back(&came_from, start, node));
                }
                came_from.entry(other).or_insert_with(|| {
                    queue.push_back(other);
                    node
                });
            }
        }
        None
    }

    fn text(&self, node: usize, path: Option<&[usize]>) -> String {
        let name = |node: &usize| self.nodes[*node].1.name.as_str();
        let path = path.unwrap_or_default();
        let mut names: Vec<&str> = path.iter().take(NAMED).map(name).collect();
        if path.is_empty() {
            names.push(name(&node));
        }
        if path.is_empty() || path.len() > NAMED {
            names.push("…");
        }
        names.push(name(&node));
        names.join(" → ")
    }
}

/// What can be reached from a node and was not seen before, each after everything that it leads to.
fn walk(root: usize, next: &[Vec<usize>], seen: &mut [bool], finished: &mut Vec<usize>) {
    if std::mem::replace(&mut seen[root], true) {
        return;
    }
    let mut stack = vec![(root, next[root].iter())];
    while let Some((node, rest)) = stack.last_mut() {
        match rest.next() {
            Some(&other) if !seen[other] => {
                seen[other] = true;
                stack.push((other, next[other].iter()));
            }
            Some(_) => {}
            None => {
                finished.push(*node);
                stack.pop();
            }
        }
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
