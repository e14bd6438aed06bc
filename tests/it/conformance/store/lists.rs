//! Lists: filters, orders and pages against the plain model, over random documents.

use std::sync::Arc;
use std::time::Duration;

use convoke::kernel::id::TenantId;
use convoke::port::records::{
    Comparison, Filter, Kind, Place as ListPlace, Query, Ranking, Record, Scalar, Scope, Sharing, Visibility, Word,
};
use convoke::port::store::{Expect, Put, Step, Store, StoreFault};
use serde_json::json;

use super::declared::*;
use super::model::{Chance, ORDERS, document, filter, fits, order, value_of};
use crate::conformance::place::{NOW, Place};

/// The agent without its unique rules: random documents have the same values.
static LISTED: Kind = Kind { fields: AGENT.fields, text: &["displayName"], ..Kind::new("listed") };

/// A kind that no store here is told of.
static STRANGER: Kind = Kind::new("stranger");

async fn filled(place: &dyn Place, chance: &mut Chance, count: usize) -> (Arc<dyn Store>, TenantId, Vec<Record>) {
    let mut declared = declared();
    declared.kinds.push(&LISTED);
    let store = place.open(declared).await.unwrap();
    let (mine, theirs) = (tenant(), tenant());
    let owners = [None, Some(id()), Some(id())];
    for tenant in [mine, theirs] {
        let steps = (0..count).map(|_| {
            Step::Put(Put {
                kind: &LISTED,
                id: id(),
                expect: Expect::Absent,
                owner: owners[chance.below(3)],
                workspace: None,
                visibility: [Visibility::Private, Visibility::Tenant][chance.below(2)],
                body: document(chance),
            })
        });
        let steps: Vec<Step> = steps.collect();
        for (at, some) in (0..).zip(steps.chunks(7)) {
            let later = NOW.plus(Duration::from_millis(at));
            store.commit(vec![batch_at(tenant, later, some.to_vec())]).await.unwrap();
        }
    }
    let mut records = store.find(of(mine), &LISTED, query("id", 10_000)).await.unwrap();
    assert_eq!(records.len(), count);
    assert!(records.iter().all(|record| record.tenant == mine));
    records.sort_by_key(|record| record.id);
    (store, mine, records)
}

fn query(order: &'static str, limit: u32) -> Query {
    Query { filter: Filter::All, order, descending: false, after: None, limit }
}

pub(crate) async fn filters_as_the_model(place: &dyn Place) {
    let mut chance = Chance::new(1);
    let (store, tenant, records) = filled(place, &mut chance, 120).await;
    for _ in 0..400 {
        let filter = filter(&mut chance, 3);
        let mut expected: Vec<_> = records.iter().filter(|record| fits(record, &filter)).cloned().collect();
        let query = Query { filter: filter.clone(), ..query("id", 10_000) };
        assert_eq!(store.find(of(tenant), &LISTED, query.clone()).await.unwrap(), expected, "{filter:?}");
        let count = store.count(of(tenant), &LISTED, filter.clone()).await.unwrap();
        assert_eq!(count, expected.len() as u64, "{filter:?}");
        let descending = Query { descending: true, ..query };
        expected.reverse();
        assert_eq!(store.find(of(tenant), &LISTED, descending).await.unwrap(), expected, "{filter:?}");
    }
}

pub(crate) async fn reads_columns_alone(place: &dyn Place) {
    static NAMES: &[&str] =
        &["id", "displayName", "rank", "active", "seenAt", "leader", "owner", "visibility", "createdAt"];
    let mut chance = Chance::new(5);
    let (store, tenant, records) = filled(place, &mut chance, 120).await;
    for _ in 0..100 {
        let filter = filter(&mut chance, 2);
        let mut rows = store.columns(of(tenant), &LISTED, NAMES, filter.clone(), 1000).await.unwrap();
        rows.sort_by(|one, other| order(&one[0], &other[0]));
        let fitting = records.iter().filter(|record| fits(record, &filter));
        let expected: Vec<Vec<Scalar>> = fitting
            .map(|record| {
                let rest = NAMES[1..].iter().map(|name| value_of(record, name));
                std::iter::once(Scalar::Id(record.id)).chain(rest).collect()
            })
            .collect();
        assert_eq!(rows, expected, "{filter:?}");
    }
    let few = store.columns(of(tenant), &LISTED, NAMES, Filter::All, 7).await.unwrap();
    assert_eq!(few.len(), 7);
    let refused = store.columns(of(tenant), &LISTED, &["nothing"], Filter::All, 7).await;
    assert!(matches!(refused, Err(StoreFault::Broken(_))), "{refused:?}");
}

pub(crate) async fn filters_by_the_envelope(place: &dyn Place) {
    let mut chance = Chance::new(2);
    let (store, tenant, records) = filled(place, &mut chance, 40).await;
    let owner = records.iter().find_map(|record| record.owner).unwrap();
    let filters = [
        Filter::is("owner", Scalar::Id(owner)),
        Filter::IsNull("owner"),
        Filter::Not(Box::new(Filter::is("owner", Scalar::Id(owner)))),
        Filter::is("visibility", Scalar::Text("private".into())),
        Filter::Compare("createdAt", Comparison::Greater, Scalar::Time(NOW)),
        Filter::Compare("updatedAt", Comparison::AtMost, Scalar::Time(NOW)),
        Filter::In("id", vec![Scalar::Id(records[3].id), Scalar::Id(records[9].id), Scalar::Id(id())]),
        Filter::Or(vec![
            Filter::is("owner", Scalar::Id(owner)),
            Filter::is("visibility", Scalar::Text("tenant".into())),
        ]),
    ];
    for filter in filters {
        let expected: Vec<_> = records.iter().filter(|record| fits(record, &filter)).cloned().collect();
        let query = Query { filter: filter.clone(), ..query("id", 100) };
        assert_eq!(store.find(of(tenant), &LISTED, query).await.unwrap(), expected, "{filter:?}");
    }
}

pub(crate) async fn pages_are_the_whole_list(place: &dyn Place) {
    let mut chance = Chance::new(3);
    let (store, tenant, records) = filled(place, &mut chance, 60).await;
    for field in ORDERS {
        for descending in [false, true] {
            for limit in [1, 3, 7, 60, 100] {
                let filter = filter(&mut chance, 1);
                let mut expected: Vec<_> = records.iter().filter(|record| fits(record, &filter)).cloned().collect();
                expected.sort_by(|one, other| {
                    order(&value_of(one, field), &value_of(other, field)).then(one.id.cmp(&other.id))
                });
                if descending {
                    expected.reverse();
                }
                let mut query = Query { filter, order: field, descending, after: None, limit };
                let mut pages = Vec::new();
                loop {
                    let page = store.find(of(tenant), &LISTED, query.clone()).await.unwrap();
                    assert!(page.len() <= limit as usize);
                    let Some(last) = page.last() else { break };
                    query.after = Some(ListPlace { key: value_of(last, field), id: last.id });
                    pages.extend(page);
                }
                assert_eq!(pages, expected, "by {field}, descending {descending}, {limit} a page");
            }
        }
    }
}

pub(crate) async fn lists_over_the_platform(place: &dyn Place) {
    let mut chance = Chance::new(4);
    let (store, tenant, records) = filled(place, &mut chance, 30).await;
    let all = store.find(Scope::Platform, &LISTED, query("rank", 1000)).await.unwrap();
    assert_eq!(all.len(), 60);
    assert!(all.windows(2).all(|pair| order(&value_of(&pair[0], "rank"), &value_of(&pair[1], "rank")).is_le()));
    assert_eq!(all.iter().filter(|record| record.tenant == tenant).count(), records.len());
    assert_eq!(store.count(Scope::Platform, &LISTED, Filter::All).await.unwrap(), 60);
    for _ in 0..100 {
        let filter = filter(&mut chance, 2);
        let expected: Vec<_> = all.iter().filter(|record| fits(record, &filter)).cloned().collect();
        let query = Query { filter: filter.clone(), ..query("rank", 1000) };
        assert_eq!(store.find(Scope::Platform, &LISTED, query).await.unwrap(), expected, "{filter:?}");
    }
}

pub(crate) async fn refuses_what_is_not_declared(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    let refused = [
        Filter::is("unknown", Scalar::Integer(1)),
        Filter::is("rank", Scalar::Text("1".into())),
        Filter::is("number", Scalar::Integer(1)),
        Filter::StartsWith("rank", "1".into()),
        Filter::IsNull("document"),
    ];
    for filter in refused {
        let answer = store.count(of(tenant), &AGENT, filter.clone()).await;
        assert!(matches!(answer, Err(StoreFault::Broken(_))), "{filter:?}: {answer:?}");
    }
    let answer = store.find(of(tenant), &AGENT, query("about", 10)).await;
    assert!(matches!(answer, Err(StoreFault::Broken(_))), "{answer:?}");
    let answer = commit(&store, tenant, vec![put(&STRANGER, id(), Expect::Absent, json!({}))]).await;
    assert!(matches!(answer, Err(StoreFault::Broken(_))), "{answer:?}");
}

pub(crate) async fn finds_words(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    let add = async |name: &str, about: &str, tags: &[&str]| {
        add(&store, tenant, &AGENT, json!({"displayName": name, "about": about, "tags": tags})).await
    };
    let ada = add("Ada Lovelace", "Wrote the first programme, for the Analytical Engine", &["maths"]).await;
    let grace = add("Grace Hopper", "Compilers; said: \"it's easier to ask forgiveness\"", &["navy", "COBOL"]).await;
    let zoe = add("Zoë Müller", "ΕΛΛΑΣ and the Straße, 人工智能, AND OR NOT", &[]).await;
    let find = async |words: &str| -> Vec<_> {
        let query = Query { filter: Filter::Matches(words.to_owned()), ..query("id", 100) };
        let found = store.find(of(tenant), &AGENT, query).await.unwrap();
        found.into_iter().map(|record| record.id).collect()
    };
    // Words in any case and any field, every one of them; the last also as a beginning.
    assert_eq!(find("ada").await, [ada]);
    assert_eq!(find("LOVELACE first").await, [ada]);
    assert_eq!(find("ada hopper").await, NONE);
    assert_eq!(find("cobol grace").await, [grace]);
    assert_eq!(find("comp").await, [grace]);
    assert_eq!(find("comp grace").await, NONE);
    assert_eq!(find("ask forgive").await, [grace]);
    // Diacritics fold both ways.
    assert_eq!(find("zoe muller").await, [zoe]);
    assert_eq!(find("Zoe\u{308}").await, [zoe]);
    // Quotes and operators are text.
    assert_eq!(find("\"it's easier\"").await, [grace]);
    assert_eq!(find("ada OR grace").await, NONE);
    assert_eq!(find("and or not").await, [zoe]);
    assert_eq!(find("NOT ada").await, NONE);
    assert_eq!(find("displayName:ada").await, NONE);
    for text in ["\"", "(", "*", "^", "a:b:", "NEAR(", "{x} : y", "--", "\0", "ada\0", "' OR 1=1", "-ada", "+\""] {
        find(text).await;
    }
    // Text without words fits nothing.
    for text in ["", "  ", "\"*()\"", "-"] {
        assert_eq!(find(text).await, NONE, "{text:?}");
    }
    // A tenant's id is no word, and a search looks only into its own tenant.
    assert_eq!(find(&tenant.uuid().simple().to_string()).await, NONE);
    let other = self::tenant();
    assert_eq!(store.count(of(other), &AGENT, Filter::Matches("ada".into())).await.unwrap(), 0);
    assert_eq!(store.count(Scope::Platform, &AGENT, Filter::Matches("ada".into())).await.unwrap(), 1);
    let both = Filter::Matches("ada".into()).and(Filter::is("displayName", Scalar::Text("Ada Lovelace".into())));
    assert_eq!(store.count(of(tenant), &AGENT, both).await.unwrap(), 1);
    let without = Filter::Not(Box::new(Filter::Matches("ada".into())));
    assert_eq!(store.count(of(tenant), &AGENT, without).await.unwrap(), 2);
}

pub(crate) async fn ranks_by_words(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    let add = async |name: &str, about: &str| {
        add(&store, tenant, &AGENT, json!({"displayName": name, "about": about, "tags": ["each"]})).await
    };
    let both = add("one", "the rare zebra and the common horse").await;
    let rare = add("two", "a zebra in a field of grass").await;
    let common = add("three", "a horse in a field of grass").await;
    let others = [add("four", "a horse").await, add("five", "the horses of Zoë, and much else besides them").await];
    let word = |text: &str| Word { text: text.to_owned(), beginning: false };
    let rank = async |words: Vec<Word>, filter: Filter, limit: u32| -> Vec<_> {
        let found = store.rank(tenant, &AGENT, Ranking { words, filter, limit }).await.unwrap();
        assert!(
            found.iter().all(|(_, score)| *score > 0.0) && found.is_sorted_by(|one, two| one.1 >= two.1),
            "{found:?}"
        );
        found.into_iter().map(|(record, _)| record.id).collect()
    };
    // Any of the words suffices; the rarer one tells more, and both tell most.
    let found = rank(vec![word("HORSE"), word("zebra")], Filter::All, 10).await;
    assert_eq!((found.len(), found[0], found[1]), (4, both, rare));
    assert_eq!(rank(vec![word("horse"), word("zebra")], Filter::All, 1).await, [both]);
    // Of two that say it the shorter one tells more.
    assert_eq!(rank(vec![word("horse")], Filter::All, 10).await[0], others[0]);
    let beginning = Word { text: "hors".to_owned(), beginning: true };
    assert_eq!(rank(vec![beginning], Filter::All, 10).await.len(), 4);
    assert_eq!(rank(vec![word("hors")], Filter::All, 10).await, NONE);
    assert_eq!(rank(vec![word("zoe")], Filter::All, 10).await, [others[1]]);
    // Only what the filter lets through, however far behind it stands.
    let only = Filter::is("displayName", Scalar::Text("three".into()));
    assert_eq!(rank(vec![word("zebra"), word("grass")], only.clone(), 10).await, [common]);
    assert_eq!(rank(vec![word("zebra")], only, 10).await, NONE);
    // Operators and quotes are text, and text without words fits nothing.
    for text in ["\"", "(", "*", "a:b", "NEAR(", "' | 1", "zebra' & 'x", "\0", "-", ""] {
        rank(vec![word(text)], Filter::All, 10).await;
    }
    assert_eq!(rank(vec![word("-"), word("")], Filter::All, 10).await, NONE);
    assert_eq!(rank(vec![], Filter::All, 10).await, NONE);
    // Another tenant has none of it.
    let ranking = Ranking { words: vec![word("zebra")], filter: Filter::All, limit: 10 };
    assert_eq!(store.rank(self::tenant(), &AGENT, ranking.clone()).await.unwrap(), []);
    let answer = store.rank(tenant, &NOTE, ranking).await;
    assert!(matches!(answer, Err(StoreFault::Broken(_))), "{answer:?}");
}

pub(crate) async fn finds_what_shares_words(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    let mut texts =
        vec!["green tea at home".to_owned(), "green tea".to_owned(), "Tea, green, HOME and cats".to_owned()];
    texts.extend((0..30).map(|at| format!("home number{at}")));
    let mut ids = Vec::new();
    for about in &texts {
        ids.push(add(&store, tenant, &AGENT, json!({"displayName": about, "about": about})).await);
    }
    let words = |text: &str| -> Vec<Word> {
        text.split(' ').map(|text| Word { text: text.to_owned(), beginning: text.len() >= 3 }).collect()
    };
    let sharing = async |text: &str, least: usize, filter: Filter, limit: u32| -> Vec<_> {
        let sharing = Sharing { words: words(text), least, filter, limit };
        let found = store.sharing(tenant, &AGENT, sharing).await.unwrap();
        let mut found: Vec<_> = found.into_iter().map(|record| record.id).collect();
        found.sort_unstable();
        found
    };
    // Everybody who has enough is there.
    let found = sharing("green tea hom", 3, Filter::All, 10).await;
    assert!(found.contains(&ids[0]) && !found.contains(&ids[3]), "{found:?}");
    let found = sharing("green tea home cats", 2, Filter::All, 10).await;
    assert!(ids[..3].iter().all(|id| found.contains(id)), "{found:?}");
    assert_eq!(sharing("number7 nowhere", 1, Filter::All, 10).await, [ids[10]]);
    assert_eq!(sharing("number7 nowhere", 2, Filter::All, 10).await, NONE);
    // Where too many have them, those that tell most.
    let found = sharing("green home", 1, Filter::All, 3).await;
    assert_eq!((found.len(), ids[..3].iter().filter(|id| found.contains(id)).count()), (3, 3), "{found:?}");
    // Only what the filter lets through.
    let only = Filter::is("displayName", Scalar::Text("green tea".into()));
    assert_eq!(sharing("green tea home", 2, only, 10).await, [ids[1]]);
    for text in ["\"", "(", "*", "a:b", "NEAR(", "' | 1", "zebra' & 'x", "\0", "-", ""] {
        sharing(text, 1, Filter::All, 10).await;
        sharing(&format!("{text} tea"), 2, Filter::All, 10).await;
    }
    assert_eq!(sharing("-", 1, Filter::All, 10).await, NONE);
    // Another tenant has none of it.
    let sharing = Sharing { words: words("green tea"), least: 2, filter: Filter::All, limit: 10 };
    assert_eq!(store.sharing(self::tenant(), &AGENT, sharing.clone()).await.unwrap(), []);
    let answer = store.sharing(tenant, &NOTE, sharing).await;
    assert!(matches!(answer, Err(StoreFault::Broken(_))), "{answer:?}");
}

/// The order is that of few texts, however many there are: beside many of one's own and of others.
pub(crate) async fn ranks_among_many(place: &dyn Place) {
    let (store, tenant, other) = (open(place).await, tenant(), self::tenant());
    for (whose, words) in [(tenant, "common"), (other, "common zebra")] {
        for chunk in 0..9 {
            let puts = (0..500).map(|at| {
                let about = format!("{words} word{}", chunk * 500 + at);
                put(&AGENT, id(), Expect::Absent, json!({"displayName": about, "about": about}))
            });
            commit(&store, whose, puts.collect()).await.unwrap();
        }
    }
    let both = add(&store, tenant, &AGENT, json!({"displayName": "a", "about": "a common zebra"})).await;
    let one =
        add(&store, tenant, &AGENT, json!({"displayName": "b", "about": "a zebra among horses in a field"})).await;
    let rank = async |whose: TenantId, words: &[&str], limit: u32| -> Vec<_> {
        let words = words.iter().map(|text| Word { text: (*text).to_owned(), beginning: false }).collect();
        let found = store.rank(whose, &AGENT, Ranking { words, filter: Filter::All, limit }).await.unwrap();
        found.into_iter().map(|(record, _)| record.id).collect()
    };
    assert_eq!(rank(tenant, &["zebra", "common"], 2).await, [both, one]);
    assert_eq!(rank(tenant, &["zebra"], 10).await, [both, one]);
    assert_eq!(rank(tenant, &["common"], 10).await.len(), 10);
    assert_eq!(rank(other, &["zebra", "word7"], 1).await.len(), 1);
}

/// Where most of what says a word is somebody else's, what is one's own is found all the same.
pub(crate) async fn ranks_what_is_far_behind(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    for chunk in 0..6 {
        let puts = (0..100).map(|at| {
            let name = format!("other {}", chunk * 100 + at);
            put(&AGENT, id(), Expect::Absent, json!({"displayName": name, "about": "tea"}))
        });
        commit(&store, tenant, puts.collect()).await.unwrap();
    }
    let about = "tea, and very many other words that make this one tell less than any of those that say nothing else";
    let own = add(&store, tenant, &AGENT, json!({"displayName": "own", "about": about})).await;
    let words = vec![Word { text: "tea".to_owned(), beginning: false }];
    let filter = Filter::is("displayName", Scalar::Text("own".into()));
    let found = store.rank(tenant, &AGENT, Ranking { words, filter, limit: 3 }).await.unwrap();
    assert_eq!(found.into_iter().map(|(record, _)| record.id).collect::<Vec<_>>(), [own]);
}

pub(crate) async fn full_text_follows_changes(place: &dyn Place) {
    let (store, tenant) = (open(place).await, tenant());
    let id = add(&store, tenant, &AGENT, json!({"about": "first words"})).await;
    let count = async |words: &str| store.count(of(tenant), &AGENT, Filter::Matches(words.into())).await.unwrap();
    commit(&store, tenant, vec![put(&AGENT, id, Expect::Present, json!({"about": "second words"}))]).await.unwrap();
    assert_eq!((count("first").await, count("second").await), (0, 1));
    // What was refused leaves no words behind.
    let refused = vec![
        put(&AGENT, id, Expect::Present, json!({"about": "third"})),
        put(&AGENT, self::id(), Expect::Present, json!({})),
    ];
    assert!(commit(&store, tenant, refused).await.is_err());
    assert_eq!((count("second").await, count("third").await), (1, 0));
    commit(&store, tenant, vec![Step::Remove { kind: &AGENT, id, expect: Expect::Present }]).await.unwrap();
    assert_eq!(count("words").await, 0);
}
