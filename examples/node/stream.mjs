// An answer while it is made; then one that breaks off, and one that is enough after three chunks. No key and no
// network: the deployments are mocks.
//
//   npm install llmrouter && node stream.mjs

import { Router, RouterError } from 'llmrouter';

const router = Router.fromYaml(`
model_list:
  - model_name: gpt-4
    litellm_params: {model: openai/gpt-4, mock_response: "Hello, one piece at a time!"}
    model_info: {id: steady}
  - model_name: broken
    litellm_params: {model: openai/gpt-4, mock_response: "Exception: mock_streaming_error, Hello"}
    model_info: {id: shaky}
`);
const messages = [{ role: 'user', content: 'Hi' }];

const stream = await router.stream({ model: 'gpt-4', messages });
for await (const { choices } of stream) process.stdout.write(choices[0]?.delta.content ?? '');
console.log(`\n    by ${stream.metadata.deployment}, ${stream.metadata.usage?.total_tokens} tokens`);

const broken = await router.stream({ model: 'broken', messages });
try {
  for await (const { choices } of broken) process.stdout.write(choices[0]?.delta.content ?? '');
} catch (error) {
  if (!(error instanceof RouterError)) throw error;
  console.log(`\n    broke off: ${error.type}, status ${error.status}`);
}

const enough = await router.stream({ model: 'gpt-4', messages });
let count = 0;
// Leaving the loop closes the connection.
for await (const _ of enough) if (++count === 3) break;
console.log(`${enough.text}\n    enough after ${count} chunks`);
await router.close();
