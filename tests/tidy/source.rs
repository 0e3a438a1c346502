//! One file as the rules see it: its code, its string literals and its test lines told apart.

use std::fs;
use std::path::Path;

/// Extensions of the files that rules are held against.
const EXTENSIONS: [&str; 13] = [
    "rs", "md", "toml", "py", "sh", "yml", "yaml", "sql", "html", "css", "js", "ts", "tsx",
];
/// Files that have no extension and count all the same.
const NAMES: [&str; 3] = ["Makefile", "run", "needs"];
/// Folders that nobody writes by hand.
const SKIPPED: [&str; 7] = [
    "target",
    ".git",
    "node_modules",
    "paraglide",
    "dist",
    "__pycache__",
    ".venv",
];

/// A text file. The three texts have the same lines.
#[derive(Debug)]
pub struct Source {
    /// Relative to the repository, with `/`.
    pub path: String,
    pub text: String,
    /// `text` with comments and the insides of literals blanked out; of a Rust file only.
    code: String,
    /// `text` with all but the insides of string literals blanked out; of a Rust file only.
    literals: String,
    /// By line: whether it is compiled into tests only.
    test_lines: Vec<bool>,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let (code, literals) = match path.ends_with(".rs") {
            true => split(text),
            false => (text.to_owned(), text.to_owned()),
        };
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            test_lines: test_lines(path, &code),
            code,
            literals,
        }
    }

    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    pub fn is_under(&self, folders: &[&str]) -> bool {
        folders.iter().any(|folder| self.path.starts_with(folder))
    }

    pub fn code(&self) -> &str {
        &self.code
    }

    /// Lines of the file's text, numbered from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        numbered(&self.text)
    }

    pub fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        numbered(&self.code)
    }

    pub fn literal_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        numbered(&self.literals)
    }

    /// Whether a line, numbered from 1, is compiled into tests only.
    pub fn is_test_line(&self, line: usize) -> bool {
        self.test_lines.get(line - 1).copied().unwrap_or(false)
    }
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
}

/// Every text file under `root`.
pub fn sources(root: &Path) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a folder entry").path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_dir() {
                if !SKIPPED.contains(&name.as_str()) {
                    folders.push(path);
                }
                continue;
            }
            let extension = path.extension().unwrap_or_default().to_string_lossy();
            if EXTENSIONS.contains(&extension.as_ref()) || NAMES.contains(&name.as_str()) {
                let relative = path.strip_prefix(root).expect("a path under the root");
                let text = fs::read_to_string(&path).expect("a UTF-8 text file");
                found.push(Source::new(
                    &relative.to_string_lossy().replace('\\', "/"),
                    &text,
                ));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

/// `(code, literals)` of a Rust text.
fn split(text: &str) -> (String, String) {
    let chars: Vec<char> = text.chars().collect();
    let mut kinds = Vec::with_capacity(chars.len());
    while kinds.len() < chars.len() {
        let at = kinds.len();
        let in_word = at > 0 && is_word(chars[at - 1]);
        let (kind, length) = token(&chars[at..], in_word);
        let length = length.min(chars.len() - at);
        kinds.resize(at + length, kind);
    }
    let only = |wanted: Kind| {
        let marked = chars.iter().zip(&kinds);
        marked
            .map(|(c, kind)| {
                if *kind == wanted || *c == '\n' {
                    *c
                } else {
                    ' '
                }
            })
            .collect()
    };
    (only(Kind::Code), only(Kind::Literal))
}

/// Kind and length of what `rest` starts with.
fn token(rest: &[char], in_word: bool) -> (Kind, usize) {
    match rest {
        ['/', '/', ..] => (Kind::Comment, line_length(rest)),
        ['/', '*', ..] => (Kind::Comment, block_comment_length(rest)),
        ['"', ..] => (Kind::Literal, string_length(rest)),
        ['\'', '\\', ..] => (
            Kind::Literal,
            3 + rest.iter().skip(3).take_while(|c| **c != '\'').count() + 1,
        ),
        ['\'', _, '\'', ..] => (Kind::Literal, 3),
        ['r', '"' | '#', ..] if !in_word => raw_string(rest, 1),
        ['b' | 'c', 'r', '"' | '#', ..] if !in_word => raw_string(rest, 2),
        _ => (Kind::Code, 1),
    }
}

fn line_length(rest: &[char]) -> usize {
    rest.iter().take_while(|c| **c != '\n').count()
}

fn block_comment_length(rest: &[char]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match &rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string_length(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// A raw string whose hashes start after `prefix` characters, or one character of code.
fn raw_string(rest: &[char], prefix: usize) -> (Kind, usize) {
    let hashes = rest[prefix..].iter().take_while(|c| **c == '#').count();
    let start = prefix + hashes + 1;
    if rest.get(start - 1) != Some(&'"') {
        return (Kind::Code, 1);
    }
    let mut at = start;
    while at < rest.len() {
        let closes = rest[at] == '"'
            && rest[at + 1..]
                .iter()
                .take(hashes)
                .filter(|c| **c == '#')
                .count()
                == hashes;
        if closes {
            break;
        }
        at += 1;
    }
    (Kind::Literal, at + 1 + hashes)
}

/// Marks the lines of items under `#[cfg(test)]`, or all of a file that is a test module.
fn test_lines(path: &str, code: &str) -> Vec<bool> {
    let is_test_file = path.ends_with("/tests.rs") || path.contains("/tests/");
    let mut marks = vec![is_test_file; code.lines().count()];
    let attribute = "#[cfg(test)]";
    let line_of = |offset: usize| code[..offset].matches('\n').count();
    for (start, _) in code.match_indices(attribute) {
        let item = start + attribute.len();
        let end = item + item_length(&code[item..]);
        let last = line_of(end).min(marks.len().saturating_sub(1));
        for mark in &mut marks[line_of(start)..=last] {
            *mark = true;
        }
    }
    marks
}

/// Length of an item up to its `;` or closing brace.
fn item_length(code: &str) -> usize {
    let mut depth = 0;
    for (offset, c) in code.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 && matches!(c, ';' | '}') {
            return offset;
        }
    }
    code.len()
}
