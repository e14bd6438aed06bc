//! The making of an index: all words of all documents are collected before any of them can be weighed.

use std::collections::{BTreeMap, HashMap};

use super::{CLAUSE, Document, Entry, FIELDS, Group, Index, Phrase, SATURATION, Term};
use crate::domain::registry::engine::pairs::Pairs;
use crate::domain::registry::engine::text;

/// Collects the words of all documents before any of them can be weighed.
#[derive(Default)]
pub(super) struct Builder {
    spellings: HashMap<String, usize>,
    stems: HashMap<String, usize>,
    terms: Vec<Term>,
}

impl Builder {
    pub(super) fn build(mut self, documents: &[Document]) -> Index {
        let mut phrases = Vec::new();
        let mut phrase_terms = Vec::new();
        let mut entries = Vec::with_capacity(documents.len());
        let mut texts = Vec::with_capacity(documents.len());
        for (number, document) in documents.iter().enumerate() {
            let name = self.terms_of(&document.name);
            let mut spoken = Vec::new();
            let mut said = Vec::new();
            for phrase in &document.phrases {
                let terms = self.terms_of(phrase);
                spoken.extend_from_slice(&terms);
                said.push((terms, 1.0));
            }
            if document.phrases.is_empty() {
                // Without phrases, as a tool that a tenant has added may be, each clause of the description stands for one.
                said.extend(document.description.split([';', ':', ',', '.']).map(|clause| {
                    let mut terms = self.terms_of(clause);
                    terms.extend_from_slice(&name);
                    (terms, CLAUSE)
                }));
            }
            for (mut terms, share) in said {
                terms.sort_unstable();
                terms.dedup();
                for term in &terms {
                    if let Some(term) = self.terms.get_mut(*term) {
                        term.phrases.push(phrases.len());
                    }
                }
                phrases.push(Phrase { document: number, mass: 0.0, share });
                phrase_terms.push(terms);
            }
            if document.phrases.is_empty() {
                spoken = self.terms_of(&document.description);
            }
            texts.push([
                name.clone(),
                self.terms_of(&document.domain),
                self.terms_of(&document.title),
                self.terms_of(&document.description),
                spoken,
                document.fields.iter().flat_map(|field| self.terms_of(field)).collect(),
            ]);
            let spelled = text::words(&document.name);
            let (intention, number) = (text::intention_of_name(&spelled), text::number_of_name(&spelled));
            entries.push(Entry { name: document.name.clone(), intention, number, name_terms: name });
        }
        self.weigh(&texts);
        for (phrase, terms) in phrases.iter_mut().zip(&phrase_terms) {
            phrase.mass = terms.iter().filter_map(|term| self.terms.get(*term)).map(|term| term.rarity).sum();
        }
        let (groups, groups_of) = self.groups(documents.len());
        let mut ordered: Vec<(String, usize)> =
            self.spellings.iter().map(|(word, term)| (word.clone(), *term)).collect();
        ordered.sort_unstable();
        let by_name =
            documents.iter().enumerate().map(|(number, document)| (document.name.to_lowercase(), number)).collect();
        Index {
            entries,
            by_name,
            spellings: self.spellings,
            ordered,
            stems: self.stems,
            terms: self.terms,
            groups,
            groups_of,
            phrases,
            pairs: Pairs::of(documents.iter().map(|document| document.phrases.as_slice()), rarity),
        }
    }

    fn terms_of(&mut self, source: &str) -> Vec<usize> {
        let mut found = Vec::new();
        for word in text::words(source) {
            if text::is_stop_word(&word) {
                continue;
            }
            let term = if let Some(term) = self.spellings.get(&word) {
                *term
            } else {
                let fresh = self.terms.len();
                let term = *self.stems.entry(text::stem(&word)).or_insert(fresh);
                if term == fresh {
                    self.terms.push(Term::default());
                }
                self.spellings.insert(word, term);
                term
            };
            found.push(term);
        }
        found
    }

    fn weigh(&mut self, texts: &[[Vec<usize>; 6]]) {
        let mut averages = [0.0_f32; 6];
        for (field, average) in averages.iter_mut().enumerate() {
            let filled: Vec<usize> =
                texts.iter().filter_map(|text| text.get(field)).map(Vec::len).filter(|length| *length > 0).collect();
            *average = real(filled.iter().sum()) / real(filled.len()).max(1.0);
        }
        for (number, fields) in texts.iter().enumerate() {
            let mut weights: BTreeMap<usize, f32> = BTreeMap::new();
            for ((terms, (weight, normalisation)), average) in fields.iter().zip(FIELDS).zip(averages) {
                let length = 1.0 - normalisation + normalisation * real(terms.len()) / average.max(1.0);
                for term in terms {
                    *weights.entry(*term).or_default() += weight / length;
                }
            }
            for (term, weight) in weights {
                if let Some(term) = self.terms.get_mut(term) {
                    term.documents.push((number, weight * (SATURATION + 1.0) / (weight + SATURATION)));
                }
            }
        }
        for term in &mut self.terms {
            term.rarity = rarity(term.documents.len(), texts.len());
        }
    }

    fn groups(&self, total: usize) -> (Vec<Group>, HashMap<String, Vec<usize>>) {
        let mut groups = Vec::new();
        let mut groups_of: HashMap<String, Vec<usize>> = HashMap::new();
        for stems in text::synonyms() {
            let terms: Vec<usize> = stems.iter().filter_map(|stem| self.stems.get(stem)).copied().collect();
            let mut documents: Vec<usize> = terms
                .iter()
                .filter_map(|term| self.terms.get(*term))
                .flat_map(|term| &term.documents)
                .map(|(number, _)| *number)
                .collect();
            documents.sort_unstable();
            documents.dedup();
            for stem in stems {
                groups_of.entry(stem.clone()).or_default().push(groups.len());
            }
            groups.push(Group { rarity: rarity(documents.len(), total), terms });
        }
        (groups, groups_of)
    }
}

/// How much it says that a word occurs, when it occurs in so many documents of all.
fn rarity(having: usize, total: usize) -> f32 {
    let (having, total) = (real(having), real(total));
    (1.0 + (total - having + 0.5) / (having + 0.5)).ln()
}

/// A count as a real number; counts here stay far below the limit of 65535.
fn real(count: usize) -> f32 {
    f32::from(u16::try_from(count).unwrap_or(u16::MAX))
}
