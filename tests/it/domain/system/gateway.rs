//! The gateway: `gateway_route_set`, `gateway_routes`, and requests through it to a real service.

use std::sync::Arc;
use std::time::Duration;

use convoke::capability::gate::audit::AUDIT;
use convoke::kernel::codes;
use convoke::kernel::trace::TraceContext;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::upstream::Upstream;
use crate::doors::served::{Served, header, problem};
use crate::support::app::Person;

/// The program, with its own machine's network allowed.
async fn start() -> Served {
    Served::start_with(|settings| {
        settings.config.outside.private_networks = vec!["127.0.0.0/8".to_owned()];
    })
    .await
}

async fn register(served: &Served, person: &Person, upstream: &Upstream, instance: &str) {
    let input = json!({
        "serviceName": "invoicing", "instanceId": instance, "host": "127.0.0.1", "port": upstream.port, "ttlSeconds": 3600,
    });
    served.app.call(person, "service_register", input).await.unwrap();
}

/// A route to the service, with other terms.
async fn route(served: &Served, terms: Value) -> Value {
    let mut input = json!({ "id": "invoices", "path": "/invoices", "target": "invoicing" });
    for (name, value) in terms.as_object().unwrap() {
        input[name] = value.clone();
    }
    served.app.call(&served.app.admin, "gateway_route_set", input).await.unwrap()
}

/// The program with a service and a route to it.
async fn with_service(terms: Value) -> (Served, Arc<Upstream>) {
    let served = start().await;
    let upstream = Upstream::start().await;
    register(&served, &served.app.admin, &upstream, "one").await;
    route(&served, terms).await;
    (served, upstream)
}

fn through(served: &Served, person: &Person, method: Method, path: &str) -> RequestBuilder {
    served.bare(method, &format!("/gateway{path}")).bearer_auth(person.key.reveal())
}

fn ask(served: &Served, path: &str) -> RequestBuilder {
    through(served, &served.app.admin, Method::GET, path)
}

#[tokio::test]
async fn a_path_leads_to_the_service() {
    let (served, upstream) = with_service(json!({ "targetPath": "/api/v2" })).await;
    let answer = ask(&served, "/invoices/7?open=true&x=%20").send().await.unwrap();
    assert_eq!((answer.status(), header(&answer, "x-from")), (200.try_into().unwrap(), "upstream"));
    assert_eq!(answer.text().await.unwrap(), format!("GET /api/v2/7?open=true&x=%20 at {}", upstream.port));
    let posted = through(&served, &served.app.admin, Method::POST, "/invoices").body("sent").send().await.unwrap();
    assert_eq!(posted.status(), 200);
    let asked = upstream.last();
    assert_eq!((asked.method.as_str(), asked.target.as_str(), &*asked.body), ("POST", "/api/v2", &b"sent"[..]));
    // Whole segments only, and the longest route wins.
    assert_eq!(problem(ask(&served, "/invoicesx")).await, (404, "not_found".to_owned()));
    let special = json!({ "id": "special", "path": "/invoices/special", "target": "invoicing", "targetPath": "" });
    served.app.call(&served.app.admin, "gateway_route_set", special).await.unwrap();
    ask(&served, "/invoices/special/x").send().await.unwrap();
    assert_eq!(upstream.last().target, "/x");
    ask(&served, "/invoices/special").send().await.unwrap();
    assert_eq!(upstream.last().target, "/");

    let listed = served.app.call(&served.app.admin, "gateway_routes", json!({ "path": "/invoices" })).await.unwrap();
    let told: Vec<_> = listed["items"].as_array().unwrap().iter().map(|one| (&one["id"], &one["requests"])).collect();
    assert_eq!(told, [(&json!("invoices"), &json!(2)), (&json!("special"), &json!(2))]);
    served.shutdown.cancel();
}

/// What belongs to one connection or to this server alone goes no further; what the service learns of the caller is what was
/// found here.
#[tokio::test]
async fn the_callers_key_never_leaves_and_traces_go_on() {
    let (served, upstream) = with_service(json!({})).await;
    let key = served.app.admin.key.reveal().to_owned();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let answer = ask(&served, "/invoices")
        .header("cookie", format!("key={key}"))
        .header("x-api", "kept")
        .header("connection", "x-private")
        .header("x-private", "of this connection")
        .header("proxy-authorization", key.as_str())
        .header("te", "trailers")
        .header("convoke-user", "somebody else")
        .header("x-forwarded-for", "6.6.6.6")
        .header("forwarded", "for=6.6.6.6")
        .header("x-request-id", "made up")
        .header("traceparent", trace)
        .header("tracestate", "vendor=1")
        .send()
        .await
        .unwrap();
    let asked = upstream.last();
    assert!(!format!("{:?}", asked.headers).contains(&key), "{:?}", asked.headers);
    for gone in ["authorization", "cookie", "x-private", "proxy-authorization", "te", "forwarded", "connection"] {
        assert!(!asked.headers.contains_key(gone), "{gone}: {:?}", asked.headers);
    }
    assert_eq!(asked.header("x-api"), "kept");
    assert_eq!(asked.header("convoke-user"), served.app.admin.user.to_string());
    assert_eq!(asked.header("convoke-tenant"), served.app.admin.tenant.to_string());
    assert_eq!(asked.header("x-forwarded-for"), "127.0.0.1");
    assert_eq!(asked.header("host"), format!("127.0.0.1:{}", upstream.port));
    let id = header(&answer, "x-request-id");
    assert!(asked.header("x-request-id") == id && id != "made up");
    let (given, passed) =
        (TraceContext::parse(trace).unwrap(), TraceContext::parse(asked.header("traceparent")).unwrap());
    assert!(given.trace == passed.trace && given.span != passed.span && passed.sampled);
    assert_eq!(asked.header("tracestate"), "vendor=1");
    for gone in ["set-cookie", "access-control-allow-origin", "x-hop"] {
        assert_eq!(header(&answer, gone), "", "{gone}");
    }
    // Without a trace one begins.
    ask(&served, "/invoices").send().await.unwrap();
    assert!(TraceContext::parse(upstream.last().header("traceparent")).is_some());
    served.shutdown.cancel();
}

#[tokio::test]
async fn it_needs_a_key_with_the_permission() {
    let (served, upstream) = with_service(json!({})).await;
    let app = &served.app;
    let bare = served.bare(Method::GET, "/gateway/invoices");
    assert_eq!(problem(bare).await, (401, "unauthenticated".to_owned()));
    assert_eq!(problem(through(&served, &app.nobody, Method::GET, "/invoices")).await, (403, "forbidden".to_owned()));
    // Another tenant has no such route.
    assert_eq!(problem(through(&served, &app.stranger, Method::GET, "/invoices")).await, (404, "not_found".to_owned()));
    for (limits, get, post) in [
        (json!({ "scopes": ["gateway:read"] }), 200, 403),
        (json!({ "readOnly": true }), 200, 403),
        (json!({ "toolsets": ["identity"] }), 403, 403),
        (json!({ "scopes": ["gateway:read", "gateway:change"] }), 200, 200),
    ] {
        let mut input = json!({ "name": "limited" });
        input.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
        let made = app.call(&app.admin, "api_key_create", input).await.unwrap();
        for (method, expected) in [(Method::GET, get), (Method::POST, post)] {
            let request = served.bare(method.clone(), "/gateway/invoices").bearer_auth(made["key"].as_str().unwrap());
            assert_eq!(request.send().await.unwrap().status(), expected, "{limits} {method}");
        }
    }
    assert_eq!(upstream.times(), 4, "who may not pass is not passed on");
    served.shutdown.cancel();
}

#[tokio::test]
async fn an_open_route_needs_no_key_and_is_the_first_tenants_alone() {
    let (served, _) = with_service(json!({ "authRequired": false, "methods": ["GET"] })).await;
    let bare = |method| served.bare(method, "/gateway/invoices");
    assert_eq!(bare(Method::GET).send().await.unwrap().status(), 200);
    let refused = bare(Method::POST).send().await.unwrap();
    assert_eq!((refused.status(), header(&refused, "allow")), (405.try_into().unwrap(), "GET"));
    let input = json!({ "id": "open", "path": "/open", "target": "x", "authRequired": false });
    let fault = served.app.call(&served.app.stranger, "gateway_route_set", input).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");
    // Out of force it leads nowhere.
    route(&served, json!({ "authRequired": false, "enabled": false })).await;
    assert_eq!(problem(bare(Method::GET)).await.0, 401);
    assert_eq!(problem(ask(&served, "/invoices")).await.0, 404);
    served.shutdown.cancel();
}

#[tokio::test]
async fn a_rate_is_held() {
    let (served, upstream) = with_service(json!({ "rateLimit": "2/min" })).await;
    for expected in [200, 200, 429] {
        let answer = ask(&served, "/invoices").send().await.unwrap();
        assert_eq!(answer.status(), expected);
        if expected == 429 {
            assert_eq!(header(&answer, "retry-after"), "30");
        }
    }
    served.app.clock.advance(Duration::from_secs(30));
    assert_eq!(ask(&served, "/invoices").send().await.unwrap().status(), 200);
    assert_eq!(upstream.times(), 3);
    served.shutdown.cancel();
}

#[tokio::test]
async fn another_instance_is_asked_where_that_is_harmless() {
    let (served, good) = with_service(json!({ "retries": 1, "breakerFailures": 100 })).await;
    let bad = Upstream::start().await;
    bad.answers(503);
    register(&served, &served.app.admin, &bad, "two").await;
    for _ in 0..4 {
        assert_eq!(ask(&served, "/invoices").send().await.unwrap().status(), 200);
    }
    assert_eq!((good.times(), bad.times()), (4, 2), "they take turns");
    // What may have been done is not done again.
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let request = through(&served, &served.app.admin, Method::POST, "/invoices");
        statuses.push(request.send().await.unwrap().status().as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 503]);
    assert_eq!((good.times(), bad.times()), (5, 3));
    served.shutdown.cancel();
}

#[tokio::test]
async fn an_instance_that_keeps_failing_is_left_alone_and_tried_again() {
    let (served, upstream) = with_service(json!({ "retries": 0, "breakerFailures": 2, "breakerSeconds": 10 })).await;
    upstream.answers(503);
    for _ in 0..2 {
        assert_eq!(ask(&served, "/invoices").send().await.unwrap().status(), 503);
    }
    assert_eq!(problem(ask(&served, "/invoices")).await, (503, "service_unavailable".to_owned()));
    assert_eq!(upstream.times(), 2, "it is not asked any more");
    let told = served.app.call(&served.app.admin, "system_services", json!({ "name": "invoicing" })).await.unwrap();
    assert_eq!(told["services"][0]["leftAlone"], 1, "{told}");
    upstream.answers(200);
    served.app.clock.advance(Duration::from_secs(10));
    assert_eq!(ask(&served, "/invoices").send().await.unwrap().status(), 200);
    assert_eq!(ask(&served, "/invoices").send().await.unwrap().status(), 200);
    // A fault of the request says nothing against the instance.
    upstream.answers(500);
    for _ in 0..4 {
        assert_eq!(ask(&served, "/invoices").send().await.unwrap().status(), 500);
    }
    served.shutdown.cancel();
}

#[tokio::test]
async fn silent_and_absent_services_are_told() {
    let (served, upstream) = with_service(json!({ "retries": 0 })).await;
    served.app.clock.advance(Duration::from_hours(2));
    assert_eq!(problem(ask(&served, "/invoices")).await, (503, "service_unavailable".to_owned()));
    assert_eq!(upstream.times(), 0);
    // Nobody listens on the port.
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let input = json!({ "serviceName": "gone", "host": "127.0.0.1", "port": port });
    served.app.call(&served.app.admin, "service_register", input).await.unwrap();
    route(&served, json!({ "target": "gone", "retries": 0 })).await;
    assert_eq!(problem(ask(&served, "/invoices")).await, (503, "service_unavailable".to_owned()));
    let before = served.app.ledger().await.audit;
    let posted = through(&served, &served.app.admin, Method::POST, "/invoices");
    assert_eq!(problem(posted).await.0, 503);
    assert_eq!(served.app.ledger().await.audit, before, "nothing was sent, nothing happened");
    served.shutdown.cancel();
}

#[tokio::test]
async fn what_changes_something_is_in_the_audit_log_also_where_no_answer_came() {
    let (served, _) = with_service(json!({ "timeoutSeconds": 1 })).await;
    ask(&served, "/invoices").send().await.unwrap();
    assert_ne!(served.app.entries(&AUDIT).await.last().unwrap()["action"], "gateway_forward", "reading is not told of");
    through(&served, &served.app.admin, Method::DELETE, "/invoices/7?why=x").send().await.unwrap();
    let entry = served.app.audited().await.pop().unwrap();
    assert_eq!(
        (&entry["action"], &entry["effect"], &entry["outcome"]),
        (&json!("gateway_forward"), &json!("remove"), &json!("done"))
    );
    assert_eq!(
        (&entry["changes"]["path"], &entry["changes"]["answer"]["status"]),
        (&json!("/invoices/7"), &json!(200))
    );
    assert_eq!(entry["actor"], served.app.admin.user.to_string());

    let hanging = Upstream::hanging().await;
    let input = json!({ "serviceName": "slow", "host": "127.0.0.1", "port": hanging.port, "ttlSeconds": 3600 });
    served.app.call(&served.app.admin, "service_register", input).await.unwrap();
    route(&served, json!({ "target": "slow", "timeoutSeconds": 1 })).await;
    let posted = through(&served, &served.app.admin, Method::POST, "/invoices");
    assert_eq!(problem(posted).await, (504, "upstream_timeout".to_owned()));
    assert_eq!(hanging.times(), 1, "it is not sent a second time");
    let entry = served.app.audited().await.pop().unwrap();
    assert_eq!((&entry["action"], &entry["outcome"]), (&json!("gateway_forward"), &json!("unknown")));
    served.shutdown.cancel();
}

/// A name that leads to a private address is refused when it is resolved, whatever was registered.
#[tokio::test]
async fn private_addresses_are_reached_only_where_the_operator_allows_it() {
    let served = Served::start().await;
    let upstream = Upstream::start().await;
    let register = |host: &str| {
        let input = json!({ "serviceName": "invoicing", "instanceId": "one", "host": host, "port": upstream.port });
        served.app.call(&served.app.admin, "service_register", input)
    };
    assert_eq!(register("127.0.0.1").await.unwrap_err().code().name, "address_forbidden");
    register("localhost").await.unwrap();
    route(&served, json!({})).await;
    assert_eq!(problem(ask(&served, "/invoices")).await, (403, "address_forbidden".to_owned()));
    assert_eq!(upstream.times(), 0);
    served.shutdown.cancel();
}

#[tokio::test]
async fn a_credential_of_the_vault_is_carried_and_its_use_is_told() {
    let served = start().await;
    let app = &served.app;
    let upstream = Upstream::start().await;
    register(&served, &app.admin, &upstream, "one").await;
    app.call(&app.admin, "secret_put", json!({ "name": "invoicing", "value": "s3cret" })).await.unwrap();
    let made = app
        .call(&app.admin, "api_key_create", json!({ "name": "routes", "scopes": ["routes:*", "secrets:read"] }))
        .await
        .unwrap();
    let input = json!({
        "id": "invoices", "path": "/invoices", "target": "invoicing", "credential": { "secret": "invoicing" },
    });
    let fault = app.call_by_key(made["key"].as_str().unwrap(), "gateway_route_set", input.clone()).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN) && fault.to_string().contains("secrets:change"), "{fault}");
    app.call(&app.admin, "gateway_route_set", input).await.unwrap();
    let answer = ask(&served, "/invoices").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(upstream.last().header("authorization"), "Bearer s3cret");
    let entry = app.audited().await.pop().unwrap();
    assert_eq!((&entry["action"], &entry["changes"]["for"]), (&json!("secret_use"), &json!("gateway route invoices")));
    route(&served, json!({ "credential": { "secret": "invoicing", "header": "x-key" } })).await;
    ask(&served, "/invoices").send().await.unwrap();
    assert_eq!((upstream.last().header("x-key"), upstream.last().header("authorization")), ("s3cret", ""));
    route(&served, json!({ "credential": { "secret": "not-there" } })).await;
    assert_eq!(problem(ask(&served, "/invoices")).await, (422, "credential_missing".to_owned()));
    served.shutdown.cancel();
}

/// A route that leads back to this server's own gateway ends by itself.
#[tokio::test]
async fn a_circle_is_broken() {
    let served = start().await;
    let input =
        json!({ "serviceName": "self", "host": "127.0.0.1", "port": served.address.port(), "ttlSeconds": 3600 });
    served.app.call(&served.app.admin, "service_register", input).await.unwrap();
    route(&served, json!({ "target": "self", "targetPath": "/gateway/invoices", "authRequired": false, "retries": 0 }))
        .await;
    let answer = served.bare(Method::GET, "/gateway/invoices").send().await.unwrap();
    assert_eq!(answer.status(), 508);
    served.shutdown.cancel();
}

#[tokio::test]
async fn paths_that_mean_two_things_and_bad_terms_are_refused() {
    let (served, upstream) = with_service(json!({})).await;
    for path in ["/invoices/%2e%2e/x", "/invoices//x", "/invoices/%2Fx", "/invoices/a%5cb"] {
        assert_eq!(problem(ask(&served, path)).await.0, 404, "{path}");
    }
    assert_eq!(upstream.times(), 0);
    let large = through(&served, &served.app.admin, Method::POST, "/invoices").body(vec![b'x'; 5 << 20]);
    assert_eq!(problem(large).await, (413, "too_large".to_owned()));
    for (terms, place) in [
        (json!({ "path": "invoices" }), "/path"),
        (json!({ "path": "/" }), "/path"),
        (json!({ "path": "/a/../b" }), "/path"),
        (json!({ "targetPath": "/a//b" }), "/targetPath"),
        (json!({ "target": "x:0" }), "/target"),
        (json!({ "target": "x:70000" }), "/target"),
        (json!({ "rateLimit": "0/min" }), "/rateLimit"),
        (json!({ "rateLimit": "many" }), "/rateLimit"),
        (json!({ "methods": [] }), "/methods"),
        (json!({ "methods": ["TRACE"] }), "/methods/0"),
        (json!({ "timeoutSeconds": 0 }), "/timeoutSeconds"),
        (json!({ "credential": { "secret": "a/b" } }), "/credential/secret"),
        (json!({ "credential": { "secret": "a", "header": "host" } }), "/credential/header"),
        (json!({ "credential": { "secret": "a", "header": "a b" } }), "/credential/header"),
        (json!({ "credential": { "secret": "a", "prefix": "a\r\nb: c" } }), "/credential/prefix"),
    ] {
        let mut input = json!({ "id": "bad", "path": "/bad", "target": "x" });
        input.as_object_mut().unwrap().extend(terms.as_object().unwrap().clone());
        let fault = served.app.call(&served.app.admin, "gateway_route_set", input).await.unwrap_err();
        assert!(
            fault.is(&codes::BAD_INPUT) && fault.places()[0].pointer == place,
            "{terms}: {fault} {:?}",
            fault.places()
        );
    }
    let input = json!({ "id": "second", "path": "/invoices", "target": "x" });
    let fault = served.app.call(&served.app.admin, "gateway_route_set", input).await.unwrap_err();
    assert!(fault.is(&codes::ALREADY_EXISTS), "{fault}");
    served.shutdown.cancel();
}
