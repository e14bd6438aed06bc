//! The measures against what is known of small graphs, and against the plain definition.

use super::centrality::{betweenness, page_rank};
use super::communities::communities;
use super::net::Net;
use super::*;

#[expect(clippy::unnecessary_wraps, reason = "a clock that never fails is one")]
fn unhurried() -> Result<(), GraphFault> {
    Ok(())
}

fn close(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-6
}

#[test]
fn what_much_leads_to_has_rank() {
    // Two lead to the third, which leads nowhere.
    let ranks = page_rank(&Net::of(3, &[(0, 2), (1, 2)]), &unhurried).unwrap();
    assert!(close(ranks.iter().sum(), 1.0) && close(ranks[0], ranks[1]), "{ranks:?}");
    // r = 0.05 + 0.85 t / 3 of the first two, t = r + 1.7 r.
    let first = 0.05 / (1.0 - 0.85 * 2.7 / 3.0);
    assert!(close(ranks[0], first) && close(ranks[2], 2.7 * first), "{ranks:?}");
    let ring = page_rank(&Net::of(4, &[(0, 1), (1, 2), (2, 3), (3, 0)]), &unhurried).unwrap();
    assert!(ring.iter().all(|rank| close(*rank, 0.25)), "{ring:?}");
    assert_eq!(page_rank(&Net::of(0, &[]), &unhurried).unwrap(), Vec::<f64>::new());
}

#[test]
fn what_lies_between_is_counted() {
    // A chain: 1 lies between 0-2, 0-3; 2 between 0-3, 1-3; of three pairs of others each. A second relation changes nothing.
    let (scores, estimated) = betweenness(&Net::of(4, &[(0, 1), (1, 0), (1, 2), (3, 2), (2, 2)]), &unhurried).unwrap();
    assert!(!estimated && close(scores[1], 2.0 / 3.0) && close(scores[2], 2.0 / 3.0), "{scores:?}");
    assert!(close(scores[0], 0.0) && close(scores[3], 0.0), "{scores:?}");
    let (star, _) = betweenness(&Net::of(5, &[(0, 1), (0, 2), (0, 3), (0, 4)]), &unhurried).unwrap();
    assert!(close(star[0], 1.0) && close(star[1], 0.0), "{star:?}");
    // Two ways of the same length: half of each.
    let (square, _) = betweenness(&Net::of(4, &[(0, 1), (1, 2), (2, 3), (3, 0)]), &unhurried).unwrap();
    assert!(square.iter().all(|score| close(*score, 1.0 / 6.0)), "{square:?}");
}

#[test]
fn what_hangs_together_is_found() {
    // Three cliques of five in a ring, with one relation from each to the next.
    let mut links = Vec::new();
    for clique in 0..3_u32 {
        for one in 0..5 {
            links.extend((one + 1..5).map(|other| (clique * 5 + one, clique * 5 + other)));
        }
        links.push((clique * 5, ((clique + 1) % 3) * 5 + 1));
    }
    let groups = communities(&Net::of(16, &links), &unhurried).unwrap();
    for node in 0..15 {
        assert_eq!(groups[node], groups[node / 5 * 5], "{groups:?}");
    }
    assert!(groups[0] != groups[5] && groups[5] != groups[10] && groups[0] != groups[10], "{groups:?}");
    let named = named(&groups);
    assert_eq!(named[0], Community { number: 1, size: 5 });
    assert_eq!(named[15], Community { number: 4, size: 1 });
    assert_eq!(communities(&Net::of(16, &links), &unhurried).unwrap(), groups);
    assert_eq!(communities(&Net::of(1, &[(0, 0)]), &unhurried).unwrap(), [0]);
}

#[test]
fn a_large_graph_is_sampled_and_a_late_one_ends() {
    let mut chance = 7_u64;
    let mut below = |bound: u64| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((chance >> 33) % bound).unwrap()
    };
    let mut links: Vec<(u32, u32)> = (0..60_000).map(|_| (below(10_000), below(10_000))).collect();
    links.extend((0..3_000).map(|at| (at, 9_999)));
    let net = Net::of(10_000, &links);
    let (scores, estimated) = betweenness(&net, &unhurried).unwrap();
    let most = (0..scores.len()).max_by(|one, other| scores[*one].total_cmp(&scores[*other]));
    assert!(estimated && most == Some(9_999));
    let late = || Err(GraphFault::TooLong);
    assert_eq!(betweenness(&net, &late).unwrap_err(), GraphFault::TooLong);
    assert_eq!(page_rank(&net, &late).unwrap_err(), GraphFault::TooLong);
    assert_eq!(communities(&net, &late).unwrap_err(), GraphFault::TooLong);
}
