//! The checkout's two pages: plain HTML in Korean and English, usable without sight, mouse or
//! script.

use super::checkout::Checkout;

const STYLE: &str = "\
:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}\
main{max-width:26rem;margin:3rem auto;padding:0 1rem}\
dl{display:grid;grid-template-columns:auto 1fr;gap:.25rem 1rem}dd{margin:0;font-weight:600}\
button{display:block;width:100%;min-height:3rem;margin:.75rem 0;font:inherit;border-radius:.5rem}\
:focus-visible{outline:3px solid #06c;outline-offset:2px}";

/// The page where the payer chooses.
pub(super) fn checkout(order_id: &str, amount: i64, link: &Checkout) -> String {
    let order = escaped(order_id);
    let hidden = |name: &str, value: Option<&str>| {
        value.map_or_else(String::new, |value| {
            format!(
                r#"<input type="hidden" name="{name}" value="{}">"#,
                escaped(value)
            )
        })
    };
    let fields = [
        hidden("amount", Some(&amount.to_string())),
        hidden("successUrl", link.success_url.as_deref()),
        hidden("failUrl", link.fail_url.as_deref()),
    ]
    .concat();
    let button = |action: &str, korean: &str, english: &str| {
        format!(
            r#"<button name="action" value="{action}">{korean} <span lang="en">· {english}</span></button>"#
        )
    };
    let buttons = [
        button("approve", "결제하기", "Pay"),
        button(
            "decline",
            "거절되는 카드로 결제",
            "Pay with a card that is declined",
        ),
        button("abandon", "취소하고 돌아가기", "Cancel and go back"),
    ]
    .concat();
    document(
        "모의 결제",
        &format!(
            r#"<h1>모의 결제 <span lang="en">· Simulated checkout</span></h1>
<p>실제로 결제되지 않습니다. <span lang="en">No real money moves.</span></p>
<dl><dt>주문번호 <span lang="en">· Order</span></dt><dd>{order}</dd>
<dt>금액 <span lang="en">· Amount</span></dt><dd>{}원</dd></dl>
<form method="post">{fields}{buttons}</form>"#,
            grouped(amount)
        ),
    )
}

/// The page after the choice, where the merchant gave no address to go back to.
pub(super) fn left(payment_key: &str, abandoned: bool) -> String {
    let (korean, english) = if abandoned {
        ("결제를 취소했습니다", "The payment was cancelled")
    } else {
        ("결제 인증이 끝났습니다", "The payment was authenticated")
    };
    document(
        korean,
        &format!(
            r#"<h1 role="status">{korean} <span lang="en">· {english}</span></h1>
<p>결제 키 <span lang="en">· Payment key</span>: <code>{}</code></p>"#,
            escaped(payment_key)
        ),
    )
}

fn document(title: &str, body: &str) -> String {
    format!(
        r#"<!doctype html>
<html lang="ko"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>{title}</title><style>{STYLE}</style></head><body><main>
{body}
</main></body></html>
"#
    )
}

/// Text that means only itself inside HTML and its attributes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// The number with commas between thousands.
fn grouped(amount: i64) -> String {
    let digits = amount.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_link_says_cannot_become_markup() {
        let link = Checkout {
            success_url: Some("\"><script>alert(1)</script>".to_owned()),
            ..Checkout::default()
        };
        let page = checkout("<script>", 1_250_000, &link);
        assert!(!page.contains("<script>"));
        assert!(page.contains("1,250,000원"));
    }
}
