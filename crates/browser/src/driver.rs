//! One browser that is driven: opens addresses, clicks, types, looks, over Chromium's own protocol
//! (<https://chromedevtools.github.io/devtools-protocol/>) on a pair of pipes. Nothing listens on a port,
//! and no program besides the browser is needed.
//!
//! Clicks and keys are input events, as a person's; what is waited for is a condition, never a time.

use std::fs;
use std::io::{BufRead as _, BufReader, PipeWriter, Write as _};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use command_fds::{CommandFdExt as _, FdMapping};
use serde_json::{Value, json};

use crate::Browser;

/// How long anything is waited for before the test fails.
const PATIENCE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(50);

/// A browser with one page. Ended when dropped.
pub struct Driver {
    child: Child,
    to: PipeWriter,
    from: Receiver<Value>,
    session: String,
    last: u64,
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Driver {
    /// Starts it with a profile of its own in `folder`.
    ///
    /// # Panics
    /// If it does not start; so do all of these when something is not as it should be.
    pub fn start(browser: &Browser, folder: &Path) -> Self {
        let (theirs, to) = std::io::pipe().expect("a pipe");
        let (from, ours) = std::io::pipe().expect("a pipe");
        let mut command = browser.command(folder);
        command.arg("--remote-debugging-pipe").arg("about:blank");
        command.stdin(Stdio::null()).stdout(Stdio::null());
        // Where Chromium reads and writes with this option.
        let mappings = vec![
            FdMapping {
                parent_fd: theirs.into(),
                child_fd: 3,
            },
            FdMapping {
                parent_fd: ours.into(),
                child_fd: 4,
            },
        ];
        let command = command.fd_mappings(mappings).expect("two descriptors");
        let child = command.spawn().expect("the browser starts");
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            let messages = BufReader::new(from).split(0);
            for message in messages.map_while(Result::ok) {
                let message = serde_json::from_slice(&message).expect("a message");
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut own = Self {
            child,
            to,
            from: receiver,
            session: String::new(),
            last: 0,
        };
        let targets = own.ask("Target.getTargets", &json!({}));
        let pages = targets["targetInfos"].as_array().expect("targets");
        let page = pages
            .iter()
            .find(|it| it["type"] == "page")
            .expect("a page");
        let attach = json!({ "targetId": page["targetId"], "flatten": true });
        let attached = own.ask("Target.attachToTarget", &attach);
        attached["sessionId"]
            .as_str()
            .expect("a session")
            .clone_into(&mut own.session);
        own.ask("Page.enable", &json!({}));
        own.ask("Runtime.enable", &json!({}));
        own
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        let answer = self.try_to(method, params);
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// An error is the browser's own: the page is just being left.
    fn try_to(&mut self, method: &str, params: &Value) -> Result<Value, Value> {
        self.last += 1;
        let id = self.last;
        let mut message = json!({ "id": id, "method": method, "params": params });
        if !self.session.is_empty() {
            message["sessionId"] = self.session.clone().into();
        }
        let text = format!("{message}\0");
        self.to
            .write_all(text.as_bytes())
            .expect("the browser listens");
        loop {
            let answer = self.from.recv_timeout(PATIENCE);
            let mut answer = answer.unwrap_or_else(|_| panic!("{method} is not answered"));
            if answer["id"] == id {
                return match answer.get_mut("error") {
                    Some(error) => Err(error.take()),
                    None => Ok(answer["result"].take()),
                };
            }
        }
    }

    /// In pixels, and light or dark.
    pub fn show(&mut self, (width, height): (u32, u32), dark: bool) {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.ask("Emulation.setDeviceMetricsOverride", &size);
        let theme = if dark { "dark" } else { "light" };
        let theme = json!({ "features": [{ "name": "prefers-color-scheme", "value": theme }] });
        self.ask("Emulation.setEmulatedMedia", &theme);
    }

    /// Opens an address and waits until all of it is there.
    pub fn open(&mut self, address: &str) {
        self.run("window.left = true");
        let opened = self.ask("Page.navigate", &json!({ "url": address }));
        assert!(opened.get("errorText").is_none(), "{address}: {opened}");
        self.until("document.readyState === 'complete' && !window.left");
    }

    /// What a piece of script gives; a promise is waited for.
    pub fn run(&mut self, script: &str) -> Value {
        let asked = json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let mut given = self.ask("Runtime.evaluate", &asked);
        assert!(
            given.get("exceptionDetails").is_none(),
            "{}: {}",
            script.chars().take(200).collect::<String>(),
            given["exceptionDetails"]
        );
        given["result"]["value"].take()
    }

    /// Waits until this script says `true`.
    #[track_caller]
    pub fn until(&mut self, script: &str) {
        let begun = Instant::now();
        // A page that is just being left has nothing to say.
        let asked = format!(
            "Boolean((() => {{ try {{ return {script}; }} catch {{ return false; }} }})())"
        );
        let asked = json!({ "expression": asked, "returnByValue": true });
        let said = |own: Result<Value, Value>| own.is_ok_and(|own| own["result"]["value"] == true);
        while !said(self.try_to("Runtime.evaluate", &asked)) {
            if begun.elapsed() > PATIENCE {
                let text = self.run("location.href + '\\n' + document.body.innerText");
                panic!("never: {script}\n{}", text.as_str().unwrap_or_default());
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Clicks into the middle of the first that this selector names, as a person does.
    #[track_caller]
    pub fn click(&mut self, selector: &str) {
        let named = Value::from(selector);
        self.until(&format!(
            "document.querySelector({named}).checkVisibility()"
        ));
        let place = self.run(&format!(
            "(() => {{ const own = document.querySelector({named}); own.scrollIntoView({{ block: 'center', behavior: 'instant' }}); const box = own.getClientRects()[0]; return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        ));
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let event = json!({ "type": kind, "x": place[0], "y": place[1], "button": if kind == "mouseMoved" { "none" } else { "left" }, "clickCount": 1 });
            self.ask("Input.dispatchMouseEvent", &event);
        }
    }

    /// Presses a key that types one character.
    pub fn press(&mut self, key: char) {
        for kind in ["keyDown", "keyUp"] {
            let event = json!({ "type": kind, "key": key.to_string(), "text": if kind == "keyDown" { key.to_string() } else { String::new() } });
            self.ask("Input.dispatchKeyEvent", &event);
        }
    }

    /// A picture of what is seen.
    pub fn picture(&mut self, file: &Path) {
        let taken = self.ask("Page.captureScreenshot", &json!({ "format": "png" }));
        let bytes = BASE64_STANDARD.decode(taken["data"].as_str().expect("a picture"));
        fs::write(file, bytes.expect("base64")).expect("a file");
    }
}
