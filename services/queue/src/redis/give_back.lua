-- After a loss, a replica gives back what it knew: who was waiting and who was inside.
--
-- ARGV: 1 epoch it knew, 2 last number it knew, 3 first byte and 4 bytes of its bitmap of
-- waiting numbers, then number, admission, since, appeared and end of everybody inside.
-- Accepted until people may enter again, since after that it would undo admissions.

local line = fields(LINE, { 'epoch', 'base', 'resumes_at', 'trusted_to' })
if not line.epoch or tonumber(line.epoch) <= tonumber(ARGV[1]) then return 0 end
if now >= tonumber(line.resumes_at) then return 0 end

local policy = read_policy()
local known_to = math.min(tonumber(ARGV[2]), tonumber(line.base))
if ARGV[4] ~= '' then
  redis.call('SETRANGE', CALLABLE, ARGV[3], ARGV[4])
  redis.call('BITOP', 'OR', WAITING, WAITING, CALLABLE)
  redis.call('DEL', CALLABLE)
end
for i = 5, #ARGV, 5 do
  local ends = tonumber(ARGV[i + 4])
  if ends > now and not redis.call('ZSCORE', ACTIVE, ARGV[i]) then
    write_slot(ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), ARGV[i + 3] == '1', ends, policy)
  end
end
for _, number in ipairs(redis.call('ZRANGE', ACTIVE, 0, -1)) do redis.call('SETBIT', WAITING, number, 0) end
redis.call('HSET', LINE, 'trusted_to', integer(math.max(known_to, tonumber(line.trusted_to))))
keep(WAITING, policy)
return 1
