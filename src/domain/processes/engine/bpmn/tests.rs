//! What is written is read back the same; what other tools write is read, and what is beyond the subset is named.

use serde_json::json;

use super::*;
use crate::domain::processes::engine::by_chance::{Chance, by_chance, every_type, large, node};
use crate::domain::processes::engine::definition::Definition;
use crate::domain::processes::engine::layout::lay_out;

fn written(definition: &Definition, name: &str) -> String {
    export(definition, &lay_out(definition), About { id: "my-process", name, description: name })
}

fn read(text: &str) -> Imported {
    match import(text) {
        Ok(imported) => imported,
        Err(Refused::Broken(broken)) => panic!("{broken:?}\n{text}"),
        Err(Refused::Outside(outside)) => panic!("{outside:#?}\n{text}"),
    }
}

fn same(definition: &Definition, name: &str, why: &str) {
    let mut named = definition.clone();
    named.name_edges();
    let text = written(&named, name);
    let imported = read(&text);
    assert_eq!(
        (imported.id.as_str(), imported.name.as_str(), imported.description.as_str()),
        ("my-process", name, name)
    );
    assert_eq!(imported.outside, [], "{why}");
    for (read, was) in imported.definition.nodes.iter().zip(&named.nodes) {
        assert_eq!(read, was, "{why}\n{text}");
    }
    assert_eq!(imported.definition, named, "{why}\n{text}");
}

#[test]
fn what_is_written_is_read_back_the_same() {
    same(&every_type(), "Every type", "every type");
    for seed in 0..300 {
        same(&by_chance(seed), "Any \u{0}<&> \"name\"", &format!("seed {seed}"));
    }
}

#[test]
fn what_is_done_for_each_may_be_another_process() {
    let mut definition = every_type();
    definition.nodes[11] = node("one", "sub_process", json!({ "processId": "billing" }));
    same(&definition, "x", "a process for each");
    let nobody = definition.nodes[1].config.remove("assignee").unwrap();
    assert_eq!(nobody, "manager");
    same(&definition, "x", "a task of nobody");
}

#[test]
fn what_is_too_long_is_cut_and_that_is_told() {
    let long = "x".repeat(3_000);
    let text = format!(
        "<definitions xmlns=\"{MODEL}\"><process id='p'><documentation>{long}</documentation><task id='{long}' name='{long}'/></process></definitions>"
    );
    let imported = read(&text);
    let node = &imported.definition.nodes[0];
    assert_eq!((node.id.len(), node.name.len(), imported.description.len()), (64, 200, 2_000));
    let told: Vec<_> = imported.outside.iter().map(|one| one.say.as_str()).collect();
    assert_eq!(told[1..], ["the name is cut after 200 characters", "the documentation is cut after 2000 characters"]);
    assert!(imported.outside.iter().all(|one| one.id.as_ref().unwrap().len() <= 200));
}

#[test]
fn a_change_in_the_file_counts_and_the_rest_is_kept() {
    let mut definition = every_type();
    definition.name_edges();
    let text = written(&definition, "x");
    let changed = text
        .replace("name=\"Ask the manager\"", "name=\"Ask the boss\"")
        .replace(">PT5M<", ">PT9M<")
        .replace("amount &gt; 100 and topic != &quot;&lt;none&gt;&quot;<", "amount &gt; 200<")
        .replace("errorCode=\"rejected\"", "errorCode=\"refused\"")
        .replace("cancelActivity=\"false\"", "");
    let read = read(&changed).definition;
    let ask = read.node("ask").unwrap();
    assert_eq!(ask.name, "Ask the boss");
    assert_eq!((&ask.retry, &ask.config), (&definition.nodes[1].retry, &definition.nodes[1].config));
    assert_eq!(read.node("pause").unwrap().config["after"], "PT9M");
    assert_eq!(read.node("failed").unwrap().config["code"], "refused");
    assert_eq!(read.node("late").unwrap().config["interrupting"], true);
    assert_eq!(read.edges[2].condition.as_deref(), Some("amount > 200"));
}

/// As the Modeler of Camunda writes.
const CAMUNDA: &str = r##"<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI" xmlns:dc="http://www.omg.org/spec/DD/20100524/DC" xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" xmlns:modeler="http://camunda.org/schema/modeler/1.0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:bioc="http://bpmn.io/schema/bpmn/biocolor/1.0" id="Definitions_1" targetNamespace="http://bpmn.io/schema/bpmn" exporter="Camunda Modeler" exporterVersion="5.20.0" modeler:executionPlatform="Camunda Cloud">
  <bpmn:collaboration id="Collaboration_0x">
    <bpmn:participant id="Participant_1" name="Expenses" processRef="Process_1x9" />
    <bpmn:participant id="Participant_2" name="Bank" />
    <bpmn:messageFlow id="Flow_m" sourceRef="Participant_2" targetRef="Event_1.wait" />
  </bpmn:collaboration>
  <bpmn:process id="Process_1x9" isExecutable="true">
    <bpmn:documentation>Pays what was spent.</bpmn:documentation>
    <bpmn:laneSet id="LaneSet_1">
      <bpmn:lane id="Lane_0a" name="Manager"><bpmn:flowNodeRef>Activity_0abc</bpmn:flowNodeRef><bpmn:flowNodeRef>Gateway_0abc</bpmn:flowNodeRef></bpmn:lane>
      <bpmn:lane id="Lane_0b" name="Books"><bpmn:flowNodeRef>Activity_pay</bpmn:flowNodeRef></bpmn:lane>
    </bpmn:laneSet>
    <bpmn:startEvent id="StartEvent_1" name="Expense came"><bpmn:outgoing>Flow_1</bpmn:outgoing></bpmn:startEvent>
    <bpmn:sequenceFlow id="Flow_1" sourceRef="StartEvent_1" targetRef="Activity_0abc" />
    <bpmn:userTask id="Activity_0abc" name="Approve">
      <bpmn:extensionElements><zeebe:assignmentDefinition assignee="anna" candidateGroups="bosses, heads" /><zeebe:formDefinition formId="x" /></bpmn:extensionElements>
      <bpmn:incoming>Flow_1</bpmn:incoming>
    </bpmn:userTask>
    <bpmn:sequenceFlow id="Flow_2" sourceRef="Activity_0abc" targetRef="Gateway_0abc" />
    <bpmn:exclusiveGateway id="Gateway_0abc" name="All well?" default="Flow_no" />
    <bpmn:sequenceFlow id="Flow_yes" name="yes" sourceRef="Gateway_0abc" targetRef="Activity_pay"><bpmn:conditionExpression xsi:type="bpmn:tFormalExpression">=amount &lt; 100</bpmn:conditionExpression></bpmn:sequenceFlow>
    <bpmn:sequenceFlow id="Flow_no" sourceRef="Gateway_0abc" targetRef="Event_no" />
    <bpmn:serviceTask id="Activity_pay" name="Pay each">
      <bpmn:extensionElements><zeebe:taskDefinition type="bank_pay" /></bpmn:extensionElements>
      <bpmn:multiInstanceLoopCharacteristics><bpmn:extensionElements><zeebe:loopCharacteristics inputCollection="=positions" inputElement="position" /></bpmn:extensionElements></bpmn:multiInstanceLoopCharacteristics>
    </bpmn:serviceTask>
    <bpmn:sequenceFlow id="Flow_3" sourceRef="Activity_pay" targetRef="Event_1.wait" />
    <bpmn:intermediateCatchEvent id="Event_1.wait" name="Bank says so"><bpmn:messageEventDefinition id="MED" messageRef="Message_1" /></bpmn:intermediateCatchEvent>
    <bpmn:sequenceFlow id="Flow_4" sourceRef="Event_1.wait" targetRef="Event_end" />
    <bpmn:endEvent id="Event_end" />
    <bpmn:endEvent id="Event_no"><bpmn:errorEventDefinition id="EED" errorRef="Error_1" /></bpmn:endEvent>
    <bpmn:boundaryEvent id="Event_late" cancelActivity="false" attachedToRef="Activity_0abc"><bpmn:timerEventDefinition id="TED"><bpmn:timeCycle xsi:type="bpmn:tFormalExpression">R3/P1D</bpmn:timeCycle></bpmn:timerEventDefinition></bpmn:boundaryEvent>
    <bpmn:sequenceFlow id="Flow_5" sourceRef="Event_late" targetRef="Event_end" />
    <bpmn:textAnnotation id="TextAnnotation_1"><bpmn:text>To be done</bpmn:text></bpmn:textAnnotation>
    <bpmn:association id="Association_1" sourceRef="Activity_0abc" targetRef="TextAnnotation_1" />
  </bpmn:process>
  <bpmn:message id="Message_1" name="paid"><bpmn:extensionElements><zeebe:subscription correlationKey="=orderId" /></bpmn:extensionElements></bpmn:message>
  <bpmn:error id="Error_1" name="Refused" errorCode="refused" />
  <bpmndi:BPMNDiagram id="BPMNDiagram_1"><bpmndi:BPMNPlane id="BPMNPlane_1" bpmnElement="Collaboration_0x"><bpmndi:BPMNShape id="s" bpmnElement="Activity_0abc" bioc:stroke="#831311"><dc:Bounds x="1" y="1" width="100" height="80" /></bpmndi:BPMNShape></bpmndi:BPMNPlane></bpmndi:BPMNDiagram>
</bpmn:definitions>"##;

#[test]
fn a_file_of_camundas_modeler_is_read() {
    let imported = read(CAMUNDA);
    assert_eq!(
        (imported.id.as_str(), imported.name.as_str(), imported.description.as_str()),
        ("Process_1x9", "Expenses", "Pays what was spent.")
    );
    let told = serde_json::to_value(&imported.definition).unwrap();
    assert_eq!(
        told,
        json!({
            "nodes": [
                { "id": "StartEvent_1", "type": "start", "name": "Expense came" },
                { "id": "Activity_0abc", "type": "human_task", "name": "Approve", "lane": "Lane_0a", "config": { "assignee": "anna", "candidateGroups": ["bosses", "heads"] } },
                { "id": "Gateway_0abc", "type": "exclusive", "name": "All well?", "lane": "Lane_0a" },
                { "id": "Activity_pay", "type": "for_each", "name": "Pay each", "lane": "Lane_0b", "config": { "as": "position", "items": "=positions", "node": "Activity_pay_each", "mode": "parallel" } },
                { "id": "Activity_pay_each", "type": "tool", "config": { "tool": "bank_pay" } },
                { "id": "Event_1_wait", "type": "wait", "name": "Bank says so", "config": { "message": "paid", "correlationKey": "=orderId" } },
                { "id": "Event_end", "type": "end" },
                { "id": "Event_no", "type": "end", "config": { "kind": "error", "code": "refused" } },
                { "id": "Event_late", "type": "boundary_timeout", "config": { "attachedTo": "Activity_0abc", "interrupting": false, "after": "P1D", "times": 3 } },
            ],
            "edges": [
                { "id": "Flow_1", "from": "StartEvent_1", "to": "Activity_0abc" },
                { "id": "Flow_2", "from": "Activity_0abc", "to": "Gateway_0abc" },
                { "id": "Flow_yes", "from": "Gateway_0abc", "to": "Activity_pay", "name": "yes", "condition": "=amount < 100" },
                { "id": "Flow_no", "from": "Gateway_0abc", "to": "Event_no", "default": true },
                { "id": "Flow_3", "from": "Activity_pay", "to": "Event_1_wait" },
                { "id": "Flow_4", "from": "Event_1_wait", "to": "Event_end" },
                { "id": "Flow_5", "from": "Event_late", "to": "Event_end" },
            ],
            "lanes": [{ "id": "Lane_0a", "name": "Manager" }, { "id": "Lane_0b", "name": "Books" }],
        })
    );
    let mut outside: Vec<_> = imported
        .outside
        .iter()
        .map(|one| (one.element.as_str(), one.id.as_deref().unwrap_or(""), one.effect))
        .collect();
    outside.sort_unstable_by_key(|one| one.0);
    assert_eq!(
        outside,
        [
            ("BPMNDiagram", "BPMNDiagram_1", Effect::None),
            ("association", "Association_1", Effect::None),
            ("formDefinition", "Activity_0abc", Effect::None),
            ("messageFlow", "Flow_m", Effect::None),
            ("participant", "Participant_2", Effect::None),
            ("textAnnotation", "TextAnnotation_1", Effect::None),
        ]
    );
    assert_eq!(imported.outside.iter().find(|one| one.element == "messageFlow").unwrap().line, 6);
}

/// As other tools write: the namespace without a prefix, or with another.
#[test]
fn prefixes_do_not_matter_and_what_is_to_be_done_is_said() {
    let text = r#"<bpmn2:definitions xmlns:bpmn2="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:camunda="http://camunda.org/schema/1.0/bpmn">
<bpmn2:process id="_1-a.b" name="Any">
<bpmn2:startEvent id="_2"><bpmn2:messageEventDefinition/></bpmn2:startEvent>
<bpmn2:task id="_3" name="Do it"/>
<bpmn2:manualTask id="_4" camunda:asyncBefore="true"/>
<bpmn2:serviceTask id="_5" camunda:topic="mail"/>
<bpmn2:scriptTask id="_6" scriptFormat="groovy"><bpmn2:script>x = 1</bpmn2:script></bpmn2:scriptTask>
<bpmn2:businessRuleTask id="_7" camunda:decisionRef="limits"/>
<bpmn2:receiveTask id="_8" messageRef="m"/>
<bpmn2:callActivity id="_9" calledElement="other"/>
<bpmn2:exclusiveGateway id="_10"/>
<bpmn2:endEvent id="_11"/>
<bpmn2:sequenceFlow id="f" sourceRef="_10" targetRef="_11"><bpmn2:conditionExpression>${a == 1}</bpmn2:conditionExpression></bpmn2:sequenceFlow>
</bpmn2:process><bpmn2:message id="m" name="hello"/></bpmn2:definitions>"#;
    let imported = read(text);
    let kinds: Vec<_> = imported.definition.nodes.iter().map(|node| node.kind.as_str()).collect();
    assert_eq!(
        kinds,
        ["start", "human_task", "human_task", "tool", "script", "decision", "wait", "sub_process", "exclusive", "end"]
    );
    let todo: Vec<_> = imported
        .outside
        .iter()
        .filter(|one| one.effect == Effect::Todo)
        .map(|one| (one.element.as_str(), one.line))
        .collect();
    assert_eq!(
        todo,
        [("messageEventDefinition", 3), ("task", 4), ("manualTask", 5), ("scriptTask", 7), ("conditionExpression", 13)]
    );
    assert!(imported.outside.iter().any(|one| one.effect == Effect::None && one.say.contains("asyncBefore")));
    let plain = text.replace("bpmn2:", "").replace("xmlns:bpmn2", "xmlns");
    assert_eq!(read(&plain).definition, imported.definition);
}

#[test]
fn what_would_change_the_flow_is_refused_by_name() {
    for (inner, element) in [
        ("<subProcess id='s'><startEvent id='x'/></subProcess>", "subProcess"),
        ("<eventBasedGateway id='s'/>", "eventBasedGateway"),
        ("<complexGateway id='s'/>", "complexGateway"),
        ("<intermediateThrowEvent id='s'><messageEventDefinition/></intermediateThrowEvent>", "intermediateThrowEvent"),
        (
            "<intermediateCatchEvent id='s'><conditionalEventDefinition/></intermediateCatchEvent>",
            "intermediateCatchEvent",
        ),
        ("<endEvent id='s'><escalationEventDefinition/></endEvent>", "endEvent"),
        ("<task id='s'><standardLoopCharacteristics/></task>", "standardLoopCharacteristics"),
        ("<boundaryEvent id='s' attachedToRef='nowhere'><timerEventDefinition/></boundaryEvent>", "boundaryEvent"),
        (
            "<task id='t'/><boundaryEvent id='s' attachedToRef='t'><signalEventDefinition/></boundaryEvent>",
            "boundaryEvent",
        ),
        ("<task id='s'/><sequenceFlow id='f' sourceRef='s' targetRef='nowhere'/>", "sequenceFlow"),
        ("<task id='s'/><task id='s'/>", "task"),
        ("<somethingNew id='s'/>", "somethingNew"),
        ("</process><process id='q'><task id='u'/>", "process"),
    ] {
        let text = format!(
            "<definitions xmlns=\"{MODEL}\">\n<process id='p'><task id='first'/>\n{inner}</process></definitions>"
        );
        let Err(Refused::Outside(outside)) = import(&text) else { panic!("{inner}") };
        assert_eq!((outside[0].element.as_str(), outside[0].effect), (element, Effect::Flow), "{inner}");
        assert!(outside[0].line == 3 && outside[0].id.is_some(), "{inner}: {outside:?}");
    }
}

#[test]
fn what_is_no_bpmn_is_refused_at_its_place_and_quickly() {
    let before = std::time::Instant::now();
    let laughs =
        "<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;\">]>\n<definitions>&lol2;</definitions>";
    let many = format!(
        "<definitions xmlns=\"{MODEL}\"><process id='p'>{}</process></definitions>",
        "<task id='a'/>".repeat(10_000)
    );
    let wide =
        format!("<definitions xmlns=\"{MODEL}\"><process id='p'>{}</process></definitions>", "<group/>".repeat(90_000));
    for (text, say) in [
        (laughs, "DOCTYPE"),
        ("<definitions/>", "not <definitions> of"),
        ("<html></html>", "<html>"),
        ("{\"nodes\": []}", "outside"),
        (&format!("<definitions xmlns=\"{MODEL}\"/>"), "no <process>"),
        (&many, "at most 1000 nodes"),
    ] {
        let Err(Refused::Broken(broken)) = import(text) else { panic!("{say}") };
        assert!(broken.say.contains(say), "{broken:?}");
    }
    assert_eq!(read(&wide).outside.len(), outside::MOST + 1);
    assert!(before.elapsed().as_secs() < 5, "{:?}", before.elapsed());
}

#[test]
fn a_large_process_is_written_and_read_in_no_time() {
    let mut definition = large(1_000);
    definition.name_edges();
    let layout = lay_out(&definition);
    let before = std::time::Instant::now();
    let text = export(&definition, &layout, About { id: "p", name: "p", description: "" });
    assert_eq!(read(&text).definition, definition);
    assert!(before.elapsed().as_secs() < 5, "{:?}", before.elapsed());
}

/// Whatever becomes of a file: it is refused, or what was read of it is written and read back the same.
#[test]
fn a_file_that_was_damaged_is_refused_or_read_the_same_again() {
    let pieces = [
        "<",
        ">",
        "/>",
        "&amp;",
        "\"",
        " id=\"a\"",
        "<bpmn:task id=\"t\"/>",
        "bpmn:",
        "\u{0}",
        "x",
        "R3/PT1H",
        "]]>",
        "<![CDATA[",
    ];
    let sources = [written(&every_type(), "Every type"), CAMUNDA.to_owned()];
    let mut chance = Chance::of(3);
    let mut taken = 0;
    for round in 0..1_500 {
        let mut text: Vec<char> = sources[round % 2].chars().collect();
        for _ in 0..=chance.below(3) {
            let (at, other) = (chance.below(text.len()), chance.below(text.len()));
            match chance.below(3) {
                0 => drop(text.drain(at..(at + chance.below(12)).min(text.len()))),
                1 => drop(text.splice(at..at, chance.pick(&pieces).chars())),
                _ => text.swap(at, other),
            }
        }
        let text: String = text.into_iter().collect();
        let Ok(imported) = import(&text) else { continue };
        taken += 1;
        let layout = lay_out(&imported.definition);
        let about = About { id: "p", name: &imported.name, description: &imported.description };
        assert_eq!(read(&export(&imported.definition, &layout, about)).definition, imported.definition, "{text}");
    }
    assert!(taken > 50, "{taken} of all could be read");
}
