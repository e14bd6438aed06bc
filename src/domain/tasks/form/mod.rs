//! The form of a task: a JSON Schema of a closed subset, which model APIs take and a plain page can show; how it is shown; whether an answer fits.

mod answer;
mod checking;
mod fields;
pub mod flat;
pub mod hints;

pub use answer::{fit, settled};
pub use checking::{DEEPEST, checked};
pub use fields::read;
