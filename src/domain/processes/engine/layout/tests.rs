//! What holds of every picture, over definitions by chance.

use std::time::Instant;

use super::*;
use crate::domain::processes::engine::by_chance::{by_chance, edge, every_type, large, node};
use serde_json::json;

impl Place {
    const fn right(&self) -> i64 {
        self.x + self.width
    }

    const fn bottom(&self) -> i64 {
        self.y + self.height
    }

    const fn meets(&self, other: &Self) -> bool {
        self.x < other.right() && other.x < self.right() && self.y < other.bottom() && other.y < self.bottom()
    }

    const fn holds(&self, other: &Self) -> bool {
        self.x <= other.x && self.y <= other.y && other.right() <= self.right() && other.bottom() <= self.bottom()
    }

    const fn touches(&self, point: &Point) -> bool {
        let across = self.x <= point.x && point.x <= self.right();
        let down = self.y <= point.y && point.y <= self.bottom();
        across
            && down
            && (self.x == point.x || self.right() == point.x || self.y == point.y || self.bottom() == point.y)
    }
}

/// What is wrong with a picture.
fn amiss(definition: &Definition, layout: &Layout) -> Vec<String> {
    let mut wrong = Vec::new();
    let whole = Place { x: 0, y: 0, width: layout.width, height: layout.height };
    for (number, node) in layout.nodes.iter().enumerate() {
        if !whole.holds(&node.place) {
            wrong.push(format!("{} is outside of the picture", node.id));
        }
        for other in &layout.nodes[number + 1..] {
            let stands_on = node.on.as_ref() == Some(&other.id) || other.on.as_ref() == Some(&node.id);
            if !stands_on && node.place.meets(&other.place) {
                wrong.push(format!("{} and {} overlap", node.id, other.id));
            }
        }
        if let Some(on) = &node.on {
            let host = &layout.nodes.iter().find(|one| one.id == *on).unwrap().place;
            let middle = Point { x: node.place.x + node.place.width / 2, y: node.place.y + node.place.height / 2 };
            if !host.touches(&middle) {
                wrong.push(format!("{} does not stand on the edge of {on}", node.id));
            }
        }
        for lane in &layout.lanes {
            if node.lane.as_ref() == Some(&lane.id) {
                if !lane.place.holds(&node.place) {
                    wrong.push(format!("{} is not within its lane", node.id));
                }
            } else if lane.place.meets(&node.place) {
                wrong.push(format!("{} is within the lane {}", node.id, lane.id));
            }
        }
        let said =
            definition.nodes[number].lane.as_ref().filter(|lane| definition.lanes.iter().any(|one| one.id == **lane));
        if node.on.is_none() && said.is_some() && node.lane.as_ref() != said {
            wrong.push(format!("{} stands in another lane", node.id));
        }
    }
    for pair in layout.lanes.windows(2) {
        if pair[0].place.bottom() > pair[1].place.y {
            wrong.push("lanes overlap".to_owned());
        }
    }
    for way in layout.edges.iter().chain(&layout.links) {
        let place = |id: &str| layout.nodes.iter().find(|one| one.id == id).unwrap().place;
        let (from, to) = (place(&way.from), place(&way.to));
        if !from.touches(&way.points[0]) || !to.touches(way.points.last().unwrap()) {
            wrong.push(format!("{} does not touch its nodes", way.id));
        }
        for pair in way.points.windows(2) {
            if (pair[0].x == pair[1].x) == (pair[0].y == pair[1].y) {
                wrong.push(format!("{} goes askew", way.id));
            }
            for node in layout.nodes.iter().filter(|node| node.id != way.from && node.id != way.to) {
                let (left, right) = (pair[0].x.min(pair[1].x), pair[0].x.max(pair[1].x));
                let (top, bottom) = (pair[0].y.min(pair[1].y), pair[0].y.max(pair[1].y));
                if left < node.place.right()
                    && node.place.x < right.max(left + 1)
                    && top < node.place.bottom()
                    && node.place.y < bottom.max(top + 1)
                {
                    wrong.push(format!("{} goes through {}", way.id, node.id));
                }
            }
        }
    }
    wrong
}

#[test]
fn nothing_overlaps_lanes_are_kept_and_ways_go_around_nodes() {
    for seed in 0..400 {
        let definition = by_chance(seed);
        let layout = lay_out(&definition);
        assert_eq!(layout.nodes.len(), definition.nodes.len());
        assert_eq!(layout.edges.len(), definition.edges.len());
        let wrong = amiss(&definition, &layout);
        assert!(wrong.is_empty(), "seed {seed}: {wrong:#?}");
        assert_eq!(layout, lay_out(&definition), "seed {seed}");
    }
    let every = every_type();
    assert_eq!(amiss(&every, &lay_out(&every)), Vec::<String>::new());
}

#[test]
fn a_chain_is_a_straight_line_and_a_long_way_too() {
    let ids = ["a", "b", "c", "d", "e"];
    let mut definition = Definition {
        nodes: ids.iter().map(|id| node(id, "tool", json!({}))).collect(),
        edges: ids.windows(2).map(|pair| edge(pair[0], pair[1])).collect(),
        ..Definition::default()
    };
    let layout = lay_out(&definition);
    assert!(layout.edges.iter().all(|way| way.points.len() == 2), "{layout:#?}");
    assert!(
        layout
            .nodes
            .windows(2)
            .all(|pair| pair[0].place.right() < pair[1].place.x && pair[0].place.y == pair[1].place.y)
    );
    definition.edges.push(edge("a", "e"));
    let layout = lay_out(&definition);
    assert!(layout.edges[4].points.len() <= 6, "{:?}", layout.edges[4].points);
    // One that goes back is led along the foot and comes in from the left again.
    definition.edges.push(edge("d", "b"));
    let layout = lay_out(&definition);
    let back = &layout.edges[5].points;
    assert_eq!(*back.last().unwrap(), Point { x: layout.nodes[1].place.x, y: layout.nodes[1].place.y + 32 });
    assert!(back.iter().any(|point| point.y > layout.nodes[1].place.bottom()), "{back:?}");
}

#[test]
fn what_does_not_stand_is_drawn_as_far_as_it_goes() {
    let mut definition = Definition {
        nodes: vec![
            node("a", "tool", json!({})),
            node("a", "no_such_type", json!({})),
            node("b", "for_each", json!({ "node": "b" })),
        ],
        edges: vec![edge("a", "nowhere"), edge("a", "a"), edge("b", "a")],
        ..Definition::default()
    };
    definition.nodes[0].lane = Some("none".into());
    let layout = lay_out(&definition);
    assert_eq!((layout.nodes.len(), layout.edges.len()), (3, 2));
    assert_eq!(lay_out(&Definition::default()).nodes, []);
}

#[test]
fn a_thousand_nodes_take_no_time() {
    let definition = large(1_000);
    let before = Instant::now();
    assert_eq!(lay_out(&definition).nodes.len(), 1_000);
    let taken = before.elapsed();
    assert!(taken.as_secs() < 8, "{taken:?}");
    // Every node before every other: the most edges.
    let mut dense = large(1_000);
    dense.edges = (0..4_000)
        .map(|number| edge(&format!("n{}", number % 999), &format!("n{}", (number * 7 + 1) % 1000)))
        .collect();
    let before = Instant::now();
    assert_eq!(lay_out(&dense).nodes.len(), 1_000);
    assert!(before.elapsed().as_secs() < 8, "dense {:?}", before.elapsed());
    let mut chain = large(1_000);
    chain.edges = (1..1_000).map(|number| edge(&format!("n{}", number - 1), &format!("n{number}"))).collect();
    chain.edges.extend((0..3_000).map(|number| {
        edge(&format!("n{}", number % 997), &format!("n{}", number % 997 + 1 + number * 31 % (999 - number % 997)))
    }));
    let before = Instant::now();
    assert_eq!(lay_out(&chain).nodes.len(), 1_000);
    assert!(before.elapsed().as_secs() < 8);
}
