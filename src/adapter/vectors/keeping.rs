//! What is in memory and what is on the disk, kept in step: changes are taken in one batch after the other, in small steps between
//! which searches go on.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use uuid::Uuid;

use super::code::{Code, code};
use super::log::{Log, each_record, is_in, read_rest};
use super::records::{Record, point_bytes};
use super::room::{House, SharedRoom, enter, look};
use super::search::Rests;
use super::segment::{Place, Point};
use crate::kernel::id::TenantId;
use crate::port::vectors::{Change, Corner, Fullness, Space, VectorFault};

/// So many changes are a step.
const STEP: usize = 128;

/// So many pieces of the log are written anew at most when changes are taken in.
const PIECES_AT_ONCE: usize = 2;

/// The index, in memory and on the disk.
#[derive(Debug)]
pub(super) struct Keeping {
    house: House,
    rests: RwLock<Arc<Rests>>,
    mark: Mutex<Option<i64>>,
    disk_bytes: AtomicU64,
    writer: Mutex<Writer>,
}

/// Who writes, one at a time.
#[derive(Debug)]
struct Writer {
    folder: PathBuf,
    log: Log,
    /// What still counts of each piece, in bytes.
    live: Live,
}

/// What still counts of the pieces of the log.
#[derive(Debug, Default)]
struct Live(HashMap<u32, u64>);

impl Live {
    fn comes(&mut self, piece: u32, size: usize) {
        *self.0.entry(piece).or_default() += point_bytes(size);
    }

    fn goes(&mut self, place: Option<Place>, size: usize) {
        if let Some(bytes) = place.and_then(|place| self.0.get_mut(&place.piece)) {
            *bytes = bytes.saturating_sub(point_bytes(size));
        }
    }

    fn bytes(&self) -> u64 {
        self.0.values().sum()
    }
}

/// A change as it is applied in memory, its vector in the form that is kept.
enum Step {
    Put { space: Space, corner: Corner, id: Uuid, code: Code, place: Place },
    Other(Change),
}

impl Keeping {
    /// Opens the index of a folder.
    pub(super) fn open(folder: &Path, piece_bytes: u64) -> Result<Self, VectorFault> {
        make_folder(folder).map_err(|error| fault(&error))?;
        let (house, live, mark, log) = match read(folder, piece_bytes) {
            Ok(Some(read)) => read,
            unread => {
                if let Err(why) = unread {
                    tracing::warn!(
                        folder = %folder.display(), why,
                        "the index of vectors cannot be read: it is thrown away and filled anew"
                    );
                }
                let log = Log::new(folder, piece_bytes).map_err(|error| fault(&error))?;
                (House::default(), Live::default(), None, log)
            }
        };
        let writer = Writer { folder: folder.to_owned(), log, live };
        Ok(Self {
            house,
            rests: RwLock::new(Arc::new(writer.log.rests())),
            mark: Mutex::new(mark),
            disk_bytes: AtomicU64::new(writer.log.bytes()),
            writer: Mutex::new(writer),
        })
    }

    /// What is in memory.
    pub(super) fn house(&self) -> &House {
        &self.house
    }

    /// The files with the rests of codes.
    pub(super) fn rests(&self) -> Arc<Rests> {
        self.rests.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Up to where the feed was taken in.
    pub(super) fn mark(&self) -> Option<i64> {
        *self.mark.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How full it is.
    pub(super) fn fullness(&self) -> Fullness {
        let (points, bytes) = self.house.fullness();
        let disk_bytes = self.disk_bytes.load(Ordering::Relaxed);
        Fullness { points: points as u64, memory_bytes: bytes as u64, disk_bytes }
    }

    /// Takes changes in, and the mark.
    pub(super) fn take(&self, changes: Vec<Change>, mark: Option<i64>) -> Result<(), VectorFault> {
        if changes.is_empty() && (mark.is_none() || mark == self.mark()) {
            return Ok(());
        }
        let mut writer = self.writer();
        writer.log.ready().map_err(|error| fault(&error))?;
        let taken = self.take_in(&mut writer, changes, mark);
        self.tell(&writer.log);
        taken.map_err(|error| fault(&error))?;
        if let Err(why) = self.tidy(&mut writer) {
            // It is tried again after the next changes.
            tracing::warn!(why, "the log of the index of vectors could not be tidied up");
        }
        self.tell(&writer.log);
        Ok(())
    }

    /// Throws everything away.
    pub(super) fn clear(&self) -> Result<(), VectorFault> {
        let mut writer = self.writer();
        let log = Log::new(&writer.folder, writer.log.limit()).map_err(|error| fault(&error))?;
        self.house.take_out(|_, _| true);
        writer.log = log;
        writer.live = Live::default();
        self.set_mark(None);
        self.tell(&writer.log);
        Ok(())
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_mark(&self, mark: Option<i64>) {
        *self.mark.lock().unwrap_or_else(PoisonError::into_inner) = mark;
    }

    /// Lets searches and people see what there is on the disk.
    fn tell(&self, log: &Log) {
        self.disk_bytes.store(log.bytes(), Ordering::Relaxed);
        let (known, rests) = (self.rests(), log.rests());
        if known.len() != rests.len() || rests.keys().any(|piece| !known.contains_key(piece)) {
            *self.rests.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rests);
        }
    }

    fn take_in(&self, writer: &mut Writer, changes: Vec<Change>, mark: Option<i64>) -> io::Result<()> {
        let mut changes = changes.into_iter();
        loop {
            let step: Vec<Change> = changes.by_ref().take(STEP).collect();
            if step.is_empty() {
                break;
            }
            let (mut records, mut rests) = (Vec::new(), Vec::new());
            let steps: Vec<Step> = step
                .into_iter()
                .map(|change| self.written(&mut writer.log, change, &mut records, &mut rests))
                .collect();
            writer.log.add(&records, &rests)?;
            for step in steps {
                self.apply(&mut writer.live, step);
            }
            writer.log.turn_over()?;
            // What is searched for is found from now on, the rest of its code too.
            self.tell(&writer.log);
        }
        let mark = mark.or_else(|| self.mark());
        writer.log.commit(mark)?;
        self.set_mark(mark);
        Ok(())
    }

    /// Writes a change down, and answers it as it is applied.
    fn written(&self, log: &mut Log, change: Change, records: &mut Vec<u8>, rests: &mut Vec<u8>) -> Step {
        match &change {
            Change::Put { space, corner, id, vector } => {
                let code = code(vector, &self.house.turning(space.size));
                let place = write_point(log, space, corner, *id, &code, records, rests);
                return Step::Put { space: space.clone(), corner: corner.clone(), id: *id, code, place };
            }
            Change::Remove { tenant, of, id } => {
                Record::Remove { tenant: *tenant, of: of.clone(), id: *id }.write(records);
            }
            Change::RemoveTenant(tenant) => Record::RemoveTenant(*tenant).write(records),
            Change::RemoveSpace(space) => Record::RemoveSpace(space.clone()).write(records),
        }
        Step::Other(change)
    }

    fn apply(&self, live: &mut Live, step: Step) {
        match step {
            Step::Put { space, corner, id, code, place } => {
                let room = self.house.room_or_new(&space, &corner);
                let before = enter(&room).put(&corner.part, id, &Point::new(&code, place));
                live.goes(before, space.size);
                live.comes(place.piece, space.size);
            }
            Step::Other(Change::Remove { tenant, of, id }) => remove(&self.house, live, tenant, &of, id),
            Step::Other(Change::RemoveTenant(tenant)) => remove_all(&self.house, live, |of, _| of == tenant),
            Step::Other(Change::RemoveSpace(space)) => remove_all(&self.house, live, |_, of| *of == space),
            // It is a `Step::Put`.
            Step::Other(Change::Put { .. }) => {}
        }
    }

    /// Writes the oldest pieces of the log anew, without what no longer counts, while more than half of it does not.
    fn tidy(&self, writer: &mut Writer) -> Result<(), String> {
        for _ in 0..PIECES_AT_ONCE {
            if writer.log.bytes() <= 2 * writer.live.bytes() + 2 * writer.log.limit() {
                break;
            }
            let (first, bytes) = writer.log.oldest()?;
            if let Err(why) = self.write_anew(writer, first, &bytes) {
                writer.log.forget_corners();
                return Err(why);
            }
            let commit = writer.log.commit(self.mark()).map_err(|error| error.to_string())?;
            // Searches that began earlier hold on to the files that they read.
            writer.log.drop_oldest(commit).map_err(|error| error.to_string())?;
            writer.live.0.remove(&first);
        }
        Ok(())
    }

    /// Writes at the end of the log what of a piece still counts.
    fn write_anew(&self, writer: &mut Writer, first: u32, bytes: &[u8]) -> Result<(), String> {
        let rests_of = self.rests();
        let rest_file = rests_of.get(&first).ok_or("a file is missing")?;
        let mut corners: HashMap<u32, (Space, Corner, SharedRoom)> = HashMap::new();
        let Writer { log, live, .. } = writer;
        let (mut records, mut rests) = (Vec::new(), Vec::new());
        let mut moved: Vec<(SharedRoom, Uuid, Place, usize)> = Vec::new();
        let mut flush = |log: &mut Log, records: &mut Vec<u8>, rests: &mut Vec<u8>, moved: &mut Vec<_>| {
            log.add(records, rests).map_err(|error| error.to_string())?;
            records.clear();
            rests.clear();
            for (room, id, place, size) in moved.drain(..) {
                let (room, place): (SharedRoom, Place) = (room, place);
                enter(&room).move_to(id, place);
                live.comes(place.piece, size);
            }
            log.turn_over().map_err(|error| error.to_string())?;
            self.tell(log);
            Ok::<(), String>(())
        };
        each_record(first, bytes, &mut |piece, record| {
            match record {
                Record::Corner { number, space, corner } => {
                    if let Some(room) = self.house.room(&space, &corner) {
                        corners.insert(number, (space, corner, room));
                    } else {
                        corners.remove(&number);
                    }
                }
                Record::Put { corner, id, rest_at, code } => {
                    let Some((space, corner, room)) = corners.get(&corner) else { return Ok(()) };
                    if look(room).place(id) != Some(Place { piece, at: rest_at }) {
                        return Ok(());
                    }
                    let mut code = code.clone();
                    code.low = vec![0; space.size];
                    read_rest(rest_file, rest_at, &mut code.low).map_err(|error| error.to_string())?;
                    let place = write_point(log, space, corner, id, &code, &mut records, &mut rests);
                    moved.push((room.clone(), id, place, space.size));
                    if moved.len() == STEP {
                        flush(log, &mut records, &mut rests, &mut moved)?;
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        flush(log, &mut records, &mut rests, &mut moved)
    }
}

/// Writes a point down, and answers where the rest of its code will lie.
fn write_point(
    log: &mut Log,
    space: &Space,
    corner: &Corner,
    id: Uuid,
    code: &Code,
    records: &mut Vec<u8>,
    rests: &mut Vec<u8>,
) -> Place {
    let number = log.corner(space, corner, records);
    let (piece, end) = log.end();
    let at = u32::try_from(end + rests.len() as u64).unwrap_or(u32::MAX);
    Record::Put { corner: number, id, rest_at: at, code }.write(records);
    rests.extend(&code.low);
    Place { piece, at }
}

fn remove(house: &House, live: &mut Live, tenant: TenantId, of: &Arc<str>, id: Uuid) {
    for (size, room) in house.rooms(tenant, of) {
        live.goes(enter(&room).remove(id), size);
    }
}

fn remove_all(house: &House, live: &mut Live, which: impl Fn(TenantId, &Space) -> bool) {
    for (size, room) in house.take_out(which) {
        for place in look(&room).places() {
            live.goes(Some(place), size);
        }
    }
}

type Read = (House, Live, Option<i64>, Log);

/// Reads an index; `None` where there is none.
fn read(folder: &Path, piece_bytes: u64) -> Result<Option<Read>, String> {
    if !is_in(folder)? {
        return Ok(None);
    }
    let (house, mut live, mut mark) = (House::default(), Live::default(), None);
    let mut corners: HashMap<u32, (Space, Corner, Option<SharedRoom>)> = HashMap::new();
    let mut in_piece = None;
    let log = Log::open(folder, piece_bytes, &mut |piece, record| {
        if in_piece != Some(piece) {
            // Each piece gives its corners numbers of its own.
            corners.clear();
            in_piece = Some(piece);
        }
        match record {
            Record::Corner { number, space, corner } => {
                corners.insert(number, (space, corner, None));
            }
            Record::Put { corner, id, rest_at, code } => {
                let (space, corner, room) = corners.get_mut(&corner).ok_or("a point lies in no corner")?;
                if code.high.len() != space.size {
                    return Err("a point has another size than its space".to_owned());
                }
                let place = Place { piece, at: rest_at };
                let room = room.get_or_insert_with(|| house.room_or_new(space, corner));
                live.goes(enter(room).put(&corner.part, id, &Point::new(code, place)), space.size);
                live.comes(piece, space.size);
            }
            Record::Remove { tenant, of, id } => remove(&house, &mut live, tenant, &of, id),
            Record::RemoveTenant(tenant) => {
                remove_all(&house, &mut live, |of, _| of == tenant);
                forget(&mut corners);
            }
            Record::RemoveSpace(space) => {
                remove_all(&house, &mut live, |_, of| *of == space);
                forget(&mut corners);
            }
            Record::Commit(of) => mark = of,
        }
        Ok(())
    })?;
    Ok(Some((house, live, mark, log)))
}

/// Rooms may be gone: those that are needed again are looked up anew.
fn forget(corners: &mut HashMap<u32, (Space, Corner, Option<SharedRoom>)>) {
    for (_, _, room) in corners.values_mut() {
        *room = None;
    }
}

pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

pub(super) fn fault(error: &io::Error) -> VectorFault {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            VectorFault::Unavailable("there is no room left on its disk".to_owned())
        }
        _ => VectorFault::Unavailable(error.to_string()),
    }
}
