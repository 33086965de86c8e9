-- Puts what was used in the place of what was taken, if that still counts.
-- KEYS[1]: as for take.lua. ARGV: the second, 4 x taken, 4 x used.
local second = tonumber(redis.call('TIME')[1])
if tonumber(ARGV[1]) < second - 60 then return 0 end
local amounts = {0, 0, 0, 0}
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known then
  amounts = {}
  for part in string.gmatch(known, '%S+') do amounts[#amounts + 1] = tonumber(part) end
end
for amount = 1, 4 do
  local now = amounts[amount] - tonumber(ARGV[1 + amount]) + tonumber(ARGV[5 + amount])
  amounts[amount] = string.format('%.0f', math.max(0, now))
end
redis.call('HSET', KEYS[1], ARGV[1], table.concat(amounts, ' '))
redis.call('PEXPIRE', KEYS[1], 62000)
return 1
