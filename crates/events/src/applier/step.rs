//! What a batch of messages does to a consumer's store. Pure: from where the lanes stand and what
//! is parked, to rows, watermarks, parked events and what is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use freehold_broker::{
    Body, Heads, History, Incarnation, Lane, Message, Partition, Partitions, Position, To, Topic,
};
use freehold_model::CopyOf;
use serde_json::{Value, json};

use super::arrival::Arrival;
use crate::copy::{Changes, Ready};
use crate::heads::HeadMap;
use crate::lane::{Verdict, judge};
use crate::token::CAUSES;

/// A copy and the topic that feeds it.
#[derive(Debug, Clone)]
pub struct Subscribed {
    /// The table.
    pub table: String,
    /// The event, as a topic.
    pub topic: Topic,
    /// What it says.
    pub copy: CopyOf,
}

/// One source as this consumer knows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// Where its lanes stand.
    pub(crate) marks: HeadMap,
    /// Keys that stand still, because an event of theirs could not be applied.
    pub(crate) parked: BTreeSet<String>,
    /// Keys of which something was left out, and nothing came since.
    pub(crate) left_out: BTreeSet<String>,
    /// The last heartbeat that each partition has wholly caught up with.
    pub(crate) beats: BTreeMap<(Topic, Partition), (Position, i64)>,
    /// Lives that the owner was asked about. Those of its past: what of them is below a watermark is
    /// old. Those that it knows nothing of: whatever still comes of them is of a store that is gone.
    pub(crate) past: BTreeSet<Incarnation>,
    pub(crate) gone: BTreeSet<Incarnation>,
    /// Lives that the owner's history has.
    pub(crate) own: BTreeSet<Incarnation>,
    /// Is there an owner to ask? Alone one takes what comes.
    pub(crate) asks: bool,
    /// Watermarks that the owner's history held when it was in this life.
    pub(crate) held: BTreeMap<(Topic, Lane), (Incarnation, Position)>,
}

/// Everything that a batch changes, of one source.
#[derive(Debug, Default)]
pub(crate) struct Effect {
    /// By table.
    pub(crate) changes: BTreeMap<String, Changes>,
    /// To park, as rows of the statement.
    pub(crate) parked: Vec<Value>,
    /// What became of events that tokens may name, as rows of the statement.
    pub(crate) passed: Vec<Value>,
    /// Lanes in which something is missing, and the last of it.
    pub(crate) behind: BTreeMap<(Topic, Lane), Position>,
    /// Lanes in which the source contradicts itself.
    pub(crate) forks: BTreeSet<(Topic, Lane)>,
    /// Lanes with messages below their watermark, of lives that are not the watermark's.
    pub(crate) doubts: BTreeMap<(Topic, Lane), BTreeSet<Incarnation>>,
    /// Watermarks that were of a life of the source that is gone.
    pub(crate) ghosts: Vec<(Topic, Lane, Position)>,
    /// Keys of which something was left out, and whose whole state came now.
    pub(crate) settled: Vec<String>,
    /// How many events took effect.
    pub(crate) applied: usize,
    /// Lanes that moved.
    pub(crate) moved: BTreeMap<(Topic, Lane), Position>,
}

impl Effect {
    /// Rows of the watermarks' statement.
    pub(crate) fn marks_json(&self) -> String {
        let moved = self.moved.iter();
        marks_json(moved.map(|((topic, lane), position)| (topic, *lane, *position)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.moved.is_empty()
            && self.parked.is_empty()
            && self.changes.is_empty()
            && self.passed.is_empty()
    }
}

/// Rows of the watermarks' statement.
pub(crate) fn marks_json<'a>(marks: impl Iterator<Item = (&'a Topic, Lane, Position)>) -> String {
    let rows = marks.map(|(topic, lane, position)| {
        json!({"t": topic.as_str(), "l": lane.number(), "p": position.to_string()})
    });
    Value::Array(rows.collect()).to_string()
}

/// Goes through messages of one source in the order in which they came. `known` moves on; the
/// caller throws it away when the store does not take the effect. `park`: events that the store did
/// not take by themselves, with why.
pub(crate) fn effect(
    partitions: Partitions,
    known: &mut Known,
    arrivals: &[Arc<Arrival>],
    park: &BTreeMap<Position, String>,
) -> Effect {
    let mut effect = Effect::default();
    let mut trusted = None;
    for arrival in arrivals {
        let message = &arrival.message;
        let life = message.position.incarnation;
        if known.gone.contains(&life) {
            continue;
        }
        // The log may be another cluster's, or of a store that is gone: nothing in it tells.
        if trusted != Some(life) {
            if !known.trusts(life) {
                let at = (message.topic.clone(), lane_of(partitions, message));
                doubt(known, at, life, &mut effect);
                continue;
            }
            trusted = Some(life);
        }
        match &message.body {
            Body::Heartbeat(heads) => caught_up(partitions, known, message, heads, &mut effect),
            Body::Incarnation(history) => rejoin(partitions, known, message, history, &mut effect),
            Body::Event { .. } => {
                let Some(lane) = next(known, message, &mut effect) else {
                    continue;
                };
                let refused = park.get(&message.position).cloned();
                let changes = match refused {
                    Some(why) => Err(why),
                    None if known.parked.contains(&message.key) => {
                        Err("an earlier event of this key is parked".to_owned())
                    }
                    None => arrival.changes.as_deref().map_err(Clone::clone),
                };
                take(known, message, lane, changes, &mut effect);
            }
            Body::Void { code, why } => {
                if let Some(lane) = next(known, message, &mut effect) {
                    let why = format!("{code}: {why}");
                    take(known, message, lane, Err(why), &mut effect);
                }
            }
        }
    }
    effect
}

/// The message's lane, or one of its partition.
fn lane_of(partitions: Partitions, message: &Message) -> Lane {
    match message.to {
        To::Lane(lane) => lane,
        To::Partition(partition) => {
            let mut lanes = partitions.lanes_of(partition);
            lanes.next().unwrap_or_else(|| Lane::of(&message.key))
        }
    }
}

/// The message's lane, if the message is the next one of it.
fn next(known: &Known, message: &Message, effect: &mut Effect) -> Option<Lane> {
    let To::Lane(lane) = message.to else {
        return None;
    };
    let at = (message.topic.clone(), lane);
    if effect.behind.contains_key(&at) || effect.forks.contains(&at) {
        return None;
    }
    let mark = known.marks.get(&message.topic, lane);
    match judge(mark, message.prev, message.position) {
        Verdict::Drop => {
            // Known, or the copy's first rows told of it already.
            effect.passed.extend(passed(message, "covered"));
            return None;
        }
        Verdict::Doubt => {
            doubt(known, at, message.position.incarnation, effect);
            return None;
        }
        Verdict::Apply => {}
        Verdict::Missing { upto } => {
            effect.behind.insert(at, upto);
            return None;
        }
        Verdict::Fork => {
            effect.forks.insert(at);
            return None;
        }
    }
    Some(lane)
}

fn doubt(known: &Known, at: (Topic, Lane), life: Incarnation, effect: &mut Effect) {
    if !known.past.contains(&life) {
        effect.doubts.entry(at).or_default().insert(life);
    }
}

fn take(
    known: &mut Known,
    message: &Message,
    lane: Lane,
    changes: Result<&[(String, Arc<Ready>)], String>,
    effect: &mut Effect,
) {
    match changes {
        Ok(changes) => {
            effect.applied += 1;
            if known.left_out.remove(&message.key) {
                effect.settled.push(message.key.clone());
            }
            effect.passed.extend(passed(message, "applied"));
            for (table, change) in changes {
                if !effect.changes.contains_key(table) {
                    effect.changes.insert(table.clone(), Changes::default());
                }
                if let Some(rows) = effect.changes.get_mut(table) {
                    rows.add_ready(&message.key, Arc::clone(change));
                }
            }
        }
        Err(why) => {
            known.parked.insert(message.key.clone());
            effect.parked.push(parked(message, &why));
        }
    }
    known.marks.advance(&message.topic, lane, message.position);
    effect
        .moved
        .insert((message.topic.clone(), lane), message.position);
}

/// Only what a token may name is noted: a row for each event would be half of what an event costs.
fn passed(message: &Message, how: &str) -> Option<Value> {
    let named = message.headers.iter().any(|(name, _)| name == CAUSES);
    named.then(
        || json!({"e": message.event.to_string(), "a": message.occurred_at.micros(), "h": how}),
    )
}

fn parked(message: &Message, why: &str) -> Value {
    let payload = match &message.body {
        Body::Event { payload, .. } => String::from_utf8_lossy(payload).into_owned(),
        _ => String::new(),
    };
    // A zero cannot stand in a text of most engines.
    let clean = |text: &str| text.replace('\0', "\u{fffd}");
    json!({
        "p": crate::copy::stamp(message.position),
        "t": message.topic.as_str(),
        "k": clean(&message.key),
        "e": message.event.to_string(),
        "c": clean(why),
        "m": clean(&payload),
    })
}

/// A heartbeat counts once every lane of its partition stands where the source's does. It comes
/// behind all that it tells of: a lane that is not there yet has lost its last events.
fn caught_up(
    partitions: Partitions,
    known: &mut Known,
    message: &Message,
    heads: &Heads,
    effect: &mut Effect,
) {
    let To::Partition(partition) = message.to else {
        return;
    };
    let own = heads.0.get(&message.topic);
    let mut current = true;
    for lane in partitions.lanes_of(partition) {
        let head = own.and_then(|lanes| lanes.get(&lane)).copied();
        let mark = known.marks.get(&message.topic, lane);
        let at = (message.topic.clone(), lane);
        if judge(mark, None, message.position) == Verdict::Doubt {
            current = false;
            doubt(known, at, message.position.incarnation, effect);
        } else if head > mark {
            current = false;
            if let (Some(head), false) = (head, effect.forks.contains(&at)) {
                effect.behind.entry(at).or_insert(head);
            }
        } else if mark.is_some_and(|mark| known.is_above(&at, mark, head, message.position)) {
            // Perhaps that was of a life that is gone, and the announcement of the present one was
            // lost with the broker's log.
            current = false;
            let now = message.position.incarnation;
            effect.doubts.entry(at).or_default().insert(now);
        }
    }
    if current {
        let beat = (message.position, message.occurred_at.micros());
        known.beats.insert((message.topic.clone(), partition), beat);
    }
}

/// After a restore of the source: what was applied of the life that is gone cannot be undone here.
/// The lane takes up the new life where it begins, and its copies are to be filled again.
fn rejoin(
    partitions: Partitions,
    known: &mut Known,
    message: &Message,
    history: &History,
    effect: &mut Effect,
) {
    let To::Partition(partition) = message.to else {
        return;
    };
    for lane in partitions.lanes_of(partition) {
        let Some(mark) = known.marks.get(&message.topic, lane) else {
            continue;
        };
        let at = (message.topic.clone(), lane);
        if judge(Some(mark), None, message.position) == Verdict::Doubt {
            doubt(known, at, message.position.incarnation, effect);
        } else if !history.survives(mark) {
            effect.ghosts.push((message.topic.clone(), lane, mark));
            known.marks.advance(&message.topic, lane, message.position);
            effect.moved.insert(at, message.position);
        }
    }
}

impl Known {
    /// Is this life the owner's? Where one of its events was applied, it was.
    fn trusts(&self, life: Incarnation) -> bool {
        let mut topics = self.marks.0.values();
        !self.asks
            || self.own.contains(&life)
            || topics.any(|lanes| lanes.by_lane().values().any(|at| at.incarnation == life))
    }

    /// Does a lane stand above its source's head, in another life than the present one, and has the
    /// owner not said that this survived?
    fn is_above(
        &self,
        at: &(Topic, Lane),
        mark: Position,
        head: Option<Position>,
        beat: Position,
    ) -> bool {
        let now = beat.incarnation;
        Some(mark) > head && mark.incarnation != now && self.held.get(at) != Some(&(now, mark))
    }

    /// The oldest of the partitions' last heartbeats; `None` while one has none.
    pub(crate) fn fresh(
        &self,
        topics: &BTreeSet<Topic>,
        partitions: Partitions,
    ) -> Option<(Position, i64)> {
        let all = topics.iter().flat_map(|topic| {
            partitions
                .each()
                .map(move |partition| (topic.clone(), partition))
        });
        all.map(|at| self.beats.get(&at).copied())
            .collect::<Option<Vec<_>>>()?
            .into_iter()
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use freehold_broker::{Base, EventId, Timestamp};

    fn life(number: u32, random: u32) -> Incarnation {
        Incarnation { number, random }
    }

    fn first(incarnation: Incarnation) -> Position {
        let (batch, id) = (0, 0);
        Position {
            incarnation,
            batch,
            id,
        }
    }

    /// Of a life that knows of no other.
    fn announced(topic: &Topic, incarnation: Incarnation) -> Arc<Arrival> {
        let after = None;
        let message = Message {
            event: EventId([1; 16]),
            topic: topic.clone(),
            to: To::Partition(Lane::of("5").partition(Partitions::new(1).expect("one"))),
            key: String::new(),
            source: "catalog".into(),
            position: first(incarnation),
            prev: None,
            occurred_at: Timestamp::from_micros(0),
            headers: Vec::new(),
            body: Body::Incarnation(History(vec![Base { incarnation, after }])),
        };
        Arc::new(Arrival::new(&[], message))
    }

    #[test]
    fn what_stands_below_a_watermark_in_another_life_is_asked_about_once() {
        let topic = Topic::new("book.changed.v1").expect("a topic");
        let (lane, one) = (Lane::of("5"), Partitions::new(1).expect("one"));
        let mark = first(life(7, 7));
        let mut known = Known::default();
        known.marks.advance(&topic, lane, mark);
        let meets = |known: &mut Known, life| {
            let messages = [announced(&topic, life)];
            let effect = effect(one, known, &messages, &BTreeMap::new());
            let stays = known.marks.get(&topic, lane) == Some(mark);
            (stays, effect.moved.len(), effect.doubts.len())
        };
        for (older, asked) in [(life(6, 9), 1), (life(7, 3), 1), (life(7, 7), 0)] {
            assert_eq!(meets(&mut known, older), (true, 0, asked), "{older}");
        }
        known.past.insert(life(6, 9));
        known.gone.extend([life(7, 3), life(9, 9)]);
        for settled in [life(6, 9), life(7, 3), life(9, 9)] {
            assert_eq!(meets(&mut known, settled), (true, 0, 0), "{settled}");
        }
        assert_eq!(meets(&mut known, life(8, 1)), (false, 1, 0), "a later one");
    }

    #[test]
    fn only_the_owners_lives_count() {
        let topic = Topic::new("book.changed.v1").expect("a topic");
        let (one, own) = (Partitions::new(1).expect("one"), life(7, 7));
        let event = |key: &str| {
            let message = Message {
                to: To::Lane(Lane::of(key)),
                key: key.to_owned(),
                body: Body::Event {
                    content_type: "application/json".into(),
                    payload: bytes::Bytes::from_static(b"{}"),
                },
                ..announced(&topic, own).message.clone()
            };
            Arc::new(Arrival::new(&[], message))
        };
        let meets = |known: &mut Known, key: &str| {
            let effect = effect(one, known, &[event(key)], &BTreeMap::new());
            (effect.applied, effect.doubts.len())
        };
        let asking = || Known {
            asks: true,
            ..Known::default()
        };
        assert_eq!(meets(&mut Known::default(), "5"), (1, 0), "alone");
        assert_eq!(meets(&mut asking(), "5"), (0, 1), "of whom?");
        let mut told = asking();
        told.own.insert(own);
        assert_eq!(meets(&mut told, "5"), (1, 0), "the owner's");
        let mut begun = asking();
        begun.marks.advance(&topic, Lane::of("6"), first(own));
        assert_eq!(meets(&mut begun, "5"), (1, 0), "as another lane's");
        let mut gone = told;
        gone.gone.insert(own);
        assert_eq!(meets(&mut gone, "7"), (0, 0), "gone");
    }
}
