//! Where a credential is: never in the configuration itself.

/// Where a credential is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialIn<'a> {
    /// Nowhere: nobody asks for one.
    Nowhere,
    /// A file.
    File(&'a str),
    /// A variable of the environment.
    Variable(&'a str),
    /// The vault of the installation's first tenant, under this name.
    Vault(&'a str),
}

impl<'a> CredentialIn<'a> {
    /// The place that a text names; `None` when that cannot be read.
    #[must_use]
    pub fn read(text: &'a str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::Nowhere);
        }
        match text.split_once(':').map(|(scheme, rest)| (scheme, rest.trim()))? {
            (_, "") => None,
            ("file", path) => Some(Self::File(path)),
            ("env", variable) => Some(Self::Variable(variable)),
            ("vault", name) => Some(Self::Vault(name)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CredentialIn;

    #[test]
    fn a_place_is_a_scheme_and_a_name() {
        for (text, place) in [
            ("", Some(CredentialIn::Nowhere)),
            ("file:keys/neo4j", Some(CredentialIn::File("keys/neo4j"))),
            ("env: NEO4J", Some(CredentialIn::Variable("NEO4J"))),
            ("vault:neo4j.password", Some(CredentialIn::Vault("neo4j.password"))),
            ("hunter2", None),
            ("vault:", None),
            ("vault: ", None),
            ("command:pass neo4j", None),
        ] {
            assert_eq!(CredentialIn::read(text), place, "{text}");
        }
    }
}
