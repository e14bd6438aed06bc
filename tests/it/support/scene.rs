//! The scene that every test finds: people, roles, groups and keys with fixed ids, so that the cards' examples can name them.
//!
//! | id ends in | what |
//! |---|---|
//! | `a1` | Ada Lovelace, ada@example.org, role member, group finance: the caller `member` |
//! | `a2` | Bo Nobody, bo@example.org, no role: the caller `nobody` |
//! | `a3` | Cleo Sands, cleo@example.org, role member, suspended |
//! | `a4` | Dan Rivera, dan@example.org, roles member and reviewer, groups finance and support |
//! | `b1` | the role reviewer: audit:read, users:read |
//! | `c1` | a key of Dan's named "nightly report" |
//! | | the secret "old-crm", whose text nobody can open |
//! | `d1` | the instance "crm-1" of the service "crm-sync", healthy at noon |
//! | `d2` | the gateway's route "crm" to it |
//! | | the route "default" to the model test/small, and the budget of the agent "archivist": 5,000 tokens a day |
//! | `d1` | Ada's subscription "orders": order.created and order.paid into a pull queue, from the beginning of the log |
//! | `d2` | a dead letter of it |
//! | `d3` | what Ada said of an answer of the agent "archivist" to the prompt "welcome-mail" 1.0.0 |
//! | `d4` | the training set "Welcome mails" of it, whose files are not there
//! | `d5` | a job that chose an example out of that set
//! | `da`, `d8`, `d9` | Grace Hopper and the company Eckert-Mauchly in the graph, and that she works there |
//! | `d6` | what Ada told everybody to remember: the office's opening hours |
//! | `d7` | what that took the place of |
//! | `e6` | Ada's document "invoice.txt", whose one passage is `e7`; its text is there, its file is not |
//! | `b2` | Ada's schedule "Morning report": a paused one, an event on weekdays at nine in New York |
//! | `91` | a task that Ada made and has: the training budget, with a form; its chain goes to Dan |
//! | `92` | a task that she made for the group finance |
//! | | Ada's process "leave-request": 1.0.0 published, and a draft |
//! | | her process "travel-request": 1.0.0, a draft, and a branch "four-eyes"; it calls "trip-booking", whose draft asks for more |
//! | `ca` | an execution of her process "order-payment" that waits for the message `payment` about A-7 |
//! | `cb`, `cc`, `cd` | others: one held, one paused, one failed |
//! | | Ada's flows `risk_management_flow`, `ai_trading_analysis`, which depends on it, and `order_follow_up`, which runs "order-payment" |
//! | `81`, `82` | executions of the first: one completed, one waits for its runner |
//! | | Ada's prompt "welcome-mail": 1.0.0 in production, and a draft; her persona "house-guide"; her rule set "discounts" |
//! | | Ada's agent "archivist", on test/large, which may read prompts |
//! | `f1` | another tenant, "elsewhere" |
//! | `f2` | its administrator, eve@elsewhere.example: the caller `stranger` |
//!
//! The administrator of the default tenant, the caller `admin`, is the one that the first start makes.

mod flows;
mod processes;

use std::collections::HashMap;

use convoke::capability::module::Module;
use convoke::capability::topics::Pattern;
use convoke::domain::events::model::letter::{DeadLetter, LetterState};
use convoke::domain::events::model::progress::Progress;
use convoke::domain::events::model::subscription::{Delivery, Order, Retry, State, Subscription, Target};
use convoke::domain::events::model::topic::CustomTopic;
use convoke::domain::identity::keys;
use convoke::domain::identity::model::api_key::ApiKey;
use convoke::domain::identity::model::assignment::{Assignment, Holder, ROLE_HOLDERS};
use convoke::domain::identity::model::membership::Membership;
use convoke::domain::identity::model::role::Role;
use convoke::domain::identity::model::tenant::{Tenant, platform};
use convoke::domain::identity::model::user::{User, UserStatus};
use convoke::domain::identity::roles::{ADMIN, BUILT_IN, MEMBER};
use convoke::domain::prompts::engine::content::Content;
use convoke::domain::prompts::model::prompt::{Label, Prompt, PromptKind, Target as Version};
use convoke::domain::prompts::model::revision::Revision;
use convoke::domain::tasks::model::who::Who;
use convoke::domain::{
    agents, documents, integrations, knowledge, learning, memory, models, personas, rules, schedules, system, tasks,
};
use convoke::kernel::id::{KeyId, RoleId, TenantId, UserId};
use convoke::kernel::seal::{sha256, sha256_hex};
use convoke::kernel::secret::Secret;
use convoke::kernel::time::Timestamp;
use convoke::port::documents::{Hints, Limits};
use convoke::port::records::{Document, Query, Scope, Visibility};
use convoke::port::store::{Batch, Expect, Put, Step, Store};
use uuid::Uuid;

/// The text of the scene's document.
const INVOICE: &str = "Invoice\n\nAlder Works GmbH\n\nInvoice number: INV-2026-007\n\nInvoice date: 2026-11-02\n\nBill to: Birch & Sons \
                       Ltd\n\nTotal: EUR 120.00";

/// What was read of it, as it lies in a blob.
pub(crate) fn document_text() -> Vec<u8> {
    let read = convoke::adapter::documents::parse(INVOICE.as_bytes(), &Hints::default(), &Limits::default());
    serde_json::to_vec(&read.unwrap()).unwrap()
}

/// The id of the scene that ends in a byte.
pub(crate) const fn id(last: u8) -> Uuid {
    Uuid::from_u128(0x0192_f0c1_0000_7000_8000_0000_0000_0000 + last as u128)
}

/// Ada, the caller `member`.
pub(crate) const ADA: Uuid = id(0xa1);
/// Bo, the caller `nobody`.
pub(crate) const BO: Uuid = id(0xa2);
/// Cleo, who is suspended.
pub(crate) const CLEO: Uuid = id(0xa3);
/// Dan, whom tests may change.
pub(crate) const DAN: Uuid = id(0xa4);
/// The role reviewer.
pub(crate) const REVIEWER: Uuid = id(0xb1);
/// A key of Dan's.
pub(crate) const DANS_KEY: Uuid = id(0xc1);
/// Ada's subscription.
pub(crate) const ORDERS: Uuid = id(0xd1);
/// A dead letter of it.
pub(crate) const LETTER: Uuid = id(0xd2);
/// The other tenant.
pub(crate) const ELSEWHERE: Uuid = id(0xf1);
/// Its administrator, the caller `stranger`.
pub(crate) const EVE: Uuid = id(0xf2);

/// The keys of those of the scene who call.
pub(crate) struct Keys {
    pub(crate) member: Secret,
    pub(crate) nobody: Secret,
    pub(crate) suspended: Secret,
    pub(crate) stranger: Secret,
}

/// Writes the scene into a store that had its first start.
pub(crate) async fn set(store: &dyn Store, tenant: TenantId, now: Timestamp) -> Keys {
    let roles = store.find(Scope::Tenant(tenant), Role::KIND, Query::newest(convoke::port::records::Filter::All, 100));
    let named = roles.await.unwrap().into_iter().map(|role| (role.body["name"].as_str().unwrap().to_owned(), role.id));
    let mut here = Steps { roles: named.collect(), steps: Vec::new() };
    here.user(ADA, "ada@example.org", ("Ada", "Lovelace"), UserStatus::Active, &["finance"], &[MEMBER]);
    here.user(BO, "bo@example.org", ("Bo", "Nobody"), UserStatus::Active, &[], &[]);
    here.user(CLEO, "cleo@example.org", ("Cleo", "Sands"), UserStatus::Suspended, &[], &[MEMBER]);
    let reviewer = Role {
        name: "reviewer".to_owned(),
        description: "Looks over what others did.".to_owned(),
        permissions: vec!["audit:read".to_owned(), "users:read".to_owned()],
        builtin: false,
    };
    here.role(REVIEWER, &reviewer);
    here.user(
        DAN,
        "dan@example.org",
        ("Dan", "Rivera"),
        UserStatus::Active,
        &["finance", "support"],
        &[MEMBER, "reviewer"],
    );
    here.key(DANS_KEY, DAN, "nightly report");
    let member = here.key(id(0xc2), ADA, "test");
    let nobody = here.key(id(0xc3), BO, "test");
    let suspended = here.key(id(0xc4), CLEO, "test");
    here.events();
    here.prompts(now);
    here.persona();
    here.processes(now);
    here.flows(now);
    here.rule_set(now);

    here.secret(tenant, "old-crm", now);
    let instance = serde_json::json!({
        "serviceName": "crm-sync", "instanceId": "crm-1", "scheme": "http", "host": "crm.example.org", "port": 8080,
        "capabilities": ["contacts"], "ttlSeconds": 30, "says": "up", "heardAt": now,
        "forgetAt": now.plus(std::time::Duration::from_hours(1)),
    });
    here.of_system("service_instance", id(0xd1), instance);
    let route = serde_json::json!({
        "routeId": "crm", "path": "/crm", "service": "crm-sync", "targetPath": "/crm", "methods": ["GET"],
        "authRequired": true, "timeoutSeconds": 30, "retries": 2, "breakerFailures": 5, "breakerSeconds": 30, "enabled": true,
    });
    here.of_system("gateway_route", id(0xd2), route);

    let route = serde_json::json!({
        "name": "default", "candidates": [{ "model": "test/small" }], "strategy": "fallback", "retries": 1,
        "timeoutSeconds": 120, "silenceSeconds": 60, "cacheSeconds": 0, "enabled": true,
    });
    here.of(&models::MODULE, "model_route", named_id(&[b"model route", tenant.uuid().as_bytes(), b"default"]), route);
    let budget = serde_json::json!({ "scope": "agent:archivist", "period": "day", "tokens": 5000, "warnAt": [80] });
    let scope = b"agent:archivist";
    here.of(&models::MODULE, "model_budget", named_id(&[b"model budget", tenant.uuid().as_bytes(), scope]), budget);
    let feedback = serde_json::json!({
        "executionId": "exec-1", "agentId": "archivist", "promptId": "welcome-mail", "version": "1.0.0", "versionFrom": "named",
        "userSatisfaction": 4.5, "permille": 875, "variables": { "name": "Bo" }, "actualOutput": "Dear Bo",
    });
    here.of(&learning::MODULE, "feedback", id(0xd3), feedback);
    let file = |rows: u32| serde_json::json!({ "rows": rows, "sizeBytes": 100 * rows, "digest": "0".repeat(64) });
    let dataset = serde_json::json!({
        "name": "Welcome mails", "promptId": "welcome-mail", "agentId": null, "all": file(12), "train": file(10),
        "test": file(2), "leftOut": { "duplicates": 0, "noAnswer": 0, "noQuestion": 0, "tooMany": 0 }, "personal": 0, "redacted": false,
    });
    here.of(&learning::MODULE, "dataset", id(0xd4), dataset);
    let base = serde_json::json!({
        "promptId": "welcome-mail", "version": "1.0.0", "blocks": {}, "variables": [],
        "content": { "template": "Write a welcome mail to {{ name }}.", "variables": [] },
    });
    let job = serde_json::json!({
        "kind": "few_shot", "state": "succeeded", "done": 1, "of": 1, "doing": "over", "user": ADA,
        "plan": { "dataset": id(0xd4), "base": base, "examples": 1, "wordings": 0, "cases": 20, "scoring": "overlap", "leastGain": 0.02,
            "mostCalls": 300, "seed": 0 },
        "result": { "better": true, "promptId": "welcome-mail", "version": "1.1.0", "baseVersion": "1.0.0",
            "examples": [{ "question": "Write a welcome mail to Bo.", "answer": "Dear Bo" }] },
    });
    here.of(&learning::MODULE, "retraining_job", id(0xd5), job);
    here.tasks();
    here.graph(now);
    here.document(tenant);

    here.memories(now);
    here.schedule(now);

    let archivist = serde_json::json!({
        "agentId": "archivist", "version": 1, "state": "active", "author": ADA,
        "name": "Archivist", "description": "Knows what lies in the archive.", "instructions": "Answer in one sentence.",
        "model": { "name": "test/large" }, "tools": { "names": ["prompt_list", "prompt_get"] },
    });
    here.of(&agents::MODULE, "agent", half_digest("agent\narchivist"), archivist);

    let elsewhere = TenantId::from_uuid(ELSEWHERE);
    let mut outside = Steps::default();
    outside.put(ELSEWHERE, None, Visibility::Private, &Tenant { name: "elsewhere".to_owned(), local_owner: None });
    let mut there = Steps::default();
    for (at, role) in (0xe0..).zip(BUILT_IN) {
        there.role(id(at), &role.document());
    }
    there.user(EVE, "eve@elsewhere.example", ("Eve", "Else"), UserStatus::Active, &[], &[ADMIN]);
    let stranger = there.key(id(0xf3), EVE, "test");

    let batch = |tenant, steps: Steps| Batch { tenant, at: now, steps: steps.steps };
    store.commit(vec![batch(tenant, here), batch(platform(), outside), batch(elsewhere, there)]).await.unwrap();
    Keys { member, nobody, suspended, stranger }
}

/// The id of a document that is found by what it is called.
fn named_id(of: &[&[u8]]) -> Uuid {
    let mut parts = Vec::new();
    for part in of {
        parts.extend_from_slice(&(part.len() as u64).to_be_bytes());
        parts.extend_from_slice(part);
    }
    uuid::Builder::from_custom_bytes(sha256(&parts)[..16].try_into().unwrap()).into_uuid()
}

/// The id of a document that is found by its kind and name.
fn half_digest(of: &str) -> Uuid {
    uuid::Builder::from_custom_bytes(sha256(of.as_bytes())[..16].try_into().unwrap()).into_uuid()
}

#[derive(Default)]
struct Steps {
    roles: HashMap<String, Uuid>,
    steps: Vec<Step>,
}

impl Steps {
    fn user(&mut self, id: Uuid, email: &str, name: (&str, &str), status: UserStatus, groups: &[&str], roles: &[&str]) {
        let mut user = User::new(email);
        user.first_name = Some(name.0.to_owned());
        user.last_name = Some(name.1.to_owned());
        user.name = user.made_name();
        user.status = status;
        user.groups = groups.iter().map(|group| (*group).to_owned()).collect();
        self.put(id, Some(id), Visibility::Tenant, &user);
        for group in &user.groups {
            let membership = Membership { user: UserId::from_uuid(id), group: group.clone() };
            self.put(membership.id(), None, Visibility::Private, &membership);
        }
        for role in roles {
            let role = RoleId::from_uuid(self.roles[*role]);
            let holder = Holder::User(UserId::from_uuid(id));
            let assignment = Assignment::new(role, &holder, None);
            self.put(Assignment::id_of(role, &holder), None, Visibility::Private, &assignment);
            self.steps.push(Step::Count { name: ROLE_HOLDERS, key: role.to_string(), by: 1, at_most: None });
        }
    }

    fn role(&mut self, id: Uuid, role: &Role) {
        self.roles.insert(role.name.clone(), id);
        self.put(id, None, Visibility::Tenant, role);
    }

    fn key(&mut self, id: Uuid, user: Uuid, name: &str) -> Secret {
        let fresh = keys::make().unwrap();
        let key = ApiKey::new(UserId::from_uuid(user), name, fresh.prefix, fresh.hash);
        self.put(id, Some(user), Visibility::Private, &key);
        fresh.key
    }

    /// A secret as the vault would store it, but for its text: it is there to be listed and removed.
    fn secret(&mut self, tenant: TenantId, name: &str, now: Timestamp) {
        let body = serde_json::json!({
            "name": name, "description": "The old customer database", "dataKey": Uuid::nil(), "sealed": "", "version": 1,
            "givenAt": now, "givenBy": ADA,
        });
        let kind = integrations::MODULE.kinds.iter().find(|kind| kind.name == "secret").unwrap();
        let id = named_id(&[b"secret", tenant.uuid().as_bytes(), name.as_bytes()]);
        let (expect, visibility) = (Expect::Absent, Visibility::Tenant);
        self.steps.push(Step::Put(Put { kind, id, expect, owner: Some(ADA), workspace: None, visibility, body }));
    }

    /// A document of the system's.
    fn of_system(&mut self, kind: &str, id: Uuid, body: serde_json::Value) {
        self.of(&system::MODULE, kind, id, body);
    }

    /// A document of a domain's.
    fn of(&mut self, module: &Module, kind: &str, id: Uuid, body: serde_json::Value) {
        let kind = module.kinds.iter().find(|one| one.name == kind).unwrap();
        let (expect, visibility) = (Expect::Absent, Visibility::Tenant);
        self.steps.push(Step::Put(Put { kind, id, expect, owner: Some(ADA), workspace: None, visibility, body }));
    }

    /// A schedule that is paused.
    fn schedule(&mut self, now: Timestamp) {
        let timing = serde_json::json!({ "cron": "0 9 * * MON-FRI", "timezone": "America/New_York", "begins": now });
        let schedule = serde_json::json!({
            "name": "Morning report", "description": null, "timing": timing, "target": { "type": "tool", "name": "event_publish" },
            "does": "tool:event_publish", "variables": { "topic": "report.wanted", "event": { "kind": "daily" } }, "missed": "once",
            "catchUpLimit": 10, "overlap": "skip", "jitterSeconds": 0, "timeoutSeconds": 600, "state": "paused", "reason": null, "user": ADA,
            "key": id(0xc2),
        });
        self.of(&schedules::MODULE, "schedule", id(0xb2), schedule);
        self.of(&schedules::MODULE, "schedule_standing", id(0xb2), serde_json::json!({}));
    }

    /// What is asked of Ada, and of a group that she is in.
    fn tasks(&mut self) {
        let task = |last: u8, title: &str| {
            serde_json::json!({
                "title": title, "alike": "type:budget_approval", "taskType": "budget_approval", "starter": ADA, "priority": 50,
                "outcomes": ["approve", "reject", "revise", "defer"], "slaStatus": "none", "shownHash": format!("{last:064x}"),
                "data": { "requestedBy": "Bo Nobody", "course": "Rust for accountants" },
            })
        };
        let mut one = task(0x91, "Approve the training budget");
        one["form"] = serde_json::json!({
            "type": "object", "additionalProperties": false, "required": ["amount"],
            "properties": { "amount": { "type": "number", "minimum": 0, "maximum": 500, "title": "Amount in euros" }, "note": { "type": "string" } },
        });
        (one["status"], one["assignee"]) = ("assigned".into(), serde_json::json!(ADA));
        one["chain"] = serde_json::json!([{ "to": DAN }]);
        one["people"] = Who::User(UserId::from_uuid(ADA)).word().into();
        self.of(&tasks::MODULE, "task", id(0x91), one);
        let mut two = task(0x92, "Approve the new printer");
        (two["status"], two["candidates"]) = ("open".into(), serde_json::json!(["group:finance"]));
        two["people"] = Who::Group("finance".to_owned()).word().into();
        self.of(&tasks::MODULE, "task", id(0x92), two);
        let made = serde_json::json!({ "task": id(0x91), "what": "created", "by": ADA, "user": ADA });
        self.of(&tasks::MODULE, "task_entry", id(0x93), made);
    }

    /// Somebody and where she worked, in the graph.
    fn graph(&mut self, now: Timestamp) {
        let origin = serde_json::json!([{ "source": "a biography", "call": id(0xdb), "by": ADA, "at": now }]);
        let node = |of: &str, name: &str, key: &str| {
            serde_json::json!({
                "type": of, "name": name, "nameKey": key, "room": "tenant", "properties": {}, "provenance": origin,
            })
        };
        self.of(&knowledge::MODULE, "graph_node", id(0xda), node("Person", "Grace Hopper", "grace hopper"));
        self.of(&knowledge::MODULE, "graph_node", id(0xd8), node("Company", "Eckert-Mauchly", "eckert mauchly"));
        let works = serde_json::json!({
            "from": id(0xda), "to": id(0xd8), "type": "works_at", "validFrom": "1949-01-01T00:00:00.000Z", "provenance": origin,
        });
        self.of(&knowledge::MODULE, "graph_relation", id(0xd9), works);
    }

    /// A topic that Ada published to, her queue of its events, and one that nobody acknowledged.
    fn events(&mut self) {
        let ada = UserId::from_uuid(ADA);
        let topic = CustomTopic::named("order.created", ada);
        self.put(CustomTopic::id_of("order.created"), Some(ADA), Visibility::Tenant, &topic);
        let subscription = Subscription {
            name: Some("orders".to_owned()),
            topics: ["order.created", "order.paid"].map(|topic| Pattern::parse(topic).unwrap()).to_vec(),
            filter: Vec::new(),
            delivery: Delivery::Pull,
            target: Target::Pull,
            order: Order::Key,
            retry: Retry { attempts: 8, first_seconds: 1, longest_seconds: 3600 },
            concurrency: 8,
            user: ada,
            key: Some(KeyId::from_uuid(id(0xc2))),
            bound: None,
            state: State::Active,
            reason: None,
        };
        self.put(ORDERS, Some(ADA), Visibility::Private, &subscription);
        self.put(ORDERS, Some(ADA), Visibility::Private, &Progress::after(0));
        let letter = DeadLetter {
            subscription: ORDERS,
            topic: "order.created".to_owned(),
            position: 1,
            round: 0,
            event: serde_json::json!({ "topic": "order.created", "subject": "order-1", "data": { "total": 5 } }),
            code: "http_500".to_owned(),
            reason: "the receiver answered 500".to_owned(),
            attempts: 8,
            failed_at: Timestamp::from_millis(0),
            state: LetterState::Dead,
        };
        self.put(LETTER, Some(ADA), Visibility::Private, &letter);
    }

    /// A prompt that Ada published, with a draft of hers.
    fn prompts(&mut self, now: Timestamp) {
        let name = "welcome-mail";
        let content = |template: &str| -> Content {
            serde_json::from_value(serde_json::json!({
                "template": template,
                "variables": [{ "name": "name", "required": true, "schema": { "type": "string", "description": "Who it is to." } }],
                "cases": [{ "name": "greets by name", "variables": { "name": "Ada" }, "answer": "Dear Ada", "contains": ["Ada"] }],
            }))
            .unwrap()
        };
        let revision = |number, version: Option<&str>, meant: &str, template| {
            let content = content(template);
            Revision {
                prompt_id: name.to_owned(),
                revision: number,
                version: version.map(str::to_owned),
                meant: meant.to_owned(),
                digest: content.digest(),
                content,
                author: Some(UserId::from_uuid(ADA)),
                message: None,
                written_at: now,
                published_at: version.map(|_| now),
                tested: None,
            }
        };
        let first = revision(1, Some("1.0.0"), "1.0.0", "Write a welcome mail to {{ name }}.");
        let second = revision(2, None, "1.1.0", "Write a short welcome mail to {{ name }}.");
        let mut label = Label::default();
        label.set(vec![Version::only("1.0.0")], UserId::from_uuid(ADA), now, None);
        let prompt = Prompt {
            prompt_id: name.to_owned(),
            name: "Welcome mail".to_owned(),
            description: "Welcomes a new customer.".to_owned(),
            tags: vec!["mail".to_owned()],
            kind: PromptKind::Prompt,
            revision: 2,
            published: Some("1.0.0".to_owned()),
            labels: [("production".to_owned(), label)].into(),
            file: None,
        };
        for one in [first, second] {
            self.put(Revision::id(name, one.revision), Some(ADA), Visibility::Tenant, &one);
        }
        self.put(Prompt::id(name), Some(ADA), Visibility::Tenant, &prompt);
    }

    /// What Ada told everybody to remember, and what that took the place of.
    fn memories(&mut self, now: Timestamp) {
        let memory = |text: &str, state: &str| {
            serde_json::json!({
                "part": "tenant", "scope": "tenant", "kind": "fact", "text": text, "about": "office/hours", "tags": ["office"],
                "importance": 600, "trust": "stated", "state": state, "source": [{ "title": "House rules" }],
                "writer": { "userId": ADA, "requestId": id(0xd8) }, "recordedAt": now, "saidAt": now, "timesSaid": 1,
            })
        };
        let mut hours = memory("The office opens at eight on weekdays.", "current");
        hours["supersedes"] = serde_json::json!([id(0xd7)]);
        self.of(&memory::MODULE, "memory", id(0xd6), hours);
        let mut before = memory("The office opens at nine on weekdays.", "superseded");
        (before["endedAt"], before["supersededBy"]) = (serde_json::json!(now), serde_json::json!(id(0xd6)));
        self.of(&memory::MODULE, "memory", id(0xd7), before);
    }

    /// An invoice of Ada's, with the one passage of it. Its text lies in a blob, which `document_text` tells.
    fn document(&mut self, tenant: TenantId) {
        let document = serde_json::json!({
            "name": "invoice.txt", "digest": "0".repeat(64), "textDigest": sha256_hex(&document_text()), "claim": tenant,
            "sizeBytes": INVOICE.len(), "format": "text", "mediaType": "text/plain", "type": "invoice", "confidence": 0.9, "pages": 0,
            "characters": INVOICE.len(), "chunks": 1, "uploadedBy": ADA,
        });
        self.of(&documents::MODULE, "document", id(0xe6), document);
        let chunk = serde_json::json!({
            "documentId": id(0xe6), "documentName": "invoice.txt", "number": 0, "text": INVOICE, "heading": "", "beside": "",
            "offset": 0, "length": INVOICE.len(), "page": 0, "lastPage": 0,
        });
        self.of(&documents::MODULE, "document_chunk", id(0xe7), chunk);
    }

    /// A rule set of Ada's: discounts by amount and tier.
    fn rule_set(&mut self, now: Timestamp) {
        let table = serde_json::json!({
            "hitPolicy": "F",
            "inputs": [{ "expression": "amount" }, { "expression": "tier" }],
            "outputs": [{ "name": "discount" }],
            "rules": [
                { "when": [">= 100", "\"gold\""], "then": ["10"], "note": "gold is worth most" },
                { "when": [">= 100", "\"silver\""], "then": ["5"] },
                { "when": ["-", "-"], "then": ["0"] },
            ],
        });
        let said = serde_json::json!({
            "inputs": [{ "name": "amount", "type": "number" }, { "name": "tier", "type": "string", "allowed": "\"gold\", \"silver\", \"none\"" }],
            "decisions": [{ "name": "discount", "logic": { "table": table } }],
        });
        let digest = "d".repeat(64);
        let set = serde_json::json!({
            "ruleSetId": "discounts", "name": "Discounts", "description": "Who gets how much off.", "version": 1, "digest": digest,
        });
        self.of(&rules::MODULE, "rule_set", half_digest("rule_set\ndiscounts"), set);
        let version = serde_json::json!({
            "ruleSetId": "discounts", "version": 1, "digest": digest, "rules": said, "author": ADA, "writtenAt": now,
        });
        self.of(&rules::MODULE, "rule_version", half_digest("rule_version\ndiscounts\n1"), version);
    }

    /// A persona of Ada's.
    fn persona(&mut self) {
        let kind = personas::MODULE.kinds[0];
        let id = half_digest("persona\nhouse-guide");
        let body = serde_json::json!({
            "personaId": "house-guide", "version": "1.0.0", "author": ADA, "message": null,
            "profile": {
                "title": "House guide", "description": "Shows people around.", "role": "A guide who knows every room.",
                "expertise": ["rooms", "stairs"], "tone": "calm", "rules": ["Never hurry anybody."], "tags": ["house"],
            },
        });
        let (expect, visibility) = (Expect::Absent, Visibility::Tenant);
        self.steps.push(Step::Put(Put { kind, id, expect, owner: Some(ADA), workspace: None, visibility, body }));
    }

    fn put<T: Document>(&mut self, id: Uuid, owner: Option<Uuid>, visibility: Visibility, document: &T) {
        let body = serde_json::to_value(document).unwrap();
        let expect = Expect::Absent;
        self.steps.push(Step::Put(Put { kind: T::KIND, id, expect, owner, workspace: None, visibility, body }));
    }
}
