//! Paths between two nodes: the shortest from both ends at once, others as partial paths that can still reach the end in time.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::reading::Reading;
use crate::port::graph::{Between, Direction, GraphFault, Link, Path, Paths, Which};

/// Nodes of a frontier that are looked beyond at once, where the next one may end the search.
const AT_ONCE: usize = 16;

/// Finds paths.
pub(super) async fn find(reading: &mut Reading<'_>, between: &Between) -> Result<Paths, GraphFault> {
    let there = reading.nodes(&[between.from, between.to]).await?;
    let both = [between.from, between.to].iter().all(|id| there.iter().any(|node| node.id == *id));
    if !both || between.most == 0 {
        return Ok(Paths::default());
    }
    if between.from == between.to {
        let path = Path { nodes: vec![between.from], links: Vec::new() };
        return Ok(Paths { paths: vec![path], cut: false });
    }
    match between.which {
        Which::Shortest => {
            // Most nodes can be seen. A path that was found without looking whether is the shortest if all of its own can.
            match quick(reading, between).await {
                // What it went through may be hidden: it may neither end the search nor take from what it may look at.
                Ok(None) | Err(GraphFault::TooManySteps) => reading.renew(),
                Ok(Some(found)) => return Ok(found),
                Err(fault) => return Err(fault),
            }
            shortest(reading, between, 1, true).await
        }
        Which::AllShortest => shortest(reading, between, between.most, true).await,
        Which::Simple => simple(reading, between).await,
    }
}

/// One of the shortest paths, found without looking whether the nodes can be seen; none where one of its own cannot.
async fn quick(reading: &mut Reading<'_>, between: &Between) -> Result<Option<Paths>, GraphFault> {
    let found = shortest(reading, between, 1, false).await?;
    let Some(path) = found.paths.first() else { return Ok(Some(found)) };
    let there = reading.nodes(&path.nodes).await?.len() == path.nodes.len();
    Ok(there.then_some(found))
}

/// The other way.
pub(super) const fn flipped(direction: Direction) -> Direction {
    match direction {
        Direction::Out => Direction::In,
        Direction::In => Direction::Out,
        Direction::Both => Direction::Both,
    }
}

/// What was reached from one end: each node with the relations by which it was reached first.
struct Side {
    direction: Direction,
    depth: u32,
    frontier: Vec<Uuid>,
    reached: HashMap<Uuid, (u32, Vec<(Uuid, Link)>)>,
}

impl Side {
    fn at(node: Uuid, direction: Direction) -> Self {
        Self { direction, depth: 0, frontier: vec![node], reached: HashMap::from([(node, (0, Vec::new()))]) }
    }

    /// Goes one relation further with the whole frontier: to nodes that the view has, where it looks whether it has them. With a side to
    /// meet it ends where it has met that: the rest of the frontier leads to nothing shorter.
    async fn go_on(
        &mut self,
        reading: &mut Reading<'_>,
        types: &[String],
        looks: bool,
        to_meet: Option<&Self>,
    ) -> Result<(), GraphFault> {
        let mut by: HashMap<Uuid, Vec<(Uuid, Link)>> = HashMap::new();
        for some in self.frontier.chunks(if to_meet.is_some() { AT_ONCE } else { usize::MAX }) {
            let links = reading.links(some, self.direction, types).await?;
            let at: HashSet<Uuid> = some.iter().copied().collect();
            for link in links {
                for (near, far) in ends(&link, self.direction) {
                    if at.contains(&near) && !self.reached.contains_key(&far) {
                        by.entry(far).or_default().push((near, link.clone()));
                    }
                }
            }
            if to_meet.is_some_and(|other| by.keys().any(|node| other.reached.contains_key(node))) {
                break;
            }
        }
        // In order, so that the same question has the same answer.
        let mut ids: Vec<Uuid> = by.keys().copied().collect();
        ids.sort_unstable();
        self.depth += 1;
        self.frontier.clear();
        let mut there: Vec<Uuid> =
            if looks { reading.nodes(&ids).await?.into_iter().map(|node| node.id).collect() } else { ids };
        there.sort_unstable();
        for node in there {
            let ways = by.remove(&node).unwrap_or_default();
            if looks {
                reading.tell(ways.len())?;
            }
            self.frontier.push(node);
            self.reached.insert(node, (self.depth, ways));
        }
        Ok(())
    }

    /// The ways from a node back to this side's end, at most so many: the relations in the order of going back.
    fn back(&self, node: Uuid, most: usize) -> Vec<Vec<(Uuid, Link)>> {
        let mut ways = Vec::new();
        let mut open = vec![(node, Vec::new())];
        while let Some((node, way)) = open.pop() {
            let Some((_, by)) = self.reached.get(&node) else { continue };
            if by.is_empty() {
                ways.push(way);
                if ways.len() >= most {
                    break;
                }
                continue;
            }
            for (parent, link) in by.iter().rev() {
                let mut longer = way.clone();
                longer.push((*parent, link.clone()));
                open.push((*parent, longer));
            }
        }
        ways
    }
}

/// From where to where a relation leads when it is followed in a direction.
pub(super) fn ends(link: &Link, direction: Direction) -> impl Iterator<Item = (Uuid, Uuid)> + use<> {
    let out = (direction != Direction::In).then_some((link.from, link.to));
    // A relation from a node to itself leads there once.
    let back = direction == Direction::In || (direction == Direction::Both && link.from != link.to);
    out.into_iter().chain(back.then_some((link.to, link.from)))
}

/// The shortest paths, by searching from both ends, always on from the smaller frontier.
async fn shortest(reading: &mut Reading<'_>, between: &Between, most: usize, looks: bool) -> Result<Paths, GraphFault> {
    let mut ahead = Side::at(between.from, between.direction);
    let mut back = Side::at(between.to, flipped(between.direction));
    while ahead.depth + back.depth < between.depth {
        let (one, other) =
            if ahead.frontier.len() <= back.frontier.len() { (&mut ahead, &back) } else { (&mut back, &ahead) };
        if one.frontier.is_empty() {
            break;
        }
        one.go_on(reading, &between.types, looks, (!looks).then_some(other)).await?;
        let mut meeting: Vec<Uuid> =
            one.frontier.iter().copied().filter(|node| other.reached.contains_key(node)).collect();
        if meeting.is_empty() {
            continue;
        }
        meeting.sort_unstable();
        let mut found = Paths::default();
        for node in meeting {
            for first in ahead.back(node, most + 1) {
                for second in back.back(node, most + 1) {
                    if found.paths.len() >= most {
                        found.cut = most > 1;
                        return Ok(found);
                    }
                    found.paths.push(joined(node, &first, &second));
                }
            }
        }
        return Ok(found);
    }
    Ok(Paths::default())
}

fn joined(middle: Uuid, to_start: &[(Uuid, Link)], to_end: &[(Uuid, Link)]) -> Path {
    let mut nodes: Vec<Uuid> = to_start.iter().rev().map(|(node, _)| *node).collect();
    nodes.push(middle);
    nodes.extend(to_end.iter().map(|(node, _)| *node));
    let links = to_start.iter().rev().chain(to_end).map(|(_, link)| link.clone()).collect();
    Path { nodes, links }
}

/// Paths that visit no node twice, the shortest first. What lies within half of the depth around the end is known first: a partial path
/// that cannot reach it any more is not followed.
async fn simple(reading: &mut Reading<'_>, between: &Between) -> Result<Paths, GraphFault> {
    let mut found = Paths::default();
    match simple_into(reading, between, &mut found).await {
        Err(GraphFault::TooManySteps | GraphFault::TooMuchMemory) if !found.paths.is_empty() => found.cut = true,
        other => other?,
    }
    Ok(found)
}

async fn simple_into(reading: &mut Reading<'_>, between: &Between, found: &mut Paths) -> Result<(), GraphFault> {
    let mut end = Side::at(between.to, flipped(between.direction));
    let radius = between.depth / 2;
    while end.depth < radius && !end.frontier.is_empty() {
        end.go_on(reading, &between.types, true, None).await?;
    }
    let mut partial = vec![Path { nodes: vec![between.from], links: Vec::new() }];
    let mut around: HashMap<Uuid, Vec<(Uuid, Link)>> = HashMap::new();
    for length in 1..=between.depth {
        let mut new: Vec<Uuid> = partial.iter().filter_map(|path| path.nodes.last().copied()).collect();
        new.sort_unstable();
        new.dedup();
        new.retain(|node| !around.contains_key(node));
        let links = reading.links(&new, between.direction, &between.types).await?;
        let mut far: Vec<Uuid> = links.iter().flat_map(|link| [link.from, link.to]).collect();
        far.sort_unstable();
        far.dedup();
        let there: HashSet<Uuid> = reading.nodes(&far).await?.into_iter().map(|node| node.id).collect();
        let at: HashSet<Uuid> = new.iter().copied().collect();
        around.extend(new.iter().map(|node| (*node, Vec::new())));
        for link in links {
            for (near, far) in ends(&link, between.direction) {
                if at.contains(&near) && there.contains(&far) {
                    around.entry(near).or_default().push((far, link.clone()));
                }
            }
        }
        let left = between.depth - length;
        let mut longer = Vec::new();
        let mut held = 0;
        for path in &partial {
            let last = path.nodes.last().copied().unwrap_or(between.from);
            for (far, link) in around.get(&last).into_iter().flatten() {
                reading.count_told(1)?;
                let reaches = end.reached.get(far).map(|(distance, _)| *distance);
                let in_time = reaches.map_or(left > radius, |distance| distance <= left);
                if !in_time || path.nodes.contains(far) {
                    continue;
                }
                let mut on = path.clone();
                on.nodes.push(*far);
                on.links.push(link.clone());
                if *far == between.to {
                    if found.paths.len() >= between.most {
                        found.cut = true;
                        return Ok(());
                    }
                    found.paths.push(on);
                    continue;
                }
                held += on.nodes.len() * 100;
                if held > reading.limits.memory {
                    return Err(GraphFault::TooMuchMemory);
                }
                longer.push(on);
            }
        }
        if longer.is_empty() {
            break;
        }
        partial = longer;
    }
    Ok(())
}
