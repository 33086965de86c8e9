// The same question three times: asked, answered from the cache, and asked anew; who answered, and what it cost.
//
//   npm install llmrouter && node caching.mjs ../config/caching.yaml

import { Router } from 'llmrouter';

const router = Router.fromFile(process.argv[2] ?? 'examples/config/caching.yaml');
const request = { model: 'gpt-4', messages: [{ role: 'user', content: 'Hi' }] };

async function ask(title, more) {
  const { metadata } = await router.completion({ ...request, ...more });
  const how = metadata.cache_hit ? 'kept from' : 'asked';
  console.log(`${title.padEnd(16)} ${how.padEnd(10)} ${metadata.deployment}  $${(metadata.cost ?? 0).toFixed(4)}`);
}

await ask('the first time');
await ask('the same again');
await ask('with no-cache', { cache: { 'no-cache': true } });

const { entries, hits } = router.snapshot().cache;
console.log(`${entries} answer kept, ${hits} hit`);
await router.close();
