//! YAML text as a tree in which every key and every value knows its file, line and column.
//!
//! Built from saphyr's parser events rather than from its tree: here several duplicate keys are
//! reported at once and by name, depth is bounded, and environments can be merged without
//! losing where each value came from. Knows nothing of what the keys mean: see [`crate::check`].

use std::path::Path;
use std::rc::Rc;

use saphyr::Scalar;
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use crate::fault::{Fault, Place};

/// Deeper than any description; keeps recursion over the tree off the end of the stack.
const DEPTH_LIMIT: usize = 64;
/// How many nodes aliases may add to a file.
const ALIAS_LIMIT: usize = 10_000;

/// Where a key or value begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    file: Rc<Path>,
    line: usize,
    column: usize,
}

impl Mark {
    pub(crate) fn place(&self) -> Place {
        Place {
            file: self.file.to_path_buf(),
            line: self.line,
            column: self.column,
        }
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
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

    fn size(&self) -> usize {
        1 + match &self.value {
            Value::List(items) => items.iter().map(Self::size).sum(),
            Value::Map(entries) => entries.iter().map(|entry| 1 + entry.node.size()).sum(),
            _ => 0,
        }
    }

    fn depth(&self) -> usize {
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

/// Reads one file. An empty one is an empty map.
///
/// Broken syntax gives one fault (FH1102); with intact syntax, one fault for each duplicate key
/// (FH1108).
pub(crate) fn parse(text: &str, file: &Path) -> Result<Node, Vec<Fault>> {
    let file: Rc<Path> = Rc::from(file);
    let mut builder = Builder::new(file.clone());
    // A byte-order mark is no part of the description; some editors leave one.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| vec![syntax_fault(&file, &error)])?;
        builder.take(event, span).map_err(|fault| vec![fault])?;
    }
    if !builder.faults.is_empty() {
        return Err(builder.faults);
    }
    let empty = || Mark {
        file,
        line: 1,
        column: 1,
    };
    Ok(match builder.root {
        None => Node {
            mark: empty(),
            value: Value::Map(Vec::new()),
        },
        Some(Node {
            value: Value::Null,
            mark,
        }) => Node {
            mark,
            value: Value::Map(Vec::new()),
        },
        Some(root) => root,
    })
}

fn syntax_fault(file: &Rc<Path>, error: &ScanError) -> Fault {
    let mark = Mark {
        file: file.clone(),
        line: error.marker().line().max(1),
        column: error.marker().col() + 1,
    };
    Fault::new("FH1102", format!("this is not YAML: {}", error.info()))
        .at(mark.place())
        .help("indentation, an open quote or bracket, or a `:` inside a plain text are the usual causes; quote the text")
}

/// What is open while events come in.
enum Frame {
    List {
        node: Vec<Node>,
        mark: Mark,
        anchor: usize,
    },
    Map {
        entries: Vec<Entry>,
        key: Option<(String, Mark)>,
        mark: Mark,
        anchor: usize,
    },
}

struct Builder {
    file: Rc<Path>,
    stack: Vec<Frame>,
    /// By anchor id.
    anchors: Vec<(usize, Node)>,
    alias_nodes: usize,
    root: Option<Node>,
    documents: usize,
    faults: Vec<Fault>,
}

impl Builder {
    fn new(file: Rc<Path>) -> Self {
        Self {
            file,
            stack: Vec::new(),
            anchors: Vec::new(),
            alias_nodes: 0,
            root: None,
            documents: 0,
            faults: Vec::new(),
        }
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        let mark = Mark {
            file: self.file.clone(),
            line: span.start.line().max(1),
            column: span.start.col() + 1,
        };
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(refused(&mark, "a second document begins here")
                        .help("one file, one document: remove the `---`"));
                }
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(&mark, tag.as_deref())?;
                self.stack.push(Frame::List {
                    node: Vec::new(),
                    mark,
                    anchor,
                });
            }
            Event::MappingStart(anchor, tag) => {
                self.open(&mark, tag.as_deref())?;
                self.stack.push(Frame::Map {
                    entries: Vec::new(),
                    key: None,
                    mark,
                    anchor,
                });
            }
            Event::SequenceEnd | Event::MappingEnd => match self.stack.pop() {
                Some(Frame::List { node, mark, anchor }) => {
                    self.insert(
                        Node {
                            mark,
                            value: Value::List(node),
                        },
                        anchor,
                    )?;
                }
                Some(Frame::Map {
                    entries,
                    mark,
                    anchor,
                    ..
                }) => {
                    self.insert(
                        Node {
                            mark,
                            value: Value::Map(entries),
                        },
                        anchor,
                    )?;
                }
                None => {}
            },
            Event::Scalar(text, style, anchor, tag) => {
                let value =
                    scalar(&text, style, tag.as_deref()).ok_or_else(|| unknown_tag(&mark))?;
                self.scalar(Node { mark, value }, &text, anchor)?;
            }
            Event::Alias(id) => {
                let node = self.resolve(id, &mark)?;
                self.insert(node, 0)?;
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn open(&self, mark: &Mark, tag: Option<&Tag>) -> Result<(), Fault> {
        if tag.is_some_and(|tag| !tag.is_yaml_core_schema()) {
            return Err(unknown_tag(mark));
        }
        if self.stack.len() >= DEPTH_LIMIT {
            return Err(refused(
                mark,
                format!("nested deeper than {DEPTH_LIMIT} levels"),
            ));
        }
        Ok(())
    }

    /// A scalar is a key where a map waits for one, whatever it would be as a value.
    fn scalar(&mut self, node: Node, text: &str, anchor: usize) -> Result<(), Fault> {
        if let Some(Frame::Map {
            entries,
            key: key @ None,
            ..
        }) = self.stack.last_mut()
        {
            if let Some(first) = entries.iter().find(|entry| entry.key == text) {
                self.faults.push(
                    Fault::new("FH1108", format!("key `{text}` stands here a second time"))
                        .at(node.mark.place())
                        .help(format!(
                            "the first is in line {}; keep one of them",
                            first.mark.line
                        )),
                );
            }
            *key = Some((text.to_owned(), node.mark));
            return Ok(());
        }
        self.insert(node, anchor)
    }

    fn insert(&mut self, node: Node, anchor: usize) -> Result<(), Fault> {
        if anchor > 0 {
            self.anchors.push((anchor, node.clone()));
        }
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Frame::List { node: items, .. }) => items.push(node),
            Some(Frame::Map { entries, key, .. }) => match key.take() {
                Some((key, mark)) => entries.push(Entry { key, mark, node }),
                None => return Err(refused(&node.mark, "a key must be plain text")),
            },
        }
        Ok(())
    }

    fn resolve(&mut self, id: usize, mark: &Mark) -> Result<Node, Fault> {
        let Some((_, node)) = self.anchors.iter().rev().find(|(anchor, _)| *anchor == id) else {
            return Err(refused(
                mark,
                "this alias has no anchor that is complete here",
            ));
        };
        self.alias_nodes += node.size();
        if self.alias_nodes > ALIAS_LIMIT || self.stack.len() + node.depth() > DEPTH_LIMIT {
            return Err(refused(mark, "aliases make this file too large"));
        }
        Ok(node.clone())
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Option<Value> {
    if tag.is_some_and(|tag| !tag.is_yaml_core_schema()) {
        return None;
    }
    let tag = tag.map(std::borrow::Cow::Borrowed);
    Some(
        match Scalar::parse_from_cow_and_metadata(text.into(), style, tag.as_ref())? {
            Scalar::Null => Value::Null,
            Scalar::Boolean(value) => Value::Bool(value),
            Scalar::Integer(value) => Value::Integer(value),
            Scalar::FloatingPoint(value) => Value::Float(value.into_inner()),
            Scalar::String(value) => Value::Text(value.into_owned()),
        },
    )
}

fn unknown_tag(mark: &Mark) -> Fault {
    refused(mark, "this tag is not understood")
        .help("write the value without `!`; descriptions have no includes")
}

fn refused(mark: &Mark, message: impl Into<String>) -> Fault {
    Fault::new("FH1102", message).at(mark.place())
}
