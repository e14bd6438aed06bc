//! The hashes that the log is proved by: of an entry, of a tenant's chain, of the Merkle tree of RFC 6962.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::logs::{Entry, Kept};

/// A SHA-256.
pub type Hash = [u8; 32];

/// The hash that a chain begins with.
pub const NOTHING: Hash = [0; 32];

/// What keeps the hash of an entry from being that of anything else.
const ENTRY: &[u8] = b"convoke audit entry 1\n";
/// The same for a link of a chain.
const LINK: &[u8] = b"convoke audit link 1\n";

/// The hash of an entry: of its tenant, time and stream, and of its body in a form that does not depend on how a store keeps
/// JSON: properties in the order of their names.
#[must_use]
pub fn of_entry(entry: &Entry) -> Hash {
    of_parts(entry.tenant, entry.at, &entry.stream, &entry.body)
}

/// The same of an entry in parts.
#[must_use]
pub fn of_parts(tenant: TenantId, at: Timestamp, stream: &str, body: &Value) -> Hash {
    let mut canonical = Vec::with_capacity(1024);
    write_canonical(body, &mut canonical);
    of_canonical(tenant, at, stream, &canonical)
}

/// The same of an entry that is not read: the hash of the entry where its text is in the form that is hashed, as entries are
/// appended, and of nothing that exists where it is not. So it proves an entry, and disproves none.
#[must_use]
pub fn of_kept(kept: &Kept) -> Hash {
    of_canonical(kept.tenant, kept.at, &kept.stream, kept.body.as_bytes())
}

fn of_canonical(tenant: TenantId, at: Timestamp, stream: &str, canonical: &[u8]) -> Hash {
    let mut digest = Sha256::new();
    digest.update(ENTRY);
    digest.update(tenant.uuid().as_bytes());
    digest.update(at.as_millis().to_be_bytes());
    digest.update(u64::try_from(stream.len()).unwrap_or(u64::MAX).to_be_bytes());
    digest.update(stream.as_bytes());
    digest.update(canonical);
    digest.finalize().into()
}

/// What a link of a tenant's chain says beside the link before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// The tenant.
    pub tenant: TenantId,
    /// The number of the entry in the tenant's chain, from 1.
    pub number: u64,
    /// When it was appended.
    pub at: Timestamp,
    /// How long it is kept.
    pub class: Class,
    /// The hash of the entry.
    pub entry: Hash,
}

/// How long an entry is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// As long as details are.
    Detailed,
    /// As long as evidence of compliance is.
    Compliance,
    /// For ever: it declares what was removed.
    Cut,
}

impl Class {
    /// The class of an entry by its body.
    #[must_use]
    pub fn of(body: &Value) -> Self {
        if body.get("cut").is_some_and(Value::is_object) {
            Self::Cut
        } else if body.get("compliance").and_then(Value::as_bool) == Some(true) {
            Self::Compliance
        } else {
            Self::Detailed
        }
    }

    /// As it is written.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Detailed => 0,
            Self::Compliance => 1,
            Self::Cut => 2,
        }
    }

    /// As it is read.
    #[must_use]
    pub const fn read(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Detailed),
            1 => Some(Self::Compliance),
            2 => Some(Self::Cut),
            _ => None,
        }
    }
}

/// The hash of a link: of everything that it says and of the link before it, and so of all before.
#[must_use]
pub fn of_link(before: &Hash, said: &Said) -> Hash {
    let mut digest = Sha256::new();
    digest.update(LINK);
    digest.update(before);
    digest.update(said.tenant.uuid().as_bytes());
    digest.update(said.number.to_be_bytes());
    digest.update(said.at.as_millis().to_be_bytes());
    digest.update([said.class.byte()]);
    digest.update(said.entry);
    digest.finalize().into()
}

/// The hash of a leaf of the tree.
#[must_use]
pub fn leaf(data: &[u8]) -> Hash {
    let mut digest = Sha256::new();
    digest.update([0]);
    digest.update(data);
    digest.finalize().into()
}

/// The hash of an inner node of the tree.
#[must_use]
pub fn node(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    Sha256::digest(bytes).into()
}

/// The root of a tree without leaves.
#[must_use]
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// Writes JSON in the one form that is hashed: no spaces, properties in the order of their names.
fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(properties) => {
            out.push(b'{');
            let mut ordered: Vec<(&String, &Value)> = properties.iter().collect();
            ordered.sort_unstable_by_key(|(name, _)| *name);
            for (at, (name, value)) in ordered.into_iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_text(name, out);
                out.push(b':');
                write_canonical(value, out);
            }
            out.push(b'}');
        }
        Value::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_canonical(item, out);
            }
            out.push(b']');
        }
        Value::String(text) => write_text(text, out),
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
    }
}

/// Everything but quotes, backslashes and control characters stands as it is.
fn write_text(text: &str, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((byte, after)) = special.split_first() else { break };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            _ => {
                let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', DIGITS[high], DIGITS[low]]);
            }
        }
        rest = after;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// A hash in lower-case hex.
#[must_use]
pub fn hex(hash: &Hash) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// A hash from hex.
#[must_use]
pub fn from_hex(text: &str) -> Option<Hash> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |each: u8| char::from(each).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_properties_does_not_matter_and_everything_else_does() {
        let canonical = |value: &Value| {
            let mut out = Vec::new();
            write_canonical(value, &mut out);
            String::from_utf8(out).unwrap()
        };
        let one = serde_json::from_str(r#"{"b":[1,null,true],"a":{"d":"x\"\n","c":"ü"}}"#).unwrap();
        let other = serde_json::from_str(r#"{ "a": { "c": "ü", "d": "x\"\n" }, "b": [1, null, true] }"#).unwrap();
        assert_eq!(canonical(&one), canonical(&other));
        assert_eq!(canonical(&one), r#"{"a":{"c":"ü","d":"x\"\u000a"},"b":[1,null,true]}"#);
        let (tenant, at) = (TenantId::from_uuid(uuid::Uuid::from_u128(1)), Timestamp::from_millis(5));
        let hash = of_parts(tenant, at, "", &one);
        assert_eq!(hash, of_parts(tenant, at, "", &other));
        assert_ne!(hash, of_parts(tenant, Timestamp::from_millis(6), "", &one));
        assert_ne!(hash, of_parts(tenant, at, "s", &one));
        assert_ne!(hash, of_parts(tenant, at, "", &json!({})));
        assert_eq!(from_hex(&hex(&hash)), Some(hash));
        assert_eq!(from_hex("zz"), None);
    }
}
