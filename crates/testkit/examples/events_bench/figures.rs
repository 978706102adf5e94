//! Rows, quantiles, and what a sync of this disk costs.

use std::fs::File;
use std::io::Write as _;
use std::time::{Duration, Instant};

use crate::Failure;

/// The disk's sync.
#[derive(Clone, Copy)]
pub(crate) struct Sync {
    /// The median.
    pub(crate) p50: Duration,
}

impl Sync {
    pub(crate) fn measured() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("freehold-sync-{}", std::process::id()));
        let mut file = File::create(&path)?;
        let mut times = Vec::new();
        for _ in 0..200 {
            file.write_all(&[7; 4_096])?;
            let begun = Instant::now();
            file.sync_data()?;
            times.push(begun.elapsed());
        }
        std::fs::remove_file(&path)?;
        times.sort();
        Ok(Self {
            p50: times[times.len() / 2],
        })
    }
}

/// Processor time of this process so far, and the most memory that it has held, in MiB. On a machine
/// that others use, too, this is what can be compared.
pub(crate) fn spent() -> (Duration, u64) {
    let text =
        |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    let stat = text("stat");
    // Behind the program's name, which may hold anything.
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks: u64 = fields
        .skip(11)
        .take(2)
        .filter_map(|it| it.parse::<u64>().ok())
        .sum();
    let status = text("status");
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = most.and_then(|it| it.split_whitespace().next()?.parse::<u64>().ok());
    (Duration::from_millis(ticks * 10), kib.unwrap_or(0) / 1_024)
}

/// One case as it is printed.
pub(crate) struct Row<'a> {
    pub(crate) case: String,
    pub(crate) events: u64,
    pub(crate) took: Duration,
    /// Sorted by [`Row::print`].
    pub(crate) times: &'a mut Vec<Duration>,
    pub(crate) limit: Option<f64>,
    /// Processor time of this process for it: relay or applier, and the embedded broker.
    pub(crate) cpu: Option<Duration>,
    pub(crate) sync: Sync,
}

impl Row<'_> {
    #[expect(clippy::print_stdout, reason = "rows are what this program is for")]
    #[expect(
        clippy::cast_precision_loss,
        reason = "figures of a bench are far below 2^52"
    )]
    pub(crate) fn print(self) {
        self.times.sort();
        let quantile = |part: f64| {
            let last = self.times.len().checked_sub(1)?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a place in a list"
            )]
            let at = (last as f64 * part) as usize;
            Some(rounded(self.times[at].as_secs_f64() * 1e3, 3))
        };
        let row = serde_json::json!({
            "case": self.case,
            "events_per_s": rounded(self.events as f64 / self.took.as_secs_f64(), 0),
            "p50_ms": quantile(0.5),
            "p99_ms": quantile(0.99),
            "limit": self.limit.map(|limit| rounded(limit, 0)),
            "cpu_us": self.cpu.map(|cpu| rounded(cpu.as_secs_f64() * 1e6 / self.events as f64, 2)),
            "peak_mib": spent().1,
            "fdatasync_us": u64::try_from(self.sync.p50.as_micros()).unwrap_or(u64::MAX),
        });
        println!("{row}");
    }
}

fn rounded(number: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (number * scale).round() / scale
}
