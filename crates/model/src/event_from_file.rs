//! What a `service.yaml` says of events and copies, as nouns. Finds what is wrong with single
//! values; that the publisher exists is [`crate::validate_events`]'s.

use std::collections::BTreeMap;
use std::path::Path;

use crate::event::{CopyOf, Provenance, Publish, Snapshot, is_event_name, is_of_item};
use crate::fault::Fault;
use crate::headers::duration;
use crate::names::relative_to;
use crate::nearest::nearest;
use crate::node::Node;
use crate::service_file::{CopyFile, PublishesFile, SnapshotFile};
use crate::store::EngineKind;

/// What a copy may say of a row's origin.
const PROVENANCE: [&str; 4] = ["version", "position", "source", "occurred_at"];

/// Whose SQL a snapshot may be in.
const ENGINES: [EngineKind; 6] = [
    EngineKind::Postgres,
    EngineKind::Mysql,
    EngineKind::Mariadb,
    EngineKind::Sqlite,
    EngineKind::Sqlserver,
    EngineKind::Oracle,
];

fn is_engine(name: &str) -> bool {
    ENGINES
        .iter()
        .any(|kind| kind.migration_folders()[0] == name)
}

pub(crate) fn publishes(
    service: &str,
    files: BTreeMap<String, PublishesFile>,
    root: &Node,
    dir: &Path,
    faults: &mut Vec<Fault>,
) -> BTreeMap<String, Publish> {
    let mut all = BTreeMap::new();
    for (name, file) in files {
        if !is_event_name(&name) {
            let message = format!("{service}: `{name}` is no name of an event");
            let fault =
                Fault::new("FH1140", message).at(root.key_or_text_place(&["publishes", &name]));
            faults.push(
                fault.help(
                    "words in lower case parted by dots, then the version: order.confirmed.v2",
                ),
            );
        }
        if let Some(SnapshotFile::ByEngine(selects)) = &file.snapshot {
            for engine in selects.keys().filter(|engine| !is_engine(engine)) {
                let message =
                    format!("{service}: event `{name}`: `snapshot` names no engine by `{engine}`");
                let place = root.key_or_text_place(&["publishes", &name, "snapshot", engine]);
                let known = ENGINES.map(|kind| kind.migration_folders()[0]).join(", ");
                faults.push(
                    Fault::new("FH1145", message)
                        .at(place)
                        .help(format!("it takes {known}")),
                );
            }
        }
        let publish = Publish {
            schema: relative_to(dir, &file.schema),
            key: file.key,
            compatibility: file.compatibility,
            snapshot: file.snapshot.map(|snapshot| match snapshot {
                SnapshotFile::Every(select) => Snapshot::Every(select),
                SnapshotFile::ByEngine(selects) => Snapshot::ByEngine(selects),
            }),
        };
        all.insert(name, publish);
    }
    all
}

pub(crate) fn copies(
    service: &str,
    files: BTreeMap<String, CopyFile>,
    root: &Node,
    faults: &mut Vec<Fault>,
) -> BTreeMap<String, CopyOf> {
    let mut all = BTreeMap::new();
    for (table, file) in files {
        let mut reader = CopyReader {
            service,
            table: &table,
            root,
            faults,
        };
        if let Some(copy) = reader.copy(file) {
            all.insert(table, copy);
        }
    }
    all
}

/// `$.order.items[*]` and `order.items` are the same.
fn path_of_items(text: &str) -> String {
    let path = text.strip_prefix("$.").unwrap_or(text);
    path.strip_suffix("[*]").unwrap_or(path).to_owned()
}

struct CopyReader<'a> {
    service: &'a str,
    table: &'a str,
    root: &'a Node,
    faults: &'a mut Vec<Fault>,
}

impl CopyReader<'_> {
    fn fault(&mut self, code: &'static str, what: &str, below: &[&str], help: impl Into<String>) {
        let message = format!("{}: copy `{}`: {what}", self.service, self.table);
        let path = [&["copies", self.table], below].concat();
        let fault = Fault::new(code, message).at(self.root.place(&path));
        self.faults.push(fault.help(help));
    }

    fn copy(&mut self, file: CopyFile) -> Option<CopyOf> {
        let Some((service, event)) = file
            .from
            .split_once('/')
            .filter(|(_, event)| is_event_name(event))
        else {
            let what = format!("`{}` is no event of a service", file.from);
            let help = "it reads service/event: catalog/book.changed.v1";
            self.fault("FH1141", &what, &["from"], help);
            return None;
        };
        if file.key.is_empty() {
            let help = "name the table's key: key: { book_id: bookId }";
            self.fault("FH1143", "it has no key", &["key"], help);
        }
        for column in file.key.keys().filter(|it| file.columns.contains_key(*it)) {
            let what = format!("column `{column}` is filled twice, as key and as column");
            self.fault("FH1143", &what, &["columns", column], "keep it below `key`");
        }
        let provenance = self.provenance(&file);
        let each = file.each.as_deref().map(path_of_items);
        self.items(&file, &provenance);
        let freshness = file.freshness.as_deref().and_then(|text| {
            let read = duration(text);
            if read.is_none() {
                let what = format!("`{text}` is no age");
                let help = "write it as 500ms, 2s or 1m; a day at most";
                self.fault("FH1143", &what, &["freshness"], help);
            }
            read
        });
        let (service, event) = (service.to_owned(), event.to_owned());
        Some(CopyOf {
            service,
            event,
            each,
            key: file.key,
            columns: file.columns,
            provenance,
            fallback: file.fallback,
            freshness,
        })
    }

    /// Rows of an array's items, and fields that speak of an item, belong together.
    fn items(&mut self, file: &CopyFile, provenance: &Provenance) {
        let mut fields = file.key.iter().chain(&file.columns);
        let Some(each) = &file.each else {
            if let Some((column, field)) = fields.find(|(_, field)| is_of_item(field)) {
                let below = if file.key.contains_key(column) {
                    "key"
                } else {
                    "columns"
                };
                let what = format!("`{field}` is of an item, and no array is named");
                let help = "name it: each: $.order.items[*]";
                self.fault("FH1143", &what, &[below, column], help);
            }
            return;
        };
        if path_of_items(each).is_empty() {
            let help = "name an array of the event: each: $.order.items[*]";
            let what = format!("`{each}` is no path of an array");
            self.fault("FH1143", &what, &["each"], help);
        }
        let known = |field: &str| {
            !is_of_item(field) || ["@", "@index"].contains(&field) || field.starts_with("@.")
        };
        for (column, field) in file.key.iter().chain(&file.columns) {
            if !known(field) {
                let what = format!("`{field}` of column `{column}` says nothing of an item");
                let help = "write @.sku for a field of it, @index for its place, @ for itself";
                self.fault("FH1143", &what, &["each"], help);
            }
        }
        let of_items = file.key.values().filter(|field| is_of_item(field)).count();
        if of_items == 0 || of_items == file.key.len() {
            let what = "a row of an item is named by its entity and by the item";
            let help = "key: { order_id: order.id, line: \"@index\" }";
            self.fault("FH1143", what, &["key"], help);
        }
        if provenance.position.is_none() {
            let what =
                "of rows that come and go together, the event's position tells which are newer";
            let help = "add a column for it: provenance: { position: source_position }";
            self.fault("FH1143", what, &["each"], help);
        }
        if file.fallback.is_some() {
            let what = "nobody can be asked for a row of an item";
            self.fault("FH1143", what, &["fallback"], "leave `fallback` out");
        }
    }

    /// `provenance: { version: version_number }` names the column. The field of the version is the
    /// one that `columns` maps to it, else `version`.
    fn provenance(&mut self, file: &CopyFile) -> Provenance {
        for what in file.provenance.keys() {
            if !PROVENANCE.contains(&what.as_str()) {
                let help = match nearest(what, PROVENANCE) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("it takes {}", PROVENANCE.join(", ")),
                };
                let text = format!("`{what}` is not known of a row's origin");
                self.fault("FH1142", &text, &["provenance", what], help);
            }
        }
        let column = |what: &str| file.provenance.get(what).cloned();
        let provenance = Provenance {
            version: column("version").map(|column| {
                let field = file.columns.get(&column).cloned();
                (column, field.unwrap_or_else(|| "version".to_owned()))
            }),
            position: column("position"),
            source: column("source"),
            occurred_at: column("occurred_at"),
        };
        if provenance.version.is_none() && provenance.position.is_none() {
            let help = "add a column for it: provenance: { version: version_number } where the event carries the source's own version, else { position: source_position }";
            let what = "nothing tells which of two rows is newer";
            self.fault("FH1142", what, &["provenance"], help);
        }
        provenance
    }
}
