-- Writes what Postgres decided onto locks of one hold, and their new life.
-- KEYS: the locks. ARGV: hold, status, life in milliseconds, then one fencing token per
-- lock or none at all.
-- Returns how many of the locks belong to the hold.
local marked = 0
for i, key in ipairs(KEYS) do
  if redis.call('HGET', key, 'hold') == ARGV[1] then
    redis.call('HSET', key, 'status', ARGV[2])
    if ARGV[3 + i] then
      redis.call('HSET', key, 'token', ARGV[3 + i])
    end
    redis.call('PEXPIRE', key, ARGV[3])
    marked = marked + 1
  end
end
return marked
