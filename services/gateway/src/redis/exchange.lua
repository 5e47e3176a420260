-- Writes down what one gateway has counted, and returns what the others have. May run twice,
-- and late: a count only ever grows.
-- KEYS     one hash per client (field = sub-window:gateway, value = requests there)
-- ARGV[1]  life of a hash in seconds, ARGV[2] oldest sub-window that counts, ARGV[3] the gateway,
--          then per client: number of values that follow, and pairs (sub-window, requests so far)
-- Returns per client a flat list of pairs (sub-window, requests on one of the other gateways).
local life, oldest, gateway = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local at = 4
local answer = {}
for client, key in ipairs(KEYS) do
  local last = at + tonumber(ARGV[at])
  for pair = at + 1, last, 2 do
    local field = ARGV[pair] .. ':' .. gateway
    if tonumber(ARGV[pair + 1]) > tonumber(redis.call('HGET', key, field) or '0') then
      redis.call('HSET', key, field, ARGV[pair + 1])
    end
  end
  at = last + 1
  redis.call('EXPIRE', key, life)
  local counts, others = redis.call('HGETALL', key), {}
  for field = 1, #counts, 2 do
    local window, by = string.match(counts[field], '^(%d+):(.*)$')
    if not window or tonumber(window) < oldest then
      redis.call('HDEL', key, counts[field])
    elseif by ~= gateway then
      others[#others + 1] = tonumber(window)
      others[#others + 1] = tonumber(counts[field + 1])
    end
  end
  answer[client] = others
end
return answer
