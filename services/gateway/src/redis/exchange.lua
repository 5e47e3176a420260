-- Adds one gateway's counts to the shared ones and returns the shared ones.
-- KEYS     one hash per client (field = sub-window, value = requests on all gateways)
-- ARGV[1]  life of a hash in seconds, ARGV[2] oldest sub-window that counts,
--          then per client: number of values that follow, and pairs (sub-window, requests to add)
-- Returns per client a flat list of pairs (sub-window, requests).
local life, oldest = tonumber(ARGV[1]), tonumber(ARGV[2])
local at = 3
local answer = {}
for client, key in ipairs(KEYS) do
  local last = at + tonumber(ARGV[at])
  for pair = at + 1, last, 2 do
    redis.call('HINCRBY', key, ARGV[pair], ARGV[pair + 1])
  end
  at = last + 1
  redis.call('EXPIRE', key, life)
  local counts, live = redis.call('HGETALL', key), {}
  for field = 1, #counts, 2 do
    if tonumber(counts[field]) < oldest then
      redis.call('HDEL', key, counts[field])
    else
      live[#live + 1] = tonumber(counts[field])
      live[#live + 1] = tonumber(counts[field + 1])
    end
  end
  answer[client] = live
end
return answer
