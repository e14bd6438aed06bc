//! The blocks that a template includes, and those that they include: gathered one by one, so that they may come from files and
//! from a store alike. A loop is found and named before anything is assembled.

use std::collections::{BTreeMap, BTreeSet};

use super::content::{Content, Variable};
use super::tags::{Reference, references};

/// The most blocks of one template, those of blocks included.
pub const MOST: usize = 64;

/// What is wrong with the blocks of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlockFault {
    /// There is none of this name.
    Missing {
        /// The reference.
        name: String,
        /// In which block, where not in the template itself.
        within: Option<String>,
        /// The line.
        line: usize,
    },
    /// Blocks include each other: the names in order, the last as the first.
    Loop(Vec<String>),
    /// A template is reached for otherwise than by `include` with a name in quotes.
    Refused {
        /// The statement.
        word: String,
        /// In which block, where not in the template itself.
        within: Option<String>,
        /// The line.
        line: usize,
    },
    /// There are too many.
    TooMany,
}

impl std::fmt::Display for BlockFault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let within = |block: &Option<String>, line: usize| match block {
            Some(block) => format!("block '{block}' line {line}"),
            None => format!("line {line}"),
        };
        match self {
            Self::Missing { name, within: block, line } => {
                write!(formatter, "{}: there is no block '{name}'", within(block, *line))
            }
            Self::Loop(names) => write!(formatter, "the blocks include each other: {}", names.join(" -> ")),
            Self::Refused { word, within: block, line } => write!(
                formatter,
                "{}: '{word}' is not served; a block is included by its name in quotes, {{% include \"name\" %}}",
                within(block, *line)
            ),
            Self::TooMany => write!(formatter, "it includes more than {MOST} blocks"),
        }
    }
}

/// A block as it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Its version.
    pub version: String,
    /// The digest of its content.
    pub digest: String,
    /// Its text.
    pub template: String,
    /// Its variables.
    pub variables: Vec<Variable>,
}

/// The blocks of a template as they are gathered.
#[derive(Debug, Default)]
pub struct Gathering {
    /// What each includes, by the reference; the template itself has the empty one.
    edges: BTreeMap<String, Vec<String>>,
    wanted: Vec<(String, Option<String>, usize)>,
    seen: BTreeSet<String>,
    found: BTreeMap<String, Block>,
    faults: Vec<BlockFault>,
}

impl Gathering {
    /// Begins with a template; `name` is how it is called as a block, where it is one.
    #[must_use]
    pub fn of(template: &str, name: Option<&str>) -> Self {
        let mut gathering = Self::default();
        let own = name.unwrap_or_default();
        gathering.seen.insert(own.to_owned());
        gathering.look(own, None, template);
        gathering
    }

    fn look(&mut self, own: &str, within: Option<&str>, template: &str) {
        let mut includes = Vec::new();
        for reference in references(template) {
            match reference {
                Reference::Block { name, line } => {
                    if !self.seen.contains(&name) {
                        self.wanted.push((name.clone(), within.map(str::to_owned), line));
                    }
                    includes.push(name);
                }
                Reference::Refused { word, line } => {
                    self.faults.push(BlockFault::Refused { word, within: within.map(str::to_owned), line });
                }
            }
        }
        self.edges.insert(own.to_owned(), includes);
    }

    /// The next block that is needed.
    pub fn wanted(&mut self) -> Option<String> {
        loop {
            let (name, within, line) = self.wanted.pop()?;
            if !self.seen.insert(name.clone()) {
                continue;
            }
            if self.seen.len() > MOST + 1 {
                self.faults.push(BlockFault::TooMany);
                self.wanted.clear();
                return None;
            }
            // Held until it is given.
            self.faults.push(BlockFault::Missing { name: name.clone(), within, line });
            return Some(name);
        }
    }

    /// Gives the block that was wanted last.
    pub fn give(&mut self, name: &str, block: Block) {
        self.faults.retain(|fault| !matches!(fault, BlockFault::Missing { name: missing, .. } if missing == name));
        self.look(name, Some(name), &block.template);
        self.found.insert(name.to_owned(), block);
    }

    /// The blocks by their references.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn finish(mut self, name: Option<&str>) -> Result<BTreeMap<String, Block>, Vec<BlockFault>> {
        if let Some(found) = self.find_loop(name.unwrap_or_default()) {
            self.faults.push(BlockFault::Loop(found));
        }
        if self.faults.is_empty() { Ok(self.found) } else { Err(self.faults) }
    }

    fn find_loop(&self, start: &str) -> Option<Vec<String>> {
        let mut done = BTreeSet::new();
        let mut path = Vec::new();
        self.walk(start, &mut path, &mut done)
    }

    /// As deep as there are blocks, which are few.
    fn walk<'a>(&'a self, at: &'a str, path: &mut Vec<&'a str>, done: &mut BTreeSet<&'a str>) -> Option<Vec<String>> {
        if let Some(begins) = path.iter().position(|one| *one == at) {
            let around = path.iter().skip(begins).copied().chain([at]);
            return Some(around.map(str::to_owned).collect());
        }
        if !done.insert(at) {
            return None;
        }
        path.push(at);
        let found = self.edges.get(at).into_iter().flatten().find_map(|next| self.walk(next, path, done));
        path.pop();
        found
    }
}

/// The variables of a template with those of its blocks: where both have one of a name, the template's counts.
#[must_use]
pub fn joined(content: &Content, blocks: &BTreeMap<String, Block>) -> Vec<Variable> {
    let mut all: BTreeMap<&str, &Variable> = BTreeMap::new();
    for variable in blocks.values().flat_map(|block| &block.variables) {
        all.entry(&variable.name).or_insert(variable);
    }
    all.extend(content.variables.iter().map(|variable| (variable.name.as_str(), variable)));
    all.into_values().cloned().collect()
}

/// The texts of blocks by their references.
#[must_use]
pub fn texts(blocks: &BTreeMap<String, Block>) -> BTreeMap<String, String> {
    blocks.iter().map(|(name, block)| (name.clone(), block.template.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(template: &str, name: Option<&str>, all: &[(&str, &str)]) -> Result<Vec<String>, Vec<String>> {
        let all: BTreeMap<&str, &str> = all.iter().copied().collect();
        let mut gathering = Gathering::of(template, name);
        while let Some(wanted) = gathering.wanted() {
            if let Some(text) = all.get(wanted.as_str()) {
                let template = (*text).to_owned();
                gathering.give(
                    &wanted,
                    Block { version: String::new(), digest: String::new(), template, variables: Vec::new() },
                );
            }
        }
        let found = gathering.finish(name);
        found
            .map(|blocks| blocks.into_keys().collect())
            .map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn blocks_of_blocks_are_gathered_once_each() {
        let all = [("a", "{% include 'b' %}{% include 'c' %}"), ("b", "{% include 'c' %}"), ("c", "x")];
        assert_eq!(gathered("{% include 'a' %}{% include 'c' %}", None, &all).unwrap(), ["a", "b", "c"]);
        assert_eq!(gathered("none", None, &all).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_loop_is_named_and_what_is_missing_is_told_with_its_line() {
        let all = [
            ("a", "{% include 'b' %}"),
            ("b", "{% include 'c' %}"),
            ("c", "{% include 'a' %}"),
            ("s", "{% include 's' %}"),
        ];
        assert_eq!(
            gathered("{% include 'b' %}", None, &all).unwrap_err(),
            ["the blocks include each other: b -> c -> a -> b"]
        );
        assert_eq!(gathered("{% include 's' %}", None, &all).unwrap_err(), ["the blocks include each other: s -> s"]);
        // The block that is being written is a part of the loop.
        let one = [("b", "{% include 'a' %}")];
        let refused = gathered("{% include 'b' %}", Some("a"), &one).unwrap_err();
        assert_eq!(refused, ["the blocks include each other: a -> b -> a"]);
        let missing = gathered("x\n{% include 'a' %}", None, &[("a", "y\n\n{% include 'z' %}")]).unwrap_err();
        assert_eq!(missing, ["block 'a' line 3: there is no block 'z'"]);
    }

    #[test]
    fn there_may_be_many_blocks_and_not_any_number() {
        let names: Vec<(String, String)> =
            (0..=MOST + 1).map(|at| (format!("b{at}"), format!("{{% include 'b{}' %}}", at + 1))).collect();
        let all: Vec<(&str, &str)> = names.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        assert!(gathered("{% include 'b0' %}", None, &all).unwrap_err()[0].contains("more than 64"));
    }
}
