//! `freehold eject`: shows what leaving would do; with `--yes` writes down what is known, and leaves.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use freehold_lifecycle::{Ejected, Knowledge, eject, plan_ejection};
use freehold_model::Fault;

use super::Result;
use super::text::{count, step_lines};
use crate::Outcome;
use crate::args::{Args, EjectArgs};
use crate::context::Context;
use crate::output::{Output, Tone};
use crate::servers::Place;

/// Where the files go, below the system's folder.
const FOLDER: &str = "freehold-eject";

pub(crate) async fn run(args: &Args, eject_args: &EjectArgs, output: &Output) -> Result<Outcome> {
    let mut context = Context::load(args, Place::Described).await?;
    let targets = context.targets(&eject_args.services, false)?;
    let folder = match &eject_args.into {
        Some(folder) => folder.clone(),
        None => context.root.join(FOLDER),
    };
    let ejected = if eject_args.yes {
        eject(&targets, &|knowledge| keep(&folder, knowledge)).await?
    } else {
        plan_ejection(&targets).await?
    };
    let files: Vec<_> = ejected
        .iter()
        .map(|store| file(&folder, &store.store).display().to_string())
        .collect();
    if output.json {
        output.value(&serde_json::json!({
            "system": context.system.name, "stores": ejected, "files": files, "done": eject_args.yes,
        }));
        return Ok(Outcome::Done);
    }
    for (store, file) in ejected.iter().zip(&files) {
        show(store, file, eject_args.yes, output);
    }
    if eject_args.yes {
        output.line(&format!(
            "{} left. They work on without freehold; nothing of the data was touched.",
            count(ejected.len(), "store")
        ));
        output.line("To come back: freehold adopt SERVICE --from freehold");
    } else {
        output.line("Nothing was changed. To do it: freehold eject --yes");
    }
    Ok(Outcome::Done)
}

fn show(store: &Ejected, file: &str, done: bool, output: &Output) {
    output.line(&output.paint(Tone::Strong, &store.store));
    for line in step_lines(output, &store.steps) {
        output.line(&line);
    }
    let written = match (&store.knowledge, done) {
        (Some(_), true) => format!("{file}: what was applied, to come back with"),
        (Some(_), false) => format!("{file}: what was applied, before anything is removed"),
        (None, _) => format!("{file}: written by the run that was cut off"),
    };
    let lines = [
        ("written", vec![written]),
        ("remains", store.remains.clone()),
    ];
    let by_hand = ("by hand", store.by_hand.clone());
    for (word, texts) in lines.into_iter().chain([by_hand]) {
        for text in texts {
            let word = output.paint(Tone::Dim, &format!("{word:8}"));
            output.line(&format!("  {word}  {text}"));
        }
    }
    output.line("");
}

/// `freehold-eject/orders.json`
pub(crate) fn file(folder: &Path, store: &str) -> PathBuf {
    folder.join(format!("{store}.json"))
}

/// The file of a store that is to come back.
pub(crate) fn read(root: &Path, named: Option<&Path>, store: &str) -> Result<Knowledge> {
    let path = named.map_or_else(|| file(&root.join(FOLDER), store), |named| root.join(named));
    let shown = path.display().to_string();
    let text = fs::read_to_string(&path).map_err(|error| {
        vec![
            Fault::new("FH3407", format!("{shown} cannot be read: {error}"))
                .help("it is written by `freehold eject --yes`; name it: freehold adopt SERVICE --from freehold --files FILE"),
        ]
    })?;
    Knowledge::parse(&text, &shown)
}

/// Written beside and put in place, so that no half of it is ever taken for the whole.
fn keep(folder: &Path, knowledge: &Knowledge) -> Result<()> {
    let path = file(folder, &knowledge.store);
    let beside = path.with_extension("json.new");
    let text = serde_json::to_string_pretty(knowledge).unwrap_or_default() + "\n";
    let write = || -> io::Result<()> {
        fs::create_dir_all(folder)?;
        fs::write(&beside, text)?;
        fs::File::open(&beside)?.sync_all()?;
        fs::rename(&beside, &path)
    };
    write().map_err(|error| {
        vec![
            Fault::new(
                "FH1316",
                format!("{} cannot be written ({error})", path.display()),
            )
            .help(
                "nothing of the store was changed; name another folder: freehold eject --into DIR",
            ),
        ]
    })
}
