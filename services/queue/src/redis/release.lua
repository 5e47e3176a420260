-- Gives a lease back, if it is still the caller's. ARGV: 1 owner.

local LEASE = 'admission:lock:' .. TAG
if redis.call('GET', LEASE) == ARGV[1] then return redis.call('DEL', LEASE) end
return 0
