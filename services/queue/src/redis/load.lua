-- Lays a line out in Redis, if nobody has done so yet.
--
-- ARGV: 1 epoch, 2 number after which the new ones begin, 3 number reserved to, 4 highest
-- number called, 5 ms before anybody may enter, 6 epoch that shall be replaced or 0, then
-- number, admission and `1` if they had appeared of everybody inside.
-- The policy must be there before, so that those inside get their time.

local epoch = redis.call('HGET', LINE, 'epoch')
if epoch and tonumber(epoch) ~= tonumber(ARGV[6]) then return 0 end

local policy = read_policy()
local base = tonumber(ARGV[2])
local last = math.max(base, tonumber(redis.call('GET', SEQ) or '0'))
redis.call('SET', SEQ, integer(last))
redis.call('SET', SERVING, integer(math.max(tonumber(ARGV[4]), tonumber(redis.call('GET', SERVING) or '0'))))
redis.call('SETBIT', WAITING, 0, 0)
redis.call('HSET', LINE, 'epoch', ARGV[1], 'base', integer(last), 'trusted_to', 0,
  'reserved', integer(math.max(last, tonumber(ARGV[3]))), 'loaded_at', integer(now),
  'resumes_at', integer(now + tonumber(ARGV[5])), 'refilled_at', integer(now),
  'tokens', integer(policy and policy.rate * 1000 or 0), 'backlog', '0',
  'watched_at', integer(now), 'watched_since', integer(now),
  'heard_at', integer(now), 'told', LONGEST_POLL, 'told_at', integer(now))
for _, key in ipairs({ LINE, SEQ, SERVING, WAITING }) do keep(key, policy) end
if policy then
  for i = 7, #ARGV, 3 do
    local appeared = ARGV[i + 2] == '1'
    local ends = now + (appeared and policy.active_ms or policy.claim_ms)
    write_slot(ARGV[i], ARGV[i + 1], now, appeared, ends, policy)
    redis.call('SETBIT', WAITING, ARGV[i], 0)
  end
end
return 1
