-- Lets people in: cap and rate in one step, however many workers call it. Gives ended slots
-- back first. While people ask in vain, nobody is called, and nobody loses a slot to somebody
-- else or before they could appear. Skips the absent without taking their number: the lowest number that is
-- present is always the next, also one that was skipped before.
--
-- ARGV: 1 owner of the lease, 2 its life in ms, 3 seed of admission ids, 4 most people and
-- most ended slots of one call, 5 width of the bitmaps in ms.
-- Returns status, people admitted, slots ended, people inside, whether anybody present is
-- left waiting, highest number called, ms until the sale opens (0: it has, or never will).

local LEASE = 'admission:lock:' .. TAG
local most = tonumber(ARGV[4])
local line = fields(LINE, { 'epoch', 'run', 'resumes_at', 'tokens', 'refilled_at', 'watched_at',
  'admits_at', 'heard_at', 'told' })
if not line.epoch then return { 'unloaded', 0, 0, 0, 0, 0, 0 } end
if line.run ~= this_run() then return { 'behind', 0, 0, 0, 0, 0, 0 } end

local owner = redis.call('GET', LEASE)
if owner and owner ~= ARGV[1] then return { 'busy', 0, 0, 0, 0, 0, 0 } end
redis.call('SET', LEASE, ARGV[1], 'PX', ARGV[2])

local policy = read_policy()
local serving = tonumber(redis.call('GET', SERVING) or '0')
if not policy then return { 'no policy', 0, 0, 0, 0, serving, 0 } end

-- Whoever was not watched over for a while must not be taken for gone.
if now - tonumber(line.watched_at or '0') > 5000 then
  redis.call('HSET', LINE, 'watched_since', integer(now))
end
redis.call('HSET', LINE, 'watched_at', integer(now))

local silent = is_silent(line)
local somebody_waits = redis.call('BITPOS', WAITING, 1) >= 0
local function may_end(number)
  if not silent then return true end
  local slot = read_slot(number)
  return not somebody_waits and not (slot and not slot.appeared)
end
local ended = 0
for _, number in ipairs(redis.call('ZRANGEBYSCORE', ACTIVE, '-inf', integer(now - GRACE), 'LIMIT', 0, most)) do
  if may_end(number) then
    end_slot(number, policy)
    ended = ended + 1
  end
end

local inside = redis.call('ZCARD', ACTIVE)
if silent or not is_open(policy, line) then
  keep_tokens(0)
  local opens_in = math.max(policy.opens_at - now, 0)
  return { silent and 'silent' or 'closed', 0, ended, inside, 0, serving, opens_in }
end

local tokens = refill(policy, line)
local allowed = math.min(policy.max_active - inside, math.floor(tokens / 1000), most)

local width = tonumber(ARGV[5])
unite(CALLABLE, PRESENT, LONGEST_PRESENCE, width)
redis.call('BITOP', 'AND', CALLABLE, CALLABLE, WAITING)

local function next_callable(from) return redis.call('BITPOS', CALLABLE, 1, from, -1, 'BIT') end

-- Time to appear. An upper bound of the interval the person was told follows from how long
-- their presence still lasts (two intervals and ten seconds after the last poll).
local function time_to_appear(number)
  local newest = math.ceil((now + LONGEST_PRESENCE) / width)
  local matters = math.floor((now + 2 * (policy.claim_ms - 10000)) / width)
  for index = newest, math.max(matters, math.floor(now / width) + 1), -1 do
    if redis.call('GETBIT', PRESENT .. ':' .. integer(index), number) == 1 then
      return math.max(policy.claim_ms, (index * width - now) / 2 + 10000)
    end
  end
  return policy.claim_ms
end

local function new_admission(number)
  local h = redis.sha1hex(ARGV[3] .. ':' .. integer(number))
  return h:sub(1, 8) .. '-' .. h:sub(9, 12) .. '-8' .. h:sub(13, 15) .. '-a' .. h:sub(16, 18) .. '-' .. h:sub(19, 30)
end

local admitted, number = 0, next_callable(0)
while number >= 0 and admitted < allowed do
  redis.call('SETBIT', WAITING, number, 0)
  local slot = { admission = new_admission(number), since = now, appeared = false }
  write_slot(integer(number), slot, now + time_to_appear(number), policy)
  admitted = admitted + 1
  serving = math.max(serving, number)
  number = next_callable(number + 1)
end
redis.call('DEL', CALLABLE)

keep_tokens(tokens - admitted * 1000)
local backlog = number >= 0 and 1 or 0
if backlog == 0 then redis.call('HSET', LINE, 'backlog', '0') end
if admitted > 0 then
  redis.call('SET', SERVING, integer(serving), 'KEEPTTL')
  count_admitted(admitted)
end
return { 'open', admitted, ended, inside + admitted, backlog, serving, 0 }
