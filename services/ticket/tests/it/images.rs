//! Pictures: uploading, showing, and what happens when either is cut off.

use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::{future::join_all, stream};
use http::{HeaderMap, Method, Request};
use serde_json::Value;
use urr_contract::UserId;
use urr_testkit::{Answer, Client};

use crate::app::{App, config, with_app};

/// A PNG of 2 × 3 pixels as far as its head goes, with `content` behind it.
fn png(content: &[u8]) -> Vec<u8> {
    let head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03\x08\x06\0\0\0";
    [head, content].concat()
}

/// A form with one file in `field`.
fn form(field: &str, name: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "--xx\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nA poster\r\n\
         --xx\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
         Content-Type: text/html\r\n\r\n"
    );
    [head.as_bytes(), content, b"\r\n--xx--\r\n"].concat()
}

async fn upload(client: &Client, body: impl Into<Body>) -> Answer {
    client
        .with_header("content-type", "multipart/form-data; boundary=xx")
        .send(Method::POST, "/api/image/upload", body)
        .await
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |it| it.to_str().unwrap())
}

/// Every file that the folder of pictures contains.
fn files(app: &App) -> Vec<String> {
    let folder = app.images.path().join("files");
    let Ok(files) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect()
}

async fn acts(app: &App) -> Value {
    let answer = app.admin().get("/api/admin/audit-logs").await;
    answer.expect(200).body["logs"].clone()
}

#[tokio::test]
async fn an_uploaded_picture_is_shown_to_everybody_and_kept_by_browsers() {
    with_app(async |app| {
        let content = png(b"pixels");
        let answer = upload(&app.admin(), form("image", "Poster (1).HTML", &content)).await;
        let body = answer.expect(200).body;
        let key = body["key"].as_str().unwrap();
        assert!(
            key.starts_with("files/") && key.contains("_poster-1-"),
            "{key}"
        );
        assert_eq!(key.rsplit('.').next(), Some("png"));
        assert_eq!(
            body["url"],
            format!("http://localhost:3001/api/images/{key}")
        );

        let path = format!("/api/images/{key}");
        let shown = app.client.get(&path).await.expect(200);
        assert_eq!(shown.bytes, content);
        let said = |name| header(&shown.headers, name);
        assert_eq!(said("content-type"), "image/png");
        assert_eq!(said("content-length"), content.len().to_string());
        assert_eq!(said("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(said("x-content-type-options"), "nosniff");
        assert_eq!(
            said("content-security-policy"),
            "default-src 'none'; sandbox"
        );

        let again = app.client.with_header("if-none-match", said("etag"));
        let again = again.get(&path).await.expect(304);
        assert!(again.bytes.is_empty());
        assert_eq!(header(&again.headers, "etag"), said("etag"));

        let acts = acts(app).await;
        assert_eq!(acts[0]["action"], "UPLOAD_IMAGE");
        assert_eq!(acts[0]["resource_type"], "image");
        assert_eq!(acts[0]["request_summary"], key);
        assert_eq!(acts[0]["response_status"], 200);
    })
    .await;
}

#[tokio::test]
async fn what_is_no_picture_is_refused_with_its_reason() {
    with_app(async |app| {
        let admin = app.admin();
        let large = png(&vec![0; 5 * 1024 * 1024]);
        let larger = png(&vec![0; 6 * 1024 * 1024]);
        let only = "Only image files (JPEG, PNG, WebP, GIF) are allowed";
        for (body, text) in [
            (form("image", "a.png", b"<svg onload='x'/>"), only),
            (form("image", "a.png", &png(b"")[..18]), only),
            (form("image", "a.png", b""), "Image file is required"),
            (
                form("picture", "a.png", &png(b"x")),
                "Image file is required",
            ),
            (
                form("image", "a.png", &large),
                "Image size must be under 5MB",
            ),
            (
                form("image", "a.png", &larger),
                "Image size must be under 5MB",
            ),
        ] {
            let answer = upload(&admin, body).await.expect(400);
            assert_eq!(answer.error(), text);
        }
        let answer = admin.post("/api/image/upload", Value::Null).await;
        assert_eq!(answer.expect(400).error(), "Image file is required");
        let broken = form("image", "a.png", &png(b"x"));
        upload(&admin, broken[..broken.len() - 9].to_vec())
            .await
            .expect(400);
        assert!(files(app).is_empty());
        assert_eq!(acts(app).await[0]["response_status"], 400);
    })
    .await;
}

#[tokio::test]
async fn the_largest_picture_is_taken() {
    with_app(async |app| {
        let head = png(b"").len();
        let content = png(&vec![7; 5 * 1024 * 1024 - head]);
        let answer = upload(&app.admin(), form("image", "large.png", &content)).await;
        let path = format!(
            "/api/images/{}",
            answer.expect(200).body["key"].as_str().unwrap()
        );
        assert_eq!(app.client.get(&path).await.expect(200).bytes, content);
    })
    .await;
}

#[tokio::test]
async fn only_administrators_upload() {
    with_app(async |app| {
        let body = form("image", "a.png", &png(b"x"));
        upload(&app.client, body.clone()).await.expect(401);
        let fan = app.client.as_user(UserId::random());
        upload(&fan, body).await.expect(403);
        assert!(files(app).is_empty());
    })
    .await;
}

#[tokio::test]
async fn uploads_at_the_same_moment_replace_nothing() {
    with_app(async |app| {
        let admin = app.admin();
        let contents: Vec<_> = (0..24_u8).map(|number| png(&[number])).collect();
        let forms = contents
            .iter()
            .map(|content| form("image", "poster.png", content));
        let answers = join_all(forms.map(|form| upload(&admin, form))).await;
        for (answer, content) in answers.into_iter().zip(contents) {
            let body = answer.expect(200).body;
            let path = format!("/api/images/{}", body["key"].as_str().unwrap());
            assert_eq!(app.client.get(&path).await.expect(200).bytes, content);
        }
        assert_eq!(files(app).len(), 24);
    })
    .await;
}

#[tokio::test]
async fn no_path_leads_out_of_the_pictures() {
    with_app(async |app| {
        upload(&app.admin(), form("image", "a.png", &png(b"x")))
            .await
            .expect(200);
        std::fs::write(app.images.path().join("secret.png"), png(b"x")).unwrap();
        for path in [
            "secret.png",
            "files",
            "files/",
            "files/../secret.png",
            "files%2F..%2Fsecret.png",
            "..%2F..%2Fetc%2Fpasswd",
            "%2Fetc%2Fpasswd",
            "files/1_a-0123456789abcdef.png",
        ] {
            let path = format!("/api/images/{path}");
            app.client.get(&path).await.expect(404);
        }
    })
    .await;
}

#[tokio::test]
async fn what_an_upload_leaves_when_it_is_cut_off_is_never_shown_and_goes() {
    with_app(async |app| {
        let admin = app.admin();
        let body = form("image", "poster.png", &png(&[1; 4000]));
        let begun = Ok(body[..2000].to_vec());
        let cut_off = stream::iter([begun, Err(std::io::Error::other("gone"))]);
        upload(&admin, Body::from_stream(cut_off)).await.expect(400);
        assert!(files(app).is_empty());

        // A process that is killed while it writes leaves its draft.
        let answer = upload(&admin, body).await.expect(200);
        let key = answer.body["key"].as_str().unwrap();
        let draft = app.images.path().join(format!("{key}#1"));
        std::fs::write(&draft, png(b"ha")).unwrap();
        let path = format!("/api/images/{}", key.replace("poster", "pos"));
        app.client.get(&path).await.expect(404);
        app.client
            .get(&format!("/api/images/{key}%231"))
            .await
            .expect(404);

        let now = app.state.clock.now();
        app.state.images.clear_up(now).await.unwrap();
        assert!(draft.exists(), "it may still be written");
        let later = now + jiff::SignedDuration::from_hours(2);
        app.state.images.clear_up(later).await.unwrap();
        assert_eq!(files(app), [key.trim_start_matches("files/")]);
    })
    .await;
}

#[tokio::test]
async fn a_store_that_fails_is_said_and_written_down() {
    with_app(async |app| {
        std::fs::write(app.images.path().join("files"), "in the way").unwrap();
        let answer = upload(&app.admin(), form("image", "a.png", &png(b"x"))).await;
        assert_eq!(answer.expect(500).error(), "Image upload failed");
        assert_eq!(acts(app).await[0]["response_status"], 500);
    })
    .await;
}

/// Needs a server that speaks S3 at `AWS_ENDPOINT`; `services/urr/test-aws.sh` runs one.
#[tokio::test]
#[ignore = "needs a server that speaks S3; services/urr/test-aws.sh runs it"]
#[expect(clippy::disallowed_methods, reason = "where the script's server is")]
async fn aws_a_bucket_keeps_pictures_as_a_folder_does() {
    let endpoint = std::env::var("AWS_ENDPOINT").unwrap();
    let bucket = ["--aws-s3-bucket", "posters", "--aws-s3-endpoint", &endpoint];
    let signed = [
        "--aws-access-key-id",
        "id",
        "--aws-secret-access-key",
        "key",
    ];
    let rest = ["--aws-s3-path-style", "true"];
    let arguments = [&bucket[..], &signed[..], &rest[..]].concat();
    let app = App::start_with(&arguments).await;
    app.state.images.check().await.unwrap();
    let made = urr_kit::http_client().put(format!("{endpoint}/posters"));
    made.send().await.unwrap().error_for_status().unwrap();
    let content = png(&vec![3; 1024 * 1024]);
    let answer = upload(&app.admin(), form("image", "a.png", &content)).await;
    let body = answer.expect(200).body;
    let key = body["key"].as_str().unwrap();
    let amazon = "https://posters.s3.ap-northeast-2.amazonaws.com";
    assert_eq!(body["url"], format!("{amazon}/{key}"));
    let path = format!("/api/images/{key}");
    assert_eq!(app.client.get(&path).await.expect(200).bytes, content);
    let other = path.replace("_a-", "_b-");
    app.client.get(&other).await.expect(404);
    // What the bucket itself says to whom it is opened.
    let request = Request::head(format!("{endpoint}/posters/{key}"));
    let aws = config(&arguments).images.aws.client("s3").unwrap();
    let request = request.body(Bytes::new()).unwrap();
    let answer = aws.send(request, Duration::from_secs(5)).await.unwrap();
    assert_eq!(header(answer.headers(), "content-type"), "image/png");
    assert!(header(answer.headers(), "cache-control").ends_with("immutable"));
}
