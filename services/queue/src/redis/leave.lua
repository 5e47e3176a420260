-- Ends a person's place: the one in the line, the slot inside, or both.
--
-- ARGV: 1 person, 2 bucket, 3 number of the person's own receipt or 0, 4 `slot` to end only
-- a slot inside. Returns whether there was something to end.

local bucket = QUEUE .. ':' .. ARGV[2]
local indexed = redis.call('HGET', bucket, ARGV[1])
local policy = read_policy()
local only_slot = ARGV[4] == 'slot'
local ended = 0

local function finish(number)
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
