//! Completion of prompts' arguments and templates' variables.

use rmcp::model::{CompleteRequestParams, CompleteResult, CompletionInfo, ErrorData, Reference};

use super::server::Server;
use crate::capability::source::Visitor;

impl Server {
    /// Values that begin as given. A reference to nothing is no valid request.
    pub(super) async fn completion(
        &self,
        visitor: &Visitor,
        asked: CompleteRequestParams,
    ) -> Result<CompleteResult, ErrorData> {
        let (name, begun) = (asked.argument.name.as_str(), asked.argument.value.as_str());
        let found = match &asked.r#ref {
            Reference::Prompt(prompt) => {
                let mut found = None;
                for source in &self.prompts {
                    found = source.complete(visitor, &prompt.name, name, begun).await;
                    if found.is_some() {
                        break;
                    }
                }
                found
            }
            Reference::Resource(template) => {
                let mut found = None;
                for source in &self.resources {
                    found = source.complete(visitor, &template.uri, name, begun).await;
                    if found.is_some() {
                        break;
                    }
                }
                found
            }
            _ => None,
        };
        let mut values = found
            .ok_or_else(|| ErrorData::invalid_params("there is nothing to complete under that reference", None))?;
        let total = u32::try_from(values.len()).ok();
        let more = values.len() > CompletionInfo::MAX_VALUES;
        values.truncate(CompletionInfo::MAX_VALUES);
        let completion = CompletionInfo::with_pagination(values, total, more);
        completion.map(CompleteResult::new).map_err(|error| ErrorData::internal_error(error, None))
    }
}
