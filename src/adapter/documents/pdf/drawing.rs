//! Following what a page draws: where each text stands, and which pictures there are.

use std::rc::Rc;

use hayro_syntax::Filter;
use hayro_syntax::content::UntypedIter;
use hayro_syntax::object::{Array, Dict, Name, Number, Object, ObjectIdentifier, Stream};
use hayro_syntax::page::{Page, Resources};

use super::Fonts;
use super::font::Font;
use super::layout::Run;
use crate::port::documents::ParseFault;

type Matrix = [f64; 6];

/// Drawings within drawings, states within states, and steps of one page.
const DEEPEST: usize = 12;
const MOST_STATES: usize = 512;
const MOST_STEPS: usize = 5_000_000;
/// Drawings that a page takes in: each is unpacked anew.
const MOST_FORMS: usize = 20_000;
/// Text runs of a page.
const MOST_RUNS: usize = 400_000;
/// Pictures of a page that are kept.
const MOST_PICTURES: usize = 8;

/// A picture on a page.
pub(super) enum Picture {
    /// A file that other programs read.
    File(Vec<u8>),
    /// One that is not read: its form.
    Unknown(&'static str),
}

#[derive(Clone)]
struct State {
    matrix: Matrix,
    font: Option<Rc<Font>>,
    size: f64,
    letter_space: f64,
    word_space: f64,
    stretch: f64,
    leading: f64,
    rise: f64,
}

/// A page on its way.
pub(super) struct Drawing<'f> {
    fonts: &'f mut Fonts,
    state: State,
    states: Vec<State>,
    text: Matrix,
    line: Matrix,
    runs: Vec<Run>,
    turned: Vec<Run>,
    pictures: Vec<Picture>,
    steps: usize,
    forms: usize,
    /// The drawings that are being followed, each within the one before.
    within: Vec<ObjectIdentifier>,
}

impl<'f> Drawing<'f> {
    pub(super) fn new(fonts: &'f mut Fonts, matrix: Matrix) -> Self {
        let state = State {
            matrix,
            font: None,
            size: 0.0,
            letter_space: 0.0,
            word_space: 0.0,
            stretch: 1.0,
            leading: 0.0,
            rise: 0.0,
        };
        Self {
            fonts,
            state,
            states: Vec::new(),
            text: IDENTITY,
            line: IDENTITY,
            runs: Vec::new(),
            turned: Vec::new(),
            pictures: Vec::new(),
            steps: 0,
            forms: 0,
            within: Vec::new(),
        }
    }

    /// What was drawn: text that runs to the right, text that runs otherwise, pictures.
    pub(super) fn finish(self) -> (Vec<Run>, Vec<Run>, Vec<Picture>) {
        (self.runs, self.turned, self.pictures)
    }

    /// Follows a page.
    pub(super) fn draw(&mut self, page: &Page<'_>) -> Result<(), ParseFault> {
        self.follow(page.operations(), page.resources(), 0)
    }

    fn follow(
        &mut self,
        mut steps: UntypedIter<'_>,
        resources: &Resources<'_>,
        depth: usize,
    ) -> Result<(), ParseFault> {
        let begun = self.states.len();
        while let Some(step) = steps.next() {
            self.steps += 1;
            if self.steps > MOST_STEPS || self.runs.len() + self.turned.len() > MOST_RUNS {
                return Err(ParseFault::TooLarge("one of its pages draws more than a page may".to_owned()));
            }
            let operator: &[u8] = step.operator;
            match operator {
                b"Tj" | b"'" | b"\"" => {
                    let operands: Vec<&Object<'_>> = step.operands().collect();
                    if operator == b"\"" {
                        self.state.word_space = number(operands.first().copied());
                        self.state.letter_space = number(operands.get(1).copied());
                    }
                    if operator != b"Tj" {
                        self.next_line(0.0, -self.state.leading);
                    }
                    if let Some(Object::String(string)) = operands.last() {
                        self.show(&[Piece::Text(string.as_bytes())]);
                    }
                }
                b"TJ" => {
                    if let Some(Object::Array(array)) = step.operands().next() {
                        self.show_spaced(array);
                    }
                }
                b"Do" => {
                    if let Some(Object::Name(name)) = step.operands().next() {
                        self.object(name, resources, depth)?;
                    }
                }
                b"Tf" => {
                    let operands: Vec<&Object<'_>> = step.operands().collect();
                    if let Some(Object::Name(name)) = operands.first() {
                        self.state.font = resources.get_font(name).map(|dict| self.font(&dict));
                    }
                    self.state.size = number(operands.get(1).copied());
                }
                b"BI" => self.pictures.truncate(MOST_PICTURES),
                _ => {
                    let mut numbers = [0.0; 6];
                    for (place, operand) in numbers.iter_mut().zip(step.operands()) {
                        *place = number(Some(operand));
                    }
                    self.place(operator, numbers, begun);
                }
            }
        }
        // What was not given back belongs to nobody outside.
        if self.states.len() > begun {
            if let Some(state) = self.states.get(begun) {
                self.state = state.clone();
            }
            self.states.truncate(begun);
        }
        Ok(())
    }

    fn place(&mut self, operator: &[u8], numbers: [f64; 6], begun: usize) {
        let [first, second, ..] = numbers;
        match operator {
            b"q" if self.states.len() < MOST_STATES => self.states.push(self.state.clone()),
            b"Q" if self.states.len() > begun => {
                if let Some(state) = self.states.pop() {
                    self.state = state;
                }
            }
            b"cm" => self.state.matrix = times(numbers, self.state.matrix),
            b"BT" => (self.text, self.line) = (IDENTITY, IDENTITY),
            b"Tm" => (self.text, self.line) = (numbers, numbers),
            b"Td" => self.next_line(first, second),
            b"TD" => {
                self.state.leading = -second;
                self.next_line(first, second);
            }
            b"T*" => self.next_line(0.0, -self.state.leading),
            b"Tc" => self.state.letter_space = first,
            b"Tw" => self.state.word_space = first,
            b"Tz" => self.state.stretch = first / 100.0,
            b"TL" => self.state.leading = first,
            b"Ts" => self.state.rise = first,
            _ => {}
        }
    }

    fn next_line(&mut self, x: f64, y: f64) {
        self.line = times([1.0, 0.0, 0.0, 1.0, x, y], self.line);
        self.text = self.line;
    }

    fn font(&mut self, dict: &Dict<'_>) -> Rc<Font> {
        // Two fonts that are written with the same bytes are the same font.
        let key = dict.data().to_vec();
        if let Some(font) = self.fonts.get(&key) {
            return font.clone();
        }
        if self.fonts.len() > 2000 {
            self.fonts.clear();
        }
        let font = Rc::new(Font::read(dict));
        self.fonts.insert(key, font.clone());
        font
    }

    fn show_spaced(&mut self, array: &Array<'_>) {
        let objects: Vec<Object<'_>> = array.iter::<Object<'_>>().collect();
        let pieces: Vec<Piece<'_>> = objects
            .iter()
            .filter_map(|object| match object {
                Object::String(string) => Some(Piece::Text(string.as_bytes())),
                Object::Number(number) => Some(Piece::Move(number.as_f64())),
                _ => None,
            })
            .collect();
        self.show(&pieces);
    }

    /// Shows text. A gap as wide as a space is one; a wide one begins another run.
    fn show(&mut self, pieces: &[Piece<'_>]) {
        let Some(font) = self.state.font.clone() else { return };
        let state = &self.state;
        let (size, stretch) = (state.size, state.stretch);
        let (letter_space, word_space) = (state.letter_space, state.word_space);
        let mut advance = 0.0;
        let mut begin = 0.0;
        let mut words = String::new();
        let mut done: Vec<(f64, f64, String)> = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Move(by) => {
                    advance -= by / 1000.0 * size * stretch;
                    let gap = -by / 1000.0;
                    if gap > 1.0 {
                        done.push((begin, advance - gap * size * stretch, std::mem::take(&mut words)));
                        begin = advance;
                    } else if gap > 0.17 && !words.is_empty() && !words.ends_with(' ') {
                        words.push(' ');
                    }
                }
                Piece::Text(bytes) => font.show(bytes, |text, width, is_space| {
                    if words.is_empty() {
                        begin = advance;
                    }
                    words.push_str(text);
                    let space = letter_space + if is_space { word_space } else { 0.0 };
                    advance += (width / 1000.0 * size + space) * stretch;
                }),
            }
        }
        done.push((begin, advance, words));
        let matrix = times(self.text, self.state.matrix);
        for (from, to, words) in done {
            self.keep(matrix, from, to, words, font.bold);
        }
        self.text = times([1.0, 0.0, 0.0, 1.0, advance, 0.0], self.text);
    }

    fn keep(&mut self, matrix: Matrix, from: f64, to: f64, words: String, bold: bool) {
        if words.is_empty() {
            return;
        }
        let rise = self.state.rise;
        let start = applied(matrix, from, rise);
        let end = applied(matrix, to, rise);
        let size = self.state.size.abs() * matrix[2].hypot(matrix[3]);
        if size < 0.1 {
            return;
        }
        let (across, down) = (end.0 - start.0, end.1 - start.1);
        if down.abs() > across.abs() {
            // Turned by a quarter: what is down for it is across for the page.
            let (left, right, y) =
                if matrix[1] < 0.0 { (-start.1, -end.1, start.0) } else { (start.1, end.1, -start.0) };
            self.turned.push(Run { left: left.min(right), right: left.max(right), y, size, bold, text: words });
        } else {
            let (left, right) = (start.0.min(end.0), start.0.max(end.0));
            self.runs.push(Run { left, right, y: start.1, size, bold, text: words });
        }
    }

    fn object(&mut self, name: &Name<'_>, resources: &Resources<'_>, depth: usize) -> Result<(), ParseFault> {
        let Some(stream) = resources.get_x_object(name) else { return Ok(()) };
        let dict = stream.dict();
        match dict.get::<Name<'_>>("Subtype").as_deref() {
            // One that draws itself draws nothing more.
            Some(b"Form") if depth < DEEPEST && !self.within.contains(&stream.obj_id()) => {
                self.forms += 1;
                if self.forms > MOST_FORMS {
                    return Err(ParseFault::TooLarge("one of its pages draws more than a page may".to_owned()));
                }
                let Ok(content) = stream.decoded_data() else { return Ok(()) };
                let own = dict.get::<Dict<'_>>("Resources").map(Resources::new);
                let outer = self.state.clone();
                if let Some(matrix) = dict.get::<Array<'_>>("Matrix") {
                    let mut numbers = IDENTITY;
                    for (place, number) in numbers.iter_mut().zip(matrix.iter::<Number>()) {
                        *place = number.as_f64();
                    }
                    self.state.matrix = times(numbers, self.state.matrix);
                }
                let (text, line) = (self.text, self.line);
                self.within.push(stream.obj_id());
                self.follow(UntypedIter::new(&content), own.as_ref().unwrap_or(resources), depth + 1)?;
                self.within.pop();
                (self.text, self.line) = (text, line);
                self.state = outer;
            }
            Some(b"Image") if self.pictures.len() < MOST_PICTURES => {
                if let Some(picture) = picture(&stream) {
                    self.pictures.push(picture);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

enum Piece<'a> {
    Text(&'a [u8]),
    Move(f64),
}

const IDENTITY: Matrix = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0];

/// First the one, then the other.
fn times(one: Matrix, other: Matrix) -> Matrix {
    [
        one[0] * other[0] + one[1] * other[2],
        one[0] * other[1] + one[1] * other[3],
        one[2] * other[0] + one[3] * other[2],
        one[2] * other[1] + one[3] * other[3],
        one[4] * other[0] + one[5] * other[2] + other[4],
        one[4] * other[1] + one[5] * other[3] + other[5],
    ]
}

fn applied(matrix: Matrix, x: f64, y: f64) -> (f64, f64) {
    (x * matrix[0] + y * matrix[2] + matrix[4], x * matrix[1] + y * matrix[3] + matrix[5])
}

fn number(object: Option<&Object<'_>>) -> f64 {
    match object {
        Some(Object::Number(number)) => number.as_f64(),
        _ => 0.0,
    }
}

/// A picture as a file: a JPEG as it is, plain samples as a portable map. Small ones are ornaments.
fn picture(stream: &Stream<'_>) -> Option<Picture> {
    let dict = stream.dict();
    let side = |name: &str| dict.get::<Number>(name).and_then(|side| u32::try_from(side.as_i64()).ok());
    let (width, height) = (side("Width")?, side("Height")?);
    if width < 200 || height < 60 || u64::from(width) * u64::from(height) > 200_000_000 {
        return None;
    }
    match stream.filters().as_slice() {
        [Filter::DctDecode] => return Some(Picture::File(stream.raw_data().into_owned())),
        filters if filters.contains(&Filter::DctDecode) => return Some(Picture::Unknown("packed JPEG")),
        filters if filters.contains(&Filter::JpxDecode) => return Some(Picture::Unknown("JPEG 2000")),
        filters if filters.contains(&Filter::Jbig2Decode) => return Some(Picture::Unknown("JBIG2")),
        filters if filters.contains(&Filter::CcittFaxDecode) => return Some(Picture::Unknown("fax")),
        _ => {}
    }
    let samples = stream.decoded_data().ok()?;
    let bits = dict.get::<Number>("BitsPerComponent").map_or(1, |bits| bits.as_i64());
    let pixels = width as usize * height as usize;
    let (magic, depth, body) = match bits {
        8 if samples.len() >= pixels * 3 => ("P6", "255\n", samples.get(..pixels * 3)?.to_vec()),
        8 if samples.len() >= pixels => ("P5", "255\n", samples.get(..pixels)?.to_vec()),
        // Of one bit: a set one is white in PDF and black in the map.
        1 => ("P4", "", samples.iter().map(|byte| !byte).collect()),
        _ => return Some(Picture::Unknown("samples")),
    };
    let mut file = format!("{magic}\n{width} {height}\n{depth}").into_bytes();
    file.extend(body);
    Some(Picture::File(file))
}
