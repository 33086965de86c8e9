-- One process renews its row of one deployment and gets its lease: the rule of `grant.rs`.
-- KEYS[1]: the rows, a hash of process -> "time, 5 x allowed, 5 x used, seconds" (milliseconds; "*" is endless).
-- ARGV: process, kept ms, alive ms, channel, message that asks to give back ("" for none), seconds ("" for none),
--       5 x limit, 5 x used, 5 x wanted.
-- Answer: 5 x allowed, 5 x used by others, 5 x the most that could have been allowed, processes, their mean seconds ("-"), 1 if there was a row of this process.
local function number(text)
  if text == '*' then return math.huge end
  return tonumber(text)
end
local function text(value)
  if value == math.huge then return '*' end
  return string.format('%.0f', value)
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local process, kept, alive = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local held, used = {0, 0, 0, 0, 0}, {0, 0, 0, 0, 0}
local processes, seconds, told, spare, known = 1, 0, 0, false, 0
local rows = redis.call('HGETALL', KEYS[1])
for at = 1, #rows, 2 do
  if rows[at] == process then
    known = 1
  else
    local word = {}
    for part in string.gmatch(rows[at + 1], '%S+') do word[#word + 1] = part end
    local age = now - tonumber(word[1])
    if age >= kept or age <= -kept then
      redis.call('HDEL', KEYS[1], rows[at])
    else
      local lives = age < alive
      for place = 1, 5 do
        if place < 5 or lives then
          local own, spent = number(word[1 + place]), number(word[6 + place])
          held[place] = held[place] + own
          used[place] = used[place] + spent
          if lives and own > spent then spare = true end
        end
      end
      if lives then
        processes = processes + 1
        if word[12] then
          seconds = seconds + tonumber(word[12])
          told = told + 1
        end
      end
    end
  end
end
local allowed, row, out, idle, short = {}, {text(now)}, {}, true, false
for place = 1, 5 do
  local limit, own, want = number(ARGV[6 + place]), number(ARGV[11 + place]), number(ARGV[16 + place])
  local left = limit
  if limit ~= math.huge then left = math.max(0, limit - held[place]) end
  allowed[place] = math.max(math.min(want, left), own)
  if own > 0 or want > 0 then idle = false end
  if allowed[place] < want then short = true end
  row[1 + place], row[6 + place] = text(allowed[place]), ARGV[11 + place]
  out[place], out[5 + place], out[10 + place] = text(allowed[place]), text(used[place]), text(left)
end
if ARGV[6] ~= '' then row[12] = ARGV[6] end
if idle then
  redis.call('HDEL', KEYS[1], process)
else
  redis.call('HSET', KEYS[1], process, table.concat(row, ' '))
  redis.call('PEXPIRE', KEYS[1], kept)
end
-- Who may not publish has its lease all the same.
if short and spare and ARGV[5] ~= '' then redis.pcall('PUBLISH', ARGV[4], ARGV[5]) end
out[16], out[17] = text(processes), '-'
if told > 0 then out[17] = string.format('%.17g', seconds / told) end
out[18] = known
return table.concat(out, ' ')
