//! Draws pages: everything that comes from elsewhere is escaped where it is written.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::fields::{Fields, id_of};
use super::sent::Sent;
use crate::capability::form_page::FormPage;
use crate::kernel::fault::Fault;

/// A text as HTML writes it, in text and in attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

fn whole(title: &str, main: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>{}</title>\n<link rel=\"stylesheet\" href=\"/forms/style.css\">\n</head>\n\
         <body>\n<main>\n{main}</main>\n</body>\n</html>\n",
        escaped(title)
    )
}

/// A page that only says why there is none.
pub(super) fn told(title: &str, text: &str) -> String {
    whole(title, &format!("<h1>{}</h1>\n<p role=\"alert\" class=\"notice\">{}</p>\n", escaped(title), escaped(text)))
}

/// The page with its form; what was sent before stands in it, with what was wrong of it.
pub(super) fn page(page: &FormPage, sent: &Sent, fault: Option<&Fault>) -> String {
    let mut main = String::new();
    let errors = fault.map(|fault| errors(page, fault)).unwrap_or_default();
    if fault.is_some() && page.closed.is_none() {
        summary(&mut main, fault, &errors);
    }
    put(&mut main, format_args!("<h1>{}</h1>\n", escaped(&page.title)));
    if let Some(person) = &page.person {
        put(&mut main, format_args!("<p class=\"quiet\">For {}</p>\n", escaped(person)));
    }
    if let Some(closed) = &page.closed {
        put(&mut main, format_args!("<p role=\"status\" class=\"notice\">{}</p>\n", escaped(closed)));
    }
    for text in &page.text {
        put(&mut main, format_args!("<p class=\"text\">{}</p>\n", escaped(text)));
    }
    if !page.facts.is_empty() {
        main.push_str("<dl>\n");
        for fact in &page.facts {
            let value = match &fact.url {
                Some(url) if url.starts_with("https://") || url.starts_with("http://") => {
                    format!("<a href=\"{}\" rel=\"noreferrer noopener\">{}</a>", escaped(url), escaped(&fact.value))
                }
                _ => escaped(&fact.value),
            };
            put(&mut main, format_args!("<div><dt>{}</dt><dd>{value}</dd></div>\n", escaped(&fact.name)));
        }
        main.push_str("</dl>\n");
    }
    if page.closed.is_none() {
        form(&mut main, page, sent, &errors);
    }
    let title =
        if fault.is_some() && page.closed.is_none() { format!("Error: {}", page.title) } else { page.title.clone() };
    whole(&title, &main)
}

fn put(out: &mut String, what: std::fmt::Arguments<'_>) {
    // A string takes everything.
    let _ = out.write_fmt(what);
}

/// What was wrong: the names of fields as they are sent, and what is said of each.
type Errors = Vec<(Option<String>, String)>;

fn errors(page: &FormPage, fault: &Fault) -> Errors {
    let top = |name: &str| if page.also.contains_key(name) { Some(format!("also.{name}")) } else { None };
    let of = |pointer: &str| -> Option<String> {
        let mut parts = pointer.split('/').skip(1);
        let first = parts.next()?;
        if page.form_as.as_deref() == Some(first) {
            // A place in a list is told at the list.
            let names: Vec<&str> = parts.filter(|part| part.parse::<u32>().is_err()).collect();
            return (!names.is_empty()).then(|| format!("form.{}", names.join(".")));
        }
        if page.decision_as.as_deref() == Some(first) {
            return Some("decision".to_owned());
        }
        top(first)
    };
    fault.places().iter().map(|place| (of(&place.pointer), place.message.clone())).collect()
}

fn summary(out: &mut String, fault: Option<&Fault>, errors: &Errors) {
    let Some(fault) = fault else { return };
    out.push_str(
        "<div class=\"errors\" role=\"alert\" id=\"errors\" tabindex=\"-1\" autofocus>\n<h2>This was not sent</h2>\n",
    );
    if errors.is_empty() {
        put(
            out,
            format_args!(
                "<p>{}. Look at the page again, and send what you decide.</p>\n",
                escaped(&upper(fault.say()))
            ),
        );
    } else {
        out.push_str("<ul>\n");
        for (name, message) in errors {
            let label = name.as_deref().and_then(|name| name.rsplit('.').next()).unwrap_or_default();
            let text = escaped(&if label.is_empty() { upper(message) } else { format!("{}: {message}", words(label)) });
            match name {
                Some(name) => put(out, format_args!("<li><a href=\"#{}\">{text}</a></li>\n", escaped(&id_of(name)))),
                None => put(out, format_args!("<li>{text}</li>\n")),
            }
        }
        out.push_str("</ul>\n");
    }
    out.push_str("</div>\n");
}

fn upper(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// A field's name as words: `unitPrice` and `unit_price` are "Unit price".
pub(super) fn words(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter == '_' || letter == '.' {
            out.push(' ');
        } else if letter.is_uppercase() && !out.is_empty() {
            out.push(' ');
            out.extend(letter.to_lowercase());
        } else {
            out.push(letter);
        }
    }
    upper(&out)
}

fn form(out: &mut String, page: &FormPage, sent: &Sent, errors: &Errors) {
    out.push_str("<form method=\"post\" novalidate>\n");
    for (name, value) in &page.fixed {
        if let Some(text) = value.as_str() {
            put(
                out,
                format_args!("<input type=\"hidden\" name=\"fixed.{}\" value=\"{}\">\n", escaped(name), escaped(text)),
            );
        }
    }
    let mut fields = Fields { out, sent, errors, hints: &page.hints };
    if let Some(form) = &page.form {
        fields.object("form", form, &page.order);
    }
    let also: Map<String, Value> = page.also.clone();
    let mut schema = Map::new();
    schema.insert("properties".to_owned(), Value::Object(also));
    fields.object("also", &schema, &[]);
    let wrong = errors.iter().find(|(name, _)| name.as_deref() == Some("decision"));
    if let Some((_, message)) = wrong {
        put(out, format_args!("<p class=\"error\" id=\"{}\">{}</p>\n", id_of("decision"), escaped(&upper(message))));
    }
    out.push_str("<div class=\"decisions\" role=\"group\" aria-label=\"Decision\">\n");
    if page.decisions.is_empty() {
        out.push_str("<button type=\"submit\">Send</button>\n");
    }
    for decision in &page.decisions {
        put(
            out,
            format_args!(
                "<button type=\"submit\" name=\"decision\" value=\"{}\">{}</button>\n",
                escaped(&decision.value),
                escaped(&decision.label)
            ),
        );
    }
    out.push_str("</div>\n</form>\n");
}
