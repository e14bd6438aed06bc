//! Checkpoints as signed notes (C2SP signed-note and tlog-checkpoint), signed with Ed25519: what an anchor keeps, and what
//! anybody can check who has the public key.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use sha2::{Digest as _, Sha256};

use super::hash::Hash;

/// Ed25519, as key ids and public keys name it.
const ALGORITHM: u8 = 1;
/// The line of a checkpoint with which a restored log begins.
const BEGINS: &str = "begins anew\n";
/// How a line with a signature begins.
const DASH: &str = "\u{2014} ";

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log that it is of.
    pub origin: String,
    /// How many entries the tree has.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// Whether the log begins anew with it: a backup was restored, and what anchors keep from before is of another log.
    pub begins: bool,
}

impl Checkpoint {
    fn text(&self) -> String {
        let begins = if self.begins { BEGINS } else { "" };
        format!("{}\n{}\n{}\n{begins}", self.origin, self.size, STANDARD.encode(self.root))
    }

    fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let origin = lines.next().filter(|origin| !origin.is_empty())?.to_owned();
        let size = lines.next()?;
        let size = size.parse::<u64>().ok().filter(|number| number.to_string() == size)?;
        let root = STANDARD.decode(lines.next()?).ok()?.try_into().ok()?;
        let begins = lines.next() == Some(BEGINS.trim_end());
        Some(Self { origin, size, root, begins })
    }
}

/// Whether a note may be one with which a log begins: a look that needs no signature.
#[must_use]
pub fn may_begin(note: &str) -> bool {
    note.lines().nth(3) == Some(BEGINS.trim_end())
}

/// Signs checkpoints under a name.
pub struct Signer {
    key: Ed25519KeyPair,
    verifier: Verifier,
}

impl Signer {
    /// A signer with a key in PKCS #8. The name is the log's origin too.
    #[must_use]
    pub fn new(pkcs8: &[u8]) -> Option<Self> {
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).ok()?;
        let public: [u8; 32] = key.public_key().as_ref().try_into().ok()?;
        // Two installations have two names, without anybody choosing one.
        let digest = Sha256::digest(public);
        let short = hex_of(digest.get(..8)?);
        let verifier = Verifier { name: format!("convoke.audit/{short}"), public };
        Some(Self { key, verifier })
    }

    /// What its signatures are checked with.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The signed note of a checkpoint.
    #[must_use]
    pub fn sign(&self, size: u64, root: Hash) -> String {
        self.sign_as(size, root, false)
    }

    /// The signed note of the checkpoint with which a restored log begins.
    #[must_use]
    pub fn sign_beginning(&self, size: u64, root: Hash) -> String {
        self.sign_as(size, root, true)
    }

    fn sign_as(&self, size: u64, root: Hash, begins: bool) -> String {
        let name = &self.verifier.name;
        let text = Checkpoint { origin: name.clone(), size, root, begins }.text();
        let mut signature = self.verifier.key_id().to_vec();
        signature.extend_from_slice(self.key.sign(text.as_bytes()).as_ref());
        format!("{text}\n{DASH}{name} {}\n", STANDARD.encode(signature))
    }
}

/// Checks signatures: a name and a public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    public: [u8; 32],
}

impl Verifier {
    fn key_id(&self) -> [u8; 4] {
        let mut digest = Sha256::new();
        digest.update(self.name.as_bytes());
        digest.update([b'\n', ALGORITHM]);
        digest.update(self.public);
        let digest = digest.finalize();
        [digest[0], digest[1], digest[2], digest[3]]
    }

    /// The key of a text: `NAME+ID+KEY`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().splitn(3, '+');
        let (name, id, key) = (parts.next()?, parts.next()?, parts.next()?);
        let key = STANDARD.decode(key).ok()?;
        let [ALGORITHM, public @ ..] = key.as_slice() else { return None };
        let verifier = Self { name: name.to_owned(), public: public.try_into().ok()? };
        (verifier.id_text() == id && !name.is_empty()).then_some(verifier)
    }

    fn id_text(&self) -> String {
        hex_of(&self.key_id())
    }

    /// The checkpoint of a note, when this key has signed it.
    #[must_use]
    pub fn open(&self, note: &str) -> Option<Checkpoint> {
        let (text, signatures) = note.split_once("\n\n")?;
        let text = format!("{text}\n");
        let key = UnparsedPublicKey::new(&ED25519, &self.public);
        let is_signed = signatures.lines().any(|line| {
            let signature = line
                .strip_prefix(DASH)
                .and_then(|line| line.split_once(' '))
                .filter(|(name, _)| *name == self.name)
                .and_then(|(_, signature)| STANDARD.decode(signature).ok());
            let Some(signature) = signature else { return false };
            signature
                .split_at_checked(4)
                .is_some_and(|(id, signature)| id == self.key_id() && key.verify(text.as_bytes(), signature).is_ok())
        });
        is_signed.then(|| Checkpoint::read(&text)).flatten().filter(|checkpoint| checkpoint.origin == self.name)
    }
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl std::fmt::Display for Verifier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut key = vec![ALGORITHM];
        key.extend_from_slice(&self.public);
        write!(formatter, "{}+{}+{}", self.name, self.id_text(), STANDARD.encode(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> Signer {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new()).unwrap();
        Signer::new(pkcs8.as_ref()).unwrap()
    }

    #[test]
    fn a_note_opens_with_its_key_alone() {
        let (signer, other) = (signer(), signer());
        let note = signer.sign(7, [5; 32]);
        let verifier = Verifier::parse(&signer.verifier().to_string()).unwrap();
        let checkpoint = verifier.open(&note).unwrap();
        assert_eq!((checkpoint.size, checkpoint.root), (7, [5; 32]));
        assert!(!checkpoint.begins && verifier.open(&signer.sign_beginning(7, [5; 32])).unwrap().begins);
        assert_eq!(other.verifier().open(&note), None);
        assert_eq!(verifier.open(&note.replacen("\n7\n", "\n8\n", 1)), None, "altered");
        assert_eq!(verifier.open(note.split_once(DASH).unwrap().0), None, "not signed");
        // A note may carry signatures of others, such as witnesses.
        let witnessed = format!("{note}{DASH}witness.example AAAAAAAA\n");
        assert_eq!(verifier.open(&witnessed), Some(checkpoint));
        assert_eq!(Verifier::parse("name+00000000+AAAA"), None);
    }
}
