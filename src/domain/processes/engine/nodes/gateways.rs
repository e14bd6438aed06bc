//! Where ways part and meet.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Role, Typed};

macro_rules! gateway {
    ($name:ident, $wire:literal, $role:ident, $about:literal) => {
        #[doc = $about]
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {}

        impl Typed for $name {
            const NAME: &'static str = $wire;
            const ABOUT: &'static str = $about;
            const ROLE: Role = Role::$role;
        }
    };
}

gateway!(
    Exclusive,
    "exclusive",
    Exclusive,
    "One way is taken: the first edge whose condition holds, in the order of the edges, else the default one; ways that meet in it go on each by itself."
);
gateway!(
    Parallel,
    "parallel",
    Parallel,
    "All ways are taken at once; where ways meet in it, it waits for one token on each."
);
gateway!(
    Inclusive,
    "inclusive",
    Inclusive,
    "Every way is taken whose condition holds, else the default one; where ways meet in it, it waits for all that can still come."
);
