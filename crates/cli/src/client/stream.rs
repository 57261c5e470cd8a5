//! Server-sent events.

use std::collections::VecDeque;

use reqwest::Response;

/// A stream of events. Whoever reads one asks again for what a reader that was too slow, or whose connection broke, may have missed.
#[derive(Debug)]
pub struct Stream {
    response: Response,
    lines: Lines,
    ready: VecDeque<Event>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// Empty for the usual ones.
    pub name: String,
    pub data: String,
}

/// One line may not fill the memory: of a longer one the beginning is kept, which is no JSON then.
const LINE_BYTES_MAX: usize = 1 << 20;

impl Stream {
    pub fn new(response: Response) -> Stream {
        Stream { response, lines: Lines::default(), ready: VecDeque::new() }
    }

    /// The next message. `None` when the stream has ended or broke.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            let chunk = self.response.chunk().await.ok()??;
            self.ready.extend(self.lines.push(&chunk));
        }
    }

    /// Waits until something has happened. `None` when the stream has ended or broke.
    pub async fn changed(&mut self) -> Option<()> {
        self.next().await?;
        self.ready.clear();
        Some(())
    }
}

/// Finds events in a text that comes in pieces.
#[derive(Debug, Default)]
struct Lines {
    line: Vec<u8>,
    event: Event,
    has_data: bool,
}

impl Lines {
    /// The events that are complete with this piece.
    fn push(&mut self, chunk: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for &byte in chunk {
            if byte != b'\n' {
                if self.line.len() < LINE_BYTES_MAX {
                    self.line.push(byte);
                }
                continue;
            }
            let line = String::from_utf8_lossy(&self.line).trim_end_matches('\r').to_owned();
            self.line.clear();
            if let Some(event) = self.end_line(&line) {
                events.push(event);
            }
        }
        events
    }

    fn end_line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return std::mem::take(&mut self.has_data).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.event.name = value.to_owned(),
            "data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
                self.has_data = true;
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_complete_with_its_empty_line_wherever_it_is_cut() {
        let text = b": ping\n\nid: 3\r\nevent: entry\r\ndata: {}\r\n\r\ndata: a\ndata: b\n\n";
        let event = |name: &str, data: &str| Event { name: name.to_owned(), data: data.to_owned() };
        for cut in 0..text.len() {
            let mut lines = Lines::default();
            let mut events = lines.push(&text[..cut]);
            events.extend(lines.push(&text[cut..]));
            assert_eq!(events, [event("entry", "{}"), event("", "a\nb")], "cut at {cut}");
        }
    }

    #[test]
    fn a_comment_is_no_event() {
        assert_eq!(Lines::default().push(b": keep-alive\n\n"), []);
    }
}
