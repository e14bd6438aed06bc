//! The events domain: publishing, subscribing, taking, delivering, replaying.

mod beginning;
mod cards;
mod delivering;
mod loops;
mod misbehaving;
mod publishing;
mod pulling;
pub(crate) mod receiver;
mod replaying;
mod schemas;
mod several;
mod subscribing;
mod topics;
