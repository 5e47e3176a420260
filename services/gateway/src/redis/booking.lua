-- Exact sliding window: at most LIMIT accepted requests in any trailing WINDOW.
-- KEYS[1] log of one client's accepted requests (sorted set, score = time in ms)
-- ARGV[1] window in ms, ARGV[2] limit, ARGV[3] id of this request
-- Returns 1 if the request is accepted.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window = tonumber(ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
  return 0
end
redis.call('ZADD', KEYS[1], now, now .. ':' .. ARGV[3])
redis.call('PEXPIRE', KEYS[1], window + 1000)
return 1
