//! Files that are made to hurt: each ends in a fault with a code, or is read, and never hangs. They go through the real process.

use std::io::Write as _;
use std::time::{Duration, Instant};

use convoke::adapter::documents::worker::Worker;
use convoke::port::documents::{Documents as _, Format, Hints, Limits, ParseFault, Parsed};

use super::file;
use crate::support::program::program;

async fn read_within(bytes: Vec<u8>, name: &str, limits: Limits) -> Result<Parsed, ParseFault> {
    let begun = Instant::now();
    let hints = Hints { name: name.to_owned(), media_type: None, recognise: false };
    let time = limits.time;
    let read = Worker::of(program()).parse(bytes.into(), hints, limits).await;
    assert!(begun.elapsed() < time + Duration::from_secs(5), "{name} took {:?}", begun.elapsed());
    read
}

async fn read(bytes: Vec<u8>, name: &str) -> Result<Parsed, ParseFault> {
    read_within(bytes, name, Limits { time: Duration::from_secs(20), memory: 512 << 20, ..Limits::default() }).await
}

/// An archive with one member, packed, and what it says of its size.
fn archive(name: &str, content: &[u8]) -> Vec<u8> {
    let mut packed = flate2_deflated(content);
    let crc = 0_u32;
    let mut bytes = Vec::new();
    let head = |bytes: &mut Vec<u8>, packed: usize| {
        bytes.extend([20, 0, 0, 0, 8, 0, 0, 0, 0, 0]);
        bytes.extend(crc.to_le_bytes());
        bytes.extend(u32::try_from(packed).unwrap().to_le_bytes());
        bytes.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
        bytes.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        bytes.extend([0, 0]);
    };
    let size = packed.len();
    bytes.extend(b"PK\x03\x04");
    head(&mut bytes, size);
    bytes.extend(name.as_bytes());
    bytes.append(&mut packed);
    let directory = bytes.len();
    bytes.extend(b"PK\x01\x02\x14\x00");
    head(&mut bytes, size);
    bytes.extend([0; 10]);
    bytes.extend(0_u32.to_le_bytes());
    bytes.extend(name.as_bytes());
    let length = bytes.len() - directory;
    bytes.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    bytes.extend(u32::try_from(length).unwrap().to_le_bytes());
    bytes.extend(u32::try_from(directory).unwrap().to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

fn flate2_deflated(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A PDF of these objects, with a table of them that is right.
fn pdf(objects: &[String]) -> Vec<u8> {
    let mut text = b"%PDF-1.4\n".to_vec();
    let mut places = Vec::new();
    for (number, object) in (1..).zip(objects) {
        places.push(text.len());
        text.extend(format!("{number} 0 obj\n{object}\nendobj\n").bytes());
    }
    let table = text.len();
    let entries = places.iter().map(|place| format!("{place:010} 00000 n \n")).collect::<Vec<_>>().concat();
    let size = objects.len() + 1;
    text.extend(
        format!("xref\n0 {size}\n0000000000 65535 f \n{entries}trailer<</Size {size}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF").bytes(),
    );
    text
}

fn hello() -> Vec<String> {
    let content = "BT /F 12 Tf 50 400 Td (Hello broken world) Tj ET";
    vec![
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 500 500]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>".to_owned(),
        format!("<</Length {}>>stream\n{content}\nendstream", content.len()),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
    ]
}

#[tokio::test]
async fn archives_that_unpack_to_more_than_they_may_are_refused() {
    let bomb = archive("word/document.xml", &vec![b' '; 20 << 20]);
    assert!(bomb.len() < 1 << 20);
    let limits = Limits { unpacked: 5 << 20, ..Limits::default() };
    let Err(ParseFault::TooLarge(why)) = read_within(bomb.clone(), "bomb.docx", limits).await else { panic!("read") };
    assert!(why.contains("comes out of the archive"), "{why}");
    let nested = archive("inner.zip", &bomb);
    assert!(matches!(read(nested, "nested.docx").await, Err(ParseFault::Unknown(_))));
    assert!(matches!(read(b"PK\x03\x04 and no more".to_vec(), "cut.docx").await, Err(ParseFault::Unreadable(_))));
    let mut cut = file("agreement.docx");
    cut.truncate(cut.len() / 2);
    assert!(matches!(read(cut, "cut.docx").await, Err(ParseFault::Unreadable(_))));
}

#[tokio::test]
async fn entities_of_xml_are_neither_fetched_nor_multiplied() {
    let external =
        r#"<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><d><p><t>&e;</t></p></d>"#;
    let Err(ParseFault::Unreadable(why)) = read(archive("word/document.xml", external.as_bytes()), "x.docx").await
    else {
        panic!("read")
    };
    assert!(why.contains("entities"), "{why}");
    let mut laughs = r#"<!DOCTYPE l [<!ENTITY l0 "lol">"#.to_owned();
    for level in 1..10 {
        laughs = format!("{laughs}<!ENTITY l{level} \"{}\">", format!("&l{};", level - 1).repeat(10));
    }
    laughs.push_str("]><d><p><t>&l9;</t></p></d>");
    assert!(matches!(
        read(archive("word/document.xml", laughs.as_bytes()), "x.docx").await,
        Err(ParseFault::Unreadable(_))
    ));
    let undeclared = "<d><p><t>&nobody;</t></p></d>";
    assert!(matches!(
        read(archive("word/document.xml", undeclared.as_bytes()), "x.docx").await,
        Err(ParseFault::Unreadable(_))
    ));
    let deep = "<p>".repeat(100_000);
    assert!(matches!(
        read(archive("word/document.xml", deep.as_bytes()), "x.docx").await,
        Err(ParseFault::TooLarge(_))
    ));
}

#[tokio::test]
async fn a_pdf_with_cycles_has_an_end() {
    let pages = |second: &str, third: &str| {
        pdf(&["<</Type/Catalog/Pages 2 0 R>>".to_owned(), second.to_owned(), third.to_owned()])
    };
    let cycle =
        pages("<</Type/Pages/Kids[2 0 R 3 0 R]/Count 2>>", "<</Type/Pages/Kids[2 0 R 3 0 R]/Count 1/Parent 3 0 R>>");
    let parsed = read(cycle, "cycle.pdf").await.unwrap();
    assert_eq!((parsed.pages, parsed.warnings), (0, vec!["there is no text in it".to_owned()]));
    let mut within = hello();
    within[2] = within[2].replace("/Font<<", "/XObject<</X 6 0 R>>/Font<<");
    within[3] = "<</Length 50>>stream\n/X Do /X Do /X Do /X Do /X Do /X Do /X Do /X Do  \nendstream".to_owned();
    within.push(
        "<</Type/XObject/Subtype/Form/Length 50/Resources<</XObject<</X 6 0 R>>>>>>stream\n/X Do /X Do /X Do /X Do /X Do /X Do /X Do /X Do \
         \nendstream"
            .to_owned(),
    );
    // It draws itself within itself, and is drawn once.
    assert_eq!(read(pdf(&within), "within.pdf").await.unwrap().pages, 1);
    // Each of these draws the next one eight times: 8^12 drawings.
    let mut tower = hello();
    tower[2] = within[2].clone();
    tower[3] = within[3].clone();
    for next in 7..19 {
        tower.push(within[5].replace("/X 6 0 R", &format!("/X {next} 0 R")));
    }
    let read = read(pdf(&tower), "tower.pdf").await;
    assert!(matches!(read, Err(ParseFault::TooLarge(_))), "{read:?}");
}

#[tokio::test]
async fn a_pdf_with_a_million_pages_is_refused() {
    let kids = "<</Type/Page>> ".repeat(1_000_000);
    let many =
        pdf(&["<</Type/Catalog/Pages 2 0 R>>".to_owned(), format!("<</Type/Pages/Kids[{kids}]/Count 1000000>>")]);
    assert!(matches!(read(many, "many.pdf").await, Err(ParseFault::TooLarge(_))));
    // A count that is only said is not believed.
    let mut said = hello();
    said[1] = said[1].replace("/Count 1", "/Count 1000000");
    assert_eq!(read(pdf(&said), "said.pdf").await.unwrap().pages, 1);
}

#[tokio::test]
async fn a_broken_table_of_objects_is_mended() {
    let whole = String::from_utf8(pdf(&hello())).unwrap();
    for broken in [
        whole.clone(),
        whole.replace("startxref\n", "startxref\n99"),
        whole[..whole.find("xref\n").unwrap()].to_owned(),
        whole.replace(" 00000 n ", " 00000 f "),
    ] {
        let parsed = read(broken.into_bytes(), "broken.pdf").await.unwrap();
        assert_eq!((parsed.text.as_str(), parsed.pages), ("Hello broken world", 1));
    }
    assert!(matches!(read(b"%PDF-1.7\nnothing".to_vec(), "x.pdf").await, Err(ParseFault::Unreadable(_))));
}

#[tokio::test]
async fn what_takes_too_much_memory_ends_the_process_and_nothing_else() {
    // A stream that unpacks to three times the memory.
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    let piece = vec![b' '; 8 << 20];
    for _ in 0..24 {
        packed.write_all(&piece).unwrap();
    }
    let packed = packed.finish().unwrap();
    let objects = hello();
    let mut text = b"%PDF-1.4\n".to_vec();
    for (number, object) in (1..).zip(&objects) {
        text.extend(format!("{number} 0 obj\n").bytes());
        if number == 4 {
            text.extend(format!("<</Length {}/Filter/FlateDecode>>stream\n", packed.len()).bytes());
            text.extend(&packed);
            text.extend(b"\nendstream");
        } else {
            text.extend(object.bytes());
        }
        text.extend(b"\nendobj\n");
    }
    text.extend(b"trailer<</Size 6/Root 1 0 R>>\n%%EOF");
    let limits = Limits { time: Duration::from_secs(60), memory: 64 << 20, ..Limits::default() };
    let read = read_within(text, "bomb.pdf", limits).await;
    assert!(matches!(read, Err(ParseFault::TooLarge(_))), "{read:?}");
}

#[tokio::test]
async fn a_program_that_is_no_reader_is_told_from_none() {
    // It does not know the command, and ends without an answer.
    let other = Worker::of("/bin/sleep".into());
    let ended = other.parse(b"x".as_slice().into(), Hints::default(), Limits::default()).await;
    assert!(matches!(ended, Err(ParseFault::Unreadable(_))), "{ended:?}");
    let nobody = Worker::of("/nowhere/at/all".into());
    let none = nobody.parse(b"x".as_slice().into(), Hints::default(), Limits::default()).await;
    assert!(matches!(none, Err(ParseFault::Unavailable(_))), "{none:?}");
}

#[tokio::test]
async fn a_reader_that_never_answers_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("hang");
    std::fs::write(&script, "#!/bin/sh\nsleep 600 & echo $! > \"$(dirname \"$0\")/child\"\nexec sleep 600\n").unwrap();
    let mut mode = std::fs::metadata(&script).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o755);
    std::fs::set_permissions(&script, mode).unwrap();
    let begun = Instant::now();
    let limits = Limits { time: Duration::from_secs(1), ..Limits::default() };
    let read = Worker::of(script).parse(b"x".as_slice().into(), Hints::default(), limits).await;
    assert_eq!(read, Err(ParseFault::TimedOut(Duration::from_secs(1))));
    assert!(begun.elapsed() < Duration::from_secs(10));
    // What it started is gone with it.
    let child = std::fs::read_to_string(folder.path().join("child")).unwrap();
    let status = std::path::PathBuf::from(format!("/proc/{}/status", child.trim()));
    for _ in 0..100 {
        let gone = std::fs::read_to_string(&status).map_or(true, |status| status.contains("State:\tZ"));
        if gone {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the child of the reader lives on");
}

/// A program that never answers.
fn silent(folder: &std::path::Path) -> std::path::PathBuf {
    let script = folder.join("silent");
    std::fs::write(&script, "#!/bin/sh\nexec sleep 600\n").unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    script
}

#[tokio::test]
async fn waiting_for_a_turn_takes_nothing_from_the_time_that_reading_has() {
    let folder = tempfile::tempdir().unwrap();
    let worker = Worker::of_some(silent(folder.path()), 1);
    let limits = Limits { time: Duration::from_secs(1), ..Limits::default() };
    let begun = Instant::now();
    let parse = || worker.parse(b"x".as_slice().into(), Hints::default(), limits.clone());
    let (one, other) = tokio::join!(parse(), parse());
    assert_eq!((one, other), (Err(ParseFault::TimedOut(limits.time)), Err(ParseFault::TimedOut(limits.time))));
    assert!(begun.elapsed() > Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn nobody_is_read_for_who_waits_no_longer() {
    let folder = tempfile::tempdir().unwrap();
    let worker = Worker::of_some(silent(folder.path()), 1);
    let limits = |time, patience| Limits {
        time: Duration::from_millis(time),
        patience: Duration::from_millis(patience),
        ..Limits::default()
    };
    let parse = |limits| worker.parse(b"x".as_slice().into(), Hints::default(), limits);
    // The first holds the turn for two seconds and the half that it has to say so itself.
    let begun = Instant::now();
    let (_, none, late) =
        tokio::join!(parse(limits(2000, 60_000)), parse(limits(60_000, 1000)), parse(limits(60_000, 4000)));
    let why = "no reader had a turn free within 1 seconds";
    assert_eq!(none, Err(ParseFault::Unavailable(why.to_owned())));
    // What is left when its turn comes is what it has.
    assert!(matches!(late, Err(ParseFault::TimedOut(time)) if time < Duration::from_secs(2)), "{late:?}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn floods_of_one_sign_are_read_or_refused() {
    let many = |sign: &[u8], times: usize| sign.repeat(times);
    assert_eq!(read(many(b"a", 10_000_000), "a.txt").await.unwrap().text.len(), 10_000_000);
    let mut told = Vec::new();
    for (name, bytes) in [
        ("a.html", many(b"<", 3_000_000)),
        ("b.html", [b"<html>".to_vec(), many(b"<a b=\"", 300_000)].concat()),
        ("c.html", [b"<html>".to_vec(), many(b"<script></", 300_000)].concat()),
        ("d.html", [b"<html>".to_vec(), many(b"<div>", 500_000)].concat()),
        ("e.md", [b"# a\n# b\n".to_vec(), many(b"[", 300_000)].concat()),
        ("f.md", [b"# a\n# b\n".to_vec(), many(b"*a_", 300_000)].concat()),
        ("g.md", [b"# a\n# b\n".to_vec(), many(b">", 300_000)].concat()),
        ("h.csv", [b"a,b\n".to_vec(), many(b"\"", 3_000_001)].concat()),
        (
            "i.eml",
            [
                b"From: a@b\nTo: c@d\nSubject: x\nContent-Type: multipart/mixed; boundary=b\n\n".to_vec(),
                many(b"--b\nContent-Type: multipart/mixed; boundary=b\n\n", 50_000),
            ]
            .concat(),
        ),
        (
            "j.eml",
            [b"From: a@b\nTo: c@d\nSubject: x\n".to_vec(), many(b"Content-Type: message/rfc822\n\n", 50_000)].concat(),
        ),
    ] {
        let outcome = match read(bytes, name).await {
            Ok(_) => "read",
            Err(ParseFault::TooLarge(_)) => "too large",
            Err(ParseFault::Unreadable(_)) => "unreadable",
            Err(ParseFault::TimedOut(_)) => "timed out",
            Err(fault) => panic!("{name}: {fault:?}"),
        };
        told.push((name, outcome));
    }
    let expected = [
        ("a.html", "read"),
        ("b.html", "read"),
        ("c.html", "read"),
        ("d.html", "read"),
        ("e.md", "read"),
        ("f.md", "read"),
        ("g.md", "read"),
        ("h.csv", "read"),
        ("i.eml", "read"),
        ("j.eml", "too large"),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn types_are_told_by_content() {
    assert!(matches!(read(Vec::new(), "a.pdf").await, Err(ParseFault::Unreadable(_))));
    assert!(matches!(read(b" \n\t".to_vec(), "a.txt").await, Err(ParseFault::Unreadable(_))));
    for (bytes, what) in [
        (b"MZ\x90\x00\x03\x00\x00\x00".as_slice(), "a program"),
        (b"\x7fELF\x02\x01\x01\x00", "a program"),
        (b"\x1f\x8b\x08\x00", "a gzip archive"),
        (b"{\\rtf1 hello}", "RTF"),
    ] {
        let Err(ParseFault::Unknown(why)) = read(bytes.to_vec(), "report.pdf").await else { panic!("{what}") };
        assert!(why.contains(what), "{why}");
    }
    let Err(ParseFault::Unknown(_)) = read((0..=255).cycle().take(4000).collect(), "noise.txt").await else {
        panic!("noise")
    };
    let guessed = read(b"gr\xfc\xdfe aus K\xf6ln".to_vec(), "old.txt").await.unwrap();
    assert_eq!((guessed.format, guessed.text.as_str()), (Format::Text, "grüße aus Köln"));
    assert!(guessed.warnings[0].contains("not UTF-8"));
    let pdf_by_another_name = read(file("invoice.pdf"), "photo.png").await.unwrap();
    assert_eq!(pdf_by_another_name.format, Format::Pdf);
    assert!(pdf_by_another_name.warnings[0].contains("its name says image"));
}
