//! The registry domain: finding, reading about and calling tools.

mod search_quality;
