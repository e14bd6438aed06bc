//! The index on the disk: a log in pieces of two files each, `.codes` with the records, which are read at a start, and `.rest` with
//! the lower halves of the codes, which are read by place. What is not committed, or was torn, is cut off when it is opened; the
//! oldest piece goes when what of it still counts was written anew at the end.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::code::Code;
use super::records::{MAGIC, Reader, Record, frame, unframe};
use crate::port::vectors::{Corner, Space};

/// A piece with so many bytes of records is full.
pub(super) const PIECE: u64 = 32 << 20;

/// So many bytes of records may wait for the end of what is taken in.
const WAITING: usize = 8 << 20;

const HEAD: &str = "head.json";

/// Where the log begins and how far it must reach: what ends before that has lost something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    first: u32,
    sure: u64,
}

/// One piece, open.
#[derive(Debug)]
struct Piece {
    codes: File,
    rest: Arc<File>,
    codes_bytes: u64,
    rest_bytes: u64,
}

/// The log, open at its end.
#[derive(Debug)]
pub(super) struct Log {
    folder: PathBuf,
    limit: u64,
    pieces: BTreeMap<u32, Piece>,
    last: u32,
    /// The number of the next frame.
    number: u64,
    /// Frames that are not written yet.
    waiting: Vec<u8>,
    /// The numbers that corners have in the last piece.
    corners: HashMap<(Space, Corner), u32>,
    /// Whether the disk once did not keep what it was told to.
    lost: bool,
}

/// What a log says when it is opened, record by record, with the piece that it stands in.
pub(super) type Told<'a> = dyn FnMut(u32, Record<'_>) -> Result<(), String> + 'a;

impl Log {
    /// Opens a log and tells what is committed in it.
    ///
    /// # Errors
    /// When it cannot be read: it must be thrown away then.
    pub(super) fn open(folder: &Path, limit: u64, told: &mut Told<'_>) -> Result<Self, String> {
        let head = read_head(folder)?;
        let found = pieces_in(folder)?;
        for number in found.iter().filter(|number| **number < head.first) {
            remove_piece(folder, *number);
        }
        let numbers: Vec<u32> = found.into_iter().filter(|number| *number >= head.first).collect();
        if numbers.is_empty() || numbers.iter().zip(head.first..).any(|(number, expected)| *number != expected) {
            return Err(format!("a piece is missing from {} on", head.first));
        }
        let end = replay(folder, &numbers, told)?;
        if end.number <= head.sure {
            return Err("its end is missing".to_owned());
        }
        let mut pieces = BTreeMap::new();
        for number in numbers {
            if number > end.piece {
                remove_piece(folder, number);
                continue;
            }
            let mut piece = open_piece(folder, number, false).map_err(|error| error.to_string())?;
            if number == end.piece {
                piece.codes.set_len(end.at).and_then(|()| piece.codes.sync_all()).map_err(|error| error.to_string())?;
                piece.codes_bytes = end.at;
            }
            if piece.rest_bytes < end.rests.get(&number).copied().unwrap_or(0) {
                return Err(format!("{} is too short", path(folder, number, "rest").display()));
            }
            pieces.insert(number, piece);
        }
        Ok(Self { pieces, last: end.piece, number: end.number, ..Self::closed(folder, limit) })
    }

    /// A new log in a folder, in place of what is there of another.
    pub(super) fn new(folder: &Path, limit: u64) -> io::Result<Self> {
        let before = pieces_in(folder).unwrap_or_default();
        let first = before.last().map_or(1, |last| last.saturating_add(1));
        let mut log = Self { number: 1, ..Self::closed(folder, limit) };
        log.begin(first)?;
        write_head(folder, Head { first, sure: 0 })?;
        for number in before {
            remove_piece(folder, number);
        }
        Ok(log)
    }

    fn closed(folder: &Path, limit: u64) -> Self {
        Self {
            folder: folder.to_owned(),
            limit,
            pieces: BTreeMap::new(),
            last: 0,
            number: 1,
            waiting: Vec::new(),
            corners: HashMap::new(),
            lost: false,
        }
    }

    /// Begins a piece.
    fn begin(&mut self, number: u32) -> io::Result<()> {
        let piece = open_piece(&self.folder, number, true)?;
        piece.codes.sync_all()?;
        sync_folder(&self.folder)?;
        self.pieces.insert(number, piece);
        self.last = number;
        self.corners.clear();
        Ok(())
    }

    /// The number of the last piece, and where in its file the next rests go.
    pub(super) fn end(&self) -> (u32, u64) {
        (self.last, self.pieces.get(&self.last).map_or(0, |piece| piece.rest_bytes))
    }

    /// The first piece.
    pub(super) fn first(&self) -> u32 {
        self.pieces.first_key_value().map_or(self.last, |(number, _)| *number)
    }

    /// The files with the rests of codes.
    pub(super) fn rests(&self) -> HashMap<u32, Arc<File>> {
        self.pieces.iter().map(|(number, piece)| (*number, piece.rest.clone())).collect()
    }

    /// Bytes on the disk.
    pub(super) fn bytes(&self) -> u64 {
        self.pieces.values().map(|piece| piece.codes_bytes + piece.rest_bytes).sum()
    }

    /// How large a piece may grow.
    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    /// The number of a corner in the last piece, written down where it has none.
    pub(super) fn corner(&mut self, space: &Space, corner: &Corner, records: &mut Vec<u8>) -> u32 {
        let next = u32::try_from(self.corners.len()).unwrap_or(u32::MAX);
        *self.corners.entry((space.clone(), corner.clone())).or_insert_with(|| {
            Record::Corner { number: next, space: space.clone(), corner: corner.clone() }.write(records);
            next
        })
    }

    /// Writes what waits from an earlier time, and says whether anything can be written at all.
    pub(super) fn ready(&mut self) -> io::Result<()> {
        if self.lost {
            return Err(io::Error::other("the disk has lost what it was given: start again"));
        }
        self.write()
    }

    /// Takes records in, with the rests of their codes. They wait for the commit.
    pub(super) fn add(&mut self, records: &[u8], rests: &[u8]) -> io::Result<()> {
        if let Err(error) = self.add_rests(rests) {
            self.forget_corners();
            return Err(error);
        }
        self.put(records);
        Ok(())
    }

    fn add_rests(&mut self, rests: &[u8]) -> io::Result<()> {
        if self.waiting.len() > WAITING {
            self.write()?;
        }
        let piece = self.pieces.get_mut(&self.last).ok_or(io::ErrorKind::NotFound)?;
        write_at(&piece.rest, rests, piece.rest_bytes)?;
        piece.rest_bytes += rests.len() as u64;
        Ok(())
    }

    /// Whoever asked for numbers of corners and does not add the records calls this: what says whose the numbers are stands in them.
    pub(super) fn forget_corners(&mut self) {
        self.corners.clear();
    }

    fn put(&mut self, records: &[u8]) {
        if !records.is_empty() {
            frame(self.number, records, &mut self.waiting);
            self.number += 1;
        }
    }

    /// Writes what waits. What fails waits on, and is written to the same place again.
    fn write(&mut self) -> io::Result<()> {
        if let Some(piece) = self.pieces.get_mut(&self.last)
            && !self.waiting.is_empty()
        {
            write_at(&piece.codes, &self.waiting, piece.codes_bytes)?;
            piece.codes_bytes += self.waiting.len() as u64;
            self.waiting.clear();
            self.waiting.shrink_to(WAITING);
        }
        Ok(())
    }

    /// Begins another piece where the last one is full.
    pub(super) fn turn_over(&mut self) -> io::Result<()> {
        let is_full = self.pieces.get(&self.last).is_some_and(|piece| {
            piece.codes_bytes + self.waiting.len() as u64 >= self.limit || piece.rest_bytes >= self.limit
        });
        if is_full { self.next_piece() } else { Ok(()) }
    }

    fn next_piece(&mut self) -> io::Result<()> {
        self.sync(true)?;
        self.write()?;
        self.sync(false)?;
        self.begin(self.last + 1)
    }

    /// Makes durable all that was added, and says up to where the feed was taken in. Answers the number of the commit.
    pub(super) fn commit(&mut self, mark: Option<i64>) -> io::Result<u64> {
        let mut records = Vec::new();
        Record::Commit(mark).write(&mut records);
        self.put(&records);
        // A code whose rest is not there would be a wrong one.
        self.sync(true)?;
        self.write()?;
        self.sync(false)?;
        Ok(self.number - 1)
    }

    fn sync(&mut self, rest: bool) -> io::Result<()> {
        let Some(piece) = self.pieces.get(&self.last) else { return Ok(()) };
        let synced = if rest { piece.rest.sync_data() } else { piece.codes.sync_data() };
        if synced.is_err() {
            // Nobody knows any more what is on the disk. Without its head the log is thrown away at the next start.
            self.lost = true;
            let _ = fs::remove_file(self.folder.join(HEAD));
        }
        synced
    }

    /// Says what is in the oldest piece, after which another is the last one.
    ///
    /// # Errors
    /// When it cannot be read, which leaves it where it is.
    pub(super) fn oldest(&mut self) -> Result<(u32, Vec<u8>), String> {
        let first = self.first();
        if first == self.last {
            self.next_piece().map_err(|error| error.to_string())?;
        }
        fs::read(path(&self.folder, first, "codes")).map(|bytes| (first, bytes)).map_err(|error| error.to_string())
    }

    /// Drops the oldest piece: all that counts of it was written anew before a commit.
    pub(super) fn drop_oldest(&mut self, commit: u64) -> io::Result<()> {
        let first = self.first();
        if first != self.last {
            write_head(&self.folder, Head { first: first + 1, sure: commit })?;
            self.pieces.remove(&first);
            remove_piece(&self.folder, first);
        }
        Ok(())
    }
}

/// Where what is committed ends.
struct End {
    piece: u32,
    at: u64,
    number: u64,
    rests: HashMap<u32, u64>,
}

/// Tells what is committed. Records wait for the commit that they belong to.
fn replay(folder: &Path, numbers: &[u32], told: &mut Told<'_>) -> Result<End, String> {
    let first = numbers.first().copied().unwrap_or_default();
    let mut end = End { piece: first, at: MAGIC.len() as u64, number: 1, rests: HashMap::new() };
    let mut held: Vec<(u32, Arc<Vec<u8>>, std::ops::Range<usize>)> = Vec::new();
    let mut expected = None;
    for number in numbers {
        let file = path(folder, *number, "codes");
        let bytes = Arc::new(fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?);
        let Some(mut left) = bytes.strip_prefix(MAGIC) else {
            // A piece that had just begun.
            if *number != first {
                break;
            }
            return Err(format!("{} is no piece of an index", file.display()));
        };
        while let Some((frame, records, rest)) = unframe(left) {
            if expected.is_some_and(|expected| expected != frame) {
                break;
            }
            expected = Some(frame + 1);
            let until = bytes.len() - rest.len();
            held.push((*number, bytes.clone(), until - records.len()..until));
            left = rest;
            if is_commit(records) {
                for (piece, bytes, range) in held.drain(..) {
                    tell(piece, &bytes[range], &mut end.rests, told)?;
                }
                (end.piece, end.at, end.number) = (*number, until as u64, frame + 1);
            }
        }
        if !left.is_empty() {
            tracing::warn!(
                file = %file.display(), bytes = left.len(),
                "the end of the index of vectors was not written whole and is cut off"
            );
            break;
        }
    }
    Ok(end)
}

fn is_commit(records: &[u8]) -> bool {
    matches!(Reader::new(records).next(&mut Code::default()), Some(Record::Commit(_)))
}

fn tell(piece: u32, records: &[u8], rests: &mut HashMap<u32, u64>, told: &mut Told<'_>) -> Result<(), String> {
    let mut code = Code::default();
    let mut reader = Reader::new(records);
    while !reader.is_done() {
        let record = reader.next(&mut code).ok_or("a record cannot be read")?;
        if let Record::Put { rest_at, code, .. } = &record {
            let reaches = u64::from(*rest_at) + code.high.len() as u64;
            let known = rests.entry(piece).or_default();
            *known = reaches.max(*known);
        }
        told(piece, record)?;
    }
    Ok(())
}

/// Tells the records of a piece that was read.
pub(super) fn each_record(piece: u32, bytes: &[u8], told: &mut Told<'_>) -> Result<(), String> {
    let mut left = bytes.strip_prefix(MAGIC).ok_or("it is no piece of an index")?;
    while let Some((_, records, rest)) = unframe(left) {
        tell(piece, records, &mut HashMap::new(), told)?;
        left = rest;
    }
    if left.is_empty() { Ok(()) } else { Err("a frame cannot be read".to_owned()) }
}

fn path(folder: &Path, number: u32, ending: &str) -> PathBuf {
    folder.join(format!("{number:08}.{ending}"))
}

/// The numbers of the pieces in a folder, in order.
fn pieces_in(folder: &Path) -> Result<Vec<u32>, String> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| error.to_string())? {
        let name = entry.map_err(|error| error.to_string())?.file_name();
        let number =
            name.to_str().and_then(|name| name.strip_suffix(".codes")).and_then(|name| name.parse::<u32>().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn open_piece(folder: &Path, number: u32, is_new: bool) -> io::Result<Piece> {
    let open = |ending| {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(is_new).truncate(is_new);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path(folder, number, ending))
    };
    let (mut codes, rest) = (open("codes")?, open("rest")?);
    if is_new {
        codes.write_all(MAGIC)?;
    }
    let (codes_bytes, rest_bytes) = (codes.metadata()?.len(), rest.metadata()?.len());
    Ok(Piece { codes, rest: Arc::new(rest), codes_bytes, rest_bytes })
}

/// What cannot be removed is removed at the next start.
fn remove_piece(folder: &Path, number: u32) {
    for ending in ["codes", "rest"] {
        let _ = fs::remove_file(path(folder, number, ending));
    }
}

fn read_head(folder: &Path) -> Result<Head, String> {
    let text = fs::read_to_string(folder.join(HEAD)).map_err(|error| format!("{HEAD}: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("{HEAD}: {error}"))
}

fn write_head(folder: &Path, head: Head) -> io::Result<()> {
    write_whole(folder, HEAD, &serde_json::to_string(&head)?)
}

/// Writes a small file so that it is there as it was or as it is to be, whatever happens.
pub(super) fn write_whole(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let (new, place) = (folder.join(format!("{name}.new")), folder.join(name));
    let mut file = File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(new, place)?;
    sync_folder(folder)
}

/// Whether a folder holds a log, or what is left of one.
pub(super) fn is_in(folder: &Path) -> Result<bool, String> {
    Ok(folder.join(HEAD).exists() || !pieces_in(folder)?.is_empty())
}

/// Removes a log, and leaves what else lies in its folder.
pub(super) fn remove(folder: &Path) {
    let _ = fs::remove_file(folder.join(HEAD));
    for number in pieces_in(folder).unwrap_or_default() {
        remove_piece(folder, number);
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

/// Reads the rest of a code.
#[cfg(unix)]
pub(super) fn read_rest(file: &File, at: u32, rest: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, rest, u64::from(at))
}

#[cfg(not(unix))]
fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        done += std::os::windows::fs::FileExt::seek_write(file, &bytes[done..], at + done as u64)?;
    }
    Ok(())
}

/// Reads the rest of a code.
#[cfg(not(unix))]
pub(super) fn read_rest(file: &File, at: u32, rest: &mut [u8]) -> io::Result<()> {
    let mut done = 0;
    while done < rest.len() {
        match std::os::windows::fs::FileExt::seek_read(file, &mut rest[done..], u64::from(at) + done as u64)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => done += read,
        }
    }
    Ok(())
}
