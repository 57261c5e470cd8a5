//! Whether a write-ahead log that a crash has left holds all that was synced.
//!
//! SQLite takes the first frame whose checksum is wrong for the end of the log: that is what a power cut leaves of a commit
//! under way. But when the disk has changed a frame that was synced, the commits from there on are gone, without a word. The two can
//! be told apart: the frames of a commit are written once the commit before it has been synced, and a checksum continues that of
//! the frame before. So where a commit is followed by a frame that continues it, everything up to that commit was on disk, and
//! what is not there now is damage. Only the last commit of a log is without such a witness.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
const MAGIC: u32 = 0x377f_0682;
const PAGE_BYTES_MAX: u32 = 64 << 10;

type Checksum = (u32, u32);

/// What is wrong with the log, when that is certain.
pub(super) fn damage(path: &Path) -> std::io::Result<Option<String>> {
    let mut log = match File::open(path) {
        Ok(file) => BufReader::with_capacity(1 << 20, file),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut header = [0; HEADER_BYTES];
    // One that never came to the disk is shorter, or zeros: it is synced before the first frame.
    if !fill(&mut log, &mut header)? || header == [0; HEADER_BYTES] {
        return Ok(None);
    }
    let Some(mut walk) = Walk::of(&header) else {
        return Ok(Some("the header of the log is not one".to_owned()));
    };
    let mut frame = vec![0; FRAME_HEADER_BYTES + walk.page_bytes];
    while fill(&mut log, &mut frame)? {
        if let Some(broken) = walk.step(&frame) {
            return Ok(Some(format!("frame {broken} of the log is not what was written, and later commits follow it")));
        }
    }
    Ok(None)
}

/// False at the end of the file.
fn fill(log: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<bool> {
    match log.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// From frame to frame.
struct Walk {
    page_bytes: usize,
    big_endian: bool,
    /// Those of this use of the log; frames of an earlier one have others.
    salts: [u8; 8],
    /// Of the last frame that is what was written.
    sound: Checksum,
    /// The first one that is not, counted from 1.
    broken: Option<u64>,
    frames: u64,
    /// What a frame continues that was written after the one before, when that one ends a commit: it may be that its checksum is
    /// what was changed, or the rest of it.
    continues: Vec<Checksum>,
}

impl Walk {
    fn of(header: &[u8; HEADER_BYTES]) -> Option<Walk> {
        let (magic, page_bytes) = (number(header, 0), number(header, 8));
        let big_endian = magic & 1 == 1;
        let sound = checksum((0, 0), &header[..24], big_endian);
        let is_header = magic & !1 == MAGIC
            && page_bytes.is_power_of_two()
            && (512..=PAGE_BYTES_MAX).contains(&page_bytes)
            && sound == (number(header, 24), number(header, 28));
        let salts = header[16..24].try_into().expect("these are 8 bytes");
        let page_bytes = page_bytes as usize;
        is_header.then(|| Walk { page_bytes, big_endian, salts, sound, broken: None, frames: 0, continues: Vec::new() })
    }

    /// The frame that is broken, once a later one shows that it was on disk.
    fn step(&mut self, frame: &[u8]) -> Option<u64> {
        self.frames += 1;
        let of_this_log = frame[8..16] == self.salts;
        let stored = (number(frame, 16), number(frame, 20));
        let after = |before| {
            let sum = checksum(before, &frame[..8], self.big_endian);
            checksum(sum, &frame[FRAME_HEADER_BYTES..], self.big_endian)
        };
        let ends_commit = of_this_log && number(frame, 4) != 0;
        match self.broken {
            None => {
                let computed = after(self.sound);
                if of_this_log && computed == stored {
                    self.sound = stored;
                } else {
                    self.broken = Some(self.frames);
                    self.continues = if ends_commit { vec![stored, computed] } else { Vec::new() };
                }
                None
            }
            Some(_) if of_this_log && self.continues.iter().any(|before| after(*before) == stored) => self.broken,
            Some(_) => {
                self.continues = if ends_commit { vec![stored] } else { Vec::new() };
                None
            }
        }
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("these are 4 bytes"))
}

/// As the format of SQLite's log has it; the length is a multiple of 8.
fn checksum(before: Checksum, bytes: &[u8], big_endian: bool) -> Checksum {
    let read = if big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
    let (mut a, mut b) = before;
    // Spelt out: tests are built without optimisation, and go through many logs.
    for pair in bytes.chunks_exact(8) {
        a = a.wrapping_add(read([pair[0], pair[1], pair[2], pair[3]])).wrapping_add(b);
        b = b.wrapping_add(read([pair[4], pair[5], pair[6], pair[7]])).wrapping_add(a);
    }
    (a, b)
}
