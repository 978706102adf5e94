//! Several runs of the real binary on one store, some of them killed with SIGKILL at random times:
//! each statement of each migration takes effect once, no lock is left, no index unfinished, no
//! migrator.
//!
//! The witness is a table without a key into which each migration writes a row. The random numbers
//! come from a seed that is printed; `FREEHOLD_SEED` replays it. `FREEHOLD_PROVE=1` runs 20 at a
//! time, for many rounds.

use std::fmt::Write as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use freehold_engine::{Connection, Value};
use freehold_model::EngineKind;
use freehold_testkit::{Must as _, TestServer, server, twelve};

use crate::binary::Example;

/// Pauses for a sixth of a second each, so that kills hit statements that the server is executing.
const POSTGRES: [(&str, &str); 4] = [
    (
        "0001_ran",
        "CREATE TABLE ran (migration TEXT NOT NULL);\n\
         CREATE TABLE things (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n INT NOT NULL);\n\
         INSERT INTO ran VALUES ('0001');\n",
    ),
    (
        "0002_things",
        "INSERT INTO things (n) SELECT g FROM generate_series(1, 20000) g;\n\
         INSERT INTO ran SELECT '0002' FROM pg_sleep(0.15);\n",
    ),
    (
        "0003_index",
        "-- freehold: no_transaction\n\
         INSERT INTO ran VALUES ('0003a');\n\
         CREATE INDEX CONCURRENTLY idx_things_n ON things (n);\n\
         INSERT INTO ran VALUES ('0003b');\n\
         CREATE UNIQUE INDEX CONCURRENTLY idx_things_twice ON things ((n * 2));\n\
         INSERT INTO ran SELECT '0003c' FROM pg_sleep(0.15);\n",
    ),
    (
        "0004_view",
        "CREATE VIEW few AS SELECT id FROM things WHERE n < 10;\nINSERT INTO ran VALUES ('0004');\n",
    ),
];

const MARIADB: [(&str, &str); 3] = [
    (
        "0001_ran",
        "CREATE TABLE ran (migration VARCHAR(20) NOT NULL);\n\
         INSERT INTO ran VALUES ('0001a');\n\
         CREATE TABLE slow AS SELECT SLEEP(0.15) AS slept;\n\
         INSERT INTO ran SELECT '0001b' FROM (SELECT SLEEP(0.15)) AS s;\n",
    ),
    ("0002_twelve", twelve::TWELVE),
    (
        "0003_more",
        "ALTER TABLE slow ADD COLUMN more INT;\nINSERT INTO ran VALUES ('0003');\n",
    ),
];

const RAN_POSTGRES: &str = "0001 0002 0003a 0003b 0003c 0004";
const RAN_MARIADB: &str = "0001a 0001b 0003";

/// Xorshift: the same seed, the same kills (as far as the machine's own timing allows).
struct Random(u64);

impl Random {
    fn seeded() -> Self {
        let seed = std::env::var("FREEHOLD_SEED").ok();
        let seed = seed.and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
        eprintln!("FREEHOLD_SEED={seed}");
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

struct World {
    example: Example,
    server: std::sync::Arc<TestServer>,
    name: String,
}

impl World {
    async fn new(kind: EngineKind, migrations: &[(&str, &str)]) -> Option<Self> {
        let server = server(kind).await?;
        let mut example = Example::copy("bookvault");
        std::fs::remove_dir_all(example.path().join("services")).expect("removed");
        std::fs::create_dir_all(example.path().join("services/one/migrations")).expect("a folder");
        let name = format!("killed_{kind}");
        example.write(
            "freehold.yaml",
            &format!("system: killed\nservers:\n  main: {{ engine: {kind}, url: \"env:ADMIN_URL\" }}\nservices: [services/*]\n"),
        );
        example.write(
            "services/one/service.yaml",
            &format!("service: {name}\nstore: {{ server: main }}\n"),
        );
        for (id, text) in migrations {
            example.write(&format!("services/one/migrations/{id}.up.sql"), text);
        }
        example.set("ADMIN_URL", server.admin.url().expose());
        if kind == EngineKind::Mariadb {
            let mut root = server.connect().await;
            root.execute("SET GLOBAL log_bin_trust_function_creators = 1")
                .await
                .must("triggers may be made");
        }
        Some(Self {
            example,
            server,
            name,
        })
    }

    fn runs(&self) -> Child {
        let mut command = self.example.command(&["apply"]);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().expect("the binary runs")
    }

    async fn inside(&self) -> Box<dyn Connection> {
        let engine = freehold_builtin::engine(self.server.kind).must("an engine");
        let at = self.server.admin.with_database(&self.name);
        engine.connect(&at).await.must("the store")
    }

    async fn rows(&self, sql: &str) -> Vec<Vec<Value>> {
        self.inside().await.query(sql, &[]).await.must(sql)
    }

    async fn ran(&self) -> String {
        let rows = self
            .rows("SELECT migration FROM ran ORDER BY migration")
            .await;
        let words: Vec<&str> = rows.iter().filter_map(|row| row[0].text()).collect();
        words.join(" ")
    }

    async fn is_whole(&self, ran: &str) {
        assert_eq!(self.ran().await, ran, "each migration ran once");
        if self.server.kind == EngineKind::Postgres {
            let left = "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid";
            assert_eq!(
                self.rows(left).await,
                Vec::<Vec<Value>>::new(),
                "unfinished indexes"
            );
            let indexes = "SELECT count(*) FROM pg_index WHERE indrelid = 'things'::regclass";
            assert_eq!(self.rows(indexes).await, [[Value::I64(3)]]);
        } else {
            let (sql, wanted) = twelve::RESULT;
            assert_eq!(self.rows(sql).await, [wanted.map(Value::I64)], "{sql}");
        }
        assert_eq!(self.migrators().await, 0, "a migrator is left");
    }

    async fn migrators(&self) -> usize {
        let name = &self.name;
        let sql = if self.server.kind == EngineKind::Postgres {
            format!("SELECT 1 FROM pg_roles WHERE rolname = '{name}_migrator'")
        } else {
            format!(
                "SELECT 1 FROM mysql.global_priv WHERE user IN ('{name}_migrator', '{name}_owner') \
                 AND COALESCE(JSON_VALUE(priv, '$.account_locked'), 'false') NOT IN ('true', '1')"
            )
        };
        let mut root = self.server.connect().await;
        root.query(&sql, &[]).await.must("migrators").len()
    }

    /// Starts `runners` at the same time and kills most of them at random moments.
    fn storm(&self, random: &mut Random, runners: usize, within: Duration) -> (usize, usize) {
        let within = u64::try_from(within.as_millis()).expect("a short time");
        let mut running: Vec<(Child, Option<Duration>)> = Vec::new();
        for _ in 0..runners {
            let killed = random.below(4) != 0;
            let at = Duration::from_millis(random.below(within));
            running.push((self.runs(), killed.then_some(at)));
        }
        running.sort_by_key(|(_, at)| at.unwrap_or(Duration::MAX));
        let begun = Instant::now();
        let (mut killed, mut finished) = (0, 0);
        for (mut run, at) in running {
            let Some(at) = at else {
                let output = run.wait_with_output().expect("it ends");
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "a run that nobody killed: {said}");
                finished += 1;
                continue;
            };
            std::thread::sleep(at.saturating_sub(begun.elapsed()));
            run.kill().expect("killed");
            killed += usize::from(!run.wait().expect("it ends").success());
        }
        (killed, finished)
    }
}

async fn killed_at_random(kind: EngineKind, migrations: &[(&str, &str)], ran: &str) {
    let Some(world) = World::new(kind, migrations).await else {
        return;
    };
    let (rounds, runners) = if std::env::var_os("FREEHOLD_PROVE").is_some() {
        (40, 20)
    } else {
        (3, 6)
    };
    let begun = Instant::now();
    world.example.run(&["apply"]).done();
    let clean = begun.elapsed();
    world.is_whole(ran).await;
    let mut random = Random::seeded();
    let (mut killed, mut finished) = (0, 0);
    let mut story = String::new();
    for round in 0..rounds {
        world.example.run(&["destroy", "--yes", "--force"]).done();
        // Short storms as well as long ones, so that the first run to get anywhere dies too.
        let within = clean * (1 + round % 3);
        let (dead, alive) = world.storm(&mut random, runners, within);
        killed += dead;
        finished += alive;
        world.example.run(&["apply"]).done();
        world.is_whole(ran).await;
        let plan = world.example.run(&["plan"]).done();
        assert!(plan.contains("Nothing to do"), "{plan}");
        let _ = write!(story, " {dead}/{alive}");
    }
    world.example.run(&["destroy", "--yes", "--force"]).done();
    assert!(killed > 0, "no kill hit");
    eprintln!(
        "{kind}: {killed} runs killed, {finished} finished (killed/finished by round:{story})"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_on_postgres() {
    killed_at_random(EngineKind::Postgres, &POSTGRES, RAN_POSTGRES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_on_mariadb() {
    killed_at_random(EngineKind::Mariadb, &MARIADB, RAN_MARIADB).await;
}
