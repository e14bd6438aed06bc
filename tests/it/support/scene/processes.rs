//! Processes of the scene, and executions of them.

use convoke::domain::{executions, processes};
use convoke::kernel::time::Timestamp;

use super::{ADA, Steps, half_digest, id};

impl Steps {
    /// Ada's processes, and what runs of them.
    pub(super) fn processes(&mut self, now: Timestamp) {
        self.process(now);
        self.executions(now);
        self.travelling(now);
    }

    /// A process of Ada's: somebody asks for leave, and the manager decides.
    fn process(&mut self, now: Timestamp) {
        let name = "leave-request";
        let edge = |from: &str, to: &str| serde_json::json!({ "id": format!("{from}--{to}"), "from": from, "to": to });
        let definition = |ask: serde_json::Value| {
            let (mut granted, mut refused) = (edge("decide", "granted"), edge("decide", "refused"));
            granted["condition"] = serde_json::json!("decision = \"approve\"");
            refused["default"] = serde_json::json!(true);
            serde_json::json!({
                "nodes": [
                    { "id": "begin", "type": "start" },
                    { "id": "ask", "type": "human_task", "name": "Decide on leave", "config": ask, "output": { "decision": "= result.decision" } },
                    { "id": "decide", "type": "exclusive" },
                    { "id": "granted", "type": "end", "config": { "result": { "granted": true } } },
                    { "id": "refused", "type": "end", "config": { "result": { "granted": false } } },
                ],
                "edges": [edge("begin", "ask"), edge("ask", "decide"), granted, refused],
                "variables": {
                    "days": { "schema": { "type": "integer", "minimum": 1 }, "required": true },
                    "manager": { "schema": { "type": "string" }, "required": true },
                    "decision": { "schema": { "type": "string" } },
                },
            })
        };
        let form = serde_json::json!({ "type": "object", "properties": { "decision": { "type": "string", "enum": ["approve", "reject"] } }, "required": ["decision"] });
        let ask = serde_json::json!({ "assignee": "= manager", "form": form });
        let mut sooner = ask.clone();
        sooner["due"] = serde_json::json!("P2D");
        for (number, version, meant, ask) in [(1, Some("1.0.0"), "1.0.0", ask), (2, None, "1.1.0", sooner)] {
            let revision = serde_json::json!({
                "processId": name, "revision": number, "branch": "main", "parents": if number == 1 { vec![] } else { vec![1] },
                "version": version, "meant": meant, "digest": format!("{number:064}"), "definition": definition(ask), "author": ADA,
                "message": "the manager decides", "writtenAt": now, "publishedAt": version.map(|_| now),
            });
            self.of(
                &processes::MODULE,
                "process_revision",
                half_digest(&format!("process revision\n{name}\n{number}")),
                revision,
            );
        }
        let process = serde_json::json!({
            "processId": name, "name": "Leave request", "description": "Somebody asks for leave, and the manager decides.",
            "tags": ["people"], "words": "people Decide on leave", "revision": 2, "published": "1.0.0",
            "branches": { "main": { "head": 2, "base": 0, "from": "main" } },
        });
        self.of(&processes::MODULE, "process", half_digest(&format!("process\n{name}")), process);
    }

    /// Executions of Ada's: an order waits for its payment.
    fn executions(&mut self, now: Timestamp) {
        let name = "order-payment";
        let edge = |from: &str, to: &str| serde_json::json!({ "id": format!("{from}--{to}"), "from": from, "to": to });
        let definition = serde_json::json!({
            "nodes": [
                { "id": "begin", "type": "start" },
                { "id": "paid", "type": "wait", "config": { "message": "payment", "correlationKey": "order" }, "output": { "amount": "= result.amount" } },
                { "id": "done", "type": "end", "config": { "result": { "amount": "= amount" } } },
            ],
            "edges": [edge("begin", "paid"), edge("paid", "done")],
            "variables": { "order": { "schema": { "type": "string" }, "required": true }, "amount": { "schema": { "type": "number" } } },
        });
        // The version before calls the node otherwise.
        let mut before = definition.clone();
        before["nodes"][1]["id"] = "payment".into();
        before["edges"] = serde_json::json!([edge("begin", "payment"), edge("payment", "done")]);
        for (number, version, digest, definition) in [(1, "0.9.0", 8, before), (2, "1.0.0", 9, definition)] {
            let revision = serde_json::json!({
                "processId": name, "revision": number, "branch": "main", "parents": if number == 1 { vec![] } else { vec![1] },
                "version": version, "meant": version, "digest": format!("{digest:064}"), "definition": definition, "author": ADA,
                "writtenAt": now, "publishedAt": now,
            });
            let id = half_digest(&format!("process revision\n{name}\n{number}"));
            self.of(&processes::MODULE, "process_revision", id, revision);
        }
        let process = serde_json::json!({
            "processId": name, "name": "Order payment", "description": "An order waits for its payment.",
            "tags": ["orders"], "words": "orders", "revision": 2, "published": "1.0.0",
            "branches": { "main": { "head": 2, "base": 0, "from": "main" } },
        });
        self.of(&processes::MODULE, "process", half_digest(&format!("process\n{name}")), process);
        let failure = serde_json::json!({ "code": "expression_failed", "message": "the order is nothing" });
        for (last, status) in [(0xca, "running"), (0xcb, "held"), (0xcc, "paused"), (0xcd, "failed")] {
            let mut stage = serde_json::json!({ "is": "listening", "key": "A-7" });
            let mut state = serde_json::json!({ "variables": { "order": "A-7" }, "next": 2, "passed": ["begin"] });
            let mut execution = serde_json::json!({
                "processId": name, "version": "1.0.0", "revision": 2, "status": status, "user": ADA, "priority": 0, "depth": 0, "hops": 0,
                "startedAt": (status != "held").then_some(now), "marks": "",
            });
            if status == "failed" {
                stage = serde_json::json!({ "is": "failed", "failure": failure });
                state["ending"] = serde_json::json!({ "status": "failed", "code": "expression_failed", "message": "the order is nothing", "node": "paid" });
                (execution["failure"], execution["failedAt"], execution["endedAt"]) =
                    (failure.clone(), "paid".into(), serde_json::json!(now));
            }
            state["tokens"] = serde_json::json!([{ "id": 1, "node": "paid", "stage": stage }]);
            execution["state"] = state;
            self.of(&executions::MODULE, "execution", id(last), execution);
        }
    }

    /// Two processes of Ada's: one with a branch that does not go together with its draft, and one that it calls.
    fn travelling(&mut self, now: Timestamp) {
        let edges = |ids: &[&str]| -> serde_json::Value {
            let edge = |pair: &[&str]| serde_json::json!({ "id": format!("{}--{}", pair[0], pair[1]), "from": pair[0], "to": pair[1] });
            ids.windows(2).map(edge).collect()
        };
        let text = |required: bool| serde_json::json!({ "schema": { "type": "string" }, "required": required });
        let form = serde_json::json!({ "type": "object", "properties": { "fine": { "type": "boolean" } } });
        let person = |id: &str, who: &str| serde_json::json!({ "id": id, "type": "human_task", "config": { "assignee": who, "form": form } });
        let book = serde_json::json!({
            "id": "book", "type": "sub_process", "config": { "processId": "trip-booking" }, "input": { "destination": "= destination" },
        });
        let (begin, done) =
            (serde_json::json!({ "id": "begin", "type": "start" }), serde_json::json!({ "id": "done", "type": "end" }));
        let request = |nodes: Vec<serde_json::Value>, ids: &[&str]| {
            let mut all = vec![begin.clone()];
            all.extend(nodes);
            all.extend([book.clone(), done.clone()]);
            let variables = serde_json::json!({ "destination": text(true), "manager": text(true) });
            serde_json::json!({ "nodes": all, "edges": edges(ids), "variables": variables })
        };
        let plain = ["begin", "ask", "book", "done"];
        let requests = [
            ("main", vec![], request(vec![person("ask", "= manager")], &plain)),
            ("main", vec![1], request(vec![person("ask", "travel-desk")], &plain)),
            (
                "four-eyes",
                vec![1],
                request(
                    vec![person("ask", "board"), person("check", "ada")],
                    &["begin", "ask", "check", "book", "done"],
                ),
            ),
        ];
        let bookings = [
            serde_json::json!({ "destination": text(true) }),
            serde_json::json!({ "destination": text(true), "nights": text(true) }),
        ];
        let booking = |variables| {
            let nodes = [begin.clone(), person("buy", "travel-desk"), done.clone()];
            serde_json::json!({ "nodes": nodes, "edges": edges(&["begin", "buy", "done"]), "variables": variables })
        };
        let bookings = bookings.map(booking).into_iter().zip(["1.0.0", "2.0.0"]);
        let requests = requests.into_iter().zip(["1.0.0", "1.1.0", "1.1.0"]).zip(1..);
        let mut all: Vec<_> = requests
            .map(|(((branch, parents, definition), meant), number)| {
                ("travel-request", number, branch, parents, definition, meant)
            })
            .collect();
        all.extend(bookings.zip(1..).map(|((definition, meant), number)| {
            ("trip-booking", number, "main", if number == 1 { vec![] } else { vec![1] }, definition, meant)
        }));
        for (process, number, branch, parents, definition, meant) in all {
            let first = number == 1;
            let revision = serde_json::json!({
                "processId": process, "revision": number, "branch": branch, "parents": parents, "version": first.then_some(meant),
                "meant": meant, "digest": format!("{number:064}"), "definition": definition, "author": ADA, "writtenAt": now,
                "publishedAt": first.then_some(now),
            });
            self.of(
                &processes::MODULE,
                "process_revision",
                half_digest(&format!("process revision\n{process}\n{number}")),
                revision,
            );
        }
        let main = serde_json::json!({ "head": 2, "base": 0, "from": "main" });
        let beside =
            serde_json::json!({ "head": 3, "base": 1, "from": "main", "about": "A second person looks at it." });
        let calls = serde_json::json!({ "draft": ["trip-booking"], "published": ["trip-booking"] });
        let request = serde_json::json!({
            "processId": "travel-request", "name": "Travel request", "description": "Somebody wants to travel.", "tags": [], "revision": 3,
            "published": "1.0.0", "branches": { "main": main, "four-eyes": beside }, "calls": calls,
        });
        let booking = serde_json::json!({
            "processId": "trip-booking", "name": "Trip booking", "description": "A trip is booked.", "tags": [], "revision": 2,
            "published": "1.0.0", "branches": { "main": main },
        });
        for (process, document) in [("travel-request", request), ("trip-booking", booking)] {
            self.of(&processes::MODULE, "process", half_digest(&format!("process\n{process}")), document);
        }
    }
}
