//! Archives as office programs write them: the members by name, unpacked one at a time, never more than a document may have.
//! The directory at the end is believed for names and places alone; sizes are counted while unpacking.

use std::collections::HashMap;
use std::io::Read as _;

use flate2::read::DeflateDecoder;

use crate::port::documents::ParseFault;

const END: &[u8] = b"PK\x05\x06";
const ENTRY: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";
/// A document of an office program has some hundred members.
const MOST_MEMBERS: usize = 20_000;

struct Member {
    method: u16,
    packed: usize,
    at: usize,
    encrypted: bool,
}

/// An archive.
pub(super) struct Archive<'a> {
    bytes: &'a [u8],
    members: HashMap<String, Member>,
    /// How much may still come out.
    left: u64,
}

impl<'a> Archive<'a> {
    /// Reads the directory.
    pub(super) fn open(bytes: &'a [u8], unpacked: u64) -> Result<Self, ParseFault> {
        let broken = || ParseFault::unreadable("the archive has no directory: the file is cut off or no archive");
        // A comment of at most 65,535 bytes may follow.
        let from = bytes.len().saturating_sub(66_000);
        let end = rfind(bytes.get(from..).unwrap_or_default(), END).map(|at| from + at).ok_or_else(broken)?;
        let mut at = u32_at(bytes, end + 16).ok_or_else(broken)? as usize;
        let mut members = HashMap::new();
        while bytes.get(at..at + 4) == Some(ENTRY) {
            let (Some(name_length), Some(extra), Some(comment)) =
                (u16_at(bytes, at + 28), u16_at(bytes, at + 30), u16_at(bytes, at + 32))
            else {
                break;
            };
            let name_length = usize::from(name_length);
            let (Some(flags), Some(method), Some(packed), Some(local), Some(name)) = (
                u16_at(bytes, at + 8),
                u16_at(bytes, at + 10),
                u32_at(bytes, at + 20),
                u32_at(bytes, at + 42),
                bytes.get(at + 46..at + 46 + name_length),
            ) else {
                break;
            };
            if members.len() >= MOST_MEMBERS {
                return Err(ParseFault::TooLarge(format!("the archive has more than {MOST_MEMBERS} members")));
            }
            let member = Member { method, packed: packed as usize, at: local as usize, encrypted: flags & 1 == 1 };
            members.insert(String::from_utf8_lossy(name).into_owned(), member);
            at += 46 + name_length + usize::from(extra) + usize::from(comment);
        }
        if members.is_empty() {
            return Err(broken());
        }
        Ok(Self { bytes, members, left: unpacked })
    }

    /// Whether there is a member.
    pub(super) fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// The names of members that begin so and end so, in the order of the numbers in them.
    pub(super) fn names(&self, begin: &str, end: &str) -> Vec<String> {
        let mut names: Vec<String> = self
            .members
            .keys()
            .filter(|name| name.starts_with(begin) && name.ends_with(end) && !name[begin.len()..].contains('/'))
            .cloned()
            .collect();
        names.sort_by_key(|name| {
            let digits: String = name[begin.len()..].chars().filter(char::is_ascii_digit).take(9).collect();
            (digits.parse::<u32>().unwrap_or(0), name.clone())
        });
        names
    }

    /// A member, unpacked; `None` where there is none of the name.
    pub(super) fn member(&mut self, name: &str) -> Result<Option<Vec<u8>>, ParseFault> {
        let Some(member) = self.members.get(name) else { return Ok(None) };
        if member.encrypted {
            return Err(ParseFault::Encrypted);
        }
        let broken = || ParseFault::unreadable(format!("the archive's member {name} cannot be unpacked"));
        let at = member.at;
        if self.bytes.get(at..at.saturating_add(4)) != Some(LOCAL) {
            return Err(broken());
        }
        let (Some(name_length), Some(extra)) = (u16_at(self.bytes, at + 26), u16_at(self.bytes, at + 28)) else {
            return Err(broken());
        };
        let begin = at + 30 + usize::from(name_length) + usize::from(extra);
        let end = begin.saturating_add(member.packed).min(self.bytes.len());
        let packed = self.bytes.get(begin..end).ok_or_else(broken)?;
        let mut out = Vec::new();
        match member.method {
            0 => {
                if packed.len() as u64 <= self.left {
                    out.extend_from_slice(packed);
                }
            }
            8 => {
                let most = self.left.saturating_add(1);
                DeflateDecoder::new(packed).take(most).read_to_end(&mut out).map_err(|error| match error.kind() {
                    std::io::ErrorKind::OutOfMemory => {
                        ParseFault::TooLarge(format!("unpacking it takes too much memory: {name}"))
                    }
                    _ => broken(),
                })?;
            }
            other => {
                return Err(ParseFault::unreadable(format!("the archive's member {name} is packed by method {other}")));
            }
        }
        if out.len() as u64 > self.left || (member.method == 0 && out.len() < packed.len()) {
            return Err(ParseFault::TooLarge(format!(
                "more comes out of the archive than the document may have: {name}"
            )));
        }
        self.left -= out.len() as u64;
        Ok(Some(out))
    }

    /// A member that must be there.
    pub(super) fn needed(&mut self, name: &str) -> Result<Vec<u8>, ParseFault> {
        self.member(name)?.ok_or_else(|| ParseFault::unreadable(format!("the archive lacks {name}")))
    }
}

fn rfind(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).rposition(|window| window == what)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}
