//! What the gateway tells of the API: the document, and a page to read and try it.
//!
//! `openapi.json` is made from the handlers of all services by `urr openapi` and checked in,
//! because the gateway may not know the services. Everything is carried compressed.

use std::io::Read;

use axum::{
    Router,
    body::Body,
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{
        ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
        ETAG, IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};
use sha2::{Digest, Sha256};
use urr_kit::{
    ApiError, ApiResult,
    openapi::{OpenApiRouter, routes},
};
use utoipa::openapi::OpenApi;

/// Scripts and styles of ours only, none inline; requests to this origin only; in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";
/// Caches ask each time, which an entity tag makes cheap.
const CACHING: &str = "no-cache";

macro_rules! file {
    ($name:literal, $media_type:literal) => {
        File::new(
            $media_type,
            include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".gz")),
        )
    };
}

/// The document and the page.
pub fn router() -> Router {
    Router::from(described())
        .route(
            "/api/docs/page.js",
            file!("page.js", "text/javascript").serve(),
        )
        .route("/api/docs/page.css", file!("page.css", "text/css").serve())
        .route(
            "/api/docs/swagger-ui-bundle.js",
            file!("swagger-ui-bundle.js", "text/javascript").serve(),
        )
        .route(
            "/api/docs/swagger-ui.css",
            file!("swagger-ui.css", "text/css").serve(),
        )
        .route(
            "/api/docs/LICENSE",
            file!("LICENSE", "text/plain; charset=utf-8").serve(),
        )
        .route(
            "/api/docs/NOTICE",
            file!("NOTICE", "text/plain; charset=utf-8").serve(),
        )
}

/// The description of what the gateway answers itself.
pub fn openapi() -> OpenApi {
    described().into_openapi()
}

fn described() -> OpenApiRouter {
    OpenApiRouter::default()
        .routes(routes!(document))
        .routes(routes!(page))
}

/// This document.
///
/// With an entity tag: ask with `If-None-Match` and an unchanged one costs nothing.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    operation_id = "getOpenApi",
    tag = "Documentation",
    params(("if-none-match" = Option<String>, Header, description = "Tag of the document that the client has.")),
    responses(
        (status = 200, description = "The document.", body = serde_json::Value),
        (status = 304, description = "Unchanged."),
    )
)]
async fn document(headers: HeaderMap) -> ApiResult<Response> {
    file!("openapi.json", "application/json").answer(&headers)
}

/// A page to read this document and to try it.
#[utoipa::path(
    get,
    path = "/api/docs",
    operation_id = "getDocumentation",
    tag = "Documentation",
    params(("if-none-match" = Option<String>, Header, description = "Tag of the page that the client has.")),
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/html"),
        (status = 304, description = "Unchanged."),
    )
)]
async fn page(headers: HeaderMap) -> ApiResult<Response> {
    file!("page.html", "text/html; charset=utf-8").answer(&headers)
}

/// A file as it is carried.
#[derive(Clone, Copy, Debug)]
struct File {
    media_type: &'static str,
    packed: &'static [u8],
}

impl File {
    const fn new(media_type: &'static str, packed: &'static [u8]) -> Self {
        Self { media_type, packed }
    }

    fn serve(self) -> axum::routing::MethodRouter {
        get(async move |headers: HeaderMap| self.answer(&headers))
    }

    fn answer(self, headers: &HeaderMap) -> ApiResult<Response> {
        let tag = self.tag();
        let mut response = if lists(headers, &IF_NONE_MATCH, |known| {
            known == tag || known == "*"
        }) {
            StatusCode::NOT_MODIFIED.into_response()
        } else if lists(headers, &ACCEPT_ENCODING, is_gzip) {
            let mut response = Body::from(Bytes::from_static(self.packed)).into_response();
            response
                .headers_mut()
                .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response
        } else {
            Body::from(self.unpacked()?).into_response()
        };
        let head = response.headers_mut();
        for (name, value) in [
            (CONTENT_TYPE, self.media_type),
            (CACHE_CONTROL, CACHING),
            (CONTENT_SECURITY_POLICY, POLICY),
            (REFERRER_POLICY, "no-referrer"),
            (VARY, "accept-encoding"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (X_FRAME_OPTIONS, "DENY"),
        ] {
            head.insert(name, HeaderValue::from_static(value));
        }
        let tag = HeaderValue::try_from(tag).map_err(ApiError::internal)?;
        head.insert(ETAG, tag);
        Ok(response)
    }

    /// Weak, because it stands for both codings.
    fn tag(self) -> String {
        let digest = Sha256::digest(self.packed);
        let shown = u64::from_be_bytes(std::array::from_fn(|index| digest[index]));
        format!("W/\"{shown:016x}\"")
    }

    fn unpacked(self) -> ApiResult<Vec<u8>> {
        let mut content = Vec::new();
        GzDecoder::new(self.packed)
            .read_to_end(&mut content)
            .map_err(ApiError::internal)?;
        Ok(content)
    }
}

fn is_gzip(coding: &str) -> bool {
    let mut parts = coding.split(';').map(str::trim);
    parts.next() == Some("gzip") && parts.next() != Some("q=0")
}

/// Whether one of the comma-separated values of a header is wanted.
fn lists(headers: &HeaderMap, name: &HeaderName, wanted: impl Fn(&str) -> bool) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| wanted(value.trim()))
}
