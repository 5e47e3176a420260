-- Ends the line and every stay inside. ARGV: 1 number of buckets. Numbers go on from where
-- they are, and no receipt from before stands for a place.

local policy = read_policy()
if redis.call('EXISTS', LINE) == 0 then return 0 end
for _, number in ipairs(redis.call('ZRANGE', ACTIVE, 0, -1)) do end_slot(number, policy) end
local last = redis.call('GET', SEQ) or '0'
redis.call('SET', SERVING, last, 'KEEPTTL')
redis.call('DEL', WAITING)
redis.call('SETBIT', WAITING, 0, 0)
redis.call('HSET', LINE, 'trusted_to', last, 'backlog', '0')
keep(WAITING, policy)
for bucket = 0, tonumber(ARGV[1]) - 1 do redis.call('UNLINK', QUEUE .. ':' .. bucket) end
return 1
