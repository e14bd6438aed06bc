//! Closed lists with names: resources, actions, domains. One line an entry; the enum, its list and its names are made of it,
//! so that none of them can lack one.

/// An enum of `Variant = "name", "What it is about";` lines. It has `ALL`, `name`, `about` and `parse`, is written as its
/// name, and is documented by what it is about.
macro_rules! named {
    (
        $(#[$attribute:meta])*
        pub enum $Enum:ident { $( $Variant:ident = $name:literal, $about:literal; )+ }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $Enum { $( #[doc = $about] $Variant, )+ }

        impl $Enum {
            /// Every one, in the order of documentation.
            pub const ALL: &'static [Self] = &[$( Self::$Variant ),+];

            /// The name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$Variant => $name, )+ }
            }

            /// What it is about.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $( Self::$Variant => $about, )+ }
            }

            /// The one of a name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == name)
            }
        }

        impl serde::Serialize for $Enum {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }
    };
}

pub(crate) use named;
