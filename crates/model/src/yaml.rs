//! YAML text to a tree of [`Node`]s.
//!
//! Built from saphyr's parser events rather than from its tree: here several duplicate keys are
//! reported at once and by name, depth is bounded, and environments can be merged without
//! losing where each value came from.

use std::path::Path;
use std::rc::Rc;

use saphyr::Scalar;
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use crate::fault::Fault;
use crate::node::{Entry, Mark, Node, Value};

/// Deeper than any description; keeps recursion over the tree off the end of the stack.
const DEPTH_LIMIT: usize = 64;
/// How many nodes aliases may add to a file.
const ALIAS_LIMIT: usize = 10_000;

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
