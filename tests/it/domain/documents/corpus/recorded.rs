//! Vectors that all-MiniLM-L6-v2 made of the corpus's texts, kept in tests/fixtures/corpus/vectors.bin, so that the recall of the search is the same
//! everywhere and measured in seconds. Where the model lies here, some are held against it. `UPDATE=1` with the model writes them anew.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use convoke::adapter::embedder::local::LocalEmbedder;
use convoke::port::embedder::{Embedder, EmbedderFault, Of};
use convoke::port::vectors::Space;
use sha2::{Digest as _, Sha256};

const SIZE: usize = 384;
/// The beginning of a text's digest, what its numbers are multiplied by, and the numbers.
const RECORD: usize = 8 + 4 + SIZE;

type Key = [u8; 8];

/// The vectors, by the beginnings of the digests of their texts.
pub(super) struct Recorded {
    known: Mutex<BTreeMap<Key, Vec<f32>>>,
    /// The texts that were asked for.
    asked: Mutex<BTreeMap<Key, String>>,
    /// Makes those that are not known, where they are to be written anew.
    model: Option<LocalEmbedder>,
}

fn path() -> PathBuf {
    crate::tools::project().join("tests/fixtures/corpus/vectors.bin")
}

fn key(text: &str) -> Key {
    Sha256::digest(text.as_bytes())[..8].try_into().unwrap()
}

impl Recorded {
    pub(super) fn open(model: Option<&str>) -> Arc<Self> {
        let model = model
            .filter(|_| std::env::var("UPDATE").is_ok())
            .map(|folder| LocalEmbedder::open(folder.as_ref()).unwrap());
        let mut known = BTreeMap::new();
        for record in std::fs::read(path()).unwrap_or_default().chunks_exact(RECORD) {
            let scale = f32::from_le_bytes(record[8..12].try_into().unwrap());
            let numbers = record[12..].iter().map(|byte| f32::from(byte.cast_signed()) * scale);
            known.insert(record[..8].try_into().unwrap(), numbers.collect());
        }
        Arc::new(Self { known: Mutex::new(known), asked: Mutex::default(), model })
    }

    /// Writes those that were asked for, where they are to be written anew.
    pub(super) fn keep(&self) {
        if self.model.is_none() {
            return;
        }
        let known = self.known.lock().unwrap();
        let mut bytes = Vec::new();
        for key in self.asked.lock().unwrap().keys() {
            let vector = &known[key];
            let scale = vector.iter().fold(0.0_f32, |most, number| most.max(number.abs())) / 127.0;
            bytes.extend(key);
            bytes.extend(scale.to_le_bytes());
            #[expect(clippy::cast_possible_truncation, reason = "by the scale it fits")]
            bytes.extend(vector.iter().map(|number| ((number / scale).round() as i8).cast_unsigned()));
        }
        std::fs::write(path(), bytes).unwrap();
    }

    /// Holds some of those that were asked for against the model.
    pub(super) async fn agree(&self, folder: &str) {
        let model = LocalEmbedder::open(folder.as_ref()).unwrap();
        let asked: Vec<String> = self.asked.lock().unwrap().values().cloned().collect();
        let some: Vec<&str> = asked.iter().step_by(asked.len() / 12).map(String::as_str).collect();
        let (made, kept) =
            (model.embed(&some, Of::Passage).await.unwrap(), self.embed(&some, Of::Passage).await.unwrap());
        for ((text, made), kept) in some.iter().zip(made).zip(kept) {
            let product = |one: &[f32], other: &[f32]| one.iter().zip(other).map(|(a, b)| a * b).sum::<f32>();
            let alike = product(&made, &kept) / (product(&made, &made) * product(&kept, &kept)).sqrt();
            assert!(alike > 0.999, "{alike}: {text}");
        }
    }
}

#[async_trait]
impl Embedder for Recorded {
    fn space(&self) -> Space {
        Space { embedder: "recorded".into(), size: SIZE }
    }

    async fn embed(&self, texts: &[&str], of: Of) -> Result<Vec<Vec<f32>>, EmbedderFault> {
        if let Some(model) = &self.model {
            let missing: Vec<&str> =
                texts.iter().copied().filter(|text| !self.known.lock().unwrap().contains_key(&key(text))).collect();
            let made = model.embed(&missing, of).await?;
            self.known.lock().unwrap().extend(missing.iter().map(|text| key(text)).zip(made));
        }
        self.asked.lock().unwrap().extend(texts.iter().map(|text| (key(text), (*text).to_owned())));
        let known = self.known.lock().unwrap();
        let of_text = |text: &&str| known.get(&key(text)).cloned();
        let all: Option<Vec<Vec<f32>>> = texts.iter().map(of_text).collect();
        Ok(all.expect("the corpus was changed: run this with UPDATE=1 and MINILM_FOLDER"))
    }
}
