-- Writes a cooldown where LiteLLM looks for it, unless one that lasts longer is there.
-- KEYS[1]: LiteLLM's key. ARGV: seconds, value.
if redis.call('PTTL', KEYS[1]) < ARGV[1] * 1000 then redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[1]) end
return 1
