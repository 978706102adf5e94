//! The programs that `up` runs: the sidecars' process, the services' own, and the one that is load. What
//! each is told, and how a start of it is made. Nothing is started here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use freehold_engine::Address;
use freehold_lifecycle::Target;
use freehold_model::{Deliver, Fault, Service};
use tokio::process::Command;

use super::exercise::{self, Exercise, addresses};
use super::running::{Running, SIDECARS};
use super::{Result, absolute};
use crate::args::{Args, UpArgs};
use crate::command::creds;
use crate::sagas::CALLER_KEY;
use crate::supervise::confine::Walls;
use crate::supervise::guard::MARK;
use crate::supervise::health::{Health, free_port};
use crate::supervise::program::{Kept, Prepare, Program};

/// The load program.
const LOAD: &str = "load";
/// Where a confined program has its temporary files, below the state's folder.
const SCRATCH: &str = "scratch";
/// Where programs put temporary files when nobody tells them.
const TEMPORARY: [&str; 2] = ["/tmp", "/var/tmp"];

impl Running {
    /// Where programs leave their traces, as OpenTelemetry's libraries read it.
    fn telemetry(&self, name: &str) -> Vec<(&'static str, String)> {
        let Some(console) = &self.console else {
            return Vec::new();
        };
        vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT", console.address.clone()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json".to_owned()),
            ("OTEL_SERVICE_NAME", name.to_owned()),
        ]
    }

    /// A free port for each service that has a program.
    pub(super) fn ports(&mut self) -> Result<BTreeMap<String, u16>> {
        let mut ports = BTreeMap::new();
        for service in self.context.system.services.values() {
            if service.run.is_none() {
                continue;
            }
            let port = free_port().map_err(|error| {
                vec![
                    Fault::new("FH3705", format!("no port of 127.0.0.1 is free ({error})"))
                        .help("see what listens: ss -ltn"),
                ]
            })?;
            self.urls
                .push((service.name.clone(), format!("http://127.0.0.1:{port}")));
            ports.insert(service.name.clone(), port);
        }
        Ok(ports)
    }

    /// `freehold run` as a process of its own: what kills it does not kill us.
    pub(super) fn sidecar_program(&self, args: &Args) -> Program {
        let mut arguments = vec!["run".to_owned(), "--servers".to_owned()];
        arguments.push(match args.servers.as_deref() {
            None => "embedded".to_owned(),
            Some(known @ ("embedded" | "local")) => known.to_owned(),
            Some(file) => absolute(file.into()).display().to_string(),
        });
        if let Some(environment) = &args.environment {
            arguments.extend(["-e".to_owned(), environment.clone()]);
        }
        let mark = exercise::absolute(&self.state);
        let addresses = addresses(&self.urls);
        let key = self.caller_key.clone();
        let telemetry = self.telemetry(SIDECARS);
        let prepare: Prepare = Arc::new(move || {
            let (arguments, mark) = (arguments.clone(), mark.clone());
            let (addresses, key) = (addresses.clone(), key.clone());
            let telemetry = telemetry.clone();
            Box::pin(async move {
                let program = std::env::current_exe().map_err(|error| {
                    vec![
                        Fault::new(
                            "FH3706",
                            format!("freehold itself is not to be found ({error})"),
                        )
                        .help("see that its file is still there"),
                    ]
                })?;
                let mut command = Command::new(program);
                command
                    .args(arguments)
                    .envs(addresses)
                    .envs(telemetry)
                    .env(CALLER_KEY, key.expose())
                    .env(MARK, mark)
                    .env("NO_COLOR", "1");
                Ok(command)
            })
        });
        Program {
            name: SIDECARS.to_owned(),
            url: String::new(),
            dir: absolute(self.context.root.clone()),
            health: None,
            prepare,
        }
    }

    /// A service's own program, behind its walls unless somebody wants it without.
    pub(super) fn service_program(
        &self,
        up: &UpArgs,
        (name, port): (&str, u16),
        targets: &Arc<[Target]>,
    ) -> Program {
        let service = &self.context.system.services[name];
        let run = service.run.clone();
        let (command, variable, health) =
            run.map_or_else(Default::default, |run| (run.command, run.port, run.health));
        let mut more = vec![
            format!("{variable}={port}"),
            format!("{MARK}={}", exercise::absolute(&self.state)),
            format!("{CALLER_KEY}={}", self.caller_key.expose()),
        ];
        let told = self.telemetry(name).into_iter();
        more.extend(told.map(|(name, value)| format!("{name}={value}")));
        more.extend(
            addresses(&self.urls)
                .into_iter()
                .map(|(name, url)| format!("{name}={url}")),
        );
        let mut command = command;
        if !up.unconfined
            && let Ok(freehold) = std::env::current_exe()
        {
            let scratch = self.state.join(SCRATCH).join(name);
            // Without it the program's own words for a folder that is not there.
            let _ = std::fs::create_dir_all(&scratch);
            more.push(format!("TMPDIR={}", scratch.display()));
            command = self
                .walls(service, scratch, targets)
                .around(&freehold, &command);
        }
        let (context, targets) = (Arc::clone(&self.context), Arc::clone(targets));
        let owner = name.to_owned();
        let prepare: Prepare = Arc::new(move || {
            let (context, targets) = (Arc::clone(&context), Arc::clone(&targets));
            let (command, more, owner) = (command.clone(), more.clone(), owner.clone());
            Box::pin(async move { creds::child(&context, &owner, &targets, &command, &more).await })
        });
        Program {
            name: name.to_owned(),
            url: format!("http://127.0.0.1:{port}"),
            dir: absolute(self.context.root.join(&service.dir)),
            health: health.map(|path| Health { port, path }),
            prepare,
        }
    }

    /// It writes in its own folder and into its own stores' files; it does not look into other services'
    /// folders and stores, nor into what `up` keeps.
    fn walls(&self, service: &Service, scratch: PathBuf, targets: &[Target]) -> Walls {
        let root = absolute(self.context.root.clone());
        let mut walls = Walls {
            write: vec![root.join(&service.dir), scratch, "/dev".into()],
            closed: vec![self.state.clone()],
            ..Walls::default()
        };
        let writes = service.run.iter().flat_map(|run| &run.writes);
        walls.write.extend(writes.map(|folder| root.join(folder)));
        let others = self.context.system.services.values();
        let others = others.filter(|own| own.name != service.name && own.dir != service.dir);
        walls.closed.extend(others.map(|own| root.join(&own.dir)));
        for target in targets {
            if let Address::Path(folder) = &target.admin.address {
                let folder = absolute(folder.clone());
                if target.want.service == service.name {
                    walls.write.push(folder.join(&target.name));
                }
                walls.closed.push(folder);
            }
        }
        if let Deliver::File(folder) = &service.deliver {
            walls.read.push(root.join(folder));
        }
        // Many write there without asking; not where it would open what is closed.
        let free = |own: &PathBuf| !walls.closed.iter().any(|it| it.starts_with(own));
        let free: Vec<_> = TEMPORARY
            .map(PathBuf::from)
            .into_iter()
            .filter(free)
            .collect();
        walls.write.extend(free);
        walls
    }

    /// Orders at a rate, for as long as it runs.
    pub(super) fn load(&mut self, rate: f64) -> Result<()> {
        let command = exercise::named(&self.context.system.exercises.load, LOAD);
        let command = command.map_err(|fault| vec![fault])?.to_vec();
        let (urls, state) = (self.urls.clone(), self.state.clone());
        let root = absolute(self.context.root.clone());
        let dir = root.clone();
        let prepare: Prepare = Arc::new(move || {
            let exercise = Exercise {
                urls: urls.clone(),
                state: &state,
                root: &root,
            };
            let command = exercise.command(&command, &exercise::rate(rate, None));
            Box::pin(async move { Ok(command) })
        });
        let program = Program {
            name: LOAD.to_owned(),
            url: String::new(),
            dir,
            health: None,
            prepare,
        };
        self.programs.push(Kept::start(program, &self.board));
        Ok(())
    }
}
