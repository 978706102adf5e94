//! The last position per topic and lane that a source has given out, and how it is kept. Pure.

use std::collections::BTreeMap;

use freehold_broker::{Heads, Lane, Position, Topic};
use serde::{Deserialize, Serialize};

/// Positions by lane, as they stand in the store: a JSON object `{"7": "1-00c0ffee.17.4711"}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Lanes(BTreeMap<u8, Position>);

impl Lanes {
    /// From the store's text; `None`: nobody of freehold wrote that.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let lanes: Self = serde_json::from_str(text).ok()?;
        lanes
            .0
            .keys()
            .all(|lane| Lane::new(*lane).is_some())
            .then_some(lanes)
    }

    /// As the store keeps it.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The last position in this lane.
    pub(crate) fn get(&self, lane: Lane) -> Option<Position> {
        self.0.get(&lane.number()).copied()
    }

    /// By lane.
    pub(crate) fn by_lane(&self) -> BTreeMap<Lane, Position> {
        self.0
            .iter()
            .filter_map(|(lane, position)| Some((Lane::new(*lane)?, *position)))
            .collect()
    }
}

/// All topics of one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct HeadMap(pub BTreeMap<Topic, Lanes>);

impl HeadMap {
    /// The last position in this topic and lane.
    pub(crate) fn get(&self, topic: &Topic, lane: Lane) -> Option<Position> {
        self.0.get(topic)?.get(lane)
    }

    /// Moves a lane on, and says where it stood.
    pub(crate) fn advance(
        &mut self,
        topic: &Topic,
        lane: Lane,
        position: Position,
    ) -> Option<Position> {
        if let Some(lanes) = self.0.get_mut(topic) {
            return lanes.0.insert(lane.number(), position);
        }
        let lanes = self.0.entry(topic.clone()).or_default();
        lanes.0.insert(lane.number(), position)
    }

    /// Lanes that stand behind this batch stand where `before` says again. The topics that changed.
    pub(crate) fn take_back(&mut self, batch: u64, before: &Self) -> Vec<Topic> {
        let mut changed = Vec::new();
        for (topic, lanes) in &mut self.0 {
            let lost: Vec<u8> = lanes
                .0
                .iter()
                .filter(|(_, at)| at.batch > batch)
                .map(|(lane, _)| *lane)
                .collect();
            for lane in &lost {
                let stood = before.0.get(topic).and_then(|lanes| lanes.0.get(lane));
                match stood {
                    Some(at) => lanes.0.insert(*lane, *at),
                    None => lanes.0.remove(lane),
                };
            }
            if !lost.is_empty() {
                changed.push(topic.clone());
            }
        }
        changed
    }

    /// As a heartbeat carries it. The topic's own lanes are always whole.
    pub(crate) fn heads(&self) -> Heads {
        Heads(
            self.0
                .iter()
                .map(|(topic, lanes)| (topic.clone(), lanes.by_lane()))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use freehold_broker::Incarnation;

    #[test]
    fn lanes_go_back_to_where_they_stood() {
        let topic = Topic::new("book.changed.v1").expect("a topic");
        let lane = |number| Lane::new(number).expect("a lane");
        let at = |batch| Position {
            incarnation: Incarnation {
                number: 1,
                random: 7,
            },
            batch,
            id: 1,
        };
        let of = |lanes: &[(u8, u64)]| {
            let mut heads = HeadMap::default();
            for (number, batch) in lanes {
                heads.advance(&topic, lane(*number), at(*batch));
            }
            heads
        };
        let mut heads = of(&[(1, 3), (2, 7), (3, 8)]);
        assert_eq!(heads.take_back(8, &HeadMap::default()), []);
        // The third had its first event behind the fifth batch.
        let changed = heads.take_back(5, &of(&[(2, 4)]));
        assert_eq!(changed, std::slice::from_ref(&topic));
        assert_eq!(heads, of(&[(1, 3), (2, 4)]));
    }
}
