//! Prompts of all sources as one list, and getting them. Built in are the two that help with the tools themselves.

use async_trait::async_trait;
use rmcp::model::{
    CacheScope, ContentBlock, ErrorData, GetPromptRequestParams, GetPromptResponse, GetPromptResult, ListPromptsResult,
    Prompt as Listed, PromptArgument as ListedArgument, PromptMessage, Role,
};
use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::ask::{self, Round, Subject};
use super::cards::{self, SCHEME};
use super::era::{Declared, Era};
use super::server::Server;
use super::view::Visit;
use crate::capability::client::Answers;
use crate::capability::content::{Block, Embedded};
use crate::capability::registry::may_call;
use crate::capability::source::{Prompt, PromptArgument, PromptCard, PromptSource, Speaker, Visitor};
use crate::kernel::codes;
use crate::kernel::fault::Fault;

impl Server {
    /// One page of the prompts.
    pub(super) async fn prompts_page(
        &self,
        visitor: &Visitor,
        cursor: Option<&str>,
        era: Era,
    ) -> Result<ListPromptsResult, ErrorData> {
        let after = self.open_cursor("prompts", cursor)?;
        let mut all = Vec::new();
        for source in &self.prompts {
            all.extend(source.list(visitor).await.map_err(|fault| self.refuse(&fault))?);
        }
        all.sort_by(|one, other| one.name.cmp(&other.name));
        let first = after.map_or(0, |name| all.partition_point(|card| card.name <= name));
        let more = all.len() > first + self.page;
        let page: Vec<Listed> = all.into_iter().skip(first).take(self.page).map(listed).collect();
        let next = page.last().filter(|_| more).map(|last| self.seal_cursor("prompts", &last.name));
        let mut result = ListPromptsResult::with_all_items(page);
        result.next_cursor = next;
        if era == Era::Modern {
            result = result.with_ttl_ms(self.ttl()).with_cache_scope(CacheScope::Private);
        }
        Ok(result)
    }

    /// A prompt with its arguments filled in, or what is needed for that.
    pub(super) async fn prompt(
        &self,
        visit: &Visit,
        visitor: &Visitor,
        asked: GetPromptRequestParams,
        era: Era,
        declared: Declared,
    ) -> Result<GetPromptResponse, ErrorData> {
        let arguments = asked.arguments.unwrap_or_default();
        let subject = Subject { method: "prompts/get", name: &asked.name, arguments: &arguments };
        let state = asked.request_state.as_deref();
        let round =
            self.open_round(visit, &subject, state, asked.input_responses).map_err(|fault| self.refuse(&fault))?;
        for source in &self.prompts {
            match source.get(visitor, &asked.name, &arguments, &round.answers).await {
                Ok(Some(prompt)) => {
                    return filled(prompt).map(GetPromptResponse::from).map_err(|fault| self.refuse(&fault));
                }
                Ok(None) => {}
                Err(fault) if fault.is(&codes::INPUT_REQUIRED) && era == Era::Modern => {
                    return self.ask_more(visit, &subject, round, &fault, declared);
                }
                Err(fault) => return Err(self.refuse(&fault)),
            }
        }
        let name: String = asked.name.chars().take(64).collect();
        Err(ErrorData::invalid_params(format!("there is no prompt '{name}'"), None))
    }

    fn ask_more(
        &self,
        visit: &Visit,
        subject: &Subject<'_>,
        round: Round,
        fault: &Fault,
        declared: Declared,
    ) -> Result<GetPromptResponse, ErrorData> {
        let questions = ask::questions(fault.detail());
        match ask::lacking(&questions, declared.abilities) {
            Some(error) => Err(error),
            None => self
                .input_required(visit, subject, round, &questions)
                .map(GetPromptResponse::from)
                .map_err(|fault| self.refuse(&fault)),
        }
    }
}

fn listed(card: PromptCard) -> Listed {
    let arguments = card.arguments.into_iter().map(|argument| {
        ListedArgument::new(argument.name).with_description(argument.description).with_required(argument.required)
    });
    let arguments: Vec<ListedArgument> = arguments.collect();
    let mut prompt = Listed::new(card.name, Some(card.description), (!arguments.is_empty()).then_some(arguments));
    prompt.title = card.title;
    prompt
}

fn filled(prompt: Prompt) -> Result<GetPromptResult, Fault> {
    let messages = prompt.messages.into_iter().map(|(speaker, block)| {
        let role = match speaker {
            Speaker::User => Role::User,
            Speaker::Assistant => Role::Assistant,
        };
        let block = serde_json::to_value(block).and_then(ContentBlock::deserialize).map_err(Fault::internal)?;
        Ok(PromptMessage::new(role, block))
    });
    let messages = messages.collect::<Result<Vec<_>, Fault>>()?;
    Ok(GetPromptResult::new(messages).with_description(prompt.description))
}

/// The prompts that help with the tools themselves.
pub(super) struct BuiltIn;

const FIND: &str = "find_tool";
const USE: &str = "use_tool";

#[async_trait]
impl PromptSource for BuiltIn {
    async fn list(&self, _: &Visitor) -> Result<Vec<PromptCard>, Fault> {
        let card = |name: &str, title: &str, description: &str, argument: &str, means: &str| PromptCard {
            name: name.to_owned(),
            title: Some(title.to_owned()),
            description: description.to_owned(),
            arguments: vec![PromptArgument {
                name: argument.to_owned(),
                description: means.to_owned(),
                required: true,
            }],
        };
        Ok(vec![
            card(
                FIND,
                "Find a tool",
                "Finds the right tool for a need and uses it",
                "need",
                "What is to be done, in plain words",
            ),
            card(USE, "Use a tool", "Uses a tool after reading its card", "name", "The tool's name"),
        ])
    }

    async fn get(
        &self,
        visitor: &Visitor,
        name: &str,
        arguments: &Map<String, Value>,
        _: &Answers,
    ) -> Result<Option<Prompt>, Fault> {
        let argument = |name: &str| {
            let value = arguments.get(name).and_then(Value::as_str).filter(|value| !value.trim().is_empty());
            value.ok_or_else(|| Fault::bad_input(format!("/arguments/{name}"), format!("'{name}' is missing")))
        };
        match name {
            FIND => Ok(Some(find(argument("need")?))),
            USE => Ok(Some(use_tool(visitor, argument("name")?))),
            _ => Ok(None),
        }
    }

    async fn complete(&self, visitor: &Visitor, prompt: &str, argument: &str, begun: &str) -> Option<Vec<String>> {
        match (prompt, argument) {
            (USE, "name") => Some(cards::names(visitor, begun)),
            (USE | FIND, _) => Some(Vec::new()),
            _ => None,
        }
    }
}

fn find(need: &str) -> Prompt {
    let text = format!(
        "This is what I need: {need}\n\nFind the tool for it with tool_search, using my words. Read what the best one takes with \
         tool_describe. If it only reads, call it with tool_read; if it changes something, tell me first what it will change, \
         then call it with tool_call. Tell me what came of it."
    );
    Prompt {
        description: "Finds the right tool for a need and uses it".to_owned(),
        messages: vec![(Speaker::User, Block::text(text))],
    }
}

fn use_tool(visitor: &Visitor, name: &str) -> Prompt {
    let snapshot = visitor.gate.platform().registry.present();
    let tool = snapshot.find(visitor.caller.tenant, name).filter(|tool| may_call(&visitor.caller, tool));
    let Some(tool) = tool else {
        let name: String = name.chars().take(64).collect();
        let text = format!(
            "I wanted to use a tool named '{name}', and there is none of that name that I may use. Find the right one with \
             tool_search and ask me whether it is what I meant."
        );
        let messages = vec![(Speaker::User, Block::text(text))];
        return Prompt { description: "Finds the tool that was meant".to_owned(), messages };
    };
    let card = Embedded {
        uri: format!("{SCHEME}{}", tool.name),
        mime_type: Some("text/markdown".to_owned()),
        text: Some(cards::text(tool, &snapshot, &visitor.caller)),
        blob: None,
    };
    let text = format!(
        "Use the tool {} for me. Its card is above. Ask me for whatever its input needs that you do not know.",
        tool.name
    );
    Prompt {
        description: format!("Uses {}", tool.name),
        messages: vec![(Speaker::User, Block::Resource { resource: card }), (Speaker::User, Block::text(text))],
    }
}
