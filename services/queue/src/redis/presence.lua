-- One batch of signs of life that a replica has collected.
--
-- ARGV: 1 width of the bitmaps in ms, 2 how many of the line, then number and duration of
-- presence of each (0 for a visitor, who lives but is never called), then the numbers of
-- people inside.

local policy = read_policy()
if redis.call('EXISTS', LINE) == 0 or not policy then return 0 end

local width, waiting = tonumber(ARGV[1]), tonumber(ARGV[2])
local callable = false
for i = 0, waiting - 1 do
  local number, duration = ARGV[3 + 2 * i], tonumber(ARGV[4 + 2 * i])
  mark_alive(number, policy, width)
  if duration > 0 then
    mark(PRESENT, number, math.min(duration, LONGEST_PRESENCE), width)
    callable = true
  end
end
if callable and redis.call('HGET', LINE, 'backlog') ~= '1' then
  redis.call('HSET', LINE, 'backlog', '1', 'backlog_since', integer(now))
end
for i = 3 + 2 * waiting, #ARGV do extend(ARGV[i], policy) end
return 1
