//! `freehold events skip` and `settle`: what is left out of a copy for ever, and what is right again.

use freehold_events::operate;
use freehold_events::{LostRange, Which};
use freehold_lifecycle::Target;
use freehold_model::Fault;

use super::super::Result;
use super::super::text::count;
use super::{Consumer, KeyArgs, consumer, enter, failed, nothing, sources, who};
use crate::Outcome;
use crate::args::Args;
use crate::context::Context;
use crate::output::Output;
use crate::servers::Place;

#[derive(Debug, clap::Args)]
pub(crate) struct LeftArgs {
    /// The service that keeps the copy
    #[arg(value_name = "SERVICE")]
    pub(super) service: String,
    /// The event's key
    #[arg(
        value_name = "KEY",
        required_unless_present = "range",
        conflicts_with = "range"
    )]
    key: Option<String>,
    /// Events of a lane that nobody has any more, as the alarm names them: EVENT/LANE..POSITION
    #[arg(long, value_name = "RANGE")]
    range: Option<LostRange>,
    /// The service that publishes, where the key is parked for several
    #[arg(long, value_name = "SERVICE")]
    source: Option<String>,
}

/// What the arguments name.
pub(super) enum Named {
    Key(KeyArgs),
    Range(LostRange),
}

impl LeftArgs {
    pub(super) fn which(&self) -> Named {
        match &self.range {
            Some(range) => Named::Range(range.clone()),
            None => Named::Key(KeyArgs {
                service: self.service.clone(),
                key: self.key.clone().unwrap_or_default(),
                source: self.source.clone(),
            }),
        }
    }
}

fn refused(range: &LostRange, why: &str) -> Vec<Fault> {
    let what = format!("`{range}` cannot be left out: {why}");
    vec![
        Fault::new("FH3915", what)
            .help("copy the range from FH3906, which `freehold run` says and `/readyz` has"),
    ]
}

/// The store of the service that keeps copies.
fn keeper<'a>(targets: &'a [Target], service: &str) -> Result<&'a Target> {
    let mut targets = targets.iter();
    let found = targets.find(|it| it.want.service == service && !it.want.plane.copies.is_empty());
    found.ok_or_else(|| {
        let what = format!("{service} keeps no copies");
        vec![Fault::new("FH3912", what).help("name the service that has `copies:`")]
    })
}

pub(super) async fn skip_range(
    args: &Args,
    service: &str,
    range: &LostRange,
    output: &Output,
) -> Result<Outcome> {
    let mut context = Context::load(args, Place::Described).await?;
    let targets = context.targets(&[], false)?;
    let target = keeper(&targets, service)?;
    let Consumer { mut ground, copies } =
        consumer(target, &context.system.services[service]).await?;
    let Some(copy) = copies.iter().find(|it| it.topic == range.topic) else {
        let why = format!("{service} has no copy of {}", range.topic);
        return Err(refused(range, &why));
    };
    let source = copy.copy.service.clone();
    // What the source has not said yet is not lost.
    let mut owners = targets.iter();
    let owner = owners.find(|it| it.want.service == source && it.want.plane.publishes);
    if let Some(owner) = owner {
        let mut owner = enter(owner).await?;
        let head = operate::head(&mut owner, &range.topic, range.lane).await;
        let head = head.map_err(failed)?;
        if head < Some(range.upto) {
            let why = match head {
                Some(head) => format!("{source} itself stands at {head} in this lane"),
                None => format!("{source} has said nothing in this lane"),
            };
            return Err(refused(range, &why));
        }
    }
    let done = operate::skip_range(&mut ground, &source, range, &who()).await;
    done.map_err(failed)?.map_err(|why| refused(range, &why))?;
    if !output.json {
        output.line(&format!(
            "Left out. What {service} sees of {source} is called not current until its copies are filled anew, or:"
        ));
        output.line(&format!(
            "  freehold events settle {service} --range {range}"
        ));
    }
    Ok(Outcome::Done)
}

pub(super) async fn settle(args: &Args, left: &LeftArgs, output: &Output) -> Result<Outcome> {
    let mut context = Context::load(args, Place::Described).await?;
    let targets = context.targets(std::slice::from_ref(&left.service), false)?;
    let target = keeper(&targets, &left.service)?;
    let service = &context.system.services[&left.service];
    let Consumer { mut ground, copies } = consumer(target, service).await?;
    let named = left.which();
    let which = match &named {
        Named::Key(key) => Which::Key(&key.key),
        Named::Range(range) => Which::Range(range),
    };
    let mut settled = 0;
    for source in sources(&copies) {
        if left.source.as_ref().is_none_or(|named| *named == source) {
            let done = operate::settle(&mut ground, &source, &which, &who()).await;
            settled += done.map_err(failed)?;
        }
    }
    if settled == 0 {
        return Err(match &named {
            Named::Key(key) => vec![nothing(key)],
            Named::Range(range) => refused(range, "it was not left out"),
        });
    }
    if !output.json {
        let what = count(settled, "thing");
        output.line(&format!(
            "Noted: {what} left out of {} right again.",
            left.service
        ));
    }
    Ok(Outcome::Done)
}
