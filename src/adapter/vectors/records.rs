//! What stands in the log of the index: records in frames. A frame is whole or it is not there.

use std::sync::Arc;

use uuid::Uuid;

use super::code::Code;
use super::kernels::words;
use crate::kernel::id::{Id, TenantId};
use crate::port::vectors::{Corner, LONGEST, Space};

/// What a piece of the log begins with.
pub(super) const MAGIC: &[u8; 8] = b"cvkvec01";

/// Bytes before what a frame holds: its length, its number, its checksum.
const FRAME_HEAD: usize = 4 + 8 + 8;

const CORNER: u8 = 1;
const PUT: u8 = 2;
const REMOVE: u8 = 3;
const REMOVE_TENANT: u8 = 4;
const REMOVE_SPACE: u8 = 5;
const COMMIT: u8 = 6;

/// The bytes of a point of a size in both files.
pub(super) const fn point_bytes(size: usize) -> u64 {
    (1 + 4 + 16 + 4 + 4 + 4 + 2 + 2 * size + 4 * words(size)) as u64
}

/// A record.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Record<'a> {
    /// A corner of a space has a number in this piece of the log.
    Corner { number: u32, space: Space, corner: Corner },
    /// A point is there.
    Put { corner: u32, id: Uuid, rest_at: u32, code: &'a Code },
    /// A point is gone from all spaces.
    Remove { tenant: TenantId, of: Arc<str>, id: Uuid },
    /// A tenant's are gone.
    RemoveTenant(TenantId),
    /// A space's are gone.
    RemoveSpace(Space),
    /// All before this is meant to be there, and so much of the feed is in it.
    Commit(Option<i64>),
}

impl Record<'_> {
    /// Writes it down.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Corner { number, space, corner } => {
                bytes.push(CORNER);
                bytes.extend(number.to_le_bytes());
                write_space(bytes, space);
                bytes.extend(corner.tenant.uuid().as_bytes());
                write_text(bytes, &corner.of);
                write_text(bytes, &corner.part);
            }
            Self::Put { corner, id, rest_at, code } => {
                bytes.push(PUT);
                bytes.extend(corner.to_le_bytes());
                bytes.extend(id.as_bytes());
                bytes.extend(rest_at.to_le_bytes());
                bytes.extend(code.length.to_le_bytes());
                bytes.extend(code.scale.to_le_bytes());
                bytes.extend(u16::try_from(code.high.len()).unwrap_or(0).to_le_bytes());
                bytes.extend(code.high.iter().map(|half| half.cast_unsigned()));
                bytes.extend(code.sketch.iter().flat_map(|word| word.to_le_bytes()));
            }
            Self::Remove { tenant, of, id } => {
                bytes.push(REMOVE);
                bytes.extend(tenant.uuid().as_bytes());
                write_text(bytes, of);
                bytes.extend(id.as_bytes());
            }
            Self::RemoveTenant(tenant) => {
                bytes.push(REMOVE_TENANT);
                bytes.extend(tenant.uuid().as_bytes());
            }
            Self::RemoveSpace(space) => {
                bytes.push(REMOVE_SPACE);
                write_space(bytes, space);
            }
            Self::Commit(mark) => {
                bytes.push(COMMIT);
                bytes.push(u8::from(mark.is_some()));
                bytes.extend(mark.unwrap_or(0).to_le_bytes());
            }
        }
    }
}

fn write_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(u32::try_from(text.len()).unwrap_or(0).to_le_bytes());
    bytes.extend(text.as_bytes());
}

fn write_space(bytes: &mut Vec<u8>, space: &Space) {
    write_text(bytes, &space.embedder);
    bytes.extend(u32::try_from(space.size).unwrap_or(0).to_le_bytes());
}

/// Reads records one after the other.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Of what a frame holds.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether all is read.
    pub(super) fn is_done(&self) -> bool {
        self.0.is_empty()
    }

    /// The next record; the code of a point is left in `code`. `None` where it cannot be read.
    pub(super) fn next<'c>(&mut self, code: &'c mut Code) -> Option<Record<'c>> {
        Some(match self.number()? {
            [CORNER] => Record::Corner {
                number: u32::from_le_bytes(self.number()?),
                space: self.space()?,
                corner: Corner { tenant: self.tenant()?, of: self.text()?, part: self.text()? },
            },
            [PUT] => {
                let corner = u32::from_le_bytes(self.number()?);
                let id = Uuid::from_bytes(self.number()?);
                let rest_at = u32::from_le_bytes(self.number()?);
                code.length = f32::from_le_bytes(self.number()?);
                code.scale = f32::from_le_bytes(self.number()?);
                let size = usize::from(u16::from_le_bytes(self.number()?));
                code.high.clear();
                code.high.extend(self.bytes(size)?.iter().map(|byte| byte.cast_signed()));
                code.sketch.clear();
                let sketch = self.bytes(words(size) * 4)?.as_chunks::<4>().0;
                code.sketch.extend(sketch.iter().map(|word| u32::from_le_bytes(*word)));
                Record::Put { corner, id, rest_at, code }
            }
            [REMOVE] => {
                Record::Remove { tenant: self.tenant()?, of: self.text()?, id: Uuid::from_bytes(self.number()?) }
            }
            [REMOVE_TENANT] => Record::RemoveTenant(self.tenant()?),
            [REMOVE_SPACE] => Record::RemoveSpace(self.space()?),
            [COMMIT] => {
                let has_mark = self.number()? == [1];
                let mark = i64::from_le_bytes(self.number()?);
                Record::Commit(has_mark.then_some(mark))
            }
            _ => return None,
        })
    }

    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    fn number<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn text(&mut self) -> Option<Arc<str>> {
        let length = u32::from_le_bytes(self.number()?);
        let bytes = self.bytes(usize::try_from(length).ok()?)?;
        std::str::from_utf8(bytes).ok().map(Arc::from)
    }

    fn tenant(&mut self) -> Option<TenantId> {
        Some(Id::from_uuid(Uuid::from_bytes(self.number()?)))
    }

    fn space(&mut self) -> Option<Space> {
        let embedder = self.text()?;
        let size = usize::try_from(u32::from_le_bytes(self.number()?)).ok()?;
        (1..=LONGEST).contains(&size).then_some(Space { embedder, size })
    }
}

/// Puts a frame around records.
pub(super) fn frame(number: u64, records: &[u8], bytes: &mut Vec<u8>) {
    bytes.extend(u32::try_from(records.len()).unwrap_or(0).to_le_bytes());
    bytes.extend(number.to_le_bytes());
    bytes.extend(checksum(number, records).to_le_bytes());
    bytes.extend(records);
}

/// The frame that bytes begin with: its number, what it holds, and what comes after it. `None` where it is not whole.
pub(super) fn unframe(bytes: &[u8]) -> Option<(u64, &[u8], &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<FRAME_HEAD>()?;
    let (length, head) = head.split_first_chunk::<4>()?;
    let (number, sum) = head.split_first_chunk::<8>()?;
    let (sum, _) = sum.split_first_chunk::<8>()?;
    let number = u64::from_le_bytes(*number);
    let (records, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    (checksum(number, records) == u64::from_le_bytes(*sum) && !records.is_empty()).then_some((number, records, rest))
}

/// Tells what was torn or has rotted from what was written. It keeps nobody from forging.
fn checksum(number: u64, bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut lanes = [number, !number, number ^ FACTOR, number.rotate_left(32) ^ FACTOR];
    let (stripes, rest) = bytes.as_chunks::<32>();
    let mut tail = [0; 32];
    tail[..rest.len()].copy_from_slice(rest);
    for stripe in stripes.iter().chain([&tail]) {
        for (lane, word) in lanes.iter_mut().zip(stripe.as_chunks::<8>().0) {
            *lane = (*lane ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR).rotate_left(29);
        }
    }
    lanes.iter().fold(bytes.len() as u64, |sum, lane| (sum ^ lane).wrapping_mul(FACTOR).rotate_left(29))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_as_they_were_written() {
        let space = Space { embedder: "a/model".into(), size: 3 };
        let tenant: TenantId = Id::from_uuid(Uuid::from_u128(7));
        let corner = Corner { tenant, of: "memory".into(), part: "user:9".into() };
        let code = Code { high: vec![1, -2, 127], low: Vec::new(), scale: 0.5, length: 2.0, sketch: vec![5] };
        let all = [
            Record::Corner { number: 4, space: space.clone(), corner },
            Record::Put { corner: 4, id: Uuid::from_u128(1), rest_at: 99, code: &code },
            Record::Remove { tenant, of: "memory".into(), id: Uuid::from_u128(1) },
            Record::RemoveTenant(tenant),
            Record::RemoveSpace(space),
            Record::Commit(None),
            Record::Commit(Some(-3)),
        ];
        let mut bytes = Vec::new();
        for record in &all {
            record.write(&mut bytes);
        }
        let mut framed = Vec::new();
        frame(12, &bytes, &mut framed);
        let (number, records, rest) = unframe(&framed).unwrap();
        assert_eq!((number, rest.len()), (12, 0));
        let mut reader = Reader::new(records);
        for record in &all {
            let mut read = Code::default();
            assert_eq!(reader.next(&mut read).as_ref(), Some(record));
        }
        assert!(reader.is_done());
    }

    #[test]
    fn what_is_torn_or_changed_is_no_frame() {
        let mut framed = Vec::new();
        frame(1, &[6; 100], &mut framed);
        for until in 0..framed.len() {
            assert!(unframe(&framed[..until]).is_none(), "{until}");
        }
        for at in 0..framed.len() {
            let mut changed = framed.clone();
            changed[at] ^= 0x10;
            assert!(unframe(&changed).is_none(), "{at}");
        }
        assert!(unframe(&[0; 64]).is_none());
    }
}
