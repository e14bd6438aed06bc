//! Business calendars that schedules and deadlines name: any number of them, each a table of its own.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::calendar::{Calendar, CalendarSpec};
use crate::kernel::fault::Fault;

/// Business calendars by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Calendars(BTreeMap<String, CalendarSpec>);

impl Calendars {
    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The calendar of a name.
    ///
    /// # Errors
    /// `bad_input` where there is none, with the names that there are.
    pub fn named(&self, name: &str) -> Result<Calendar, Fault> {
        let Some(spec) = self.0.get(name) else {
            let names: Vec<&str> = self.names().collect();
            let say = format!("there is no calendar '{name}'; the configuration has: {}", names.join(", "));
            return Err(Fault::bad_input("", say));
        };
        spec.calendar()
    }

    /// What is wrong with them, by key.
    #[must_use]
    pub fn check(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        for (name, spec) in &self.0 {
            let key = format!("calendars.{name}");
            if !is_name(name) {
                let say = "is no name for a calendar: use letters, digits, '-' and '_', at most 64 of them";
                wrong.push((key.clone(), say.to_owned()));
            }
            if let Err(fault) = spec.calendar() {
                let places = fault.places().iter();
                wrong.extend(places.map(|place| (key.clone(), format!("{} {}", place.pointer, place.message))));
            }
        }
        wrong
    }
}

/// Whether a calendar can have a name.
fn is_name(name: &str) -> bool {
    let plain = |one: char| one.is_ascii_alphanumeric() || one == '-' || one == '_';
    (1..=64).contains(&name.len()) && name.chars().all(plain)
}
