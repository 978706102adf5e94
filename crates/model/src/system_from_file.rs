//! What `freehold.yaml` says, as nouns: servers, broker, access. Finds what is wrong with single
//! values; rules over several things are [`crate::validate`]'s.

use std::collections::BTreeMap;
use std::path::Path;

use crate::date::is_date;
use crate::fault::Fault;
use crate::names::{is_plain_name, plain_form};
use crate::node::Node;
use crate::secret_ref::{NotARef, SecretRef};
use crate::store::EngineKind;
use crate::system::{Access, Broker, Server};
use crate::system_file::{AccessFile, BrokerFile, BrokerKind, ServerFile};

/// `root` is the whole file that `files` was deserialised from.
pub(crate) fn servers(
    files: BTreeMap<String, ServerFile>,
    root: &Node,
    faults: &mut Vec<Fault>,
) -> BTreeMap<String, Server> {
    let mut servers = BTreeMap::new();
    for (name, file) in files {
        plain_name("server", &name, root, &["servers", &name], faults);
        let mut url_of = |key: &str, text: Option<String>| {
            let path = ["servers", &name, key];
            let what = format!("`{key}` of server `{name}`");
            let url = secret(&text?, &what, root, &path, faults)?;
            engine_of_url(&url, file.engine, &what, root, &path, faults);
            Some(url)
        };
        let url = url_of("url", file.url);
        let planner_url = url_of("planner_url", file.planner_url);
        let pooled = url_of("pooled", file.pooled);
        servers.insert(
            name,
            Server {
                engine: file.engine,
                url,
                planner_url,
                pooled,
            },
        );
    }
    servers
}

pub(crate) fn broker(file: Option<BrokerFile>, root: &Node, faults: &mut Vec<Fault>) -> Broker {
    let Some(file) = file else {
        return Broker::Embedded;
    };
    let kind = file.kind.name();
    match (file.kind, file.url) {
        (BrokerKind::Embedded, None) => {}
        (BrokerKind::Embedded, Some(_)) => faults.push(
            Fault::new("FH1107", "the embedded broker takes no `url`")
                .at(root.place(&["broker", "url"]))
                .help("name another `kind`, or take `url` out"),
        ),
        (_, None) => faults.push(
            Fault::new("FH1106", format!("the broker `{kind}` has no `url`"))
                .at(root.place(&["broker"]))
                .help("add `url: \"env:NAME\"`"),
        ),
        (_, Some(text)) => {
            let path = ["broker", "url"];
            if let Some(url) = secret(&text, "`url` of the broker", root, &path, faults) {
                return Broker::External {
                    kind: kind.to_owned(),
                    url,
                };
            }
        }
    }
    Broker::Embedded
}

pub(crate) fn access(files: Vec<AccessFile>, root: &Node, faults: &mut Vec<Fault>) -> Vec<Access> {
    let mut all = Vec::new();
    for (index, file) in files.into_iter().enumerate() {
        let index = index.to_string();
        if let Some(until) = file.until.as_deref().filter(|until| !is_date(until)) {
            faults.push(
                Fault::new(
                    "FH1118",
                    format!("access of {}: `{until}` is not a day", file.who),
                )
                .at(root.place(&["access", &index, "until"]))
                .help("write the last day as YYYY-MM-DD: 2027-06-30"),
            );
        }
        for (key, text) in [("who", &file.who), ("reason", &file.reason)] {
            if text.trim().is_empty() {
                faults.push(
                    Fault::new("FH1106", format!("access says no `{key}`"))
                        .at(root.place(&["access", &index, key]))
                        .help("who may enter, and why, is what `access` is for"),
                );
            }
        }
        let AccessFile {
            who,
            rights,
            on,
            reason,
            until,
        } = file;
        all.push(Access {
            who,
            rights,
            on,
            reason,
            until,
        });
    }
    all
}

/// FH1110 unless `name` needs no quoting anywhere. `path` leads to the key or value that has it.
pub(crate) fn plain_name(
    what: &str,
    name: &str,
    root: &Node,
    path: &[&str],
    faults: &mut Vec<Fault>,
) {
    if is_plain_name(name) {
        return;
    }
    let mut fault = Fault::new("FH1110", format!("`{name}` cannot be the name of a {what}"))
        .at(root.key_or_text_place(path))
        .help("names are lower-case letters, digits and `_`, and begin with a letter");
    if let Some(plain) = plain_form(name) {
        fault = fault.help(format!("write `{plain}`"));
    }
    faults.push(fault);
}

/// Reads a reference to a secret; `None` after a fault.
fn secret(
    text: &str,
    what: &str,
    root: &Node,
    path: &[&str],
    faults: &mut Vec<Fault>,
) -> Option<SecretRef> {
    let file = root
        .find(path)
        .map_or_else(|| root.mark.file.as_ref(), |node| node.mark.file.as_ref());
    let refused = match SecretRef::parse(text, file.parent().unwrap_or(Path::new(""))) {
        Ok(reference) => return Some(reference),
        Err(refused) => refused,
    };
    faults.push(match refused {
        NotARef::HoldsPassword => Fault::new("FH1301", format!("{what} holds a password"))
            .at(root.place(path))
            .help("put the whole URL where only its readers see it, and name the place: `env:NAME` or `file:PATH`")
            .help("it has been written down: change the password"),
        NotARef::UnknownForm => unreadable(what, "names no secret").at(root.place(path)),
        NotARef::VariableName => {
            unreadable(what, "names no variable after `env:`").at(root.place(path))
        }
        NotARef::EmptyPath => unreadable(what, "names no path after `file:`").at(root.place(path)),
    });
    None
}

fn unreadable(what: &str, why: &str) -> Fault {
    Fault::new("FH1302", format!("{what} {why}"))
        .help("it takes env:NAME, file:PATH, prompt, vault:…, k8s:…, or a URL without a password")
}

/// A URL that is written out must be of the server's engine.
fn engine_of_url(
    url: &SecretRef,
    engine: EngineKind,
    what: &str,
    root: &Node,
    path: &[&str],
    faults: &mut Vec<Fault>,
) {
    let SecretRef::Plain(url) = url else { return };
    let schemes: &[&str] = match engine {
        EngineKind::Postgres => &["postgres", "postgresql"],
        EngineKind::Mysql | EngineKind::Mariadb => &["mysql", "mariadb"],
        EngineKind::Sqlite => &["sqlite"],
        _ => return,
    };
    let scheme = url.split(':').next().unwrap_or_default();
    if !schemes.contains(&scheme) {
        faults.push(
            Fault::new(
                "FH1303",
                format!("{what} begins with `{scheme}:`, but its engine is {engine}"),
            )
            .at(root.place(path))
            .help(format!(
                "{engine} takes {}",
                crate::shape::alternatives(schemes)
            )),
        );
    }
}
