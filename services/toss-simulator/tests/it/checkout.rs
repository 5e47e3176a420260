//! The checkout as people and programs use it.

use http::Method;
use serde_json::json;

use crate::{Simulator, refused};

#[tokio::test]
async fn a_declined_card_and_an_abandoned_window_cannot_be_captured() {
    let toss = Simulator::new();
    let declined = toss.pay("ORD_1", 1_000, "decline").await;
    refused(
        &toss.confirm(&declined, "ORD_1", 1_000).await,
        403,
        "REJECT_CARD_PAYMENT",
    );
    assert_eq!(
        toss.of_order("ORD_1").await["failure"]["code"],
        "REJECT_CARD_PAYMENT"
    );

    let abandoned = toss.pay("ORD_2", 1_000, "abandon").await;
    refused(
        &toss.confirm(&abandoned, "ORD_2", 1_000).await,
        404,
        "NOT_FOUND_PAYMENT_SESSION",
    );
}

#[tokio::test]
async fn a_declined_order_may_be_tried_again_and_a_captured_one_not() {
    let toss = Simulator::new();
    let declined = toss.pay("ORD_1", 1_000, "decline").await;
    toss.confirm(&declined, "ORD_1", 1_000).await.expect(403);
    let key = toss.pay("ORD_1", 1_000, "approve").await;
    toss.confirm(&key, "ORD_1", 1_000).await.expect(200);
    let third = toss
        .client
        .post("/checkout/ORD_1?amount=1000", json!({"action": "approve"}))
        .await;
    refused(&third, 400, "DUPLICATED_ORDER_ID");
    assert_eq!(toss.of_order("ORD_1").await["paymentKey"], key);
}

#[tokio::test]
async fn the_page_is_a_form_that_works_without_script() {
    let toss = Simulator::new();
    let page = toss
        .client
        .get("/checkout/ORD_1?amount=100000")
        .await
        .expect(200);
    let html = String::from_utf8(page.bytes).expect("text");
    assert!(html.contains(r#"<html lang="ko">"#));
    assert!(html.contains("100,000원"));
    for action in ["approve", "decline", "abandon"] {
        assert!(
            html.contains(&format!(r#"name="action" value="{action}""#)),
            "{action}"
        );
    }
    assert!(page.headers["content-security-policy"].to_str().is_ok());
    toss.client.get("/checkout/ORD_1").await.expect(400);
    toss.client
        .get("/checkout/ORD_1?amount=0")
        .await
        .expect(400);
}

#[tokio::test]
async fn a_form_leads_a_browser_back_to_the_merchant() {
    let toss = Simulator::new();
    let browser = toss
        .client
        .with_header("content-type", "application/x-www-form-urlencoded")
        .with_header("accept", "text/html");
    let form = "action=approve&amount=1000&successUrl=https%3A%2F%2Fshop.test%2Fok%3Fa%3D1";
    let answer = browser
        .send(Method::POST, "/checkout/ORD_1", form)
        .await
        .expect(303);
    let location = answer.headers["location"].to_str().expect("text");
    assert!(
        location.starts_with("https://shop.test/ok?a=1&paymentKey=sim_"),
        "{location}"
    );
    assert!(
        location.ends_with("&orderId=ORD_1&amount=1000"),
        "{location}"
    );

    let form = "action=abandon&amount=1000&failUrl=https%3A%2F%2Fshop.test%2Ffail";
    let answer = browser
        .send(Method::POST, "/checkout/ORD_2", form)
        .await
        .expect(303);
    let location = answer.headers["location"].to_str().expect("text");
    assert!(location.contains("code=PAY_PROCESS_CANCELED"), "{location}");

    // Only the web: no script by way of a link.
    let form = "action=approve&amount=1000&successUrl=javascript%3Aalert(1)";
    browser
        .send(Method::POST, "/checkout/ORD_3", form)
        .await
        .expect(200);
}

#[tokio::test]
async fn a_program_may_send_a_form_and_gets_json() {
    let toss = Simulator::new();
    let program = toss
        .client
        .with_header("content-type", "application/x-www-form-urlencoded");
    let answer = program
        .send(Method::POST, "/checkout/ORD_1?amount=5", "action=approve")
        .await
        .expect(200);
    assert!(answer.body["paymentKey"].is_string());
    for bad in ["", "action=steal", "amount=x&action=approve"] {
        program
            .send(Method::POST, "/checkout/ORD_2", bad)
            .await
            .expect(400);
    }
}
