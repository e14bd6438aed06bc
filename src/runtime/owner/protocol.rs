//! What owner and guests say to each other: one line of JSON each way, then what the door speaks: MCP messages, or calls.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::capability::client::{Level, Progress};
use crate::kernel::codes;
use crate::kernel::fault::{Fault, Problem};

/// Grows when the lines change their meaning.
pub const PROTOCOL: u32 = 1;

/// What a guest wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "door")]
pub enum Wish {
    /// To speak MCP.
    Stdio(Shown),
    /// To make single calls.
    Call,
    /// To own the folder, being a server: an owner that is none hands it over as soon as it hears the next line.
    Serve,
}

/// What an MCP client is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The toolsets, where the client names some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toolsets: Option<Vec<String>>,
    /// Only tools that read.
    #[serde(default)]
    pub read_only: bool,
}

/// A guest's first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The version of these lines.
    pub convoke: u32,
    /// The program's version.
    pub version: String,
    /// The guest's process.
    pub pid: u32,
    /// What it wants.
    #[serde(flatten)]
    pub wish: Wish,
}

impl Hello {
    /// This process wants this.
    #[must_use]
    pub fn new(wish: Wish) -> Self {
        Self { convoke: PROTOCOL, version: env!("CARGO_PKG_VERSION").to_owned(), pid: std::process::id(), wish }
    }

    /// Whether this program understands it.
    ///
    /// # Errors
    /// `owned_elsewhere` for a guest of another version.
    pub fn fits(&self) -> Result<(), Fault> {
        let own = env!("CARGO_PKG_VERSION");
        if self.convoke == PROTOCOL && self.version == own {
            return Ok(());
        }
        let say = format!(
            "the process {} that owns the data folder is Convoke {own}, this one is {}: stop that process, so that one of \
             this version can take over",
            std::process::id(),
            self.version
        );
        Err(Fault::new(&codes::OWNED, say))
    }
}

/// The owner's first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Welcome {
    /// Go on.
    Welcome {
        /// The owner's process.
        pid: u32,
    },
    /// Not so.
    Refused(Box<Problem>),
}

/// A line of a guest that makes calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ask {
    /// The call's id on this connection.
    pub id: u64,
    /// What is asked.
    #[serde(flatten)]
    pub what: What,
}

/// What a guest asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum What {
    /// To call a tool.
    Call {
        /// The tool.
        tool: String,
        /// Its input.
        input: Value,
        /// The same call sent again with the same key happens once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        idempotency_key: Option<String>,
    },
    /// To be told of every tool that the caller may call.
    Tools,
    /// To replace a lost administrator key.
    ResetKey,
    /// To look after the keys of the vault.
    Vault(VaultWish),
    /// To call the call of this id off.
    Cancel,
}

/// What is asked of the vault's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum VaultWish {
    /// To be told how they are.
    Status,
    /// To read the master keys anew.
    Reload,
    /// New data keys, and every secret sealed anew.
    RotateData,
    /// A new master key, and every data key sealed anew.
    RotateMaster {
        /// Whether former master keys are forgotten afterwards.
        forget_former: bool,
    },
}

/// A line of the owner to a guest that makes calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The call's id on this connection.
    pub id: u64,
    /// What is told.
    #[serde(flatten)]
    pub told: Told,
}

/// What is told of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Told {
    /// How far it has come.
    Progress(ProgressTold),
    /// Something else.
    Say {
        /// How important it is.
        level: Level,
        /// What it says.
        data: Value,
    },
    /// One value of several.
    Item(Value),
    /// A file begins.
    File {
        /// Its media type.
        media_type: String,
        /// Its name.
        name: String,
    },
    /// A piece of the file, in base64.
    Chunk(String),
    /// The answer, the last line of a call.
    Result(Value),
    /// All values or pieces were told, the last line of a call.
    End,
    /// The fault, the last line of a call.
    Problem(Box<Problem>),
}

impl Told {
    /// Whether nothing follows.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        matches!(self, Self::Result(_) | Self::End | Self::Problem(_))
    }

    /// Whether it is a part of the answer, which must not be told twice.
    #[must_use]
    pub const fn counts(&self) -> bool {
        matches!(self, Self::Item(_) | Self::File { .. } | Self::Chunk(_))
    }
}

/// How far a call has come, as it travels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProgressTold {
    /// How much is done.
    pub done: f64,
    /// How much there is in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<f64>,
    /// What is being done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl From<Progress> for ProgressTold {
    fn from(Progress { done, total, message }: Progress) -> Self {
        Self { done, total, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_plain_json() {
        let hello = Hello::new(Wish::Stdio(Shown { toolsets: Some(vec!["identity".to_owned()]), read_only: true }));
        let mut line = serde_json::to_value(&hello).unwrap();
        assert_eq!(line["door"], "stdio");
        assert_eq!(line["toolsets"][0], "identity");
        assert_eq!(serde_json::from_value::<Hello>(line.clone()).unwrap(), hello);
        assert!(hello.fits().is_ok());
        line["version"] = "0.0.0".into();
        assert!(serde_json::from_value::<Hello>(line).unwrap().fits().unwrap_err().is(&codes::OWNED));

        for what in
            [What::Tools, What::Cancel, What::Call { tool: "x".into(), input: Value::Null, idempotency_key: None }]
        {
            let ask = Ask { id: 7, what };
            let line = serde_json::to_string(&ask).unwrap();
            assert_eq!(serde_json::from_str::<Ask>(&line).unwrap(), ask, "{line}");
        }
        for told in [Told::End, Told::Item(Value::Null), Told::Result(serde_json::json!({ "id": 1 }))] {
            let answer = Answer { id: 7, told };
            let line = serde_json::to_string(&answer).unwrap();
            assert_eq!(serde_json::from_str::<Answer>(&line).unwrap(), answer, "{line}");
        }
    }
}
