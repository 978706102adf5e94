//! How fresh copies are, which of their keys wait for a person, and (by `feed`) what is sent, as the
//! console shows it.
//!
//! Freshness is measured by heartbeats: from the commit of one in its source's store to the commit
//! that makes it visible in the reader's, each by its own store's clock, whose difference is taken
//! out. While no heartbeat arrives the age of the last one counts.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use freehold_console::moment::{DeadLetter, Moment, Plot, Series, Way};
use freehold_events::operate::dead;
use freehold_events::{Ground, Subscribed, clock, survey};
use freehold_lifecycle::Target;
use freehold_model::{Fault, System};

use super::feed::{Fed, Feed};
use crate::command::events::{enter, failed, sources};
use crate::sidecar::subscribed;
use crate::vitals::promised;

/// Percentiles are over a minute, plots over ten; a look a second.
const MINUTE: usize = 60;
const KEPT: usize = 600;
/// So many of the newest events are shown.
const WAYS: usize = 500;
/// A source says each second that it is alive; older than this, none has arrived.
const SILENT_MS: f64 = 2_000.0;

/// A reader of a source.
type Of = (String, String);

/// What is kept from look to look.
#[derive(Default)]
pub(in crate::command) struct Looks {
    grounds: BTreeMap<String, Ground>,
    samples: BTreeMap<Of, VecDeque<(u64, f64)>>,
    feeds: BTreeMap<String, Feed>,
}

/// What was seen last.
#[derive(Debug, Clone, Default)]
pub(in crate::command) struct Copies {
    sources: BTreeMap<Of, Source>,
    dead: Vec<DeadLetter>,
    fed: BTreeMap<String, Fed>,
    /// What could not be seen beside it.
    pub(super) troubles: Vec<Fault>,
}

#[derive(Debug, Clone)]
struct Source {
    /// 99 of 100 of the last minute.
    fresh_ms: Option<f64>,
    /// What the description promises.
    promised_ms: f64,
    past: Vec<(u64, f64)>,
}

impl Looks {
    /// Asks every store that publishes or keeps copies, by connections that stay open.
    pub(in crate::command) async fn look(
        &mut self,
        (system, root): (&System, &Path),
        targets: &[Target],
        now: u64,
    ) -> Result<Copies, Vec<Fault>> {
        let mut seen = Copies::default();
        let mut clocks = BTreeMap::new();
        let plain = |it: &&Target| !it.planner && !it.want.plane.is_empty();
        for target in targets.iter().filter(plain) {
            let service = &target.want.service;
            let mut ground = match self.grounds.remove(service) {
                Some(ground) if !ground.connection.broken() => ground,
                _ => enter(target).await?,
            };
            clocks.insert(service.clone(), clock(&mut ground).await.map_err(failed)?);
            if target.want.plane.publishes {
                let feed = self.feeds.entry(service.clone()).or_default();
                let of = (&system.services[service], root);
                match feed.look(&mut ground, of, now).await {
                    Ok(told) => drop(seen.fed.insert(service.clone(), told)),
                    Err(faults) => seen.troubles.extend(faults),
                }
            }
            self.grounds.insert(service.clone(), ground);
        }
        let keeps = |it: &&Target| plain(it) && !it.want.plane.copies.is_empty();
        for target in targets.iter().filter(keeps) {
            let service = &target.want.service;
            let Some(mut ground) = self.grounds.remove(service) else {
                continue;
            };
            let copies = subscribed(&system.services[service])?;
            let own = clock(&mut ground).await.map_err(failed)?;
            for survey in survey(&mut ground, &copies).await.map_err(failed)? {
                let of = (service.clone(), survey.source.clone());
                let skew = clocks.get(&survey.source).map(|it| own - it);
                let arrived = survey.ticked_at.zip(survey.heard_ago).zip(skew);
                if let Some(((ticked, heard_ago), skew)) = arrived {
                    // Some stores' clocks tell milliseconds.
                    let took = millis(own - heard_ago - skew - ticked).max(1.0);
                    let silent = millis(heard_ago);
                    let fresh = if silent > SILENT_MS { silent } else { took };
                    let samples = self.samples.entry(of.clone()).or_default();
                    samples.push_back((now, fresh));
                    if samples.len() > KEPT {
                        samples.pop_front();
                    }
                }
                let past = self.samples.get(&of);
                let past: Vec<_> = past.into_iter().flatten().copied().collect();
                let source = Source {
                    fresh_ms: p99(&past[past.len().saturating_sub(MINUTE)..]),
                    promised_ms: promised(&copies, &survey.source).as_secs_f64() * 1000.0,
                    past,
                };
                seen.sources.insert(of, source);
            }
            for source in sources(&copies) {
                let letters = dead(&mut ground, &source, None).await.map_err(failed)?;
                add_letters(&mut seen.dead, service, &copies, &letters);
            }
            self.grounds.insert(service.clone(), ground);
        }
        Ok(seen)
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
fn millis(micros: i64) -> f64 {
    micros.max(0) as f64 / 1000.0
}

fn p99(samples: &[(u64, f64)]) -> Option<f64> {
    let mut all: Vec<f64> = samples.iter().map(|(_, fresh)| *fresh).collect();
    all.sort_unstable_by(f64::total_cmp);
    let last = (all.len() * 99 / 100).min(all.len().saturating_sub(1));
    all.get(last).copied()
}

/// The first of each key is the letter; those behind it are counted.
fn add_letters(
    all: &mut Vec<DeadLetter>,
    service: &str,
    copies: &[Subscribed],
    letters: &[freehold_events::operate::Dead],
) {
    for letter in letters {
        let id = format!("{service}/{}/{}", letter.source, letter.key);
        if let Some(first) = all.iter_mut().find(|own| own.id == id) {
            first.behind += 1;
            continue;
        }
        let copy = copies.iter().find(|own| own.copy.event == letter.topic);
        all.push(DeadLetter {
            id,
            event: letter.topic.clone(),
            service: service.to_owned(),
            copy: copy.map(|own| own.table.clone()).unwrap_or_default(),
            key: letter.key.clone(),
            why: letter.cause.clone(),
            code: String::new(),
            since: u64::try_from(letter.since / 1000).unwrap_or(0),
            attempts: u64::try_from(letter.tries).unwrap_or(0),
            behind: 0,
        });
    }
}

/// The parts of a dead letter's id: the reader, the source, the key.
pub(in crate::command) fn letter(id: &str) -> Option<(&str, &str, &str)> {
    let mut parts = id.splitn(3, '/');
    Some((parts.next()?, parts.next()?, parts.next()?))
}

impl Copies {
    /// Puts it where pages look for it.
    pub(in crate::command) fn fill(&self, moment: &mut Moment) {
        for event in &mut moment.events {
            for reader in &mut event.readers {
                let of = (reader.service.clone(), event.from.clone());
                let Some(source) = self.sources.get(&of) else {
                    continue;
                };
                reader.fresh_ms = source.fresh_ms;
                reader.slo_ms = Some(source.promised_ms);
                let keys = self.dead.iter();
                let keys =
                    keys.filter(|own| own.service == reader.service && own.copy == reader.copy);
                reader.parked_keys = keys.count() as u64;
            }
        }
        moment.dead.clone_from(&self.dead);
        for service in &mut moment.services {
            let fed = self.fed.get(&service.name);
            service.outbox_rows = fed.map(|own| own.waiting);
            service.outbox_oldest_ms = fed.and_then(|own| own.oldest_ms);
            let own = self
                .sources
                .iter()
                .filter(|((reader, _), _)| *reader == service.name);
            service.freshness = plot(&service.name, &own.collect::<Vec<_>>());
        }
    }

    /// Events that were sent: rates, and the newest with what they carry.
    pub(in crate::command) fn fill_sent(&self, system: &System, moment: &mut Moment) {
        for event in &mut moment.events {
            let rates = self.fed.get(&event.from);
            let rates = rates.and_then(|own| own.per_second.as_ref());
            event.per_second = rates.map(|own| own.get(&event.name).copied().unwrap_or(0.0));
        }
        let mut ways: Vec<Way> = Vec::new();
        for (service, fed) in &self.fed {
            let store = moment.service(service).and_then(|own| own.stores.first());
            let tile = store.map_or("", |own| own.tile());
            for own in &fed.sent {
                let kind = moment.events.iter().find(|it| own.is_of(it));
                let of = kind.map(|kind| (tile, kind, moment.broker.as_str()));
                ways.extend(of.map(|of| own.way(&system.services[service], of)));
            }
        }
        ways.sort_by_key(|own| std::cmp::Reverse((own.committed_at, own.tenths)));
        ways.truncate(WAYS);
        moment.ways = ways;
        moment.plots.extend(sent(&self.fed));
    }
}

/// Events a second of each service that publishes.
fn sent(fed: &BTreeMap<String, Fed>) -> Option<Plot> {
    let all = || fed.iter().filter(|(_, own)| own.trend.len() > 1);
    let times = || all().flat_map(|(_, own)| own.trend.iter().map(|(at, _)| *at));
    let (from, to) = (times().min()?, times().max()?);
    let series = all().map(|(service, own)| Series {
        label: service.clone(),
        values: own.trend.iter().map(|(_, rate)| Some(*rate)).collect(),
    });
    Some(Plot {
        title: "Events".to_owned(),
        detail: "a second, by who publishes them".to_owned(),
        unit: "/s".to_owned(),
        from,
        to,
        series: series.collect(),
        ..Plot::default()
    })
}

/// Its line is the strictest promise.
fn plot(service: &str, all: &[(&Of, &Source)]) -> Option<Plot> {
    let times = || {
        all.iter()
            .flat_map(|(_, own)| own.past.iter().map(|(at, _)| *at))
    };
    let (from, to) = (times().min()?, times().max()?);
    let strictest = all.iter().map(|(_, own)| own.promised_ms);
    let strictest = strictest.min_by(f64::total_cmp);
    let series = all.iter().map(|((_, source), own)| Series {
        label: source.clone(),
        values: own.past.iter().map(|(_, fresh)| Some(*fresh)).collect(),
    });
    Some(Plot {
        title: format!("Freshness of what {service} keeps from others"),
        detail: "each second, log scale".to_owned(),
        unit: "ms".to_owned(),
        log: true,
        slo: strictest,
        from,
        to,
        series: series.collect(),
        marks: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use freehold_events::operate::Dead;

    use super::*;

    #[test]
    fn the_first_of_a_key_is_the_letter() {
        let one = |key: &str| Dead {
            source: "catalog".to_owned(),
            position: String::new(),
            topic: "book.changed.v1".to_owned(),
            key: key.to_owned(),
            event: String::new(),
            cause: "too long".to_owned(),
            payload: String::new(),
            since: 5_000_000,
            tries: 2,
        };
        let mut all = Vec::new();
        add_letters(&mut all, "orders", &[], &[one("a/b"), one("a/b"), one("c")]);
        assert_eq!((all.len(), all[0].behind, all[0].since), (2, 1, 5000));
        assert_eq!(letter(&all[0].id), Some(("orders", "catalog", "a/b")));
        assert_eq!(letter("orders"), None);
    }

    #[test]
    fn the_strictest_promise_is_the_line() {
        let of = ("orders".to_owned(), "catalog".to_owned());
        let source = |promised_ms| Source {
            fresh_ms: None,
            promised_ms,
            past: vec![(7, 20.0)],
        };
        let (loose, strict) = (source(5_000.0), source(250.0));
        let drawn = plot("orders", &[(&of, &loose), (&of, &strict)]).map(|it| it.slo);
        assert_eq!(drawn, Some(Some(250.0)));
    }

    #[test]
    fn the_slowest_of_a_hundred_counts() {
        let samples: Vec<_> = (0..60)
            .map(|at| (at, f64::from(u32::try_from(at).unwrap_or(0))))
            .collect();
        assert_eq!(p99(&samples), Some(59.0));
        assert_eq!(p99(&[]), None);
    }
}
