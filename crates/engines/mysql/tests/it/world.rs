//! A private server with a store on it, and lifecycle's part in small.

use std::path::PathBuf;
use std::process::Command;

use freehold_engine::{
    Connection, Diff, Drop as Removal, Endpoint, Engine, Error, Keep, Live, Piece, Secret, Spot,
    Step, Value, Verifiers, Want,
};
use freehold_model::{AppIdentity, EngineKind, Identities, Isolation};
use freehold_mysql::Mysql;
use freehold_private_servers::{Kind, PrivateServer, Settings, find, start, stop};

/// Which admin the engine works as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admin {
    /// Every right there is.
    Super,
    /// What FH3102 asks for and no more.
    Plain,
}

pub(crate) struct World {
    pub(crate) server: PrivateServer,
    /// The private server's own admin.
    pub(crate) root: Endpoint,
    /// Whom the engine works as.
    pub(crate) admin: Endpoint,
    pub(crate) want: Want,
    dir: PathBuf,
}

impl World {
    /// `None`, told loudly, without a server; a failure in CI. `FREEHOLD_TEST_MYSQL_BIN` (and `…_LIB`)
    /// name the folder of a `mysqld` of Oracle's to run against instead. The folder above it has to
    /// be the server's real `basedir`: with a wrong one it starts, and then lets in who has a
    /// password that was replaced, out of its cache.
    pub(crate) async fn new(admin: Admin, settings: &[(&str, &str)]) -> Option<Self> {
        Self::with(admin, |start| {
            settings
                .iter()
                .fold(start, |start, (name, value)| start.with(*name, *value))
        })
        .await
    }

    pub(crate) async fn with(
        admin: Admin,
        change: impl FnOnce(Settings) -> Settings,
    ) -> Option<Self> {
        let mysql = std::env::var_os("FREEHOLD_TEST_MYSQL_BIN");
        let kind = if mysql.is_some() {
            Kind::Mysql
        } else {
            Kind::Mariadb
        };
        if let (Kind::Mariadb, Err(missing)) = (kind, find(kind)) {
            assert!(
                std::env::var("CI").is_err(),
                "a server is missing in CI: {missing}"
            );
            skipped(&missing.to_string());
            return None;
        }
        let dir = tempfile::Builder::new()
            .prefix("fh-mysql-")
            .tempdir()
            .unwrap()
            .keep();
        let mut settings = change(Settings::new(kind, &dir));
        settings.bin_dir = mysql.map(PathBuf::from);
        settings.library_dir = std::env::var_os("FREEHOLD_TEST_MYSQL_LIB").map(PathBuf::from);
        let server = start(&settings)
            .await
            .unwrap_or_else(|error| panic!("{}", error.fault()));
        let root = Endpoint::parse(EngineKind::Mariadb, &Secret::new(server.url())).unwrap();
        let want = orders();
        let mut world = Self {
            server,
            admin: root.clone(),
            root,
            want,
            dir,
        };
        if admin == Admin::Plain {
            world.admin = world.plain_admin().await;
        }
        Some(world)
    }

    pub(crate) fn is_mysql(&self) -> bool {
        self.server.kind() == Kind::Mysql
    }

    /// An admin with a canary of a password, and exactly the rights that FH3102 names.
    async fn plain_admin(&self) -> Endpoint {
        let password = "a'b\\c$d&e%f\ng😀\"`;--";
        let hex = password
            .bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect::<Vec<_>>()
            .concat();
        let mut root = self.connect(&self.root).await;
        // Prepared from a variable: no session setting can change what the password is.
        root.execute(&format!("SET @sql = CONCAT('CREATE USER adm@''127.0.0.1'' IDENTIFIED BY ', QUOTE(CONVERT(0x{hex} USING utf8mb4)))")).await.unwrap();
        root.execute("PREPARE s FROM @sql").await.unwrap();
        root.execute("EXECUTE s").await.unwrap();
        let global = if self.is_mysql() {
            "CREATE USER, PROCESS, CONNECTION_ADMIN, SET_ANY_DEFINER, SHOW_ROUTINE"
        } else {
            "CREATE USER, PROCESS, CONNECTION ADMIN, SET USER"
        };
        for grant in [
            format!("GRANT {global} ON *.* TO adm@'127.0.0.1' WITH GRANT OPTION"),
            "GRANT SELECT ON mysql.* TO adm@'127.0.0.1'".to_owned(),
            "GRANT ALL PRIVILEGES ON `orders`.* TO adm@'127.0.0.1' WITH GRANT OPTION".to_owned(),
            "GRANT ALL PRIVILEGES ON `shop`.* TO adm@'127.0.0.1' WITH GRANT OPTION".to_owned(),
        ] {
            root.execute(&grant).await.unwrap();
        }
        self.root.with_login("adm", Some(Secret::new(password)))
    }

    pub(crate) async fn connect(&self, at: &Endpoint) -> Box<dyn Connection> {
        Mysql.connect(at).await.unwrap()
    }

    /// A connection of the engine's admin.
    pub(crate) async fn as_admin(&self) -> Box<dyn Connection> {
        self.connect(&self.admin).await
    }

    /// Runs statements as the server's own administrator, past the engine.
    pub(crate) async fn by_hand(&self, statements: &[&str]) {
        let mut root = self.connect(&self.root).await;
        for sql in statements {
            root.execute(sql)
                .await
                .unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    }

    pub(crate) async fn live(&self) -> Live {
        self.as_admin().await.inspect(&self.want).await.unwrap()
    }

    pub(crate) async fn diff(&self) -> Diff {
        let mut admin = self.as_admin().await;
        let live = admin.inspect(&self.want).await.unwrap();
        Mysql.diff(admin.probe(), &self.want, &live)
    }

    /// Applies what the diff says, then requires that nothing is left.
    pub(crate) async fn converge(&self) -> Diff {
        let diff = self.diff().await;
        assert_eq!(diff.refused, [], "refused");
        self.apply(&diff.steps).await;
        let again = self.diff().await;
        let left: Vec<String> = again
            .steps
            .iter()
            .map(|step| format!("{} {}: {}", step.name, step.note, step.sql[0].shown()))
            .collect();
        assert_eq!((left, again.refused), (vec![], vec![]), "not converged");
        diff
    }

    pub(crate) async fn apply(&self, steps: &[Step]) -> Vec<(String, Secret)> {
        let mut admin = self.as_admin().await;
        let mut issued = vec![];
        for step in steps {
            let mut verifiers = Verifiers::new();
            for piece in step.sql.iter().flat_map(|sql| &sql.0) {
                if let Piece::Verifier(login) = piece {
                    let secret = Secret::generate();
                    verifiers.insert(login.clone(), Mysql.verifier(admin.probe(), login, &secret));
                    issued.push((login.clone(), secret));
                }
            }
            admin
                .apply(step, &verifiers)
                .await
                .unwrap_or_else(|error| panic!("{} {}: {error}", step.name, step.note));
        }
        issued
    }

    /// Runs statements as the migrator, and leaves it shut.
    pub(crate) async fn migrate(&self, statements: &[&str]) {
        let migrator = Mysql.migrator(self.as_admin().await.probe(), &self.want);
        let issued = self.apply(&migrator.open).await;
        let login = migrator.login.unwrap();
        let mut session = self.connect(&self.store(&login, &issued[0].1)).await;
        for sql in statements {
            session
                .execute(sql)
                .await
                .unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        self.apply(&migrator.close).await;
    }

    /// The store's address for a login.
    pub(crate) fn store(&self, login: &str, password: &Secret) -> Endpoint {
        Mysql
            .at_store(&self.root, &self.want.spot)
            .with_login(login, Some(password.clone()))
    }

    /// Gives a login a password through the issuer.
    pub(crate) async fn issue(&self, login: &str) -> Secret {
        let secret = Secret::generate();
        let mut admin = self.as_admin().await;
        let verifier = Mysql.verifier(admin.probe(), login, &secret);
        admin
            .issue(&self.want, login, Some(&verifier))
            .await
            .unwrap();
        secret
    }

    /// A session of one of the store's logins.
    pub(crate) async fn log_in(&self, login: &str) -> Box<dyn Connection> {
        let secret = self.issue(login).await;
        self.connect(&self.store(login, &secret)).await
    }

    pub(crate) async fn try_log_in(
        &self,
        login: &str,
        password: &Secret,
    ) -> Result<Box<dyn Connection>, Error> {
        Mysql.connect(&self.store(login, password)).await
    }

    pub(crate) async fn removal(&self, keep: Keep) -> Removal {
        let mut admin = self.as_admin().await;
        let live = admin.inspect(&self.want).await.unwrap();
        Mysql.drop_steps(admin.probe(), &self.want, &live, keep)
    }

    pub(crate) async fn drop_store(&self, keep: Keep) {
        let removal = self.removal(keep).await;
        assert_eq!(removal.refused, []);
        self.apply(&removal.steps).await;
    }

    /// All rows of a question, by the server's administrator, as one text.
    pub(crate) async fn ask(&self, sql: &str) -> String {
        let mut root = self.connect(&self.root).await;
        let rows = root
            .query(sql, &[])
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        let shown = |value: &Value| match value {
            Value::Text(text) => text.clone(),
            Value::I64(number) => number.to_string(),
            Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => format!("{other:?}"),
        };
        let lines: Vec<String> = rows
            .iter()
            .map(|row| row.iter().map(shown).collect::<Vec<_>>().join(" "))
            .collect();
        lines.join("\n")
    }

    /// The tables that most tests work with.
    pub(crate) async fn with_tables(&self) {
        self.converge().await;
        self.migrate(&[
            "CREATE TABLE orders (id BIGINT PRIMARY KEY AUTO_INCREMENT, note VARCHAR(50))",
            "CREATE TABLE order_items (id BIGINT PRIMARY KEY AUTO_INCREMENT, order_id BIGINT NOT NULL, \
             FOREIGN KEY (order_id) REFERENCES orders (id))",
            "CREATE VIEW recent AS SELECT id FROM orders",
            "CREATE PROCEDURE touch() SQL SECURITY INVOKER SELECT 1",
        ])
        .await;
        self.converge().await;
    }
}

impl Drop for World {
    #[expect(clippy::print_stderr, reason = "whoever mends the test looks there")]
    fn drop(&mut self) {
        let dir = self.dir.clone();
        // A runtime of its own: this one may be the test's.
        let stopped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(stop(&dir)).unwrap()
        })
        .join();
        if std::thread::panicking() || stopped.is_err() {
            eprintln!("kept: {}", self.dir.display());
        } else {
            std::fs::remove_dir_all(&self.dir).unwrap();
        }
    }
}

#[expect(clippy::print_stderr, reason = "a skip has to be seen")]
pub(crate) fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

/// The store `orders` with one append-only table.
pub(crate) fn orders() -> Want {
    Want {
        system: "bookvault".to_owned(),
        service: "orders".to_owned(),
        store: "main".to_owned(),
        isolation: Isolation::Database,
        spot: Spot {
            database: "orders".to_owned(),
            schema: String::new(),
            prefix: String::new(),
        },
        identities: Identities {
            owner: "orders_owner".to_owned(),
            app: AppIdentity {
                role: "orders_app".to_owned(),
                logins: ["orders_app_1".to_owned(), "orders_app_2".to_owned()],
            },
            sidecar: "orders_sidecar".to_owned(),
            backup: "orders_backup".to_owned(),
            migrator: "orders_migrator".to_owned(),
            issuer: "orders_issuer".to_owned(),
        },
        append_only: ["order_items".to_owned()].into(),
        extensions: vec![],
        access: vec![],
        prune: true,
        require_tls: false,
        server_wide: false,
        plane: freehold_engine::Plane::default(),
    }
}

/// Runs a program of the system; for certificates.
pub(crate) fn program(name: &str, arguments: &[&str]) {
    let output = Command::new(name).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{name}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
