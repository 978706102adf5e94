//! Steps as a graph: who comes before whom, and whether that is a sound saga.
//!
//! One pivot at most, every compensatable step its ancestor, every other step its descendant: one
//! pivot per path would let two parallel pivots end both ways.

use crate::definition::StepKind;

/// A set of steps by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Steps(pub u64);

/// As many as [`Steps`] can hold.
pub const STEP_LIMIT: usize = 64;

impl Steps {
    pub fn contains(self, step: usize) -> bool {
        self.0 >> step & 1 == 1
    }

    pub fn insert(&mut self, step: usize) {
        self.0 |= 1 << step;
    }

    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..STEP_LIMIT).filter(move |step| self.contains(*step))
    }
}

impl FromIterator<usize> for Steps {
    fn from_iter<I: IntoIterator<Item = usize>>(steps: I) -> Self {
        let mut set = Self::default();
        steps.into_iter().for_each(|step| set.insert(step));
        set
    }
}

/// The ancestors of each step; or the steps of one circle, in its order.
pub(crate) fn ancestors(after: &[Steps]) -> Result<Vec<Steps>, Vec<usize>> {
    let mut ancestors = after.to_vec();
    // A path has at most as many edges as there are steps.
    for _ in 0..after.len() {
        for step in 0..after.len() {
            let further = ancestors[step].iter().map(|it| ancestors[it]);
            let all = further.fold(ancestors[step], Steps::union);
            ancestors[step] = all;
        }
    }
    match (0..after.len()).find(|step| ancestors[*step].contains(*step)) {
        None => Ok(ancestors),
        Some(first) => Err(circle(first, after, &ancestors)),
    }
}

fn circle(first: usize, after: &[Steps], ancestors: &[Steps]) -> Vec<usize> {
    let mut circle = vec![first];
    let mut at = first;
    // Backwards along steps that can reach `first` again, until it is met.
    while circle.len() <= after.len() {
        let before = after[at].iter();
        let Some(next) = before
            .filter(|it| *it == first || ancestors[*it].contains(first))
            .find(|it| *it == first || !circle.contains(it))
        else {
            break;
        };
        if next == first {
            break;
        }
        circle.push(next);
        at = next;
    }
    circle.reverse();
    circle
}

/// What is wrong with where a step stands, seen from the pivot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misplaced {
    /// A second pivot.
    Second { first: usize },
    /// A compensatable step or an approval that the pivot does not wait for.
    NotBefore { pivot: usize },
    /// A retriable step that does not wait for the pivot.
    NotAfter { pivot: usize },
    /// A retriable step, and there is no pivot.
    Without,
}

/// Every step that stands where its kind may not.
pub(crate) fn misplaced(kinds: &[StepKind], ancestors: &[Steps]) -> Vec<(usize, Misplaced)> {
    let pivot = kinds.iter().position(|kind| *kind == StepKind::Pivot);
    let wrong = |step: usize| match (kinds[step], pivot) {
        (StepKind::Pivot, Some(first)) if step != first => Some(Misplaced::Second { first }),
        (StepKind::Pivot, _) | (StepKind::Compensatable | StepKind::Approval, None) => None,
        (StepKind::Retriable, None) => Some(Misplaced::Without),
        (StepKind::Retriable, Some(pivot)) => {
            (!ancestors[step].contains(pivot)).then_some(Misplaced::NotAfter { pivot })
        }
        (StepKind::Compensatable | StepKind::Approval, Some(pivot)) => {
            (!ancestors[pivot].contains(step)).then_some(Misplaced::NotBefore { pivot })
        }
    };
    (0..kinds.len())
        .filter_map(|step| Some((step, wrong(step)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps<const N: usize>(steps: [usize; N]) -> Steps {
        steps.into_iter().collect()
    }

    #[test]
    fn ancestors_are_found_in_any_order() {
        // 2 → 0 → 1, 2 → 1
        let found = ancestors(&[steps([2]), steps([0, 2]), steps([])]).expect("no circle");
        assert_eq!(found, [steps([2]), steps([0, 2]), steps([])]);
    }

    #[test]
    fn a_circle_is_named_in_its_order() {
        let circle = ancestors(&[steps([]), steps([0, 3]), steps([1]), steps([2])]);
        assert_eq!(circle, Err(vec![2, 3, 1]));
        assert_eq!(ancestors(&[steps([0])]), Err(vec![0]));
    }

    #[test]
    fn each_kind_has_its_place() {
        use StepKind::{Approval, Compensatable, Pivot, Retriable};
        let check = |kinds: &[StepKind], after: &[Steps]| {
            misplaced(kinds, &ancestors(after).expect("no circle"))
        };
        let chain = [steps([]), steps([0]), steps([1]), steps([2])];
        assert_eq!(
            check(&[Approval, Compensatable, Pivot, Retriable], &chain),
            []
        );
        assert_eq!(
            check(&[Compensatable, Pivot, Compensatable, Retriable], &chain),
            [(2, Misplaced::NotBefore { pivot: 1 })]
        );
        assert_eq!(
            check(&[Pivot, Approval, Pivot, Retriable], &chain),
            [
                (1, Misplaced::NotBefore { pivot: 0 }),
                (2, Misplaced::Second { first: 0 })
            ]
        );
        // Beside the pivot is neither before nor after it.
        let fork = [steps([]), steps([0]), steps([0])];
        assert_eq!(
            check(&[Compensatable, Pivot, Retriable], &fork),
            [(2, Misplaced::NotAfter { pivot: 1 })]
        );
        assert_eq!(
            check(&[Compensatable, Retriable], &chain[..2]),
            [(1, Misplaced::Without)]
        );
    }
}
