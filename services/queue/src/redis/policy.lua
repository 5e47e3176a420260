-- Puts a policy in force, unless a newer one is. ARGV: 1 revision, then fields and values.

local current = tonumber(redis.call('HGET', POLICY, 'revision') or '0')
if current > tonumber(ARGV[1]) then return 0 end
redis.call('DEL', POLICY)
redis.call('HSET', POLICY, 'revision', unpack(ARGV))
keep(POLICY, read_policy())
return 1
