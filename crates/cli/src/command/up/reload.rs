//! `up --watch`: what becomes of a changed description. It is read, checked and applied as the first
//! time, and what was done is said; one that is wrong changes nothing, and what ran goes on.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use freehold_lifecycle::{SeedWhich, Target, apply, seed};
use freehold_model::Fault;

use super::Result;
use super::running::Running;
use crate::args::{Args, UpArgs};
use crate::command::console::{Code, now};
use crate::command::text::count;
use crate::context::Context;
use crate::servers::Place;

/// Whose lines these are in the log.
const WHO: &str = "freehold";

impl Running {
    /// Takes these changes over, or says why not.
    pub(super) async fn reload(&mut self, args: &Args, up: &UpArgs, changed: &[PathBuf]) {
        let names: Vec<_> = changed
            .iter()
            .map(|own| own.display().to_string())
            .collect();
        let shown = match names.len() {
            0..=3 => names.join(", "),
            n => format!("{} and {} more", names[..2].join(", "), n - 2),
        };
        self.board.line(WHO, format!("changed: {shown}"));
        let since = Instant::now();
        match self.taken_over(args, up).await {
            Ok(done) => {
                let took = since.elapsed().as_secs_f64();
                self.board.line(WHO, format!("{done}, in {took:.1} s"));
            }
            Err(faults) => {
                for fault in faults {
                    self.board.line(WHO, told(&fault));
                }
                let text = "what ran before goes on; mend it, and it is looked at again";
                self.board.line(WHO, text.to_owned());
            }
        }
    }

    async fn taken_over(&mut self, args: &Args, up: &UpArgs) -> Result<String> {
        let mut context = Context::load(args, Place::Embedded).await?;
        let targets: Arc<[Target]> = context.targets(&[], up.server_wide)?.into();
        let applied = apply(&targets, &|_| {}).await?;
        let migrations: usize = applied.iter().map(|store| store.migrations.len()).sum();
        let stores = applied.iter().filter(|store| !store.is_silent()).count();
        let seeded = seed(&targets, SeedWhich::New).await?;
        let seeds: usize = seeded.iter().map(|store| store.seeds.len()).sum();
        let mut done = vec![format!(
            "applied: {} changed, {} and {} run",
            count(stores, "store"),
            count(migrations, "migration"),
            count(seeds, "seed")
        )];
        let mut code = Code::new(&context.root, args.environment.clone());
        let boundary = code.check(now());
        let new = boundary.new_ones();
        done.push(match new {
            0 => "checked: nothing new crosses a boundary".to_owned(),
            n => format!("checked: {} new, see the console", count(n, "crossing")),
        });
        done.extend(self.not_run(&context));
        self.context = Arc::new(context);
        // Sidecars read the description when they start.
        if let Some(sidecars) = &self.sidecars {
            sidecars.again(&self.board);
            done.push("sidecars started again".to_owned());
        }
        self.console_again(args, &targets).await;
        Ok(done.join("; "))
    }

    /// What only another `up` takes over.
    fn not_run(&self, next: &Context) -> Option<String> {
        let run = |context: &Context, name: &String| {
            context
                .system
                .services
                .get(name)
                .and_then(|own| own.run.clone())
        };
        let services = next.system.services.keys();
        let other = services.filter(|name| run(next, name) != run(&self.context, name));
        let other: Vec<&str> = other.map(String::as_str).collect();
        (!other.is_empty()).then(|| {
            format!(
                "`run:` of {} is another one: start `up` again for it",
                other.join(", ")
            )
        })
    }
}

fn told(fault: &Fault) -> String {
    fault.to_string()
}
