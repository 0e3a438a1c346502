//! The dashboard's files, which are part of the program, and the addresses of its pages.
//!
//! A build without the dashboard (`web/dist` is empty) serves a page that says how to build it.
//! Invariant: only what was built in is served, by its exact name; no path reaches a disk.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::LazyLock;

use actix_web::http::Method;
use actix_web::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, ETAG, HeaderMap, IF_NONE_MATCH, VARY,
};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::RustEmbed;

use super::problem::{Code, Problem};

const INDEX: &str = "index.html";
const NO_DASHBOARD: &str = include_str!("no_dashboard.html");
/// Names under here carry a hash of their content.
const HASHED: &str = "assets/";
/// Below it compressing saves nothing.
const COMPRESSED_BYTES_MIN: usize = 1_024;
/// Roots that belong to programs: an unknown address there is a mistake, never a page.
const NO_PAGES: [&str; 5] = ["api", "ws", "v2", "stream", "assets"];

#[derive(RustEmbed)]
#[folder = "web/dist/"]
#[allow_missing = true]
struct Built;

/// One file as it is sent.
struct Asset {
    content_type: String,
    etag: String,
    plain: Bytes,
    gzip: Option<Bytes>,
}

/// Files by name.
struct Assets(BTreeMap<String, Asset>);

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let files = Built::iter().filter_map(|name| {
        let file = Built::get(&name)?;
        let hash = hex::encode(&file.metadata.sha256_hash()[..16]);
        let content = match file.data {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::from(bytes),
        };
        Some((name.into_owned(), hash, content))
    });
    Assets::of(files)
});

/// Takes every address that nobody else takes.
pub fn configure(config: &mut web::ServiceConfig) {
    config.default_service(web::route().to(page_or_file));
}

async fn page_or_file(http: HttpRequest) -> Result<HttpResponse, Problem> {
    answer(&ASSETS, &http)
}

fn answer(assets: &Assets, http: &HttpRequest) -> Result<HttpResponse, Problem> {
    let path = http.path().trim_start_matches('/');
    let root = path.split('/').next().unwrap_or_default();
    let is_read = [Method::GET, Method::HEAD].contains(http.method());
    if let Some(asset) = assets.0.get(path).filter(|_| is_read) {
        return Ok(asset.answer(path, http.headers()));
    }
    let is_page = !path.contains('.') && !NO_PAGES.contains(&root);
    match (is_page, is_read) {
        (true, true) => Ok(match assets.0.get(INDEX) {
            Some(index) => index.answer(INDEX, http.headers()),
            None => no_dashboard(),
        }),
        (true, false) => {
            let mut problem =
                Problem::new(Code::MethodNotAllowed, "pages are read with GET or HEAD");
            problem.allow = Some("GET, HEAD".to_owned());
            Err(problem)
        }
        (false, _) => Err(Problem::not_found("this address")),
    }
}

fn no_dashboard() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(NO_DASHBOARD)
}

impl Assets {
    /// Name, hash of the content, content.
    fn of(files: impl Iterator<Item = (String, String, Bytes)>) -> Self {
        let asset = |(name, hash, plain): (String, String, Bytes)| {
            let asset = Asset {
                content_type: content_type(&name),
                etag: hash,
                gzip: compressed(&plain),
                plain,
            };
            (name, asset)
        };
        Self(files.map(asset).collect())
    }
}

impl Asset {
    fn answer(&self, name: &str, asked: &HeaderMap) -> HttpResponse {
        let gzip = self.gzip.as_ref().filter(|_| accepts_gzip(asked));
        // Another representation has another tag.
        let etag = match gzip {
            Some(_) => format!("\"{}-gzip\"", self.etag),
            None => format!("\"{}\"", self.etag),
        };
        let cache = match name.starts_with(HASHED) {
            true => "public, max-age=31536000, immutable",
            false => "no-cache",
        };
        let is_known = is_known(asked, &etag);
        let mut answer = match is_known {
            true => HttpResponse::NotModified(),
            false => HttpResponse::Ok(),
        };
        answer
            .insert_header((ETAG, etag))
            .insert_header((CACHE_CONTROL, cache))
            .insert_header((VARY, "Accept-Encoding"));
        if is_known {
            return answer.finish();
        }
        answer.content_type(self.content_type.as_str());
        match gzip {
            Some(gzip) => answer
                .insert_header((CONTENT_ENCODING, "gzip"))
                .body(gzip.clone()),
            None => answer.body(self.plain.clone()),
        }
    }
}

fn content_type(name: &str) -> String {
    let mime = mime_guess::from_path(name).first_or_octet_stream();
    match mime.type_() == mime_guess::mime::TEXT || mime.subtype() == "javascript" {
        true => format!("{mime}; charset=utf-8"),
        false => mime.to_string(),
    }
}

/// `None` where it does not pay: small files, and those that are compressed already.
fn compressed(plain: &Bytes) -> Option<Bytes> {
    if plain.len() < COMPRESSED_BYTES_MIN {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).ok()?;
    let gzip = encoder.finish().ok()?;
    (gzip.len() * 10 < plain.len() * 9).then(|| Bytes::from(gzip))
}

fn accepts_gzip(asked: &HeaderMap) -> bool {
    let values = asked.get_all(ACCEPT_ENCODING);
    let texts = values.filter_map(|value| value.to_str().ok());
    let mut codings = texts.flat_map(|text| text.split(','));
    codings.any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let is_refused = parts.any(|part| {
            part.strip_prefix("q=")
                .is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q == 0.0))
        });
        (name.eq_ignore_ascii_case("gzip") || name == "*") && !is_refused
    })
}

fn is_known(asked: &HeaderMap, etag: &str) -> bool {
    let values = asked.get_all(IF_NONE_MATCH);
    let texts = values.filter_map(|value| value.to_str().ok());
    let mut tags = texts.flat_map(|text| text.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use actix_web::body::to_bytes;
    use actix_web::test::TestRequest;

    use super::*;

    fn assets() -> Assets {
        let files = [
            (INDEX, "<!doctype html><title>Blotter</title>".to_owned()),
            ("favicon.svg", "<svg/>".to_owned()),
            ("assets/app-1a2b.js", "let a = 1;\n".repeat(500)),
        ];
        let file = |(name, text): (&str, String)| (name.to_owned(), name.to_owned(), text.into());
        Assets::of(files.into_iter().map(file))
    }

    async fn get(path: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, Vec<u8>) {
        let mut request = TestRequest::get().uri(path);
        for header in headers {
            request = request.insert_header(*header);
        }
        let answered = answer(&assets(), &request.to_http_request());
        let response = answered.unwrap_or_else(|problem| problem.answer("id"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = to_bytes(response.into_body()).await.expect("a body");
        (status, headers, body.to_vec())
    }

    fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
        headers.get(name).map_or("", |v| v.to_str().expect("text"))
    }

    #[actix_web::test]
    async fn pages_are_the_index_and_are_asked_for_each_time() {
        for path in ["/", "/index.html", "/orders", "/orders/42/events", "/apis"] {
            let (status, headers, body) = get(path, &[]).await;
            assert_eq!(status, 200, "{path}");
            assert_eq!(header(&headers, "content-type"), "text/html; charset=utf-8");
            assert_eq!(header(&headers, "cache-control"), "no-cache");
            assert!(body.starts_with(b"<!doctype html>"), "{path}");
        }
    }

    #[actix_web::test]
    async fn what_is_not_there_is_not_found() {
        for path in [
            "/api/v1/nothing",
            "/api",
            "/ws/v2",
            "/v2/orders",
            "/stream",
            "/robots.txt",
            "/assets/other.js",
            "/assets/orders",
            "/../Cargo.toml",
            "/assets/../index.html",
            "/assets/%2e%2e/index.html",
            "/..%2fCargo.toml",
        ] {
            let (status, headers, _) = get(path, &[]).await;
            assert_eq!(status, 404, "{path}");
            assert_eq!(header(&headers, "content-type"), "application/problem+json");
        }
    }

    #[actix_web::test]
    async fn hashed_files_are_kept_for_ever_and_compressed() {
        let path = "/assets/app-1a2b.js";
        let (status, headers, plain) = get(path, &[]).await;
        assert_eq!(status, 200);
        assert_eq!(
            header(&headers, "cache-control"),
            "public, max-age=31536000, immutable"
        );
        assert_eq!(
            header(&headers, "content-type"),
            "text/javascript; charset=utf-8"
        );
        assert_eq!(header(&headers, "vary"), "Accept-Encoding");
        assert_eq!(header(&headers, "content-encoding"), "");
        let (_, zipped, body) = get(path, &[("accept-encoding", "br, gzip;q=0.5")]).await;
        assert_eq!(header(&zipped, "content-encoding"), "gzip");
        assert_ne!(header(&zipped, "etag"), header(&headers, "etag"));
        let mut unpacked = Vec::new();
        let mut reader = flate2::read::GzDecoder::new(&*body);
        reader.read_to_end(&mut unpacked).expect("gzip");
        assert_eq!(unpacked, plain);
        let (_, refused, _) = get(path, &[("accept-encoding", "gzip;q=0, br")]).await;
        assert_eq!(header(&refused, "content-encoding"), "");
    }

    #[actix_web::test]
    async fn what_a_browser_has_is_not_sent_again() {
        let (_, headers, _) = get("/", &[]).await;
        let etag = header(&headers, "etag").to_owned();
        let (status, headers, body) =
            get("/", &[("if-none-match", &format!("\"x\", {etag}"))]).await;
        assert_eq!((status, body.len()), (304, 0));
        assert_eq!(header(&headers, "etag"), etag);
        let (status, ..) = get("/", &[("if-none-match", "\"x\"")]).await;
        assert_eq!(status, 200);
    }

    #[test]
    fn pages_are_only_read() {
        let post = TestRequest::post().uri("/orders").to_http_request();
        let problem = answer(&assets(), &post).expect_err("refused");
        assert_eq!(problem.code, Code::MethodNotAllowed);
    }

    #[actix_web::test]
    async fn without_a_dashboard_a_page_says_how_to_build_it() {
        let none = Assets(BTreeMap::new());
        let request = TestRequest::get().uri("/").to_http_request();
        let response = answer(&none, &request).expect("a page");
        assert_eq!(response.status().as_u16(), 200);
        let body = to_bytes(response.into_body()).await.expect("a body");
        let text = String::from_utf8(body.to_vec()).expect("text");
        for part in ["make run", "npm run build", "/api/docs"] {
            assert!(text.contains(part), "{part}");
        }
    }
}
