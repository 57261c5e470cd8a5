//! Server-sent events.

use reqwest::Response;

/// An execution's stream. That something happened is all that is read from it: what happened is asked for, so that a reader that
/// was too slow, or that missed something, is never wrong.
#[derive(Debug)]
pub struct Stream {
    response: Response,
    lines: Lines,
}

/// One line may not fill the memory; nothing in it is used.
const LINE_BYTES_MAX: usize = 64 << 10;

impl Stream {
    pub fn new(response: Response) -> Stream {
        Stream { response, lines: Lines::default() }
    }

    /// Waits until something has happened. `None` when the stream has ended or broke.
    pub async fn changed(&mut self) -> Option<()> {
        loop {
            let chunk = self.response.chunk().await.ok()??;
            if self.lines.push(&chunk) > 0 {
                return Some(());
            }
        }
    }
}

/// Finds events in a text that comes in pieces.
#[derive(Debug, Default)]
struct Lines {
    line: Vec<u8>,
    has_data: bool,
}

impl Lines {
    /// How many events are complete with this piece.
    fn push(&mut self, chunk: &[u8]) -> usize {
        let mut events = 0;
        for &byte in chunk {
            if byte != b'\n' {
                if self.line.len() < LINE_BYTES_MAX {
                    self.line.push(byte);
                }
                continue;
            }
            if self.line.strip_suffix(b"\r").unwrap_or(&self.line).is_empty() {
                events += usize::from(self.has_data);
                self.has_data = false;
            } else if self.line.starts_with(b"data") {
                self.has_data = true;
            }
            self.line.clear();
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_complete_with_its_empty_line_wherever_it_is_cut() {
        let text = b": ping\n\nid: 3\r\nevent: entry\r\ndata: {}\r\n\r\ndata: a\ndata: b\n\n";
        for cut in 0..text.len() {
            let mut lines = Lines::default();
            assert_eq!(lines.push(&text[..cut]) + lines.push(&text[cut..]), 2, "cut at {cut}");
        }
    }

    #[test]
    fn a_comment_is_no_event() {
        assert_eq!(Lines::default().push(b": keep-alive\n\n"), 0);
    }
}
