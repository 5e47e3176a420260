//! Pictures: administrators upload them, everybody sees them.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{
        DefaultBodyLimit, Multipart, State as Shared,
        multipart::{Field, MultipartError, MultipartRejection},
    },
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
        X_CONTENT_TYPE_OPTIONS,
    },
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use urr_kit::{
    ApiError, ApiResult,
    extract::{AppJson, AppPath},
    identity::Admin,
    openapi::{OpenApiRouter, routes},
};
use utoipa::ToSchema;

use super::admin::audit::{Act, Summary, audited};
use crate::{
    State,
    domain::picture::{Format, Key, MAX_BYTES, PictureError, recognise},
    images::{self, Found},
    refusal,
};

/// The largest picture, and the form around it.
const BODY_LIMIT_BYTES: usize = MAX_BYTES + 1024 * 1024;
/// Whatever a picture contains, it runs nothing.
const HARMLESS: &str = "default-src 'none'; sandbox";
const UPLOAD: Act = Act {
    action: "UPLOAD_IMAGE",
    resource_type: "image",
};

pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default()
        .routes(audited(UPLOAD, routes!(upload)))
        .layer(DefaultBodyLimit::max(BODY_LIMIT_BYTES))
        .routes(routes!(show))
}

/// The form of an upload.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what is read part by part")]
struct UploadImage {
    /// JPEG, PNG, GIF or WebP, by its content.
    #[schema(content_media_type = "application/octet-stream")]
    image: Vec<u8>,
}

/// Where an uploaded picture is.
#[derive(Serialize, ToSchema)]
#[schema(as = ImageUploaded)]
struct UploadAnswer {
    /// Where everybody sees it.
    #[schema(
        example = "http://localhost:3001/api/images/files/1800000000000_poster-0123456789abcdef.png"
    )]
    url: String,
    /// Its key in the store.
    #[schema(example = "files/1800000000000_poster-0123456789abcdef.png")]
    key: String,
}

/// Takes a picture, of at most 5 MiB, and says where it is.
#[utoipa::path(
    post,
    path = "/api/image/upload",
    operation_id = "uploadImage",
    tag = "Administration",
    request_body(content = UploadImage, content_type = "multipart/form-data"),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "Taken.", body = UploadAnswer),
        (status = 400, description = "`UNACCEPTABLE_IMAGE`: none, too large, or of no known kind."),
        (status = 500, description = "`IMAGE_UPLOAD_FAILED`: the store did not take it."),
    )
)]
async fn upload(
    _: Admin,
    Shared(state): Shared<Arc<State>>,
    form: Result<Multipart, MultipartRejection>,
) -> ApiResult<Response> {
    let form = form.map_err(|_| refusal::picture(PictureError::Missing))?;
    let (name, content) = picture_of(form).await?;
    let format = recognise(&content).map_err(refusal::picture)?;
    let key = new_key(&state, &name, format, &content);
    state
        .images
        .put(&key, content)
        .await
        .map_err(refusal::upload_failed)?;
    let mut answer = AppJson(UploadAnswer {
        url: state.images.url(&key),
        key: key.as_str().to_owned(),
    })
    .into_response();
    answer
        .extensions_mut()
        .insert(Summary(key.as_str().to_owned()));
    Ok(answer)
}

fn new_key(state: &State, name: &str, format: Format, content: &[u8]) -> Key {
    let hash = Sha256::digest(content).into();
    Key::new(state.clock.now(), name, format, &hash)
}

/// Name and content of the field `image`.
async fn picture_of(mut form: Multipart) -> ApiResult<(String, Bytes)> {
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        if field.name() == Some("image") {
            let name = field.file_name().unwrap_or_default().to_owned();
            return Ok((name, content_of(field).await?));
        }
    }
    Err(refusal::picture(PictureError::Missing))
}

/// The content of a field, given up as soon as it is too long.
async fn content_of(mut field: Field<'_>) -> ApiResult<Bytes> {
    let mut content = BytesMut::new();
    while let Some(part) = field.chunk().await.map_err(unreadable)? {
        if content.len() + part.len() > MAX_BYTES {
            return Err(refusal::picture(PictureError::TooLarge));
        }
        content.extend_from_slice(&part);
    }
    Ok(content.freeze())
}

fn unreadable(error: MultipartError) -> ApiError {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => refusal::picture(PictureError::TooLarge),
        _ => ApiError::bad_request("UNREADABLE_BODY", "The form ends before its end")
            .caused_by(error),
    }
}

/// A picture.
///
/// Its address is the `url` of the upload. It never changes, and may be kept for ever.
#[utoipa::path(
    get,
    path = "/api/images/files/{file}",
    operation_id = "getImage",
    tag = "Events",
    params(
        ("file" = String, Path, description = "The end of its key."),
        ("if-none-match" = Option<String>, Header, description = "Tag of the picture that the client has."),
    ),
    responses(
        (status = 200, description = "The picture.", body = Vec<u8>, content_type = "image/*"),
        (status = 304, description = "Unchanged."),
        (status = 404, description = "`IMAGE_NOT_FOUND`: there is no such picture."),
    )
)]
async fn show(
    Shared(state): Shared<Arc<State>>,
    AppPath(file): AppPath<String>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let key = Key::of_file(&file).ok_or_else(refusal::image_not_found)?;
    let known = headers.get_all(IF_NONE_MATCH).iter();
    let mut known = known.filter_map(|tags| tags.to_str().ok());
    // A picture that somebody has is the picture of that key, for ever.
    if known.any(|tags| tags.contains(&key.etag())) {
        return Ok((StatusCode::NOT_MODIFIED, caching(&key)).into_response());
    }
    let Found { length, content } = state
        .images
        .get(&key)
        .await?
        .ok_or_else(refusal::image_not_found)?;
    let described = [
        (CONTENT_TYPE, key.format().media_type().to_owned()),
        (CONTENT_LENGTH, length.to_string()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (CONTENT_SECURITY_POLICY, HARMLESS.to_owned()),
    ];
    Ok((caching(&key), described, Body::from_stream(content)).into_response())
}

fn caching(key: &Key) -> [(http::HeaderName, String); 2] {
    [
        (CACHE_CONTROL, images::CACHE_CONTROL.to_owned()),
        (ETAG, key.etag()),
    ]
}
