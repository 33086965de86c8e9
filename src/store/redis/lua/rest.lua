-- Lets things rest, and tells it. An end only ever moves away.
-- KEYS[1]: what rests, a hash of thing -> "end cause" (milliseconds of the server's clock).
-- ARGV: channel, then for each thing: what, ms from now, cause, message.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local grown = {}
for at = 2, #ARGV, 4 do
  local what, left = ARGV[at], tonumber(ARGV[at + 1])
  local known = redis.call('HGET', KEYS[1], what)
  if not known or tonumber(string.match(known, '^%d+')) < now + left then
    redis.call('HSET', KEYS[1], what, string.format('%.0f %s', now + left, ARGV[at + 2]))
    if redis.call('PTTL', KEYS[1]) < left then redis.call('PEXPIRE', KEYS[1], ARGV[at + 1]) end
    grown[#grown + 1] = ARGV[at + 3]
  end
end
for _, message in ipairs(grown) do redis.call('PUBLISH', ARGV[1], message) end
return #grown
