//! Master keys from where the operator keeps them: a file, the environment, or a command such as that of a key store. Keys are
//! written one a line, or apart by commas: the first seals, the others only open.

mod command;
mod environment;
mod file;

pub use command::KeyCommand;
pub use environment::{KeyVariable, ProcessEnvironment};
pub use file::KeyFile;

use crate::kernel::cipher::CipherKey;
use crate::port::secrets::KeyFault;

/// The keys that a text writes. What cannot be read is not repeated: it may be a key that is misspelt.
fn parse(text: &str, place: &str) -> Result<Vec<CipherKey>, KeyFault> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let words = lines.flat_map(|line| line.split(',')).map(str::trim).filter(|word| !word.is_empty());
    let mut keys = Vec::new();
    for (number, word) in words.enumerate() {
        keys.push(CipherKey::parse(word).ok_or_else(|| {
            let say =
                "is no master key: 32 random bytes are wanted, as 64 hexadecimal digits or in base64, one key a line";
            KeyFault::Unusable(format!("the {}. entry of {place} {say}", number + 1))
        })?);
    }
    if keys.is_empty() {
        return Err(KeyFault::Unusable(format!("{place} holds no master key")));
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_on_lines_or_between_commas() {
        let (one, two) = ("a7".repeat(32), "b8".repeat(32));
        for text in
            [format!("{one}\n{two}\n"), format!("# new, not old\n{one}\n\n# old\n{two}"), format!("{one}, {two}")]
        {
            let keys = parse(&text, "here").unwrap();
            assert_eq!((keys.len(), keys[0].bytes()[0], keys[1].bytes()[0]), (2, 0xa7, 0xb8), "{text}");
        }
        let misspelt = format!("{one}\nhunter2");
        let fault = parse(&misspelt, "here").unwrap_err().to_string();
        assert!(fault.starts_with("the 2. entry of here") && !fault.contains("hunter2"), "{fault}");
        assert!(parse(" \n# nothing\n", "here").is_err());
    }
}
