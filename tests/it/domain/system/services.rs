//! The registry of services: `service_register`, `service_heartbeat`, `service_discover`, `service_deregister`,
//! `system_services`.

use std::time::Duration;

use convoke::capability::events::EVENTS;
use convoke::kernel::codes;
use serde_json::{Value, json};

use crate::support::app::TestApp;

fn invoicing(instance: &str) -> Value {
    json!({
        "serviceName": "invoicing", "instanceId": instance, "host": format!("{instance}.example.org"), "port": 8080,
        "version": "1.0.0", "capabilities": ["invoices"], "dependsOn": ["ledger"], "metadata": { "region": "eu" },
        "ttlSeconds": 30,
    })
}

async fn healthy(app: &TestApp) -> Vec<String> {
    let found = app.call(&app.admin, "service_discover", json!({ "name": "invoicing" })).await.unwrap();
    let items = found["items"].as_array().unwrap();
    items.iter().map(|item| item["instanceId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_instance_is_found_as_long_as_it_reports() {
    let app = TestApp::start().await;
    let one = app.call(&app.admin, "service_register", invoicing("one")).await.unwrap();
    app.call(&app.admin, "service_register", invoicing("two")).await.unwrap();
    assert_eq!((&one["url"], &one["heartbeatSeconds"]), (&json!("http://one.example.org:8080"), &json!(10)));
    assert_eq!(healthy(&app).await, ["one", "two"]);

    app.clock.advance(Duration::from_secs(20));
    let beat = json!({ "serviceId": one["serviceId"] });
    let told = app.call(&app.admin, "service_heartbeat", beat.clone()).await.unwrap();
    assert_eq!((&told["health"], &told["dueAt"]), (&json!("healthy"), &json!("2026-11-20T12:00:50.000Z")));
    app.clock.advance(Duration::from_secs(20));
    assert_eq!(healthy(&app).await, ["one"], "the other has been silent for 40 seconds");

    let input = json!({ "serviceId": one["serviceId"], "status": "draining" });
    assert_eq!(app.call(&app.admin, "service_heartbeat", input).await.unwrap()["health"], "draining");
    assert_eq!(healthy(&app).await, Vec::<String>::new());
    app.call(&app.admin, "service_heartbeat", beat).await.unwrap();
    assert_eq!(healthy(&app).await, ["one"]);
    let topics: Vec<Value> = app.entries(&EVENTS).await.into_iter().map(|event| event["topic"].clone()).collect();
    let changes = topics.iter().filter(|topic| **topic == "service.health_changed").count();
    assert_eq!(changes, 2, "to draining and back: {topics:?}");
}

#[tokio::test]
async fn what_is_silent_for_long_is_forgotten() {
    let app = TestApp::start().await;
    app.call(&app.admin, "service_register", invoicing("one")).await.unwrap();
    let upkeep = convoke::runtime::upkeep::Upkeep::new(app.app.gate().clone());
    let clean = || async { upkeep.clean(&tokio_util::sync::CancellationToken::new()).await.unwrap() };
    app.clock.advance(Duration::from_mins(30));
    clean().await;
    let found = app.call(&app.admin, "service_discover", json!({ "name": "invoicing" })).await.unwrap();
    assert_eq!((&found["registered"], &found["items"]), (&json!(1), &json!([])));
    app.clock.advance(Duration::from_mins(40));
    clean().await;
    let fault = app.call(&app.admin, "service_discover", json!({ "name": "invoicing" })).await.unwrap_err();
    assert!(fault.is(&codes::NOT_FOUND), "{fault}");
}

#[tokio::test]
async fn registered_again_it_is_replaced_and_deregistered_it_is_gone() {
    let app = TestApp::start().await;
    let first = app.call(&app.admin, "service_register", invoicing("one")).await.unwrap();
    let mut input = invoicing("one");
    input["version"] = json!("2.0.0");
    let again = app.call(&app.admin, "service_register", input).await.unwrap();
    assert_eq!(first["serviceId"], again["serviceId"]);
    app.call(&app.admin, "service_register", invoicing("two")).await.unwrap();
    let by_version = json!({ "name": "invoicing", "version": "2.0.0" });
    let found = app.call(&app.admin, "service_discover", by_version).await.unwrap();
    assert_eq!((&found["items"][0]["instanceId"], &found["registered"]), (&json!("one"), &json!(2)));
    let by_capability = json!({ "name": "invoicing", "capability": "payments" });
    assert_eq!(app.call(&app.admin, "service_discover", by_capability).await.unwrap()["items"], json!([]));

    let input = json!({ "name": "invoicing", "instanceId": "one" });
    let gone = app.call(&app.admin, "service_deregister", input).await.unwrap();
    assert_eq!(gone["removed"], json!(["one"]));
    assert_eq!(healthy(&app).await, ["two"]);
    app.call(&app.admin, "service_deregister", json!({ "name": "invoicing" })).await.unwrap();
    let fault = app.call(&app.admin, "service_deregister", json!({ "name": "invoicing" })).await.unwrap_err();
    assert!(fault.is(&codes::NOT_FOUND), "{fault}");
    let beat = json!({ "serviceId": first["serviceId"] });
    let fault = app.call(&app.admin, "service_heartbeat", beat).await.unwrap_err();
    assert!(fault.is(&codes::NOT_FOUND), "{fault}");
}

#[tokio::test]
async fn the_list_tells_health_capabilities_and_what_is_missing() {
    let app = TestApp::start().await;
    app.call(&app.admin, "service_register", invoicing("one")).await.unwrap();
    let list = || app.call(&app.admin, "system_services", json!({ "name": "invo" }));
    let told = list().await.unwrap();
    let service = &told["services"][0];
    assert_eq!((&service["health"], &service["missing"]), (&json!("healthy"), &json!(["ledger"])));
    assert_eq!(told["instances"][0]["version"], env!("CARGO_PKG_VERSION"));
    let ledger = json!({ "serviceName": "ledger", "host": "1.1.1.1", "port": 1 });
    let made = app.call(&app.admin, "service_register", ledger).await.unwrap();
    assert_eq!(made["instanceId"], "1.1.1.1-1");
    assert_eq!(list().await.unwrap()["services"][0]["missing"], json!(["ledger"]), "only those listed are looked at");
    let all = app.call(&app.admin, "system_services", json!({ "capability": "invoices" })).await.unwrap();
    assert_eq!((&all["services"][0]["name"], &all["services"][0]["missing"]), (&json!("invoicing"), &json!([])));
    app.clock.advance(Duration::from_mins(2));
    assert_eq!(list().await.unwrap()["services"][0]["health"], "silent");
}

#[tokio::test]
async fn each_tenant_has_its_own_services() {
    let app = TestApp::start().await;
    let one = app.call(&app.admin, "service_register", invoicing("one")).await.unwrap();
    let told = app.call(&app.stranger, "system_services", json!({})).await.unwrap();
    assert_eq!((&told["services"], told.get("instances")), (&json!([]), None), "nor the server's own instances");
    for (tool, input) in [
        ("service_discover", json!({ "name": "invoicing" })),
        ("service_deregister", json!({ "name": "invoicing" })),
        ("service_heartbeat", json!({ "serviceId": one["serviceId"] })),
    ] {
        let fault = app.call(&app.stranger, tool, input).await.unwrap_err();
        assert!(fault.is(&codes::NOT_FOUND), "{tool}: {fault}");
    }
    let theirs = app.call(&app.stranger, "service_register", invoicing("one")).await.unwrap();
    assert_ne!(theirs["serviceId"], one["serviceId"]);
}

#[tokio::test]
async fn bad_input_and_forbidden_addresses_are_refused() {
    let app = TestApp::start_with(|settings| {
        settings.config.outside.private_networks = vec!["10.1.0.0/16".to_owned()];
    })
    .await;
    let with = |name: &str, value: Value| {
        let mut input = invoicing("one");
        input[name] = value;
        input
    };
    for host in ["127.0.0.1", "localhost.", "0x7f.1", "::1", "[::1]", "169.254.169.254", "10.2.0.1", "192.168.0.1"] {
        let answer = app.call(&app.admin, "service_register", with("host", json!(host))).await;
        match host {
            // A name is judged when it is resolved.
            "localhost." => assert!(answer.is_ok()),
            "::1" => assert!(answer.unwrap_err().is(&codes::BAD_INPUT)),
            _ => assert_eq!(answer.unwrap_err().code().name, "address_forbidden", "{host}"),
        }
    }
    assert!(app.call(&app.admin, "service_register", with("host", json!("10.1.2.3"))).await.is_ok());
    for (name, value, place) in [
        ("host", json!("a/b"), "/host"),
        ("host", json!("http://a"), "/host"),
        ("host", json!("user@a"), "/host"),
        ("port", json!(0), "/port"),
        ("serviceName", json!("a b"), "/serviceName"),
        ("ttlSeconds", json!(1), "/ttlSeconds"),
        ("metadata", json!({ "large": "x".repeat(9000) }), "/metadata"),
        ("scheme", json!("ftp"), "/scheme"),
    ] {
        let fault = app.call(&app.admin, "service_register", with(name, value)).await.unwrap_err();
        assert!(
            fault.is(&codes::BAD_INPUT) && fault.places()[0].pointer == place,
            "{name}: {fault} {:?}",
            fault.places()
        );
    }
}
