//! Types told and fields read, by rules and by a model whose words are held against the document.

use serde_json::{Value, json};

use super::{base64, file};
use crate::support::app::TestApp;
use crate::support::scripted::Act;

async fn uploaded(app: &TestApp, name: &str) -> Value {
    let input = json!({ "name": name, "document": base64(&file(name)) });
    app.call(&app.member, "document_upload", input).await.unwrap()["documentId"].clone()
}

#[tokio::test]
async fn an_invoice_is_read_out_with_places() {
    let app = TestApp::start().await;
    let id = uploaded(&app, "invoice.pdf").await;
    let told = app.call(&app.member, "document_extract", json!({ "id": id, "method": "statistical" })).await.unwrap();
    assert_eq!((&told["type"], &told["method"]), (&json!("invoice"), &json!("statistical")));
    let data = &told["extractedData"];
    for (name, expected) in [
        ("invoiceNumber", json!("INV-2025-001")),
        ("invoiceDate", json!("2025-01-15")),
        ("dueDate", json!("2025-02-14")),
        ("vendor", json!("Supplier Inc.")),
        ("customer", json!("Northwind Traders Ltd")),
        ("netAmount", json!(1260.5)),
        ("taxAmount", json!(239.5)),
        ("amount", json!(1500.0)),
        ("currency", json!("EUR")),
        ("vatId", json!("GB123456789")),
        ("iban", json!("DE89370400440532013000")),
    ] {
        assert_eq!(data[name], expected, "{name} of {data}");
    }
    assert_eq!(data["lines"][1]["unitPrice"], 25.0);
    // Every place leads to its words.
    let text = app.call(&app.member, "document_get", json!({ "id": id })).await.unwrap();
    let letters: Vec<char> = text["text"].as_str().unwrap().chars().collect();
    let all = told["fields"].as_array().unwrap().iter().chain(told["entities"].as_array().unwrap());
    for one in all {
        let place = |name: &str| usize::try_from(one[name].as_u64().unwrap()).unwrap();
        let (offset, length) = (place("offset"), place("length"));
        let words: String = letters[offset..offset + length].iter().collect();
        assert_eq!((&json!(words), &one["page"]), (&one["text"], &json!(1)), "{one}");
    }
    assert_eq!(text["extracted"]["data"], *data, "it is kept with the document");
    let kinds: Vec<&str> =
        told["entities"].as_array().unwrap().iter().map(|one| one["kind"].as_str().unwrap()).collect();
    for kind in ["email", "iban", "amount", "date", "percentage", "phone", "organisation", "vat_id"] {
        assert!(kinds.contains(&kind), "{kind} of {kinds:?}");
    }
}

#[tokio::test]
async fn a_contract_is_read_and_only_what_is_wanted() {
    let app = TestApp::start().await;
    let id = uploaded(&app, "agreement.docx").await;
    let input = json!({ "id": id, "method": "statistical", "extractionConfig": { "entities": ["parties", "effective_date", "term", "governingLaw"] } });
    let told = app.call(&app.member, "document_extract", input).await.unwrap();
    assert_eq!(told["type"], "contract");
    assert_eq!(
        told["extractedData"],
        json!({ "effectiveDate": "2025-03-01", "governingLaw": "England and Wales", "parties": ["Alder Works GmbH", "Birch & Sons Ltd"], "term": "24 months" })
    );
    assert_eq!(told["entities"], json!([]));
    let unknown = json!({ "id": id, "extractionConfig": { "entities": ["term", "colour"] } });
    let refused = app.call(&app.member, "document_extract", unknown).await.unwrap_err();
    assert_eq!(refused.places()[0].pointer, "/extractionConfig/entities/1");
}

#[tokio::test]
async fn what_a_model_makes_up_is_not_verified() {
    let app = TestApp::start().await;
    let id = uploaded(&app, "invoice.pdf").await;
    app.vendor.tell(
        "large",
        [Act::Say(
            r#"```json
        {"invoiceNumber": {"value": "INV-2025-001", "text": "INV-2025-001", "confidence": 0.99},
         "vendor": {"value": "Nobody Ltd", "text": "Nobody Ltd", "confidence": 0.99}, "amount": null,
         "netAmount": {"value": 9999, "text": "Subtotal: €1,260.50", "confidence": 0.99}}
        ```"#,
            None,
        )],
    );
    let input = json!({ "id": id, "model": "test/large" });
    let told = app.call(&app.member, "document_extract", input).await.unwrap();
    assert_eq!(told["method"], "model");
    let field = |name: &str| told["fields"].as_array().unwrap().iter().find(|one| one["name"] == name).cloned();
    let number = field("invoiceNumber").unwrap();
    assert_eq!((&number["verified"], &number["page"], &number["confidence"]), (&json!(true), &json!(1), &json!(0.99)));
    let vendor = field("vendor").unwrap();
    assert_eq!(
        (&vendor["verified"], &vendor["confidence"], &vendor["length"]),
        (&json!(false), &json!(0.3), &json!(0))
    );
    assert!(field("amount").is_none());
    // The words stand there, and say something else.
    let net = field("netAmount").unwrap();
    assert_eq!((&net["verified"], &net["confidence"]), (&json!(false), &json!(0.3)), "{net}");
    app.vendor.tell("large", [Act::Say("I would rather not.", None)]);
    let refused = app
        .call(&app.member, "document_extract", json!({ "id": id, "method": "model", "model": "test/large" }))
        .await
        .unwrap_err();
    assert_eq!(refused.code().name, "document_model_unfit");
    // Where nobody insisted on a model rules tell what it does not.
    app.vendor.tell("small", [Act::Say("I would rather not.", None)]);
    let told = app.call(&app.member, "document_extract", json!({ "id": id })).await.unwrap();
    assert_eq!(told["method"], "statistical");
}

#[tokio::test]
async fn types_are_told_by_words_or_by_a_model() {
    let app = TestApp::start().await;
    let classify = |input: Value| app.call(&app.member, "document_classify", input);
    let told = classify(json!({ "document": base64(&file("agreement.docx")), "method": "statistical" })).await.unwrap();
    assert_eq!((&told["type"], &told["method"]), (&json!("contract"), &json!("statistical")));
    assert!(told["signals"].as_array().unwrap().contains(&json!("agreement")));
    let told = classify(json!({ "document": base64(&file("plans.pptx")), "method": "statistical" })).await.unwrap();
    assert_eq!(told["type"], "presentation");
    app.vendor.tell("large", [Act::Say(r#"{"type": "letter", "confidence": 0.8}"#, None)]);
    let told = classify(json!({ "text": "Dear all", "model": "test/large" })).await.unwrap();
    assert_eq!((&told["type"], &told["confidence"], &told["method"]), (&json!("letter"), &json!(0.8), &json!("model")));
    assert_eq!(classify(json!({})).await.unwrap_err().places()[0].pointer, "/documentId");
}
