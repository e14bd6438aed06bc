//! Pages of lists: what every listing capability takes and answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most that a page holds.
pub const LARGEST_PAGE: u32 = 200;

/// What part of a list is wanted. Listing inputs flatten it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Paging {
    /// How many to answer at most; 50 when not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 200))]
    pub limit: Option<u32>,
    /// The `nextPageToken` of the page before; leave out for the first page.
    #[serde(default)]
    #[schemars(length(max = 2000))]
    pub page_token: Option<String>,
}

impl Paging {
    /// The page's size.
    #[must_use]
    pub fn size(&self) -> u32 {
        self.limit.unwrap_or(50).clamp(1, LARGEST_PAGE)
    }
}

/// One page of a list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// What the page holds.
    pub items: Vec<T>,
    /// Give it as `pageToken` to get the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

impl<T> Page<T> {
    /// The same page with each item made into another.
    #[must_use]
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(make).collect(), next_page_token: self.next_page_token }
    }
}
