-- One batch of signs of life that a replica has collected.
--
-- ARGV: 1 width of the bitmaps in ms, 2 how many of the line, then number and duration of
-- presence of each (0 for a visitor, who lives but is never called), then number and person
-- of everybody inside.

local policy = read_policy()
if redis.call('EXISTS', LINE) == 0 or not policy then return 0 end

local width, waiting = tonumber(ARGV[1]), tonumber(ARGV[2])
local alive, alive_expires_at = bitmap(ALIVE, life(policy), width)
-- Few durations occur in a batch, so their bitmaps are worked out once: key and expiry.
local present, told = {}, LONGEST_POLL
for i = 3, 1 + 2 * waiting, 2 do
  local number, duration = ARGV[i], ARGV[i + 1]
  redis.call('SETBIT', alive, number, 1)
  if duration ~= '0' then
    local marked = present[duration]
    if not marked then
      told = math.min(told, told_for(tonumber(duration)))
      marked = { bitmap(PRESENT, math.min(tonumber(duration), LONGEST_PRESENCE), width) }
      present[duration] = marked
    end
    redis.call('SETBIT', marked[1], number, 1)
  end
end
if waiting > 0 then redis.call('PEXPIREAT', alive, alive_expires_at) end
for _, marked in pairs(present) do redis.call('PEXPIREAT', marked[1], marked[2]) end
hear(told, fields(LINE, { 'heard_at', 'told', 'told_at' }), policy)
local callable = next(present) ~= nil
if callable and redis.call('HGET', LINE, 'backlog') ~= '1' then
  redis.call('HSET', LINE, 'backlog', '1', 'backlog_since', integer(now))
end
for i = 3 + 2 * waiting, #ARGV, 2 do extend(ARGV[i], policy, ARGV[i + 1]) end
return 1
