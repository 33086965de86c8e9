-- What rests now: thing, ms left, cause, and so on. What has ended is forgotten.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local out = {}
local all = redis.call('HGETALL', KEYS[1])
for at = 1, #all, 2 do
  local ends, cause = string.match(all[at + 1], '^(%d+) (.*)$')
  local left = tonumber(ends) - now
  if left > 0 then
    out[#out + 1], out[#out + 2], out[#out + 3] = all[at], string.format('%.0f', left), cause
  else
    redis.call('HDEL', KEYS[1], all[at])
  end
end
return out
