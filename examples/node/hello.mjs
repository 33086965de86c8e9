// One question, one answer, and who gave it. No key and no network: the deployment is a mock.
//
//   npm install llmrouter && node hello.mjs

import { Router } from 'llmrouter';

const router = Router.fromYaml(`
model_list:
  - model_name: gpt-4
    litellm_params: {model: openai/gpt-4, mock_response: Hello from a deployment!}
    model_info: {id: my-first-deployment}
`);

const answer = await router.completion({ model: 'gpt-4', messages: [{ role: 'user', content: 'Hi' }] });
console.log(answer.text);
console.log(JSON.stringify(answer.metadata));
