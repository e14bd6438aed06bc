//! What is true of one adapter alone, beside the lists that all share.

mod objects;
mod postgres;
mod reads;
mod sqlite;
