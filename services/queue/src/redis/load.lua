-- Lays a line out in Redis, if nobody has done so yet.
--
-- ARGV: 1 epoch, 2 number after which the new ones begin, 3 number reserved to, 4 highest
-- number called, 5 ms before anybody may enter, 6 epoch that shall be replaced or 0, 7 epoch
-- and 8 time in ms of the knowledge of who is inside, 9 people let in so far, then number,
-- admission, since, `1` if they had appeared, and person or empty, of everybody inside.
-- The policy must be there before, so that those inside get their time, and the ended
-- admissions, so that they stay ended.

local epoch = redis.call('HGET', LINE, 'epoch')
if epoch and tonumber(epoch) ~= tonumber(ARGV[6]) then return 0 end

local policy = read_policy()
local base = tonumber(ARGV[2])
local last = math.max(base, tonumber(redis.call('GET', SEQ) or '0'))
redis.call('SET', SEQ, integer(last))
redis.call('SET', SERVING, integer(math.max(tonumber(ARGV[4]), tonumber(redis.call('GET', SERVING) or '0'))))
redis.call('SETBIT', WAITING, 0, 0)
redis.call('HSET', LINE, 'epoch', ARGV[1], 'run', this_run(), 'base', integer(last), 'trusted_to', 0,
  'reserved', integer(math.max(last, tonumber(ARGV[3]))), 'loaded_at', integer(now),
  'resumes_at', integer(now + tonumber(ARGV[5])), 'refilled_at', integer(now),
  'tokens', integer(policy and policy.rate * 1000 or 0), 'backlog', '0',
  'watched_at', integer(now), 'watched_since', integer(now),
  'heard_at', integer(now), 'told', LONGEST_POLL, 'told_at', integer(now),
  'slots_epoch', ARGV[7], 'slots_at', ARGV[8], 'waiting_epoch', 0, 'waiting_at', 0,
  'admitted', integer(math.max(tonumber(ARGV[9]), tonumber(redis.call('HGET', LINE, 'admitted') or '0'))))
-- What an older file brought back may have ended since.
redis.call('BITOP', 'OR', GIVEN, WAITING)
for _, key in ipairs({ LINE, SEQ, SERVING, WAITING, GIVEN }) do keep(key, policy) end
if not policy then return 1 end

local numbers = {}
for i = 10, #ARGV, 5 do numbers[ARGV[i]] = true end
end_slots_unknown(numbers, tonumber(ARGV[8]), policy)

-- Whoever is known to be inside gets the active time, as after a sign of life. Of somebody
-- who is not known, no purchase and no leave would be noticed; they have the time to appear
-- in which to show themselves.
local held = numbers_by_admission()
for i = 10, #ARGV, 5 do
  local person = ARGV[i + 4] ~= '' and ARGV[i + 4] or nil
  local slot = { admission = ARGV[i + 1], since = tonumber(ARGV[i + 2]), appeared = ARGV[i + 3] == '1', person = person }
  local ends = now + policy.claim_ms
  if slot.appeared and person then
    ends = math.max(ends, math.min(now + policy.active_ms, slot.since + policy.max_stay_ms))
  end
  restore_slot(ARGV[i], slot, ends, policy, held)
end
return 1
