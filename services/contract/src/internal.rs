//! Bodies of calls between services (`/internal/**`). They never pass the gateway.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{EventId, Language, PaymentId, ReservationId, TransferId, UserId, Won};

/// Answer of ticket's `GET /internal/events/{eventId}/queue-info`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueInfo {
    /// Title of the event.
    pub title: String,
    /// Artist, if any.
    pub artist: Option<String>,
    /// `upcoming`, `on_sale`, `held` (nothing is free, but unpaid holds may come back),
    /// `sold_out`, `ended` or `cancelled`, computed at the time of the answer.
    pub status: String,
    /// Start of the sale.
    pub sale_starts_at: Option<Timestamp>,
    /// End of the sale.
    pub sale_ends_at: Option<Timestamp>,
    /// Where members of the artist buy first: when everybody may. Until then it depends on
    /// the person, see [`EntryWindow`].
    #[serde(default)]
    pub general_sale_starts_at: Option<Timestamp>,
}

/// Answer of ticket's `GET /internal/events/{eventId}/entry?userId=…`: from when a person may
/// buy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryWindow {
    /// The person's tier at the event's artist: `DIAMOND`, `GOLD`, `SILVER` or `BRONZE`.
    pub tier: String,
    /// When the sale opens for that tier; `None` where the event has no presale.
    pub opens_at: Option<Timestamp>,
}

/// Request of ticket's `PUT /internal/events/by-source/{uid}`: an event for a resource. It is
/// made once, and afterwards belongs to the administrators.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourcedEvent {
    /// Its title.
    pub title: String,
    /// Where it is.
    pub venue: String,
    /// When it is.
    pub starts_at: Timestamp,
    /// Who plays.
    #[serde(default)]
    pub artist: Option<String>,
    /// Name of the layout of its seats. Without one it is a standing event.
    #[serde(default)]
    pub seat_layout: Option<String>,
    /// Its ticket types, where it is a standing event.
    #[serde(default)]
    pub ticket_types: Vec<SourcedTicketType>,
    /// Start of the sale; at once where absent.
    #[serde(default)]
    pub opens_at: Option<Timestamp>,
    /// End of the sale; the show where absent.
    #[serde(default)]
    pub closes_at: Option<Timestamp>,
    /// Its description.
    #[serde(default)]
    pub description: Option<String>,
    /// The address of the venue.
    #[serde(default)]
    pub address: Option<String>,
    /// Its poster.
    #[serde(default)]
    pub poster_image_url: Option<String>,
    /// Most tickets one person may have; 4 where absent.
    #[serde(default)]
    pub max_per_person: Option<i64>,
    /// Most seats in one hold; 1 where absent.
    #[serde(default)]
    pub max_seats_per_hold: Option<i64>,
    /// Whether members of the artist buy first.
    #[serde(default)]
    pub presale: bool,
}

/// A ticket type of a [`SourcedEvent`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourcedTicketType {
    /// Its name.
    pub name: String,
    /// Its price in won.
    pub price: i64,
    /// Places that exist.
    pub total_quantity: i64,
    /// Its description.
    #[serde(default)]
    pub description: Option<String>,
}

/// Answer of `PUT /internal/events/by-source/{uid}`: 201 where it was made by this request,
/// 200 where it was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourcedEventAnswer {
    /// The event, the same for the same uid.
    pub event_id: EventId,
    /// Whether this request made it.
    pub created: bool,
}

/// Answer of ticket's `GET /internal/events/{eventId}/sale-figures`: seats, or standing
/// places, about a second old.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SaleFigures {
    /// As in [`QueueInfo`].
    pub status: String,
    /// Those that exist.
    pub total: i64,
    /// Of those, free.
    pub available: i64,
    /// Held by somebody who has not paid.
    pub held: i64,
    /// Sold.
    pub sold: i64,
}

/// Answer of queue's `GET /internal/events/{eventId}/line`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LineFigures {
    /// People in the line who are not gone.
    pub waiting: u64,
    /// People inside.
    pub active: u64,
    /// People let in since the line began.
    pub admitted: u64,
}

/// One event in ticket's `POST /internal/events/batch`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventSummary {
    /// The event.
    pub id: EventId,
    /// Its title.
    pub title: String,
    /// Where it is.
    pub venue: String,
    /// When it is.
    pub event_date: Timestamp,
    /// Status at the time of the answer.
    pub status: String,
    /// Seats, or standing places, that exist.
    pub total_seats: i64,
    /// Of those, sold.
    pub sold_seats: i64,
    /// How often its page was looked at.
    #[serde(default)]
    pub views: i64,
}

/// Answer of ticket's `GET /internal/events/figures`: everything there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CatalogueFigures {
    /// Events.
    pub events: i64,
    /// Of those, on sale at the time of the answer.
    pub on_sale: i64,
    /// Seats and standing places of all of them.
    pub seats: i64,
}

/// Query of ticket's `GET /internal/seats/figures`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeatFiguresQuery {
    /// Only places of this event; else those of all.
    pub event_id: Option<EventId>,
}

/// Answer of ticket's `GET /internal/seats/figures`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatFigures {
    /// Places that are alike, by section and row.
    pub places: Vec<AlikePlaces>,
}

/// Places of one section, row and price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlikePlaces {
    /// The section; of standing places, the name of their ticket type.
    pub section: String,
    /// The row; standing places have none.
    pub row: Option<i32>,
    /// Price of each.
    pub price: Won,
    /// How many there are.
    pub total: i64,
    /// Of those, sold.
    pub sold: i64,
}

/// Request of `POST /internal/events/batch`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdBatch {
    /// At most 500 ids.
    pub ids: Vec<Uuid>,
}

/// Request of `POST /internal/users/batch`, whose key the contract fixes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserIdBatch {
    /// At most 500 ids. Also read where they are called `ids`, as of the other batch.
    #[serde(rename = "userIds", alias = "ids")]
    pub user_ids: Vec<UserId>,
}

/// Answer of `POST /internal/events/batch`. Unknown ids are absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventBatch {
    /// Those that exist.
    pub events: Vec<EventSummary>,
}

/// A reservation as ticket shows it to payment:
/// `GET /internal/reservations/{id}/validate?userId=…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservationRow {
    /// The reservation.
    pub id: ReservationId,
    /// Whose it is.
    pub user_id: UserId,
    /// For which event.
    pub event_id: Option<EventId>,
    /// Its number for people.
    pub reservation_number: String,
    /// Won to pay.
    pub total_amount: Won,
    /// `pending`, `confirmed`, `cancelled` or `expired`.
    pub status: String,
    /// `pending`, `processing`, `completed`, `refund_requested` or `refunded`.
    pub payment_status: String,
    /// End of the hold.
    pub expires_at: Option<Timestamp>,
}

/// Request of `POST /internal/reservations/{id}/pay`: HELD → PAYING, fenced by the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PayRequest {
    /// Who pays. Must be the owner.
    pub user_id: UserId,
    /// The order that shall fence the hold.
    pub order_id: String,
    /// Must equal the reservation's total.
    pub amount: Won,
    /// Earlier orders for the same reservation that can no longer be paid. Where one of them
    /// fences, this order takes its place.
    #[serde(default)]
    pub replaces: Vec<String>,
}

/// Answer of `POST /internal/reservations/{id}/pay`. A repeat answers with the order that
/// fences already and the same end: it never extends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PayAnswer {
    /// The order that fences the hold, which may be an earlier one.
    pub order_id: String,
    /// Won to pay.
    pub amount: Won,
    /// The event.
    pub event_id: Option<EventId>,
    /// Title of the event, as the name of the order.
    pub event_title: String,
    /// End of the hold while paying.
    pub expires_at: Timestamp,
}

/// Answer of `GET /internal/reservations/{id}/fence?orderId=…`, asked before money moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FenceAnswer {
    /// Whether the hold is live and fenced by that order.
    pub fenced: bool,
}

/// Request of `POST /internal/reservations/{id}/confirm`: PAYING → SOLD. Idempotent by
/// order. 200 `{"ok":true}` when sold (now or before); 409 when it cannot be honoured, in
/// which case `RESERVATION_REJECTED` has been published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfirmRequest {
    /// How it was paid.
    #[serde(default = "ConfirmRequest::default_method")]
    pub payment_method: String,
    /// The captured order.
    pub order_id: String,
    /// Who paid.
    pub user_id: UserId,
    /// Won captured.
    pub amount: Won,
}

impl ConfirmRequest {
    fn default_method() -> String {
        "toss".to_owned()
    }
}

/// Request of `POST /internal/reservations/{id}/refund`: ticket ends a paid reservation
/// because its payment is being given back, and publishes `RESERVATION_CANCELLED`. 200
/// `{"ok":true}`, also when it had ended before; 403 when the ticket belongs to somebody else by now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundRequest {
    /// Who paid.
    pub user_id: UserId,
    /// The order that paid for it.
    pub order_id: String,
    /// Why.
    pub reason: String,
}

/// An order that was captured and cannot be honoured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwedOrder {
    /// The order.
    pub order_id: String,
    /// Why its money goes back.
    pub reason: String,
}

/// Answer of ticket's `GET /internal/orders/owed-back?after=…`: captured orders of which a
/// fact told payment minutes ago that their money is owed back, and of which ticket has not
/// heard since, by their ids. Empty where no fact got lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwedBack {
    /// At most 100; those after the last one are asked for with its id as `after`.
    pub orders: Vec<OwedOrder>,
}

/// `{"ok":true}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ok {
    /// Always true where the status is 200.
    pub ok: bool,
}

/// State of an order after payment looked into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderOutcome {
    /// The money was captured (and not given back).
    Captured,
    /// The money did not and will not move.
    Void,
    /// Captured and given back.
    Refunded,
    /// The provider could not say yet.
    InDoubt,
}

/// Answer of payment's `POST /internal/payments/orders/{orderId}/void` (asked by ticket
/// when an owner cancels while paying; answers `InDoubt` once confirming) and of
/// `POST /internal/payments/orders/{orderId}/resolve` (asked when a hold's paying time is
/// over: asks the provider first). An unknown order is `Void`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderState {
    /// What became of it.
    pub outcome: OrderOutcome,
    /// The payment, where one exists.
    pub payment_id: Option<PaymentId>,
    /// How it was paid, where captured.
    pub method: Option<String>,
    /// Won captured, where captured.
    pub amount: Option<Won>,
}

/// Answer of payment's `GET /internal/payments/by-reservation/{reservationId}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentByReservation {
    /// Whether there is a payment.
    pub found: bool,
    /// The reservation asked for, where nothing was found.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reservation_id: Option<ReservationId>,
    /// Status of the latest payment.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<String>,
    /// Its method, empty where unknown.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub method: Option<String>,
    /// Its amount.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub amount: Option<Won>,
    /// Its order.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub order_id: Option<String>,
    /// What became of it. The status is for people to read: it also says `confirmed` of money
    /// that is on its way back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub outcome: Option<OrderOutcome>,
}

/// Request of ticket's `POST /internal/reservations/details`: what notices and webhooks say of
/// reservations. At most 500 ids in all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetailsRequest {
    /// Reservations asked for.
    #[serde(default)]
    pub reservations: Vec<ReservationId>,
    /// Listings asked for. The answer has their reservations as well.
    #[serde(default)]
    pub transfers: Vec<TransferId>,
}

/// Answer of `POST /internal/reservations/details`. Unknown ids are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetailsAnswer {
    /// Reservations that exist, whatever became of them.
    pub reservations: Vec<ReservationDetails>,
    /// Listings that exist.
    pub transfers: Vec<TransferDetails>,
}

/// What is in a reservation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReservationDetails {
    /// The reservation.
    pub id: ReservationId,
    /// Its number for people.
    pub reservation_number: String,
    /// For which event; none where that was deleted.
    pub event: Option<EventDetails>,
    /// Won it cost when it was first sold.
    pub total_amount: Won,
    /// Its lines, by seat or ticket type.
    pub items: Vec<ItemDetails>,
}

/// When and where something is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookEvent)]
pub struct EventDetails {
    /// The event.
    pub id: EventId,
    /// Its title.
    pub title: String,
    /// Where it is.
    pub venue: String,
    /// When it is.
    pub event_date: Timestamp,
}

/// One line of a reservation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookItem)]
pub struct ItemDetails {
    /// The seat as people read it, if it is one.
    pub seat: Option<String>,
    /// Name of the ticket type, if it is places of one.
    pub ticket_type: Option<String>,
    /// How many.
    pub quantity: i32,
    /// Won for one.
    pub unit_price: Won,
}

/// What a listing cost and whose ticket it was about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TransferDetails {
    /// The listing.
    pub id: TransferId,
    /// What was for sale.
    pub reservation_id: ReservationId,
    /// Face value: what the seller gets.
    pub original_price: Won,
    /// The platform's share.
    pub transfer_fee: Won,
    /// What the buyer paid.
    pub total_price: Won,
}

/// Request of auth's `POST /internal/users/daily`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountDaysRequest {
    /// The first day.
    pub since: Date,
    /// The last day.
    pub until: Date,
    /// Zone whose days these are, by its name in the tz database.
    pub time_zone: String,
}

/// Answer of auth's `POST /internal/users/daily`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountDays {
    /// Each day from the first account on, newest first.
    pub days: Vec<AccountDay>,
}

/// The accounts of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountDay {
    /// The day.
    pub day: Date,
    /// Accounts made on it.
    pub new_users: i64,
    /// Accounts at its end.
    pub users: i64,
}

/// One account in auth's `POST /internal/users/batch`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSummary {
    /// The account.
    pub id: UserId,
    /// Its e-mail.
    pub email: String,
    /// Its name.
    pub name: String,
    /// In which language to write to the person.
    #[serde(default)]
    pub language: Language,
}

/// Answer of `POST /internal/users/batch`. Unknown ids are absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserBatch {
    /// Those that exist.
    pub users: Vec<UserSummary>,
}

/// Answer of auth's `GET /internal/users/counts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserCounts {
    /// Accounts with role `user`.
    pub users: i64,
    /// Accounts with role `admin`.
    pub admins: i64,
}

/// Request of ticket's `POST /internal/memberships/award-points`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AwardPoints {
    /// Who is awarded.
    pub user_id: UserId,
    /// `COMMUNITY_POST`, `COMMUNITY_COMMENT`, `NEWS_CREATION`, …
    pub action_type: String,
    /// How many.
    pub points: i32,
    /// What for, to be read by people.
    pub description: String,
    /// The post, comment or article.
    pub reference_id: Option<Uuid>,
    /// Only this artist's membership; all active ones where absent.
    pub artist_id: Option<Uuid>,
}
