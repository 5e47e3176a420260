-- Ends a person's place: the one in the line, the slot inside, or both.
--
-- ARGV: 1 person, 2 bucket, 3 a number that is known to be the person's own, by a receipt or
-- from Postgres, or 0, 4 `slot` to end only a slot inside. Returns whether there was
-- something to end, and nothing where the line is not there.

if redis.call('EXISTS', LINE) == 0 then return false end
local bucket = QUEUE .. ':' .. ARGV[2]
local indexed = redis.call('HGET', bucket, ARGV[1])
local policy = read_policy()
local only_slot = ARGV[4] == 'slot'
local person = hex(ARGV[1])
local ended = 0

local function finish(number)
  local slot = read_slot(number)
  if slot and slot.person and slot.person ~= person then return end
  if redis.call('ZSCORE', ACTIVE, number) then
    end_slot(number, policy)
    ended = 1
  end
  if not only_slot and redis.call('SETBIT', WAITING, number, 0) == 1 then ended = 1 end
end

if indexed then finish(indexed) end
if ARGV[3] ~= '0' and ARGV[3] ~= indexed then finish(ARGV[3]) end
if indexed and ended == 1 then redis.call('HDEL', bucket, ARGV[1]) end
if not only_slot then keep(WAITING, policy) end
return ended
