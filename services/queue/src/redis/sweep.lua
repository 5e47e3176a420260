-- Takes those out of the line who gave no sign of life for the policy's `absent_ms`, and
-- renews the life of the keys while anybody is heard of. ARGV: 1 width of the bitmaps in ms. Returns how many were
-- taken out.

local line = fields(LINE, { 'epoch', 'watched_since', 'heard_at', 'told' })
local policy = read_policy()
if not line.epoch or not policy then return 0 end

if is_silent(line) then return 0 end
for _, key in ipairs({ LINE, SEQ, SERVING, POLICY, WAITING, RESTORED, VISITED, ACTIVE, SLOTS }) do keep(key, policy) end

local gone = 0
-- After an outage nobody could give a sign of life; everybody gets the whole time again.
if now - tonumber(line.watched_since or integer(now)) >= policy.absent_ms then
  local before = redis.call('BITCOUNT', WAITING)
  unite(CALLABLE, ALIVE, LONGEST_ABSENCE, tonumber(ARGV[1]))
  redis.call('BITOP', 'AND', WAITING, WAITING, CALLABLE)
  redis.call('DEL', CALLABLE)
  keep(WAITING, policy)
  gone = before - redis.call('BITCOUNT', WAITING)
end
return gone
