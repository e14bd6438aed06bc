//! Cursors of the protocol's own lists: sealed, so that a made-up one is told from a real one, and of one list only.

use rmcp::model::ErrorData;

use super::server::Server;

const PURPOSE: &str = "mcp-cursor";

impl Server {
    /// The cursor for a place in a list.
    pub(super) fn seal_cursor(&self, list: &str, place: &str) -> String {
        self.platform().seal.seal(PURPOSE, format!("{list}\n{place}").as_bytes())
    }

    /// The place that a cursor of a list holds.
    pub(super) fn open_cursor(&self, list: &str, cursor: Option<&str>) -> Result<Option<String>, ErrorData> {
        let Some(cursor) = cursor else { return Ok(None) };
        self.platform()
            .seal
            .open(PURPOSE, cursor)
            .and_then(|content| String::from_utf8(content).ok())
            .and_then(|content| content.strip_prefix(list)?.strip_prefix('\n').map(str::to_owned))
            .map(Some)
            .ok_or_else(|| ErrorData::invalid_params("the cursor is not one that this list gave out", None))
    }
}
