//! Tokens that leave the program and come back: page tokens, request states. Sealed by a MAC, so that a made-up or altered
//! one is told from a real one. Sealed is not secret: whoever holds the token can read what is in it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

const MAC_BYTES: usize = 16;

/// Seals and opens tokens under one key.
#[derive(Clone)]
pub struct Seal(Zeroizing<[u8; 32]>);

impl Seal {
    /// A seal under an installation's key.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self(Zeroizing::new(key))
    }

    /// The token for a content. The purpose keeps a token of one kind from passing as another.
    #[must_use]
    pub fn seal(&self, purpose: &str, content: &[u8]) -> String {
        let mut bytes = self.mac(purpose, content).to_vec();
        bytes.extend_from_slice(content);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The content of a token that this seal made for this purpose; `None` for every other text.
    #[must_use]
    pub fn open(&self, purpose: &str, token: &str) -> Option<Vec<u8>> {
        use subtle::ConstantTimeEq as _;
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (mac, content) = bytes.split_at_checked(MAC_BYTES)?;
        bool::from(self.mac(purpose, content).ct_eq(mac)).then(|| content.to_vec())
    }

    /// A key of its own for a purpose and a content: who has it learns nothing of the others.
    #[must_use]
    pub fn derive(&self, purpose: &str, content: &[u8]) -> [u8; 32] {
        let mut whole = [0; 32];
        // HMAC takes a key of any length; a key of 32 bytes cannot be refused, and an empty MAC would never verify.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.as_slice()) {
            mac.update(purpose.as_bytes());
            mac.update(&[0]);
            mac.update(content);
            whole.copy_from_slice(&mac.finalize().into_bytes());
        }
        whole
    }

    fn mac(&self, purpose: &str, content: &[u8]) -> [u8; MAC_BYTES] {
        let mut first = [0; MAC_BYTES];
        first.copy_from_slice(&self.derive(purpose, content)[..MAC_BYTES]);
        first
    }
}

/// The SHA-256 of some bytes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The SHA-256 of some bytes, in lower-case hex.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digest = sha256(bytes);
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_what_it_sealed_for_the_same_purpose() {
        let seal = Seal::new([7; 32]);
        let token = seal.seal("page", b"content");
        assert_eq!(seal.open("page", &token).unwrap(), b"content");
        assert_eq!(seal.open("state", &token), None);
        assert_eq!(Seal::new([8; 32]).open("page", &token), None);
        assert_eq!(seal.open("page", "made-up"), None);
        let mut altered = token.into_bytes();
        let last = altered.len() - 1;
        altered[last] ^= 1;
        assert_eq!(seal.open("page", std::str::from_utf8(&altered).unwrap()), None);
    }

    #[test]
    fn writes_digests_in_hex() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256_hex(b""), empty);
    }
}
