-- Takes the locks of all seats of one hold, or none of them.
-- KEYS: the locks. ARGV: hold, user, life in milliseconds.
-- Returns {1} when taken. Otherwise {0, user, milliseconds since it was taken} of a lock
-- that is held: one of another user where there is one.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local own = nil
for _, key in ipairs(KEYS) do
  local lock = redis.call('HMGET', key, 'hold', 'userId', 'heldAt')
  if lock[1] and lock[1] ~= ARGV[1] then
    local age = now - tonumber(lock[3] or now)
    if lock[2] ~= ARGV[2] then
      return {0, lock[2] or '', age}
    end
    own = own or age
  end
end
if own then
  return {0, ARGV[2], own}
end
for _, key in ipairs(KEYS) do
  redis.call('HSET', key, 'status', 'HELD', 'hold', ARGV[1], 'userId', ARGV[2], 'heldAt', now)
  redis.call('PEXPIRE', key, ARGV[3])
end
return {1}
