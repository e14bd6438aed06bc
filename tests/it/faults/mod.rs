//! What breaks, and what is still true then.

mod kill;
