-- Deletes those of the locks that belong to one hold; returns how many.
-- KEYS: the locks. ARGV: hold.
local released = 0
for _, key in ipairs(KEYS) do
  if redis.call('HGET', key, 'hold') == ARGV[1] then
    released = released + redis.call('DEL', key)
  end
end
return released
