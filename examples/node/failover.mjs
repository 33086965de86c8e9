// What happens when deployments fail: who was tried, why it failed, who answered.
//
//   npm install llmrouter && node failover.mjs ../config/failover.yaml

import { Router, RouterError } from 'llmrouter';

const router = Router.fromFile(process.argv[2] ?? 'examples/config/failover.yaml');

/** One line for each attempt, from the metadata. */
function showAttempts({ attempts, overhead_ms: overhead }) {
  for (const { deployment, model_group: group, error } of attempts) {
    console.log(`    ${String(deployment).padEnd(12)} of ${group.padEnd(12)} ${error ?? 'answered'}`);
  }
  console.log(`    router's own time: ${overhead} ms`);
}

async function ask(title, model) {
  console.log(title);
  try {
    const answer = await router.completion({ model, messages: [{ role: 'user', content: 'Hi' }] });
    showAttempts(answer.metadata);
  } catch (error) {
    if (!(error instanceof RouterError)) throw error;
    console.log(`    failed: ${error.type}: ${error.message}`);
    process.exitCode = 1;
  }
}

await ask('gpt-4, whose first deployment is dead: retried on the next one', 'gpt-4');
await ask('gpt-4-turbo, whose only deployment is overloaded: falls back to gpt-4', 'gpt-4-turbo');
await router.close();
