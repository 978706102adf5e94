//! One trace as a tree: who called whom, and where the time of the longest path went. Pure.

use std::collections::HashMap;

use freehold_look::number::real;

use super::MOST_SPANS;
use crate::moment::Share;
use crate::otlp::{Received, Side};

/// Who called whom, and where the time of the longest path went.
pub(super) struct Tree<'a> {
    all: &'a [Received],
    children: HashMap<&'a str, Vec<usize>>,
    roots: Vec<usize>,
    /// Span and its depth, as they are shown.
    pub(super) order: Vec<(usize, usize)>,
    /// Microseconds of each span that nothing below it explains, on the longest path.
    pub(super) longest: Vec<u64>,
}

impl<'a> Tree<'a> {
    pub(super) fn of(all: &'a [Received]) -> Self {
        let mut children: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut roots = Vec::new();
        let known = |id: &str| all.iter().any(|own| own.id == id);
        let mut by_time: Vec<usize> = (0..all.len()).collect();
        by_time.sort_by_key(|at| (all[*at].from, u64::MAX - all[*at].to));
        for at in by_time {
            let own = &all[at];
            if own.parent.is_empty() || own.parent == own.id || !known(&own.parent) {
                roots.push(at);
            } else {
                children.entry(own.parent.as_str()).or_default().push(at);
            }
        }
        Self {
            all,
            children,
            roots,
            order: Vec::new(),
            longest: vec![0; all.len()],
        }
    }

    pub(super) fn walk(&mut self) {
        let mut seen = vec![false; self.all.len()];
        let mut left: Vec<(usize, usize)> = self.roots.iter().rev().map(|at| (*at, 0)).collect();
        // Spans that name each other as parents hang below no root: they are left out.
        while let Some((at, depth)) = left.pop() {
            if std::mem::replace(&mut seen[at], true) {
                continue;
            }
            self.order.push((at, depth));
            let below = self.children.get(self.all[at].id.as_str());
            left.extend(
                below
                    .into_iter()
                    .flatten()
                    .rev()
                    .map(|own| (*own, depth + 1)),
            );
        }
        let mut until = self.all.iter().map(|own| own.to).max().unwrap_or(0);
        let mut roots = self.roots.clone();
        roots.extend(self.set_off());
        roots.sort_by_key(|at| std::cmp::Reverse(self.all[*at].to));
        for at in roots {
            if self.all[at].from < until && self.longest[at] == 0 {
                self.path(at, 0, until);
                until = self.all[at].from;
            }
        }
    }

    /// Spans that end after who began them, who so did not wait for them: a saga, an event.
    fn set_off(&self) -> Vec<usize> {
        let by_parent = self.children.iter();
        let later = by_parent.flat_map(|(parent, below)| {
            let ends = self.all.iter().filter(|own| own.id == **parent);
            let end = ends.map(|own| own.to).max().unwrap_or(0);
            below
                .iter()
                .copied()
                .filter(move |at| self.all[*at].to > end)
        });
        later.collect()
    }

    /// From its end, or `until`, backwards: what ended last is what was waited for.
    fn path(&mut self, at: usize, depth: usize, until: u64) {
        let own = &self.all[at];
        let mut below = self
            .children
            .get(own.id.as_str())
            .cloned()
            .unwrap_or_default();
        below.sort_by_key(|it| std::cmp::Reverse(self.all[*it].to));
        let (mut until, mut alone) = (own.to.min(until), 1);
        for it in below {
            let child = &self.all[it];
            if child.to > until || depth > MOST_SPANS || self.longest[it] > 0 {
                continue;
            }
            alone += until - child.to;
            until = child.from.max(own.from);
            self.path(it, depth + 1, child.to);
        }
        self.longest[at] = alone + until.saturating_sub(own.from);
    }

    pub(super) fn shares(&self) -> Vec<Share> {
        let mut by: Vec<Share> = Vec::new();
        for (own, us) in self
            .all
            .iter()
            .zip(&self.longest)
            .filter(|(_, us)| **us > 0)
        {
            let what = if own.kind == Side::Client {
                format!("{}, waiting", own.service)
            } else {
                own.service.clone()
            };
            let ms = real(*us) / 1000.0;
            match by.iter_mut().find(|it| it.what == what) {
                Some(share) => share.ms += ms,
                None => by.push(Share { what, ms }),
            }
        }
        by.sort_by(|a, b| b.ms.total_cmp(&a.ms));
        by
    }
}
