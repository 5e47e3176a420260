//! The refusals that Toss publishes, each with its status and text. A merchant's table of
//! tests runs over [`CONFIRM_REFUSALS`] and [`CANCEL_REFUSALS`].

use http::StatusCode;

/// One published refusal: `{"code", "message"}` with a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Status of the answer.
    pub status: StatusCode,
    /// The published code.
    pub code: &'static str,
    /// The published text.
    pub message: &'static str,
    /// Whether a payment that meets it while being confirmed is over (`ABORTED`).
    pub aborts: bool,
}

impl Refusal {
    /// The refusal with that code, of whichever call.
    pub fn of_code(code: &str) -> Option<Self> {
        CONFIRM_REFUSALS
            .iter()
            .chain(CANCEL_REFUSALS)
            .chain(HEADER_REFUSALS)
            .find(|refusal| refusal.code == code)
            .copied()
    }
}

const fn refusal(
    status: StatusCode,
    code: &'static str,
    message: &'static str,
    aborts: bool,
) -> Refusal {
    Refusal {
        status,
        code,
        message,
        aborts,
    }
}

const fn declined(status: StatusCode, code: &'static str, message: &'static str) -> Refusal {
    refusal(status, code, message, true)
}

const fn refused(status: StatusCode, code: &'static str, message: &'static str) -> Refusal {
    refusal(status, code, message, false)
}

const S400: StatusCode = StatusCode::BAD_REQUEST;
const S401: StatusCode = StatusCode::UNAUTHORIZED;
const S403: StatusCode = StatusCode::FORBIDDEN;
const S404: StatusCode = StatusCode::NOT_FOUND;
const S409: StatusCode = StatusCode::CONFLICT;
const S500: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;

pub(crate) const ALREADY_PROCESSED: Refusal = refused(
    S400,
    "ALREADY_PROCESSED_PAYMENT",
    "이미 처리된 결제 입니다.",
);
pub(crate) const INVALID_REQUEST: Refusal = refused(S400, "INVALID_REQUEST", "잘못된 요청입니다.");
pub(crate) const UNAUTHORIZED_KEY: Refusal = refused(
    S401,
    "UNAUTHORIZED_KEY",
    "인증되지 않은 시크릿 키 혹은 클라이언트 키 입니다.",
);
pub(crate) const INCORRECT_BASIC_AUTH: Refusal = refused(
    S403,
    "INCORRECT_BASIC_AUTH_FORMAT",
    "잘못된 요청입니다. ':' 를 포함해 인코딩해주세요.",
);
pub(crate) const REJECT_CARD_PAYMENT: Refusal = declined(
    S403,
    "REJECT_CARD_PAYMENT",
    "한도초과 혹은 잔액부족으로 결제에 실패했습니다.",
);
pub(crate) const NOT_FOUND_PAYMENT: Refusal =
    refused(S404, "NOT_FOUND_PAYMENT", "존재하지 않는 결제 정보 입니다.");
pub(crate) const NOT_FOUND_SESSION: Refusal = refused(
    S404,
    "NOT_FOUND_PAYMENT_SESSION",
    "결제 시간이 만료되어 결제 진행 데이터가 존재하지 않습니다.",
);
pub(crate) const INTERNAL: Refusal = refused(
    S500,
    "FAILED_INTERNAL_SYSTEM_PROCESSING",
    "내부 시스템 처리 작업이 실패했습니다. 잠시 후 다시 시도해주세요.",
);
pub(crate) const ALREADY_CANCELED: Refusal =
    refused(S400, "ALREADY_CANCELED_PAYMENT", "이미 취소된 결제 입니다.");
pub(crate) const NOT_CANCELABLE: Refusal = refused(
    S403,
    "NOT_CANCELABLE_PAYMENT",
    "취소 할 수 없는 결제 입니다.",
);
pub(crate) const NOT_CANCELABLE_AMOUNT: Refusal = refused(
    S403,
    "NOT_CANCELABLE_AMOUNT",
    "취소 할 수 없는 금액 입니다.",
);
pub(crate) const DUPLICATED_ORDER: Refusal = refused(
    S400,
    "DUPLICATED_ORDER_ID",
    "이미 승인 및 취소가 진행된 중복된 주문번호 입니다. 다른 주문번호로 진행해주세요.",
);
pub(crate) const LONG_KEY: Refusal = refused(
    S400,
    "INVALID_IDEMPOTENCY_KEY",
    "멱등키는 300자 이하여야 합니다.",
);
pub(crate) const STILL_PROCESSING: Refusal = refused(
    S409,
    "IDEMPOTENT_REQUEST_PROCESSING",
    "이전 멱등 요청이 처리중입니다.",
);
/// Same key, other body. Toss publishes the status but no code of its own for it.
pub(crate) const KEY_REUSED: Refusal = refused(
    StatusCode::UNPROCESSABLE_ENTITY,
    "INVALID_REQUEST",
    "같은 멱등키로 다른 요청을 보낼 수 없습니다.",
);

/// Refusals of the headers, which any POST may meet.
pub const HEADER_REFUSALS: &[Refusal] = &[LONG_KEY, STILL_PROCESSING];

/// Refusals of `POST /v1/payments/confirm`.
pub const CONFIRM_REFUSALS: &[Refusal] = &[
    ALREADY_PROCESSED,
    refused(
        S400,
        "PROVIDER_ERROR",
        "일시적인 오류가 발생했습니다. 잠시 후 다시 시도해주세요.",
    ),
    declined(
        S400,
        "EXCEED_MAX_CARD_INSTALLMENT_PLAN",
        "설정 가능한 최대 할부 개월 수를 초과했습니다.",
    ),
    INVALID_REQUEST,
    declined(
        S400,
        "NOT_ALLOWED_POINT_USE",
        "포인트 사용이 불가한 카드로 카드 포인트 결제에 실패했습니다.",
    ),
    refused(S400, "INVALID_API_KEY", "잘못된 시크릿키 연동 정보 입니다."),
    declined(
        S400,
        "INVALID_REJECT_CARD",
        "카드 사용이 거절되었습니다. 카드사 문의가 필요합니다.",
    ),
    declined(
        S400,
        "BELOW_MINIMUM_AMOUNT",
        "신용카드는 결제금액이 100원 이상, 계좌는 200원이상부터 결제가 가능합니다.",
    ),
    declined(
        S400,
        "INVALID_CARD_EXPIRATION",
        "카드 정보를 다시 확인해주세요. (유효기간)",
    ),
    declined(S400, "INVALID_STOPPED_CARD", "정지된 카드 입니다."),
    declined(
        S400,
        "EXCEED_MAX_DAILY_PAYMENT_COUNT",
        "하루 결제 가능 횟수를 초과했습니다.",
    ),
    declined(
        S400,
        "NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT",
        "할부가 지원되지 않는 카드 또는 가맹점 입니다.",
    ),
    declined(
        S400,
        "INVALID_CARD_INSTALLMENT_PLAN",
        "할부 개월 정보가 잘못되었습니다.",
    ),
    declined(
        S400,
        "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN",
        "할부가 지원되지 않는 카드입니다.",
    ),
    declined(
        S400,
        "EXCEED_MAX_PAYMENT_AMOUNT",
        "하루 결제 가능 금액을 초과했습니다.",
    ),
    refused(
        S400,
        "NOT_FOUND_TERMINAL_ID",
        "단말기번호(Terminal Id)가 없습니다. 토스페이먼츠로 문의 바랍니다.",
    ),
    declined(
        S400,
        "INVALID_AUTHORIZE_AUTH",
        "유효하지 않은 인증 방식입니다.",
    ),
    declined(
        S400,
        "INVALID_CARD_LOST_OR_STOLEN",
        "분실 혹은 도난 카드입니다.",
    ),
    declined(
        S400,
        "RESTRICTED_TRANSFER_ACCOUNT",
        "계좌는 등록 후 12시간 뒤부터 결제할 수 있습니다. 관련 정책은 해당 은행으로 문의해주세요.",
    ),
    declined(S400, "INVALID_CARD_NUMBER", "카드번호를 다시 확인해주세요."),
    declined(
        S400,
        "INVALID_UNREGISTERED_SUBMALL",
        "등록되지 않은 서브몰입니다. 서브몰이 없는 가맹점이라면 안심클릭이나 ISP 결제가 필요합니다.",
    ),
    declined(
        S400,
        "NOT_REGISTERED_BUSINESS",
        "등록되지 않은 사업자 번호입니다.",
    ),
    declined(
        S400,
        "EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT",
        "1일 출금 한도를 초과했습니다.",
    ),
    declined(
        S400,
        "EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT",
        "1회 출금 한도를 초과했습니다.",
    ),
    declined(
        S400,
        "CARD_PROCESSING_ERROR",
        "카드사에서 오류가 발생했습니다.",
    ),
    declined(S400, "EXCEED_MAX_AMOUNT", "거래금액 한도를 초과했습니다."),
    declined(
        S400,
        "INVALID_ACCOUNT_INFO_RE_REGISTER",
        "유효하지 않은 계좌입니다. 계좌 재등록 후 시도해주세요.",
    ),
    declined(
        S400,
        "NOT_AVAILABLE_PAYMENT",
        "결제가 불가능한 시간대입니다",
    ),
    refused(
        S400,
        "UNAPPROVED_ORDER_ID",
        "아직 승인되지 않은 주문번호입니다.",
    ),
    declined(
        S400,
        "EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT",
        "당월 결제 가능금액인 1,000,000원을 초과 하셨습니다.",
    ),
    UNAUTHORIZED_KEY,
    declined(
        S403,
        "REJECT_ACCOUNT_PAYMENT",
        "잔액부족으로 결제에 실패했습니다.",
    ),
    REJECT_CARD_PAYMENT,
    declined(S403, "REJECT_CARD_COMPANY", "결제 승인이 거절되었습니다."),
    refused(S403, "FORBIDDEN_REQUEST", "허용되지 않은 요청입니다."),
    declined(
        S403,
        "REJECT_TOSSPAY_INVALID_ACCOUNT",
        "선택하신 출금 계좌가 출금이체 등록이 되어 있지 않아요. 계좌를 다시 등록해 주세요.",
    ),
    declined(
        S403,
        "EXCEED_MAX_AUTH_COUNT",
        "최대 인증 횟수를 초과했습니다. 카드사로 문의해주세요.",
    ),
    declined(
        S403,
        "EXCEED_MAX_ONE_DAY_AMOUNT",
        "일일 한도를 초과했습니다.",
    ),
    declined(S403, "NOT_AVAILABLE_BANK", "은행 서비스 시간이 아닙니다."),
    declined(
        S403,
        "INVALID_PASSWORD",
        "결제 비밀번호가 일치하지 않습니다.",
    ),
    INCORRECT_BASIC_AUTH,
    declined(
        S403,
        "FDS_ERROR",
        "[토스페이먼츠] 위험거래가 감지되어 결제가 제한됩니다. 발송된 문자에 포함된 링크를 통해 본인인증 후 결제가 가능합니다.",
    ),
    NOT_FOUND_PAYMENT,
    NOT_FOUND_SESSION,
    refused(
        S500,
        "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING",
        "결제가 완료되지 않았어요. 다시 시도해주세요.",
    ),
    INTERNAL,
    refused(
        S500,
        "UNKNOWN_PAYMENT_ERROR",
        "결제에 실패했어요. 같은 문제가 반복된다면 은행이나 카드사로 문의해주세요.",
    ),
];

/// Refusals of `POST /v1/payments/{paymentKey}/cancel`.
pub const CANCEL_REFUSALS: &[Refusal] = &[
    ALREADY_CANCELED,
    refused(
        S400,
        "INVALID_REFUND_ACCOUNT_INFO",
        "환불 계좌번호와 예금주명이 일치하지 않습니다.",
    ),
    refused(
        S400,
        "EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT",
        "즉시할인금액보다 적은 금액은 부분취소가 불가능합니다.",
    ),
    INVALID_REQUEST,
    refused(
        S400,
        "INVALID_REFUND_ACCOUNT_NUMBER",
        "잘못된 환불 계좌번호입니다.",
    ),
    refused(S400, "INVALID_BANK", "유효하지 않은 은행입니다."),
    refused(
        S400,
        "NOT_MATCHES_REFUNDABLE_AMOUNT",
        "잔액 결과가 일치하지 않습니다.",
    ),
    refused(
        S400,
        "PROVIDER_ERROR",
        "일시적인 오류가 발생했습니다. 잠시 후 다시 시도해주세요.",
    ),
    refused(S400, "ALREADY_REFUND_PAYMENT", "이미 환불된 결제입니다."),
    UNAUTHORIZED_KEY,
    NOT_CANCELABLE_AMOUNT,
    refused(
        S403,
        "FORBIDDEN_CONSECUTIVE_REQUEST",
        "반복적인 요청은 허용되지 않습니다. 잠시 후 다시 시도해주세요.",
    ),
    refused(S403, "FORBIDDEN_REQUEST", "허용되지 않은 요청입니다."),
    NOT_CANCELABLE,
    refused(
        S403,
        "EXCEED_MAX_REFUND_DUE",
        "환불 가능한 기간이 지났습니다.",
    ),
    refused(
        S403,
        "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT",
        "입금 대기중인 결제는 부분 환불이 불가합니다.",
    ),
    refused(
        S403,
        "NOT_ALLOWED_PARTIAL_REFUND",
        "에스크로 주문, 현금 카드 결제 등의 이유로 부분 환불이 불가합니다.",
    ),
    refused(S403, "NOT_AVAILABLE_BANK", "은행 서비스 시간이 아닙니다."),
    INCORRECT_BASIC_AUTH,
    refused(
        S403,
        "NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER",
        "휴면 처리된 회원의 결제는 취소할 수 없습니다.",
    ),
    NOT_FOUND_PAYMENT,
    INTERNAL,
    refused(
        S500,
        "FAILED_REFUND_PROCESS",
        "은행 응답시간 지연이나 일시적인 오류로 환불요청에 실패했습니다.",
    ),
    refused(
        S500,
        "FAILED_METHOD_HANDLING_CANCEL",
        "취소 중 결제 시 사용한 결제 수단 처리과정에서 일시적인 오류가 발생했습니다.",
    ),
    refused(
        S500,
        "FAILED_PARTIAL_REFUND",
        "은행 점검, 해약 계좌 등의 사유로 부분 환불이 실패했습니다.",
    ),
    refused(
        S500,
        "COMMON_ERROR",
        "일시적인 오류가 발생했습니다. 잠시 후 다시 시도해주세요.",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_table_names_a_code_once() {
        for table in [CONFIRM_REFUSALS, CANCEL_REFUSALS, HEADER_REFUSALS] {
            let codes: HashSet<_> = table.iter().map(|refusal| refusal.code).collect();
            assert_eq!(codes.len(), table.len());
        }
    }

    #[test]
    fn a_server_error_never_ends_a_payment() {
        for refusal in CONFIRM_REFUSALS {
            assert!(
                !(refusal.status.is_server_error() && refusal.aborts),
                "{}",
                refusal.code
            );
        }
    }
}
