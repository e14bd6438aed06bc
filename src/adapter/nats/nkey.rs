//! Keys of NATS users: the seed that an operator hands out, alone or in a file of credentials with the user's JWT. They are read
//! anew for each connection, so that a changed file holds from the next one on.

use nkeys::{KeyPair, KeyPairType};
use zeroize::Zeroizing;

/// A user's key.
pub(super) struct UserKey(KeyPair);

impl UserKey {
    /// The key of a seed such as `SUAM…`; what is wrong with it otherwise, without a word of it.
    pub(super) fn of_seed(text: &str) -> Result<Self, &'static str> {
        let pair =
            KeyPair::from_seed(text.trim()).map_err(|_| "it is no seed of a key, or its check digits are wrong")?;
        match pair.key_pair_type() {
            KeyPairType::User => Ok(Self(pair)),
            _ => Err("it is not the seed of a user, which begins with SU"),
        }
    }

    /// The public key, as the server knows the user.
    pub(super) fn public(&self) -> String {
        self.0.public_key()
    }

    /// Signs what the server gave to be signed.
    pub(super) fn sign(&self, nonce: &[u8]) -> Result<Vec<u8>, &'static str> {
        self.0.sign(nonce).map_err(|_| "its key does not sign")
    }
}

/// The JWT and the seed in a file of credentials.
pub(super) fn credentials(text: &str) -> Result<(String, Zeroizing<String>), &'static str> {
    let jwt = block(text, "NATS USER JWT").ok_or("it holds no user JWT")?;
    let seed = block(text, "USER NKEY SEED").ok_or("it holds no seed of a user's key")?;
    Ok((jwt, Zeroizing::new(seed)))
}

/// What stands between the line that begins a block and the one that ends it.
fn block(text: &str, name: &str) -> Option<String> {
    let mut lines = text.lines().skip_while(|line| !(line.contains("BEGIN") && line.contains(name)));
    lines.next()?;
    let inner: String = lines.take_while(|line| !line.starts_with("---")).map(str::trim).collect();
    (!inner.is_empty()).then_some(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_read_and_a_wrong_one_is_told() {
        let seed = KeyPair::new_user().seed().unwrap();
        let key = UserKey::of_seed(&format!("{seed}\n")).unwrap();
        assert!(key.public().starts_with('U'));
        assert_eq!(key.sign(b"nonce").unwrap().len(), 64);
        let damaged = format!("{}{}", &seed[..57], if seed.ends_with('A') { 'B' } else { 'A' });
        let of_account = KeyPair::new_account().seed().unwrap();
        let no_seed = "it is no seed of a key, or its check digits are wrong";
        for (text, why) in [
            (damaged.as_str(), no_seed),
            ("hunter2", no_seed),
            ("", no_seed),
            (of_account.as_str(), "it is not the seed of a user, which begins with SU"),
        ] {
            assert_eq!(UserKey::of_seed(text).err(), Some(why), "{text}");
        }
    }

    #[test]
    fn a_file_of_credentials_holds_both() {
        let text = "-----BEGIN NATS USER JWT-----\neyJ.a.b\n------END NATS USER JWT------\n\nIMPORTANT: keep it\n\n\
                    -----BEGIN USER NKEY SEED-----\nSUAB\n------END USER NKEY SEED------\n";
        let (jwt, seed) = credentials(text).unwrap();
        assert_eq!((jwt.as_str(), seed.as_str()), ("eyJ.a.b", "SUAB"));
        assert_eq!(credentials("SUAB").err(), Some("it holds no user JWT"));
    }
}
