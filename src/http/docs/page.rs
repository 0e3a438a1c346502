//! The pages as HTML text.

use std::fmt::Write;

use serde_json::Value;

use crate::http::problem::Code;

/// Every route by group, then every shape.
pub fn routes(document: &Value) -> String {
    let mut body = String::new();
    let empty = Vec::new();
    let tags = document["tags"].as_array().unwrap_or(&empty);
    put(
        &mut body,
        format_args!(
            "<p>{}</p><nav><ul>",
            prose(&document["info"]["description"])
        ),
    );
    for tag in tags {
        let name = text(&tag["name"]);
        put(
            &mut body,
            format_args!("<li><a href=\"#{0}\">{1}</a></li>", anchor(&name), name),
        );
    }
    body.push_str("<li><a href=\"#shapes\">Shapes</a></li></ul></nav>");
    for tag in tags {
        let name = text(&tag["name"]);
        put(
            &mut body,
            format_args!("<h2 id=\"{0}\">{1}</h2>", anchor(&name), name),
        );
        for (path, methods) in members(&document["paths"]) {
            for (method, operation) in members(methods) {
                if operation["tags"][0] == tag["name"] {
                    route(&mut body, path, method, operation);
                }
            }
        }
    }
    body.push_str("<h2 id=\"shapes\">Shapes</h2>");
    for (name, schema) in members(&document["components"]["schemas"]) {
        shape(&mut body, name, schema);
    }
    framed("API", &body)
}

/// Every problem; problems refer to it by anchor.
pub fn problems() -> String {
    let mut body = String::from(
        "<p>A failure is <code>application/problem+json</code> (RFC 9457). Programs go by \
         <code>code</code>, which never changes its meaning.</p>",
    );
    for code in Code::ALL {
        put(
            &mut body,
            format_args!(
                "<section id=\"{0}\"><h2><code>{0}</code></h2><p><b>{1}</b> · {2}</p><p>{3}</p></section>",
                code.name(),
                code.status(),
                escaped(code.title()),
                prose_text(code.remedy()),
            ),
        );
    }
    framed("Problems", &body)
}

fn route(body: &mut String, path: &str, method: &str, operation: &Value) {
    let id = text(&operation["operationId"]);
    put(
        body,
        format_args!(
            "<details id=\"{id}\"><summary><b>{}</b> <code>{}</code> {}</summary>",
            escaped(&method.to_uppercase()),
            escaped(path),
            text(&operation["summary"]),
        ),
    );
    if operation["description"].is_string() {
        put(
            body,
            format_args!("<p>{}</p>", prose(&operation["description"])),
        );
    }
    put(
        body,
        format_args!(
            "<p>Permission: <code>{}</code></p>",
            text(&operation["x-permission"])
        ),
    );
    let parameters = operation["parameters"].as_array();
    if let Some(parameters) = parameters.filter(|all| !all.is_empty()) {
        body.push_str("<table><tr><th>Parameter</th><th>In</th><th>Type</th><th></th></tr>");
        for parameter in parameters {
            let needed = if parameter["required"] == true {
                " (needed)"
            } else {
                ""
            };
            put(
                body,
                format_args!(
                    "<tr><td><code>{}</code>{needed}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                    text(&parameter["name"]),
                    text(&parameter["in"]),
                    kind(&parameter["schema"]),
                    prose(&parameter["description"]),
                ),
            );
        }
        body.push_str("</table>");
    }
    let request = &operation["requestBody"]["content"]["application/json"]["schema"];
    if request.is_object() {
        put(body, format_args!("<p>Body: {}</p>", kind(request)));
    }
    body.push_str("<table><tr><th>Answer</th><th></th></tr>");
    for (status, answer) in members(&operation["responses"]) {
        put(
            body,
            format_args!(
                "<tr><td>{}</td><td>{}</td></tr>",
                escaped(status),
                answer_text(answer)
            ),
        );
    }
    body.push_str("</table></details>");
}

fn answer_text(answer: &Value) -> String {
    if let Some(codes) = answer["x-codes"].as_array() {
        let link = |code: &Value| {
            let code = text(code);
            format!("<a href=\"/api/docs/problems#{code}\"><code>{code}</code></a>")
        };
        return codes.iter().map(link).collect::<Vec<_>>().join(", ");
    }
    let shapes = members(&answer["content"]).map(|(media_type, content)| {
        format!("{} {}", escaped(media_type), kind(&content["schema"]))
    });
    let shapes: Vec<_> = shapes.collect();
    match shapes.is_empty() {
        true => text(&answer["description"]),
        false => shapes.join(", "),
    }
}

fn shape(body: &mut String, name: &str, schema: &Value) {
    put(
        body,
        format_args!(
            "<details id=\"shape-{0}\"><summary><code>{0}</code> {1}</summary>",
            escaped(name),
            prose(&schema["description"]),
        ),
    );
    if schema["enum"].is_array() {
        put(body, format_args!("<p>{}</p>", kind(schema)));
    }
    body.push_str("<table><tr><th>Field</th><th>Type</th><th></th></tr>");
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for (field, of) in members(&schema["properties"]) {
        let may_be_absent = !required.iter().any(|name| name == field);
        put(
            body,
            format_args!(
                "<tr><td><code>{}</code></td><td>{}{}</td><td>{}{}</td></tr>",
                escaped(field),
                kind(of),
                if may_be_absent && !kind(of).ends_with(" or null") {
                    " or null"
                } else {
                    ""
                },
                prose(&of["description"]),
                example(of),
            ),
        );
    }
    body.push_str("</table>");
    body.push_str(&example(schema));
    body.push_str("</details>");
}

fn example(of: &Value) -> String {
    let shown = match &of["example"] {
        Value::Null => &of["examples"][0],
        shown => shown,
    };
    match shown {
        Value::Null => String::new(),
        shown => format!(" <samp>{}</samp>", escaped(&shown.to_string())),
    }
}

/// A type in a word or a link.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = escaped(reference.rsplit('/').next().unwrap_or_default());
        return format!("<a href=\"#shape-{name}\">{name}</a>");
    }
    if let Some(choice) = schema["oneOf"].as_array() {
        return choice.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<_> = words
            .iter()
            .map(|word| format!("<code>{}</code>", text(word)))
            .collect();
        return words.join(", ");
    }
    if schema["properties"]["items"].is_object() {
        return kind(&schema["properties"]["items"]).replacen("list of", "page of", 1);
    }
    match &schema["type"] {
        Value::String(name) if name == "array" => format!("list of {}", kind(&schema["items"])),
        Value::String(name) => escaped(name),
        Value::Array(names) => {
            let names: Vec<_> = names.iter().map(text).collect();
            names.join(" or ")
        }
        _ => String::new(),
    }
}

fn framed(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Blotter: {title}</title>\
         <link rel=\"stylesheet\" href=\"/api/docs/style.css\"></head><body><main>\
         <p><a href=\"/api/docs\">API</a> · <a href=\"/api/docs/problems\">Problems</a> · \
         <a href=\"/api/openapi.json\">OpenAPI</a></p><h1>{title}</h1>{body}</main></body></html>"
    )
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn put(body: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = body.write_fmt(text);
}

fn anchor(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}

fn text(value: &Value) -> String {
    escaped(value.as_str().unwrap_or_default())
}

/// Text with `code` in it.
fn prose(value: &Value) -> String {
    prose_text(value.as_str().unwrap_or_default())
}

fn prose_text(text: &str) -> String {
    let mut out = String::new();
    for (index, part) in text.split('`').enumerate() {
        match index % 2 {
            0 => out.push_str(&escaped(part)),
            _ => put(&mut out, format_args!("<code>{}</code>", escaped(part))),
        }
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
