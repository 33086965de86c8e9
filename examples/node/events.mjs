// A custom callback: one line for each attempt and each call, when it has ended.
//
//   npm install llmrouter && node events.mjs ../config/events.yaml

import { Router, RouterError } from 'llmrouter';

const router = Router.fromFile(process.argv[2] ?? 'examples/config/events.yaml');

router.setEventListener((event) => {
  const { deployment, model_group: group, attempt, error_information: error, phases } = event;
  const how = error === null ? `answered, ${event.total_tokens} tokens, $${event.response_cost?.toFixed(4)}` : error.error_class;
  const what = event.event === 'attempt' ? `attempt ${attempt} at ${deployment} of ${group}` : `call of ${event.requested_model}`;
  console.log(`${event.level.padEnd(5)} ${what}: ${how}, ${phases.total_ms.toFixed(1)} ms`);
});

for (const model of ['gpt-4', 'gpt-4-turbo', 'gpt-4o']) {
  try {
    await router.completion({ model, messages: [{ role: 'user', content: 'Hi' }] });
  } catch (error) {
    if (!(error instanceof RouterError)) throw error;
  }
}
// Resolves when the listener has heard the last event.
await router.close();
