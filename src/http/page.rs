//! Lists: pages, and the cursors between them.

use actix_web::HttpResponse;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::problem::{Code, Problem};
use crate::values::{AccountId, Position, StrategyId, Symbol};

/// What the next page begins behind. As text it contains nothing that a caller may rely on.
pub trait Cursor: Sized {
    fn text(&self) -> String;
    fn read(text: &str) -> Option<Self>;
}

impl Cursor for Position {
    fn text(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        let number = text.parse::<u64>().ok()?;
        // Positions are stored as signed numbers.
        i64::try_from(number).ok()?;
        Some(Position::new(number))
    }
}

impl Cursor for AccountId {
    fn text(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        AccountId::new(text).ok()
    }
}

impl Cursor for Symbol {
    fn text(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        Symbol::new(text).ok()
    }
}

impl Cursor for StrategyId {
    fn text(&self) -> String {
        self.to_string()
    }

    fn read(text: &str) -> Option<Self> {
        StrategyId::new(text).ok()
    }
}

/// A blank stands in no id.
impl<A: Cursor, B: Cursor> Cursor for (A, B) {
    fn text(&self) -> String {
        format!("{} {}", self.0.text(), self.1.text())
    }

    fn read(text: &str) -> Option<Self> {
        let (first, second) = text.split_once(' ')?;
        Some((A::read(first)?, B::read(second)?))
    }
}

pub fn encode(cursor: &impl Cursor) -> String {
    URL_SAFE_NO_PAD.encode(cursor.text())
}

pub fn decode<K: Cursor>(text: &str) -> Result<K, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let read = bytes.and_then(|bytes| K::read(std::str::from_utf8(&bytes).ok()?));
    read.ok_or_else(|| {
        let detail = "cursor is not a next_cursor of this list; send one unchanged, or none";
        Problem::new(Code::BadCursor, detail)
    })
}

/// A page of a list as it is answered.
#[derive(Debug, Serialize)]
pub struct List<T> {
    pub items: Vec<T>,
    pub next_cursor: Option<String>,
}

/// A page; only a full one is followed by another.
pub fn list<R, T: Serialize + From<R>, K: Cursor>(
    rows: Vec<R>,
    limit: u32,
    key: impl FnOnce(&R) -> K,
) -> HttpResponse {
    let full = rows.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let last = rows.last().filter(|_| full);
    let next_cursor = last.map(|row| encode(&key(row)));
    let items: Vec<T> = rows.into_iter().map(T::from).collect();
    HttpResponse::Ok().json(List { items, next_cursor })
}

/// Everything there is.
pub fn whole<T: Serialize>(items: Vec<T>) -> HttpResponse {
    HttpResponse::Ok().json(List {
        items,
        next_cursor: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_nothing_else_does() {
        let both = (
            AccountId::new("a.b:c").expect("an id"),
            Symbol::new("BRK.B").expect("a symbol"),
        );
        assert_eq!(
            decode::<(AccountId, Symbol)>(&encode(&both)).ok(),
            Some(both)
        );
        for text in ["", "%", "!!!!", "MTI=", &URL_SAFE_NO_PAD.encode("-1")] {
            let problem = decode::<Position>(text).expect_err(text);
            assert_eq!(problem.code, Code::BadCursor);
        }
        let huge = URL_SAFE_NO_PAD.encode(u64::MAX.to_string());
        assert!(decode::<Position>(&huge).is_err());
    }
}
