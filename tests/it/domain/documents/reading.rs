//! What is read of each format: text, headings, lists, tables, pages, what the document says of itself.

use convoke::adapter::documents::parse;
use convoke::port::documents::{BlockKind, Format, Hints, Limits, ParseFault, Parsed};

use super::{file, recognises};

fn hints(name: &str) -> Hints {
    Hints { name: name.to_owned(), media_type: None, recognise: false }
}

fn read(name: &str) -> Parsed {
    let parsed = parse(&file(name), &hints(name), &Limits::default()).unwrap();
    // Places are those of the text: in order, apart, and all of it.
    let texts: Vec<&str> = parsed.blocks.iter().map(|block| &parsed.text[block.start..block.end]).collect();
    assert_eq!(parsed.text, texts.join("\n\n"), "{name}");
    parsed
}

fn parts(parsed: &Parsed, kind: BlockKind) -> Vec<(u8, u32, &str)> {
    let of_kind = parsed.blocks.iter().filter(|block| block.kind == kind);
    of_kind.map(|block| (block.level, block.page, &parsed.text[block.start..block.end])).collect()
}

#[test]
fn a_pdf_has_lines_tables_and_what_it_says_of_itself() {
    let parsed = read("invoice.pdf");
    assert_eq!((parsed.format, parsed.pages), (Format::Pdf, 1));
    assert_eq!(parts(&parsed, BlockKind::Heading), [(1, 1, "Invoice")]);
    assert_eq!(
        parts(&parsed, BlockKind::Table),
        [(
            0,
            1,
            "Description | Quantity | Unit price | Amount\nSteel bolts M8 | 100 | €2.50 | €250.00\nCopper wire 2 mm | 40 | €25.00 | \
             €1,000.00\nDelivery | 1 | €10.50 | €10.50"
        )]
    );
    assert!(parts(&parsed, BlockKind::Paragraph).contains(&(0, 1, "Invoice number: INV-2025-001")), "{}", parsed.text);
    assert_eq!(
        (parsed.metadata["title"].as_str(), parsed.metadata["author"].as_str()),
        ("Invoice INV-2025-001", "Supplier Inc.")
    );
}

#[test]
fn codes_of_an_embedded_font_are_read_by_its_table() {
    assert_eq!(read("font.pdf").text, "Grüße, Ærø kostet 5 € – sofort");
}

#[test]
fn columns_of_a_pdf_are_read_one_after_the_other() {
    let parsed = read("columns.pdf");
    let headings: Vec<&str> = parts(&parsed, BlockKind::Heading).into_iter().map(|(_, _, text)| text).collect();
    assert_eq!(headings, ["The town and its river", "Part 1", "Part 2", "Part 3", "Part 4", "Part 5", "Part 6"]);
    for number in 1..=6 {
        let place = |what: &str| {
            parsed.text.find(&format!("{what} of part {number}")).unwrap_or_else(|| panic!("{what} {number}"))
        };
        assert!(place("Beginning") < place("End"));
    }
    assert!(parsed.text.contains("since the great flood"), "words of two lines are joined");
}

#[test]
fn office_documents_have_headings_lists_and_tables() {
    let parsed = read("agreement.docx");
    assert_eq!(parsed.format, Format::Docx);
    assert_eq!(
        parts(&parsed, BlockKind::Heading),
        [(1, 0, "Service agreement"), (1, 0, "Term"), (2, 0, "Duties"), (1, 0, "Law")]
    );
    assert_eq!(parts(&parsed, BlockKind::ListItem), [(0, 0, "Deliver every month"), (0, 0, "Answer within two days")]);
    assert_eq!(parts(&parsed, BlockKind::Table), [(0, 0, "Month | Fee\nMarch | EUR 500\nApril | EUR 650")]);
    assert_eq!(parsed.metadata["author"], "Ada Byron");

    let parsed = read("stock.xlsx");
    assert_eq!((parsed.format, parsed.pages), (Format::Xlsx, 2));
    assert_eq!(parts(&parsed, BlockKind::Heading), [(1, 1, "Stock"), (1, 2, "Notes & more")]);
    assert_eq!(
        parts(&parsed, BlockKind::Table),
        [
            (
                0,
                1,
                "Part | Count | Price | Counted on | Ready\nBolt | 1200 | 0.25 | 2024-01-15 | true\nNut | 800 | 0.1 | 2024-02-29 | false"
            ),
            (0, 2, " |  | Far < away"),
        ]
    );

    let parsed = read("plans.pptx");
    assert_eq!((parsed.format, parsed.pages), (Format::Pptx, 2));
    assert_eq!(parts(&parsed, BlockKind::Heading), [(1, 1, "Plans for spring"), (1, 2, "Cost")]);
    assert_eq!(parts(&parsed, BlockKind::ListItem), [(0, 1, "Build the bridge"), (0, 1, "Plant the trees")]);
    assert_eq!(parts(&parsed, BlockKind::Paragraph), [(0, 1, "Say thanks to the council.")]);
    assert_eq!(parts(&parsed, BlockKind::Table), [(0, 2, "What | How much\nBridge | 900")]);

    let parsed = read("garden.odt");
    assert_eq!((parsed.format, parsed.metadata["title"].as_str()), (Format::Odt, "Garden"));
    assert_eq!(parts(&parsed, BlockKind::Heading), [(1, 0, "The garden")]);
    assert_eq!(parts(&parsed, BlockKind::ListItem), [(0, 0, "Water them"), (0, 0, "Cut them in March")]);
    assert_eq!(parts(&parsed, BlockKind::Table), [(0, 0, "Plant | Count\nRose | 12")]);
}

#[test]
fn pages_and_mails_are_read_as_people_see_them() {
    let parsed = read("page.html");
    assert_eq!((parsed.format, parsed.metadata["title"].as_str()), (Format::Html, "Opening hours – Library"));
    assert_eq!(
        parsed.text,
        "Opening hours\n\nThe library is open every day but Monday.\n\nReading room\n\nCafé\n\nDay | From\nTuesday | 9:00\n\none\n  two\n\nA \
         map of the house"
    );
    let parsed = read("mail.eml");
    assert_eq!((parsed.format, parsed.metadata["from"].as_str()), (Format::Email, "Jürgen Müller <jm@alder.example>"));
    assert!(
        parsed.text.starts_with("Visit on Friday\n\nFrom: Jürgen Müller <jm@alder.example>\nTo: office@birch.example"),
        "{}",
        parsed.text
    );
    assert!(parsed.text.contains("we come at ten, it costs 5 €."));
    assert_eq!(parsed.warnings, ["what is attached was not read: plan.pdf"]);
}

#[test]
fn plain_texts_are_told_apart_by_content_then_name() {
    let of = |text: &str, name: &str| parse(text.as_bytes(), &hints(name), &Limits::default()).unwrap();
    assert_eq!(of("# A\n\n## B\n\ntext", "note").format, Format::Markdown);
    assert_eq!(of("a;b\n1;2\n3;4\n", "x").format, Format::Csv);
    assert_eq!(of("a, b\nand so on\n", "x.txt").format, Format::Text);
    assert_eq!(of("<!doctype html><p>x", "x.txt").format, Format::Html);
    let parsed = of("# Title\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```\ncode\n  more\n```\n", "x.md");
    let kinds: Vec<BlockKind> = parsed.blocks.iter().map(|block| block.kind).collect();
    assert_eq!(
        kinds,
        [BlockKind::Heading, BlockKind::ListItem, BlockKind::ListItem, BlockKind::Table, BlockKind::Code]
    );
    assert_eq!(parsed.text, "Title\n\none\n\ntwo\n\na | b\n1 | 2\n\ncode\n  more");
    let forged = of("Only text.", "report.pdf");
    assert_eq!(forged.format, Format::Text);
    assert_eq!(forged.warnings, ["its name says pdf and its content is text: it was read as what it is"]);
}

#[test]
fn pictures_and_scans_are_recognised_where_that_can_be_done() {
    let seen = parse(&file("receipt.png"), &hints("x"), &Limits::default()).unwrap();
    assert_eq!(
        (seen.format, seen.media_type.as_str(), seen.metadata["width"].as_str()),
        (Format::Image, "image/png", "1000")
    );
    assert!(seen.text.is_empty() && seen.warnings[0].contains("not asked"), "{:?}", seen.warnings);
    let recognise = Hints { recognise: true, ..hints("x") };
    for name in ["receipt.png", "scan.pdf"] {
        let parsed = parse(&file(name), &recognise, &Limits::default()).unwrap();
        if recognises() {
            assert!(parsed.text.contains("Receipt number 4711"), "{name}: {:?}", parsed.text);
            assert_eq!(parsed.recognised.len(), 1);
        } else {
            assert!(parsed.warnings.iter().any(|one| one.contains("tesseract cannot be run")), "{:?}", parsed.warnings);
        }
    }
}

#[test]
fn what_is_encrypted_is_said_to_be() {
    assert_eq!(parse(&file("locked.pdf"), &hints("x"), &Limits::default()), Err(ParseFault::Encrypted));
}
