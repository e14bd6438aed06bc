//! `persona_search`: personas by text and filters, ranked.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::owned::visible_to;
use crate::capability::page::{Page, Paging};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::personas::finding::{Found, MOST_PERSONAS};
use crate::domain::personas::library::Personas;
use crate::domain::personas::model::{Persona, Profile};
use crate::domain::personas::views::Brief;
use crate::domain::registry::engine::content_stems;
use crate::kernel::fault::Fault;
use crate::port::records::Query;

/// Searches personas.
pub(in crate::domain::personas) struct PersonaSearch;

/// What is looked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::personas) struct Input {
    /// What the persona is to do or be, in plain words. Without it all are told, by id.
    #[serde(default)]
    #[schemars(length(min = 1, max = 500))]
    query: Option<String>,
    /// Only those with this tag.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    tag: Option<String>,
    /// Only those that know much of this: a part of what they know will do.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    expertise: Option<String>,
    /// Only those that sound so: a part of their tone will do.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    tone: Option<String>,
    /// Which part of the list.
    #[serde(flatten)]
    paging: Paging,
}

/// A persona that was found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::personas) struct Item {
    /// The persona.
    #[serde(flatten)]
    brief: Brief,
    /// How well it fits the query: from 0 to 1, only comparable within one answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
}

impl Capability for PersonaSearch {
    type Input = Input;
    type Output = Page<Item>;
    const SPEC: Spec = Spec::read(
        "persona_search",
        Domain::Personas,
        Route::get("/personas/search"),
        Permit::on(Resource::Personas, Action::Read),
        "Finds a persona for a task by plain words and by tag, expertise and tone, best first: those that come with the program and the \
         tenant's own. For everything about one use persona_get.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Page<Item>, Fault> {
        let (filter, order) = (visible_to::<Persona>(cx.caller()), "personaId");
        let query = Query { filter, order, descending: false, after: None, limit: MOST_PERSONAS };
        let mut all: BTreeMap<String, Found> = BTreeMap::new();
        for (id, file) in cx.service::<Personas>()?.present().iter() {
            all.insert(id.clone(), Found::File(file.clone()));
        }
        for stored in cx.find::<Persona>(query).await? {
            all.insert(stored.value.persona_id.clone(), Found::Own(Box::new(stored)));
        }
        let all: Vec<(Brief, Profile)> = all
            .into_values()
            .map(|found| (Brief::of(found.id(), &found.present()), found.present().profile))
            .filter(|(_, profile)| fits(profile, &input))
            .collect();
        let found = match &input.query {
            Some(query) => ranked(all, query),
            None => all.into_iter().map(|(brief, _)| Item { brief, score: None }).collect(),
        };
        let list = format!("personas {:?} {:?} {:?} {:?}", input.query, input.tag, input.expertise, input.tone);
        let token = input.paging.page_token.as_deref();
        // A list that is ranked anew each time has places by number.
        let from = token.map(|token| cx.open_page::<usize>(&list, token)).transpose()?.unwrap_or(0);
        let size = input.paging.size() as usize;
        let more = found.len() > from + size;
        let items: Vec<Item> = found.into_iter().skip(from).take(size).collect();
        let next_page_token = if more { Some(cx.seal_page(&list, &(from + size))?) } else { None };
        Ok(Page { items, next_page_token })
    }
}

fn fits(profile: &Profile, input: &Input) -> bool {
    let within = |text: &str, part: &Option<String>| {
        part.as_ref().is_none_or(|part| text.to_lowercase().contains(&part.to_lowercase()))
    };
    input.tag.as_ref().is_none_or(|tag| profile.tags.contains(tag))
        && within(&profile.tone, &input.tone)
        && (input.expertise.is_none() || profile.expertise.iter().any(|one| within(one, &input.expertise)))
}

/// What a word is worth where it stands.
fn fields(profile: &Profile) -> [(f64, BTreeSet<String>); 4] {
    let known = format!("{} {}", profile.expertise.join(" "), profile.tags.join(" "));
    let rest = format!("{} {} {}", profile.tone, profile.traits.join(" "), profile.rules.join(" "));
    [
        (4.0, content_stems(&profile.title)),
        (3.0, content_stems(&known)),
        (2.0, content_stems(&format!("{} {}", profile.role, profile.description))),
        (0.5, content_stems(&rest)),
    ]
}

/// Those that have a word of the query, best first. A word that few have weighs more.
fn ranked(all: Vec<(Brief, Profile)>, query: &str) -> Vec<Item> {
    let words = content_stems(query);
    let of: Vec<_> = all.iter().map(|(_, profile)| fields(profile)).collect();
    let has = |fields: &[(f64, BTreeSet<String>)], word: &String| {
        fields.iter().filter(|(_, words)| words.contains(word)).map(|(weight, _)| *weight).fold(0.0, f64::max)
    };
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let rarity = |word: &String| {
        let having = of.iter().filter(|fields| has(*fields, word) > 0.0).count();
        (1.0 + (of.len() as f64 + 1.0) / (having as f64 + 1.0)).ln()
    };
    let rarities: Vec<(&String, f64)> = words.iter().map(|word| (word, rarity(word))).collect();
    let most: f64 = rarities.iter().map(|(_, rarity)| rarity * 4.0).sum();
    let mut found: Vec<Item> = all
        .into_iter()
        .zip(&of)
        .filter_map(|((brief, _), fields)| {
            let score: f64 = rarities.iter().map(|(word, rarity)| rarity * has(fields, word)).sum();
            let score = if most > 0.0 { (score / most * 1000.0).round() / 1000.0 } else { 0.0 };
            (score > 0.0).then_some(Item { brief, score: Some(score) })
        })
        .collect();
    found.sort_by(|one, other| {
        let scores = other.score.partial_cmp(&one.score).unwrap_or(Ordering::Equal);
        scores.then_with(|| one.brief.persona_id.cmp(&other.brief.persona_id))
    });
    found
}
