//! Orders at a steady rate: those that come while others are under way are not held back, so that a
//! slow shop shows as latency and not as a lower rate.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;

use super::customer::Customer;
use crate::log::line;

/// More at once are not begun: they are counted as missed.
const AT_ONCE: usize = 512;
const TELL_EVERY: Duration = Duration::from_secs(5);

/// What is asked for on the command line.
struct Wish {
    rate: f64,
    seconds: Option<u64>,
    json: bool,
}

#[derive(Default)]
struct Tally {
    placed: u64,
    refused: u64,
    unavailable: u64,
    silent: u64,
    missed: u64,
    latencies_us: Vec<u64>,
}

/// Until it is stopped, or its time is over.
pub(crate) async fn load(arguments: &[String]) -> bool {
    let wish = Wish::read(arguments);
    let tally = Arc::new(Mutex::new(Tally::default()));
    let begun = Instant::now();
    tokio::select! {
        () = send(&wish, &tally, begun) => {}
        () = crate::stopped() => {}
    }
    // Those under way are waited for.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    let seconds = begun.elapsed().as_secs_f64();
    tally.tell(seconds, wish.json);
    tally.placed > 0
}

async fn send(wish: &Wish, tally: &Arc<Mutex<Tally>>, begun: Instant) {
    let customer = Customer::new();
    let every = Duration::from_secs_f64(1.0 / wish.rate.clamp(0.001, 100_000.0));
    let mut tick = tokio::time::interval(every);
    let mut told = Instant::now();
    let under_way = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
    let mut number = u64::from(std::process::id());
    while wish
        .seconds
        .is_none_or(|limit| begun.elapsed() < Duration::from_secs(limit))
    {
        tick.tick().await;
        number = number
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let Ok(permit) = Arc::clone(&under_way).try_acquire_owned() else {
            tally.lock().unwrap_or_else(PoisonError::into_inner).missed += 1;
            continue;
        };
        let (customer, tally_of) = (customer.clone(), Arc::clone(tally));
        tokio::spawn(async move {
            one(&customer, number, &tally_of).await;
            drop(permit);
        });
        if told.elapsed() > TELL_EVERY && !wish.json {
            told = Instant::now();
            let tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            line(&tally.short(begun.elapsed().as_secs_f64()));
        }
    }
}

async fn one(customer: &Customer, number: u64, tally: &Mutex<Tally>) {
    let pick = |shift: u32, of: u64| (number >> shift) % of + 1;
    let items: Vec<_> = (0..pick(60, 3))
        .map(|at| json!({ "bookId": pick(20 + 4 * u32::try_from(at).unwrap_or(0), 900), "quantity": pick(40, 2) }))
        .collect();
    let body = json!({ "customerId": pick(10, 40), "items": items });
    let begun = Instant::now();
    let answer = customer.post("orders", "/orders", &body).await;
    let took = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    match answer.map(|(status, _)| status) {
        Some(201) => {
            tally.placed += 1;
            tally.latencies_us.push(took);
        }
        Some(503) => tally.unavailable += 1,
        // Some of the customers are inactive.
        Some(_) => tally.refused += 1,
        None => tally.silent += 1,
    }
}

impl Wish {
    fn read(arguments: &[String]) -> Self {
        let value = |name: &str| {
            let at = arguments.iter().position(|it| it == name)?;
            arguments.get(at + 1)
        };
        Self {
            rate: value("--rate")
                .and_then(|it| it.parse().ok())
                .unwrap_or(18.3),
            seconds: value("--seconds").and_then(|it| it.parse().ok()),
            json: arguments.iter().any(|it| it == "--json"),
        }
    }
}

impl Tally {
    /// In milliseconds.
    fn percentile(&self, of: usize) -> u64 {
        let mut sorted = self.latencies_us.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * of / 100).min(sorted.len().saturating_sub(1));
        sorted.get(at).map_or(0, |us| us / 1000)
    }

    fn short(&self, seconds: f64) -> String {
        format!(
            "{:.1} orders/s, p50 {} ms, p99 {} ms; {} refused, {} unavailable, {} without an answer, {} not begun",
            ratio(self.placed, seconds),
            self.percentile(50),
            self.percentile(99),
            self.refused,
            self.unavailable,
            self.silent,
            self.missed
        )
    }

    fn tell(&self, seconds: f64, as_json: bool) {
        if as_json {
            let told = json!({
                "seconds": seconds, "placed": self.placed, "placed_per_s": ratio(self.placed, seconds),
                "p50_ms": self.percentile(50), "p99_ms": self.percentile(99), "refused": self.refused,
                "unavailable": self.unavailable, "silent": self.silent, "not_begun": self.missed,
            });
            line(&told.to_string());
        } else {
            line(&format!(
                "{} orders in {seconds:.0} s: {}",
                self.placed,
                self.short(seconds)
            ));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn ratio(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds.max(0.001)
}
