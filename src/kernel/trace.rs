//! Trace contexts of the W3C: how one request is followed through many programs by the header `traceparent`.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::fault::Fault;

/// Where in a trace something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace: [u8; 16],
    /// What happens, within the trace.
    pub span: [u8; 8],
    /// Whether somebody records it.
    pub sampled: bool,
}

impl TraceContext {
    /// The beginning of a trace of its own.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn begin() -> Result<Self, Fault> {
        let mut trace = [0; 16];
        random(&mut trace)?;
        Ok(Self { trace, span: span()?, sampled: true })
    }

    /// What happens next within this one.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn child(&self) -> Result<Self, Fault> {
        Ok(Self { span: span()?, ..*self })
    }

    /// Reads a `traceparent`; `None` for what is none, and then nothing of it is used.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('-');
        let [version, trace, span, flags] = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
        // A later version may say more behind; this one does not.
        if version.len() != 2 || version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        bytes::<1>(version)?;
        let (trace, span, [flags]) = (bytes::<16>(trace)?, bytes::<8>(span)?, bytes::<1>(flags)?);
        (trace != [0; 16] && span != [0; 8]).then_some(Self { trace, span, sampled: flags & 1 == 1 })
    }

    /// The trace's id in hex.
    #[must_use]
    pub fn trace_id(&self) -> String {
        hex(&self.trace)
    }

    /// The span's id in hex.
    #[must_use]
    pub fn span_id(&self) -> String {
        hex(&self.span)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "00-{}-{}-{:02x}", self.trace_id(), self.span_id(), u8::from(self.sampled))
    }
}

impl Serialize for TraceContext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TraceContext {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("is no traceparent"))
    }
}

fn span() -> Result<[u8; 8], Fault> {
    let mut span = [0; 8];
    random(&mut span)?;
    Ok(span)
}

fn random(bytes: &mut [u8]) -> Result<(), Fault> {
    getrandom::fill(bytes).map_err(|error| Fault::internal(format!("no random bytes: {error}")))
}

/// Lower-case hex of just so many bytes.
fn bytes<const MANY: usize>(text: &str) -> Option<[u8; MANY]> {
    let digit = |one: u8| matches!(one, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 2 * MANY || !text.bytes().all(digit) {
        return None;
    }
    let mut all = [0; MANY];
    for (byte, digits) in all.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(all)
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_what_the_standard_says() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let context = TraceContext::parse(text).unwrap();
        assert!(context.sampled);
        assert_eq!(context.to_string(), text);
        let child = context.child().unwrap();
        assert!(child.trace == context.trace && child.span != context.span);
        assert!(!TraceContext::parse(&text.replace("-01", "-00")).unwrap().sampled);
        assert!(TraceContext::parse(&format!("01{}-more", &text[2..])).is_some());
        let own = TraceContext::begin().unwrap();
        assert_eq!(TraceContext::parse(&own.to_string()), Some(own));
    }

    #[test]
    fn what_is_none_is_not_used() {
        for text in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
        ] {
            assert_eq!(TraceContext::parse(text), None, "{text}");
        }
    }
}
