//! The prompts that the suite gets.

use std::sync::Arc;

use async_trait::async_trait;
use convoke::capability::asking::input_required;
use convoke::capability::client::Answers;
use convoke::capability::content::Block;
use convoke::capability::source::{Prompt, PromptArgument, PromptCard, PromptSource, Speaker, Visitor};
use convoke::kernel::fault::Fault;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use crate::Bell;
use crate::asking::form;
use crate::plain::{document, picture, text_of};

const SIMPLE: &str = "test_simple_prompt";
const ARGUMENTS: &str = "test_prompt_with_arguments";
const RESOURCE: &str = "test_prompt_with_embedded_resource";
const IMAGE: &str = "test_prompt_with_image";
const ASKING: &str = "test_input_required_result_prompt";

pub(crate) struct Fixtures(pub(crate) Arc<Bell>);

#[async_trait]
impl PromptSource for Fixtures {
    async fn list(&self, _: &Visitor) -> Result<Vec<PromptCard>, Fault> {
        let all: [(&str, &str, &[&str]); 5] = [
            (SIMPLE, "A prompt without arguments", &[]),
            (ARGUMENTS, "A prompt with two arguments", &["arg1", "arg2"]),
            (RESOURCE, "A prompt with a document", &["resourceUri"]),
            (IMAGE, "A prompt with a picture", &[]),
            (ASKING, "A prompt that asks first", &[]),
        ];
        let card = |(name, description, arguments): (&str, &str, &[&str])| PromptCard {
            name: name.to_owned(),
            title: None,
            description: description.to_owned(),
            arguments: arguments.iter().map(|name| argument(name)).collect(),
        };
        Ok(all.into_iter().map(card).collect())
    }

    async fn get(
        &self,
        _: &Visitor,
        name: &str,
        arguments: &Map<String, Value>,
        answers: &Answers,
    ) -> Result<Option<Prompt>, Fault> {
        let given = Value::Object(arguments.clone());
        let blocks = match name {
            SIMPLE => vec![Block::text("This is a simple prompt for testing.")],
            ARGUMENTS => {
                let (one, two) = (text_of(&given, "arg1"), text_of(&given, "arg2"));
                vec![Block::text(format!("Prompt with arguments: arg1='{one}', arg2='{two}'"))]
            }
            RESOURCE => vec![
                document(&text_of(&given, "resourceUri"), "text/plain", "Embedded resource content for testing."),
                Block::text("Please process the embedded resource above."),
            ],
            IMAGE => vec![picture(), Block::text("Please analyze the image above.")],
            ASKING => {
                let Some(answer) = answers.get("user_context") else {
                    let properties = json!({ "context": { "type": "string" } });
                    let question = form("What context should the prompt use?", &properties, &["context"]);
                    return Err(input_required(&vec![("user_context".to_owned(), question)]));
                };
                vec![Block::text(format!("Context: {}", text_of(&answer["content"], "context")))]
            }
            _ => return Ok(None),
        };
        let messages = blocks.into_iter().map(|block| (Speaker::User, block)).collect();
        Ok(Some(Prompt { description: "A prompt of the conformance suite".to_owned(), messages }))
    }

    async fn complete(&self, _: &Visitor, prompt: &str, _: &str, begun: &str) -> Option<Vec<String>> {
        match prompt {
            ARGUMENTS => {
                let values = ["testValue1", "testValue2"].into_iter().filter(|value| value.starts_with(begun));
                Some(values.map(str::to_owned).collect())
            }
            SIMPLE | RESOURCE | IMAGE | ASKING => Some(Vec::new()),
            _ => None,
        }
    }

    fn changes(&self) -> Option<watch::Receiver<u64>> {
        Some(self.0.0.subscribe())
    }
}

fn argument(name: &str) -> PromptArgument {
    PromptArgument { name: name.to_owned(), description: format!("The argument {name}"), required: true }
}
