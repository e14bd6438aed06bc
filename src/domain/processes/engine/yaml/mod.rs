//! The JSON of a process as YAML 1.2, which people rather write: read with bounds on everything, and written so that it is read the same.

mod reading;
mod writing;

pub use reading::{Broken, read};
pub use writing::write;

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use serde_json::{Value, json};

    use super::*;
    use crate::domain::processes::engine::by_chance::{NAMES, by_chance, every_type};

    fn same(value: &Value) {
        let text = write(value);
        assert_eq!(&read(&text).unwrap_or_else(|broken| panic!("{broken:?}\n{text}")), value, "{text}");
    }

    #[test]
    fn what_is_written_is_read_the_same() {
        for text in [
            "",
            "a",
            "yes",
            "true",
            "null",
            "~",
            "1",
            "1.5",
            "-",
            "- a",
            "a: b",
            "a #b",
            "#a",
            "&a",
            "*a",
            "!a",
            "%a",
            "@a",
            "`a",
            "? a",
            "|",
            ">",
            "'",
            "\"",
            " a",
            "a ",
            "a\n",
            "a\nb",
            "a\n\nb\n",
            "\na",
            "a\n\n",
            " a\nb",
            "a \nb",
            "a\r\nb",
            "a\tb",
            "\ta",
            "---",
            "...",
            "a\n---\nb",
            "{}",
            "[]",
            "0x1f",
            "1e3",
            ".inf",
            "<<",
            "=",
            "a\u{85}b",
            "a\u{2028}b",
            "\u{FEFF}a",
            "a\u{7f}",
            "\u{0}\u{1b}",
            "\u{FFFE}",
            "💥",
            "a,b",
            "[a",
            "x]",
            "{a",
            "b}",
            "12:30:00",
            "0o7",
            "+1",
            "1_000",
            "NaN",
            "é: à",
        ] {
            same(&json!(text));
            same(&json!({ text: text, "list": [text, [text, { text: [] }]], "deep": { "a": { "b": text } } }));
        }
        same(
            &json!({ "numbers": [0, -1, 1.5, 1e100, 1e-7, u64::MAX, i64::MIN], "other": [true, false, null, {}, [], [[]], [{}], { "a": {} }] }),
        );
        same(&json!([[[1, 2], [3]], { "a": [{ "b": 1, "c": 2 }] }]));
        for seed in 0..150 {
            same(&serde_json::to_value(by_chance(seed)).unwrap());
        }
        same(&serde_json::to_value(every_type()).unwrap());
        same(&json!(NAMES));
    }

    #[test]
    fn what_people_write_is_read() {
        let text = "# A process\nname: Expense approval\nnodes:\n  - id: begin\n    type: start\n  - {id: ask, type: human_task, config: {assignee: 'manager', priority: 0x32}}\n\
                    edges: &edges\n- {from: begin, to: ask}\nagain: *edges\ntext: |\n  one\n  two\nfolded: >-\n  one\n  two\nno: no\nempty:\nlist: [1.5, ~, TRUE, \"a\\tb\", !!str 1]\n";
        assert_eq!(
            read(text).unwrap(),
            json!({
                "name": "Expense approval",
                "nodes": [{ "id": "begin", "type": "start" }, { "id": "ask", "type": "human_task", "config": { "assignee": "manager", "priority": 50 } }],
                "edges": [{ "from": "begin", "to": "ask" }],
                "again": [{ "from": "begin", "to": "ask" }],
                "text": "one\ntwo\n", "folded": "one two", "no": "no", "empty": null, "list": [1.5, null, true, "a\tb", "1"],
            })
        );
    }

    #[test]
    fn what_is_hostile_is_refused_at_its_place_and_quickly() {
        let before = std::time::Instant::now();
        let mut laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
        for level in 1..30 {
            let _ = writeln!(laughs, "a{level}: &a{level} [{}]", vec![format!("*a{}", level - 1); 10].join(", "));
        }
        let flow = "[".repeat(200_000);
        let maps = "{a: ".repeat(100_000);
        let dashes = "- ".repeat(200_000);
        let deep: Vec<String> = (0..2_000).map(|level| format!("{}a:", " ".repeat(level))).collect();
        let deep = deep.join("\n");
        let keys = "? ".repeat(100_000);
        let quotes = format!("a: \"{}", "x".repeat(1_000_000));
        let anchors = "&a ".repeat(100_000);
        let many = "- a\n".repeat(300_000);
        let large = "a".repeat(5_000_000);
        for (text, line, say) in [
            (laughs.as_str(), 0, "values"),
            (&flow, 1, ""),
            (&maps, 1, ""),
            (&dashes, 1, "within each other"),
            (&deep, 0, "within each other"),
            (&keys, 1, ""),
            (&quotes, 0, ""),
            (&anchors, 1, ""),
            (&many, 0, "values"),
            (&large, 1, "bytes"),
            ("a: 1\nb: 2\na: 3\n", 3, "'a' is there twice"),
            ("a: 1\n--- \nb: 2\n", 2, "second document"),
            ("a: !!python/object:os.system x\n", 1, "tag"),
            ("a: !mine x\n", 1, "tag"),
            ("a: .nan\n", 1, "number"),
            ("[a, b]: c\n", 1, "key"),
            ("a: *b\n", 1, ""),
            ("a: &x [*x]\n", 1, ""),
            ("a: b: c\n", 1, ""),
            ("a:\n\t- b\n", 2, ""),
            ("", 1, "nothing"),
        ] {
            let began = std::time::Instant::now();
            let broken = read(text).unwrap_err();
            let head: String = text.chars().take(30).collect();
            assert!(broken.say.contains(say), "{head}: {broken:?}");
            assert!(line == 0 || broken.line == line, "{head}: {broken:?}");
            assert!(began.elapsed().as_secs() < 3, "{head}: {:?}", began.elapsed());
        }
        assert!(before.elapsed().as_secs() < 12, "{:?}", before.elapsed());
    }
}
