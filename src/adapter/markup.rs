//! XML as a tree, by quick-xml: a document type is refused, so that there are no entities but XML's own five and characters by number.

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;

use crate::port::markup::{Element, Limits, Markup, MarkupFault};

/// Reads XML.
#[derive(Debug, Default, Clone, Copy)]
pub struct QuickXml;

impl Markup for QuickXml {
    fn read(&self, text: &str, limits: Limits) -> Result<Element, MarkupFault> {
        if text.len() > limits.bytes {
            return Err(MarkupFault { say: format!("it has more than {} bytes", limits.bytes), line: 1 });
        }
        Reading { text, counted: 0, line: 1, parts: limits.parts }.whole(limits)
    }
}

struct Reading<'a> {
    text: &'a str,
    counted: usize,
    line: u32,
    parts: usize,
}

impl Reading<'_> {
    /// The line of a place; places only go forth.
    fn line(&mut self, at: u64) -> u32 {
        let at = usize::try_from(at).unwrap_or(usize::MAX).min(self.text.len());
        if at > self.counted {
            let lines = self.text.get(self.counted..at).map_or(0, |passed| passed.matches('\n').count());
            self.line = self.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
            self.counted = at;
        }
        self.line
    }

    fn whole(mut self, limits: Limits) -> Result<Element, MarkupFault> {
        let text = self.text;
        let mut reader = NsReader::from_str(text);
        let config = reader.config_mut();
        config.check_end_names = true;
        config.expand_empty_elements = true;
        let mut open: Vec<Element> = Vec::new();
        let mut root: Option<Element> = None;
        loop {
            // Where the event begins: what comes before it was read.
            let line = self.line(reader.buffer_position());
            let fault = |say: String| MarkupFault { say, line };
            let (resolved, event) = match reader.read_resolved_event() {
                Ok(event) => event,
                Err(error) => {
                    let line = self.line(reader.error_position());
                    return Err(MarkupFault { say: format!("this is no XML: {error}"), line });
                }
            };
            match event {
                Event::Start(start) => {
                    let namespace = match resolved {
                        ResolveResult::Bound(namespace) => String::from_utf8_lossy(namespace.as_ref()).into_owned(),
                        ResolveResult::Unbound => String::new(),
                        ResolveResult::Unknown(prefix) => {
                            let prefix = String::from_utf8_lossy(&prefix).into_owned();
                            return Err(fault(format!("the prefix '{prefix}' is not declared")));
                        }
                    };
                    if root.is_some() {
                        return Err(fault("there is a second outermost element".to_owned()));
                    }
                    if open.len() >= limits.depth {
                        return Err(fault(format!("it has more than {} elements within each other", limits.depth)));
                    }
                    open.push(self.element(&start, namespace, line)?);
                }
                Event::End(_) => {
                    let Some(done) = open.pop() else {
                        return Err(fault("an element ends that never began".to_owned()));
                    };
                    match open.last_mut() {
                        Some(above) => above.children.push(done),
                        None => root = Some(done),
                    }
                }
                Event::Text(piece) => {
                    let piece = piece.decode().map_err(|error| fault(error.to_string()))?;
                    add(&mut open, &piece).ok_or_else(|| fault("there is text outside of all elements".to_owned()))?;
                }
                Event::CData(piece) => {
                    let piece = piece.decode().map_err(|error| fault(error.to_string()))?;
                    add(&mut open, &piece).ok_or_else(|| fault("there is text outside of all elements".to_owned()))?;
                }
                Event::GeneralRef(named) => {
                    let name = named.decode().map_err(|error| fault(error.to_string()))?;
                    let meant =
                        quick_xml::escape::unescape(&format!("&{name};")).map(std::borrow::Cow::into_owned).map_err(
                            |_| fault(format!("the entity '{name}' is not one of XML's own; none are declared")),
                        )?;
                    add(&mut open, &meant).ok_or_else(|| fault("there is text outside of all elements".to_owned()))?;
                }
                Event::DocType(_) => {
                    return Err(fault(
                        "it declares a document type: entities and what lies outside are not read".to_owned(),
                    ));
                }
                Event::Eof => break,
                Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
        match (root, open.last()) {
            (Some(root), None) => Ok(root),
            (_, Some(left)) => {
                Err(MarkupFault { say: format!("the element '{}' does not end", left.name), line: left.line })
            }
            (None, None) => Err(MarkupFault { say: "there is no element in it".to_owned(), line: self.line }),
        }
    }

    fn element(&mut self, start: &BytesStart<'_>, namespace: String, line: u32) -> Result<Element, MarkupFault> {
        let fault = |say: String| MarkupFault { say, line };
        let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
        let mut element = Element { namespace, name, line, ..Element::default() };
        self.parts = self.parts.saturating_sub(1);
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| fault(format!("an attribute is broken: {error}")))?;
            let key = String::from_utf8_lossy(attribute.key.local_name().as_ref()).into_owned();
            let raw = String::from_utf8_lossy(&attribute.value).into_owned();
            let value = quick_xml::escape::unescape(&raw)
                .map_err(|error| fault(format!("the attribute '{key}' is broken: {error}")))?;
            element.attributes.push((key, value.into_owned()));
            self.parts = self.parts.saturating_sub(1);
        }
        if self.parts == 0 {
            return Err(fault("it has more elements and attributes than a document may".to_owned()));
        }
        Ok(element)
    }
}

/// Adds text to the innermost element; space around all of them is nothing.
fn add(open: &mut [Element], text: &str) -> Option<()> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Element, MarkupFault> {
        QuickXml.read(text, Limits::default())
    }

    #[test]
    fn a_document_is_read_as_a_tree_with_its_lines() {
        let text = "<?xml version=\"1.0\"?>\n<a:x xmlns:a=\"urn:a\" n=\"1 &lt; 2\">\n <a:y>one &amp; <![CDATA[<two>]]> &#65;</a:y>\n <z/>\n</a:x>\n";
        let root = read(text).unwrap();
        assert_eq!((root.namespace.as_str(), root.name.as_str(), root.attribute("n")), ("urn:a", "x", Some("1 < 2")));
        assert_eq!(root.child("y").map(|y| (y.text.as_str(), y.line)), Some(("one & <two> A", 3)));
        assert_eq!(root.child("z").map(|z| (z.namespace.as_str(), z.line)), Some(("", 4)));
    }

    #[test]
    fn hostile_documents_are_refused_with_the_line() {
        let laughs = "<?xml version=\"1.0\"?>\n<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]>\n<l>&b;</l>";
        let outside = "<!DOCTYPE l [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><l>&x;</l>";
        let deep = format!("{}{}", "<a>".repeat(5_000), "</a>".repeat(5_000));
        let wide = format!("<a>{}</a>", "<b/>".repeat(500_000));
        let large = format!("<a>{}</a>", "x".repeat(5 << 20));
        for (text, line, why) in [
            (laughs, 2, "document type"),
            (outside, 1, "document type"),
            ("<a>\n&b;</a>", 2, "entity"),
            (&deep, 1, "within each other"),
            (&wide, 1, "more elements"),
            (&large, 1, "bytes"),
            ("<a>\n<b></a>", 2, "no XML"),
            ("<a>\n<b>", 2, "does not end"),
            ("<p:a/>", 1, "not declared"),
            ("<a/><b/>", 1, "second"),
            ("words", 1, "outside"),
            ("", 1, "no element"),
        ] {
            let fault = read(text).unwrap_err();
            assert!(fault.say.contains(why), "{fault}: {why}");
            assert_eq!(fault.line, line, "{fault}");
        }
    }
}
