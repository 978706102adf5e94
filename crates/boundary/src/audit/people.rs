//! Whose rights somebody has: without doing anything, and by taking roles on.
//!
//! Owns the two closures over memberships. Must not know what the rights are on.

use std::collections::VecDeque;

use freehold_engine::audit::{Facts, Grantee};

/// Everybody's closures.
#[derive(Debug)]
pub(crate) struct People {
    /// Principal → those whose rights it has, itself first, and from whom each was reached.
    acts: Vec<Vec<Step>>,
    /// Principal → roles that it may take on, without those above.
    sets: Vec<Vec<Step>>,
    /// Principal → roles that it may take on, those that it inherits too.
    chained: Vec<Vec<u32>>,
    /// Principal → roles that it may give itself, without those above.
    admins: Vec<Vec<Step>>,
}

/// A principal that was reached, and the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) to: u32,
    pub(crate) from: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Inherits,
    Admins,
}

/// A role, and whether it is inherited, may be taken on, may be handed on.
type Edge = (u32, bool, bool, bool);

/// From where, what is known already, along which edges.
type Walk<'a> = dyn Fn(&[Step], &[Step], Kind) -> Vec<Step> + 'a;

impl People {
    pub(crate) fn new(facts: &Facts) -> Self {
        let count = facts.principals.len();
        let mut edges: Vec<Vec<Edge>> = vec![Vec::new(); count];
        for own in &facts.memberships {
            let inherits = own.inherits && !own.merged;
            edges[own.member as usize].push((own.role, inherits, own.may_set, own.admin));
        }
        let walk = |starts: &[Step], known: &[Step], kind: Kind| -> Vec<Step> {
            let mut seen: std::collections::HashSet<u32> = known.iter().map(|own| own.to).collect();
            let mut found = Vec::new();
            let mut queue: VecDeque<Step> = starts.iter().copied().collect();
            while let Some(step) = queue.pop_front() {
                for &(role, inherits, may_set, admin) in &edges[step.to as usize] {
                    let goes = match kind {
                        Kind::Inherits => inherits,
                        Kind::Admins => may_set || inherits || admin,
                    };
                    if goes && seen.insert(role) {
                        let next = Step {
                            to: role,
                            from: step.to,
                        };
                        found.push(next);
                        queue.push_back(next);
                    }
                }
            }
            found
        };
        let mut people = Self {
            acts: Vec::with_capacity(count),
            sets: Vec::with_capacity(count),
            chained: Vec::with_capacity(count),
            admins: Vec::with_capacity(count),
        };
        for at in 0..u32::try_from(count).unwrap_or(u32::MAX) {
            let me = Step { to: at, from: at };
            let mut acts = vec![me];
            acts.extend(walk(&[me], &acts, Kind::Inherits));
            let chain = Self::chain_of_sets(me, &edges);
            let sets = Self::set_roles(&chain, &acts, &walk);
            people
                .chained
                .push(chain.iter().map(|step| step.to).collect());
            let known: Vec<Step> = acts.iter().chain(&sets).copied().collect();
            people.admins.push(walk(&known, &known, Kind::Admins));
            people.sets.push(sets);
            people.acts.push(acts);
        }
        people
    }

    /// Roles that can be taken on: each step of the chain lets one.
    fn chain_of_sets(me: Step, edges: &[Vec<Edge>]) -> Vec<Step> {
        let mut seen = std::collections::HashSet::from([me.to]);
        let mut chain = Vec::new();
        let mut queue = VecDeque::from([me]);
        while let Some(step) = queue.pop_front() {
            for &(role, _, may_set, _) in &edges[step.to as usize] {
                if may_set && seen.insert(role) {
                    let next = Step {
                        to: role,
                        from: step.to,
                    };
                    chain.push(next);
                    queue.push_back(next);
                }
            }
        }
        chain
    }

    /// Roles that taking a role on adds, and what those inherit.
    fn set_roles(chain: &[Step], acts: &[Step], walk: &Walk<'_>) -> Vec<Step> {
        let taken: Vec<Step> = chain
            .iter()
            .filter(|step| !acts.iter().any(|own| own.to == step.to))
            .copied()
            .collect();
        let known: Vec<Step> = acts.iter().chain(&taken).copied().collect();
        let inherited = walk(&taken, &known, Kind::Inherits);
        taken.into_iter().chain(inherited).collect()
    }

    /// Those whose rights `who` has without doing anything; itself first.
    pub(crate) fn acts_as(&self, who: u32) -> &[Step] {
        &self.acts[who as usize]
    }

    /// More, when it takes roles on.
    pub(crate) fn may_take(&self, who: u32) -> &[Step] {
        &self.sets[who as usize]
    }

    /// More, when it gives itself what it may hand on.
    pub(crate) fn may_give_itself(&self, who: u32) -> &[Step] {
        &self.admins[who as usize]
    }

    /// Does a right of `to` count for `who`?
    pub(crate) fn counts(&self, who: u32, to: Grantee) -> bool {
        match to {
            Grantee::Public => true,
            Grantee::One(role) => self.is(who, role),
        }
    }

    /// Does `who` have all rights of `role` without doing anything?
    pub(crate) fn is(&self, who: u32, role: u32) -> bool {
        self.acts[who as usize].iter().any(|own| own.to == role)
    }

    /// May `who` take this role on, by a chain of which each step lets it?
    pub(crate) fn may_set(&self, who: u32, role: u32) -> bool {
        who == role || self.chained[who as usize].contains(&role)
    }

    /// From `who` to `role`, both included.
    pub(crate) fn chain(&self, who: u32, role: u32) -> Vec<u32> {
        let lists = [&self.acts, &self.sets, &self.admins].map(|list| &list[who as usize]);
        let mut chain = vec![role];
        while let Some(&last) = chain.last() {
            let step = lists
                .iter()
                .flat_map(|list| list.iter())
                .find(|step| step.to == last);
            match step {
                Some(step) if step.from != last && chain.len() < 64 => chain.push(step.from),
                _ => break,
            }
        }
        chain.reverse();
        chain
    }
}
