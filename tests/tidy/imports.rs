//! Who may import whom.

use super::Finding;
use super::source::{Source, is_word};

/// The floors of the house from the top down. An import may only go down, never up or sideways.
const FLOORS: [&[&str]; 11] = [
    &["main"],
    &["cli"],
    &["app"],
    &["http"],
    &["actors", "projections"],
    &["identity"],
    &["venues", "market"],
    &["domain"],
    &["events"],
    &["runtime", "sqlite"],
    &["values"],
];

/// The actors, each a module of `src/actors`; what else lies there is shared by all of them.
const ACTORS: [&str; 4] = ["risk", "execution", "strategy", "notifier"];

/// Modules of `events` that are, or hand out, a store.
const STORES: [&str; 7] = [
    "store", "sqlite", "memory", "postgres", "kurrent", "journal", "plan",
];

pub fn belongs_to_a_floor(file: &Source) -> Vec<Finding> {
    match floor_of(file) {
        Some(floor) if rank(floor).is_none() => vec![Finding {
            path: file.path.clone(),
            line: 1,
            remedy: format!(
                "`{floor}` is on no floor; give it its place in FLOORS of tests/tidy/imports.rs"
            ),
        }],
        _ => Vec::new(),
    }
}

pub fn only_go_down(file: &Source) -> Vec<Finding> {
    let Some((own, own_rank)) = floor_of(file).and_then(|own| Some((own, rank(own)?))) else {
        return Vec::new();
    };
    let not_below = |import: &Import| {
        let target = import.path.first()?;
        let target_rank = rank(target)?;
        let allowed = target == own || target_rank > own_rank;
        (!allowed).then(|| Finding {
            path: file.path.clone(),
            line: import.line,
            remedy: format!(
                "`{own}` imports `{target}`, which is not below it; move the shared part down, or \
                 hand it in from `app`"
            ),
        })
    };
    imports(file).iter().filter_map(not_below).collect()
}

pub fn no_actor_imports_another(file: &Source) -> Vec<Finding> {
    let module = module_of(&file.path).unwrap_or_default();
    let [floor, own, ..] = module.as_slice() else {
        return Vec::new();
    };
    if floor != "actors" || !ACTORS.contains(&own.as_str()) {
        return Vec::new();
    }
    let crosses = |import: &Import| {
        let [floor, other, ..] = import.path.as_slice() else {
            return None;
        };
        let another = floor == "actors" && other != own && ACTORS.contains(&other.as_str());
        another.then(|| Finding {
            path: file.path.clone(),
            line: import.line,
            remedy: format!(
                "actor `{own}` imports actor `{other}`; put the message in src/actors/messages.rs \
                 and take a `Recipient` of it"
            ),
        })
    };
    imports(file).iter().filter_map(crosses).collect()
}

pub fn http_knows_no_store(file: &Source) -> Vec<Finding> {
    if floor_of(file) != Some("http") {
        return Vec::new();
    }
    let finding = |line| Finding {
        path: file.path.clone(),
        line,
        remedy: "http touches a store; read through a projection's queries, write through a \
                 command to an actor"
            .to_owned(),
    };
    let named = file.code_lines().filter(|(_, line)| {
        super::rules::mentions(line, "sqlx") || super::rules::mentions(line, "EventStore")
    });
    let mut found: Vec<Finding> = named.map(|(line, _)| finding(line)).collect();
    found.extend(imports(file).iter().filter_map(|import| {
        let [floor, module, ..] = import.path.as_slice() else {
            return None;
        };
        (floor == "events" && STORES.contains(&module.as_str())).then(|| finding(import.line))
    }));
    found
}

/// A path from the crate's root that is named somewhere.
#[derive(Debug, PartialEq)]
pub struct Import {
    pub line: usize,
    pub path: Vec<String>,
}

/// Every path into this crate that the file names: in `use`, groups included, or in passing.
pub fn imports(file: &Source) -> Vec<Import> {
    let Some(module) = module_of(&file.path) else {
        return Vec::new();
    };
    let code: Vec<char> = file.code().chars().collect();
    let mut found = Vec::new();
    let mut line = 1;
    for at in 0..code.len() {
        if code[at] == '\n' {
            line += 1;
        }
        let starts_path = at == 0 || !(is_word(code[at - 1]) || code[at - 1] == ':');
        if !starts_path || !is_word(code[at]) {
            continue;
        }
        let mut here = module.clone();
        if file.is_test_line(line) && !file.path.ends_with("tests.rs") {
            here.push("tests".to_owned());
        }
        for path in paths(&mut code[at..].iter().copied().peekable()) {
            found.extend(resolve(&here, &path).map(|path| Import { line, path }));
        }
    }
    found
}

type Chars<'a> = std::iter::Peekable<std::iter::Copied<std::slice::Iter<'a, char>>>;

/// The paths of a use tree: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn paths(chars: &mut Chars<'_>) -> Vec<Vec<String>> {
    skip_blanks(chars);
    if chars.next_if_eq(&'{').is_some() {
        let mut found = Vec::new();
        loop {
            skip_blanks(chars);
            match chars.peek() {
                None => return found,
                Some('}') => {
                    chars.next();
                    return found;
                }
                Some(c) if is_word(*c) || *c == '{' => found.extend(paths(chars)),
                Some(_) => {
                    chars.next();
                }
            }
        }
    }
    let mut name = String::new();
    while let Some(c) = chars.next_if(|c| is_word(*c) || *c == '*') {
        name.push(c);
    }
    skip_blanks(chars);
    let mut colons = 0;
    while colons < 2 && chars.next_if_eq(&':').is_some() {
        colons += 1;
    }
    skip_blanks(chars);
    let goes_on = colons == 2
        && chars
            .peek()
            .is_some_and(|c| is_word(*c) || matches!(c, '{' | '*'));
    if !goes_on {
        return vec![vec![name]];
    }
    let rest = paths(chars).into_iter();
    rest.map(|path| [vec![name.clone()], path].concat())
        .collect()
}

fn skip_blanks(chars: &mut Chars<'_>) {
    while chars.next_if(|c| c.is_whitespace()).is_some() {}
}

/// The path from the crate's root, if it leads into this crate.
fn resolve(module: &[String], path: &[String]) -> Option<Vec<String>> {
    match path.first()?.as_str() {
        "crate" | "blotter" => Some(path[1..].to_vec()),
        "super" => {
            let ups = path.iter().take_while(|part| *part == "super").count();
            let base = module.len().checked_sub(ups)?;
            Some([&module[..base], &path[ups..]].concat())
        }
        _ => None,
    }
}

/// `src/a/b.rs` and `src/a/b/mod.rs` are the module `a::b`; `None` outside `src`.
fn module_of(path: &str) -> Option<Vec<String>> {
    let inside = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let mut parts: Vec<String> = inside.split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    if parts == ["lib"] || parts == ["main"] {
        parts.clear();
    }
    Some(parts)
}

/// The floor a file stands on; `lib.rs`, which names them all, stands on none.
fn floor_of(file: &Source) -> Option<&str> {
    let inside = file.path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let floor = inside.split('/').next()?;
    (floor != "lib").then_some(floor)
}

fn rank(floor: &str) -> Option<usize> {
    FLOORS.iter().position(|names| names.contains(&floor))
}
