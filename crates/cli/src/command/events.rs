//! `freehold events`: how current copies are, and what to do about events that stand still.

mod left;

use clap::Subcommand;
use freehold_events::operate::{Dead, Tried, dead, edit, left_out, retry, skip};
use freehold_events::{Ground, LeftOut, Subscribed, Survey, clock, survey};
use freehold_lifecycle::Target;
use freehold_model::{Fault, Service};

use super::Result;
use super::text::count;
use crate::Outcome;
use crate::args::Args;
use crate::context::Context;
use crate::output::{Output, Tone, columns};
use crate::servers::Place;
use crate::sidecar::subscribed;

#[derive(Debug, Subcommand)]
pub(crate) enum EventsCommand {
    /// Show how old what each service sees of the others is, and why
    List {
        /// Services (all by default)
        services: Vec<String>,
    },
    /// Show parked events: those that could not be applied, and those that wait behind them
    Dead {
        /// Services (all by default)
        services: Vec<String>,
    },
    /// Try the parked events of a key again, in order
    Retry(KeyArgs),
    /// Leave the first parked event of a key out, for ever, and try the others; or a lost range
    Skip(left::LeftArgs),
    /// Say that a copy is right again in what was left out of it
    Settle(left::LeftArgs),
    /// Give the first parked event of a key another payload; `retry` then tries it
    Edit {
        #[command(flatten)]
        key: KeyArgs,
        /// The new payload, as JSON
        #[arg(long, value_name = "JSON")]
        payload: String,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct KeyArgs {
    /// The service that keeps the copy
    #[arg(value_name = "SERVICE")]
    service: String,
    /// The event's key
    #[arg(value_name = "KEY")]
    key: String,
    /// The service that publishes, where the key is parked for several
    #[arg(long, value_name = "SERVICE")]
    source: Option<String>,
}

pub(crate) async fn run(args: &Args, command: &EventsCommand, output: &Output) -> Result<Outcome> {
    match command {
        EventsCommand::List { services } => list(args, services, output).await,
        EventsCommand::Dead { services } => show_dead(args, services, output).await,
        EventsCommand::Retry(key) => act(args, key, &Action::Retry, output).await,
        EventsCommand::Skip(left) => match left.which() {
            left::Named::Key(key) => act(args, &key, &Action::Skip, output).await,
            left::Named::Range(range) => {
                left::skip_range(args, &left.service, &range, output).await
            }
        },
        EventsCommand::Settle(left) => left::settle(args, left, output).await,
        EventsCommand::Edit { key, payload } => {
            let json: std::result::Result<serde_json::Value, _> = serde_json::from_str(payload);
            json.map_err(|error| {
                vec![
                    Fault::new("FH3914", format!("`--payload` is no JSON: {error}"))
                        .help("quote it for the shell: --payload '{\"bookId\": 5}'"),
                ]
            })?;
            act(args, key, &Action::Edit(payload), output).await
        }
    }
}

enum Action<'a> {
    Retry,
    Skip,
    Edit(&'a str),
}

/// A consumer's store, as its owner.
struct Consumer {
    ground: Ground,
    copies: Vec<Subscribed>,
}

/// The store as its owner: the sidecar's password is known to the sidecar alone.
pub(super) async fn enter(target: &Target) -> Result<Ground> {
    let fault = |error: freehold_engine::Error| vec![error.fault()];
    let want = target.want.clone();
    let at = target.engine.at_store(&target.admin, &want.spot);
    let mut connection = target.engine.connect(&at).await.map_err(fault)?;
    connection.assume_owner(&want).await.map_err(fault)?;
    let sql = target.engine.events(&want).unwrap_or_default();
    Ok(Ground {
        connection,
        want,
        sql,
    })
}

async fn consumer(target: &Target, service: &Service) -> Result<Consumer> {
    Ok(Consumer {
        ground: enter(target).await?,
        copies: subscribed(service)?,
    })
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
pub(super) fn failed(error: freehold_events::Error) -> Vec<Fault> {
    vec![error.fault()]
}

/// How current one service's copies are.
pub(super) struct Currency {
    pub(super) service: String,
    pub(super) survey: Survey,
    /// The source's clock.
    clock: Option<i64>,
    /// How old it may be.
    promised: std::time::Duration,
}

impl Currency {
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "service": self.service,
            "source": self.survey.source,
            "age_seconds": self.survey.age(self.clock).map(seconds),
            "parked_keys": self.survey.parked,
            "left_out": self.survey.left_out,
            "filling": self.survey.filling,
            "not_current": self.why(),
        })
    }

    pub(super) fn why(&self) -> Option<String> {
        let limit = i64::try_from(self.promised.as_micros()).unwrap_or(i64::MAX);
        self.survey.not_current(self.clock, limit)
    }

    fn age(&self) -> String {
        match self.survey.age(self.clock) {
            Some(age) => format!("{:.1} s", seconds(age)),
            None => "–".to_owned(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

/// Asks every store that keeps copies, and its sources for their clocks. Sends no change.
pub(super) async fn currency(context: &Context, targets: &[Target]) -> Result<Vec<Currency>> {
    let mut all = Vec::new();
    for target in targets {
        if target.want.plane.copies.is_empty() || target.planner {
            continue;
        }
        let service = &context.system.services[&target.want.service];
        let Consumer { mut ground, copies } = consumer(target, service).await?;
        for survey in survey(&mut ground, &copies).await.map_err(failed)? {
            let mut sources = targets.iter();
            let source =
                sources.find(|it| it.want.service == survey.source && it.want.plane.publishes);
            let clock = match source {
                Some(source) => clock(&mut enter(source).await?).await.ok(),
                None => None,
            };
            all.push(Currency {
                service: service.name.clone(),
                promised: crate::vitals::promised(&copies, &survey.source),
                survey,
                clock,
            });
        }
    }
    Ok(all)
}

/// The table of how current copies are.
pub(super) fn render(all: &[Currency], output: &Output) {
    let head = ["service", "sees", "age", "parked", "state"]
        .map(str::to_owned)
        .to_vec();
    let row = |it: &Currency| {
        vec![
            it.service.clone(),
            it.survey.source.clone(),
            it.age(),
            it.survey.parked.to_string(),
            it.why().unwrap_or_else(|| "current".to_owned()),
        ]
    };
    let rows: Vec<_> = std::iter::once(head).chain(all.iter().map(row)).collect();
    let lines = columns(output, &rows, |row, column| match (row, column) {
        (0, _) => Tone::Dim,
        (_, 0) => Tone::Strong,
        (row, 4) if all[row - 1].why().is_some() => Tone::Warn,
        _ => Tone::Plain,
    });
    for line in lines {
        output.line(&line);
    }
}

async fn list(args: &Args, services: &[String], output: &Output) -> Result<Outcome> {
    let mut context = Context::load(args, Place::Described).await?;
    let targets = context.targets(&[], false)?;
    let mut all = currency(&context, &targets).await?;
    all.retain(|it| services.is_empty() || services.contains(&it.service));
    if output.json {
        let rows: Vec<_> = all.iter().map(Currency::json).collect();
        output.value(&rows);
    } else {
        render(&all, output);
    }
    Ok(Outcome::Done)
}

async fn show_dead(args: &Args, services: &[String], output: &Output) -> Result<Outcome> {
    let mut context = Context::load(args, Place::Described).await?;
    let targets = context.targets(services, false)?;
    let (mut all, mut left) = (Vec::new(), Vec::new());
    for target in targets.iter().filter(|it| !it.want.plane.copies.is_empty()) {
        let service = &context.system.services[&target.want.service];
        let Consumer { mut ground, copies } = consumer(target, service).await?;
        for source in sources(&copies) {
            for event in dead(&mut ground, &source, None).await.map_err(failed)? {
                all.push((service.name.clone(), event));
            }
            for out in left_out(&mut ground, &source).await.map_err(failed)? {
                left.push((service.name.clone(), source.clone(), out));
            }
        }
    }
    if output.json {
        let row = |(service, event): &(String, Dead)| serde_json::json!({ "service": service, "event": event });
        let out = |(service, source, out): &(String, String, LeftOut)| serde_json::json!({ "service": service, "source": source, "left_out": out });
        let rows = all.iter().map(row).chain(left.iter().map(out));
        output.value(&rows.collect::<Vec<_>>());
        return Ok(Outcome::Done);
    }
    for (
        service,
        source,
        LeftOut {
            topic, key, cause, ..
        },
    ) in &left
    {
        let what = if key.is_empty() {
            "a range".to_owned()
        } else {
            format!("key {key}")
        };
        output.line(&format!("{service} ← {source}  {topic}  {what}  {cause}"));
    }
    for (service, event) in &all {
        let Dead {
            source,
            topic,
            key,
            cause,
            tries,
            ..
        } = event;
        let key = output.paint(Tone::Strong, key);
        output.line(&format!(
            "{service} ← {source}  {topic}  key {key}  tried {tries}"
        ));
        output.line(&format!("    {cause}"));
    }
    if all.is_empty() && left.is_empty() {
        output.line("Nothing is parked.");
    } else if all.is_empty() {
        output.line("");
        output.line("Nothing is parked. What was left out: freehold events settle SERVICE KEY, where the copy is right");
    } else {
        output.line("");
        output.line("Next: freehold events retry SERVICE KEY, or skip, or edit");
    }
    Ok(Outcome::Done)
}

pub(super) fn sources(copies: &[Subscribed]) -> std::collections::BTreeSet<String> {
    copies.iter().map(|it| it.copy.service.clone()).collect()
}

/// Who does it, as far as the shell says.
fn who() -> String {
    std::env::var("USER")
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "an operator".to_owned())
}

async fn act(args: &Args, at: &KeyArgs, action: &Action<'_>, output: &Output) -> Result<Outcome> {
    let mut context = Context::load(args, Place::Described).await?;
    let targets = context.targets(std::slice::from_ref(&at.service), false)?;
    let keeps = |it: &&Target| !it.want.plane.copies.is_empty();
    let Some(target) = targets.iter().find(keeps) else {
        return Err(vec![nothing(at)]);
    };
    let service = &context.system.services[&target.want.service];
    let Consumer { mut ground, copies } = consumer(target, service).await?;
    let source = source_of(&mut ground, &copies, at).await?;
    let (place, who) = ((source.as_str(), at.key.as_str()), who());
    let tried = match action {
        Action::Retry => Some(retry(&mut ground, &copies, place, &who).await),
        Action::Skip => skip(&mut ground, &copies, place, &who).await.transpose(),
        Action::Edit(payload) => {
            let edited = edit(&mut ground, place, payload, &who).await;
            return match edited.map_err(failed)? {
                Some(_) => {
                    output.line(&format!(
                        "Edited. Next: freehold events retry {} {}",
                        at.service, at.key
                    ));
                    Ok(Outcome::Done)
                }
                None => Err(vec![nothing(at)]),
            };
        }
    };
    match tried {
        None => Err(vec![nothing(at)]),
        Some(tried) => said(&tried.map_err(failed)?, at, output),
    }
}

fn said(tried: &Tried, at: &KeyArgs, output: &Output) -> Result<Outcome> {
    if let Some(why) = &tried.refused {
        let left = count(tried.left, "event");
        return Err(vec![
            Fault::new(
                "FH3913",
                format!("{} of key {} still parked: {why}", left, at.key),
            )
            .help("mend what refuses it, or `freehold events edit`, or `freehold events skip`"),
        ]);
    }
    if output.json {
        output.value(tried);
    } else {
        let applied = count(tried.applied, "event");
        output.line(&format!(
            "{applied} applied, nothing of key {} is parked.",
            at.key
        ));
    }
    Ok(Outcome::Done)
}

/// The one source of which this key is parked.
async fn source_of(ground: &mut Ground, copies: &[Subscribed], at: &KeyArgs) -> Result<String> {
    let mut found = Vec::new();
    for source in sources(copies) {
        if at.source.as_ref().is_some_and(|named| *named != source) {
            continue;
        }
        let parked = dead(ground, &source, Some(&at.key)).await.map_err(failed)?;
        if !parked.is_empty() {
            found.push(source);
        }
    }
    match &found[..] {
        [one] => Ok(one.clone()),
        [] => Err(vec![nothing(at)]),
        several => Err(vec![
            Fault::new(
                "FH3912",
                format!("key {} is parked for {}", at.key, several.join(" and ")),
            )
            .help("say which by `--source`"),
        ]),
    }
}

fn nothing(at: &KeyArgs) -> Fault {
    Fault::new(
        "FH3912",
        format!("{} has nothing parked of key `{}`", at.service, at.key),
    )
    .help("`freehold events dead` shows what is parked")
}
