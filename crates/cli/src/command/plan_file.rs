//! `plan -o FILE` and `apply FILE`: a plan kept, and only that plan applied.

use std::path::Path;

use freehold_lifecycle::{PlanFile, Target, parse_plan, plan_file};
use freehold_model::Fault;

use super::Result;
use crate::context::Context;

/// The plan file that the arguments of `apply` name: one name with a dot or a slash, which no
/// service has.
pub(crate) fn named(what: &[String]) -> Option<&Path> {
    let is_file = |name: &String| name.contains(['.', '/']);
    match what {
        [name] if is_file(name) => Some(Path::new(name)),
        _ => None,
    }
}

/// Plans once more and writes what `apply` will hold against the live stores.
pub(crate) async fn write(
    file: &Path,
    context: &Context,
    server_wide: bool,
    targets: &[Target],
) -> Result<()> {
    let system = &context.system;
    let environment = system.environment.as_deref();
    let plan = plan_file(&system.name, environment, server_wide, targets).await?;
    let text = serde_json::to_string_pretty(&plan).unwrap_or_default();
    std::fs::write(file, text + "\n").map_err(|error| vec![unreadable(file, "written", &error)])
}

/// Reads a plan.
pub(crate) fn read(file: &Path) -> Result<PlanFile> {
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| vec![unreadable(file, "read", &error)])?;
    parse_plan(&text, &file.display().to_string())
}

/// The services whose stores the plan is of.
pub(crate) fn services(plan: &PlanFile) -> Vec<String> {
    plan.stores
        .iter()
        .map(|store| store.service.clone())
        .collect()
}

fn unreadable(file: &Path, what: &str, error: &std::io::Error) -> Fault {
    Fault::new(
        "FH3217",
        format!("{} cannot be {what}: {error}", file.display()),
    )
    .help("plans are written by `freehold plan -o FILE`")
}
