//! What a domain brings to the program: its rows, kinds, logs, fault codes and sources of resources. `app` lists the modules, and nothing else
//! lists what they hold.

use std::sync::Arc;

use super::row::Row;
use super::source::ResourceSource;
use super::spec::Domain;
use super::topics::Topic;
use crate::kernel::codes::Code;
use crate::port::logs::Log;
use crate::port::records::Kind;

/// A domain's lists.
pub struct Module {
    /// The domain.
    pub domain: Domain,
    /// Its capabilities.
    pub rows: &'static [Row],
    /// The kinds of its documents.
    pub kinds: &'static [&'static Kind],
    /// Its logs.
    pub logs: &'static [&'static Log],
    /// Its fault codes.
    pub faults: &'static [Code],
    /// Its sources of resources, as they are made.
    pub sources: &'static [fn() -> Arc<dyn ResourceSource>],
    /// The topics of the events that it tells.
    pub topics: &'static [Topic],
}

/// The list of a domain's capabilities, in the order of documentation: `file: Type`, one line each, in `tools/mod.rs`. It
/// declares the files as modules and makes `ROWS` of the types. One that does not answer with one value says by which
/// function of `Row` it becomes a row: `file: Type as of_bytes`.
#[macro_export]
#[doc(hidden)]
macro_rules! capabilities {
    ($( $file:ident: $Type:ident $(as $form:ident)? ),+ $(,)?) => {
        $( pub(super) mod $file; )+

        /// The domain's capabilities as rows of the registry.
        pub(super) static ROWS: &[$crate::capability::row::Row] =
            &[$( $crate::capability::module::row!($file::$Type $(, $form)?) ),+];
    };
}

/// One row of `capabilities!`.
#[macro_export]
#[doc(hidden)]
macro_rules! row {
    ($file:ident::$Type:ident) => {
        $crate::capability::module::row!($file::$Type, of)
    };
    ($file:ident::$Type:ident, $form:ident) => {
        $crate::capability::row::Row::$form::<$file::$Type>()
    };
}

pub use {capabilities, row};

#[cfg(test)]
mod tests {
    mod sending {
        use crate::capability::Downloading;
        use crate::capability::cx::Cx;
        use crate::capability::outcome::Download;
        use crate::capability::permit::Permit;
        use crate::capability::spec::{Domain, Route, Spec};
        use crate::kernel::codes;
        use crate::kernel::fault::Fault;

        /// Sends a file.
        pub(super) struct Send;

        impl Downloading for Send {
            type Input = serde_json::Value;
            const SPEC: Spec = Spec::read("send", Domain::System, Route::get("/send"), Permit::Own, "Sends a file.");
            async fn run(_: &Cx, _: Self::Input) -> Result<Download, Fault> {
                Err(Fault::new(&codes::NOT_FOUND, "there is none"))
            }
        }
    }

    #[test]
    fn a_row_is_made_in_the_form_that_its_line_names() {
        let row = super::row!(sending::Send, of_bytes);
        assert_eq!((row.spec.name, row.form), ("send", crate::capability::outcome::Form::Bytes));
    }
}
