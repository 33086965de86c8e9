-- Adds to a budget; its period begins with the first spending.
-- KEYS[1]: the sum. ARGV: what is added, the period in ms. Answer: the sum as text, ms left (negative: no period runs).
if ARGV[1] ~= '0' then
  redis.call('INCRBY', KEYS[1], ARGV[1])
  if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
end
return {redis.call('GET', KEYS[1]) or '0', redis.call('PTTL', KEYS[1])}
