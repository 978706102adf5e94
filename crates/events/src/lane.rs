//! What to do with a message, from where its lane stands. Pure.

use freehold_broker::Position;

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Known already.
    Drop,
    /// The next one.
    Apply,
    /// Events between the watermark and this position did not arrive.
    Missing {
        /// The last of them.
        upto: Position,
    },
    /// The source tells another story than what was applied: it went back without saying so.
    Fork,
    /// Below the watermark, in another life than the watermark's: of an older one, or of one that
    /// began where a clock went back. The positions cannot tell which.
    Doubt,
}

/// `watermark`: the last position of this topic and lane that took effect. `prev` and `position`
/// as the message says.
pub(crate) fn judge(
    watermark: Option<Position>,
    prev: Option<Position>,
    position: Position,
) -> Verdict {
    if let Some(watermark) = watermark.filter(|watermark| position <= *watermark) {
        return if position.incarnation == watermark.incarnation {
            Verdict::Drop
        } else {
            Verdict::Doubt
        };
    }
    // A lane that took up a new life has everything that survived of the old one.
    let opened = watermark.is_some_and(|watermark| watermark.batch == 0 && prev < Some(watermark));
    match (watermark, prev) {
        _ if opened => Verdict::Apply,
        (watermark, prev) if watermark == prev => Verdict::Apply,
        (None, Some(upto)) => Verdict::Missing { upto },
        (Some(watermark), Some(upto)) if upto > watermark => Verdict::Missing { upto },
        _ => Verdict::Fork,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use freehold_broker::Incarnation;

    #[expect(clippy::unnecessary_wraps, reason = "as watermarks and prevs are")]
    fn at(id: i64) -> Option<Position> {
        Some(Position {
            incarnation: Incarnation {
                number: 1,
                random: 0,
            },
            batch: 1,
            id,
        })
    }

    #[test]
    fn each_case() {
        let judge = |watermark, prev, position: Option<Position>| {
            judge(watermark, prev, position.expect("a position"))
        };
        assert_eq!(judge(None, None, at(1)), Verdict::Apply);
        assert_eq!(judge(at(1), at(1), at(2)), Verdict::Apply);
        assert_eq!(judge(at(2), at(1), at(2)), Verdict::Drop);
        assert_eq!(judge(at(3), at(1), at(2)), Verdict::Drop);
        let missing = Verdict::Missing {
            upto: at(3).expect("a position"),
        };
        assert_eq!(judge(at(1), at(3), at(4)), missing);
        assert_eq!(judge(None, at(3), at(4)), missing);
        assert_eq!(judge(at(2), at(1), at(4)), Verdict::Fork);
        assert_eq!(judge(at(2), None, at(4)), Verdict::Fork);
    }

    #[test]
    fn a_new_life_goes_on_from_what_survived() {
        let of = |number: u32, batch: u64, id: i64| Position {
            incarnation: Incarnation { number, random: 7 },
            batch,
            id,
        };
        let opened = Some(of(2, 0, 0));
        let next = of(2, 9, 40);
        assert_eq!(judge(opened, None, next), Verdict::Apply);
        assert_eq!(judge(opened, Some(of(1, 8, 30)), next), Verdict::Apply);
        let upto = of(2, 9, 39);
        assert_eq!(
            judge(opened, Some(upto), next),
            Verdict::Missing { upto },
            "an event of the new life did not arrive"
        );
        assert_eq!(judge(opened, None, of(1, 9, 31)), Verdict::Doubt);
    }
}
