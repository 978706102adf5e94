//! Read models as they are declared: which copies, and the query over them. What the query may say
//! is judged elsewhere; here stands only what can be seen without reading SQL.

use std::collections::BTreeMap;

use crate::fault::{Fault, Place};
use crate::node::Node;
use crate::service_file::{ReadModelFile, SelectFile};
use crate::store::EngineKind;
use crate::system_from_file::plain_name;

/// A query-shaped table over copies, kept by the sidecar. The program reads it as a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadModel {
    /// As the query calls them → copy.
    pub from: BTreeMap<String, String>,
    /// The query.
    pub select: Select,
    /// Column → what a missing value reads as.
    pub default: BTreeMap<String, String>,
}

/// The query of a read model, and where its text begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Select {
    /// Every engine understands it.
    Every(String, Place),
    /// By engine, named as the folders of migrations are.
    ByEngine(BTreeMap<String, (String, Place)>),
}

impl Select {
    /// The one for this engine, if there is one, and where it stands.
    pub fn on(&self, engine: EngineKind) -> Option<(&str, &Place)> {
        match self {
            Self::Every(select, place) => Some((select, place)),
            Self::ByEngine(selects) => {
                let mut names = engine.migration_folders().iter();
                let (select, place) = names.find_map(|name| selects.get(*name))?;
                Some((select, place))
            }
        }
    }
}

pub(crate) fn from_files(
    service: &str,
    files: BTreeMap<String, ReadModelFile>,
    root: &Node,
    faults: &mut Vec<Fault>,
) -> BTreeMap<String, ReadModel> {
    let mut all = BTreeMap::new();
    for (name, file) in files {
        plain_name("read model", &name, root, &["read_models", &name], faults);
        for alias in file.from.keys() {
            let path = ["read_models", &name, "from", alias];
            plain_name("source", alias, root, &path, faults);
        }
        if name.starts_with("freehold_") {
            let message = format!("{service}: read model `{name}`: names with freehold_ are taken");
            let place = root.key_or_text_place(&["read_models", &name]);
            faults.push(
                Fault::new("FH4203", message)
                    .at(place)
                    .help("give it another name"),
            );
        }
        let select = match file.select {
            SelectFile::Every(select) => {
                let place = text_place(root, &["read_models", &name, "select"], &select);
                Select::Every(select, place)
            }
            SelectFile::ByEngine(selects) => {
                let placed = selects.into_iter().map(|(engine, select)| {
                    let place =
                        text_place(root, &["read_models", &name, "select", &engine], &select);
                    (engine, (select, place))
                });
                Select::ByEngine(placed.collect())
            }
        };
        let (from, default) = (file.from, file.default);
        all.insert(
            name,
            ReadModel {
                from,
                select,
                default,
            },
        );
    }
    all
}

/// Where the text begins. Of several lines the columns are not known: their indentation is gone.
fn text_place(root: &Node, path: &[&str], text: &str) -> Place {
    let mut place = root.place(path);
    if text.contains('\n') {
        place.column = 1;
    }
    place
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Select;
    use crate::{MemoryFiles, load};

    #[test]
    fn the_place_of_a_query_is_its_first_line() {
        let lines = "service: b\nstore: { server: main }\nread_models:\n  recent:\n    from: { o: orders }\n    select: |\n      SELECT 1\n      FROM o\n";
        let files = MemoryFiles::new([
            (
                "freehold.yaml".to_owned(),
                "system: demo\nservers:\n  main: { engine: sqlite, url: \"env:X\" }\nservices: [services/*]\n"
                    .to_owned(),
            ),
            ("services/b/service.yaml".to_owned(), lines.to_owned()),
        ]);
        let system = load(Path::new(""), None, &files).expect("a system");
        let model = &system.services["b"].read_models["recent"];
        let Select::Every(select, place) = &model.select else {
            panic!("one for all engines");
        };
        assert_eq!((select.as_str(), place.line), ("SELECT 1\nFROM o\n", 7));
    }
}
