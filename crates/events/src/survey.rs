//! How current a store's copies are, read from the store alone. Sends no change.

use std::collections::BTreeSet;

use freehold_engine::TxMode;
use serde::Serialize;

use crate::applier::Subscribed;
use crate::error::{Error, Result};
use crate::fill::FillState;
use crate::ground::Ground;
use crate::read_models;

/// One source of a store's copies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Survey {
    /// The service that publishes.
    pub source: String,
    /// By the source's clock: everything up to here is to be seen. `None`: not yet.
    pub ticked_at: Option<i64>,
    /// How long ago that was noted, in microseconds by this store's clock.
    pub heard_ago: Option<i64>,
    /// Keys that stand still.
    pub parked: usize,
    /// Events and ranges that were left out, and nothing made good since.
    pub left_out: usize,
    /// Copies that are not filled yet, and read models that are catching up.
    pub filling: Vec<String>,
}

impl Survey {
    /// How old the state is that one sees, in microseconds: `clock` is the source's own, now; where
    /// it is not known, since when nothing was heard. `None`: nothing can be said.
    pub fn age(&self, clock: Option<i64>) -> Option<i64> {
        match (clock, self.ticked_at) {
            (Some(clock), Some(ticked)) => Some((clock - ticked).max(0)),
            _ => self.heard_ago,
        }
    }

    /// Why it is not current, if it is not; `limit` in microseconds.
    pub fn not_current(&self, clock: Option<i64>, limit: i64) -> Option<String> {
        let age = self.age(clock);
        if !self.filling.is_empty() {
            Some(format!("being filled: {}", self.filling.join(", ")))
        } else if self.parked > 0 {
            Some(format!("keys parked: {}", self.parked))
        } else if self.left_out > 0 {
            Some(format!("left out: {}", self.left_out))
        } else {
            match age {
                None => Some("nothing heard yet".to_owned()),
                Some(age) if age > limit => Some("too old".to_owned()),
                Some(_) => None,
            }
        }
    }
}

/// Every source of these copies.
///
/// # Errors
/// The store's.
pub async fn survey(ground: &mut Ground, copies: &[Subscribed]) -> Result<Vec<Survey>> {
    ground.begin(TxMode::ReadOnly).await?;
    let fills = ground.fills().await?;
    let work = read_models::work(ground).await?;
    let sql = ground.sql.freshness.clone();
    let heard = ground.connection.query(&sql, &[]).await?;
    let sources: BTreeSet<&str> = copies.iter().map(|it| it.copy.service.as_str()).collect();
    let mut all = Vec::new();
    for source in sources {
        let row = heard
            .iter()
            .find(|row| row.first().and_then(|it| it.text()) == Some(source));
        let number = |at: usize| row.and_then(|row| row.get(at)?.int());
        let filling = copies.iter().filter(|it| it.copy.service == source);
        let filling = filling.filter(|it| {
            let state = fills.get(&it.table).map(|fill| fill.state);
            !matches!(state, Some(FillState::Done | FillState::Without))
        });
        let mut filling: Vec<String> = filling.map(|it| it.table.clone()).collect();
        // A read model is catching up until nothing of it is left to do.
        let behind: BTreeSet<&str> = work.iter().map(read_models::Work::model).collect();
        filling.extend(behind.into_iter().map(str::to_owned).filter(|model| {
            let plan = ground.want.plane.read_models.get(model);
            let mut of = copies.iter().filter(|it| it.copy.service == source);
            plan.is_some_and(|plan| of.any(|it| plan.reads(&it.table).next().is_some()))
        }));
        all.push(Survey {
            source: source.to_owned(),
            ticked_at: number(2),
            heard_ago: number(4).zip(number(3)).map(|(now, seen)| now - seen),
            parked: ground.parked_keys(source).await?.len(),
            left_out: ground.left_out(source).await?.len(),
            filling,
        });
    }
    ground.rollback().await?;
    Ok(all)
}

/// The store's own clock, in microseconds since 1970.
///
/// # Errors
/// The store's.
pub async fn clock(ground: &mut Ground) -> Result<i64> {
    match ground.identity().await {
        Ok((now, _)) => Ok(now),
        Err(Error::Store(error)) => Err(Error::Store(error.during("ask for the clock"))),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_said() {
        let fresh = Survey {
            source: "catalog".to_owned(),
            ticked_at: Some(1_000_000),
            heard_ago: Some(500_000),
            parked: 0,
            left_out: 0,
            filling: Vec::new(),
        };
        let limit = 2_000_000;
        assert_eq!(fresh.not_current(Some(1_500_000), limit), None);
        // The heartbeat came just now and is old: the consumer consumes, and is behind.
        let behind = fresh.not_current(Some(9_000_000), limit);
        assert_eq!(behind.as_deref(), Some("too old"));
        // A source whose clock is wrong, and cannot be asked: since when nothing was heard.
        assert_eq!(fresh.age(None), Some(500_000));
        assert_eq!(fresh.age(Some(400_000)), Some(0));
        let parked = Survey {
            parked: 2,
            ..fresh.clone()
        };
        assert_eq!(
            parked.not_current(Some(1_500_000), limit).as_deref(),
            Some("keys parked: 2")
        );
        let left_out = Survey {
            left_out: 1,
            ..fresh.clone()
        };
        assert_eq!(
            left_out.not_current(Some(1_500_000), limit).as_deref(),
            Some("left out: 1")
        );
        let filling = Survey {
            filling: vec!["book_cache".to_owned()],
            ..fresh.clone()
        };
        assert!(filling.not_current(Some(1_500_000), limit).is_some());
        let deaf = Survey {
            ticked_at: None,
            heard_ago: None,
            ..fresh
        };
        assert!(deaf.not_current(Some(1_500_000), limit).is_some());
    }
}
