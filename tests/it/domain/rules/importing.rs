//! Rule sets from DMN files.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::app::TestApp;

/// A model with a table, a function called by a boxed invocation, a boxed context, a type of its own, a service, and what has no place.
const MODEL: &str = r##"<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" xmlns:dmndi="https://www.omg.org/spec/DMN/20230324/DMNDI/"
    name="Parcels" namespace="urn:parcels" id="parcels">
  <description>What a parcel costs.</description>
  <itemDefinition name="tTier"><typeRef>string</typeRef><allowedValues><text>"gold", "plain"</text></allowedValues></itemDefinition>
  <itemDefinition name="tWeights" isCollection="true"><typeRef>number</typeRef></itemDefinition>
  <inputData id="i1" name="Weights"><variable name="Weights" typeRef="tWeights"/></inputData>
  <inputData id="i2" name="Customer  Tier"><variable name="Customer Tier" typeRef="tTier"/></inputData>
  <businessKnowledgeModel id="b1" name="per kilo">
    <encapsulatedLogic><formalParameter name="kilos" typeRef="number"/>
      <literalExpression><text>if kilos &lt; 5 then 2 else 1.5</text></literalExpression></encapsulatedLogic>
  </businessKnowledgeModel>
  <decision id="d1" name="Total">
    <variable name="Total" typeRef="number"/>
    <informationRequirement><requiredInput href="#i1"/></informationRequirement>
    <literalExpression><text>sum(Weights)</text></literalExpression>
  </decision>
  <decision id="d2" name="Discount">
    <question>How much is taken off?</question>
    <informationRequirement><requiredInput href="#i2"/></informationRequirement>
    <informationRequirement><requiredDecision href="#d1"/></informationRequirement>
    <decisionTable hitPolicy="COLLECT" aggregation="MAX">
      <input label="Tier"><inputExpression typeRef="tTier"><text>Customer Tier</text></inputExpression></input>
      <input><inputExpression><text>Total</text></inputExpression></input>
      <output name="off"><defaultOutputEntry><text>0</text></defaultOutputEntry></output>
      <annotation name="why"/>
      <rule><inputEntry><text>"gold"</text></inputEntry><inputEntry><text></text></inputEntry><outputEntry><text>0.1</text></outputEntry>
        <annotationEntry><text>gold</text></annotationEntry></rule>
      <rule><inputEntry><text>-</text></inputEntry><inputEntry><text>&gt; 100</text></inputEntry><outputEntry><text>0.2</text></outputEntry></rule>
    </decisionTable>
  </decision>
  <decision id="d3" name="Price">
    <informationRequirement><requiredDecision href="#d1"/></informationRequirement>
    <informationRequirement><requiredDecision href="#d2"/></informationRequirement>
    <knowledgeRequirement><requiredKnowledge href="#b1"/></knowledgeRequirement>
    <context>
      <contextEntry><variable name="each"/><invocation><literalExpression><text>per kilo</text></literalExpression>
        <binding><parameter name="kilos"/><literalExpression><text>Total</text></literalExpression></binding></invocation></contextEntry>
      <contextEntry><conditional><if><literalExpression><text>Total = 0</text></literalExpression></if>
        <then><literalExpression><text>0</text></literalExpression></then>
        <else><literalExpression><text>Total * each * (1 - Discount)</text></literalExpression></else></conditional></contextEntry>
    </context>
  </decision>
  <decisionService id="s1" name="pricing"><outputDecision href="#d3"/><encapsulatedDecision href="#d1"/></decisionService>
  <knowledgeSource id="k1" name="The tariff"/>
  <dmndi:DMNDI/>
</definitions>"##;

#[tokio::test]
async fn a_model_becomes_a_rule_set_and_what_has_no_place_is_named() {
    let app = TestApp::start().await;
    let tests = json!([{ "name": "gold", "inputs": { "Weights": [1, 3], "Customer Tier": "gold" }, "expect": { "Price": 7.2 } }]);
    let dry = app.call(&app.member, "rule_import", json!({ "xml": MODEL, "dryRun": true })).await.unwrap();
    assert!(dry.get("version").is_none());
    let made = app.call(&app.member, "rule_import", json!({ "xml": MODEL, "tests": tests })).await.unwrap();
    assert_eq!((&made["ruleSetId"], &made["version"], &made["findings"]), (&json!("parcels"), &json!(1), &json!([])));
    let inputs = json!([
        { "name": "Weights", "type": "list<number>" },
        { "name": "Customer Tier", "type": "string", "allowed": "\"gold\", \"plain\"" },
    ]);
    assert_eq!(made["inputs"], inputs);
    assert_eq!(made["decisions"][1]["description"], "How much is taken off?");
    assert_eq!(made["decisions"][1]["logic"]["table"]["rules"][0]["note"], "gold");
    let outside: Vec<(&str, u64)> = made["outside"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["element"].as_str().unwrap(), one["line"].as_u64().unwrap()))
        .collect();
    assert_eq!(outside, [("knowledgeSource", 45), ("DMNDI", 46)]);
    let heavy = json!({ "id": "parcels", "inputs": { "Weights": [100, 20], "Customer Tier": "gold" } });
    let told = app.call(&app.member, "rule_evaluate", heavy).await.unwrap();
    assert_eq!(told["result"], json!(144));
    let wrong = json!({ "id": "parcels", "inputs": { "Weights": ["x"], "Customer Tier": "tin" } });
    let fault = app.call(&app.member, "rule_evaluate", wrong).await.unwrap_err();
    let places: Vec<&str> = fault.places().iter().map(|place| place.pointer.as_str()).collect();
    assert_eq!(places, ["/inputs/Weights/0", "/inputs/Customer Tier"]);
    for older in ["20191111", "20211108"] {
        let xml = MODEL.replace("20230324/MODEL", &format!("{older}/MODEL"));
        let input = json!({ "xml": xml, "name": format!("Parcels {older}") });
        assert_eq!(app.call(&app.member, "rule_import", input).await.unwrap()["version"], 1);
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_soon_with_its_line_and_nothing_is_kept() {
    let app = TestApp::start().await;
    let laughs = "<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;\">]><definitions>&b;</definitions>".to_owned();
    let outside = "<!DOCTYPE d [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>\n<definitions>&x;</definitions>".to_owned();
    let deep = format!("{}{}", "<definitions>".repeat(20_000), "</definitions>".repeat(20_000));
    let cases = [
        (laughs, 1, "document type"),
        (outside, 1, "document type"),
        (deep, 1, "within each other"),
        (MODEL.replace("20230324/MODEL", "20150101/MODEL"), 2, "DMN 1.3, 1.4 or 1.5"),
        ("<bpmn/>".to_owned(), 1, "outermost"),
        (MODEL.replace("</definitions>", ""), 2, "does not end"),
        (MODEL.replace("href=\"#b1\"", "href=\"#b9\""), 35, "not in the file"),
        (MODEL.replace("hitPolicy=\"COLLECT\"", "hitPolicy=\"MOSTLY\""), 22, "no hit policy"),
        (MODEL.replace("<encapsulatedLogic>", "<encapsulatedLogic kind=\"Java\">"), 10, "other languages"),
        (
            MODEL.replace("<description>", "<import namespace=\"urn:x\" importType=\"y\" name=\"x\"/><description>"),
            4,
            "another file",
        ),
    ];
    for (xml, line, why) in cases {
        let begun = Instant::now();
        let fault = app.call(&app.member, "rule_import", json!({ "xml": xml })).await.unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(5), "{why}: {:?}", begun.elapsed());
        assert_eq!(fault.code().name, "dmn_unreadable", "{fault}");
        let part = &fault.detail().unwrap()["parts"][0];
        assert!(part["say"].as_str().unwrap().contains(why), "{part}: {why}");
        assert_eq!(part["line"], line, "{part}");
    }
    // An expression that is none has its place in what came of the file.
    let broken = MODEL.replace("sum(Weights)", "sum(Weights");
    let fault = app.call(&app.member, "rule_import", json!({ "xml": broken })).await.unwrap_err();
    assert_eq!(fault.detail().unwrap()["parts"][0]["place"], "/decisions/0/logic/expression");
    let nothing = app.call(&app.member, "rule_get", json!({ "id": "parcels" })).await;
    assert!(nothing.is_err(), "{:?}", nothing.map(|one: Value| one["ruleSetId"].clone()));
}
