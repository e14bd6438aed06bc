//! What a dialect has beside the golden request: properties of its own, choices of tools, pictures, forms of answers, what it lacks,
//! and what servers that speak OpenAI's dialect have made of it.

use convoke::port::models::{AnswerForm, ChatRequest, ModelFaultKind, Part, Piece, Role, Stop, ToolChoice};
use serde_json::{Value, json};

use super::{asks, endpoint, read, says, speaking, text, together, weather};
use crate::support::vendor::{DIALECTS, Reply, Said, Step, Vendor};

/// Properties that the port does not know go through unharmed, and none of them takes the place of one that it knows.
#[tokio::test]
async fn properties_of_the_dialects_own_go_through() {
    let vendor = Vendor::open().await;
    for dialect in DIALECTS {
        let (models, endpoint) = (speaking(dialect), endpoint(&vendor, dialect));
        let extra = match dialect {
            "openai" | "azure" => json!({"service_tier": "flex", "logit_bias": {"50256": -100},
                "stream_options": {"include_obfuscation": false}, "model": "another", "stream": true}),
            "anthropic" => json!({"metadata": {"user_id": "u1"}, "cache_control": {"type": "ephemeral"},
                "output_config": {"effort": "max"}, "model": "another"}),
            "cohere" => json!({"safety_mode": "STRICT", "documents": [{"data": {"text": "x"}}], "model": "another"}),
            _ => json!({"cachedContent": "cachedContents/1", "generationConfig": {"topK": 7, "maxOutputTokens": 1},
                "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]}),
        };
        let mut request = ChatRequest { max_tokens: Some(50), ..asks("Well?") };
        request.extra = extra.as_object().unwrap().clone();
        let (pieces, fault) = read(&*models, &endpoint, &request).await;
        assert_eq!((fault, pieces.is_empty()), (None, false), "{dialect}");
        let body = vendor.last().body;
        for (name, value) in &request.extra {
            match (name.as_str(), value) {
                ("model", _) => assert_eq!(body["model"], "model-1", "{dialect}"),
                ("stream", _) => assert_eq!(body["stream"], true),
                ("stream_options", _) => {
                    assert_eq!(body[name], json!({"include_obfuscation": false, "include_usage": true}));
                }
                ("generationConfig", _) => assert_eq!(body[name], json!({"topK": 7, "maxOutputTokens": 50})),
                (_, value) => assert_eq!(body[name], *value, "{dialect} {name}"),
            }
        }
        // A whole answer is asked for as one, whatever the back door says.
        if dialect == "openai" {
            models.complete(&endpoint, &request).await.expect("the request goes through");
            assert_eq!(vendor.last().body.get("stream"), None);
        }
    }
}

#[tokio::test]
async fn the_choice_of_tools_is_told_in_each_dialect() {
    let vendor = Vendor::open().await;
    let named = ToolChoice::Named("weather".to_owned());
    for dialect in DIALECTS {
        let (models, endpoint) = (speaking(dialect), endpoint(&vendor, dialect));
        for (choice, parallel) in [
            (ToolChoice::Auto, None),
            (ToolChoice::None, None),
            (ToolChoice::Required, Some(true)),
            (named.clone(), None),
            (ToolChoice::Auto, Some(false)),
        ] {
            let mut tool = weather();
            tool.strict = Some(true);
            let request = ChatRequest {
                tools: vec![tool],
                tool_choice: choice.clone(),
                parallel_tools: parallel,
                ..asks("Well?")
            };
            let answered = models.complete(&endpoint, &request).await;
            let lacks = matches!((dialect, &choice, parallel), ("cohere", ToolChoice::Named(_), _))
                || (matches!(dialect, "cohere" | "gemini") && parallel == Some(false));
            if lacks {
                assert_eq!(answered.unwrap_err().kind, ModelFaultKind::Unsupported, "{dialect} {choice:?}");
                continue;
            }
            answered.unwrap();
            let body = vendor.last().body;
            let told = match dialect {
                "gemini" => body.pointer("/toolConfig/functionCallingConfig").cloned().unwrap_or_default(),
                _ => body.get("tool_choice").cloned().unwrap_or_default(),
            };
            let expected = match (dialect, &choice) {
                ("openai" | "azure" | "cohere", ToolChoice::Auto) => Value::Null,
                ("openai" | "azure", ToolChoice::None) => json!("none"),
                ("openai" | "azure", ToolChoice::Required) => json!("required"),
                ("openai" | "azure", ToolChoice::Named(_)) => {
                    json!({"type": "function", "function": {"name": "weather"}})
                }
                ("anthropic", ToolChoice::Auto) if parallel.is_none() => Value::Null,
                ("anthropic", ToolChoice::Auto) => json!({"type": "auto", "disable_parallel_tool_use": true}),
                ("anthropic", ToolChoice::None) => json!({"type": "none"}),
                ("anthropic", ToolChoice::Required) => json!({"type": "any", "disable_parallel_tool_use": false}),
                ("anthropic", ToolChoice::Named(_)) => json!({"type": "tool", "name": "weather"}),
                ("cohere", ToolChoice::None) => json!("NONE"),
                ("cohere", _) => json!("REQUIRED"),
                (_, ToolChoice::Auto) => json!({"mode": "VALIDATED"}),
                (_, ToolChoice::None) => json!({"mode": "NONE"}),
                (_, ToolChoice::Required) => json!({"mode": "ANY"}),
                (_, ToolChoice::Named(_)) => json!({"mode": "ANY", "allowedFunctionNames": ["weather"]}),
            };
            assert_eq!(told, expected, "{dialect} {choice:?}");
            if matches!(dialect, "openai" | "azure") {
                assert_eq!(body["parallel_tool_calls"], json!(parallel), "{dialect}");
                assert_eq!(body["tools"][0]["function"]["strict"], true, "{dialect}");
            }
        }
    }
}

/// What a dialect lacks is refused by name before anything is sent.
#[tokio::test]
async fn what_a_dialect_lacks_is_refused_by_name() {
    let vendor = Vendor::open().await;
    let by_address = says(Role::User, vec![Part::Image { url: "https://example.org/a.png".to_owned() }]);
    let late = vec![says(Role::User, vec![text("a")]), says(Role::System, vec![text("b")])];
    let picture_of_system = vec![says(Role::System, vec![super::picture()]), says(Role::User, vec![text("b")])];
    let with = |messages: &[convoke::port::models::Message]| ChatRequest { messages: messages.to_vec(), ..asks("") };
    let mut several = asks("Well?");
    several.extra.insert("n".to_owned(), json!(2));
    for (dialect, request, name) in [
        ("anthropic", ChatRequest { seed: Some(1), ..asks("Well?") }, "seed"),
        ("anthropic", ChatRequest { form: AnswerForm::Json, ..asks("Well?") }, "JSON"),
        ("gemini", with(std::slice::from_ref(&by_address)), "images by address"),
        ("gemini", with(&late), "system messages"),
        ("cohere", ChatRequest { reasoning_effort: Some("huge".to_owned()), ..asks("Well?") }, "huge"),
        ("openai", several.clone(), "(n)"),
        ("azure", several, "(n)"),
    ] {
        let (models, endpoint) = (speaking(dialect), endpoint(&vendor, dialect));
        let fault = models.complete(&endpoint, &request).await.unwrap_err();
        assert_eq!(fault.kind, ModelFaultKind::Unsupported, "{dialect}: {fault:?}");
        assert!(fault.say.contains(name) && fault.say.contains(dialect), "{dialect}: {fault:?}");
    }
    for dialect in DIALECTS {
        let (models, endpoint) = (speaking(dialect), endpoint(&vendor, dialect));
        let fault = models.complete(&endpoint, &with(&picture_of_system)).await.unwrap_err();
        assert_eq!(fault.kind, ModelFaultKind::Unsupported, "{dialect}: {fault:?}");
        // What makes no sense anywhere is another fault.
        let call = Part::ToolCall { id: "1".to_owned(), name: "w".to_owned(), arguments: json!({}), opaque: None };
        let result = Part::ToolResult { id: "1".to_owned(), text: "x".to_owned(), failed: false };
        let broken = Part::Image { url: "data:text/html;base64,AA".to_owned() };
        for message in
            [says(Role::User, vec![call]), says(Role::Assistant, vec![result]), says(Role::User, vec![broken])]
        {
            let fault = models.complete(&endpoint, &with(&[message])).await.unwrap_err();
            assert_eq!(fault.kind, ModelFaultKind::BadRequest, "{dialect}: {fault:?}");
        }
    }
    assert!(vendor.came().is_empty());
    // The others take a picture by address.
    for dialect in ["openai", "azure", "anthropic", "cohere"] {
        let request = with(std::slice::from_ref(&by_address));
        speaking(dialect).complete(&endpoint(&vendor, dialect), &request).await.unwrap();
        assert!(vendor.last().body["messages"].to_string().contains("https://example.org/a.png"), "{dialect}");
    }
}

/// Thoughts of one vendor are left out towards another: none takes another's, and the conversation goes on.
#[tokio::test]
async fn a_conversation_can_go_on_in_another_dialect() {
    let vendor = Vendor::open().await;
    for from in DIALECTS {
        vendor.then(Reply::Said(Said::everything()));
        let said = speaking(from).complete(&endpoint(&vendor, from), &asks("Well?")).await.unwrap();
        let result = |part: &Part| match part {
            Part::ToolCall { id, .. } => Some(Part::ToolResult { id: id.clone(), text: "mild".into(), failed: false }),
            _ => None,
        };
        let results = said.parts.iter().filter_map(result).collect();
        let mut request = asks("Well?");
        request.messages.extend([says(Role::Assistant, said.parts), says(Role::User, results)]);
        for to in DIALECTS {
            let answered = speaking(to).complete(&endpoint(&vendor, to), &request).await;
            assert!(answered.is_ok(), "{from} to {to}: {answered:?}");
            let body = vendor.last().body.to_string();
            let is_own = matches!((from, to), ("anthropic" | "gemini", _)) && from == to;
            assert_eq!(body.contains("c2lnbmVk"), is_own, "{from} to {to}: {body}");
        }
    }
}

/// Results of tools that stand behind words come before them where the vendor demands it: it refuses them otherwise.
#[tokio::test]
async fn results_of_tools_come_first_where_they_must() {
    let vendor = Vendor::open().await;
    let call =
        |id: &str| Part::ToolCall { id: id.to_owned(), name: "weather".to_owned(), arguments: json!({}), opaque: None };
    let result = |id: &str| Part::ToolResult { id: id.to_owned(), text: "mild".to_owned(), failed: false };
    let mut request = asks("Well?");
    request.messages.push(says(Role::Assistant, vec![call("a"), call("b")]));
    request.messages.push(says(Role::User, vec![text("First this."), result("a"), text("Then that."), result("b")]));
    for dialect in DIALECTS {
        let answered = speaking(dialect).complete(&endpoint(&vendor, dialect), &request).await;
        assert!(answered.is_ok(), "{dialect}: {answered:?}");
    }
}

/// Blocks of a kind that is not known here come back to the vendor as they came.
#[tokio::test]
async fn what_is_not_known_of_anthropic_goes_back_unharmed() {
    let vendor = Vendor::open().await;
    let (models, endpoint) = (speaking("anthropic"), endpoint(&vendor, "anthropic"));
    let searched = json!({"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "x"}});
    let found = json!({"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": [{"url": "u"}]});
    let hidden = json!({"type": "redacted_thinking", "data": "cipher"});
    let body = json!({"id": "m", "model": "c", "content": [hidden, searched, found, {"type": "text", "text": "So."}],
        "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 2}});
    vendor.then(Reply::refusal(200, &body));
    let whole = models.complete(&endpoint, &asks("Well?")).await.unwrap();
    let event = |value: Value| Step::Send(format!("event: {}\ndata: {value}\n\n", value["type"].as_str().unwrap()));
    let mut begun = searched.clone();
    begun["input"] = json!({});
    vendor.then(Reply::Stream(vec![
        event(json!({"type": "message_start", "message": {"id": "m", "model": "c", "usage": {"input_tokens": 1}}})),
        event(json!({"type": "content_block_start", "index": 0, "content_block": hidden})),
        event(json!({"type": "content_block_stop", "index": 0})),
        event(json!({"type": "content_block_start", "index": 1, "content_block": begun})),
        event(json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{\"query\":"}})),
        event(json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "\"x\"}"}})),
        event(json!({"type": "content_block_stop", "index": 1})),
        event(json!({"type": "content_block_start", "index": 2, "content_block": found})),
        event(json!({"type": "content_block_stop", "index": 2})),
        event(json!({"type": "content_block_start", "index": 3, "content_block": {"type": "text", "text": "So."}})),
        event(json!({"type": "of_a_later_version"})),
        event(json!({"type": "content_block_stop", "index": 3})),
        event(json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}})),
        event(json!({"type": "message_stop"})),
    ]));
    let (pieces, fault) = read(&*models, &endpoint, &asks("Well?")).await;
    assert_eq!((fault, together(&pieces)), (None, whole.clone()));
    let mut request = asks("Well?");
    request.messages.extend([says(Role::Assistant, whole.parts), says(Role::User, vec![text("And?")])]);
    models.complete(&endpoint, &request).await.unwrap();
    assert_eq!(vendor.last().body["messages"][1]["content"], body["content"]);
}

fn chunk(delta: &Value, reason: Option<&str>) -> Step {
    Step::Send(format!(
        "data: {}\n\n",
        json!({"id": "1", "model": "m", "choices": [{"delta": delta, "finish_reason": reason}]})
    ))
}

/// Servers that speak OpenAI's dialect and take liberties: calls without an index or all with one, whole calls in one chunk, arguments
/// that are no text, a finish that does not name the calls, usage told again and again.
#[tokio::test]
async fn liberties_of_servers_are_understood() {
    let vendor = Vendor::open().await;
    let (models, endpoint) = (speaking("openai"), endpoint(&vendor, "openai"));
    let call = |index: Option<u64>, id: &str, arguments: Value| {
        let mut call = json!({"id": id, "type": "function", "function": {"name": "weather", "arguments": arguments}});
        if let Some(index) = index {
            call["index"] = json!(index);
        }
        json!({"tool_calls": [call]})
    };
    let done = || Step::Send("data: [DONE]\n\n".to_owned());
    for index in [None, Some(0)] {
        vendor.then(Reply::Stream(vec![
            Step::Send("data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n".to_owned()),
            chunk(&call(index, "a", json!("{\"city\":")), None),
            chunk(&json!({"tool_calls": [{"index": index, "function": {"arguments": "\"Bern\"}"}}]}), None),
            chunk(&call(index, "b", json!({"city": "Rom"})), None),
            chunk(&json!({}), Some("stop")),
            done(),
        ]));
        let (pieces, fault) = read(&*models, &endpoint, &asks("Well?")).await;
        let whole = together(&pieces);
        let arguments: Vec<_> = whole
            .parts
            .iter()
            .map(
                |part| {
                    if let Part::ToolCall { id, arguments, .. } = part { (id.as_str(), arguments) } else { panic!() }
                },
            )
            .collect();
        assert_eq!(arguments, [("a", &json!({"city": "Bern"})), ("b", &json!({"city": "Rom"}))]);
        assert_eq!((fault, whole.stop, whole.tokens), (None, Stop::ToolCalls, None));
    }
    // Usage that grows, and thoughts counted beside what was written.
    let usage = |output: u64, total: u64| {
        Step::Send(format!(
            "data: {}\n\n",
            json!({"id": "1", "choices": [], "usage": {"prompt_tokens": 5,
            "completion_tokens": output, "total_tokens": total, "completion_tokens_details": {"reasoning_tokens": 4}}})
        ))
    };
    vendor.then(Reply::Stream(vec![
        chunk(&json!({"content": "a"}), None),
        usage(1, 10),
        chunk(&json!({"content": ""}), Some("stop")),
        usage(2, 11),
        done(),
    ]));
    let tokens = super::tokens(&read(&*models, &endpoint, &asks("Well?")).await.0).unwrap();
    assert_eq!((tokens.input, tokens.output, tokens.reasoning), (5, 6, 4));
}

/// What a model wrote as arguments and is no JSON stays as it is, so that it can be told; it goes back as it was.
#[tokio::test]
async fn arguments_that_are_no_json_are_told_as_they_are() {
    let vendor = Vendor::open().await;
    let (models, endpoint) = (speaking("openai"), endpoint(&vendor, "openai"));
    let call = |id: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": "weather", "arguments": arguments}});
    let body = json!({"id": "1", "model": "m", "choices": [{"finish_reason": "tool_calls", "message": {"content": null,
        "tool_calls": [call("a", "{\"city\": \"Ber"), call("b", "")]}}]});
    vendor.then(Reply::refusal(200, &body));
    let whole = models.complete(&endpoint, &asks("Well?")).await.unwrap();
    let Part::ToolCall { arguments, .. } = &whole.parts[0] else { panic!() };
    assert_eq!(*arguments, json!("{\"city\": \"Ber"));
    let Part::ToolCall { arguments, .. } = &whole.parts[1] else { panic!() };
    assert_eq!(*arguments, json!({}));
    let mut request = asks("Well?");
    let results = ["a", "b"].map(|id| Part::ToolResult { id: id.to_owned(), text: "x".to_owned(), failed: true });
    request.messages.extend([says(Role::Assistant, whole.parts), says(Role::User, results.to_vec())]);
    for dialect in DIALECTS {
        let endpoint = super::endpoint(&vendor, dialect);
        speaking(dialect).complete(&endpoint, &request).await.unwrap();
        assert!(vendor.last().body.to_string().contains("Ber"), "{dialect}");
    }
}

/// Thoughts as other servers tell them: OpenRouter's details go back unread, Mistral's stand within the content.
#[tokio::test]
async fn thoughts_of_other_servers_are_read() {
    let vendor = Vendor::open().await;
    let (models, mut endpoint) = (speaking("openai"), endpoint(&vendor, "openai"));
    let details = json!([{"type": "reasoning.encrypted", "data": "x", "id": "r1", "format": "anthropic", "index": 0}]);
    vendor.then(Reply::Stream(vec![
        chunk(&json!({"reasoning": "Hm", "content": ""}), None),
        chunk(&json!({"reasoning": ".", "reasoning_details": details}), None),
        chunk(&json!({"content": "So."}), Some("stop")),
        Step::Send("data: [DONE]\n\n".to_owned()),
    ]));
    let (pieces, _) = read(&*models, &endpoint, &asks("Well?")).await;
    let whole = together(&pieces);
    let opaque = json!({"openai": {"reasoning_details": details}});
    assert_eq!(whole.parts[0], Part::Reasoning { text: "Hm.".to_owned(), opaque: Some(opaque) });
    let mut request = asks("Well?");
    request.messages.extend([says(Role::Assistant, whole.parts), says(Role::User, vec![text("And?")])]);
    models.complete(&endpoint, &request).await.unwrap();
    let back = &vendor.last().body["messages"][1];
    assert_eq!(back["reasoning_details"], details);
    assert!(back.get("reasoning_content").is_none(), "not wanted unless the provider's options say so");
    endpoint.options.insert("sends_reasoning".to_owned(), json!(true));
    models.complete(&endpoint, &request).await.unwrap();
    assert_eq!(vendor.last().body["messages"][1]["reasoning_content"], "Hm.");

    let content =
        json!([{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "So."}]);
    vendor.then(Reply::refusal(
        200,
        &json!({"id": "1", "model": "m", "choices": [{"finish_reason": "stop",
        "message": {"role": "assistant", "content": content}}]}),
    ));
    let whole = models.complete(&endpoint, &asks("Well?")).await.unwrap();
    assert_eq!(whole.parts, [Part::Reasoning { text: "Hm.".to_owned(), opaque: None }, text("So.")]);
}

/// The options that a provider's file has for its server.
#[tokio::test]
async fn options_of_a_provider_are_heeded() {
    let vendor = Vendor::open().await;
    let request = ChatRequest {
        max_tokens: Some(9),
        seed: Some(4),
        tools: vec![weather()],
        tool_choice: ToolChoice::Required,
        reasoning_effort: Some("high".to_owned()),
        ..asks("Well?")
    };
    let (models, mut to) = (speaking("openai"), endpoint(&vendor, "openai"));
    to.options = json!({"max_tokens": "max_completion_tokens", "tool_choice_required": "any", "stream_usage": false})
        .as_object()
        .unwrap()
        .clone();
    let (_, fault) = read(&*models, &to, &request).await;
    assert_eq!(fault, None);
    let body = vendor.last().body;
    assert_eq!((&body["max_completion_tokens"], body.get("max_tokens")), (&json!(9), None));
    assert_eq!((&body["tool_choice"], body.get("stream_options")), (&json!("any"), None));

    // A server whose streams end without a last word, where that is known of it.
    let steps = || vec![chunk(&json!({"content": "a"}), Some("stop"))];
    vendor.then(Reply::Stream(steps()));
    assert_eq!(read(&*models, &to, &asks("Well?")).await.1.expect("cut off").kind, ModelFaultKind::Broken);
    to.options.insert("ends_without_done".to_owned(), json!(true));
    vendor.then(Reply::Stream(steps()));
    let (pieces, fault) = read(&*models, &to, &asks("Well?")).await;
    assert!(fault.is_none() && matches!(pieces.last(), Some(Piece::End { stop: Stop::End, .. })));

    let (models, mut to) = (speaking("azure"), endpoint(&vendor, "azure"));
    models.complete(&to, &asks("Well?")).await.unwrap();
    assert_eq!(vendor.last().path, "/azure/openai/deployments/model-1/chat/completions?api-version=2024-10-21");
    to.options.insert("api_version".to_owned(), json!("2025-04-01-preview"));
    models.complete(&to, &asks("Well?")).await.unwrap();
    assert!(vendor.last().path.ends_with("api-version=2025-04-01-preview"));

    let (models, mut to) = (speaking("anthropic"), endpoint(&vendor, "anthropic"));
    let thinks = |request: &ChatRequest| ChatRequest { seed: None, ..request.clone() };
    for (way, thinking, effort) in [
        (None, json!({"type": "adaptive"}), json!("high")),
        (Some("effort"), Value::Null, json!("high")),
        (Some("budget"), json!({"type": "enabled", "budget_tokens": 2000}), Value::Null),
    ] {
        to.options.clear();
        to.options.extend(way.map(|way| ("thinking".to_owned(), json!(way))));
        let request = ChatRequest { max_tokens: Some(4000), ..thinks(&request) };
        models.complete(&to, &request).await.unwrap();
        let body = vendor.last().body;
        assert_eq!((&body["thinking"], &body["output_config"]["effort"]), (&thinking, &effort), "{way:?}");
    }
    let (models, mut to) = (speaking("gemini"), endpoint(&vendor, "gemini"));
    for (way, expected) in [
        ("level", json!({"includeThoughts": true, "thinkingLevel": "HIGH"})),
        ("budget", json!({"includeThoughts": true, "thinkingBudget": 24_576})),
    ] {
        to.options.insert("thinking".to_owned(), json!(way));
        models.complete(&to, &request).await.unwrap();
        assert_eq!(vendor.last().body["generationConfig"]["thinkingConfig"], expected);
    }
}
