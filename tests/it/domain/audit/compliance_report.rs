//! `compliance_report`: figures and evidence from real entries.

use std::time::Duration;

use convoke::domain::audit::erasure::carry_out;
use convoke::kernel::codes;
use serde_json::{Value, json};

use crate::support::app::TestApp;

async fn with_deeds() -> TestApp {
    let app = TestApp::start().await;
    let user = app.call(&app.admin, "user_create", json!({ "email": "one@example.org" })).await.unwrap();
    app.call(&app.admin, "role_assign", json!({ "userId": user["id"], "role": "reviewer" })).await.unwrap();
    let key = app.call(&app.member, "api_key_create", json!({ "name": "mine" })).await.unwrap();
    app.call(&app.member, "api_key_revoke", json!({ "id": key["id"] })).await.unwrap();
    let record = json!({ "action": "<b>deed</b>", "resourceType": "thing" });
    assert!(app.call(&app.admin, "audit_record", record).await.is_err());
    app.call(&app.admin, "gdpr_delete_request", json!({ "subjectId": user["id"] })).await.unwrap();
    app.chained().await;
    app
}

async fn report(app: &TestApp, template: &str) -> Value {
    let input = json!({ "template": template, "from": "2026-11-01T00:00:00Z", "to": "2026-12-31T00:00:00Z" });
    app.call(&app.admin, "compliance_report", input).await.unwrap()
}

fn control<'a>(report: &'a Value, number: &str) -> &'a Value {
    report["controls"].as_array().unwrap().iter().find(|one| one["control"] == number).unwrap()
}

#[tokio::test]
async fn figures_and_evidence_are_those_of_the_log() {
    let app = with_deeds().await;
    let soc = report(&app, "soc2").await;
    assert_eq!((&soc["entries"], &soc["actors"], &soc["score"]), (&json!(5), &json!(2), &json!(100)));
    assert_eq!(control(&soc, "CC6.1")["finding"], "2 keys made, revoked or reset by 1 person.");
    let rights = control(&soc, "CC6.3");
    assert_eq!(rights["evidence"][0]["action"], "role_assign");
    let found = app.call(&app.admin, "audit_query", json!({ "requestId": rights["evidence"][0]["requestId"] })).await;
    assert_eq!(found.unwrap()["items"][0]["action"], "role_assign");
    assert_eq!(control(&soc, "PI1.5")["status"], "fits");
    assert!(soc["checkpoint"].as_str().unwrap().starts_with("convoke.audit/"));

    let gdpr = report(&app, "gdpr").await;
    assert_eq!(gdpr["erasures"][0]["state"], "waiting");
    assert!(
        control(&gdpr, "Art. 17")["finding"].as_str().unwrap().starts_with("1 requests for erasure: 0 carried out")
    );
    app.clock.advance(Duration::from_hours(24 * 30));
    carry_out(app.app.platform()).await.unwrap();
    assert!(control(&report(&app, "gdpr").await, "Art. 17")["finding"].as_str().unwrap().contains("1 carried out"));

    app.call(&app.admin, "retention_policy_set", json!({ "complianceDays": 365 })).await.unwrap();
    let hipaa = report(&app, "hipaa").await;
    assert_eq!(control(&hipaa, "164.316(b)(2)(i)")["status"], "look", "six years are demanded");
}

#[tokio::test]
async fn a_forged_log_is_told_in_the_report() {
    let app = with_deeds().await;
    app.tamper("UPDATE l_audit SET body = replace(body, 'role_assign', 'role_asylum') WHERE position = 2");
    let integrity = control(&report(&app, "hipaa").await, "164.312(b)").clone();
    assert_eq!(integrity["status"], "look");
    assert!(integrity["finding"].as_str().unwrap().contains("entry 2"), "{integrity}");
}

#[tokio::test]
async fn documents_hold_the_same_and_what_is_in_entries_stays_text() {
    let app = with_deeds().await;
    let input = |format: &str| json!({ "template": "soc2", "from": "2026-11-01T00:00:00Z", "format": format });
    app.clock.advance(Duration::from_secs(1));
    let markdown = app.call(&app.admin, "compliance_report", input("markdown")).await.unwrap();
    let text = markdown["document"].as_str().unwrap();
    assert!(
        text.starts_with("# SOC 2 report") && text.contains("| CC6.3 |") && text.contains("`role_assign`"),
        "{text}"
    );
    let html = app.call(&app.admin, "compliance_report", input("html")).await.unwrap();
    let page = html["document"].as_str().unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("<td>CC6.3</td>") && page.ends_with("</html>\n"));
    assert!(!page.contains("example.org"), "what is sealed is not in a report");
    assert!(app.call(&app.admin, "compliance_report", input("json")).await.unwrap().get("document").is_none());
}

#[tokio::test]
async fn only_the_own_tenant_the_period_and_only_with_the_permission() {
    let app = with_deeds().await;
    let theirs = app.call(
        &app.stranger,
        "compliance_report",
        json!({ "template": "gdpr", "from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z" }),
    );
    let theirs = theirs.await.unwrap();
    assert_eq!((&theirs["entries"], &theirs["erasures"]), (&json!(0), &json!([])));
    let before = json!({ "template": "gdpr", "from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z" });
    assert_eq!(app.call(&app.admin, "compliance_report", before).await.unwrap()["entries"], 0);
    let fault =
        app.call(&app.nobody, "compliance_report", json!({ "template": "gdpr", "from": "2026-01-01T00:00:00Z" }));
    assert!(fault.await.unwrap_err().is(&codes::FORBIDDEN));
    for (input, pointer) in [
        (json!({ "template": "iso", "from": "2026-01-01T00:00:00Z" }), "/template"),
        (json!({ "template": "gdpr", "from": "2027-01-01T00:00:00Z" }), "/from"),
        (json!({ "template": "gdpr", "from": "2026-01-01T00:00:00Z", "format": "pdf" }), "/format"),
    ] {
        let fault = app.call(&app.admin, "compliance_report", input.clone()).await.unwrap_err();
        assert!(fault.is(&codes::BAD_INPUT), "{input}: {fault}");
        assert_eq!(fault.places()[0].pointer, pointer, "{input}");
    }
}
