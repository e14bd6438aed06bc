//! Words that stand side by side. "is there", "who did" and "can I" are made of words that say nothing alone, and yet tell what
//! kind of thing is asked for. Which pair speaks for which document is learnt from the documents' own phrases.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::text;

/// The pairs of all documents.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    known: HashMap<(String, String), Pair>,
}

#[derive(Debug)]
struct Pair {
    rarity: f32,
    documents: Vec<usize>,
}

/// Stands before the first word of a sentence.
const START: &str = "^";

impl Pairs {
    /// The pairs in what is said of each document; `rarity` weighs how many of the documents that say anything have one.
    pub(super) fn of<'a>(said: impl Iterator<Item = &'a [String]>, rarity: impl Fn(usize, usize) -> f32) -> Self {
        let mut documents_of: BTreeMap<(String, String), BTreeSet<usize>> = BTreeMap::new();
        let mut speaking = 0;
        for (document, sentences) in said.enumerate() {
            speaking += usize::from(!sentences.is_empty());
            for pair in sentences.iter().flat_map(|sentence| pairs_of(&text::words(sentence))) {
                documents_of.entry(pair).or_default().insert(document);
            }
        }
        let known = documents_of.into_iter().map(|(pair, documents)| {
            let documents: Vec<usize> = documents.into_iter().collect();
            (pair, Pair { rarity: rarity(documents.len(), speaking), documents })
        });
        Self { known: known.collect() }
    }

    /// Adds to each document's score what the pairs of a query say for it.
    pub(super) fn reward(&self, words: &[String], share: f32, scores: &mut [f32]) {
        let asked: BTreeSet<(String, String)> = pairs_of(words).collect();
        for pair in asked.iter().filter_map(|pair| self.known.get(pair)) {
            for document in &pair.documents {
                if let Some(score) = scores.get_mut(*document) {
                    *score += share * pair.rarity;
                }
            }
        }
    }
}

fn pairs_of(words: &[String]) -> impl Iterator<Item = (String, String)> + use<> {
    let stems: Vec<String> =
        std::iter::once(START.to_owned()).chain(words.iter().map(|word| text::stem(word))).collect();
    let follow = stems.clone().into_iter().skip(1);
    stems.into_iter().zip(follow)
}
