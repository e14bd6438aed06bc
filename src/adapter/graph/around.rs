//! The nodes around one, level by level.

use std::collections::HashSet;

use uuid::Uuid;

use super::reading::Reading;
use crate::port::graph::{Around, GraphFault, Neighbours};

/// Relations told for each node that may be told.
const LINKS_FOR_A_NODE: usize = 5;

/// Walks around a node.
pub(super) async fn walk(reading: &mut Reading<'_>, around: &Around) -> Result<Neighbours, GraphFault> {
    let mut found = Neighbours::default();
    if reading.nodes(&[around.node]).await?.is_empty() {
        return Ok(found);
    }
    let most_links = around.most.saturating_mul(LINKS_FOR_A_NODE);
    let mut seen = HashSet::from([around.node]);
    let mut told = HashSet::new();
    let mut frontier = vec![around.node];
    for distance in 1..=around.depth {
        if frontier.is_empty() || found.nodes.len() >= around.most && found.cut {
            break;
        }
        let links = match reading.links(&frontier, around.direction, &around.types).await {
            // What was found until here is right: it is told, and that there is more.
            Err(GraphFault::TooManySteps) => {
                found.cut = true;
                break;
            }
            other => other?,
        };
        let mut ends: Vec<Uuid> = links.iter().flat_map(|link| [link.from, link.to]).collect();
        ends.sort_unstable();
        ends.dedup();
        ends.retain(|end| !seen.contains(end));
        let mut new: Vec<Uuid> = match reading.nodes(&ends).await {
            Err(GraphFault::TooManySteps) => {
                found.cut = true;
                break;
            }
            nodes => nodes?.into_iter().map(|node| node.id).collect(),
        };
        new.sort_unstable();
        let room = around.most - found.nodes.len();
        if new.len() > room {
            new.truncate(room);
            found.cut = true;
        }
        seen.extend(&new);
        found.nodes.extend(new.iter().map(|node| (*node, distance)));
        for link in links {
            // A relation to what the view does not have, or to what was left out, is not told.
            if seen.contains(&link.from) && seen.contains(&link.to) && told.insert(link.id) {
                if found.links.len() >= most_links {
                    found.cut = true;
                    break;
                }
                found.links.push(link);
            }
        }
        frontier = new;
    }
    Ok(found)
}
