//! Lines as one replica knows them: polls are answered from here without asking Redis.
//!
//! A snapshot of each line in use is renewed by one call, whoever and however many ask.
//! Signs of life are collected and written in one batch. When Redis turns out to have lost
//! a line, the line is laid out again from Postgres and from what replicas remember.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use futures::{StreamExt, stream};
use jiff::SignedDuration;
use parking_lot::{Mutex, RwLock};
use redis::RedisResult;
use sqlx::PgPool;
use tracing::{info, warn};
use urr_contract::{EventId, UserId, internal::QueueInfo};
use urr_kit::{Clock, telemetry::chain};

use crate::{
    config::Settings,
    domain::{
        person::Person,
        rules::{Rules, Sale},
        snapshot::{Slot, Snapshot, Standing},
        told::Told,
    },
    redis::{Ended, Inside, JoinRequest, Joined, Layout, Lost, Rooms, StayOf},
    store::{
        lines::{self, Incarnation},
        policies, revocations, slots,
    },
};

/// Lines renewed or written at the same time.
const CONCURRENCY: usize = 16;
/// A line that nobody asked for so long is renewed no more.
const IN_USE: Duration = Duration::from_mins(2);
/// A line that nobody asked for so long is forgotten.
const FORGOTTEN: Duration = Duration::from_mins(15);
/// A snapshot must be this young to be given back after a loss.
const GIVES_BACK: Duration = Duration::from_secs(10);
/// Tries to lay a line out while another process does, and the pause between them.
const LAY_OUT_TRIES: usize = 20;
const LAY_OUT_PAUSE: Duration = Duration::from_millis(50);
/// A line is laid out so long after the end of the sale; its keys live as long.
const AFTER_SALE: SignedDuration = SignedDuration::from_hours(24);
/// Tries of a join that finds the line lost or its numbers used up.
const JOIN_TRIES: usize = 4;

/// All lines this process has to do with.
#[derive(Debug)]
pub struct Lines {
    rooms: Rooms,
    pool: PgPool,
    settings: Settings,
    clock: Clock,
    known: RwLock<HashMap<EventId, Arc<Line>>>,
}

/// One line as this process knows it.
#[derive(Debug)]
pub struct Line {
    event: EventId,
    known: RwLock<Option<Known>>,
    /// Places learnt from joins since the snapshot, which does not know them yet.
    learnt: Mutex<Learnt>,
    /// Positions told, once the line was lost.
    told: Mutex<Told>,
    signs: Mutex<Signs>,
    redis_is_lost: AtomicBool,
    renewing: tokio::sync::Mutex<()>,
    reserving: tokio::sync::Mutex<()>,
    renewals: AtomicU64,
    used: Mutex<Instant>,
    enforced: Mutex<Option<Arc<QueueInfo>>>,
}

#[derive(Clone, Debug)]
struct Known {
    snapshot: Arc<Snapshot>,
    fetched: Instant,
}

/// Places that joins taught us.
#[derive(Clone, Debug, Default)]
struct Learnt {
    waiting: HashSet<u64>,
    inside: HashMap<u64, Slot>,
    /// The highest number of all.
    highest: u64,
}

impl Learnt {
    /// Forgets what was learnt before a snapshot that shows it.
    fn forget(&mut self, shown: &Self) {
        self.waiting
            .retain(|number| !shown.waiting.contains(number));
        self.inside
            .retain(|number, _| !shown.inside.contains_key(number));
    }
}

/// Signs of life that are still to be written.
#[derive(Debug, Default)]
struct Signs {
    waiting: HashMap<u64, Duration>,
    inside: HashMap<u64, UserId>,
}

/// A line at the moment of an answer.
#[derive(Clone, Debug)]
pub struct View {
    /// The last snapshot.
    pub snapshot: Arc<Snapshot>,
    /// The time, by Redis' clock.
    pub now_ms: i64,
    /// Whether Redis cannot be reached, so that nobody enters.
    pub redis_is_lost: bool,
}

/// What the memory of this process says about a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Inside, or waiting.
    Place(Standing),
    /// Was a place once.
    Ended,
    /// Only Redis can say.
    AskRedis,
}

// === impl Line ===

impl Line {
    fn new(event: EventId) -> Self {
        Self {
            event,
            known: RwLock::default(),
            learnt: Mutex::default(),
            told: Mutex::default(),
            signs: Mutex::default(),
            redis_is_lost: AtomicBool::new(false),
            renewing: tokio::sync::Mutex::default(),
            reserving: tokio::sync::Mutex::default(),
            renewals: AtomicU64::new(0),
            used: Mutex::new(Instant::now()),
            enforced: Mutex::default(),
        }
    }

    /// The event.
    pub fn event(&self) -> EventId {
        self.event
    }

    /// The line at this moment; `None` before the first snapshot.
    pub fn view(&self) -> Option<View> {
        let known = self.known.read().clone()?;
        let passed = i64::try_from(known.fetched.elapsed().as_millis()).unwrap_or(i64::MAX);
        Some(View {
            now_ms: known.snapshot.taken_ms.saturating_add(passed),
            snapshot: known.snapshot,
            redis_is_lost: self.redis_is_lost.load(Ordering::Relaxed),
        })
    }

    /// Remembers that somebody with `number` in the line was heard of, and counts as
    /// present for `presence` (not at all, if that is zero).
    pub fn heard_waiting(&self, number: u64, presence: Duration) {
        self.signs.lock().waiting.insert(number, presence);
    }

    /// Remembers that the person inside with `number` was heard of.
    pub fn heard_inside(&self, number: u64, person: UserId) {
        self.signs.lock().inside.insert(number, person);
    }

    fn age(&self) -> Duration {
        self.known
            .read()
            .as_ref()
            .map_or(Duration::MAX, |known| known.fetched.elapsed())
    }

    /// Where somebody with `number` stands in the line, as they may be told.
    pub fn waiting_at(&self, view: &View, number: u64) -> Standing {
        let newer = view.snapshot.last_number + 1..number;
        let learnt = self.learnt.lock();
        let entered = learnt
            .inside
            .keys()
            .filter(|entered| newer.contains(entered));
        let standing = view.snapshot.waiting_at(number, entered.count() as u64);
        self.never_growing(view, number, standing)
    }

    /// The standing with a position that is no higher than this replica has told before:
    /// after a loss, people come back whom it did not count.
    fn never_growing(&self, view: &View, number: u64, standing: Standing) -> Standing {
        match standing {
            Standing::Waiting { ahead, behind } if view.snapshot.epoch > 1 => Standing::Waiting {
                ahead: self.told.lock().at_most(number, ahead),
                behind,
            },
            standing => standing,
        }
    }

    /// People inside. Whoever entered since the snapshot found room, so where that makes more
    /// than there is room for, as many have left in the meantime.
    pub fn inside(&self, view: &View) -> u64 {
        let known = &view.snapshot.slots;
        let learnt = self.learnt.lock();
        let entered = learnt
            .inside
            .iter()
            .filter(|(number, slot)| !known.contains_key(number) && view.now_ms < slot.ends_ms);
        let inside = view.snapshot.inside(view.now_ms);
        let room = view
            .snapshot
            .rules
            .as_ref()
            .map_or(0, |rules| rules.max_active);
        (inside + entered.count() as u64).min(inside.max(room))
    }

    fn learn(&self, joined: &Joined) {
        match *joined {
            Joined::Inside(Inside { number, slot, .. }, _) if self.is_news(number, true) => {
                let mut learnt = self.learnt.lock();
                learnt.highest = learnt.highest.max(number);
                learnt.waiting.remove(&number);
                learnt.inside.insert(number, slot);
            }
            Joined::Waiting { number, .. } if self.is_news(number, false) => {
                let mut learnt = self.learnt.lock();
                learnt.highest = learnt.highest.max(number);
                learnt.waiting.insert(number);
            }
            _ => {}
        }
    }

    fn is_news(&self, number: u64, inside: bool) -> bool {
        let Some(view) = self.view() else {
            return true;
        };
        match view.snapshot.standing(number, view.now_ms) {
            Standing::Inside(_) => false,
            Standing::Waiting { .. } => inside,
            Standing::Ended | Standing::Unknown => true,
        }
    }

    fn learnt(&self, view: &View, number: u64) -> Option<Standing> {
        let (slot, waits) = {
            let learnt = self.learnt.lock();
            let slot = learnt.inside.get(&number).copied();
            (slot, learnt.waiting.contains(&number))
        };
        let slot = slot.filter(|slot| view.now_ms < slot.ends_ms);
        slot.map(Standing::Inside)
            .or_else(|| waits.then(|| self.waiting_at(view, number)))
    }

    fn see(&self, number: u64, epoch: u32) -> Seen {
        let Some(view) = self.view() else {
            return Seen::AskRedis;
        };
        if epoch != view.snapshot.epoch {
            return Seen::AskRedis;
        }
        if let Some(place) = self.learnt(&view, number) {
            return Seen::Place(place);
        }
        match view.snapshot.standing(number, view.now_ms) {
            Standing::Ended => Seen::Ended,
            // Redis cannot be asked, and the receipt is genuine: the person waits.
            Standing::Unknown if view.redis_is_lost => Seen::Place(self.waiting_at(&view, number)),
            Standing::Unknown => Seen::AskRedis,
            place => Seen::Place(self.never_growing(&view, number, place)),
        }
    }

    /// How the sale ended, where that is so long ago that there is no line any more.
    fn past_sale(&self) -> Option<Sale> {
        let view = self.view().filter(|view| view.snapshot.is_past())?;
        Some(view.snapshot.rules.as_ref()?.sale)
    }

    fn take_signs(&self) -> Signs {
        std::mem::take(&mut *self.signs.lock())
    }

    /// Puts back what could not be written, unless something newer came meanwhile.
    fn put_back(&self, signs: Signs) {
        let mut current = self.signs.lock();
        for (number, presence) in signs.waiting {
            current.waiting.entry(number).or_insert(presence);
        }
        for (number, person) in signs.inside {
            current.inside.entry(number).or_insert(person);
        }
    }
}

// === impl Lines ===

impl Lines {
    /// No lines yet.
    pub fn new(rooms: Rooms, pool: PgPool, settings: Settings, clock: Clock) -> Self {
        Self {
            rooms,
            pool,
            settings,
            clock,
            known: RwLock::default(),
        }
    }

    /// The scripts underneath.
    pub fn rooms(&self) -> &Rooms {
        &self.rooms
    }

    /// The line of that event, marked as in use.
    pub fn line(&self, event: EventId) -> Arc<Line> {
        let found = self.known.read().get(&event).cloned();
        let line = found.unwrap_or_else(|| {
            let mut known = self.known.write();
            Arc::clone(
                known
                    .entry(event)
                    .or_insert_with(|| Arc::new(Line::new(event))),
            )
        });
        *line.used.lock() = Instant::now();
        line
    }

    /// The line of that event, if it is known here and has rules; marked as in use. Leaves
    /// no trace of an event that somebody made up.
    fn going_on(&self, event: EventId) -> Option<Arc<Line>> {
        let line = self.known.read().get(&event).cloned()?;
        let has_rules = line.view()?.snapshot.rules.is_some();
        has_rules.then(|| {
            *line.used.lock() = Instant::now();
            line
        })
    }

    /// The line, where it can answer without ticket and without Postgres.
    pub async fn open_going_on(&self, event: EventId) -> anyhow::Result<Option<Arc<Line>>> {
        let Some(line) = self.going_on(event) else {
            return Ok(None);
        };
        self.freshen(&line).await?;
        Ok(Some(line))
    }

    /// The line with a policy in force and a snapshot young enough to answer from. Asks
    /// nobody where both are there.
    pub async fn open(
        &self,
        event: EventId,
        info: Option<&Arc<QueueInfo>>,
    ) -> anyhow::Result<Arc<Line>> {
        let line = self.line(event);
        if let Some(info) = info {
            self.enforce_news(&line, info).await?;
        }
        self.freshen(&line).await?;
        Ok(line)
    }

    async fn freshen(&self, line: &Line) -> anyhow::Result<()> {
        let is_lost = line.redis_is_lost.load(Ordering::Relaxed);
        let age = line.age();
        if age == Duration::MAX || (age > self.settings.stale_after && !is_lost) {
            let renewed = self.renew(line).await;
            if line.view().is_none() {
                renewed?;
            }
        }
        Ok(())
    }

    /// The line, if it has rules already: for when nobody can say what the event is.
    pub async fn open_known(&self, event: EventId) -> anyhow::Result<Option<Arc<Line>>> {
        if self.going_on(event).is_none() && policies::find(&self.pool, event).await?.is_none() {
            return Ok(None);
        }
        self.open(event, None).await?;
        Ok(self.going_on(event))
    }

    /// Forgets the line of an event that is no more.
    pub fn forget_event(&self, event: EventId) {
        self.known.write().remove(&event);
    }

    /// Lines that somebody asked for lately.
    pub fn in_use(&self) -> Vec<Arc<Line>> {
        self.select(|line| line.used.lock().elapsed() < IN_USE)
    }

    /// What a number means, from memory where memory can say; else after one look at Redis.
    pub async fn see(&self, line: &Line, number: u64, epoch: u32) -> Seen {
        match line.see(number, epoch) {
            Seen::AskRedis => {}
            seen => return seen,
        }
        let known_epoch = line.view().map_or(0, |view| view.snapshot.epoch);
        // A lost incarnation is a matter for the join script.
        if epoch < known_epoch || self.renew(line).await.is_err() {
            return line.see(number, epoch);
        }
        line.see(number, epoch)
    }

    /// Renews the snapshot. Callers that come while one is under way share the next one.
    pub async fn renew(&self, line: &Line) -> anyhow::Result<()> {
        let begun = line.renewals.load(Ordering::Acquire);
        let turn = line.renewing.lock().await;
        // Two began since: the second of them began after this call.
        if line.renewals.load(Ordering::Acquire) > begun + 1 {
            return Ok(());
        }
        let result = self.fetch(line).await;
        line.renewals.fetch_add(1, Ordering::Release);
        drop(turn);
        let lost = result.is_err();
        if line.redis_is_lost.swap(lost, Ordering::Relaxed) != lost {
            info!(event.id = %line.event, paused = lost, "the line changed between memory and Redis");
        }
        result
    }

    /// Looks at a line in Redis, and first mends there what is missing or less than it was.
    async fn fetch(&self, line: &Line) -> anyhow::Result<()> {
        let begun = Instant::now();
        let old = line.known.read().clone();
        let learnt = line.learnt.lock().clone();
        let found = self.look(line).await?;
        if found.is_none()
            && let Some(rules) = self.past_rules(line.event).await?
        {
            *line.known.write() = Some(Known {
                snapshot: Arc::new(Snapshot::past(rules)),
                fetched: begun,
            });
            return Ok(());
        }
        let mut new = match found {
            Some(found) if !went_back(&found, old.as_ref(), learnt.highest) => found,
            lost => {
                let replaces = lost.map(|lost| lost.snapshot.epoch);
                self.lay_out(line.event, replaces).await?;
                self.look_again(line).await?
            }
        };
        if let Some(old) = old.filter(|old| old.snapshot.epoch < new.snapshot.epoch)
            && self.give_back(line, &old, &learnt).await?
        {
            new = self.look_again(line).await?;
        }
        if new.snapshot.rules.is_none() && self.enforce_stored(line.event, None).await? {
            new = self.look_again(line).await?;
        }
        line.told.lock().forget_below(new.snapshot.waiting.first());
        *line.known.write() = Some(new);
        line.learnt.lock().forget(&learnt);
        Ok(())
    }

    /// The line as Redis has it; `None` where it has none.
    async fn look(&self, line: &Line) -> anyhow::Result<Option<Known>> {
        let fetched = Instant::now();
        let snapshot = self.rooms.line(line.event).snapshot().await?;
        Ok(snapshot.map(|snapshot| Known {
            snapshot: Arc::new(snapshot),
            fetched,
        }))
    }

    async fn look_again(&self, line: &Line) -> anyhow::Result<Known> {
        let found = self.look(line).await?;
        found.context("the line was lost again")
    }

    /// Gives a new incarnation of a line the places that the one before it had. Returns whether
    /// there was anything to give.
    async fn give_back(&self, line: &Line, old: &Known, learnt: &Learnt) -> anyhow::Result<bool> {
        *line.enforced.lock() = None;
        line.told.lock().lose(&old.snapshot);
        if old.snapshot.is_past() || old.fetched.elapsed() >= GIVES_BACK {
            return Ok(false);
        }
        let keys = self.rooms.line(line.event);
        Ok(keys.give_back(&old.snapshot, &learnt.inside).await?)
    }

    /// Loads the lines that were in use lately, so that a replica that has just started
    /// answers polls from memory.
    pub async fn load_in_use(&self) -> anyhow::Result<()> {
        let events = lines::in_use(&self.pool).await?;
        self.rooms.announce(&events).await?;
        for event in events {
            self.renew(&self.line(event)).await?;
        }
        Ok(())
    }

    /// Forgets lines that nobody asked for in a long time.
    pub fn forget_unused(&self) {
        self.known
            .write()
            .retain(|_, line| line.used.lock().elapsed() < FORGOTTEN);
    }

    /// Renews all lines in use and forgets those that nobody asked for in a long time.
    pub async fn renew_used(&self) {
        self.forget_unused();
        stream::iter(self.in_use())
            .for_each_concurrent(CONCURRENCY, async |line| {
                if let Err(error) = self.renew(&line).await {
                    tracing::debug!(event.id = %line.event, error = %chain(&*error), "cannot renew a line");
                }
            })
            .await;
    }

    /// Writes all collected signs of life. What cannot be written is kept for the next time.
    pub async fn write_signs(&self) {
        let lines = self.select(|line| {
            let signs = line.signs.lock();
            !signs.waiting.is_empty() || !signs.inside.is_empty()
        });
        stream::iter(lines)
            .for_each_concurrent(CONCURRENCY, async |line| {
                let signs = line.take_signs();
                let waiting: Vec<_> = signs
                    .waiting
                    .iter()
                    .map(|(number, presence)| (*number, *presence))
                    .collect();
                let inside: Vec<_> = signs
                    .inside
                    .iter()
                    .map(|(number, person)| (*number, *person))
                    .collect();
                if self
                    .rooms
                    .line(line.event)
                    .presence(&waiting, &inside)
                    .await
                    .is_err()
                {
                    line.put_back(signs);
                }
            })
            .await;
    }

    fn select(&self, wanted: impl Fn(&Line) -> bool) -> Vec<Arc<Line>> {
        let known = self.known.read();
        known
            .values()
            .filter(|line| wanted(line))
            .cloned()
            .collect()
    }

    /// Joins or finds a place; lays the line out or reserves numbers where that is missing.
    pub async fn join(&self, line: &Line, mut request: JoinRequest) -> anyhow::Result<Joined> {
        let keys = self.rooms.line(line.event);
        for _ in 0..JOIN_TRIES {
            request.seen = line.view().map_or((0, 0), |view| {
                let highest = line.learnt.lock().highest;
                let last = view.snapshot.last_number.max(highest);
                (view.snapshot.epoch, last)
            });
            match keys.join(&request).await? {
                Joined::Lost(Lost::Unloaded | Lost::Behind(_)) => {
                    self.renew(line).await?;
                    if let Some(sale) = line.past_sale() {
                        let nothing = Joined::Nowhere;
                        return Ok(if request.may_join {
                            Joined::Closed(sale)
                        } else {
                            nothing
                        });
                    }
                }
                Joined::Exhausted(last) => self.reserve_unless_done(line, last).await?,
                joined => {
                    // Somebody else laid the line out again; what is known of it here says
                    // nothing about the place.
                    if joined.epoch().is_some_and(|epoch| epoch > request.seen.0) {
                        self.renew(line).await?;
                    }
                    line.learn(&joined);
                    return Ok(joined);
                }
            }
        }
        anyhow::bail!("the line was lost again and again")
    }

    /// Ends a place, also one in a line that must be laid out first. `number` is known to be
    /// the person's own.
    pub async fn leave(
        &self,
        line: &Line,
        person: Person,
        number: Option<u64>,
    ) -> anyhow::Result<bool> {
        let keys = self.rooms.line(line.event);
        if let Some(ended) = keys.leave(person, number).await? {
            return Ok(ended);
        }
        self.renew(line).await?;
        Ok(keys.leave(person, number).await?.unwrap_or(false))
    }

    /// Ends the slot inside at `number`, which Postgres knows to be the person's.
    pub async fn end_slot(
        &self,
        event: EventId,
        person: Person,
        number: u64,
    ) -> anyhow::Result<()> {
        let keys = self.rooms.line(event);
        if keys.end_slot(person, Some(number)).await?.is_none() {
            self.renew(&self.line(event)).await?;
            keys.end_slot(person, Some(number)).await?;
        }
        Ok(())
    }

    /// Reserves numbers beyond `last`, unless somebody has done so by the time it is this
    /// call's turn: a crowd that finds the numbers used up must not queue for one row.
    async fn reserve_unless_done(&self, line: &Line, last: u64) -> anyhow::Result<()> {
        let _turn = line.reserving.lock().await;
        let reserved = self.rooms.line(line.event).reserved().await?;
        if reserved.is_some_and(|reserved| last < reserved) {
            return Ok(());
        }
        self.reserve(line.event, last).await
    }

    /// Reserves numbers beyond `last` in Postgres first, and then in Redis.
    pub async fn reserve(&self, event: EventId, last: u64) -> anyhow::Result<()> {
        let wanted = last.saturating_add(u64::from(self.settings.number_block));
        let reserved = lines::reserve(&self.pool, event, i64::try_from(wanted)?)
            .await?
            .context("numbers of a line that was never laid out")?;
        let keys = self.rooms.line(event);
        if let Some(epoch) = keys.epoch().await? {
            keys.reserve(epoch, u64::try_from(reserved)?).await?;
        }
        Ok(())
    }

    /// The rules of a sale that has been over for so long that its line is laid out no more.
    async fn past_rules(&self, event: EventId) -> anyhow::Result<Option<Rules>> {
        let Some(stored) = policies::find(&self.pool, event).await? else {
            return Ok(None);
        };
        let past = self.clock.now() - AFTER_SALE;
        if stored.policy.closes_at.is_none_or(|at| at > past) {
            return Ok(None);
        }
        let sale = self.sale_in_force(event).once_past();
        Ok(Some(Rules::new(
            &stored.policy,
            sale,
            self.settings.token_ttl_seconds,
        )))
    }

    /// Lays the line out in a new incarnation, unless somebody else does so at the same time.
    /// Numbers are Postgres' alone to give: should two processes get through, the one that
    /// comes late has only wasted a block.
    async fn lay_out(&self, event: EventId, replaces: Option<u32>) -> anyhow::Result<()> {
        let is_known = self.enforce_stored(event, None).await?;
        anyhow::ensure!(is_known, "no policy is stored for the event");
        let block = i64::from(self.settings.number_block);
        for _ in 0..LAY_OUT_TRIES {
            let epoch = lines::epoch(&self.pool, event).await?;
            let present = self.rooms.line(event).epoch().await?;
            if present.is_some() && present != replaces {
                return Ok(());
            }
            if let Some(new) = lines::begin(&self.pool, event, epoch, block).await? {
                return self.load(event, new, replaces).await;
            }
            tokio::time::sleep(LAY_OUT_PAUSE).await;
        }
        anyhow::bail!("the line is being laid out elsewhere")
    }

    async fn load(
        &self,
        event: EventId,
        new: Incarnation,
        replaces: Option<u32>,
    ) -> anyhow::Result<()> {
        let inside: Vec<StayOf> = slots::of_event(&self.pool, event)
            .await?
            .into_iter()
            .map(|slot| {
                Ok(StayOf {
                    number: u64::try_from(slot.number)?,
                    admission: slot.admission_id,
                    appeared: slot.appeared,
                    since_ms: slot.since_ms,
                    person: slot.person,
                })
            })
            .collect::<anyhow::Result<_>>()?;
        let epoch = u32::try_from(new.epoch)?;
        let layout = Layout {
            epoch,
            numbers_after: u64::try_from(new.numbers_after)?,
            reserved_to: u64::try_from(new.reserved_to)?,
            serving: u64::try_from(new.serving)?,
            admitted: u64::try_from(new.admitted)?,
            hold: if epoch == 1 {
                Duration::ZERO
            } else {
                self.settings.hold_after_loss
            },
            replaces,
            known_as_of: (u32::try_from(new.noted_epoch)?, new.noted_ms),
            inside: &inside,
        };
        let ended: Vec<Ended> = revocations::of_event(&self.pool, event)
            .await?
            .into_iter()
            .map(|ended| (ended.admission_id, ended.tokens_end_at))
            .collect();
        self.rooms.line(event).revoke(&ended).await?;
        // Before the line is there, and again by each sweep: gateways must not miss one.
        self.rooms.announce(&[event]).await?;
        let is_ours = self.rooms.line(event).load(&layout).await?;
        if is_ours && epoch > 1 {
            warn!(event.id = %event, epoch, numbers_after = layout.numbers_after, inside = inside.len(),
                  "Redis had lost a line; it was laid out again");
        }
        Ok(())
    }

    /// Puts the event's policy in force where its information changed.
    pub async fn enforce_news(&self, line: &Line, info: &Arc<QueueInfo>) -> anyhow::Result<()> {
        if line.enforced.lock().as_ref() == Some(info) {
            return Ok(());
        }
        match self.enforce_stored(line.event, Some(info)).await {
            Ok(_) => *line.enforced.lock() = Some(Arc::clone(info)),
            // Rules that are in force stay so while Postgres or Redis is away.
            Err(error)
                if line
                    .view()
                    .is_some_and(|view| view.snapshot.rules.is_some()) =>
            {
                warn!(event.id = %line.event, error = %chain(&*error), "cannot renew a policy");
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Puts the stored policy in force, or the one that settings make where none is stored.
    /// Returns whether there is one.
    pub async fn enforce_stored(
        &self,
        event: EventId,
        info: Option<&QueueInfo>,
    ) -> anyhow::Result<bool> {
        if let Some(info) = info {
            self.store_unowned(event, info).await?;
        }
        let Some(stored) = policies::find(&self.pool, event).await? else {
            return Ok(false);
        };
        let sale = match info {
            Some(info) => Sale::from_status(&info.status),
            None => self.sale_in_force(event),
        };
        let rules = Rules::new(&stored.policy, sale, self.settings.token_ttl_seconds);
        self.rooms
            .line(event)
            .put_rules(u64::try_from(stored.revision)?, &rules)
            .await?;
        Ok(true)
    }

    /// Stores the policy of an event that has no owner, unless it is stored already.
    async fn store_unowned(&self, event: EventId, info: &QueueInfo) -> anyhow::Result<()> {
        let mut transaction = self.pool.begin().await?;
        let stored = policies::find_for_update(&mut transaction, event).await?;
        let stored = stored.map(|stored| stored.policy);
        let wanted = self.settings.defaults.unowned(stored.as_ref(), info);
        if let Some(wanted) = wanted.filter(|wanted| stored.as_ref() != Some(wanted)) {
            policies::put(&mut *transaction, event, &wanted).await?;
        }
        Ok(transaction.commit().await?)
    }

    fn sale_in_force(&self, event: EventId) -> Sale {
        let Some(line) = self.known.read().get(&event).cloned() else {
            return Sale::Open;
        };
        if let Some(info) = line.enforced.lock().as_ref() {
            return Sale::from_status(&info.status);
        }
        line.view()
            .and_then(|view| Some(view.snapshot.rules.as_ref()?.sale))
            .unwrap_or(Sale::Open)
    }
}

/// Whether Redis knows less than it once did; `learnt` is the highest number of joins.
fn went_back(new: &Known, old: Option<&Known>, learnt: u64) -> bool {
    let new = &new.snapshot;
    new.is_of_older_run
        || old.is_some_and(|Known { snapshot: old, .. }| {
            let last = old.last_number.max(learnt);
            new.epoch < old.epoch || (new.epoch == old.epoch && new.last_number < last)
        })
}

/// The result of a call whose failure changes nothing for the caller.
pub fn or_log<T>(result: RedisResult<T>, what: &'static str) -> Option<T> {
    result
        .inspect_err(|error| warn!(%error, what, "Redis refused"))
        .ok()
}
