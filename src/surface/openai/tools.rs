//! Tools that OpenAI's clients offer, and the choice among them.

use serde_json::{Map, Value, json};

use crate::kernel::fault::Fault;
use crate::surface::talking::fields::Fields;

/// Moves the tools and the choice into an input.
pub(super) fn offers(fields: &mut Fields, input: &mut Map<String, Value>) -> Result<(), Fault> {
    if let Some(tools) = fields.list("tools")? {
        let tools = tools.into_iter().enumerate().map(|(number, tool)| {
            let mut tool = Fields::of(tool, format!("/tools/{number}"))?;
            let kind = tool.need_text("type")?;
            if kind != "function" {
                return Err(tool.wrong("type", &format!("'{kind}' cannot be passed on by this server")));
            }
            let function = tool.fields("function")?.ok_or_else(|| tool.wrong("function", "is missing"))?;
            tool.nothing_else()?;
            offer(function)
        });
        input.insert("tools".to_owned(), tools.collect::<Result<Value, _>>()?);
    }
    let choice = match fields.take("tool_choice") {
        None => return Ok(()),
        Some(Value::String(word)) if matches!(word.as_str(), "auto" | "none" | "required") => word,
        Some(choice @ Value::Object(_)) => {
            let mut choice = Fields::of(choice, "/tool_choice")?;
            let kind = choice.need_text("type")?;
            if kind != "function" {
                return Err(choice.wrong("type", &format!("'{kind}' cannot be passed on by this server")));
            }
            let mut function = choice.fields("function")?.ok_or_else(|| choice.wrong("function", "is missing"))?;
            function.need_text("name")?
        }
        Some(_) => return Err(fields.wrong("tool_choice", "must be auto, none, required or a function")),
    };
    input.insert("toolChoice".to_owned(), choice.into());
    Ok(())
}

/// A function as a tool.
pub(super) fn offer(mut function: Fields) -> Result<Value, Fault> {
    let mut tool = Map::new();
    tool.insert("name".to_owned(), function.need_text("name")?.into());
    let parameters = function.object("parameters")?.map(Value::Object);
    tool.insert("parameters".to_owned(), parameters.unwrap_or_else(|| json!({ "type": "object", "properties": {} })));
    function.pass(&mut tool, &[("description", "description"), ("strict", "strict")]);
    function.nothing_else()?;
    Ok(Value::Object(tool))
}
