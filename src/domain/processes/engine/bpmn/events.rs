//! What events of a file say: how a way ends, what is waited for, what stands on an activity.

use serde_json::{Map, Value, json};

use super::extension::{agreed, put};
use super::import::text_of;
use super::nodes::{Reader, local};
use super::outside::Effect;
use super::xml::Element;
use crate::domain::processes::engine::definition::Node;

impl Reader<'_> {
    /// The one thing that happens in the element.
    fn event(&mut self) -> Option<&'static str>
    where
        Self: Sized,
    {
        let events = self.events();
        match events.as_slice() {
            [one] => {
                KINDS.iter().copied().find(|kind| one.name.strip_suffix("EventDefinition") == Some(kind)).or(Some(""))
            }
            [] => None,
            _ => Some(""),
        }
    }

    /// What the element says within what happens in it.
    fn first(&self) -> Element {
        self.events().first().map_or_else(Element::default, |one| (*one).clone())
    }

    pub(super) fn end(&mut self, config: &mut Map<String, Value>) {
        let kind = match self.event() {
            None => "normal",
            Some("error") => "error",
            Some("terminate") => "terminate",
            Some(_) => {
                return self.refuse(
                    "an end that sends or takes back something is not in the subset: put what it does before it",
                );
            }
        };
        if text_of(config, "kind").unwrap_or("normal") != kind {
            config.remove("code");
            config.remove("message");
            config.insert("kind".to_owned(), json!(kind));
        }
        if kind == "error" {
            let event = self.first();
            match self.code(&event) {
                Some(code) => put(config, "code", &code),
                None if config.contains_key("code") => {}
                None => self.todo("the error has no code: give it one, such as 'rejected'"),
            }
        }
    }

    /// The code of the error that an event refers to.
    fn code(&self, event: &Element) -> Option<String> {
        let said = self
            .roots
            .of_referred(event, "errorRef", "errorCode")
            .or_else(|| self.roots.of_referred(event, "errorRef", "name"));
        said.map(str::to_owned).filter(|said| !said.trim().is_empty())
    }

    pub(super) fn catching(&mut self, node: &mut Node) {
        let event = self.first();
        match self.event() {
            Some("timer") => {
                becomes(node, "timer");
                let Some((said, text)) = time(&event) else {
                    return self.todo("it does not say until when: give it a duration, a time or a cycle");
                };
                let field = match said {
                    "timeDuration" => "after",
                    "timeDate" => "until",
                    _ => "next",
                };
                for other in ["after", "until", "next"].into_iter().filter(|other| *other != field) {
                    node.config.remove(other);
                }
                put(&mut node.config, field, &text);
                if field == "next" && text.trim_start().starts_with('R') {
                    self.todo("a repeated interval is kept as it stands: write it as a cron line, or as a duration");
                }
            }
            Some("message") => {
                becomes(node, "wait");
                node.config.remove("event");
                self.message(&event, &mut node.config);
            }
            Some("signal") => {
                becomes(node, "wait");
                node.config.remove("message");
                match self.roots.of_referred(&event, "signalRef", "name") {
                    Some(name) => put(&mut node.config, "event", name),
                    None => self.todo("it does not say for which signal it waits: name the topic of the event"),
                }
            }
            _ => self.refuse("what it waits for is not in the subset: a timer, a message and a signal are"),
        }
    }

    /// The message that an element refers to.
    pub(super) fn message(&mut self, event: &Element, config: &mut Map<String, Value>) {
        match self.roots.of_referred(event, "messageRef", "name") {
            Some(name) => put(config, "message", name),
            None => self.todo("it does not say for which message it waits: name it"),
        }
        let message = event.attribute("messageRef").and_then(|id| self.roots.by_id.get(local(id)));
        let added = message.and_then(|one| one.child("extensionElements")).into_iter().flat_map(|one| &one.children);
        if let Some(key) =
            added.filter(|one| one.name == "subscription").find_map(|one| one.attribute("correlationKey"))
        {
            put(config, "correlationKey", key);
        }
    }

    pub(super) fn throwing(&mut self, node: &mut Node) {
        if self.event() != Some("compensate") {
            return self
                .refuse("an event that sends is not in the subset: call a tool instead, or lead the way past it");
        }
        becomes(node, "compensate");
        let event = self.first();
        if let Some(one) = event.attribute("activityRef").and_then(|id| self.ids.get(local(id))) {
            first_of(&mut node.config, "only", one);
        }
    }

    pub(super) fn boundary(&mut self, node: &mut Node) {
        let event = self.first();
        let kind = match self.event() {
            Some("timer") => "boundary_timeout",
            Some("error") => "boundary_error",
            Some("compensate") => "compensation",
            _ => {
                return self.refuse(
                    "what happens on the activity is not in the subset: a timer, an error and a compensation are",
                );
            }
        };
        becomes(node, kind);
        match self.element.attribute("attachedToRef").and_then(|id| self.ids.get(local(id))) {
            Some(on) => put(&mut node.config, "attachedTo", on),
            None => return self.refuse("it stands on nothing that is there"),
        }
        match kind {
            "boundary_timeout" => self.timeout(&event, &mut node.config),
            "boundary_error" => match self.code(&event) {
                Some(code) => first_of(&mut node.config, "codes", &code),
                None => {
                    if node.config.get("codes").and_then(Value::as_array).is_some_and(|codes| !codes.is_empty()) {
                        node.config.remove("codes");
                    }
                }
            },
            _ => match self
                .element
                .attribute("id")
                .and_then(|id| self.roots.ties.get(id))
                .and_then(|by| self.ids.get(*by))
            {
                Some(by) => put(&mut node.config, "by", by),
                None => self.todo("nothing undoes the activity: tie it to the activity that does"),
            },
        }
    }

    fn timeout(&mut self, event: &Element, config: &mut Map<String, Value>) {
        let interrupts = self.element.attribute("cancelActivity") != Some("false");
        if interrupts != (config.get("interrupting") != Some(&Value::Bool(false))) {
            config.insert("interrupting".to_owned(), json!(interrupts));
        }
        match time(event) {
            Some(("timeDuration", text)) => put(config, "after", &text),
            Some(("timeCycle", text)) => {
                let parts = text.trim().strip_prefix('R').and_then(|rest| rest.split_once('/'));
                let Some((times, after)) = parts else { return self.refuse("the cycle is none of the form R3/PT1H") };
                put(config, "after", after);
                let count = times.parse::<u64>().ok();
                if count.is_none() {
                    self.todo("it is repeated without end: at most 1000 times here");
                }
                let count = json!(count.unwrap_or(1000).clamp(1, 1000));
                if config.get("times") != Some(&count) && !interrupts {
                    config.insert("times".to_owned(), count);
                }
            }
            Some(_) => self.refuse("a moment on an activity is not in the subset: give it a duration"),
            None => self.todo("it does not say after which time: give it a duration"),
        }
        if let Some(event) = self.events().first().filter(|event| event.children.len() > 1) {
            self.outside(event, Effect::Todo, "it says more than one time: the first was taken");
        }
    }
}

/// What events are known by.
const KINDS: &[&str] = &["timer", "message", "signal", "error", "terminate", "compensate"];

/// Which time an event says, and how.
fn time(event: &Element) -> Option<(&'static str, String)> {
    ["timeDuration", "timeDate", "timeCycle"].into_iter().find_map(|name| Some((name, event.child(name)?.text.clone())))
}

/// The type of a node, its config anew where it was of another.
fn becomes(node: &mut Node, kind: &str) {
    if node.kind != kind {
        kind.clone_into(&mut node.kind);
        node.config = Map::new();
    }
}

/// Makes a text the first of a list, which stays where it is that already.
fn first_of(config: &mut Map<String, Value>, name: &str, text: &str) {
    let known = config.get(name).and_then(Value::as_array).and_then(|all| all.first()).and_then(Value::as_str);
    let is_same = known.is_some_and(|known| agreed(text, Some(known)) == known);
    if !is_same {
        config.insert(name.to_owned(), json!([text.trim()]));
    }
}
