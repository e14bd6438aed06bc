//! The interpreter: plays the tokens of a graph. It does nothing itself: what happens comes in, and out come the new state, what the
//! execution wishes to be done next, and what is to be written into its journal. The same happenings give the same play.

mod activities;
mod compensation;
mod each;
mod gateways;
mod happening;
mod migration;
mod play;
mod recovery;
mod standing;
mod state;
mod stepping;
mod values;

pub use each::MOST_ITEMS;
pub use happening::{Entry, Happening, Timer, What, Wish};
pub use migration::Plan;
pub use play::{Facts, MOST_MOVES, MOST_TOKENS, Play};
pub use recovery::Recovery;
pub use standing::judged_from;
pub use state::{Ending, Failure, ItemState, Stage, State, Token, TokenId};
pub use values::LONGEST as LONGEST_EXPRESSIONS;
