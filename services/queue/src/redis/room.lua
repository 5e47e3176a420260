-- What every script of a line begins with: its keys, the time, the policy, and the moves
-- that more than one script makes.
--
-- KEYS[1] is the line's marker, `line:{event}`. All other keys of the event carry the same
-- hash tag and so live in the same slot; their names are made here, which keeps a call short.

local LINE = KEYS[1]
local TAG = string.match(LINE, '{.*}')
local SEQ = 'seq:' .. TAG           -- last number given out
local SERVING = 'serving:' .. TAG   -- highest number called
local POLICY = 'policy:' .. TAG     -- hash: the rules in force
local WAITING = 'waiting:' .. TAG   -- bitmap by number: has a place in the line
local PRESENT = 'present:' .. TAG   -- bitmaps by number, one per expiry: polls as told
local ALIVE = 'alive:' .. TAG       -- bitmaps by number, one per expiry: not gone for good
local RESTORED = 'restored:' .. TAG -- bitmap by number: an old receipt was honoured once
local VISITED = 'visited:' .. TAG   -- bitmap by number: that receipt was a visitor's
local GIVEN = 'given:' .. TAG       -- bitmap by number: waited in what was known before a loss
local QUEUE = 'queue:' .. TAG       -- hashes of 16-byte person -> number, in buckets
local ACTIVE = 'active:' .. TAG     -- sorted set: number, end of stay in ms
local SLOTS = 'slots:' .. TAG       -- hash: number -> admission|since ms|appeared|person
local REVOKED = 'revoked:' .. TAG   -- sorted set: admission, end of its tokens in s
local PACE = 'pace:' .. TAG         -- hash: second -> people admitted in it
local CALLABLE = 'callable:' .. TAG -- bitmap, made and dropped by one admission

-- As many as in `domain/person.rs`.
local BUCKETS = 16384
local DAY = 86400000
-- Signs of life reach us up to a second late; a slot is given back only that much later.
local GRACE = 3000
-- No presence lasts longer: two intervals of a minute, and ten seconds.
local LONGEST_PRESENCE = 130000
-- No policy's `absent_ms` counts for more.
local LONGEST_ABSENCE = 3600000
-- The longest interval anybody is told.
local LONGEST_POLL = 60000
-- Silence means something once it lasts so much longer than the interval people were told:
-- soon enough that nobody's presence (two intervals and ten seconds) has ended by then.
local UNHEARD = 6000
-- After a silence, the time in which those in front come back before anybody is called.
local COMEBACK = 3000
-- After a silence, the least that is left of a stay inside.
local LAST_CALL = 15000

local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)

local function fields(key, names)
  local values = redis.call('HMGET', key, unpack(names))
  local result = {}
  for i, name in ipairs(names) do
    if values[i] then result[name] = values[i] end
  end
  return result
end

local function integer(text) return string.format('%.0f', text) end

-- Names this run of the server. A restart or a replica that took over may have brought an
-- older line back, in which the last numbers are still to be given out.
local function this_run()
  local info = redis.pcall('INFO', 'server')
  return type(info) == 'string' and string.match(info, 'run_id:(%x+)') or 'unknown'
end

-- Nil where no policy is known: then nobody enters.
local function read_policy()
  local raw = fields(POLICY, { 'max_active', 'rate', 'throttle_rate', 'throttle_until', 'active_ms',
    'claim_ms', 'max_stay_ms', 'absent_ms', 'lobby_at', 'opens_at', 'closes_at', 'suspended', 'sale', 'token_ttl_s' })
  if not raw.max_active then return nil end
  local policy = { suspended = raw.suspended == '1', sale = raw.sale }
  for name, value in pairs(raw) do
    if name ~= 'suspended' and name ~= 'sale' then policy[name] = tonumber(value) end
  end
  if now < policy.throttle_until and policy.throttle_rate < policy.rate then
    policy.rate = policy.throttle_rate
  end
  return policy
end

local function is_open(policy, line)
  return policy ~= nil
    and not policy.suspended
    and policy.sale == 'open'
    and (policy.opens_at == 0 or now >= policy.opens_at)
    and (policy.closes_at == 0 or now < policy.closes_at)
    and now >= tonumber(line.resumes_at or '0')
    and now >= tonumber(line.admits_at or '0')
end

-- When the keys of the line may go: a day after the sale, or a week after the last use.
local function keep_until(policy)
  if policy and policy.closes_at > 0 then return math.max(policy.closes_at, now) + DAY end
  return now + 7 * DAY
end

local function keep(key, policy) redis.call('PEXPIREAT', key, integer(keep_until(policy))) end

-- Thousandths of a token, at most one second's worth. Counting starts at the opening.
local function refill(policy, line)
  local full = policy.rate * 1000
  local since = tonumber(line.refilled_at or '0')
  local tokens = tonumber(line.tokens or '0')
  if policy.opens_at > since then
    since, tokens = policy.opens_at, 0
  end
  return math.min(full, tokens + (now - since) * policy.rate)
end

local function keep_tokens(tokens)
  redis.call('HSET', LINE, 'tokens', integer(tokens), 'refilled_at', integer(now))
end

local function count_admitted(people)
  redis.call('HINCRBY', LINE, 'admitted', people)
  local second = clock[1]
  if redis.call('HINCRBY', PACE, second, people) == people then
    redis.call('HDEL', PACE, integer(tonumber(second) - 61), integer(tonumber(second) - 62),
      integer(tonumber(second) - 63))
    redis.call('EXPIRE', PACE, 120)
  end
end

-- A person is 16 bytes in the index, and 32 hexadecimal digits everywhere else.
local function hex(bytes)
  return (bytes:gsub('.', function(byte) return string.format('%02x', string.byte(byte)) end))
end

-- Bucket and field of the index that hold the person.
local function place_in_index(person)
  local bytes = person:gsub('%x%x', function(byte) return string.char(tonumber(byte, 16)) end)
  return QUEUE .. ':' .. integer(tonumber(person:sub(-4), 16) % BUCKETS), bytes
end

local function parse_slot(text)
  local admission, since, appeared, person = string.match(text, '^(.-)|(%d+)|(%d)|?(%x*)$')
  return {
    admission = admission, since = tonumber(since), appeared = appeared == '1',
    person = person ~= '' and person or nil,
  }
end

local function read_slot(number)
  local text = redis.call('HGET', SLOTS, number)
  return text and parse_slot(text) or nil
end

-- All slots, by number as text.
local function read_slots()
  local flat, slots = redis.call('HGETALL', SLOTS), {}
  for i = 1, #flat, 2 do slots[flat[i]] = parse_slot(flat[i + 1]) end
  return slots
end

local function write_slot(number, slot, ends, policy)
  redis.call('ZADD', ACTIVE, integer(ends), number)
  redis.call('HSET', SLOTS, number, table.concat({
    slot.admission, integer(slot.since), slot.appeared and '1' or '0', slot.person or '',
  }, '|'))
  keep(ACTIVE, policy)
  keep(SLOTS, policy)
end

-- A sign of life of somebody inside, by a person if it says of whom. The first one begins
-- the stay, and tells whose slot it is.
local function extend(number, policy, person)
  local slot = read_slot(number)
  if not slot then return nil end
  if not slot.appeared then slot.since, slot.appeared = now, true end
  slot.person = slot.person or person
  local ends = math.min(now + policy.active_ms, slot.since + policy.max_stay_ms)
  write_slot(number, slot, ends, policy)
  slot.ends = ends
  return slot
end

-- Gives a slot back. No token of that admission can outlive `token_ttl_s`.
local function end_slot(number, policy)
  local slot = read_slot(number)
  redis.call('ZREM', ACTIVE, number)
  redis.call('HDEL', SLOTS, number)
  if not slot then return end
  local ttl = policy and policy.token_ttl_s or 3600
  redis.call('ZREMRANGEBYSCORE', REVOKED, '-inf', '(' .. clock[1])
  redis.call('ZADD', REVOKED, integer(tonumber(clock[1]) + ttl), slot.admission)
  redis.call('EXPIRE', REVOKED, ttl + 60)
end

-- Puts back a slot of before a loss, and the person into the index. Not if the admission
-- has ended or has a slot already (`held`: admission -> number), and of two slots of one
-- person the later one stays: nobody is inside twice.
local function restore_slot(number, slot, ends, policy, held)
  if redis.call('ZSCORE', REVOKED, slot.admission) then return end
  local present = held[slot.admission]
  if present then
    local known = read_slot(present)
    if slot.person and known and not known.person then
      known.person = slot.person
      write_slot(present, known, redis.call('ZSCORE', ACTIVE, present), policy)
    end
    number = present
  end
  if slot.person then
    local bucket, person = place_in_index(slot.person)
    local other = redis.call('HGET', bucket, person)
    if other and other ~= number then
      local theirs = read_slot(other)
      if theirs and theirs.since >= slot.since then return end
      if theirs then end_slot(other, policy) end
      redis.call('SETBIT', WAITING, other, 0)
    end
    redis.call('HSET', bucket, person, number)
    keep(bucket, policy)
  end
  redis.call('SETBIT', WAITING, number, 0)
  if present then return end
  write_slot(number, slot, ends, policy)
  held[slot.admission] = number
end

-- Ends the slots that began before `known_at` and are not among the numbers known then.
local function end_slots_unknown(numbers, known_at, policy)
  for number, slot in pairs(read_slots()) do
    if slot.since < known_at and not numbers[number] then end_slot(number, policy) end
  end
end

local function numbers_by_admission()
  local held = {}
  for number, slot in pairs(read_slots()) do held[slot.admission] = number end
  return held
end

-- Whether people ask in vain: nobody was heard of although somebody should have been. The
-- line cannot tell that from everybody being gone; so nobody may lose anything by it.
local function is_silent(line)
  local told = tonumber(line.told or LONGEST_POLL)
  return now - tonumber(line.heard_at or now) > told + UNHEARD
end

-- Time for everybody to come back; whoever was called could not appear.
local function end_silence(policy)
  redis.call('HSET', LINE, 'watched_since', integer(now))
  if redis.call('BITPOS', WAITING, 1) >= 0 then
    redis.call('HSET', LINE, 'admits_at', integer(now + COMEBACK))
  end
  if not policy then return end
  local soon = integer(now + math.max(policy.claim_ms, LAST_CALL))
  for _, number in ipairs(redis.call('ZRANGEBYSCORE', ACTIVE, '-inf', soon)) do
    local slot = read_slot(number)
    local left = slot and not slot.appeared and policy.claim_ms or LAST_CALL
    redis.call('ZADD', ACTIVE, 'XX', 'GT', integer(now + left), number)
  end
end

-- Somebody was heard of who asks again after `told` ms. The shortest of these intervals
-- counts, until all who were told it are gone.
local function hear(told, line, policy)
  local shortest, told_at = tonumber(line.told or LONGEST_POLL), tonumber(line.told_at or '0')
  if told <= shortest or now - told_at > shortest + UNHEARD then
    redis.call('HSET', LINE, 'told', integer(told), 'told_at', integer(now))
  end
  if is_silent(line) then end_silence(policy) end
  redis.call('HSET', LINE, 'heard_at', integer(now))
end

-- The interval somebody was told, by how long it makes them present (0 for a visitor).
local function told_for(presence)
  if presence == 0 then return LONGEST_POLL end
  return math.max(0, math.min(LONGEST_POLL, (presence - 10000) / 2))
end

-- The bitmap of those who stay for `duration`, and when it may go. Bitmaps are `width` ms wide.
local function bitmap(prefix, duration, width)
  local index = math.ceil((now + duration) / width)
  return prefix .. ':' .. integer(index), integer(index * width + GRACE)
end

local function mark(prefix, number, duration, width)
  local key, expires_at = bitmap(prefix, duration, width)
  redis.call('SETBIT', key, number, 1)
  redis.call('PEXPIREAT', key, expires_at)
end

local function life(policy) return math.min(policy.absent_ms, LONGEST_ABSENCE) end

-- Unites the bitmaps that have not expired into `target`.
local function unite(target, prefix, longest, width)
  local keys = {}
  for index = math.floor(now / width) + 1, math.ceil((now + longest) / width) do
    keys[#keys + 1] = prefix .. ':' .. integer(index)
  end
  redis.call('BITOP', 'OR', target, unpack(keys))
end
