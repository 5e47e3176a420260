-- Tells the line how far numbers are reserved. ARGV: 1 epoch, 2 number reserved to.

if redis.call('HGET', LINE, 'epoch') ~= ARGV[1] then return 0 end
if tonumber(redis.call('HGET', LINE, 'reserved')) < tonumber(ARGV[2]) then
  redis.call('HSET', LINE, 'reserved', ARGV[2])
end
return 1
