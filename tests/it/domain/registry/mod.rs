//! The registry domain: finding, reading about and calling tools.

mod calling;
mod finding;
mod search_quality;
