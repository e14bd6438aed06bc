//! The text of an API key: `cvk_`, twelve letters and digits by which it is found and recognised, `_`, and a secret of 256
//! bits. Only a digest of it is kept.

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::kernel::fault::Fault;
use crate::kernel::seal::sha256_hex;
use crate::kernel::secret::Secret;

const MARK: &str = "cvk_";
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PREFIX_CHARACTERS: usize = 12;
/// 43 characters of 62 hold 256 bits.
const SECRET_CHARACTERS: usize = 43;
const PREFIX_LENGTH: usize = MARK.len() + PREFIX_CHARACTERS;
const LENGTH: usize = PREFIX_LENGTH + 1 + SECRET_CHARACTERS;

/// A new key: what is shown once and what is kept.
pub struct Fresh {
    /// The key itself.
    pub key: Secret,
    /// How it begins.
    pub prefix: String,
    /// Its digest.
    pub hash: String,
}

/// Makes a new key.
///
/// # Errors
/// When the machine gives no randomness.
pub fn make() -> Result<Fresh, Fault> {
    let prefix = format!("{MARK}{}", *random(PREFIX_CHARACTERS)?);
    let mut key = String::with_capacity(LENGTH);
    key.push_str(&prefix);
    key.push('_');
    key.push_str(&random(SECRET_CHARACTERS)?);
    let hash = sha256_hex(key.as_bytes());
    Ok(Fresh { key: Secret::new(key), prefix, hash })
}

/// How a key begins; `None` for a text that no key can be.
#[must_use]
pub fn prefix_of(key: &str) -> Option<&str> {
    let bytes = key.as_bytes();
    let is_of_alphabet = |part: &[u8]| part.iter().all(u8::is_ascii_alphanumeric);
    (bytes.len() == LENGTH
        && bytes.starts_with(MARK.as_bytes())
        && is_of_alphabet(&bytes[MARK.len()..PREFIX_LENGTH])
        && bytes[PREFIX_LENGTH] == b'_'
        && is_of_alphabet(&bytes[PREFIX_LENGTH + 1..]))
    .then(|| &key[..PREFIX_LENGTH])
}

/// Whether a key has this digest. Takes as long for a wrong key as for the right one.
#[must_use]
pub fn fits(key: &str, hash: &str) -> bool {
    sha256_hex(key.as_bytes()).as_bytes().ct_eq(hash.as_bytes()).into()
}

/// Random letters and digits. Bytes beyond the last whole multiple of the alphabet are thrown away, so that each character is
/// as likely as every other.
fn random(characters: usize) -> Result<Zeroizing<String>, Fault> {
    let mut text = Zeroizing::new(String::with_capacity(characters));
    let mut bytes = Zeroizing::new([0; 64]);
    while text.len() < characters {
        getrandom::fill(bytes.as_mut_slice()).map_err(Fault::internal)?;
        let fair = bytes.iter().filter(|byte| **byte < 248).map(|byte| char::from(ALPHABET[usize::from(byte % 62)]));
        let missing = characters - text.len();
        text.extend(fair.take(missing));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_recognised_and_fits_only_its_own_digest() {
        let (one, other) = (make().unwrap(), make().unwrap());
        let key = one.key.reveal();
        assert_eq!(prefix_of(key), Some(one.prefix.as_str()));
        assert!(fits(key, &one.hash) && !fits(key, &other.hash) && !fits(key, ""));
        assert!(!one.hash.contains(key) && one.prefix != other.prefix);
    }

    #[test]
    fn what_no_key_can_be_has_no_prefix() {
        let key = make().unwrap().key;
        let key = key.reveal();
        for wrong in ["", "cvk_", &key[1..], &format!("{key}x"), &key.replace("cvk_", "abc_"), &"é".repeat(30)] {
            assert_eq!(prefix_of(wrong), None, "{wrong}");
        }
    }
}
