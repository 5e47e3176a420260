-- The whole decision of a join in one step: already inside -> the same slot; already waiting
-- -> the same number; room, rate left and nobody waiting -> in; else the next number.
--
-- ARGV: 1 `join` or `find` (which never gives a new place), 2 person, 3 `1` for an account,
-- 4 bucket of the person, 5 visitor whose place the person takes over or empty, 6 bucket of
-- the visitor, 7 number of a receipt or 0, 8 its epoch, 9 `1` if it is the person's own and
-- not the visitor's, 10 admission of a valid entry token or empty, 11 its issue time in ms,
-- 12 id for a new admission, 13 duration of presence, 14 width of bitmaps of presence and of
-- life in ms, 15 epoch and 16 last number that the caller has seen.

local mode, person, is_account = ARGV[1], ARGV[2], ARGV[3] == '1'
local account = is_account and hex(person) or nil
local person_bucket = QUEUE .. ':' .. ARGV[4]
local visitor, visitor_bucket = ARGV[5], QUEUE .. ':' .. ARGV[6]
local receipt_number, receipt_epoch, receipt_is_own = tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9] == '1'

local line = fields(LINE, { 'epoch', 'run', 'reserved', 'base', 'trusted_to', 'resumes_at', 'loaded_at',
  'tokens', 'refilled_at', 'backlog', 'admits_at', 'heard_at', 'told', 'told_at' })
if not line.epoch then return { 'unloaded' } end
local epoch, base, trusted_to = tonumber(line.epoch), tonumber(line.base), tonumber(line.trusted_to)
local last = tonumber(redis.call('GET', SEQ) or '-1')
local seen_epoch, seen_last = tonumber(ARGV[15]), tonumber(ARGV[16])
-- A Redis that knows less than it once told us would give the same number twice.
if last < 0 or line.run ~= this_run() or epoch < seen_epoch or (epoch == seen_epoch and last < seen_last) then
  return { 'behind', epoch }
end
local policy = read_policy()

local function state_of(number)
  if not number then return nil end
  local ends = redis.call('ZSCORE', ACTIVE, number)
  if ends and now < tonumber(ends) + GRACE then return 'inside' end
  if redis.call('GETBIT', WAITING, number) == 1 then return 'waiting' end
  return nil
end

-- The number of a receipt, where it still stands for a place. Own receipts of this
-- incarnation are believed; a visitor's only through the index, since somebody else may
-- have taken that place over. A receipt of a lost incarnation is honoured once; whether a
-- visitor's place had been taken over is lost, so of a visitor and an account that both show
-- the number, only the first has it.
local function number_of_receipt()
  if receipt_number == 0 then return nil end
  if receipt_epoch == epoch then return receipt_is_own and is_account and receipt_number or nil end
  if receipt_epoch > epoch or receipt_number > base then return nil end
  local slot = read_slot(receipt_number)
  if slot and slot.person and slot.person ~= account then return nil end
  local honoured = redis.call('GETBIT', RESTORED, receipt_number) == 1
  local is_accounts = receipt_is_own and is_account
  if state_of(receipt_number) then
    if honoured and not (is_accounts and redis.call('GETBIT', VISITED, receipt_number) == 0) then return nil end
  elseif honoured or receipt_number <= trusted_to then
    return nil
  else
    redis.call('SETBIT', WAITING, receipt_number, 1)
  end
  redis.call('SETBIT', RESTORED, receipt_number, 1)
  keep(WAITING, policy)
  keep(RESTORED, policy)
  if not is_accounts then
    redis.call('SETBIT', VISITED, receipt_number, 1)
    keep(VISITED, policy)
  end
  return receipt_number
end

-- Of two places of one person the better one stays, and the other ends.
local function better(number, other)
  if not state_of(other) or other == number then return number end
  if not state_of(number) then return other end
  local first, second = math.min(number, other), math.max(number, other)
  if state_of(second) == 'inside' and state_of(first) ~= 'inside' then first, second = second, first end
  if state_of(second) == 'inside' then end_slot(second, policy) end
  redis.call('SETBIT', WAITING, second, 0)
  return first
end

local indexed = tonumber(redis.call('HGET', person_bucket, person) or nil)
local number = better(indexed, number_of_receipt())
if visitor ~= '' then
  number = better(number, tonumber(redis.call('HGET', visitor_bucket, visitor) or nil))
  redis.call('HDEL', visitor_bucket, visitor)
end

local function index(new)
  if new == indexed then return end
  redis.call('HSET', person_bucket, person, new)
  keep(person_bucket, policy)
end

local function next_number()
  last = redis.call('INCR', SEQ)
  index(last)
  return last
end

local function inside(at, slot, new)
  return { 'inside', epoch, at, new, slot.admission, slot.since, slot.ends }
end

-- Somebody who proves with a token from before the loss that they were inside.
local function token_proves_slot()
  return ARGV[10] ~= '' and is_account and policy ~= nil and epoch > 1
    and tonumber(ARGV[11]) < tonumber(line.loaded_at)
    and not redis.call('ZSCORE', REVOKED, ARGV[10])
end

local state = state_of(number)
if state ~= 'inside' and token_proves_slot() then
  local held = tonumber(numbers_by_admission()[ARGV[10]] or nil)
  if held then
    -- The slot is there already, under a number that nothing else shows to be theirs.
    number = better(number, held)
    state = state_of(number)
  else
    if not number and last >= tonumber(line.reserved) then return { 'exhausted', epoch, last } end
    number = number or next_number()
    index(number)
    redis.call('SETBIT', WAITING, number, 0)
    local slot = { admission = ARGV[10], since = now, appeared = true, person = account }
    slot.ends = now + policy.active_ms
    write_slot(number, slot, slot.ends, policy)
    return inside(number, slot, 0)
  end
end
if state == 'inside' then
  index(number)
  local slot = policy and extend(number, policy, account) or read_slot(number)
  if slot then
    slot.ends = slot.ends or tonumber(redis.call('ZSCORE', ACTIVE, number))
    return inside(number, slot, 0)
  end
end

local function wait_at(at, new)
  local width = tonumber(ARGV[14])
  hear(told_for(is_account and tonumber(ARGV[13]) or 0), line, policy)
  if policy then mark(ALIVE, at, life(policy), width) end
  -- Visitors wait but are never called: they are present only once they have signed in.
  if is_account then
    mark(PRESENT, at, tonumber(ARGV[13]), width)
    if line.backlog ~= '1' then redis.call('HSET', LINE, 'backlog', '1', 'backlog_since', integer(now)) end
  end
  return { 'waiting', epoch, at, new }
end

if state == 'waiting' then
  index(number)
  return wait_at(number, 0)
end
if mode == 'find' then return { 'none', epoch } end
-- While everything is held, something may come back: people may wait for it.
local sells = policy and (policy.sale == 'open' or policy.sale == 'held')
if policy and (not sells or (policy.closes_at > 0 and now >= policy.closes_at)) then
  return { 'closed', epoch, policy.sale }
end
if policy and now < (policy.lobby_at or 0) then return { 'early', epoch, integer(policy.lobby_at) } end
if last >= tonumber(line.reserved) then return { 'exhausted', epoch, last } end

if is_account and line.backlog ~= '1' and is_open(policy, line) then
  local tokens = refill(policy, line)
  if tokens >= 1000 and redis.call('ZCARD', ACTIVE) < policy.max_active then
    keep_tokens(tokens - 1000)
    number = next_number()
    redis.call('SET', SERVING, number, 'KEEPTTL')
    local slot = { admission = ARGV[12], since = now, appeared = true, person = account }
    slot.ends = now + math.min(policy.active_ms, policy.max_stay_ms)
    write_slot(number, slot, slot.ends, policy)
    count_admitted(1)
    return inside(number, slot, 1)
  end
end
number = next_number()
redis.call('SETBIT', WAITING, number, 1)
return wait_at(number, 1)
