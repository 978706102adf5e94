//! The broker between sidecars: the embedded one in this process, a private NATS beside it, or a
//! NATS, RabbitMQ or Kafka of others. Topics are made and each service gets an account of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use freehold_broker::embedded::{Embedded, Server, Settings};
use freehold_broker::{
    AccountWant, Admin, Broker, Change, Compression, ErrorKind, Login, Partitions, Secret, Topic,
    TopicWant,
};
use freehold_model::{Fault, SecretRef, Service, System};
use freehold_private_servers::{NatsServer, start_nats};

type Result<T> = std::result::Result<T, Vec<Fault>>;

/// Between two tries to enter a broker that was just started.
const MOMENT: Duration = Duration::from_millis(5);
/// How many partitions a topic has.
const PARTITIONS: u8 = 4;

/// A broker that answers, and how each service enters it.
pub(crate) struct Standing {
    pub(crate) broker: &'static dyn Broker,
    pub(crate) address: String,
    pub(crate) logins: BTreeMap<String, Login>,
    runs: Runs,
}

/// Topics that a service writes and reads beside its events, by service.
pub(crate) type MoreTopics = BTreeMap<String, (BTreeSet<Topic>, BTreeSet<Topic>)>;

/// What topics and accounts are made of.
struct Wanted<'s> {
    system: &'s System,
    more: &'s MoreTopics,
}

/// What runs for this process alone.
enum Runs {
    Embedded {
        serving: tokio::task::JoinHandle<freehold_broker::Result<()>>,
        stop: tokio::sync::oneshot::Sender<()>,
    },
    Private(NatsServer),
    Elsewhere,
}

impl Standing {
    /// Ends what was started for this process.
    pub(crate) async fn stop(self) -> Result<()> {
        match self.runs {
            Runs::Embedded { serving, stop } => {
                drop(stop);
                match serving.await {
                    Ok(Err(error)) => Err(vec![error.fault()]),
                    _ => Ok(()),
                }
            }
            Runs::Private(server) => server.stop().await.map_err(|error| vec![error.fault()]),
            Runs::Elsewhere => Ok(()),
        }
    }
}

/// Partitions of every topic.
pub(crate) fn partitions() -> Partitions {
    Partitions::new(PARTITIONS).unwrap_or(Partitions::ONE)
}

/// Topics that a service publishes, and those that it reads.
pub(crate) fn topics_of(service: &Service) -> Result<(BTreeSet<Topic>, BTreeSet<Topic>)> {
    let topic = |name: &String| {
        Topic::new(name).map_err(|error| vec![Fault::new("FH1140", error.to_string())])
    };
    let writes = service.publishes.keys().map(topic).collect::<Result<_>>()?;
    let reads = service
        .copies
        .values()
        .map(|copy| topic(&copy.event))
        .collect::<Result<_>>()?;
    Ok((writes, reads))
}

/// Starts or enters the system's broker. `socket`: where the embedded one listens; `more`: topics
/// beside the services' events.
pub(crate) async fn start(
    system: &System,
    state: &Path,
    socket: &Path,
    more: &MoreTopics,
) -> Result<Standing> {
    let wanted = Wanted { system, more };
    match &system.broker {
        freehold_model::Broker::Embedded => embedded(&wanted, state, socket).await,
        freehold_model::Broker::External { kind, url } => {
            let Some(broker) = freehold_builtin::broker(kind) else {
                return Err(vec![
                    Fault::new("FH3920", format!("`freehold run` does not know {kind} yet")).help(
                        "it knows the embedded broker (no `broker:` at all), nats, rabbitmq, and kafka where it was built with the feature of that name",
                    ),
                ]);
            };
            if kind == "nats" && matches!(url, SecretRef::Plain(text) if text.is_empty()) {
                return private_nats(&wanted, state).await;
            }
            let root = state.parent().unwrap_or(state);
            let url = freehold_credentials::resolve(url, root, "the broker");
            others(&wanted, broker, state, &url.map_err(|fault| vec![fault])?).await
        }
    }
}

async fn embedded(wanted: &Wanted<'_>, state: &Path, socket: &Path) -> Result<Standing> {
    let admin = Login {
        name: "freehold".to_owned(),
        secret: Embedded.generate(),
    };
    let settings = Settings::new(state.join("broker"), socket, admin.clone());
    let server = tokio::task::spawn_blocking(move || Server::open(settings)).await;
    let server = server.map_err(|error| vec![Fault::new("FH3811", error.to_string())])?;
    let server = server.map_err(|error| vec![error.fault()])?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(async move {
        let _ = stopped.await;
    }));
    let address = format!("unix:{}", socket.display());
    // It listens a moment after it was started; if it does not at all, it says why.
    let administer = loop {
        match Embedded.administer(&address, &admin).await {
            Ok(administer) => break administer,
            Err(_) if !serving.is_finished() => tokio::time::sleep(MOMENT).await,
            Err(error) => {
                let why = serving.await.ok().and_then(std::result::Result::err);
                return Err(vec![why.unwrap_or(error).fault()]);
            }
        }
    };
    let secrets = wanted
        .system
        .services
        .keys()
        .map(|name| (name.clone(), Embedded.generate()))
        .collect();
    let made = make(wanted, &Embedded, &*administer, secrets).await?;
    Ok(Standing {
        broker: &Embedded,
        address,
        logins: made.logins,
        runs: Runs::Embedded { serving, stop },
    })
}

/// NATS, from the one list of brokers.
fn of_nats() -> Result<&'static dyn Broker> {
    freehold_builtin::broker("nats").ok_or_else(|| {
        vec![Fault::new("FH3920", "this build has no NATS").help("use the embedded broker")]
    })
}

async fn private_nats(wanted: &Wanted<'_>, state: &Path) -> Result<Standing> {
    let nats = of_nats()?;
    let fault = |error: freehold_private_servers::Error| vec![error.fault()];
    let server = start_nats(&state.join("nats")).await.map_err(fault)?;
    let (name, password) = server.admin();
    let admin = Login {
        name: name.to_owned(),
        secret: Secret::new(password),
    };
    let address = server.address();
    let administer = nats.administer(&address, &admin).await;
    let administer = administer.map_err(|error| vec![error.fault()])?;
    let secrets = wanted
        .system
        .services
        .keys()
        .map(|name| (name.clone(), nats.generate()))
        .collect();
    let made = make(wanted, nats, &*administer, secrets).await?;
    server.set_users(&made.by_hand).await.map_err(fault)?;
    Ok(Standing {
        broker: nats,
        address,
        logins: made.logins,
        runs: Runs::Private(server),
    })
}

/// A server of others: its URL is the administrator's. Where services' users stand in its own
/// configuration, what belongs there is written into a file.
async fn others(
    wanted: &Wanted<'_>,
    broker: &'static dyn Broker,
    state: &Path,
    url: &Secret,
) -> Result<Standing> {
    let (address, admin) = apart(url.expose())?;
    let administer = broker.administer(&address, &admin).await;
    let administer = administer.map_err(|error| vec![error.fault()])?;
    let kind = broker.info().name;
    let folder = state.join(kind);
    make_private(&folder)?;
    let mut secrets = BTreeMap::new();
    for name in wanted.system.services.keys() {
        secrets.insert(name.clone(), kept_secret(broker, &folder, name)?);
    }
    let made = make(wanted, broker, &*administer, secrets).await?;
    let paper = Paper::of(kind, &folder, &made.by_hand);
    if !broker.info().makes_accounts {
        write_private(&paper.path, &paper.text)?;
    }
    for login in made.logins.values() {
        match broker.connect(&address, login).await {
            Err(error)
                if error.kind == ErrorKind::LoginRefused && !broker.info().makes_accounts =>
            {
                let name = &login.name;
                let message = format!("{kind} at {address} does not know the user of {name}");
                return Err(vec![
                    Fault::new("FH3922", message)
                        .help(paper.help)
                        .help("then run this again: the secrets stay the same"),
                ]);
            }
            entered => drop(entered.map_err(|error| vec![error.fault()])?),
        }
    }
    Ok(Standing {
        broker,
        address,
        logins: made.logins,
        runs: Runs::Elsewhere,
    })
}

/// What a broker of others wants to be told by hand.
struct Paper {
    path: PathBuf,
    text: String,
    help: String,
}

impl Paper {
    fn of(kind: &str, folder: &Path, parts: &[String]) -> Self {
        if kind == "nats" {
            let path = folder.join("users.conf");
            let help = format!(
                "put the users of {} into its `authorization {{ users: [ … ] }}` and let it reload",
                path.display()
            );
            let text = parts.join("\n") + "\n";
            return Self { path, text, help };
        }
        let path = folder.join("definitions.json");
        let help = format!(
            "type `rabbitmqctl import_definitions {}` there",
            path.display()
        );
        let text = merged(parts);
        Self { path, text, help }
    }
}

/// Several JSON objects of lists as one.
fn merged(parts: &[String]) -> String {
    let mut all: BTreeMap<String, Vec<serde_json::Value>> = BTreeMap::new();
    for part in parts {
        let part: BTreeMap<String, Vec<serde_json::Value>> =
            serde_json::from_str(part).unwrap_or_default();
        for (name, list) in part {
            all.entry(name).or_default().extend(list);
        }
    }
    serde_json::to_string_pretty(&all).unwrap_or_default() + "\n"
}

/// `nats://name:password@host:port` as address and login.
fn apart(url: &str) -> Result<(String, Login)> {
    let read = || {
        let (scheme, rest) = url.split_once("://")?;
        let (login, host) = rest.rsplit_once('@')?;
        let (name, secret) = login.split_once(':')?;
        let plain = |text: &str| {
            let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
            decoded.ok().map(std::borrow::Cow::into_owned)
        };
        let login = Login {
            name: plain(name)?,
            secret: Secret::new(plain(secret)?),
        };
        Some((format!("{scheme}://{host}"), login))
    };
    read().ok_or_else(|| {
        vec![
            Fault::new("FH3923", "the broker's URL names no administrator").help(
                "write it as nats://NAME:PASSWORD@HOST:PORT (or with an NKey seed as the password)",
            ),
        ]
    })
}

struct Made {
    logins: BTreeMap<String, Login>,
    /// What the broker cannot be told: for its configuration.
    by_hand: Vec<String>,
}

async fn make(
    wanted: &Wanted<'_>,
    broker: &dyn Broker,
    administer: &dyn Admin,
    mut secrets: BTreeMap<String, Secret>,
) -> Result<Made> {
    let fault = |error: freehold_broker::Error| vec![error.fault()];
    let mut made = Made {
        logins: BTreeMap::new(),
        by_hand: Vec::new(),
    };
    for service in wanted.system.services.values() {
        let (mut writes, mut reads) = topics_of(service)?;
        if let Some((more_writes, more_reads)) = wanted.more.get(&service.name) {
            writes.extend(more_writes.iter().cloned());
            reads.extend(more_reads.iter().cloned());
        }
        for topic in &writes {
            let want = TopicWant {
                topic: topic.clone(),
                partitions: partitions(),
                keep_for: Some(Duration::from_hours(7 * 24)),
                keep_bytes: Some(1 << 30),
                compression: Compression::None,
            };
            let change = administer.ensure_topic(&want).await.map_err(fault)?;
            if let Change::ByHand(text) = change {
                made.by_hand.push(text);
            }
        }
        let secret = secrets
            .remove(&service.name)
            .unwrap_or_else(|| broker.generate());
        let want = AccountWant {
            service: service.name.clone(),
            verifier: Some(broker.verifier(&secret).map_err(fault)?),
            writes: writes.into_iter().collect(),
            reads: reads.into_iter().collect(),
        };
        let change = administer.ensure_account(&want).await.map_err(fault)?;
        if let Change::ByHand(text) = change {
            made.by_hand.push(text);
        }
        let login = Login {
            name: service.name.clone(),
            secret,
        };
        made.logins.insert(service.name.clone(), login);
    }
    Ok(made)
}

/// A service's secret, made the first time: whoever makes it at the same moment takes the one that is kept.
fn kept_secret(broker: &dyn Broker, folder: &Path, service: &str) -> Result<Secret> {
    let form = if broker.info().name == "nats" {
        "seed"
    } else {
        "password"
    };
    let path = folder.join(format!("{service}.{form}"));
    let kept = || std::fs::read_to_string(&path).map(|text| Secret::new(text.trim()));
    if let Ok(secret) = kept() {
        return Ok(secret);
    }
    let keep = || {
        let new = written_in(folder, broker.generate().expose())?;
        match new.persist_noclobber(&path) {
            Err(lost) if lost.error.kind() != std::io::ErrorKind::AlreadyExists => Err(lost.error),
            _ => kept(),
        }
    };
    keep().map_err(|error| not_written(&path, &error))
}

/// A folder that only this user enters.
pub(crate) fn make_private(folder: &Path) -> Result<()> {
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder);
    made.map_err(|error| not_written(folder, &error))
}

/// As a whole, also for whoever writes the same file at the same moment.
fn write_private(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = written_in(folder, text).and_then(|new| Ok(new.persist(path)?));
    written.map(drop).map_err(|error| not_written(path, &error))
}

/// A file that only this user reads, before it has its name.
fn written_in(folder: &Path, text: &str) -> std::io::Result<tempfile::NamedTempFile> {
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut new, text.as_bytes())?;
    Ok(new)
}

fn not_written(path: &Path, error: &std::io::Error) -> Vec<Fault> {
    let path: PathBuf = path.to_owned();
    vec![
        Fault::new("FH3811", format!("{}: {error}", path.display()))
            .help("see that this user may write there"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_of_all_services_are_one() {
        let parts = [r#"{"users":[1],"permissions":[2]}"#, r#"{"users":[3]}"#].map(str::to_owned);
        let text: String = merged(&parts).split_whitespace().collect();
        assert_eq!(text, r#"{"permissions":[2],"users":[1,3]}"#);
    }

    #[test]
    fn whoever_comes_second_takes_the_secret_that_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let nats = freehold_builtin::broker("nats").expect("it has NATS");
        let tellers: Vec<_> = (0..8)
            .map(|_| {
                let folder = folder.path().to_owned();
                std::thread::spawn(move || kept_secret(nats, &folder, "orders").expect("a secret"))
            })
            .collect();
        let told: BTreeSet<String> = tellers
            .into_iter()
            .map(|own| own.join().expect("no panic").expose().to_owned())
            .collect();
        assert_eq!(told.len(), 1, "all have the same");
    }

    #[test]
    fn a_url_of_the_administrator() {
        let (address, login) = apart("nats://ad%40min:s%3Aecret@h:4222").expect("a URL");
        assert_eq!(
            (address.as_str(), login.name.as_str()),
            ("nats://h:4222", "ad@min")
        );
        assert_eq!(login.secret.expose(), "s:ecret");
        for bad in ["h:4222", "nats://h:4222", "nats://name@h:4222"] {
            assert_eq!(apart(bad).expect_err(bad)[0].code, "FH3923");
        }
    }
}
