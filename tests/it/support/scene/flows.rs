//! Ada's flows: one that depends on another, one that runs here, and executions of them.

use convoke::domain::flows;
use convoke::kernel::time::Timestamp;
use serde_json::{Value, json};

use super::{ADA, Steps, half_digest, id};

impl Steps {
    /// `risk_management_flow`, of which one execution completed and one waits for its runner; `ai_trading_analysis`, which depends on it;
    /// `order_follow_up`, which runs here.
    pub(super) fn flows(&mut self, now: Timestamp) {
        let edge = |from: &str, to: &str| json!({ "id": format!("{from}--{to}"), "source": from, "target": to });
        let checks = json!({
            "name": "Risk management", "description": "Checks what a trade risks.", "tags": ["trading", "risk"],
            "nodes": [{ "id": "exposure", "type": "calculator" }, { "id": "limits", "type": "checker" }],
            "edges": [{ "id": "exposure--limits", "source": "exposure", "target": "limits", "mapping": { "amount": "exposure" } }],
            "credentials": [{ "key": "crm", "type": "api_key", "required": true, "secret": "old-crm" }],
        });
        let analysis = json!({
            "name": "AI Trading Analysis", "description": "AI-powered trading analysis workflow.", "tags": ["trading"],
            "nodes": [
                { "id": "data_ingestion", "name": "Data Ingestion", "type": "data_source", "config": { "sources": ["market_data", "news_feeds"] } },
                { "id": "analysis_engine", "name": "Analysis Engine", "type": "analyzer", "config": { "models": ["lstm", "transformer"] } },
            ],
            "edges": [edge("data_ingestion", "analysis_engine")],
            "credentials": [{ "key": "market_data_api_key", "type": "api_key", "required": true }],
            "dependencies": [{ "dependsOnFlowId": "risk_management_flow", "dependencyType": "prerequisite", "condition": "risk_approved" }],
        });
        let follow_up = json!({
            "name": "Order follow-up", "description": "Waits for the payment of an order.", "tags": ["orders"], "nodes": [],
            "processId": "order-payment",
        });
        self.flow("risk_management_flow", "chain_mapping", &checks, now);
        self.flow("ai_trading_analysis", "langgraph_workflow", &analysis, now);
        self.flow("order_follow_up", "custom", &follow_up, now);
        let execution = |status: &str, trade: &str| {
            json!({
                "flowId": "risk_management_flow", "flowVersion": "1.0.0", "status": status, "runs": "outside",
                "parameters": { "trade": trade }, "triggeredBy": "trading_bot", "user": ADA, "flowOwner": ADA,
            })
        };
        let mut done = execution("completed", "T-1");
        done["result"] = json!({ "risk_approved": true, "score": 0.2 });
        (done["startedAt"], done["progress"]) = (json!(now), json!(100.0));
        done["endedAt"] = json!(now.plus(std::time::Duration::from_secs(2)));
        self.of(&flows::MODULE, "flow_execution", id(0x81), done);
        self.of(&flows::MODULE, "flow_execution", id(0x82), execution("pending", "T-2"));
    }

    fn flow(&mut self, flow_id: &str, kind: &str, definition: &Value, now: Timestamp) {
        let words: Vec<&str> = std::iter::once(flow_id)
            .chain(["name", "description"].iter().filter_map(|field| definition[*field].as_str()))
            .chain(definition["tags"].as_array().unwrap().iter().filter_map(Value::as_str))
            .collect();
        let mark = |letter: char, text: &str| {
            let digest = convoke::kernel::seal::sha256(format!("{letter}\n{text}").as_bytes());
            digest[..10].iter().fold(letter.to_string(), |word, byte| format!("{word}{byte:02x}"))
        };
        let tags = definition["tags"].as_array().unwrap().iter().map(|tag| mark('t', tag.as_str().unwrap()));
        let others = definition["dependencies"].as_array().into_iter().flatten();
        let others = others.map(|one| mark('d', one["dependsOnFlowId"].as_str().unwrap()));
        let marks: Vec<String> = tags.chain(others).collect();
        let flow = json!({
            "flowId": flow_id, "name": definition["name"], "type": kind, "status": "active", "revision": 1, "version": "1.0.0",
            "createdBy": "ai_team", "words": words.join(" "), "marks": marks.join(" "), "definition": definition,
        });
        self.of(&flows::MODULE, "flow", half_digest(&format!("flow\n{flow_id}")), flow);
        let version = json!({
            "flowId": flow_id, "version": "1.0.0", "revision": 1, "definition": definition, "author": ADA, "writtenAt": now,
        });
        self.of(&flows::MODULE, "flow_version", half_digest(&format!("flow_version\n{flow_id}\n1.0.0")), version);
    }
}
