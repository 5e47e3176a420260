-- Everything a replica needs to answer polls from memory.

local line = fields(LINE, { 'epoch', 'run', 'reserved', 'resumes_at', 'backlog', 'backlog_since', 'admitted' })
if not line.epoch then return { integer(now) } end

local first = redis.call('BITPOS', WAITING, 1)
local from = first < 0 and 0 or math.floor(first / 8)
local waiting = first < 0 and '' or redis.call('GETRANGE', WAITING, from, -1)
return {
  integer(now), line.epoch, line.run == this_run() and '0' or '1', redis.call('GET', SEQ) or '0', line.reserved,
  redis.call('GET', SERVING) or '0', line.resumes_at,
  line.backlog == '1' and line.backlog_since or '0',
  integer(from), waiting,
  redis.call('ZRANGE', ACTIVE, 0, -1, 'WITHSCORES'), redis.call('HGETALL', SLOTS),
  redis.call('HGETALL', PACE), redis.call('HGETALL', POLICY), line.admitted or '0',
}
