//! The command line. Help texts are what users read first: a sentence each, no jargon of ours.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::command::events::EventsCommand;
use crate::command::run::RunArgs;

/// Gives every microservice a database of its own, and keeps it that way.
#[derive(Debug, Parser)]
#[command(
    name = "freehold",
    version,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub(crate) struct Args {
    /// Folder of the system's freehold.yaml (default: this folder or the nearest above it)
    #[arg(short = 'C', long = "directory", global = true, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
    /// Environment to merge in: environments/ENV.yaml
    #[arg(short = 'e', long, global = true, value_name = "ENV")]
    pub(crate) environment: Option<String>,
    /// Where stores are placed: `embedded` (SQLite files), `local` (private servers from installed
    /// programs), or a file that names servers; default: as freehold.yaml says
    #[arg(long, global = true, value_name = "WHERE")]
    pub(crate) servers: Option<String>,
    /// Print JSON for machines
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a small system to begin with: a service, a migration, a seed, CI files
    Init {
        /// Where (default: this folder)
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
        /// Write only the step of CI that runs `check`
        #[arg(long, value_enum, value_name = "HOST")]
        ci: Option<CiHost>,
    },
    /// Show what `apply` would change; sends no change
    Plan(PlanArgs),
    /// Make databases, identities, rights and schema as described, then prove it
    Apply(ApplyArgs),
    /// Take over a store that is there already, with its schema as the first migration
    Adopt(AdoptArgs),
    /// Put baseline data in, as often as you like; `--undo` takes it out again
    Seed(SeedArgs),
    /// Take migrations back, the newest first
    Rollback(RollbackArgs),
    /// Remove stores and their identities
    Destroy(DestroyArgs),
    /// Leave freehold: shows what would go and what stays; with `--yes` removes what freehold keeps
    /// for itself. Databases, data and the programs' logins work on
    Eject(EjectArgs),
    /// Show the state of every store
    Status(StatusArgs),
    /// Run services' sidecars until Ctrl-C: events from outboxes to the broker and into copies. With
    /// the embedded broker all services of a system run in one process
    Run(RunArgs),
    /// See how current copies are, and what to do about events that stand still
    #[command(subcommand)]
    Events(EventsCommand),
    /// Run the whole system on this machine: servers, stores, sidecars and the services' programs,
    /// until Ctrl-C
    Up(UpArgs),
    /// Show the system as pages: the map, services, events, what needs attention; only looks
    Console(ConsoleArgs),
    /// Stop what `up` runs, and the private servers that `--servers local` started
    Down(DownArgs),
    /// Use the running system as its users do, at a steady rate
    Load(LoadArgs),
    /// Open the engine's own shell (psql, mariadb, sqlite3) on a service's store, as an identity of
    /// the service whose password ends with it
    Db(DbArgs),
    /// What `up` starts to clean up after it when it is killed
    #[command(hide = true)]
    Guard { state: PathBuf },
    /// What `up` starts to become a service's program within its walls
    #[command(hide = true)]
    Confine(ConfineArgs),
    /// Find every place where code or schema crosses a service's boundary
    Check(CheckArgs),
    /// Show the same findings in an editor: a language server on standard input and output
    Lsp,
    /// Print a file that follows from the description
    #[command(subcommand)]
    Render(RenderCommand),
    /// Show who can and does reach what: in the described system's stores, held against the
    /// description, or in one live database that needs none; sends no write
    Audit(AuditArgs),
    /// Hand out and rotate the passwords of the services' programs
    #[command(subcommand)]
    Creds(CredsCommand),
    /// Show sagas, and ask things of them: retry, skip, approve, cancel
    #[command(subcommand)]
    Saga(SagaCommand),
    /// Print the JSON Schema of the description's files, for editors
    Schema,
    /// Explain an error code
    Explain {
        /// FH and four digits
        code: String,
    },
    /// Show which engines can do what, and what was run against a live server
    Engines,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct StoreArgs {
    /// Services (all by default)
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
    /// Also change what is not ours on the server: take CONNECT and TEMPORARY from PUBLIC on
    /// databases of others. The plan lists who would lose something
    #[arg(long)]
    pub(crate) server_wide: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) stores: StoreArgs,
    /// Exit with 1 when live is not as described
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// Also run up, down and up again on a scratch copy of each store, made for it on the same
    /// server and removed, and compare schema and seeds
    #[arg(long)]
    pub(crate) verify_rollback: bool,
    /// Also plan migrations of phase contract, which are held back otherwise
    #[arg(long)]
    pub(crate) contract: bool,
    /// Also write the plan to this file, for `apply FILE`
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ApplyArgs {
    /// Services (all by default), or one plan file that `plan -o FILE` wrote: a name with a dot or
    /// a slash is a file. It is refused when a store or the files have moved since
    #[arg(value_name = "SERVICE|FILE")]
    pub(crate) what: Vec<String>,
    /// Also change what is not ours on the server, as `plan --server-wide` shows
    #[arg(long)]
    pub(crate) server_wide: bool,
    /// Also apply migrations of phase contract: the programs from before them are gone
    #[arg(long)]
    pub(crate) contract: bool,
    /// First run up, down and up again on a scratch copy of each store, and change nothing when a
    /// down does not give back what was before
    #[arg(long)]
    pub(crate) verify_rollback: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) stores: StoreArgs,
    /// Exit with 1 when live is not as described
    #[arg(long)]
    pub(crate) exit_code: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct AdoptArgs {
    /// The service, or `service.store` for one that is not its main store
    #[arg(value_name = "SERVICE")]
    pub(crate) store: String,
    /// Go on from where this tool stopped: flyway, liquibase, sqlx, atlas, prisma, django, alembic,
    /// or freehold after an eject
    #[arg(long, value_name = "TOOL")]
    pub(crate) from: Option<String>,
    /// Folder of the tool's files, relative to the service's (default: where they usually are); the
    /// file that `eject` wrote, relative to the system's folder
    #[arg(long, value_name = "DIR", requires = "from")]
    pub(crate) files: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, ClapArgs)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(crate) struct CheckArgs {
    /// Files and folders (default: the whole system)
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// How findings are printed
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: CheckFormat,
    /// The file of known findings (default: boundary-baseline.json beside the description)
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Write today's findings down as known; once the file is there, only take out what is gone
    #[arg(long)]
    pub(crate) write_baseline: bool,
    /// Fail when the baseline knows findings that are there no more
    #[arg(long)]
    pub(crate) prune: bool,
    /// Fail when anything crosses into or out of this context, known or not
    #[arg(long, value_name = "CONTEXT")]
    pub(crate) must_be_empty: Option<String>,
    /// Show the findings that the baseline knows as well
    #[arg(long)]
    pub(crate) known: bool,
    /// Show each place that names a table and could not be read
    #[arg(long)]
    pub(crate) unresolved: bool,
    /// Write the contexts that were found or proposed to boundaries.yaml
    #[arg(long)]
    pub(crate) write_boundaries: bool,
    /// Print a picture of who crosses into whom instead of the findings
    #[arg(long, value_enum, value_name = "FORM")]
    pub(crate) graph: Option<GraphFormat>,
    /// Print how the number of findings went over time, as the baseline remembers it
    #[arg(long)]
    pub(crate) history: bool,
    /// Check again whenever a file changes, until interrupted
    #[arg(long)]
    pub(crate) watch: bool,
    /// Put an audit that was kept (`audit --out FILE`) beside it: each crossing with its places in
    /// code and how often it runs
    #[arg(long, value_name = "FILE", conflicts_with_all = ["watch", "graph", "history"])]
    pub(crate) with_audit: Option<PathBuf>,
    /// Read every file, whatever is remembered of an earlier check
    #[arg(long)]
    pub(crate) no_cache: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum GraphFormat {
    Svg,
    Mermaid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CheckFormat {
    Text,
    Json,
    Sarif,
    Github,
    Gitlab,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SeedArgs {
    #[command(flatten)]
    pub(crate) stores: StoreArgs,
    /// Take the seeds out again, the last first
    #[arg(long)]
    pub(crate) undo: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct RollbackArgs {
    #[command(flatten)]
    pub(crate) stores: StoreArgs,
    /// Down to this number, which stays; 0 takes all back (default: only the newest)
    #[arg(long, value_name = "N")]
    pub(crate) to: Option<u32>,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct DestroyArgs {
    #[command(flatten)]
    pub(crate) stores: StoreArgs,
    /// What stays: `data`, `credentials`
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub(crate) keep: Vec<KeepWhat>,
    /// Also while others are connected
    #[arg(long)]
    pub(crate) force: bool,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum KeepWhat {
    Data,
    Credentials,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct EjectArgs {
    /// Services (all by default)
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
    /// Folder for what the ledgers know, a file for each store (default: freehold-eject)
    #[arg(long, value_name = "DIR")]
    pub(crate) into: Option<PathBuf>,
    /// Do it
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, ClapArgs)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(crate) struct UpArgs {
    /// Also change what is not ours on the server, as `plan --server-wide` shows
    #[arg(long)]
    pub(crate) server_wide: bool,
    /// Only place, migrate and seed, show the state and leave; private servers go on running
    #[arg(long, conflicts_with_all = ["once", "load"])]
    pub(crate) prepare: bool,
    /// Show the system at work, check what must hold, stop everything; fails when something did not
    #[arg(long)]
    pub(crate) once: bool,
    /// Also run the system's load program, with so many orders a second
    #[arg(long, value_name = "PER_SECOND", conflicts_with = "once")]
    pub(crate) load: Option<f64>,
    /// Check and apply again when a description, a migration, a contract or a saga changes
    #[arg(long, conflicts_with_all = ["once", "prepare"])]
    pub(crate) watch: bool,
    /// Let services' programs read and write what this user may; else, where the kernel has Landlock,
    /// they are kept to their own folders
    #[arg(long, conflicts_with = "prepare")]
    pub(crate) unconfined: bool,
    /// Let the console act: retry what is parked, compensate sagas. Alone it makes a token and prints
    /// the address that gives it to a browser; `env:NAME` or `file:PATH` takes yours
    #[arg(long, value_name = "REFERENCE", num_args = 0..=1, default_missing_value = "new")]
    pub(crate) token: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ConfineArgs {
    #[arg(long)]
    pub(crate) write: Vec<PathBuf>,
    #[arg(long)]
    pub(crate) read: Vec<PathBuf>,
    #[arg(long)]
    pub(crate) closed: Vec<PathBuf>,
    #[arg(last = true, required = true)]
    pub(crate) command: Vec<std::ffi::OsString>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ConsoleArgs {
    /// On this port of 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 4100)]
    pub(crate) port: u16,
    /// Another name by which it may be asked for; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) host: Vec<String>,
    /// Show a moment that was kept: what `/api/v1/moment` of a console answered with
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// Let the console act: retry what is parked, compensate sagas. Alone it makes a token and prints
    /// the address that gives it to a browser; `env:NAME` or `file:PATH` takes yours
    #[arg(long, conflicts_with = "from", value_name = "REFERENCE", num_args = 0..=1, default_missing_value = "new")]
    pub(crate) token: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct LoadArgs {
    /// So many a second (default: 66,000 an hour)
    #[arg(long, value_name = "PER_SECOND", default_value_t = 66_000.0 / 3600.0)]
    pub(crate) rate: f64,
    /// For so long; else until Ctrl-C
    #[arg(long)]
    pub(crate) seconds: Option<u64>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct DbArgs {
    /// The service, or `service.store` for one that is not its main store
    #[arg(value_name = "SERVICE")]
    pub(crate) store: String,
    /// As its program (default), or as who reads everything and writes nothing
    #[arg(
        long = "as",
        value_enum,
        default_value = "app",
        value_name = "IDENTITY"
    )]
    pub(crate) identity: DbIdentity,
    /// Further arguments for the shell
    #[arg(last = true)]
    pub(crate) shell: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum DbIdentity {
    App,
    Backup,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct DownArgs {
    /// Also delete the servers' folders and the embedded stores, with all data
    #[arg(long)]
    pub(crate) volumes: bool,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CredsCommand {
    /// Run a program with a fresh credential of a service
    Exec {
        /// The service
        service: String,
        /// The program and its arguments
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// Give the app's idle login a new password and deliver it; the other one is retired when its
    /// sessions have ended
    Rotate {
        #[command(flatten)]
        stores: StoreArgs,
        /// How long to wait for the sessions of the old login, in seconds
        #[arg(long, default_value_t = 60, value_name = "SECONDS")]
        grace: u64,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum RenderCommand {
    /// A CODEOWNERS file: each service's team has to look at changes of its code
    Codeowners {
        /// What stands before a team's name to address it, as `@acme/` for GitHub
        #[arg(long, value_name = "PREFIX", default_value = "@")]
        prefix: String,
    },
    /// All events of the system, as asyncapi.com has it (version 3): who sends, who receives, what
    Asyncapi,
}

/// Who runs CI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CiHost {
    Github,
    Gitlab,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct AuditArgs {
    /// Services of the described system whose stores are held against live (all by default)
    #[arg(value_name = "SERVICE", conflicts_with = "url")]
    pub(crate) services: Vec<String>,
    /// One database, described or not: `env:NAME`, `file:PATH`, `prompt`, or a URL without a
    /// password
    #[arg(long, value_name = "REFERENCE")]
    pub(crate) url: Option<String>,
    /// Also write the report as one page that needs nothing else
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Also write the report as JSON, to be kept
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Audits that were kept, for the curve and to mark what is new
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) earlier: Vec<PathBuf>,
    /// An audit that was kept: exit with 1 only for what is not in it
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Propose contexts, whatever boundaries.yaml or freehold.yaml say
    #[arg(long, requires = "url")]
    pub(crate) propose: bool,
    /// Write the contexts that were proposed to boundaries.yaml
    #[arg(long, requires = "url")]
    pub(crate) write_boundaries: bool,
    /// Look again every so many seconds, until interrupted, and say what came and what went
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "300")]
    pub(crate) watch: Option<u64>,
    /// Also write figures for Prometheus, for a collector that reads files
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,
    /// How long all questions together may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) budget: u64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SagaCommand {
    /// Show the sagas that are under way
    List {
        /// Services (all by default)
        #[arg(value_name = "SERVICE")]
        services: Vec<String>,
        /// Only sagas of this name
        #[arg(long, value_name = "NAME")]
        saga: Option<String>,
        /// Only those with this business key
        #[arg(long)]
        key: Option<String>,
        /// Also those that have ended
        #[arg(long)]
        all: bool,
        /// So many at most, the newest first
        #[arg(long, default_value_t = 100)]
        most: u32,
    },
    /// Show one saga: its steps, what it holds, what was asked of it
    Show(SagaRef),
    /// Start a saga by its business key; a second start of the same key does nothing
    Start {
        service: String,
        /// The saga's name
        saga: String,
        /// The business key
        key: String,
        /// JSON
        #[arg(long, default_value = "{}")]
        input: String,
        /// What no second saga may work on at the same time; may be given several times
        #[arg(long = "lock", value_name = "KEY")]
        locks: Vec<String>,
    },
    /// Try a parked step again; a refused one as a new attempt of its own
    Retry(SagaStep),
    /// Leave a step out. What it may have done is taken back first; the pivot cannot be skipped
    Skip(SagaStep),
    /// Give a step another body. What it may have done is taken back first
    Edit {
        #[command(flatten)]
        saga: SagaStep,
        /// JSON
        #[arg(long)]
        body: String,
    },
    /// Approve a step that waits for it
    Approve {
        #[command(flatten)]
        saga: SagaStep,
        /// JSON, the approval's output
        #[arg(long)]
        payload: Option<String>,
    },
    /// Reject a step that waits for approval: the saga is taken back
    Reject(SagaStep),
    /// Hold a saga still; what is under way still counts when it is answered
    Pause(SagaRef),
    /// Let a paused saga go on
    Resume(SagaRef),
    /// Take a saga back; refused after its pivot
    Compensate(SagaRef),
    /// The same, as a program would ask for it
    Cancel(SagaRef),
    /// End a saga as it stands; `show` lists what may be in force
    Close(SagaRef),
    /// Show what participants have of sagas that the store does not know, as after a restore
    Orphans { service: String },
    /// Show open sagas that the description at hand would strand; exit code 1 if there are any
    CheckDeploy,
    /// Say that a service's store was restored from a backup: open sagas are doubted, and their
    /// participants asked
    Restored { service: String },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SagaRef {
    pub(crate) service: String,
    /// Its id or its business key
    pub(crate) saga: String,
    /// The version that you looked at: refused if it has moved since (default: as it is now)
    #[arg(long, value_name = "VERSION")]
    pub(crate) seen: Option<u64>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SagaStep {
    #[command(flatten)]
    pub(crate) saga: SagaRef,
    /// The step's name
    pub(crate) step: String,
}
