-- After a loss, a replica gives back what it knew: who was waiting and who was inside.
--
-- ARGV: 1 epoch and 2 time in ms of what it knew, 3 `1` if that was the whole line (and not
-- one that was still being given back), 4 last number it knew, 5 first byte and 6 bytes of
-- its bitmap of waiting numbers, then number, admission, since, appeared, person or empty,
-- and end of everybody inside.
-- Accepted until people may enter again, since after that it would undo admissions. The
-- newest knowledge wins, in whatever order it comes: what an older one has beyond it had
-- ended by then, and would be in the line or inside a second time.

local line = fields(LINE, { 'epoch', 'base', 'resumes_at', 'trusted_to', 'slots_epoch', 'slots_at',
  'waiting_epoch', 'waiting_at' })
local epoch, taken, is_whole = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1'
if not line.epoch or tonumber(line.epoch) <= epoch then return 0 end
if now >= tonumber(line.resumes_at) then return 0 end

local policy = read_policy()
local function is_news(of)
  local known_epoch = tonumber(line[of .. '_epoch'] or '0')
  return epoch > known_epoch or (epoch == known_epoch and taken > tonumber(line[of .. '_at'] or '0'))
end

local function give_back_waiting()
  redis.call('DEL', CALLABLE)
  if ARGV[6] ~= '' then redis.call('SETRANGE', CALLABLE, ARGV[5], ARGV[6]) end
  if is_whole then
    -- Out of the line again: given by older knowledge, not waiting in this one, and not
    -- shown by a receipt since.
    local OVER = 'over:' .. TAG
    redis.call('BITOP', 'OR', OVER, CALLABLE, RESTORED)
    redis.call('BITOP', 'AND', OVER, OVER, GIVEN)
    redis.call('BITOP', 'XOR', OVER, OVER, GIVEN)
    redis.call('BITOP', 'AND', OVER, OVER, WAITING)
    redis.call('BITOP', 'XOR', WAITING, WAITING, OVER)
    redis.call('DEL', GIVEN, OVER)
    redis.call('HSET', LINE, 'waiting_epoch', epoch, 'waiting_at', integer(taken))
  end
  redis.call('BITOP', 'OR', WAITING, WAITING, CALLABLE)
  redis.call('BITOP', 'OR', GIVEN, GIVEN, CALLABLE)
  redis.call('DEL', CALLABLE)
  keep(GIVEN, policy)
  local known_to = math.min(tonumber(ARGV[4]), tonumber(line.base))
  redis.call('HSET', LINE, 'trusted_to', integer(math.max(known_to, tonumber(line.trusted_to))))
end

local function give_back_slots()
  local news, numbers = is_news('slots'), {}
  for i = 7, #ARGV, 6 do numbers[ARGV[i]] = true end
  if news and is_whole then
    end_slots_unknown(numbers, taken, policy)
    redis.call('HSET', LINE, 'slots_epoch', epoch, 'slots_at', integer(taken))
  end
  local held = numbers_by_admission()
  for i = 7, #ARGV, 6 do
    local person = ARGV[i + 4] ~= '' and ARGV[i + 4] or nil
    local slot = { admission = ARGV[i + 1], since = tonumber(ARGV[i + 2]), appeared = ARGV[i + 3] == '1', person = person }
    -- Older knowledge may still know of joins that newer knowledge came too early for.
    local is_later = epoch == tonumber(line.slots_epoch) and slot.since > tonumber(line.slots_at)
    local ends = tonumber(ARGV[i + 5])
    if ends > now and (news or is_later) then
      restore_slot(ARGV[i], slot, math.max(ends, now + policy.claim_ms), policy, held)
    end
  end
end

if is_news('waiting') then give_back_waiting() end
if policy then give_back_slots() end
for _, number in ipairs(redis.call('ZRANGE', ACTIVE, 0, -1)) do redis.call('SETBIT', WAITING, number, 0) end
keep(WAITING, policy)
return 1
