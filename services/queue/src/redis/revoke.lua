-- Puts back the admissions that had ended before a loss. ARGV: end of its tokens in s and
-- admission, by turns.

local longest = redis.call('TTL', REVOKED)
for i = 1, #ARGV, 2 do
  redis.call('ZADD', REVOKED, ARGV[i], ARGV[i + 1])
  longest = math.max(longest, tonumber(ARGV[i]) - tonumber(clock[1]) + 60)
end
redis.call('EXPIRE', REVOKED, longest)
return 1
