//! How the sidecars of this process are, for those who watch: figures for Prometheus, `/healthz`
//! and `/readyz` on this machine's own address, and two alarms. *Not consuming*: nothing was heard
//! of a source. *Not current*: what one sees is too old, not whole, or has keys that stand still.
//!
//! What is seen comes from the stores themselves, by a connection of its own: a sidecar that hangs
//! cannot say that it is well.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use freehold_events::keep::Standing;
use freehold_events::peer::{Answer, Ask, Open, Peers, Sockets};
use freehold_events::{Ground, Subscribed, Survey, survey};
use freehold_model::Fault;
use tokio::sync::watch;

use crate::sidecar::Report;
use crate::tokens::Tokens;

/// Older than this is not current, where no copy says otherwise by `freshness:`. A source says that
/// it is alive each second.
pub(crate) const CURRENT_WITHIN: Duration = Duration::from_secs(5);
/// A source that ticks each second is not silent before this.
const SILENCE: Duration = Duration::from_secs(2);

/// How old what one sees of a source may be: the strictest of its copies decides.
pub(crate) fn promised(copies: &[Subscribed], source: &str) -> Duration {
    let of = copies.iter().filter(|it| it.copy.service == source);
    let said = of.filter_map(|it| it.copy.freshness).min();
    said.unwrap_or(CURRENT_WITHIN)
}

/// How often the stores are looked at.
const EVERY: Duration = Duration::from_secs(1);
/// A look that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(3);

/// One consumer to look at.
pub(crate) struct Watched {
    pub(crate) service: String,
    pub(crate) copies: Vec<Subscribed>,
    pub(crate) open: Open,
    pub(crate) sockets: Sockets,
}

/// What is known of everything that runs here.
#[derive(Default)]
pub(crate) struct Vitals {
    parts: Mutex<BTreeMap<(String, String), Standing>>,
    sources: Mutex<BTreeMap<(String, String), Current>>,
    /// Answers who holds a token.
    pub(crate) tokens: Arc<Tokens>,
}

/// One source as one consumer sees it.
#[derive(Debug, Clone)]
struct Current {
    age: Option<Duration>,
    parked: usize,
    left_out: usize,
    filling: usize,
    not_consuming: bool,
    stale: bool,
}

fn open<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Whoever died with it left figures, and figures are made anew each second.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Vitals {
    /// Passes on what parts say, and keeps it.
    pub(crate) fn listening(self: &Arc<Self>, report: Report) -> Report {
        let vitals = Arc::clone(self);
        Arc::new(move |service, what, standing| {
            let part = (service.to_owned(), what.to_owned());
            open(&vitals.parts).insert(part, standing.clone());
            report(service, what, standing);
        })
    }

    /// Lines that say why this process is not well; none: it is.
    fn unwell(&self, alive_only: bool) -> Vec<String> {
        let mut lines = Vec::new();
        for ((service, part), standing) in &*open(&self.parts) {
            match standing {
                Standing::Stopped(fault) => lines.push(format!("{service} {part}: {fault}")),
                Standing::Trouble(fault) if !alive_only => {
                    lines.push(format!("{service} {part}: {fault}"));
                }
                _ => {}
            }
        }
        if !alive_only {
            for ((service, source), current) in &*open(&self.sources) {
                if current.not_consuming || current.filling > 0 {
                    lines.push(format!("{service}: copies of {source} are not whole yet"));
                }
            }
        }
        lines
    }

    /// In the text form of Prometheus.
    fn figures(&self) -> String {
        let mut text = String::new();
        family(&mut text, "freehold_part_works", "1: leads or stands by.");
        for ((service, part), standing) in &*open(&self.parts) {
            let works = matches!(standing, Standing::Leads | Standing::StandsBy);
            let labels = format!("service=\"{service}\",part=\"{part}\"");
            line(&mut text, "freehold_part_works", &labels, f64::from(works));
        }
        let sources = open(&self.sources).clone();
        let mut each = |name: &str, help: &str, of: &dyn Fn(&Current) -> Option<f64>| {
            family(&mut text, name, help);
            for ((service, source), current) in &sources {
                if let Some(value) = of(current) {
                    let labels = format!("service=\"{service}\",source=\"{source}\"");
                    line(&mut text, name, &labels, value);
                }
            }
        };
        each(
            "freehold_age_seconds",
            "How old the source's state is that one sees in the copies.",
            &|it| it.age.map(|age| age.as_secs_f64()),
        );
        each(
            "freehold_parked_keys",
            "Keys that stand still behind an event that could not be applied.",
            &|it| Some(count(it.parked)),
        );
        each(
            "freehold_left_out",
            "Events and ranges that an operator left out, and nothing made good since.",
            &|it| Some(count(it.left_out)),
        );
        each(
            "freehold_filling_copies",
            "Copies that are not filled yet.",
            &|it| Some(count(it.filling)),
        );
        each(
            "freehold_not_consuming",
            "1: nothing was heard of the source.",
            &|it| Some(f64::from(it.not_consuming)),
        );
        each(
            "freehold_not_current",
            "1: what one sees is too old, not whole, or has keys that stand still or were left out.",
            &|it| Some(f64::from(it.stale)),
        );
        text
    }

    fn see(&self, service: &str, source: &str, current: Current) -> Option<Current> {
        let at = (service.to_owned(), source.to_owned());
        open(&self.sources).insert(at, current)
    }
}

fn family(text: &mut String, name: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
}

fn line(text: &mut String, name: &str, labels: &str, value: f64) {
    let _ = writeln!(text, "{name}{{{labels}}} {value}");
}

fn count(of: usize) -> f64 {
    f64::from(u32::try_from(of).unwrap_or(u32::MAX))
}

/// Answers on this address until the process ends; where it answers.
///
/// # Errors
/// The address is taken.
pub(crate) async fn serve(vitals: &Arc<Vitals>, at: SocketAddr) -> std::io::Result<SocketAddr> {
    let listener = tokio::net::TcpListener::bind(at).await?;
    let at = listener.local_addr()?;
    let (figures, alive, ready) = (Arc::clone(vitals), Arc::clone(vitals), Arc::clone(vitals));
    let tokens = Arc::clone(&vitals.tokens);
    let said = |lines: Vec<String>| {
        if lines.is_empty() {
            (StatusCode::OK, "ok\n".to_owned())
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, lines.join("\n") + "\n")
        }
    };
    let router = Router::new()
        .route("/metrics", get(move || async move { figures.figures() }))
        .route(
            "/healthz",
            get(move || async move { said(alive.unwell(true)) }),
        )
        .route(
            "/readyz",
            get(move || async move { said(ready.unwell(false)) }),
        )
        .route("/token", get(move |asked| tokens.answer(asked)));
    tokio::spawn(async move {
        let _ = axum::serve(listener, router).await;
    });
    Ok(at)
}

/// Looks at one consumer again and again, and raises and lowers its alarms.
pub(crate) async fn watch(
    watched: Watched,
    vitals: Arc<Vitals>,
    report: Report,
    mut stop: watch::Receiver<bool>,
) {
    let mut ground = None;
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    let begun = Instant::now();
    while !*stop.borrow() {
        let looked = tokio::time::timeout(PATIENCE, look(&watched, &mut ground)).await;
        let surveys = looked.unwrap_or_default().unwrap_or_default();
        let sources = watched.copies.iter().map(|it| it.copy.service.as_str());
        let sources: std::collections::BTreeSet<&str> = sources.collect();
        for source in sources {
            let seen = surveys.iter().find(|(survey, _)| survey.source == source);
            let known = known.entry(source.to_owned()).or_default();
            let promised = promised(&watched.copies, source);
            let current = known.judge(seen, (begun, Instant::now()), promised);
            let before = vitals.see(&watched.service, source, current.clone());
            alarm(
                &report,
                (&watched.service, source),
                before.as_ref(),
                &current,
            );
        }
        let _ = tokio::time::timeout(EVERY, stop.changed()).await;
    }
}

/// What was known of a source when it could last be looked at.
#[derive(Debug, Default)]
struct Known {
    /// How old it was, and when that was so.
    age: Option<(Duration, Instant)>,
    /// What was heard of it last, and since when it is that.
    heard: Option<(i64, Instant)>,
    survey: Option<Survey>,
}

impl Known {
    /// While a store or a source cannot be asked ages grow by this machine's own clock.
    fn judge(
        &mut self,
        seen: Option<&(Survey, Option<i64>)>,
        (begun, now): (Instant, Instant),
        promised: Duration,
    ) -> Current {
        let up = now.duration_since(begun);
        let micros = |age: i64| Duration::from_micros(u64::try_from(age).unwrap_or(0));
        if let Some((survey, clock)) = seen {
            if let Some(age) = clock.and_then(|clock| survey.age(Some(clock))) {
                self.age = Some((micros(age), now));
            } else if self.age.is_none() {
                self.age = survey.age(None).map(|age| (micros(age), now));
            }
            if let Some(ticked) = survey.ticked_at
                && self.heard.is_none_or(|(last, _)| last != ticked)
            {
                self.heard = Some((ticked, now));
            }
            self.survey = Some(survey.clone());
        }
        let age = self.age.map(|(age, at)| age + now.duration_since(at));
        let silent = self.heard.map_or(up, |(_, at)| now.duration_since(at));
        let (parked, left_out, filling) = match &self.survey {
            Some(survey) => (survey.parked, survey.left_out, survey.filling.len()),
            None => (0, 0, 0),
        };
        let old = age.unwrap_or(up) > promised;
        Current {
            age,
            parked,
            left_out,
            filling,
            not_consuming: silent > promised.max(SILENCE),
            stale: old || parked > 0 || left_out > 0 || filling > 0,
        }
    }
}

type Looked = Vec<(Survey, Option<i64>)>;

async fn look(watched: &Watched, kept: &mut Option<Ground>) -> Option<Looked> {
    let mut ground = match kept.take() {
        Some(ground) if !ground.connection.broken() => ground,
        _ => (watched.open)().await.ok()?,
    };
    let surveys = survey(&mut ground, &watched.copies).await.ok()?;
    *kept = Some(ground);
    let mut looked = Vec::new();
    for survey in surveys {
        let mut copies = watched.copies.iter();
        let copy = copies.find(|it| it.copy.service == survey.source)?;
        let ask = Ask::Standing {
            topic: copy.topic.clone(),
        };
        let asked = tokio::time::timeout(EVERY, watched.sockets.ask(&survey.source, ask)).await;
        let clock = match asked {
            Ok(Ok(Answer::Standing(standing))) => standing.clock,
            _ => None,
        };
        looked.push((survey, clock));
    }
    Some(looked)
}

fn alarm(
    report: &Report,
    (service, source): (&str, &str),
    before: Option<&Current>,
    now: &Current,
) {
    let said = |it: &Current| (it.not_consuming, it.stale);
    if before.map(said) == Some(said(now)) || (before.is_none() && said(now) == (false, false)) {
        return;
    }
    let part = format!("← {source}");
    let fault = if now.not_consuming {
        Fault::new(
            "FH3930",
            format!("{service} hears nothing of {source}: its copies are not consuming"),
        )
        .help("see whether the source's sidecar, the broker and this sidecar's applier work")
    } else if now.stale {
        let why = match (now.filling, now.parked, now.age) {
            (1.., _, _) => "a copy is being filled".to_owned(),
            (_, 1.., _) => format!("keys stand still: {}", now.parked),
            _ if now.left_out > 0 => format!("left out: {}", now.left_out),
            (_, _, Some(age)) => format!("it is {:.0} s old", age.as_secs_f64()),
            _ => "nothing is known of it yet".to_owned(),
        };
        Fault::new(
            "FH3931",
            format!("what {service} sees of {source} is not current: {why}"),
        )
        .help("`freehold events list` says more")
    } else {
        report(service, &part, Standing::Leads);
        return;
    };
    report(service, &part, Standing::Trouble(fault));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survey_of(ticked_at: i64) -> Survey {
        Survey {
            source: "catalog".to_owned(),
            ticked_at: Some(ticked_at),
            heard_ago: Some(0),
            parked: 0,
            left_out: 0,
            filling: Vec::new(),
        }
    }

    const PROMISED: Duration = Duration::from_secs(3);

    fn judged(known: &mut Known, seen: Option<&(Survey, Option<i64>)>, up: Duration) -> Current {
        let begun = Instant::now();
        known.judge(seen, (begun, begun + up), PROMISED)
    }

    #[test]
    fn a_consumer_that_consumes_old_things_is_not_current() {
        let mut known = Known::default();
        let up = Duration::from_mins(1);
        let fresh = judged(
            &mut known,
            Some(&(survey_of(1_000_000), Some(1_500_000))),
            up,
        );
        assert!(!fresh.not_consuming && !fresh.stale, "{fresh:?}");
        // A heartbeat came, so it consumes; by the source's clock it is twenty seconds old.
        let behind = judged(
            &mut known,
            Some(&(survey_of(2_000_000), Some(22_000_000))),
            up,
        );
        assert!(!behind.not_consuming && behind.stale, "{behind:?}");
        // The consumer's clock does not come into it.
        let skewed = Survey {
            heard_ago: Some(-3_600_000_000),
            ..survey_of(22_000_000)
        };
        let skewed = judged(&mut known, Some(&(skewed, Some(22_500_000))), up);
        assert!(!skewed.not_consuming && !skewed.stale, "{skewed:?}");
    }

    #[test]
    fn nothing_seen_is_both() {
        let mut known = Known::default();
        let young = judged(&mut known, None, Duration::from_secs(1));
        assert!(!young.not_consuming && !young.stale, "{young:?}");
        let old = judged(&mut known, None, Duration::from_secs(9));
        assert!(old.not_consuming && old.stale, "{old:?}");
    }

    /// What a look sees, second by second, when something goes wrong at the tenth: (survey and the
    /// source's clock), where `at` is that second.
    struct Trouble {
        name: &'static str,
        sees: fn(at: i64) -> Option<(Survey, Option<i64>)>,
        consumes: bool,
    }

    const TROUBLES: [Trouble; 7] = [
        Trouble {
            // A frozen or killed consumer, a broker that is down, a partition that hangs, a last
            // event that is lost and cannot be fetched, a store that takes no writes: no heartbeat
            // is caught up with any more.
            name: "nothing is caught up with",
            sees: |at| {
                Some((
                    survey_of(at.min(10) * 1_000_000),
                    Some(at * 1_000_000 + 400_000),
                ))
            },
            consumes: false,
        },
        Trouble {
            // A relay that writes nothing, a paused sidecar that does not answer either.
            name: "the source is silent, and cannot be asked",
            sees: |at| {
                Some((
                    survey_of(at.min(10) * 1_000_000),
                    (at < 10).then_some(at * 1_000_000),
                ))
            },
            consumes: false,
        },
        Trouble {
            name: "the consumer's store cannot be asked",
            sees: |at| (at < 10).then(|| (survey_of(at * 1_000_000), Some(at * 1_000_000))),
            consumes: false,
        },
        Trouble {
            name: "heartbeats come, each older than the last",
            sees: |at| {
                let ticked = at.min(10) * 1_000_000 + (at - 10).max(0) * 100_000;
                Some((survey_of(ticked), Some(at * 1_000_000)))
            },
            consumes: true,
        },
        Trouble {
            name: "a key is stuck",
            sees: |at| {
                let mut survey = survey_of(at * 1_000_000);
                survey.parked = usize::from(at >= 10);
                Some((survey, Some(at * 1_000_000)))
            },
            consumes: true,
        },
        Trouble {
            name: "an event was left out",
            sees: |at| {
                let mut survey = survey_of(at * 1_000_000);
                survey.left_out = usize::from(at >= 10);
                Some((survey, Some(at * 1_000_000)))
            },
            consumes: true,
        },
        Trouble {
            name: "a copy is filled anew",
            sees: |at| {
                let mut survey = survey_of(at * 1_000_000);
                survey.filling = Vec::from_iter((at >= 10).then(|| "book_cache".to_owned()));
                Some((survey, Some(at * 1_000_000)))
            },
            consumes: true,
        },
    ];

    #[test]
    fn each_fault_is_told_within_the_promise_and_two_seconds() {
        for fault in TROUBLES {
            let (mut known, begun) = (Known::default(), Instant::now());
            let (mut stale, mut deaf) = (None, None);
            for at in 0..60_u8 {
                let seen = (fault.sees)(i64::from(at));
                let now = begun + Duration::from_secs(at.into());
                let current = known.judge(seen.as_ref(), (begun, now), PROMISED);
                assert!(
                    at >= 10 || !current.stale && !current.not_consuming,
                    "{}",
                    fault.name
                );
                stale = stale.or(current.stale.then_some(at));
                deaf = deaf.or(current.not_consuming.then_some(at));
            }
            let limit = 10 + u8::try_from(PROMISED.as_secs()).unwrap_or(u8::MAX) + 2;
            assert!(
                stale.is_some_and(|at| at <= limit),
                "{}: {stale:?}",
                fault.name
            );
            assert_eq!(deaf.is_none(), fault.consumes, "{}: {deaf:?}", fault.name);
            assert!(
                deaf.is_none_or(|at| at <= limit),
                "{}: {deaf:?}",
                fault.name
            );
        }
    }

    #[test]
    fn an_idle_source_raises_nothing_in_ten_minutes() {
        let (mut known, begun) = (Known::default(), Instant::now());
        for at in 0..600_u32 {
            // Heartbeats each second, seen up to a second later, by a clock that is an hour off and
            // cannot be asked each time.
            let ticked = 3_600_000_000 + i64::from(at / 2 * 2) * 1_000_000;
            let clock = 3_600_000_000 + i64::from(at) * 1_000_000 + 900_000;
            let seen = (survey_of(ticked), (at % 7 != 0).then_some(clock));
            let now = begun + Duration::from_secs(at.into());
            let current = known.judge(Some(&seen), (begun, now), PROMISED);
            assert!(
                !current.stale && !current.not_consuming,
                "{at}: {current:?}"
            );
        }
    }

    #[test]
    fn figures_are_what_prometheus_reads() {
        let vitals = Vitals::default();
        let mut known = Known::default();
        let seen = Some((survey_of(0), Some(1_500_000)));
        let current = judged(&mut known, seen.as_ref(), Duration::ZERO);
        vitals.see("orders", "catalog", current);
        let text = vitals.figures();
        assert!(
            text.contains("freehold_not_current{service=\"orders\",source=\"catalog\"} 0\n"),
            "{text}"
        );
        assert!(
            text.contains("# TYPE freehold_age_seconds gauge\n"),
            "{text}"
        );
        assert!(vitals.unwell(false).is_empty());
        let fault = Fault::new("FH3902", "not what they were");
        open(&vitals.parts).insert(
            ("catalog".to_owned(), "relay".to_owned()),
            Standing::Stopped(fault),
        );
        assert_eq!(vitals.unwell(true).len(), 1);
    }
}
