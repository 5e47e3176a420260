//! Refusals, worded in one place. Texts and statuses are the wire contract's where it has
//! them.

use http::StatusCode;
use jiff::Timestamp;
use serde_json::json;
use urr_contract::{
    TicketTypeId,
    sale_policy::{PolicyError, Refusal},
};
use urr_kit::ApiError;

use crate::{
    domain::{
        admin_change::ChangeError,
        form::FormError,
        membership::Tier,
        order::{MAX_QUANTITY, OrderError},
        picture::PictureError,
    },
    store::is_lock_timeout,
};

/// 403: no entry pass, or one of another event or person.
pub fn entry_required() -> ApiError {
    ApiError::forbidden("ENTRY_TOKEN_REQUIRED", "Queue entry token required")
        .with("redirectTo", json!("/queue"))
}

/// 404.
pub fn event_not_found() -> ApiError {
    ApiError::not_found("EVENT_NOT_FOUND", "Event not found")
}

/// 400: the file is no picture that is taken.
pub fn picture(error: PictureError) -> ApiError {
    ApiError::bad_request("UNACCEPTABLE_IMAGE", error.to_string())
}

/// 500: the store of pictures did not take it.
pub fn upload_failed(cause: anyhow::Error) -> ApiError {
    ApiError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "IMAGE_UPLOAD_FAILED",
        "Image upload failed",
    )
    .caused_by(cause)
}

/// 404.
pub fn image_not_found() -> ApiError {
    ApiError::not_found("IMAGE_NOT_FOUND", "Image not found")
}

/// 404: unknown, or of another event.
pub fn seat_not_found() -> ApiError {
    ApiError::not_found("SEAT_NOT_FOUND", "Selected seat not found")
}

/// 404: unknown, or of another event.
pub fn ticket_type_not_found(id: TicketTypeId) -> ApiError {
    ApiError::not_found(
        "TICKET_TYPE_NOT_FOUND",
        format!("Ticket type not found: {id}"),
    )
}

/// 404: unknown, or somebody else's.
pub fn reservation_not_found() -> ApiError {
    ApiError::not_found("RESERVATION_NOT_FOUND", "Reservation not found")
}

/// 409: before the sale, after it, or called off.
pub fn not_on_sale() -> ApiError {
    ApiError::conflict("EVENT_NOT_ON_SALE", "Event is not on sale")
}

/// 409: somebody else was quicker.
pub fn seat_taken() -> ApiError {
    ApiError::conflict("SEAT_TAKEN", "Seat already selected by another user")
}

/// 409: the row says that it is held or sold.
pub fn seats_reserved(labels: &[&str]) -> ApiError {
    ApiError::conflict(
        "SEAT_RESERVED",
        format!("Seat already reserved: {}", labels.join(", ")),
    )
}

/// 409: fewer are left.
pub fn not_enough(type_name: &str) -> ApiError {
    ApiError::conflict(
        "NOT_ENOUGH_TICKETS",
        format!("{type_name} quantity is not enough"),
    )
}

/// 403: the person has as many tickets of the event as one may have.
pub fn too_many_tickets(most: i64) -> ApiError {
    ApiError::forbidden(
        "PER_PERSON_LIMIT",
        format!("At most {most} tickets per person for this event"),
    )
    .with("maxPerPerson", json!(most))
}

/// 403: the person's tier buys later.
pub fn presale_not_open(tier: Tier, opens_at: Timestamp) -> ApiError {
    ApiError::forbidden(
        "PRESALE_NOT_OPEN",
        format!("The sale opens for {} at {opens_at}", tier.as_str()),
    )
    .with("tier", json!(tier.as_str()))
    .with("opensAt", json!(opens_at))
}

/// 400: a seat selection that is none.
pub fn seat_selection(error: OrderError) -> ApiError {
    let detail = match error {
        OrderError::TooManySeats { most: 1 } => "Only one seat can be selected".to_owned(),
        OrderError::TooManySeats { most } => format!("At most {most} seats can be selected"),
        OrderError::DuplicateSeat => "A seat can be selected only once".to_owned(),
        OrderError::Empty | OrderError::QuantityTooSmall | OrderError::QuantityTooLarge => {
            "Please select at least one seat".to_owned()
        }
    };
    ApiError::bad_request("INVALID_SEAT_SELECTION", detail)
}

/// 400: standing places that nobody can order.
pub fn standing_order(error: OrderError) -> ApiError {
    let detail = match error {
        OrderError::QuantityTooSmall => "must be greater than or equal to 1".to_owned(),
        OrderError::QuantityTooLarge => {
            format!("must be less than or equal to {MAX_QUANTITY}")
        }
        OrderError::Empty | OrderError::TooManySeats { .. } | OrderError::DuplicateSeat => {
            "Reservation items are required".to_owned()
        }
    };
    ApiError::bad_request("INVALID_ITEMS", detail)
}

/// 400: an idempotency key that cannot be kept.
pub fn idempotency_key() -> ApiError {
    ApiError::bad_request(
        "INVALID_IDEMPOTENCY_KEY",
        "idempotencyKey: size must be between 0 and 64",
    )
}

/// 422: the key was used for another request.
pub fn key_reused() -> ApiError {
    ApiError::unprocessable(
        "IDEMPOTENCY_KEY_REUSED",
        "Idempotency key was used for another request",
    )
}

/// 503: whoever was first is not done yet.
pub fn still_running() -> ApiError {
    ApiError::unavailable(
        "REQUEST_IN_PROGRESS",
        "The same request is still in progress. Please retry.",
        1,
    )
}

/// 503 where a statement gave up waiting for a lock; otherwise as every database error.
pub fn database(error: sqlx::Error) -> ApiError {
    if is_lock_timeout(&error) {
        return still_running().caused_by(error);
    }
    if urr_kit::constraint(&error) == Some("reservation_items_one_live_per_seat") {
        return seat_taken();
    }
    error.into()
}

/// 409: cancelled before.
pub fn already_cancelled() -> ApiError {
    ApiError::conflict("ALREADY_CANCELLED", "Already cancelled reservation")
}

/// 409: its time was over before.
pub fn already_expired() -> ApiError {
    ApiError::conflict("ALREADY_EXPIRED", "Reservation has expired")
}

/// 409: the provider is taking the money at this moment.
pub fn payment_in_progress() -> ApiError {
    ApiError::conflict(
        "PAYMENT_IN_PROGRESS",
        "Payment is being processed. Please try again in a moment.",
    )
}

/// 403: somebody else's, asked for by a service.
pub fn access_denied() -> ApiError {
    ApiError::forbidden("ACCESS_DENIED", "Access denied")
}

/// 400: ended or sold.
pub fn not_pending() -> ApiError {
    ApiError::bad_request("RESERVATION_NOT_PENDING", "Reservation is not pending")
}

/// 400: its time is over.
pub fn hold_expired() -> ApiError {
    ApiError::bad_request("RESERVATION_EXPIRED", "Reservation has expired")
}

/// 400: another sum than the total.
pub fn amount_mismatch() -> ApiError {
    ApiError::bad_request("AMOUNT_MISMATCH", "Amount mismatch")
}

/// 409: the captured order cannot be honoured; it will be refunded.
pub fn cannot_be_confirmed() -> ApiError {
    ApiError::conflict("RESERVATION_REJECTED", "Reservation cannot be confirmed")
}

/// 400: a field of a form that cannot be accepted.
pub fn form(error: &FormError) -> ApiError {
    ApiError::bad_request("INVALID_FIELD", error.to_string())
}

/// 400: a sale that would end before it starts; otherwise as every database error.
pub fn event_form(error: sqlx::Error) -> ApiError {
    match urr_kit::constraint(&error) {
        Some("events_sale_ends_after_start") => ApiError::bad_request(
            "INVALID_SALE_DATES",
            "saleEndDate must be later than saleStartDate",
        ),
        Some("events_seat_layout_id_fkey") => seat_layout_not_found(),
        _ => database(error),
    }
}

/// 404.
pub fn seat_layout_not_found() -> ApiError {
    ApiError::not_found("SEAT_LAYOUT_NOT_FOUND", "Seat layout not found")
}

/// 400: the layout's sections describe no seats.
pub fn seat_layout(error: crate::domain::layout::LayoutError) -> ApiError {
    ApiError::bad_request("INVALID_SEAT_LAYOUT", "Invalid seat layout config").caused_by(error)
}

/// 400: a standing event has no seats.
pub fn no_seat_layout() -> ApiError {
    ApiError::bad_request(
        "NO_SEAT_LAYOUT",
        "Seat layout is not configured for this event",
    )
}

/// 400: the seats are there.
pub fn seats_exist() -> ApiError {
    ApiError::bad_request("SEATS_EXIST", "Seats already generated for this event")
}

/// 400: somebody holds or owns a seat.
pub fn seats_in_use() -> ApiError {
    ApiError::bad_request(
        "SEATS_IN_USE",
        "Cannot delete seats with active reservations",
    )
}

/// 404: unknown, deleted or called off before.
pub fn event_not_found_or_cancelled() -> ApiError {
    ApiError::not_found("EVENT_NOT_FOUND", "Event not found or already cancelled")
}

/// 404.
pub fn no_such_ticket_type() -> ApiError {
    ApiError::not_found("TICKET_TYPE_NOT_FOUND", "Ticket type not found")
}

/// 400: more are held or sold than shall exist.
pub fn below_sold() -> ApiError {
    ApiError::bad_request("BELOW_SOLD", "Cannot set quantity below sold amount")
}

/// 409: reservations name it; otherwise as every database error.
pub fn ticket_type_delete(error: sqlx::Error) -> ApiError {
    match urr_kit::constraint(&error) {
        Some("reservation_items_ticket_type_id_fkey") => ApiError::conflict(
            "TICKET_TYPE_IN_USE",
            "Cannot delete a ticket type that was reserved",
        ),
        _ => database(error),
    }
}

/// 400: nothing to do, or something nobody may do.
pub fn admin_change(error: ChangeError) -> ApiError {
    let (code, detail) = match error {
        ChangeError::Nothing => ("NO_STATUS", "No status fields to update"),
        ChangeError::Unknown => (
            "UNKNOWN_STATUS",
            "status must be confirmed, cancelled or refunded; paymentStatus completed, refund_requested or refunded",
        ),
        ChangeError::Contradiction => (
            "CONTRADICTING_STATUS",
            "status and paymentStatus contradict each other",
        ),
    };
    ApiError::bad_request(code, detail)
}

/// 409: no order was captured for it.
pub fn not_paid() -> ApiError {
    ApiError::conflict("NOT_PAID", "Reservation has not been paid")
}

/// 403: somebody else's.
pub fn not_your_reservation() -> ApiError {
    ApiError::forbidden("NOT_YOUR_RESERVATION", "Not your reservation")
}

/// 400: unpaid or ended.
pub fn not_transferable() -> ApiError {
    ApiError::bad_request(
        "NOT_CONFIRMED",
        "Only confirmed reservations can be transferred",
    )
}

/// 409: the show is over or was called off.
pub fn event_over() -> ApiError {
    ApiError::conflict("EVENT_OVER", "Event is over")
}

/// 403: the seller is no member of the artist.
pub fn membership_required() -> ApiError {
    ApiError::forbidden(
        "MEMBERSHIP_REQUIRED",
        "Active membership required for this artist",
    )
}

/// 403: the buyer is no member of the artist.
pub fn buyer_needs_membership() -> ApiError {
    ApiError::forbidden(
        "MEMBERSHIP_REQUIRED",
        "Buyer must have active membership for this artist",
    )
}

/// 409: it is for sale already; otherwise as every database error.
pub fn listing(error: sqlx::Error) -> ApiError {
    match urr_kit::constraint(&error) {
        Some("ticket_transfers_one_open_per_reservation") => ApiError::conflict(
            "ALREADY_LISTED",
            "Transfer already listed for this reservation",
        ),
        _ => database(error),
    }
}

/// 404.
pub fn transfer_not_found() -> ApiError {
    ApiError::not_found("TRANSFER_NOT_FOUND", "Transfer not found")
}

/// 404.
pub fn payout_not_found() -> ApiError {
    ApiError::not_found("PAYOUT_NOT_FOUND", "Payout not found")
}

/// 400.
pub fn payout_reference() -> ApiError {
    ApiError::bad_request(
        "INVALID_REFERENCE",
        "reference must have 1 to 100 characters",
    )
}

/// 409: under another reference.
pub fn already_paid() -> ApiError {
    ApiError::conflict(
        "PAYOUT_PAID",
        "This payout was recorded with another reference",
    )
}

/// 403.
pub fn not_your_listing() -> ApiError {
    ApiError::forbidden("NOT_YOUR_LISTING", "Not your transfer listing")
}

/// 400: sold or withdrawn before.
pub fn not_listed() -> ApiError {
    ApiError::bad_request("NOT_LISTED", "Only listed transfers can be cancelled")
}

/// 409: somebody is paying for it.
pub fn listing_reserved() -> ApiError {
    ApiError::conflict("OTHER_BUYER", "Another buyer is paying for this right now")
}

/// 400: sold, withdrawn, or its ticket is gone.
pub fn transfer_not_available() -> ApiError {
    ApiError::bad_request("TRANSFER_NOT_AVAILABLE", "Transfer is no longer available")
}

/// 400.
pub fn own_transfer() -> ApiError {
    ApiError::bad_request("OWN_TRANSFER", "Cannot buy your own transfer")
}

/// 404.
pub fn artist_not_found() -> ApiError {
    ApiError::not_found("ARTIST_NOT_FOUND", "Artist not found")
}

/// 409.
pub fn already_member() -> ApiError {
    ApiError::conflict("ALREADY_MEMBER", "Already an active member of this artist")
}

/// 404.
pub fn membership_not_found() -> ApiError {
    ApiError::not_found("MEMBERSHIP_NOT_FOUND", "Membership not found")
}

/// 403.
pub fn not_your_membership() -> ApiError {
    ApiError::forbidden("NOT_YOUR_MEMBERSHIP", "Not your membership")
}

/// 400: paid or over.
pub fn membership_not_pending() -> ApiError {
    ApiError::bad_request(
        "MEMBERSHIP_NOT_PENDING",
        "Membership is not pending payment",
    )
}

/// 409: paid by another order, or the money of this one went back.
pub fn membership_not_payable() -> ApiError {
    ApiError::conflict(
        "MEMBERSHIP_NOT_PAYABLE",
        "Membership cannot be activated by this payment",
    )
}

/// 409: what is left does not fulfil the wish.
pub fn no_such_seats() -> ApiError {
    ApiError::conflict("SEATS_NOT_AVAILABLE", "No matching seats are available")
}

/// 503: the database could not answer a question that many share.
pub fn unavailable(cause: impl Into<anyhow::Error>) -> ApiError {
    ApiError::unavailable(
        "DATABASE_UNAVAILABLE",
        "Service temporarily unavailable. Please retry.",
        1,
    )
    .caused_by(cause)
}

/// 404: nobody wrote a policy for the event.
pub fn policy_not_found() -> ApiError {
    ApiError::not_found("POLICY_NOT_FOUND", "No policy for this event")
}

/// 400: a policy that no sale can be run by.
pub fn policy(error: &PolicyError) -> ApiError {
    ApiError::bad_request("INVALID_FIELD", error.to_string())
}

/// 409: a write that the stored policy keeps out.
pub fn policy_write(refusal: Refusal) -> ApiError {
    ApiError::conflict(refusal.code(), refusal.to_string())
}

/// 409: the sale's dates are declared elsewhere.
pub fn dates_declared(owner: &str) -> ApiError {
    ApiError::conflict(
        "SALE_DATES_DECLARED",
        "The dates of this sale are declared by its policy: change them there",
    )
    .with("owner", json!(owner))
}

/// 400: an event for a resource is sold by seat or by type.
pub fn seats_or_types() -> ApiError {
    ApiError::bad_request(
        "INVALID_FIELD",
        "seatLayout: exactly one of seatLayout and ticketTypes must be given",
    )
}

/// 409: the event that was made for the resource is no more.
pub fn sourced_event_deleted() -> ApiError {
    ApiError::conflict("EVENT_DELETED", "The event of this resource was deleted")
}

/// 409: money of the event is still on its way.
pub fn payments_unsettled(reservations: i64) -> ApiError {
    ApiError::conflict(
        "PAYMENTS_UNSETTLED",
        format!("{reservations} reservations of the event are not settled yet"),
    )
    .with("unsettled", json!(reservations))
}

/// 409: somebody came in on it.
pub fn ticket_used() -> ApiError {
    ApiError::conflict("TICKET_USED", "Ticket has been used at the door")
}

/// 404: unknown, refused, or of another event.
pub fn scan_not_found() -> ApiError {
    ApiError::not_found("SCAN_NOT_FOUND", "Check-in not found")
}

/// 409.
pub fn already_undone() -> ApiError {
    ApiError::conflict("ALREADY_UNDONE", "Check-in has been undone before")
}

/// 422: the scan's id was used for another credential.
pub fn scan_id_reused() -> ApiError {
    ApiError::unprocessable("SCAN_ID_REUSED", "Scan id was used for another credential")
}

/// 401: unknown, or taken away.
pub fn check_in_token() -> ApiError {
    ApiError::new(
        http::StatusCode::UNAUTHORIZED,
        "INVALID_CHECK_IN_TOKEN",
        "Check-in token is not valid",
    )
}

/// 403: the device stands at another door.
pub fn other_door() -> ApiError {
    ApiError::forbidden(
        "DEVICE_OF_ANOTHER_EVENT",
        "This device belongs to another event",
    )
}

/// 400: an administrator must say at which door.
pub fn event_required() -> ApiError {
    ApiError::bad_request("EVENT_REQUIRED", "eventId: must not be null")
}

/// 404: unknown, or of another event.
pub fn device_not_found() -> ApiError {
    ApiError::not_found("DEVICE_NOT_FOUND", "Check-in device not found")
}

/// 404: unknown, or of somebody else's reservation.
pub fn ticket_not_found() -> ApiError {
    ApiError::not_found("TICKET_NOT_FOUND", "Ticket not found")
}

/// 409: it has no code to show.
pub fn no_code(detail: &'static str) -> ApiError {
    ApiError::conflict("TICKET_HAS_NO_CODE", detail)
}
