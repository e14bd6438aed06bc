//! Reading passages without a model: all of a document at once, since what stands together is told by all of it. And by what a passage is the
//! same as before.

use std::collections::{BTreeMap, HashMap};

use super::records::{Finds, FoundLink, FoundName, Wishes};
use crate::domain::documents::model::chunk::Chunk;
use crate::domain::knowledge::engine::naming::{Named, named};
use crate::kernel::fault::Fault;
use crate::kernel::seal::sha256_hex;
use crate::kernel::tasks::blocking;

/// What is found in each passage, and how many names are more than are told.
///
/// # Errors
/// When the reading broke down.
pub(super) async fn read(chunks: &[&Chunk]) -> Result<(Vec<Finds>, usize), Fault> {
    let texts: Vec<String> = chunks.iter().map(|chunk| chunk.text.clone()).collect();
    let found = blocking(move || {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        (named(&texts), texts.len())
    });
    let (found, count) = found.await.ok_or_else(|| Fault::internal("reading names broke down"))?;
    let beyond = found.beyond;
    Ok((by_passage(found, count), beyond))
}

/// The same for each passage.
fn by_passage(found: Named, count: usize) -> Vec<Finds> {
    let mut finds = vec![Finds::default(); count];
    // Where each name stands in the list of each passage.
    let mut at: HashMap<(usize, usize), usize> = HashMap::new();
    for (number, name) in found.names.into_iter().enumerate() {
        for place in name.places {
            let Some(one) = finds.get_mut(place.text) else { continue };
            at.insert((place.text, number), one.names.len());
            one.names.push(FoundName { name: name.name.clone(), of: name.of.to_owned(), quote: place.quote });
        }
    }
    for link in found.links {
        for place in link.places {
            let ends = at.get(&(place.text, link.from)).zip(at.get(&(place.text, link.to)));
            if let (Some((from, to)), Some(one)) = (ends, finds.get_mut(place.text)) {
                one.links.push(FoundLink {
                    from: *from,
                    to: *to,
                    of: link.of.clone(),
                    quote: place.quote,
                    confidence: link.confidence,
                    weight: link.closeness,
                });
            }
        }
    }
    finds
}

/// Leaves out what is of another type than is wanted.
pub(super) fn typed(mut finds: Finds, wishes: &Wishes, skipped: &mut BTreeMap<&'static str, usize>) -> Finds {
    let fits = |types: &[String], of: &str| types.is_empty() || types.iter().any(|one| one.eq_ignore_ascii_case(of));
    let names = std::mem::take(&mut finds.names);
    let mut at: Vec<Option<usize>> = Vec::with_capacity(names.len());
    for name in names {
        let fits = fits(&wishes.entity_types, &name.of);
        at.push(fits.then_some(finds.names.len()));
        if fits {
            finds.names.push(name);
        } else {
            *skipped.entry("type").or_default() += 1;
        }
    }
    finds.links.retain_mut(|link| {
        let ends = at.get(link.from).copied().flatten().zip(at.get(link.to).copied().flatten());
        let Some((from, to)) = ends.filter(|_| fits(&wishes.relation_types, &link.of)) else {
            *skipped.entry("type").or_default() += 1;
            return false;
        };
        (link.from, link.to) = (from, to);
        true
    });
    finds
}

/// The digest of what is read of a passage.
pub(super) fn digest(chunk: &Chunk) -> String {
    sha256_hex(format!("{}\n{}", chunk.heading, chunk.text).as_bytes())
}
