//! What the language says of expressions, and what it refuses.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::FeelLanguage;
use crate::port::expressions::{Column, Coverage, ExpressionFault, Expressions as _, Form, Found, Kind, Limits, Names};

fn variables() -> Value {
    json!({
        "amount": 120.5, "count of items": 3, "name": "Ada Lovelace", "vip": true, "nothing": null,
        "order": { "total": 250, "lines": [{ "sku": "A", "price": 10 }, { "sku": "B", "price": 40 }], "customer": { "name": "Bo" } },
        "tags": ["new", "gift"], "a": 2, "b": 5,
    })
}

fn names() -> Names {
    let top = ["amount", "count of items", "name", "vip", "nothing", "tags", "a", "b"];
    let customer = Names::of(["name"]);
    Names::of(top).with("order", Names::of(["total", "lines"]).with("customer", customer))
}

fn evaluated(text: &str) -> Result<Value, ExpressionFault> {
    let language = FeelLanguage::default();
    let expression = language.compile(text, Form::Expression, &names())?;
    let limits = Limits { time: Duration::from_millis(500), ..Limits::default() };
    language.evaluate(&*expression, variables().as_object().unwrap(), limits)
}

#[test]
fn expressions_are_what_the_standard_says() {
    let cases = [
        ("1 + 2 * 3", json!(7)),
        ("2 ** 10", json!(1024)),
        ("0.1 + 0.2", json!(0.3)),
        ("0.1 + 0.2 = 0.3", json!(true)),
        ("9007199254740993 + 1", json!(9_007_199_254_740_994_i64)),
        ("10 / 4", json!(2.5)),
        ("1 / 0", json!(null)),
        ("amount > 100 and vip", json!(true)),
        ("nothing > 100", json!(null)),
        ("nothing = null", json!(true)),
        ("true or nothing", json!(true)),
        ("false and nothing", json!(false)),
        ("true and nothing", json!(null)),
        ("not(vip)", json!(false)),
        ("count of items + 1", json!(4)),
        ("a-b", json!(-3)),
        ("a - b", json!(-3)),
        ("-a", json!(-2)),
        ("if amount > 100 then \"large\" else \"small\"", json!("large")),
        ("order.total", json!(250)),
        ("order.customer.name", json!("Bo")),
        ("order.nobody", json!(null)),
        ("order.lines.price", json!([10, 40])),
        ("order.lines[price > 20].sku", json!(["B"])),
        ("order.lines[1].sku", json!("A")),
        ("order.lines[-1].sku", json!("B")),
        ("sum(order.lines.price)", json!(50)),
        ("for x in [1, 2, 3] return x * a", json!([2, 4, 6])),
        ("for i in 1..4 return if i = 1 then 1 else partial[-1] * i", json!([1, 2, 6, 24])),
        ("some x in tags satisfies x = \"gift\"", json!(true)),
        ("every x in tags satisfies x = \"gift\"", json!(false)),
        ("5 in [1..5]", json!(true)),
        ("5 in [1..5)", json!(false)),
        ("a between 1 and 3", json!(true)),
        ("a in (1, 2, 3)", json!(true)),
        ("\"new\" in tags", json!(true)),
        ("list contains(tags, \"gift\")", json!(true)),
        ("upper case(name)", json!("ADA LOVELACE")),
        ("substring(name, 1, 3)", json!("Ada")),
        ("substring(name, -8)", json!("Lovelace")),
        ("string length(\"\u{1F40E}ab\")", json!(3)),
        ("contains(name, \"Love\")", json!(true)),
        ("matches(name, \"^A.*e$\")", json!(true)),
        ("replace(name, \"a\", \"o\")", json!("Ado Loveloce")),
        ("split(\"a;b;c\", \";\")", json!(["a", "b", "c"])),
        ("string join(tags, \", \")", json!("new, gift")),
        ("\"a\" + \"b\"", json!("ab")),
        ("\"a\" + 1", json!(null)),
        ("date(\"2026-02-28\") + duration(\"P1D\")", json!("2026-03-01")),
        ("date(\"2024-01-31\") + duration(\"P1M\")", json!("2024-02-29")),
        ("date(\"2026-11-26\") - date(\"2026-11-01\")", json!("P25D")),
        ("date(\"2026-11-26\").weekday", json!(4)),
        ("day of week(date(\"2026-11-26\"))", json!("Thursday")),
        ("date and time(\"2026-11-26T10:00:00Z\") < date and time(\"2026-11-26T10:00:01Z\")", json!(true)),
        ("time(\"10:30:00\")", json!("10:30:00")),
        ("duration(\"PT36H\")", json!("P1DT12H")),
        ("years and months duration(date(\"2024-01-01\"), date(\"2026-03-01\"))", json!("P2Y2M")),
        ("@\"2026-11-26\" > @\"2026-11-25\"", json!(true)),
        ("{ x: 1, y: x + 1 }.y", json!(2)),
        ("{ f: function(n) if n < 2 then 1 else n * f(n - 1), r: f(20) }.r", json!(2_432_902_008_176_640_000_i64)),
        ("{ double: function(n) n * 2, r: double(n: 4) }.r", json!(8)),
        ("sort([3, 1, 2], function(x, y) x < y)", json!([1, 2, 3])),
        ("distinct values([1, 2, 1])", json!([1, 2])),
        ("flatten([[1], [[2]], 3])", json!([1, 2, 3])),
        ("append([1], 2)", json!([1, 2])),
        ("mean([1, 2, 3])", json!(2)),
        ("median([8, 2, 5])", json!(5)),
        ("round half up(2.5, 0)", json!(3)),
        ("decimal(1 / 3, 2)", json!(0.33)),
        ("floor(-1.5)", json!(-2)),
        ("modulo(-12, 5)", json!(3)),
        ("a instance of number", json!(true)),
        ("number(\"1,000.5\", \",\", \".\")", json!(1000.5)),
        ("string(1 / 3)", json!("0.3333333333333333333333333333333333")),
        ("[1..5]", json!("[1..5]")),
        ("get value({ k: 3 }, \"k\")", json!(3)),
        ("is defined(order)", json!(null)),
        ("// a remark\n1 + /* one */ 1", json!(2)),
    ];
    for (text, expected) in cases {
        assert_eq!(evaluated(text), Ok(expected), "{text}");
    }
}

#[test]
fn tests_of_cells_hold_or_not() {
    let language = FeelLanguage::default();
    let holds = |tests: &str, of: Value| {
        let tests = language.compile(tests, Form::UnaryTests, &names()).unwrap();
        language.holds(&*tests, &of, variables().as_object().unwrap(), Limits::default()).unwrap()
    };
    let (yes, no) = (Some(true), Some(false));
    let cases = [
        ("-", json!(null), yes),
        ("> 100", json!(101), yes),
        ("> 100", json!(100), no),
        ("\"a\", \"b\"", json!("b"), yes),
        ("not(\"a\", \"b\")", json!("b"), no),
        ("not(\"a\", \"b\")", json!("c"), yes),
        ("[1..5)", json!(5), no),
        ("> b, 1", json!(1), yes),
        ("? > a and ? < b", json!(3), yes),
        ("? > a and ? < b", json!(7), no),
        ("1, ? > 100", json!(1), yes),
        ("contains(?, \"x\")", json!("axb"), yes),
        ("not(contains(?, \"x\"))", json!("axb"), no),
        ("null", json!(null), yes),
        ("true", json!(true), yes),
        ("list contains(?, \"gift\")", json!(["gift"]), yes),
    ];
    for (tests, of, expected) in cases {
        assert_eq!(holds(tests, of.clone()), expected, "{tests} of {of}");
    }
}

#[test]
fn hostile_texts_end_soon_in_a_fault_or_an_answer() {
    let deep_parentheses = format!("{}1{}", "(".repeat(4_000), ")".repeat(4_000));
    let many_signs = format!("{}1", "-".repeat(8_000));
    let many_terms = format!("{}1", "1+".repeat(4_000));
    let many_names = (0..1_500).map(|n| format!("v{n}")).collect::<Vec<_>>().join(" + ");
    let many_words = "word ".repeat(1_600);
    let deep_lists = format!("{}1{}", "[".repeat(3_000), "]".repeat(3_000));
    let deep_contexts = format!("{}1{}", "{a:".repeat(2_000), "}".repeat(2_000));
    let texts = [
        "for i in 1..1000000000 return i",
        "for i in 1..1000000000, j in [] return i",
        "for i in 1..100000, j in 1..100000, k in 1..100000 return i",
        "some i in (for j in 1..100000 return j) satisfies i > 200000",
        "every i in (for j in 1..1000 return j), k in (for j in 1..1000 return j), l in (for j in 1..1000 return j) satisfies true",
        "{ f: function(n) f(n + 1), r: f(1) }.r",
        "{ f: function(n) f(n + 1) + f(n + 2), r: f(1) }.r",
        "{ f: function(n) if n = 0 then 0 else f(n - 1), r: f(100000) }.r",
        "{ f: function(s, n) if n = 0 then s else f(s + s, n - 1), r: string length(f(\"aaaaaaaa\", 60)) }.r",
        "{ f: function(s, n) if n = 0 then s else f([s, s], n - 1), r: count(f([1], 60)) }.r",
        "for i in 1..100000 return [partial[-1]]",
        "for i in 1..60 return concatenate(partial, partial)",
        "for i in 1..100000 return string join(for j in 1..1000 return \"x\", \"yyyyyyyyyyyyyyyy\")",
        "{ s: string join(for j in 1..20000 return \"a\", \"\"), r: replace(s, \"a\", s) }.r",
        "for i in 1..1000000 return matches(\"a\", \"(\\\\w{300}){30}\")",
        "matches(\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", \"(a*)*b\")",
        "matches(\"a\", \"((((a{1000}){1000}){1000}){1000})\")",
        "distinct values(for i in 1..50000 return i)",
        "sort(for i in 1..20000 return i, function(x, y) true)",
        "sort(for i in 1..5000 return modulo(i * 7919, 5003), function(x, y) if modulo(x + y, 3) = 0 then true else x < y)",
        "10 ** 1000000000",
        "(10 ** 6000) * (10 ** 6000)",
        "string(10 ** 6144)",
        "round up(1, 99999999999)",
        "decimal(1 / 3, 6111)",
        "date(\"2026-01-01\") + duration(\"P999999999Y\")",
        "date(\"2026-01-01\") + duration(\"P99999999999999999999D\")",
        "duration(\"P1D\") * 10 ** 30",
        "date(999999999, 12, 31) + duration(\"P1D\")",
        "for d in @\"1000-01-01\"..@\"9999-12-31\" return d",
        "substring(name, 99999999999999999999999)",
        "tags[99999999999999999999999999]",
        "function(x) external { java: { class: \"java.lang.System\", method signature: \"exit(int)\" } }",
        &deep_parentheses,
        &many_signs,
        &many_terms,
        &many_names,
        &many_words,
        &deep_lists,
        &deep_contexts,
    ];
    for text in texts {
        let begun = Instant::now();
        let told = evaluated(text);
        let took = begun.elapsed();
        // More than the bound of half a second, for a machine that is busy with the other tests.
        assert!(took < Duration::from_millis(2_500), "{took:?}: {}", &text[..text.len().min(80)]);
        assert!(!matches!(told, Err(ExpressionFault::Broken(_))), "{told:?}: {}", &text[..text.len().min(80)]);
    }
    let refused = [
        "for i in 1..1000000000 return i",
        "{ f: function(n) f(n + 1), r: f(1) }.r",
        "{ f: function(s, n) if n = 0 then s else f(s + s, n - 1), r: string length(f(\"aaaaaaaa\", 60)) }.r",
        &many_terms,
        &deep_lists,
    ];
    for text in refused {
        assert!(matches!(evaluated(text), Err(ExpressionFault::Exceeded(_))), "{:?}", &text[..text.len().min(80)]);
    }
    assert!(matches!(evaluated(&"1 ".repeat(5_000)), Err(ExpressionFault::Exceeded("text"))));
}

#[test]
fn what_is_no_expression_is_told_with_its_place() {
    for (text, place) in [("1 +", 3), ("foo(1", 5), ("1 1", 2), ("amount > ) 3", 9), ("  \"abc", 2), ("a $ b", 2)] {
        let Err(ExpressionFault::Invalid { at, .. }) = evaluated(text) else { panic!("{text}: {:?}", evaluated(text)) };
        assert_eq!(at, place, "{text}");
    }
    assert!(matches!(evaluated("  "), Err(ExpressionFault::Invalid { .. })));
}

#[test]
fn variables_are_those_that_nobody_binds() {
    let language = FeelLanguage::default();
    let read = |text: &str| {
        let expression = language.compile(text, Form::Expression, &names()).unwrap();
        let told = |one: &crate::port::expressions::Reads| {
            let path = one.path.iter().fold(String::new(), |path, name| path + "." + name);
            format!("{}{path}{}", one.name, if one.in_filter { "?" } else { "" })
        };
        expression.variables().iter().map(told).collect::<Vec<_>>()
    };
    assert_eq!(read("amount + unknown"), ["amount", "unknown"]);
    assert_eq!(read("amont-count of items"), ["amont", "count of items"]);
    assert_eq!(read("order.customer.name"), ["order.customer.name"]);
    assert_eq!(read("for x in tags return x + y"), ["tags", "y"]);
    assert_eq!(read("some x in tags satisfies x = name"), ["name", "tags"]);
    assert_eq!(read("{ x: a, y: x + z }"), ["a", "z"]);
    assert_eq!(read("(function(n) n + b)(1)"), ["b"]);
    assert_eq!(
        read("order.lines[price > limit and item.sku != name].sku"),
        ["limit?", "name?", "order.lines", "price?"]
    );
    assert_eq!(read("sum(tags) + today().year"), ["tags"]);
    assert_eq!(read("if missing then 1 else 2"), ["missing"]);
    assert_eq!(read("not(missing) and other thing > 3"), ["missing", "other thing"]);
}

#[test]
fn what_was_compiled_is_not_compiled_again_and_what_may_run_long_is_known() {
    let language = FeelLanguage::default();
    let compile = |text: &str, names: &Names| language.compile(text, Form::Expression, names).unwrap();
    let first = compile("a + b", &names());
    assert!(std::sync::Arc::ptr_eq(&first, &compile("a + b", &names())));
    assert!(!std::sync::Arc::ptr_eq(&first, &compile("a + b", &Names::default())));
    assert_eq!(language.kept(), 2);
    assert!(first.is_quick() && compile("string length(x) > 3", &names()).is_quick());
    for slow in ["for i in 1..2 return i", "f(1)", "tags[item = 1]", "matches(name, \"a\")"] {
        assert!(!compile(slow, &names()).is_quick(), "{slow}");
    }
}

#[test]
fn json_is_read_as_the_kind_that_was_asked_for() {
    let language = FeelLanguage::default();
    let kind = |name: &str| Kind::parse(name).unwrap();
    let again = |json: Value, name: &str| {
        let value = language.read(&json, &kind(name)).unwrap();
        (language.kind_of(&value), language.tell(&value))
    };
    assert_eq!(again(json!("2026-11-26"), "date"), ("date".to_owned(), json!("2026-11-26")));
    assert_eq!(again(json!("2026-11-26"), "string"), ("string".to_owned(), json!("2026-11-26")));
    assert_eq!(again(json!("P1D"), "dayTimeDuration"), ("days and time duration".to_owned(), json!("P1D")));
    assert_eq!(again(json!(1), "list<number>"), ("list".to_owned(), json!([1])));
    assert_eq!(again(json!({ "b": 1, "a": [null, true, 1.5] }), "Any").1, json!({ "b": 1, "a": [null, true, 1.5] }));
    assert_eq!(language.read(&json!([1, "x"]), &kind("list<number>")).unwrap_err().0, "/1");
    assert!(language.read(&json!("yesterday"), &kind("date")).unwrap_err().1.contains("is no date"));
    assert!(Kind::parse("money").is_none());
}

fn covered(kinds: &[&str], allowed: &[Option<&str>], rows: &[&[&str]]) -> Coverage {
    let language = FeelLanguage::default();
    let tests = |text: &str| language.compile(text, Form::UnaryTests, &names()).unwrap();
    let rows = rows.iter().map(|row| row.iter().map(|text| tests(text)).collect()).collect();
    let column = |(kind, allowed): (&&str, Option<&str>)| Column {
        kind: Kind::parse(kind).unwrap(),
        allowed: allowed.map(tests),
    };
    let columns: Vec<Column> = kinds.iter().zip(allowed.iter().copied()).map(column).collect();
    language.rows(rows).coverage(&columns, 5)
}

#[test]
fn overlaps_and_gaps_are_found_by_example() {
    let whole =
        covered(&["number", "boolean"], &[None, None], &[&["< 10", "-"], &[">= 10", "true"], &[">= 10", "false"]]);
    assert_eq!((whole.overlapping, whole.lacking), (Found::None, Found::None), "{whole:?}");
    let broken = covered(&["number", "boolean"], &[None, None], &[&["< 10", "-"], &["[5..20]", "true"]]);
    assert_eq!((broken.overlapping, broken.lacking), (Found::Some, Found::Some));
    let (one, other, example) = &broken.overlaps[0];
    assert_eq!((*one, *other, example[1].clone()), (0, 1, Some(json!(true))));
    assert!((5.0..10.0).contains(&example[0].as_ref().unwrap().as_f64().unwrap()), "{example:?}");
    assert!(broken.gaps.contains(&vec![Some(json!(10)), Some(json!(false))]), "{broken:?}");
    let texts = covered(&["string"], &[Some("\"a\", \"b\"")], &[&["\"a\""], &["\"b\""]]);
    assert_eq!((texts.overlapping, texts.lacking), (Found::None, Found::None), "{texts:?}");
    let texts = covered(&["string"], &[None], &[&["\"a\""], &["not(\"a\", \"c\")"]]);
    assert_eq!((texts.overlapping, texts.gaps), (Found::None, vec![vec![Some(json!("c"))]]));
    let dates = covered(&["date"], &[None], &[&["< @\"2026-01-01\""], &["> date(\"2026-01-01\")"]]);
    assert_eq!(dates.gaps, [vec![Some(json!("2026-01-01"))]]);
    let dates = covered(&["date"], &[None], &[&["<= @\"2026-01-01\""], &[">= @\"2026-01-02\""]]);
    assert_eq!((dates.overlapping, dates.lacking), (Found::None, Found::None), "{dates:?}");
    // What needs a value cannot be decided; what is apart in another column is apart all the same.
    let unsure = covered(&["number", "string"], &[None, None], &[&["> a", "\"x\""], &["> 1", "\"y\""]]);
    assert_eq!(unsure.overlapping, Found::None);
    let unsure = covered(&["number"], &[None], &[&["> a"], &["<= a"]]);
    assert_eq!((unsure.overlapping, unsure.lacking), (Found::Unknown, Found::Unknown));
    let open = covered(&["number", "string"], &[None, None], &[&["< 1", "-"]]);
    assert_eq!(open.gaps[0], [Some(json!(1)), None]);
}

#[test]
fn rows_of_a_table_are_held_against_inputs() {
    let language = FeelLanguage::default();
    let tests = |text: &str| language.compile(text, Form::UnaryTests, &names()).unwrap();
    let rows = [["< 10", "\"a\",\"b\""], ["[5..100]", "-"], ["? > a * 100", "not(\"a\")"], ["!= 7", "-"]];
    let rows = language.rows(rows.iter().map(|row| row.iter().map(|text| tests(text)).collect()).collect());
    let scope = language.filled(variables().as_object().unwrap(), Limits::default()).unwrap();
    let matching = |number: Value, text: Value, first: bool| {
        let inputs = [number, text].map(|json| language.read(&json, &Kind::Any).unwrap());
        rows.matching(&*scope, &inputs, first).unwrap()
    };
    assert_eq!(matching(json!(7), json!("a"), false), [0, 1]);
    assert_eq!(matching(json!(7), json!("a"), true), [0]);
    assert_eq!(matching(json!(201), json!("b"), false), [2, 3]);
    assert_eq!(matching(json!(null), json!("a"), false), [3]);
    let inputs = [json!(7), json!("c")].map(|json| language.read(&json, &Kind::Any).unwrap());
    assert_eq!(rows.tests(&*scope, 0, &inputs).unwrap(), [Some(true), Some(false)]);
}
