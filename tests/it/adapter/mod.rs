//! What is true of one adapter alone, beside the lists that all share.

mod embedder;
mod llm;
mod nats;
mod objects;
mod postgres;
mod postgres_upkeep;
mod reads;
mod sqlite;
mod vectors;
