//! When something is due: cron lines, recurrence rules, intervals and single moments, in a time zone, held to a business calendar.

mod business;
mod cron;
mod expanding;
mod rule;
mod wall;
pub(super) mod when;

#[cfg(test)]
mod tests;
