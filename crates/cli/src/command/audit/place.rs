//! What is audited, over which login, and what is known of it: files from the named folder upwards.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use freehold_boundary::Ownership;
use freehold_credentials::resolve;
use freehold_engine::{Endpoint, Engine};
use freehold_model::{EngineKind, Fault, SecretRef, load};

use super::super::Result;
use super::BOUNDARIES;
use crate::args::{Args, AuditArgs};
use crate::files::DiskFiles;

/// One database to look at.
pub(super) struct Place {
    pub(super) engine: &'static dyn Engine,
    pub(super) at: Endpoint,
    pub(super) root: PathBuf,
    pub(super) ownership: Option<Ownership>,
    /// Login or program → context.
    pub(super) homes: HashMap<String, String>,
}

impl Place {
    pub(super) fn find(args: &Args, wanted: &AuditArgs, url: &str) -> Result<Self> {
        let here = std::env::current_dir().unwrap_or_default();
        let start = args
            .directory
            .as_ref()
            .map_or_else(|| here.clone(), |folder| here.join(folder));
        let at = endpoint(url, &start)?;
        let engine = freehold_builtin::engine(at.kind).ok_or_else(|| vec![not_yet(at.kind)])?;
        let found = start.ancestors().find(|folder| {
            folder.join(BOUNDARIES).is_file() || folder.join("freehold.yaml").is_file()
        });
        let mut place = Self {
            engine,
            at,
            root: found.unwrap_or(&start).to_owned(),
            ownership: None,
            homes: HashMap::new(),
        };
        if let Some(root) = found.filter(|_| !wanted.propose) {
            place.known(root, args)?;
        }
        Ok(place)
    }

    fn known(&mut self, root: &Path, args: &Args) -> Result<()> {
        let file = root.join(BOUNDARIES);
        if file.is_file() {
            let text = std::fs::read_to_string(&file).map_err(|error| {
                vec![
                    Fault::new(
                        "FH2205",
                        format!("{} cannot be read: {error}", file.display()),
                    )
                    .help("make it readable for the user that runs the audit"),
                ]
            })?;
            self.ownership = Some(Ownership::of_file(&text, Path::new(BOUNDARIES))?);
            return Ok(());
        }
        let system = load(root, args.environment.as_deref(), &DiskFiles)?;
        self.ownership = Some(Ownership::of_system(&system)?);
        for service in system.services.values() {
            self.homes
                .insert(service.name.clone(), service.name.clone());
        }
        Ok(())
    }
}

/// From `env:NAME`, `file:PATH`, `prompt` or a URL without a password.
fn endpoint(text: &str, start: &Path) -> Result<Endpoint> {
    let reference = SecretRef::of_argument(text).ok_or_else(|| {
        vec![
            Fault::new("FH2401", "`--url` holds a password, or is no reference to one")
                .help("put the URL into a variable and name that: export PROD_URL=…; freehold audit --url env:PROD_URL")
                .help("env:NAME, file:PATH, prompt, or a URL without a password"),
        ]
    })?;
    let url = resolve(&reference, start, "--url").map_err(|fault| vec![fault])?;
    let scheme = url
        .expose()
        .split(':')
        .next()
        .unwrap_or_default()
        .to_owned();
    let kind = match scheme.as_str() {
        "postgres" | "postgresql" => EngineKind::Postgres,
        "mysql" => EngineKind::Mysql,
        "mariadb" => EngineKind::Mariadb,
        _ => {
            return Err(vec![
                Fault::new(
                    "FH2402",
                    format!("databases behind `{scheme}:` cannot be audited"),
                )
                .help("postgres://, mysql:// and mariadb:// can"),
            ]);
        }
    };
    Endpoint::parse(kind, &url).map_err(|error| {
        vec![
            Fault::new("FH1305", format!("--url: {}", error.message))
                .help("freehold explain FH1305 shows the forms"),
        ]
    })
}

fn not_yet(kind: EngineKind) -> Fault {
    Fault::new("FH2402", format!("databases of {kind} cannot be audited"))
        .help("postgres://, mysql:// and mariadb:// can")
}
