//! The binary on a terminal: `script` gives it a pseudo-terminal, and what it draws is read as a terminal would show it.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::process::workflow;

/// Nothing waits longer; it is the end of a test that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: Arc<(Mutex<Screen>, Condvar)>,
    reader: Option<std::thread::JoinHandle<()>>,
}

struct Screen {
    parser: vt100::Parser,
    raw: Vec<u8>,
    has_ended: bool,
}

/// How a program left its terminal.
#[derive(Debug)]
pub struct Left {
    pub code: i32,
    pub screen: String,
    pub raw: String,
    pub is_cursor_hidden: bool,
    pub is_alternate: bool,
}

impl Terminal {
    /// On a terminal of so many rows and columns.
    pub fn run((rows, columns): (u16, u16), url: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Terminal {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
        let words: Vec<String> =
            std::iter::once(env!("CARGO_BIN_EXE_workflow")).chain(arguments.iter().copied()).map(quoted).collect();
        let line = format!("stty rows {rows} cols {columns} && exec {}", words.join(" "));
        // Only for its environment: nothing of this machine's is in it.
        let bare = workflow(&[]);
        let mut command = std::process::Command::new("script");
        command.args(["--quiet", "--return", "--flush", "--command", &line, "/dev/null"]).env_clear();
        command.envs(bare.get_envs().filter_map(|(name, value)| value.map(|value| (name, value)))).env_remove("COLUMNS");
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("TERM", "xterm-256color").env("SHELL", "/bin/sh");
        command.env("WORKFLOW_URL", url).envs(variables.iter().copied());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let keys = child.stdin.take().unwrap();
        let mut out = child.stdout.take().unwrap();
        let size = |length| std::num::NonZero::new(length).unwrap();
        let parser = vt100::Parser::new(size(rows), size(columns), 0);
        let screen = Arc::new((Mutex::new(Screen { parser, raw: Vec::new(), has_ended: false }), Condvar::new()));
        let shared = screen.clone();
        let reader = std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            loop {
                let count = out.read(&mut chunk).unwrap_or(0);
                let mut screen = shared.0.lock().unwrap();
                screen.parser.process(&chunk[..count]);
                screen.raw.extend_from_slice(&chunk[..count]);
                screen.has_ended = count == 0;
                shared.1.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        Terminal { child, keys, screen, reader: Some(reader) }
    }

    /// What is on the screen once it shows a text.
    pub fn shows(&self, text: &str) -> String {
        self.becomes(&format!("shows {text:?}"), |screen| screen.contains(text))
    }

    pub fn becomes(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let (lock, changed) = &*self.screen;
        let until = Instant::now() + PATIENCE;
        let mut screen = lock.lock().unwrap();
        loop {
            let contents = screen.parser.screen().contents();
            if wanted(&contents) {
                return contents;
            }
            assert!(!screen.has_ended && Instant::now() < until, "it never {what}:\n{contents}");
            screen = changed.wait_timeout(screen, Duration::from_secs(1)).unwrap().0;
        }
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits until the program has ended.
    pub fn left(mut self) -> Left {
        self.reader.take().unwrap().join().unwrap();
        let code = self.child.wait().unwrap().code().unwrap();
        let screen = self.screen.0.lock().unwrap();
        let of = screen.parser.screen();
        Left {
            code,
            screen: of.contents(),
            raw: String::from_utf8_lossy(&screen.raw).into_owned(),
            is_cursor_hidden: of.hide_cursor(),
            is_alternate: of.alternate_screen(),
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
