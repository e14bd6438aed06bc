//! Authenticated encryption: AES-256-GCM under keys that cannot print and are wiped from memory. What is sealed is bound to a
//! context: opened under another one, it does not open.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::fault::Fault;
use super::seal::sha256_hex;

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// Digits of a key's id.
const ID_DIGITS: usize = 16;

/// A key of 256 bits.
#[derive(Clone)]
pub struct CipherKey(Zeroizing<[u8; KEY_BYTES]>);

impl CipherKey {
    /// A new key of the operating system's random bytes.
    ///
    /// # Errors
    /// When the system has none.
    pub fn random() -> Result<Self, Fault> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        random(key.as_mut_slice())?;
        Ok(Self(key))
    }

    /// The key of these bytes; `None` when they are not as many as a key has.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        if bytes.len() != KEY_BYTES {
            return None;
        }
        key.copy_from_slice(bytes);
        Some(Self(key))
    }

    /// The key that a text writes: in 64 hexadecimal digits or in base64.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() == 2 * KEY_BYTES {
            let mut key = Zeroizing::new([0; KEY_BYTES]);
            for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
                *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
            }
            return Some(Self(key));
        }
        let bytes = Zeroizing::new(STANDARD.decode(text).ok()?);
        Self::of_bytes(&bytes)
    }

    /// The key in base64, for the one file that keeps it.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0.as_slice()))
    }

    /// The key's bytes, for sealing it under another.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// By what the key is known without being told: nothing of it can be found from this.
    #[must_use]
    pub fn id(&self) -> String {
        let mut named = Zeroizing::new(b"convoke key id\0".to_vec());
        named.extend_from_slice(self.0.as_slice());
        sha256_hex(&named)[..ID_DIGITS].to_owned()
    }

    /// Seals a text: a random nonce, the ciphertext and its tag.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut nonce = [0; NONCE_LEN];
        random(&mut nonce)?;
        let mut inside = Vec::with_capacity(plain.len() + AES_256_GCM.tag_len());
        inside.extend_from_slice(plain);
        self.key()?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut inside)
            .map_err(|_| Fault::internal("a text could not be sealed"))?;
        let mut sealed = nonce.to_vec();
        sealed.append(&mut inside);
        Ok(sealed)
    }

    /// What was sealed under this key and context; `None` for everything else.
    #[must_use]
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, inside) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut inside = Zeroizing::new(inside.to_vec());
        let length = self.key().ok()?.open_in_place(nonce, Aad::from(context), &mut inside).ok()?.len();
        inside.truncate(length);
        Some(inside)
    }

    fn key(&self) -> Result<LessSafeKey, Fault> {
        let key = UnboundKey::new(&AES_256_GCM, self.0.as_slice());
        key.map(LessSafeKey::new).map_err(|_| Fault::internal("a key is not as long as keys are"))
    }
}

impl fmt::Debug for CipherKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "CipherKey({})", self.id())
    }
}

fn random(bytes: &mut [u8]) -> Result<(), Fault> {
    getrandom::fill(bytes).map_err(|error| Fault::internal(format!("no random bytes: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_what_was_sealed_under_the_same_key_and_context() {
        let (key, other) = (CipherKey::random().unwrap(), CipherKey::random().unwrap());
        let sealed = key.seal(b"here", b"a secret").unwrap();
        assert_eq!(key.open(b"here", &sealed).unwrap().as_slice(), b"a secret");
        assert!(key.open(b"there", &sealed).is_none());
        assert!(other.open(b"here", &sealed).is_none());
        assert_ne!(key.seal(b"here", b"a secret").unwrap(), sealed, "a nonce is used once");
        for place in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[place] ^= 1;
            assert!(key.open(b"here", &altered).is_none(), "byte {place}");
            assert!(key.open(b"here", &sealed[..place]).is_none(), "cut at {place}");
        }
        assert_eq!(key.open(b"", &key.seal(b"", b"").unwrap()).unwrap().as_slice(), b"");
    }

    #[test]
    fn a_key_is_written_in_hex_or_base64_and_never_shown() {
        let key = CipherKey::of_bytes(&[0xa7; KEY_BYTES]).unwrap();
        for text in ["a7".repeat(KEY_BYTES), "A7".repeat(KEY_BYTES), format!(" {}\n", key.text().as_str())] {
            assert_eq!(CipherKey::parse(&text).unwrap().bytes(), key.bytes(), "{text}");
        }
        for text in ["", "a7a7", "zz", &"zz".repeat(KEY_BYTES), &"a7".repeat(KEY_BYTES + 1)] {
            assert!(CipherKey::parse(text).is_none(), "{text}");
        }
        assert!(CipherKey::of_bytes(&[0; 31]).is_none());
        assert_eq!(format!("{key:?}"), format!("CipherKey({})", key.id()));
        assert_eq!(key.id().len(), ID_DIGITS);
    }

    /// A known answer, so that a later version opens what this one sealed.
    #[test]
    fn the_form_is_a_nonce_and_what_aes_gcm_makes() {
        let key = CipherKey::of_bytes(&[0; KEY_BYTES]).unwrap();
        // NIST's test case 13: key, nonce and text of zero bytes each.
        let mut sealed = vec![0; NONCE_LEN];
        sealed.extend_from_slice(&[
            0x53, 0x0f, 0x8a, 0xfb, 0xc7, 0x45, 0x36, 0xb9, 0xa9, 0x63, 0xb4, 0xf1, 0xc4, 0xcb, 0x73, 0x8b,
        ]);
        assert_eq!(key.open(b"", &sealed).unwrap().as_slice(), b"");
    }
}
