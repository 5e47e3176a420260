//! The document of the API and the page that shows it.

use std::collections::BTreeSet;

use http::Method;
use serde_json::Value;

use crate::app::gateway;

#[tokio::test]
async fn the_document_is_told_under_both_forms_of_its_path() {
    let (gateway, _redis) = gateway().await;
    for path in ["/api/openapi.json", "/api/v1/openapi.json"] {
        let answer = gateway.get(path).await.expect(200);
        assert_eq!(answer.headers["content-type"], "application/json");
        assert_eq!(answer.json["openapi"], "3.1.0");
        assert!(answer.json["paths"]["/openapi.json"]["get"].is_object());
    }
}

#[tokio::test]
async fn an_unchanged_document_is_not_sent_again() {
    let (gateway, _redis) = gateway().await;
    let tag = gateway.get("/api/openapi.json").await.expect(200).headers["etag"].clone();
    let known = [("if-none-match", tag.to_str().expect("a tag"))];
    let answer = gateway
        .send(Method::GET, "/api/openapi.json", &known, "")
        .await;
    assert_eq!(answer.expect(304).text, "");
    let other = [("if-none-match", "W/\"another\"")];
    let answer = gateway
        .send(Method::GET, "/api/openapi.json", &other, "")
        .await;
    assert!(answer.expect(200).text.len() > 2);
}

#[tokio::test]
async fn the_document_is_compressed_for_whoever_can_read_that() {
    let (gateway, _redis) = gateway().await;
    let plain = gateway.get("/api/openapi.json").await.expect(200);
    assert!(!plain.headers.contains_key("content-encoding"));
    for (accepted, is_packed) in [("br, gzip", true), ("gzip;q=0", false), ("br", false)] {
        let headers = [("accept-encoding", accepted)];
        let answer = gateway
            .send(Method::GET, "/api/openapi.json", &headers, "")
            .await;
        let answer = answer.expect(200);
        assert_eq!(
            answer.headers.contains_key("content-encoding"),
            is_packed,
            "{accepted}"
        );
        assert_eq!(answer.text == plain.text, !is_packed, "{accepted}");
    }
}

#[tokio::test]
async fn the_page_needs_no_other_host_and_runs_nothing_inline() {
    let (gateway, _redis) = gateway().await;
    let page = gateway.get("/api/docs").await.expect(200);
    let policy = page.headers["content-security-policy"]
        .to_str()
        .expect("a policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
    assert!(!policy.contains("unsafe"));
    let addresses = page
        .text
        .split('"')
        .filter(|text| text.starts_with('/') && text.contains('.'));
    let addresses: BTreeSet<&str> = addresses.collect();
    for address in &addresses {
        gateway.get(address).await.expect(200);
    }
    assert_eq!(
        addresses.len(),
        5,
        "two styles, two scripts and the document: {}",
        page.text
    );
    assert!(!page.text.contains("//"), "{}", page.text);
}

#[tokio::test]
async fn nothing_can_be_written_to_the_documentation() {
    let (gateway, _redis) = gateway().await;
    for path in ["/api/docs", "/api/openapi.json", "/api/docs/page.js"] {
        let answer = gateway.send(Method::POST, path, &[], "{}").await;
        answer.expect_refusal(405, "METHOD_NOT_ALLOWED");
    }
    gateway
        .get("/api/docs/nothing")
        .await
        .expect_refusal(404, "NOT_FOUND");
}

#[tokio::test]
async fn every_pattern_of_the_routing_table_is_described() {
    let (gateway, _redis) = gateway().await;
    let document = gateway.get("/api/openapi.json").await.expect(200).json;
    let paths = document["paths"]
        .as_object()
        .map_or_else(Vec::new, |paths| paths.keys().collect());
    let is_described = |resource: &str| {
        let prefix = format!("/{resource}");
        paths.iter().any(|path| path.starts_with(&prefix))
    };
    for resource in [
        "auth", "payments", "stats", "events", "tickets", "seats", "queue", "admin", "news",
    ] {
        assert!(
            is_described(resource),
            "{resource}: {:?}",
            document["paths"].as_object().map(serde_json::Map::len)
        );
    }
    assert_eq!(document["servers"][0]["url"], Value::from("/api/v1"));
}
