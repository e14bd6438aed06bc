//! Whom a task is for, and who answered it: a person, everybody in a group, or an agent.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::capability::caller::Caller;
use crate::kernel::id::UserId;
use crate::kernel::seal::sha256;

/// A person, a group or an agent. Written as the id of the person, `group:NAME` or `agent:ID`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    /// A person.
    User(UserId),
    /// Everybody in a group.
    Group(String),
    /// An agent.
    Agent(String),
}

impl Who {
    /// A word of letters that stands for it in the full text of tasks: by it lists find what is for whom.
    #[must_use]
    pub fn word(&self) -> String {
        let digest = sha256(self.to_string().as_bytes());
        digest[..16].iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|four| char::from(b'a' + four)).collect()
    }

    /// Everything that a caller is: the person, their groups, and the agent that acts for them.
    #[must_use]
    pub fn all_of(caller: &Caller) -> Vec<Self> {
        let mut all = vec![Self::User(caller.user)];
        all.extend(caller.groups.iter().cloned().map(Self::Group));
        all.extend(caller.acting.iter().map(|acting| Self::Agent(acting.agent.clone())));
        all
    }

    /// What a caller answers as. An agent answers as itself: what is for a person is not answered by an agent that acts for them.
    #[must_use]
    pub fn answering(caller: &Caller) -> Vec<Self> {
        match &caller.acting {
            Some(acting) => vec![Self::Agent(acting.agent.clone())],
            None => Self::all_of(caller),
        }
    }

    /// Who does something: the agent where one acts, else the person.
    #[must_use]
    pub fn doing(caller: &Caller) -> Self {
        match &caller.acting {
            Some(acting) => Self::Agent(acting.agent.clone()),
            None => Self::User(caller.user),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(formatter, "{user}"),
            Self::Group(name) => write!(formatter, "group:{name}"),
            Self::Agent(id) => write!(formatter, "agent:{id}"),
        }
    }
}

impl FromStr for Who {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("group", name)) if !name.is_empty() => Ok(Self::Group(name.to_owned())),
            Some(("agent", id)) if !id.is_empty() => Ok(Self::Agent(id.to_owned())),
            Some(("user", id)) => id.parse().map(Self::User).map_err(|_| "is no user's id".to_owned()),
            _ => text.parse().map(Self::User).map_err(|_| "is no user's id, 'group:NAME' or 'agent:ID'".to_owned()),
        }
    }
}

impl Serialize for Who {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Who {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn is_read_as_it_is_written_and_has_a_word_of_letters() {
        let user = Who::User(UserId::from_uuid(Uuid::from_u128(7)));
        for who in [user, Who::Group("ops".to_owned()), Who::Agent("scribe".to_owned())] {
            assert_eq!(who.to_string().parse::<Who>().unwrap(), who);
            assert!(who.word().len() == 32 && who.word().chars().all(|letter| letter.is_ascii_lowercase()));
        }
        assert!("manager".parse::<Who>().is_err() && "group:".parse::<Who>().is_err());
        assert_ne!(Who::Group("a".to_owned()).word(), Who::Agent("a".to_owned()).word());
    }
}
