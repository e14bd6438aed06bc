//! Server-sent events, read from bytes as they come. A line and an event are bounded: a server that never ends one is not read on.

use crate::port::models::{ModelFault, ModelFaultKind};

/// The longest line and the longest data of an event. A whole picture or a long cipher of thoughts comes in one line.
const LONGEST: usize = 8 * 1024 * 1024;

/// An event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// Its kind, where it says one.
    pub(super) name: String,
    /// Its data.
    pub(super) data: String,
}

/// Reads events.
#[derive(Debug, Default)]
pub(super) struct Events {
    line: Vec<u8>,
    event: Event,
    has_data: bool,
    after_return: bool,
}

impl Events {
    /// Reads bytes; tells each event that they end.
    pub(super) fn read(
        &mut self,
        bytes: &[u8],
        mut tell: impl FnMut(Event) -> Result<(), ModelFault>,
    ) -> Result<(), ModelFault> {
        let mut rest = bytes;
        // A line ends with CR LF, with LF or with CR.
        if self.after_return && rest.first() == Some(&b'\n') {
            rest = &rest[1..];
        }
        if !bytes.is_empty() {
            self.after_return = false;
        }
        while let Some(end) = rest.iter().position(|one| matches!(one, b'\n' | b'\r')) {
            let (head, tail) = rest.split_at(end);
            self.keep(head)?;
            rest = &tail[1..];
            if tail[0] == b'\r' {
                match rest.first() {
                    Some(b'\n') => rest = &rest[1..],
                    Some(_) => {}
                    None => self.after_return = true,
                }
            }
            if let Some(event) = self.end_line()? {
                tell(event)?;
            }
        }
        self.keep(rest)
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), ModelFault> {
        if self.line.len() + bytes.len() > LONGEST {
            return Err(too_long());
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self) -> Result<Option<Event>, ModelFault> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return Ok(std::mem::take(&mut self.has_data).then_some(event));
        }
        let line =
            String::from_utf8(line).map_err(|_| ModelFault::new(ModelFaultKind::Broken, "the stream is no UTF-8"))?;
        // Some servers begin with a byte-order mark.
        let line = line.strip_prefix('\u{feff}').unwrap_or(&line);
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if self.event.data.len() + value.len() > LONGEST {
                    return Err(too_long());
                }
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            "event" => value.clone_into(&mut self.event.name),
            // A comment, which keeps the connection alive; an id; what a later version says.
            _ => {}
        }
        Ok(None)
    }
}

fn too_long() -> ModelFault {
    ModelFault::new(ModelFaultKind::Broken, "an event of the stream does not end")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(chunks: &[&[u8]]) -> Result<Vec<(String, String)>, ModelFault> {
        let mut events = Events::default();
        let mut told = Vec::new();
        for chunk in chunks {
            events.read(chunk, |event| {
                told.push((event.name, event.data));
                Ok(())
            })?;
        }
        Ok(told)
    }

    #[test]
    fn events_are_read_wherever_the_bytes_are_split() {
        let text = ": hello\r\nevent: a\r\ndata: {\"x\":\r\ndata: \"é\"}\r\n\r\n\r\nid: 7\ndata:two\n\ndata\n\rdata: three\r\rdata: cut";
        let expected = [("a", "{\"x\":\n\"é\"}"), ("", "two"), ("", ""), ("", "three")];
        let expected: Vec<_> = expected.map(|(name, data)| (name.to_owned(), data.to_owned())).into();
        let bytes = text.as_bytes();
        assert_eq!(read(&[bytes]).unwrap(), expected);
        for split in 0..bytes.len() {
            assert_eq!(read(&[&bytes[..split], &bytes[split..]]).unwrap(), expected, "split at {split}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(read(&single).unwrap(), expected);
    }

    #[test]
    fn what_never_ends_is_not_read_on() {
        let chunk = vec![b'x'; 1024 * 1024];
        let line: Vec<&[u8]> = vec![&chunk; 9];
        assert_eq!(read(&line).unwrap_err().kind, ModelFaultKind::Broken);
        let mut lines: Vec<&[u8]> = Vec::new();
        for _ in 0..9 {
            lines.extend([&b"data: "[..], &chunk, b"\n"]);
        }
        assert_eq!(read(&lines).unwrap_err().kind, ModelFaultKind::Broken);
        assert_eq!(read(&[b"data: \xff\n"]).unwrap_err().kind, ModelFaultKind::Broken);
    }
}
