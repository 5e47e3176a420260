//! Demo data: layouts, events of every kind, artists. Repeating it changes nothing.

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};
use urr_contract::{ArtistId, EventId, SeatLayoutId, TicketTypeId, Won};
use uuid::Uuid;

use crate::{
    domain::layout::Layout,
    store::{seats, stock},
};

/// What a seeding added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeedReport {
    /// Layouts.
    pub layouts: u64,
    /// Artists.
    pub artists: u64,
    /// Events.
    pub events: u64,
    /// Ticket types.
    pub ticket_types: u64,
    /// Seats.
    pub seats: u64,
}

/// One kind of hall.
struct Hall {
    number: u32,
    name: &'static str,
    description: &'static str,
    /// Name, rows, seats per row, price, first row.
    sections: &'static [(&'static str, i32, i32, i64, i32)],
}

static SMALL: Hall = Hall {
    number: 1,
    name: "small_theater",
    description: "소극장 (265석)",
    sections: &[
        ("VIP", 3, 10, 150_000, 1),
        ("R", 5, 15, 100_000, 4),
        ("S", 8, 20, 70_000, 9),
    ],
};

static LARGE: Hall = Hall {
    number: 2,
    name: "large_theater",
    description: "대극장 (1250석)",
    sections: &[
        ("VIP", 5, 20, 200_000, 1),
        ("R", 10, 30, 150_000, 6),
        ("S", 15, 30, 100_000, 16),
        ("A", 10, 40, 70_000, 31),
    ],
};

static STADIUM: Hall = Hall {
    number: 3,
    name: "sports_stadium",
    description: "체육관/스타디움 (4900석)",
    sections: &[
        ("Floor1", 20, 50, 80_000, 1),
        ("Floor2", 30, 60, 50_000, 21),
        ("Floor3", 30, 70, 30_000, 51),
    ],
};

/// One event, in days from the day of the seeding.
struct Show {
    number: u32,
    title: &'static str,
    description: &'static str,
    venue: &'static str,
    address: &'static str,
    hall: Option<&'static Hall>,
    artist: Option<u32>,
    artist_name: Option<&'static str>,
    sale_in_days: i64,
    held_in_days: i64,
    /// Name, price, quantity, description.
    ticket_types: &'static [(&'static str, i64, i32, &'static str)],
}

static SEATED_SHOWS: [Show; 3] = [
    Show {
        number: 1,
        title: "한강 별빛 콘서트",
        description: "강바람과 함께하는 네 팀의 합동 공연",
        venue: "노들 대공연장",
        address: "서울특별시 용산구 노들로 1",
        hall: Some(&LARGE),
        artist: None,
        artist_name: None,
        sale_in_days: -5,
        held_in_days: 15,
        ticket_types: &[
            ("VIP석", 150_000, 100, "무대 앞 구역"),
            ("R석", 120_000, 200, "1층 중앙"),
            ("S석", 80_000, 300, "1층 측면"),
            ("A석", 50_000, 400, "2층"),
        ],
    },
    Show {
        number: 2,
        title: "뮤지컬 종이달의 항해",
        description: "종이배를 타고 달로 떠난 아이의 이야기",
        venue: "달마루 소극장",
        address: "서울특별시 종로구 대학로 12",
        hall: Some(&SMALL),
        artist: None,
        artist_name: None,
        sale_in_days: -3,
        held_in_days: 30,
        ticket_types: &[
            ("VIP석", 180_000, 80, "1층 앞줄"),
            ("R석", 130_000, 150, "1층"),
            ("S석", 80_000, 200, "2층"),
        ],
    },
    Show {
        number: 3,
        title: "농구 결승전 두루미 대 고라니",
        description: "올해의 우승을 가리는 마지막 경기",
        venue: "한빛 체육관",
        address: "서울특별시 송파구 경기장로 25",
        hall: Some(&STADIUM),
        artist: None,
        artist_name: None,
        sale_in_days: -7,
        held_in_days: 10,
        ticket_types: &[
            ("코트사이드", 200_000, 50, "코트 바로 옆"),
            ("1층", 100_000, 500, "1층 지정석"),
            ("2층", 50_000, 1_000, "2층 지정석"),
        ],
    },
];

static STANDING_SHOWS: [Show; 3] = [
    Show {
        number: 4,
        title: "느티나무 록 페스티벌",
        description: "하루 종일 서서 즐기는 야외 공연",
        venue: "느티나무 들판",
        address: "경기도 가평군 들판길 7",
        hall: None,
        artist: None,
        artist_name: None,
        sale_in_days: -2,
        held_in_days: 20,
        ticket_types: &[
            ("프론트 스탠딩", 132_000, 5_000, "무대 앞"),
            ("일반 스탠딩", 99_000, 20_000, "입장 순서 자유"),
        ],
    },
    Show {
        number: 5,
        title: "지하 3층 클럽 나이트",
        description: "새벽까지 이어지는 전자음악의 밤",
        venue: "지하 3층",
        address: "서울특별시 마포구 와우로 33",
        hall: None,
        artist: None,
        artist_name: None,
        sale_in_days: -1,
        held_in_days: 12,
        ticket_types: &[("스탠딩", 44_000, 10_000, "전 구역 스탠딩")],
    },
    Show {
        number: 6,
        title: "첫눈 스탠딩 라이브",
        description: "겨울의 시작을 알리는 공연",
        venue: "눈꽃 홀",
        address: "서울특별시 성동구 눈꽃길 9",
        hall: None,
        artist: None,
        artist_name: None,
        sale_in_days: 6,
        held_in_days: 40,
        ticket_types: &[
            ("A구역", 110_000, 3_000, "무대 앞"),
            ("B구역", 88_000, 6_000, "무대 뒤"),
        ],
    },
];

/// Artists that do not exist, and the title of each one's concert.
const CONCERTS: [(&str, &str); 22] = [
    ("푸른 고래 악단", "푸른 고래 악단 단독 콘서트: 수면 위"),
    (
        "Paper Lanterns of Mapo",
        "Paper Lanterns of Mapo: Slow Fireworks",
    ),
    ("새벽 세탁소", "새벽 세탁소 전국 순회: 탈수 완료"),
    ("Seven Umbrellas", "Seven Umbrellas: The Eighth Tour"),
    ("종이비행기 클럽", "종이비행기 클럽: 착륙 연습"),
    ("Velvet Tadpoles", "Velvet Tadpoles: Growing Legs"),
    ("느린 우체통", "느린 우체통: 일 년 뒤의 편지"),
    (
        "Midnight Kimbap Society",
        "Midnight Kimbap Society: Last Roll",
    ),
    ("유리구두 수리점", "유리구두 수리점: 열두 시 십 분"),
    ("Static Persimmon", "Static Persimmon: Ripe"),
    ("옥상 텃밭 밴드", "옥상 텃밭 밴드: 상추의 계절"),
    ("Marble Otter", "Marble Otter: River Songs"),
    ("검은콩 오케스트라", "검은콩 오케스트라 신년 음악회"),
    ("The Unbrellas", "The Unbrellas: Let It Rain"),
    ("소금사막 여행자", "소금사막 여행자: 거울 위의 산책"),
    ("Neon Radish", "Neon Radish: Underground Roots"),
    ("겨울잠 연구회", "겨울잠 연구회: 봄까지 다섯 곡"),
    ("Polka Dot Submarine", "Polka Dot Submarine: Deep End"),
    ("별자리 택시", "별자리 택시: 미터기를 꺾고"),
    ("Quiet Dumplings", "Quiet Dumplings: Steam"),
    ("초록 신호등", "초록 신호등: 건너가는 밤"),
    ("Tin Roof Galaxy", "Tin Roof Galaxy: Hailstorm"),
];

/// Where the concerts are, in turn.
static VENUES: [(&str, &str, &Hall); 5] = [
    ("파도 아레나", "인천광역시 중구 바다로 88", &STADIUM),
    ("노들 대공연장", "서울특별시 용산구 노들로 1", &LARGE),
    ("달마루 소극장", "서울특별시 종로구 대학로 12", &SMALL),
    ("솔바람 음악당", "대전광역시 서구 솔바람로 5", &LARGE),
    ("골목 끝 극장", "부산광역시 수영구 골목길 3", &SMALL),
];

/// Adds the demo data as of `now`. What is there already, by its id, stays as it is.
pub async fn demo(pool: &PgPool, now: Timestamp) -> anyhow::Result<SeedReport> {
    let mut report = SeedReport::default();
    let mut transaction = pool.begin().await?;
    for hall in [&SMALL, &LARGE, &STADIUM] {
        report.layouts += add_layout(&mut transaction, hall).await?;
    }
    for (number, (name, _)) in (1..).zip(CONCERTS) {
        report.artists += add_artist(&mut transaction, number, name).await?;
    }
    for show in SEATED_SHOWS.iter().chain(&STANDING_SHOWS) {
        add_show(&mut transaction, show, now, &mut report).await?;
    }
    for show in concerts() {
        add_show(&mut transaction, &show, now, &mut report).await?;
    }
    transaction.commit().await?;
    Ok(report)
}

/// The concerts: the first on sale, the others opening one after the other.
fn concerts() -> impl Iterator<Item = Show> {
    (1_u32..).zip(CONCERTS).map(|(number, (name, title))| {
        let index = i64::from(number) - 1;
        let (venue, address, hall) =
            VENUES[usize::try_from(index).unwrap_or_default() % VENUES.len()];
        Show {
            number: 100 + number,
            title,
            description: "단 하루의 공연",
            venue,
            address,
            hall: Some(hall),
            artist: Some(number),
            artist_name: Some(name),
            // 3, 5, 7, 10, 12, 14, 17, … days
            sale_in_days: if index == 0 {
                -2
            } else {
                3 + (index - 1) * 7 / 3
            },
            held_in_days: 20 + index * 3,
            ticket_types: &[],
        }
    })
}

/// A UUID of the demo data: kind and number in a fixed pattern.
fn demo_id(kind: u32, number: u32) -> Uuid {
    Uuid::from_u128(
        0x7572_7264_656d_4000_8000_0000_0000_0000 | (u128::from(kind) << 32) | u128::from(number),
    )
}

fn layout_id(hall: &Hall) -> SeatLayoutId {
    SeatLayoutId(demo_id(1, hall.number))
}

fn layout_config(hall: &Hall) -> Value {
    let sections: Vec<Value> = hall
        .sections
        .iter()
        .map(|(name, rows, seats_per_row, price, start_row)| {
            json!({
                "name": name, "rows": rows, "seatsPerRow": seats_per_row,
                "price": price, "startRow": start_row,
            })
        })
        .collect();
    json!({ "sections": sections })
}

async fn add_layout(connection: &mut PgConnection, hall: &Hall) -> anyhow::Result<u64> {
    let config = layout_config(hall);
    let seats = Layout::parse(&config)?.seats();
    let done = sqlx::query!(
        r"insert into seat_layouts (id, name, description, total_seats, layout_config)
          values ($1, $2, $3, $4, $5) on conflict do nothing",
        layout_id(hall) as SeatLayoutId,
        hall.name,
        hall.description,
        i32::try_from(seats)?,
        config,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

async fn add_artist(connection: &mut PgConnection, number: u32, name: &str) -> anyhow::Result<u64> {
    let done = sqlx::query!(
        "insert into artists (id, name) values ($1, $2) on conflict do nothing",
        ArtistId(demo_id(2, number)) as ArtistId,
        name,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

async fn add_show(
    connection: &mut PgConnection,
    show: &Show,
    now: Timestamp,
    report: &mut SeedReport,
) -> anyhow::Result<()> {
    let event = EventId(demo_id(3, show.number));
    if !insert_event(connection, event, show, now).await? {
        return Ok(());
    }
    report.events += 1;
    for (index, (name, price, quantity, description)) in (0..).zip(show.ticket_types) {
        let id = TicketTypeId(demo_id(4, show.number * 100 + index));
        add_ticket_type(
            connection,
            event,
            id,
            (name, *price, *quantity, description),
        )
        .await?;
        report.ticket_types += 1;
    }
    if let Some(hall) = show.hall {
        let layout = Layout::parse(&layout_config(hall))?;
        report.seats += seats::generate(connection, event, &layout).await?;
    }
    Ok(())
}

/// Adds the event; false where it is there already.
async fn insert_event(
    connection: &mut PgConnection,
    id: EventId,
    show: &Show,
    now: Timestamp,
) -> anyhow::Result<bool> {
    let in_days = |days: i64| {
        now.checked_add(SignedDuration::from_hours(24 * days))
            .context("the end of time")
    };
    let sale_start = in_days(show.sale_in_days)?;
    let sale_end = in_days(show.held_in_days - 1)?;
    let status = if sale_start <= now {
        "on_sale"
    } else {
        "upcoming"
    };
    let done = sqlx::query!(
        r"insert into events (id, title, description, venue, address, event_date, sale_start_date,
                              sale_end_date, status, seat_layout_id, artist_id, artist_name)
          values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict do nothing",
        id as EventId,
        show.title,
        show.description,
        show.venue,
        show.address,
        in_days(show.held_in_days)?.to_sqlx() as _,
        sale_start.to_sqlx() as _,
        sale_end.to_sqlx() as _,
        status,
        show.hall.map(layout_id) as Option<SeatLayoutId>,
        show.artist.map(|number| ArtistId(demo_id(2, number))) as Option<ArtistId>,
        show.artist_name,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

async fn add_ticket_type(
    connection: &mut PgConnection,
    event: EventId,
    id: TicketTypeId,
    (name, price, quantity, description): (&str, i64, i32, &str),
) -> anyhow::Result<()> {
    sqlx::query!(
        r"insert into ticket_types (id, event_id, name, price, total_quantity, description)
          values ($1, $2, $3, $4, $5, $6)",
        id as TicketTypeId,
        event as EventId,
        name,
        Won(price) as Won,
        quantity,
        description,
    )
    .execute(&mut *connection)
    .await?;
    stock::create(connection, id, quantity).await?;
    Ok(())
}
