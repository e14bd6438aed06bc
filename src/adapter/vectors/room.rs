//! The points of one tenant and kind in one space, and what all tenants have.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use uuid::Uuid;

use super::code::Turning;
use super::segment::{Place, Point, Segment};
use crate::kernel::id::TenantId;
use crate::port::vectors::{Corner, Space};

/// Ids are spread already; two multiplications mix what they have in common.
#[derive(Debug, Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut eight = [0; 8];
            eight[..part.len()].copy_from_slice(part);
            let product =
                u128::from(self.0 ^ u64::from_le_bytes(eight) ^ 0x9E37_79B9_7F4A_7C15) * 0xD6E8_FEB8_6659_FD93;
            #[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
            let folded = (product >> 64) as u64 ^ product as u64;
            self.0 = folded;
        }
    }
}

type IdMap<V> = HashMap<Uuid, V, BuildHasherDefault<IdHasher>>;

/// Where a point is in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    /// In which segment.
    pub(super) segment: u32,
    /// In which slot of it.
    pub(super) slot: u32,
}

/// The points of one tenant and kind in one space: each id is there once.
#[derive(Debug, Default)]
pub(super) struct Room {
    spots: IdMap<Spot>,
    parts: HashMap<Arc<str>, u32>,
    segments: Vec<Segment>,
}

impl Room {
    /// The number of a part's segment.
    pub(super) fn part(&self, part: &str) -> Option<u32> {
        self.parts.get(part).copied()
    }

    /// Where a point is.
    pub(super) fn spot(&self, id: Uuid) -> Option<Spot> {
        self.spots.get(&id).copied()
    }

    /// A segment.
    pub(super) fn segment(&self, number: u32) -> Option<&Segment> {
        self.segments.get(number as usize)
    }

    /// Where the rest of a point's code lies.
    pub(super) fn place(&self, id: Uuid) -> Option<Place> {
        let spot = self.spot(id)?;
        self.segment(spot.segment)?.place(spot.slot as usize)
    }

    /// Says that the rest of a point's code lies elsewhere now.
    pub(super) fn move_to(&mut self, id: Uuid, place: Place) {
        if let Some(spot) = self.spot(id)
            && let Some(segment) = self.segments.get_mut(spot.segment as usize)
        {
            segment.move_to(spot.slot as usize, place);
        }
    }

    /// Puts a point into a part, in place of what was there of the id. Answers where the rest of that lay.
    pub(super) fn put(&mut self, part: &Arc<str>, id: Uuid, point: &Point<'_>) -> Option<Place> {
        let number = self.part(part).unwrap_or_else(|| {
            let number = u32::try_from(self.segments.len()).unwrap_or(u32::MAX);
            self.parts.insert(part.clone(), number);
            self.segments.push(Segment::default());
            number
        });
        let before = self.place(id);
        match self.spot(id) {
            Some(spot) if spot.segment == number => {
                self.segments[number as usize].set(spot.slot as usize, id, point);
            }
            elsewhere => {
                if elsewhere.is_some() {
                    self.remove(id);
                }
                let slot = u32::try_from(self.segments[number as usize].push(id, point)).unwrap_or(u32::MAX);
                self.spots.insert(id, Spot { segment: number, slot });
            }
        }
        before
    }

    /// Takes a point out. Answers where the rest of its code lies.
    pub(super) fn remove(&mut self, id: Uuid) -> Option<Place> {
        let place = self.place(id);
        let spot = self.spots.remove(&id)?;
        if let Some(moved) = self.segments[spot.segment as usize].remove(spot.slot as usize) {
            self.spots.insert(moved, spot);
        }
        if self.spots.capacity() > 4 * (self.spots.len() + 1024) {
            self.spots.shrink_to_fit();
        }
        place
    }

    /// The places of all points.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> + '_ {
        self.segments.iter().flat_map(Segment::blocks).flat_map(|block| block.places.iter().copied())
    }

    fn points(&self) -> usize {
        self.spots.len()
    }

    fn memory_bytes(&self) -> usize {
        // Tables of the standard library are full to seven eighths at most, and keep a byte beside each place.
        let places = (self.spots.capacity() * 8 / 7).next_power_of_two();
        let parts = self.parts.keys().map(|part| part.len() + 48).sum::<usize>();
        places * (size_of::<(Uuid, Spot)>() + 1)
            + parts
            + self.segments.iter().map(|segment| segment.memory_bytes() + size_of::<Segment>()).sum::<usize>()
    }
}

/// A room that searches read while changes are taken in.
pub(super) type SharedRoom = Arc<RwLock<Room>>;

/// Looks into a room.
pub(super) fn look(room: &SharedRoom) -> RwLockReadGuard<'_, Room> {
    room.read().unwrap_or_else(PoisonError::into_inner)
}

/// Works in a room.
pub(super) fn enter(room: &SharedRoom) -> RwLockWriteGuard<'_, Room> {
    room.write().unwrap_or_else(PoisonError::into_inner)
}

/// The rooms of one tenant and kind, by their spaces: few.
type Rooms = Vec<(Space, SharedRoom)>;

/// All that is in memory.
#[derive(Debug, Default)]
pub(super) struct House {
    rooms: RwLock<HashMap<(TenantId, Arc<str>), Rooms>>,
    turnings: RwLock<HashMap<usize, Arc<Turning>>>,
}

impl House {
    /// What vectors of a size are turned by.
    pub(super) fn turning(&self, size: usize) -> Arc<Turning> {
        if let Some(turning) = self.turnings.read().unwrap_or_else(PoisonError::into_inner).get(&size) {
            return turning.clone();
        }
        let mut turnings = self.turnings.write().unwrap_or_else(PoisonError::into_inner);
        turnings.entry(size).or_insert_with(|| Arc::new(Turning::new(size))).clone()
    }

    /// The room of a corner in a space, where there is one.
    pub(super) fn room(&self, space: &Space, corner: &Corner) -> Option<SharedRoom> {
        let rooms = self.rooms.read().unwrap_or_else(PoisonError::into_inner);
        let all = rooms.get(&(corner.tenant, corner.of.clone()))?;
        all.iter().find(|(of, _)| of == space).map(|(_, room)| room.clone())
    }

    /// The room of a corner in a space; made where there is none.
    pub(super) fn room_or_new(&self, space: &Space, corner: &Corner) -> SharedRoom {
        if let Some(room) = self.room(space, corner) {
            return room;
        }
        let room = SharedRoom::default();
        let mut rooms = self.rooms.write().unwrap_or_else(PoisonError::into_inner);
        rooms.entry((corner.tenant, corner.of.clone())).or_default().push((space.clone(), room.clone()));
        room
    }

    /// The rooms of a tenant and kind, with the sizes of their vectors.
    pub(super) fn rooms(&self, tenant: TenantId, of: &Arc<str>) -> Vec<(usize, SharedRoom)> {
        let rooms = self.rooms.read().unwrap_or_else(PoisonError::into_inner);
        let of_kind = rooms.get(&(tenant, of.clone())).into_iter().flatten();
        of_kind.map(|(space, room)| (space.size, room.clone())).collect()
    }

    /// Takes rooms out, and answers them with the sizes of their vectors.
    pub(super) fn take_out(&self, which: impl Fn(TenantId, &Space) -> bool) -> Vec<(usize, SharedRoom)> {
        let mut rooms = self.rooms.write().unwrap_or_else(PoisonError::into_inner);
        let mut out = Vec::new();
        rooms.retain(|(tenant, _), all| {
            all.retain(|(space, room)| {
                let goes = which(*tenant, space);
                if goes {
                    out.push((space.size, room.clone()));
                }
                !goes
            });
            !all.is_empty()
        });
        out
    }

    /// Points, and the bytes that they take in memory.
    pub(super) fn fullness(&self) -> (usize, usize) {
        let all: Vec<SharedRoom> = {
            let rooms = self.rooms.read().unwrap_or_else(PoisonError::into_inner);
            rooms.values().flatten().map(|(_, room)| room.clone()).collect()
        };
        all.iter().fold((0, 0), |(points, bytes), room| {
            let room = look(room);
            (points + room.points(), bytes + room.memory_bytes() + size_of::<Room>())
        })
    }
}
