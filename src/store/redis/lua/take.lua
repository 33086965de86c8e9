-- Takes room in the sliding minute of a deployment, all of it or nothing.
-- KEYS[1]: seconds, a hash of second -> 4 amounts. ARGV: 4 x more, 4 x limit ("*" is none).
-- Answer: 1 and the second where it was taken; or 0 and the ms until there is room, -1 if there never is.
-- A second counts until every minute that it has a part in is over: 61 of them are looked at.
local function number(text)
  if text == '*' then return math.huge end
  return tonumber(text)
end
local time = redis.call('TIME')
local second = tonumber(time[1])
local now = second * 1000 + math.floor(time[2] / 1000)
local all = redis.call('HGETALL', KEYS[1])
local places, taken, over = {}, {}, {}
for amount = 1, 4 do over[amount] = number(ARGV[amount]) - number(ARGV[4 + amount]) end
for at = 1, #all, 2 do
  local place = tonumber(all[at])
  -- What lies far ahead was counted before the clock was set back.
  if place < second - 60 or place > second + 60 then
    redis.call('HDEL', KEYS[1], all[at])
  else
    local amounts = {}
    for part in string.gmatch(all[at + 1], '%S+') do amounts[#amounts + 1] = tonumber(part) end
    places[#places + 1] = place
    taken[place] = amounts
  end
end
local function fits()
  for amount = 1, 4 do
    if over[amount] > 0 then return false end
  end
  return true
end
if not fits() then return {0, -1} end
for _, place in ipairs(places) do
  for amount = 1, 4 do over[amount] = over[amount] + taken[place][amount] end
end
if not fits() then
  table.sort(places)
  for _, place in ipairs(places) do
    for amount = 1, 4 do over[amount] = over[amount] - taken[place][amount] end
    if fits() then return {0, (place + 61) * 1000 - now} end
  end
end
local own = taken[second] or {0, 0, 0, 0}
for amount = 1, 4 do own[amount] = string.format('%.0f', own[amount] + number(ARGV[amount])) end
redis.call('HSET', KEYS[1], time[1], table.concat(own, ' '))
redis.call('PEXPIRE', KEYS[1], 62000)
return {1, second}
