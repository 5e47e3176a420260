//! One line in Redis.

use std::{collections::HashMap, time::Duration};

use redis::{ErrorKind, RedisError, RedisResult, Script, ScriptInvocation};
use urr_contract::{AdmissionId, EventId, UserId, revocations};
use uuid::Uuid;

use super::{Reply, Rooms};
use crate::domain::{
    person::{BUCKETS, Person},
    rules::{Rules, Sale},
    snapshot::{Slot, Snapshot},
    waiting::Waiting,
};

/// Most people let in, and most slots given back, by one call of the admission script.
pub(crate) const ADMISSION_BATCH: u64 = 500;
/// Life of an admission lease.
const LEASE: Duration = Duration::from_secs(4);
/// Signs of life in one call.
const PRESENCE_BATCH: usize = 2_000;
/// Ended admissions put back by one call.
const REVOCATION_BATCH: usize = 2_000;

/// The line of one event, to be called.
#[derive(Debug)]
pub struct LineKeys<'a> {
    rooms: &'a Rooms,
    marker: String,
    ended: String,
}

/// A stay inside, as the restart of a line needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StayOf {
    /// The number.
    pub number: u64,
    /// The admission.
    pub admission: AdmissionId,
    /// Whether the person had appeared.
    pub appeared: bool,
    /// Begin of the stay, or the call; ms.
    pub since_ms: i64,
    /// Whose it is, where that is known.
    pub person: Option<UserId>,
}

/// An admission that has ended, and the end of its tokens' life in seconds.
pub type Ended = (AdmissionId, i64);

/// A line as it is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Layout<'a> {
    /// Its incarnation.
    pub epoch: u32,
    /// The number after which new ones begin.
    pub numbers_after: u64,
    /// How far numbers are reserved.
    pub reserved_to: u64,
    /// Highest number that was called.
    pub serving: u64,
    /// People let in so far.
    pub admitted: u64,
    /// How long nobody enters.
    pub hold: Duration,
    /// The incarnation that it replaces, where Redis has one.
    pub replaces: Option<u32>,
    /// Incarnation and time in ms, of which it is known who is inside.
    pub known_as_of: (u32, i64),
    /// Who is inside.
    pub inside: &'a [StayOf],
}

/// A receipt that stands for a place, perhaps one of a lost incarnation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownReceipt {
    /// Its number.
    pub number: u64,
    /// Incarnation of the line it belongs to.
    pub epoch: u32,
    /// Whether it is the person's own, not that of the visitor the person was.
    pub is_own: bool,
}

/// A request to join, or to find the place one has.
#[derive(Clone, Copy, Debug)]
pub struct JoinRequest {
    /// Who asks.
    pub person: Person,
    /// Whether to give a place to somebody who has none.
    pub may_join: bool,
    /// A visitor whose place the person takes over.
    pub adopts: Option<Uuid>,
    /// The receipt shown: the visitor's where there is one, else the person's own.
    pub receipt: Option<ShownReceipt>,
    /// Admission of the valid entry token shown, and its time of issue in ms.
    pub token: Option<(AdmissionId, i64)>,
    /// How long the person counts as present.
    pub presence: Duration,
    /// Incarnation and last number that this replica has seen.
    pub seen: (u32, u64),
}

/// Somebody inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inside {
    /// The number.
    pub number: u64,
    /// Incarnation of the line.
    pub epoch: u32,
    /// The stay.
    pub slot: Slot,
}

/// Why a line cannot be used as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Redis does not know it.
    Unloaded,
    /// Redis knows less of it than it once told us; its incarnation.
    Behind(u32),
}

/// Answer to a [`JoinRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joined {
    /// Inside; the flag says whether by this very call.
    Inside(Inside, bool),
    /// Waiting at `number`; `new` says whether the number was given by this very call.
    Waiting {
        /// The number.
        number: u64,
        /// Incarnation of the line.
        epoch: u32,
        /// Whether it is new.
        new: bool,
    },
    /// No place, and none was asked for.
    Nowhere,
    /// The sale is over, and nobody gets a number any more.
    Closed(Sale),
    /// Nobody lines up before that time, in ms.
    Early(i64),
    /// All reserved numbers are given out; the last one.
    Exhausted(u64),
    /// The line must be laid out first.
    Lost(Lost),
}

impl Joined {
    /// The incarnation in which it is a place.
    pub fn epoch(&self) -> Option<u32> {
        match self {
            Self::Inside(inside, _) => Some(inside.epoch),
            Self::Waiting { epoch, .. } => Some(*epoch),
            Self::Nowhere
            | Self::Closed(_)
            | Self::Early(_)
            | Self::Exhausted(_)
            | Self::Lost(_) => None,
        }
    }
}

/// What one call of the admission script did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// `open`, `closed`, `silent` (nobody is heard of), `no policy`, `busy` (another worker holds the lease), `unloaded` or
    /// `behind` (Redis was restarted or replaced).
    pub status: String,
    /// People let in.
    pub admitted: u64,
    /// Slots given back because their time was over.
    pub ended: u64,
    /// People inside.
    pub inside: u64,
    /// Whether somebody present is left waiting.
    pub backlog: bool,
    /// Highest number called.
    pub serving: u64,
    /// Time until the sale opens, in milliseconds; 0 where it has, or never will.
    pub opens_in_ms: u64,
}

impl<'a> LineKeys<'a> {
    pub(super) fn new(rooms: &'a Rooms, event: EventId) -> Self {
        Self {
            rooms,
            marker: format!("line:{{{event}}}"),
            ended: revocations::key(event),
        }
    }

    fn call(&self, script: &'a Script) -> ScriptInvocation<'a> {
        let mut invocation = script.prepare_invoke();
        invocation.key(&self.marker);
        invocation
    }

    /// Joins, or finds the place one has: the whole decision in one step.
    pub async fn join(&self, request: &JoinRequest) -> RedisResult<Joined> {
        let JoinRequest {
            person,
            adopts,
            receipt,
            ..
        } = *request;
        let receipt = receipt.unwrap_or(ShownReceipt {
            number: 0,
            epoch: 0,
            is_own: false,
        });
        let (token, issued_ms) = request
            .token
            .map_or((String::new(), 0), |(admission, issued)| {
                (admission.to_string(), issued)
            });
        let mut call = self.call(&self.rooms.scripts.join);
        call.arg(if request.may_join { "join" } else { "find" })
            .arg(person.id.as_bytes())
            .arg(u8::from(person.account))
            .arg(person.bucket())
            .arg(adopts.map_or(Vec::new(), |visitor| visitor.as_bytes().to_vec()))
            .arg(adopts.map_or(0, |visitor| Person::visitor(visitor).bucket()))
            .arg(receipt.number)
            .arg(receipt.epoch)
            .arg(u8::from(receipt.is_own))
            .arg(token)
            .arg(issued_ms)
            .arg(AdmissionId::random().to_string())
            .arg(millis(request.presence))
            .arg(self.rooms.bitmap_width_ms)
            .arg(request.seen.0)
            .arg(request.seen.1);
        let mut reply: Reply = self.rooms.eval(&call).await?;
        let mut joined = read_joined(&mut reply)?;
        if let Joined::Inside(inside, _) = &mut joined {
            inside.slot.person = person.account.then_some(UserId(person.id));
        }
        Ok(joined)
    }

    /// Lets people in as far as cap and rate allow. `owner` names the worker.
    pub async fn admit(&self, owner: &str) -> RedisResult<Admitted> {
        let mut call = self.call(&self.rooms.scripts.admit);
        call.arg(owner)
            .arg(millis(LEASE))
            .arg(Uuid::new_v4().as_bytes())
            .arg(ADMISSION_BATCH)
            .arg(self.rooms.bitmap_width_ms);
        let mut reply: Reply = self.rooms.eval(&call).await?;
        Ok(Admitted {
            status: reply.next()?,
            admitted: reply.next()?,
            ended: reply.next()?,
            inside: reply.next()?,
            backlog: reply.next()?,
            serving: reply.next()?,
            opens_in_ms: reply.next()?,
        })
    }

    /// Gives the lease back, if it is still the owner's.
    pub async fn release(&self, owner: &str) -> RedisResult<bool> {
        self.rooms
            .eval(self.call(&self.rooms.scripts.release).arg(owner))
            .await
    }

    /// Writes signs of life: of people in the line with the time they count as present
    /// (none for visitors), and of people inside, which tell whose a slot is.
    pub async fn presence(
        &self,
        waiting: &[(u64, Duration)],
        inside: &[(u64, UserId)],
    ) -> RedisResult<()> {
        for batch in waiting.chunks(PRESENCE_BATCH) {
            self.presence_batch(batch, &[]).await?;
        }
        for batch in inside.chunks(PRESENCE_BATCH) {
            self.presence_batch(&[], batch).await?;
        }
        Ok(())
    }

    async fn presence_batch(
        &self,
        waiting: &[(u64, Duration)],
        inside: &[(u64, UserId)],
    ) -> RedisResult<()> {
        let mut call = self.call(&self.rooms.scripts.presence);
        call.arg(self.rooms.bitmap_width_ms).arg(waiting.len());
        for (number, presence) in waiting {
            call.arg(*number).arg(millis(*presence));
        }
        for (number, person) in inside {
            call.arg(*number).arg(hex(Some(*person)));
        }
        self.rooms.eval::<()>(&call).await
    }

    /// Takes the gone out of the line and renews the life of its keys.
    pub async fn sweep(&self) -> RedisResult<u64> {
        let mut call = self.call(&self.rooms.scripts.sweep);
        self.rooms.eval(call.arg(self.rooms.bitmap_width_ms)).await
    }

    /// Ends the person's place in the line and inside. Returns whether there was one; `None`
    /// where Redis does not know the line.
    pub async fn leave(&self, person: Person, receipt: Option<u64>) -> RedisResult<Option<bool>> {
        self.end(person, receipt, "all").await
    }

    /// Ends the person's slot inside and nothing else; the one at `number` too, which is
    /// known to be the person's. Returns the same as [`leave`](Self::leave).
    pub async fn end_slot(&self, person: Person, number: Option<u64>) -> RedisResult<Option<bool>> {
        self.end(person, number, "slot").await
    }

    async fn end(
        &self,
        person: Person,
        number: Option<u64>,
        what: &str,
    ) -> RedisResult<Option<bool>> {
        let mut call = self.call(&self.rooms.scripts.leave);
        call.arg(person.id.as_bytes())
            .arg(person.bucket())
            .arg(number.unwrap_or(0))
            .arg(what);
        self.rooms.eval(&call).await
    }

    /// The number that the line's index has for the person, called or not.
    pub async fn number_of(&self, person: Person) -> RedisResult<Option<i64>> {
        redis::cmd("HGET")
            .arg(self.bucket_key(person))
            .arg(person.id.as_bytes())
            .query_async(&mut self.rooms.redis.connection())
            .await
    }

    /// Takes the person out of the line's index. Returns whether they were in it. A place
    /// that still stands is ended by [`leave`](Self::leave) before.
    pub async fn forget(&self, person: Person) -> RedisResult<bool> {
        redis::cmd("HDEL")
            .arg(self.bucket_key(person))
            .arg(person.id.as_bytes())
            .query_async(&mut self.rooms.redis.connection())
            .await
    }

    fn bucket_key(&self, person: Person) -> String {
        let tag = self.marker.trim_start_matches("line:");
        format!("queue:{tag}:{}", person.bucket())
    }

    /// Ends the line and every stay inside.
    pub async fn clear(&self) -> RedisResult<()> {
        let mut call = self.call(&self.rooms.scripts.clear);
        self.rooms.eval(call.arg(BUCKETS)).await
    }

    /// Lays the line out, unless somebody has done so.
    pub async fn load(&self, layout: &Layout<'_>) -> RedisResult<bool> {
        let mut call = self.call(&self.rooms.scripts.load);
        call.arg(layout.epoch)
            .arg(layout.numbers_after)
            .arg(layout.reserved_to)
            .arg(layout.serving)
            .arg(millis(layout.hold))
            .arg(layout.replaces.unwrap_or(0))
            .arg(layout.known_as_of.0)
            .arg(layout.known_as_of.1)
            .arg(layout.admitted);
        for stay in layout.inside {
            call.arg(stay.number)
                .arg(stay.admission.to_string())
                .arg(stay.since_ms)
                .arg(u8::from(stay.appeared))
                .arg(hex(stay.person));
        }
        self.rooms.eval(&call).await
    }

    /// Puts back admissions that had ended before a loss.
    pub async fn revoke(&self, ended: &[Ended]) -> RedisResult<()> {
        for batch in ended.chunks(REVOCATION_BATCH) {
            let mut call = self.call(&self.rooms.scripts.revoke);
            for (admission, tokens_end) in batch {
                call.arg(*tokens_end).arg(admission.to_string());
            }
            self.rooms.eval::<()>(&call).await?;
        }
        Ok(())
    }

    /// Admissions that have ended and whose tokens end later than `second`.
    pub async fn ended_after(&self, second: i64) -> RedisResult<Vec<Ended>> {
        let ended: Vec<(String, i64)> = redis::cmd("ZRANGEBYSCORE")
            .arg(&self.ended)
            .arg(format!("({second}"))
            .arg("+inf")
            .arg("WITHSCORES")
            .query_async(&mut self.rooms.redis().connection())
            .await?;
        ended
            .into_iter()
            .map(|(admission, tokens_end)| Ok((parse_admission(&admission)?, tokens_end)))
            .collect()
    }

    /// The incarnation that Redis has.
    pub async fn epoch(&self) -> RedisResult<Option<u32>> {
        redis::cmd("HGET")
            .arg(&self.marker)
            .arg("epoch")
            .query_async(&mut self.rooms.redis().connection())
            .await
    }

    /// How far numbers are reserved, as Redis knows it.
    pub async fn reserved(&self) -> RedisResult<Option<u64>> {
        redis::cmd("HGET")
            .arg(&self.marker)
            .arg("reserved")
            .query_async(&mut self.rooms.redis().connection())
            .await
    }

    /// Gives back what this replica knew before the line was lost; `later` are those of whom
    /// it knows that they entered since that snapshot.
    pub async fn give_back(
        &self,
        known: &Snapshot,
        later: &HashMap<u64, Slot>,
    ) -> RedisResult<bool> {
        let (first_byte, bits) = known.waiting.bytes();
        let mut call = self.call(&self.rooms.scripts.give_back);
        call.arg(known.epoch)
            .arg(known.taken_ms)
            .arg(u8::from(known.is_whole()))
            .arg(known.last_number)
            .arg(first_byte)
            .arg(bits);
        for (number, slot) in known.slots.iter().chain(later) {
            call.arg(*number)
                .arg(slot.admission.to_string())
                .arg(slot.since_ms)
                .arg(u8::from(slot.appeared))
                .arg(hex(slot.person))
                .arg(slot.ends_ms);
        }
        self.rooms.eval(&call).await
    }

    /// Tells the line how far numbers are reserved.
    pub async fn reserve(&self, epoch: u32, reserved_to: u64) -> RedisResult<bool> {
        let mut call = self.call(&self.rooms.scripts.reserve);
        self.rooms.eval(call.arg(epoch).arg(reserved_to)).await
    }

    /// Puts rules in force, unless newer ones are.
    pub async fn put_rules(&self, revision: u64, rules: &Rules) -> RedisResult<bool> {
        let mut call = self.call(&self.rooms.scripts.policy);
        call.arg(revision);
        for (field, value) in rules.to_fields() {
            call.arg(field).arg(value);
        }
        self.rooms.eval(&call).await
    }

    /// The line at this moment; `None` where Redis does not know it.
    pub async fn snapshot(&self) -> RedisResult<Option<Snapshot>> {
        let call = self.call(&self.rooms.scripts.snapshot);
        let mut reply: Reply = self.rooms.eval(&call).await?;
        read_snapshot(&mut reply)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A person as the scripts write it; empty where it is unknown.
fn hex(person: Option<UserId>) -> String {
    person.map_or_else(String::new, |person| person.0.simple().to_string())
}

fn unexpected(what: &'static str) -> RedisError {
    RedisError::from((ErrorKind::UnexpectedReturnType, what))
}

fn read_joined(reply: &mut Reply) -> RedisResult<Joined> {
    let outcome: String = reply.next()?;
    if outcome == "unloaded" {
        return Ok(Joined::Lost(Lost::Unloaded));
    }
    let epoch: u32 = reply.next()?;
    Ok(match outcome.as_str() {
        "inside" => {
            let (number, new) = (reply.next()?, reply.next()?);
            let admission: String = reply.next()?;
            let slot = Slot {
                admission: parse_admission(&admission)?,
                since_ms: reply.next()?,
                appeared: true,
                ends_ms: reply.next()?,
                person: None,
            };
            Joined::Inside(
                Inside {
                    number,
                    epoch,
                    slot,
                },
                new,
            )
        }
        "waiting" => Joined::Waiting {
            number: reply.next()?,
            epoch,
            new: reply.next()?,
        },
        "none" => Joined::Nowhere,
        "closed" => Joined::Closed(Sale::from_status(&reply.next::<String>()?)),
        "early" => Joined::Early(reply.next()?),
        "exhausted" => Joined::Exhausted(reply.next()?),
        "behind" => Joined::Lost(Lost::Behind(epoch)),
        _ => return Err(unexpected("unknown outcome of a join")),
    })
}

fn read_snapshot(reply: &mut Reply) -> RedisResult<Option<Snapshot>> {
    let taken_ms = reply.next()?;
    let Some(epoch) = reply.next::<Option<u32>>()? else {
        return Ok(None);
    };
    let is_of_older_run: bool = reply.next()?;
    let (last_number, reserved_to, serving) = (reply.next()?, reply.next()?, reply.next()?);
    let (resumes_ms, backlog_since_ms) = (reply.next()?, reply.next()?);
    let waiting = Waiting::new(reply.next()?, reply.next()?);
    let ends: HashMap<u64, i64> = reply.next()?;
    let slots: HashMap<u64, String> = reply.next()?;
    let pace: HashMap<i64, u64> = reply.next()?;
    let rules: HashMap<String, String> = reply.next()?;
    let admitted = reply.next()?;
    Ok(Some(Snapshot {
        taken_ms,
        epoch,
        is_of_older_run,
        last_number,
        reserved_to,
        serving,
        admitted,
        resumes_ms,
        backlog_since_ms,
        waiting,
        slots: read_slots(&ends, &slots)?,
        pace: pace.into_iter().collect(),
        rules: Rules::from_fields(&rules),
    }))
}

fn read_slots(
    ends: &HashMap<u64, i64>,
    slots: &HashMap<u64, String>,
) -> RedisResult<HashMap<u64, Slot>> {
    slots
        .iter()
        .filter_map(|(number, text)| Some((*number, *ends.get(number)?, text)))
        .map(|(number, ends_ms, text)| {
            let mut parts = text.split('|');
            let mut part = || {
                parts
                    .next()
                    .ok_or_else(|| unexpected("a slot lacks a part"))
            };
            let slot = Slot {
                admission: parse_admission(part()?)?,
                since_ms: part()?
                    .parse()
                    .map_err(|_| unexpected("a slot without time"))?,
                appeared: part()? == "1",
                ends_ms,
                person: parts.next().and_then(|person| person.parse().ok()),
            };
            Ok((number, slot))
        })
        .collect()
}

fn parse_admission(text: &str) -> RedisResult<AdmissionId> {
    text.parse()
        .map_err(|_| unexpected("an admission id is no UUID"))
}
