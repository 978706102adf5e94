//! A file's text as a tree in which every key and every value knows its file, line and column;
//! and merging one tree over another, each value keeping the place that it came from.
//!
//! Made by [`crate::yaml`]. Knows nothing of what the keys mean: see [`crate::check`].

use std::path::Path;
use std::rc::Rc;

use crate::fault::Place;

/// Where a key or value begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) file: Rc<Path>,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Mark {
    pub(crate) fn place(&self) -> Place {
        Place {
            file: self.file.to_path_buf(),
            line: self.line,
            column: self.column,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) mark: Mark,
    pub(crate) value: Value,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key and its value, in the order of the file.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) mark: Mark,
    pub(crate) node: Node,
}

impl Node {
    /// The entry of a map under `key`; `None` also where this is no map.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// Of a map; empty for anything else.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The value at the end of `path`, if it is written down.
    pub(crate) fn find(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| match &node.value {
            Value::List(items) => items.get(key.parse::<usize>().ok()?),
            _ => Some(&node.entry(key)?.node),
        })
    }

    /// Where the value at the end of `path` begins, or as much of the path as there is: what is
    /// not written down (a default) is shown at what surrounds it. A number selects an item of a
    /// list.
    pub(crate) fn place(&self, path: &[&str]) -> Place {
        let Some((first, rest)) = path.split_first() else {
            return self.mark.place();
        };
        if let Value::List(items) = &self.value {
            let item = first
                .parse::<usize>()
                .ok()
                .and_then(|index| items.get(index));
            return item.map_or_else(|| self.mark.place(), |item| item.place(rest));
        }
        match self.entry(first) {
            Some(entry) if rest.is_empty() && !entry.node.is_scalar() => entry.mark.place(),
            Some(entry) => entry.node.place(rest),
            None => self.mark.place(),
        }
    }

    /// Where a name at the end of `path` stands: the key, unless the value itself is the name.
    pub(crate) fn key_or_text_place(&self, path: &[&str]) -> Place {
        let Some((key, parents)) = path.split_last() else {
            return self.mark.place();
        };
        match self.find(parents).and_then(|parent| parent.entry(key)) {
            Some(entry) if !matches!(entry.node.value, Value::Text(_)) => entry.mark.place(),
            _ => self.place(path),
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn remove(&mut self, key: &str) {
        if let Value::Map(entries) = &mut self.value {
            entries.retain(|entry| entry.key != key);
        }
    }

    fn is_scalar(&self) -> bool {
        !matches!(self.value, Value::List(_) | Value::Map(_))
    }

    /// As JSON, for deserialising. A key whose value is null is left out: it is not said.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Integer(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::Text(value) => value.as_str().into(),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => entries
                .iter()
                .filter(|entry| !matches!(entry.node.value, Value::Null))
                .map(|entry| (entry.key.clone(), entry.node.to_json()))
                .collect(),
        }
    }

    /// Nodes and keys in all.
    pub(crate) fn size(&self) -> usize {
        1 + match &self.value {
            Value::List(items) => items.iter().map(Self::size).sum(),
            Value::Map(entries) => entries.iter().map(|entry| 1 + entry.node.size()).sum(),
            _ => 0,
        }
    }

    pub(crate) fn depth(&self) -> usize {
        1 + match &self.value {
            Value::List(items) => items.iter().map(Self::depth).max().unwrap_or(0),
            Value::Map(entries) => entries.iter().map(|e| e.node.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }
}

/// Lays `over` on `base`: maps merge, everything else is replaced, null deletes the key.
pub(crate) fn merge(base: &mut Node, over: &Node) {
    let (Value::Map(entries), Value::Map(changes)) = (&mut base.value, &over.value) else {
        base.clone_from(over);
        return;
    };
    for change in changes {
        let at = entries.iter().position(|entry| entry.key == change.key);
        match (at, &change.node.value) {
            (Some(at), Value::Null) => {
                entries.remove(at);
            }
            (Some(at), _) => merge(&mut entries[at].node, &change.node),
            (None, Value::Null) => {}
            // Merged into nothing, so that a null further down has nothing to delete and goes.
            (None, _) => entries.push(Entry {
                node: without_nulls(&change.node),
                ..change.clone()
            }),
        }
    }
}

fn without_nulls(node: &Node) -> Node {
    let Value::Map(_) = &node.value else {
        return node.clone();
    };
    let mut clean = Node {
        mark: node.mark.clone(),
        value: Value::Map(Vec::new()),
    };
    merge(&mut clean, node);
    clean
}
