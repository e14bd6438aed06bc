//! The audit domain: reading who did what.

mod audit_query;
