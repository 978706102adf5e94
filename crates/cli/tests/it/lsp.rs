//! `freehold lsp`: a conversation as an editor holds it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::binary::Example;

struct Editor {
    child: Child,
    input: ChildStdin,
    said: Receiver<Value>,
}

impl Editor {
    fn open(shop: &Example) -> Self {
        let mut child = shop
            .command(&["lsp"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let input = child.stdin.take().expect("its input");
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        let (send, said) = channel();
        std::thread::spawn(move || {
            loop {
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    if output.read_line(&mut line).unwrap_or(0) == 0 {
                        return;
                    }
                    match line.trim_end().split_once(": ") {
                        Some(("Content-Length", value)) => {
                            length = value.parse().expect("a length");
                        }
                        _ if line.trim_end().is_empty() => break,
                        _ => {}
                    }
                }
                let mut body = vec![0; length];
                output.read_exact(&mut body).expect("a body");
                if send
                    .send(serde_json::from_slice(&body).expect("JSON"))
                    .is_err()
                {
                    return;
                }
            }
        });
        Self { child, input, said }
    }

    fn say(&mut self, message: &Value) {
        let body = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{body}", body.len()).expect("it listens");
    }

    fn ask(&mut self, id: u32, method: &str, parameters: &Value) -> Value {
        self.say(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": parameters }));
        self.next(|message| message["id"] == id)
    }

    fn tell(&mut self, method: &str, parameters: &Value) {
        self.say(&json!({ "jsonrpc": "2.0", "method": method, "params": parameters }));
    }

    #[track_caller]
    fn next(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self
                .said
                .recv_timeout(Duration::from_mins(1))
                .expect("an answer");
            if fits(&message) {
                return message;
            }
        }
    }

    /// What is said next about a file.
    #[track_caller]
    fn findings(&mut self, file: &str) -> Vec<Value> {
        let said = self.next(|message| {
            message["method"] == "textDocument/publishDiagnostics"
                && message["params"]["uri"]
                    .as_str()
                    .is_some_and(|uri| uri.ends_with(file))
        });
        said["params"]["diagnostics"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    }
}

fn uri(shop: &Example, file: &str) -> String {
    let root = shop.path().canonicalize().expect("a folder");
    format!("file://{}/{file}", root.display())
}

#[test]
fn an_editor_sees_what_the_command_line_finds() {
    let shop = Example::copy("bookvault-monolith");
    let file = "web/src/payment/fraud.ts";
    let text = std::fs::read_to_string(shop.path().join(file)).expect("the file");
    let mut editor = Editor::open(&shop);
    let root = uri(&shop, "");
    let begun = editor.ask(
        1,
        "initialize",
        &json!({ "rootUri": root, "capabilities": {} }),
    );
    assert_eq!(
        begun["result"]["capabilities"]["textDocumentSync"]["change"],
        1
    );
    editor.tell("initialized", &json!({}));
    let found = editor.findings(file);
    let reads = |found: &[Value]| found.iter().filter(|own| own["code"] == "FH2102").count();
    assert_eq!(reads(&found), 1, "{found:?}");
    assert_eq!(found[0]["severity"], 1);
    assert_eq!(found[0]["range"]["start"]["line"], 12);

    // What is typed counts before it is saved.
    let document =
        json!({ "uri": uri(&shop, file), "languageId": "typescript", "version": 1, "text": text });
    editor.tell("textDocument/didOpen", &json!({ "textDocument": document }));
    let typed = format!("{text}\nexport const late = (db) => db.query('select * from books b');\n");
    let change = json!({ "textDocument": { "uri": uri(&shop, file), "version": 2 }, "contentChanges": [{ "text": typed }] });
    editor.tell("textDocument/didChange", &change);
    let found = loop {
        let found = editor.findings(file);
        if reads(&found) != 1 {
            break found;
        }
    };
    assert_eq!(reads(&found), 2, "{found:?}");
    // Closed without saving: the file on the disk counts.
    editor.tell(
        "textDocument/didClose",
        &json!({ "textDocument": { "uri": uri(&shop, file) } }),
    );
    assert_eq!(reads(&editor.findings(file)), 1);

    // A broken description is a finding of its own, and the old ones go.
    let boundaries =
        std::fs::read_to_string(shop.path().join("boundaries.yaml")).expect("the file");
    shop.write("boundaries.yaml", "contexts:\n  a: { tabels: [x] }\n");
    editor.tell("workspace/didChangeWatchedFiles", &json!({ "changes": [] }));
    let broken = editor.findings("boundaries.yaml");
    assert_eq!(broken[0]["code"], "FH2201");
    assert_eq!(broken[0]["range"]["start"]["line"], 1);
    assert!(editor.findings(file).is_empty());
    shop.write("boundaries.yaml", &boundaries);
    editor.tell("workspace/didChangeWatchedFiles", &json!({ "changes": [] }));
    assert_eq!(reads(&editor.findings(file)), 1);

    let refused = editor.ask(2, "textDocument/rename", &json!({}));
    assert_eq!(refused["error"]["code"], -32601);
    editor.ask(3, "shutdown", &Value::Null);
    editor.tell("exit", &Value::Null);
    assert!(editor.child.wait().expect("it ends").success());
}

/// An editor that dies takes its server with it.
#[test]
fn it_ends_with_its_editor() {
    let shop = Example::copy("bookvault-monolith");
    let mut editor = Editor::open(&shop);
    editor.ask(1, "initialize", &json!({}));
    drop(editor.input);
    assert!(editor.child.wait().expect("it ends").success());
}
