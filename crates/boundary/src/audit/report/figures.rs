//! The six figures, each with its whole.

use freehold_look::number::{ByteUnit, duration, percent, real, short};
use freehold_look::rounding;

use super::{OnDelete, Report, State};

/// A big figure and what stands around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    pub label: &'static str,
    /// `None`: not known, and no guess stands in for it.
    pub value: Option<String>,
    /// Beside the value: `a day`, `of 23`.
    pub of: String,
    /// Below it.
    pub detail: String,
}

/// Sizes of the contexts and of nobody's tables, in one unit, adding up as shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Sizes {
    pub contexts: Vec<String>,
    pub orphans: String,
    pub total: String,
    pub unit: &'static str,
}

impl Report {
    /// The six figures, in their order.
    #[must_use]
    pub fn figures(&self) -> [Figure; 6] {
        let (crossings, states) = (&self.states.crossings, &self.states);
        [
            at_least(self.calls_figure(), crossings),
            at_least(self.time_figure(), crossings),
            at_least(self.writes_figure(), crossings),
            at_least(self.logins_figure(), &states.logins),
            at_least(self.keys_figure(), &states.ties),
            at_least(self.orphans_figure(), &states.orphans),
        ]
    }

    /// Sizes in one unit.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        let orphans: u64 = self.orphans.iter().map(|own| own.bytes).sum();
        let all: Vec<f64> = self
            .contexts
            .iter()
            .map(|own| own.bytes)
            .chain([orphans])
            .map(real)
            .collect();
        let unit = ByteUnit::of(all.iter().copied().fold(0.0, f64::max));
        let shown = rounding::list(&all.iter().map(|own| unit.steps(*own)).collect::<Vec<_>>());
        let mut texts: Vec<String> = shown.iter().map(|own| unit.show(real(*own))).collect();
        Sizes {
            orphans: texts.pop().unwrap_or_default(),
            contexts: texts,
            total: unit.show(real(shown.iter().sum())),
            unit: unit.name,
        }
    }

    fn counted(&self, label: &'static str, figure: impl FnOnce() -> Figure) -> Figure {
        if self.has_statistics() {
            figure()
        } else {
            Figure {
                label,
                value: None,
                of: String::new(),
                detail: "no statistics".to_owned(),
            }
        }
    }

    fn calls_figure(&self) -> Figure {
        let label = "Crossing calls";
        self.counted(label, || {
            let calls = self.crossing_calls();
            let of = self.load.map_or_else(String::new, |load| {
                format!(
                    ", {} of {}",
                    percent(calls, load.calls_a_day),
                    short(load.calls_a_day)
                )
            });
            Figure {
                label,
                value: Some(short(calls)),
                of: "a day".to_owned(),
                detail: format!(
                    "{}{of}",
                    freehold_look::number::count(self.crossings.len(), "statement", "statements")
                ),
            }
        })
    }

    fn time_figure(&self) -> Figure {
        let label = "Database time";
        self.counted(label, || {
            let seconds = self.crossing_seconds();
            let (value, unit) = duration(seconds);
            let detail = self.load.map_or_else(String::new, |load| {
                let (whole, unit) = duration(load.seconds_a_day);
                format!("{} of {whole} {unit}", percent(seconds, load.seconds_a_day))
            });
            Figure {
                label,
                value: Some(format!("{value} {unit}")),
                of: "a day".to_owned(),
                detail,
            }
        })
    }

    fn writes_figure(&self) -> Figure {
        let label = "Writes into others";
        self.counted(label, || {
            let writes: Vec<f64> = self
                .crossings
                .iter()
                .filter(|own| own.writes)
                .map(|own| own.calls_a_day)
                .collect();
            let scale = self.scale();
            let calls = freehold_look::number::whole(scale.steps(writes.iter().sum()));
            Figure {
                label,
                value: Some(writes.len().to_string()),
                of: format!("of {}", self.crossings.len()),
                detail: format!("{} calls a day", scale.show(calls)),
            }
        })
    }

    fn logins_figure(&self) -> Figure {
        let reading = self.reaching().count();
        let writing = self
            .reaching()
            .filter(|own| own.writes >= self.subject.tables)
            .count();
        Figure {
            label: "Logins that read all",
            value: Some(reading.to_string()),
            of: format!("of {}", self.logins.len()),
            detail: match (reading, writing) {
                (0, _) => "none of them".to_owned(),
                (_, 0) => "none of them writes all".to_owned(),
                (_, 1) => "1 of them writes all".to_owned(),
                (_, n) => format!("{n} of them write all"),
            },
        }
    }

    fn keys_figure(&self) -> Figure {
        let cascading = self
            .keys
            .iter()
            .filter(|own| own.on_delete == OnDelete::Cascade)
            .count();
        Figure {
            label: "Keys across",
            value: Some(self.keys.len().to_string()),
            of: String::new(),
            detail: match cascading {
                0 => "none deletes across".to_owned(),
                1 => "1 deletes on the other side".to_owned(),
                n => format!("{n} delete on the other side"),
            },
        }
    }

    fn orphans_figure(&self) -> Figure {
        let sizes = self.sizes();
        Figure {
            label: "Tables nobody owns",
            value: Some(self.orphans.len().to_string()),
            of: format!("of {}", self.subject.tables),
            detail: format!("{} of {} {}", sizes.orphans, sizes.total, sizes.unit),
        }
    }
}

/// What was not seen to the end is said to be the least.
fn at_least(mut figure: Figure, state: &State) -> Figure {
    if figure.value.is_some() && !state.is_whole() {
        figure.of = match figure.of.as_str() {
            "" => "at least".to_owned(),
            of => format!("{of}, at least"),
        };
    }
    figure
}
