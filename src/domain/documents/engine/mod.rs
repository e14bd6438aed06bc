//! What the domain works out by itself: passages, types, entities, fields.

pub mod chunking;
pub mod classifying;
pub mod entities;
pub mod fields;
pub mod places;
pub mod schemas;
pub mod values;
pub mod verifying;
