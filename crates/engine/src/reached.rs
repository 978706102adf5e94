//! Whether what a token names is to be seen in a store: one decision for all engines, as SQL, so that
//! everything it looks at is of one moment. An engine says how a token becomes rows, and how names
//! and texts are written.
//!
//! An event is noted by the transaction that makes it visible, is parked, or is not here. Of one that
//! is not here the next heartbeat tells: all that was committed before it was taken stands in front of
//! it. So nothing is called reached too early, and nothing waits longer than for the heartbeat.

use crate::want::Want;

/// Heartbeats of some stores count in milliseconds, and may be rounded up.
const ROUNDED: i64 = 1_000;
/// Younger tokens' events are still noted, if they were ever here: [`KEPT`] less a transaction that
/// took long.
const SURE: i64 = 300_000_000;
/// How long what became of an event is noted, in microseconds by the source's clock.
pub const KEPT: i64 = 900_000_000;

/// How an engine says it.
pub struct Reached<'a> {
    /// A query for the rows of the token that is its argument: `s` source, `t` time, `o` topic, `e`
    /// event; texts that are not there are empty.
    pub input: &'a str,
    /// One of freehold's own tables, as a name.
    pub own: &'a dyn Fn(&str) -> String,
    /// A text.
    pub literal: &'a dyn Fn(&str) -> String,
    /// The name of the column `key`.
    pub key: &'a str,
}

impl Reached<'_> {
    /// The statement: (source, topic, event, state, key) for each row of the token.
    pub fn statement(&self, want: &Want) -> String {
        let own = self.own;
        let key = self.key;
        format!(
            "SELECT i.s, i.o, i.e, {}, COALESCE(k.{key}, '') FROM ({}) i
 LEFT JOIN {} p ON p.source = i.s AND p.event = i.e
 LEFT JOIN {} k ON k.source = i.s AND k.event_id = i.e AND i.e <> '' AND k.tries >= 0
 LEFT JOIN {} h ON h.source = i.s",
            self.state(want),
            self.input,
            own("passed"),
            own("parked"),
            own("freshness"),
        )
    }

    fn state(&self, want: &Want) -> String {
        let [fill, passed, parked] = ["fill", "passed", "parked"].map(|name| (self.own)(name));
        // What read models still lack of an event stands in the work that its transaction wrote down.
        let remaking = if want.plane.read_models.is_empty() {
            String::new()
        } else {
            let work = (self.own)("read_work");
            format!("\n WHEN EXISTS (SELECT 1 FROM {work}) THEN 'waiting'")
        };
        format!(
            "CASE
 WHEN NOT ({feeds}) THEN 'elsewhere'
 WHEN k.event_id IS NOT NULL THEN 'parked'
 WHEN p.how = 'skipped' THEN 'skipped'{remaking}
 WHEN p.how = 'applied' THEN 'applied'
 WHEN EXISTS (SELECT 1 FROM {fill} f WHERE f.source = i.s AND f.state IN ('wanted', 'running')) THEN 'waiting'
 WHEN p.how = 'covered' AND EXISTS (SELECT 1 FROM {fill} f WHERE f.source = i.s AND f.state = 'done') THEN 'covered'
 WHEN h.ticked_at IS NULL OR h.ticked_at <= i.t + {ROUNDED} THEN 'waiting'
 WHEN i.e = '' AND EXISTS (SELECT 1 FROM {parked} q WHERE q.source = i.s AND q.tries >= 0) THEN 'parked'
 WHEN i.e = '' THEN 'applied'
 WHEN EXISTS (SELECT 1 FROM {passed} c WHERE c.source = i.s AND c.how = 'filled' AND c.at >= i.t) THEN 'covered'
 WHEN h.ticked_at - i.t > {SURE} THEN 'applied'
 ELSE 'lost' END",
            feeds = self.feeds(want),
        )
    }

    /// Does this store take the topic? An entry without one is of all that the source says.
    fn feeds(&self, want: &Want) -> String {
        let literal = self.literal;
        let feeds = want.plane.copies.values().map(|copy| {
            format!(
                "(i.s = {} AND i.o IN ('', {}))",
                literal(&copy.service),
                literal(&copy.event)
            )
        });
        let feeds: std::collections::BTreeSet<String> = feeds.collect();
        if feeds.is_empty() {
            return "1 = 0".to_owned();
        }
        feeds.into_iter().collect::<Vec<_>>().join(" OR ")
    }
}
