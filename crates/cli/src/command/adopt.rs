//! `freehold adopt`

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use freehold_lifecycle::{AdoptPlan, AdoptedFile, Origin, Tool, adopt, plan_adoption, plan_return};
use freehold_model::{Fault, Migrations, Service, Store, nearest};

use super::text::{advice_in_brief, count, step_lines};
use super::{Result, asked, eject};
use crate::Outcome;
use crate::args::{AdoptArgs, Args};
use crate::context::Context;
use crate::output::{Output, Tone, columns};
use crate::servers::Place;

/// A changelog or a program's folder has no more files than this; beyond it a wrong folder was named.
const FILES: usize = 20_000;

/// As what a store comes back that was ejected.
const FREEHOLD: &str = "freehold";

pub(crate) async fn run(args: &Args, adopt_args: &AdoptArgs, output: &Output) -> Result<Outcome> {
    let from = adopt_args.from.as_deref();
    let returns = from == Some(FREEHOLD);
    let tool = from.filter(|_| !returns).map(tool).transpose()?;
    let mut context = Context::load(args, Place::Described).await?;
    let (service, store) = context.store_named(&adopt_args.store)?;
    let target = context.adoptable(&service, &store, tool.is_some())?;
    let folder = folder(&context.root, &service, &store);
    let origin = match tool {
        Some(tool) => Some(origin(
            &context.root,
            &service,
            tool,
            adopt_args.files.as_deref(),
            folder.as_deref(),
        )?),
        None => None,
    };
    let plan = if returns {
        let known = eject::read(&context.root, adopt_args.files.as_deref(), &target.label())?;
        plan_return(&target, &known).await?
    } else {
        plan_adoption(&target, origin).await?
    };
    if !output.json {
        show(&plan, folder.as_deref(), output);
    }
    asked(
        output,
        adopt_args.yes,
        &format!("Take over {} as {}?", plan.name, plan.store),
    )?;
    let written = match &folder {
        Some(folder) => write(&context.root, folder, &plan.files)?,
        None => Vec::new(),
    };
    let adopted = adopt(&target, &plan).await?;
    if output.json {
        output.value(&serde_json::json!({ "system": context.system.name, "plan": plan, "store": adopted, "written": written }));
        return Ok(Outcome::Done);
    }
    for file in &written {
        output.line(&format!(
            "  {}  {file}",
            output.paint(Tone::Good, "written")
        ));
    }
    output.line(&format!(
        "{} {}  taken over: {}, {} recorded as applied.  Next: freehold plan {}",
        output.paint(Tone::Good, "✓"),
        output.paint(Tone::Strong, &adopted.store),
        count(adopted.steps.len(), "step"),
        count(adopted.migrations.len(), "migration"),
        service.name,
    ));
    Ok(Outcome::Done)
}

fn tool(name: &str) -> Result<Tool> {
    Tool::from_name(name).ok_or_else(|| {
        let names: Vec<_> = Tool::ALL.iter().map(|tool| tool.name()).collect();
        let fault = Fault::new(
            "FH1315",
            format!("`{name}` is no tool whose history freehold reads"),
        );
        vec![match nearest(name, names.iter().copied()) {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None => fault.help(format!(
                "there are: {}; any other: leave `--from` out",
                names.join(", ")
            )),
        }]
    })
}

/// Where the store's migrations are written, relative to the system's root; `None`: another tool
/// has its own.
fn folder(root: &Path, service: &Service, store: &Store) -> Option<PathBuf> {
    let Some(Migrations::Folder(folder)) = service.migrations_of(store) else {
        return None;
    };
    let of_engines =
        |kind: &freehold_model::EngineKind| root.join(folder).join(kind.name()).is_dir();
    let kinds = freehold_model::EngineKind::ALL;
    if !kinds.iter().any(of_engines) {
        return Some(folder.clone());
    }
    let kind = store.engines.first().copied();
    kind.map(|kind| folder.join(kind.name()))
        .or_else(|| Some(folder.clone()))
}

/// The tool's files, from the folder named or from where they usually are.
fn origin(
    root: &Path,
    service: &Service,
    tool: Tool,
    named: Option<&Path>,
    own: Option<&Path>,
) -> Result<Origin> {
    let dir = root.join(&service.dir);
    let place = match named {
        Some(named) if named.is_absolute() => Some(named.to_owned()),
        Some(named) => Some(dir.join(named)),
        None => tool
            .folders()
            .iter()
            .map(|folder| dir.join(folder))
            .find(|folder| folder.is_dir()),
    };
    let Some(place) = place else {
        return Ok(Origin {
            tool,
            files: Vec::new(),
        });
    };
    let mut files = Vec::new();
    read(&place, Path::new(""), &mut files).map_err(|error| {
        vec![
            Fault::new(
                "FH1316",
                format!(
                    "the files of {} in {} cannot be read ({error})",
                    tool.name(),
                    place.display()
                ),
            )
            .help("name their folder, relative to the service's: --files DIR"),
        ]
    })?;
    files.sort();
    let same = own.is_some_and(|own| {
        fs::canonicalize(root.join(own)).ok() == fs::canonicalize(&place).ok() && place.exists()
    });
    if same && !files.is_empty() {
        return Err(vec![
            Fault::new(
                "FH3244",
                format!(
                    "the files of {} lie in {}, where freehold's own are to be written",
                    tool.name(),
                    place.display()
                ),
            )
            .help(format!(
                "move them into a folder beside it, and name that: --files {}",
                tool.name()
            ))
            .help("or give the service another folder: `migrations:` in service.yaml"),
        ]);
    }
    Ok(Origin { tool, files })
}

/// Text files below a folder, with their paths below it. Hidden folders and what is no text are
/// left out.
fn read(folder: &Path, below: &Path, files: &mut Vec<(PathBuf, String)>) -> io::Result<()> {
    for entry in fs::read_dir(folder.join(below))? {
        let entry = entry?;
        let name = entry.file_name();
        let hidden = name.to_string_lossy().starts_with(['.', '_']) && name != "__init__.py";
        let path = below.join(&name);
        let kind = entry.file_type()?;
        if kind.is_dir() && !hidden && name != "node_modules" && name != "target" {
            read(folder, &path, files)?;
        } else if kind.is_file() {
            let wanted = path.extension().is_some_and(|ending| {
                ["sql", "py", "xml", "yaml", "yml"]
                    .iter()
                    .any(|known| ending == *known)
            });
            match fs::read_to_string(entry.path()) {
                Ok(text) if wanted => files.push((path, text)),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {}
                Err(error) => return Err(error),
            }
        }
        if files.len() > FILES {
            return Err(io::Error::other(format!("there are more than {FILES}")));
        }
    }
    Ok(())
}

fn show(plan: &AdoptPlan, folder: Option<&Path>, output: &Output) {
    output.line(&format!(
        "{}  {} {} · {} on {}",
        output.paint(Tone::Strong, &plan.store),
        plan.product,
        plan.version,
        plan.name,
        plan.server
    ));
    for line in step_lines(output, &plan.steps) {
        output.line(&line);
    }
    let rows: Vec<Vec<String>> = plan.files.iter().map(row).collect();
    let tone = |_: usize, column: usize| if column == 0 { Tone::Good } else { Tone::Plain };
    for line in columns(output, &rows, tone) {
        output.line(&format!("  {line}"));
    }
    if let Some(from) = &plan.from {
        output.line(&output.paint(
            Tone::Dim,
            &format!(
                "  {} applied {} so far, the newest {}; its table {} stays",
                from.tool.name(),
                from.applied,
                from.last,
                from.table
            ),
        ));
    }
    output.line("");
    let notes: Vec<_> = plan
        .advisory
        .iter()
        .map(|note| (plan.store.as_str(), note))
        .collect();
    advice_in_brief(output, &notes);
    let new = plan.files.iter().filter(|file| !file.written).count();
    if let Some(folder) = folder.filter(|_| new > 0) {
        output.line(&format!(
            "{} written into {}.",
            count(new, "migration"),
            folder.display()
        ));
    }
    output.line("No data is touched, nothing is run again, and rights that nobody described stay.");
}

fn row(file: &AdoptedFile) -> Vec<String> {
    let state = match (file.applied, file.written) {
        (true, false) => "recorded as applied",
        (true, true) => "is there, recorded as applied",
        (false, _) => "pending",
    };
    let reverse = if file.down.is_some() { "" } else { ", no down" };
    vec![
        "+ migrate".to_owned(),
        file.id.clone(),
        format!("{}{reverse}, {state}", count(file.statements, "statement")),
    ]
}

/// Never over a file that is there.
fn write(root: &Path, folder: &Path, files: &[AdoptedFile]) -> Result<Vec<String>> {
    let mut written = Vec::new();
    let mut one = |name: String, text: &str| -> Result<()> {
        let path = folder.join(name);
        let create = || -> io::Result<()> {
            fs::create_dir_all(root.join(folder))?;
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(root.join(&path))?;
            file.write_all(text.as_bytes())
        };
        create().map_err(|error| {
            vec![
                Fault::new(
                    "FH1316",
                    format!("{} cannot be written ({error})", path.display()),
                )
                .help("nothing of the store was changed; see that this user may write there"),
            ]
        })?;
        written.push(path.display().to_string());
        Ok(())
    };
    for file in files.iter().filter(|file| !file.written) {
        one(format!("{}.up.sql", file.id), &file.up)?;
        if let Some(down) = &file.down {
            one(format!("{}.down.sql", file.id), down)?;
        }
    }
    Ok(written)
}
